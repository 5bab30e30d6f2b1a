"""GAN-CLS and StackGAN in PyTorch, as published, in float64, with the weights of ours."""

import copy

import torch

import minigrad as mg

T, F = torch.nn, torch.nn.functional


class _Residual(T.Module):
    def __init__(self, layers):
        super().__init__()
        self.layers = layers

    def forward(self, x):
        return torch.relu(x + self.layers(x))


def _layer(layer):
    name = type(layer).__name__
    if name in ("Conv2d", "ConvTranspose2d"):
        shape = (layer.in_channels, layer.out_channels, layer.kernel_size)
        bias = layer.bias is not None
        return getattr(T, name)(*shape, stride=layer.stride, padding=layer.padding, bias=bias)
    if name in ("BatchNorm2d", "BatchNorm1d"):
        return getattr(T, name)(len(layer.weight))
    if name == "Linear":
        return T.Linear(layer.weight.shape[1], layer.weight.shape[0], bias=layer.bias is not None)
    if name == "Residual":
        return _Residual(sequence(layer.layers))
    if name == "Unflatten":
        return T.Unflatten(1, layer.options["unflattened_size"])
    return {
        "LeakyReLU": T.LeakyReLU(0.2), "ReLU": T.ReLU(), "Tanh": T.Tanh(), "Flatten": T.Flatten(),
        "Upsample": T.Upsample(scale_factor=2, mode="nearest"),
    }[name]  # fmt: skip


def sequence(network):
    """The layers of one of our Sequentials in PyTorch, with their weights, in float64."""
    twin = T.Sequential(*[_layer(layer) for layer in network]).double()
    with torch.no_grad():
        for theirs, ours in zip(twin.parameters(), network.parameters(), strict=True):
            theirs.copy_(torch.tensor(ours.detach().numpy()))
    return twin


def up(logits):
    """-log D."""
    return F.softplus(-logits).mean()


def down(logits):
    """-log(1 - D)."""
    return F.softplus(logits).mean()


def adam(parts, lr=2e-4):
    return torch.optim.Adam([p for part in parts for p in part.parameters()], lr=lr, betas=(0.5, 0.999))


def improve(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


class TextDiscriminator:
    """D of both: convolutions, the sentence at each of 4 x 4 places, 1x1 convolution."""

    def __init__(self, ours):
        self.parts = [sequence(part) for part in (ours.phi, ours.body, ours.joint)]

    def __call__(self, pictures, text):
        phi = self.parts[0](text)[:, :, None, None].expand(-1, -1, 4, 4)
        return self.parts[2](torch.cat([self.parts[1](pictures), phi], 1))


class GanCls:
    """Reed et al. 2016, algorithm 1, with the four variants, and the style encoder."""

    def __init__(self, game):
        self.variant = game.settings.variant
        G, S = game.G, game.S
        self.G = [sequence(part) for part in (G.phi, G.pictures.layers)]
        self.D = TextDiscriminator(game.D)
        self.S = [sequence(part) for part in (S.body, S.head)]
        rates = ((self.G, 2e-4), (self.D.parts, 5e-4), (self.S, 5e-4))
        self.adams, self.steps = [adam(parts, lr) for parts, lr in rates], 0

    def generate(self, noise, text):
        return self.G[1](torch.cat([noise, self.G[0](text)], 1)[:, :, None, None])

    def step(self, real, text, noise):
        fake = self.generate(noise, text)
        d_loss = up(self.D(real, text))
        if "cls" in self.variant:
            d_loss = d_loss + 0.5 * down(self.D(fake.detach(), text)) + 0.5 * down(self.D(real, text.roll(-1, 0)))
        else:
            d_loss = d_loss + down(self.D(fake.detach(), text))
        improve(self.adams[1], d_loss)
        g_loss = up(self.D(fake, text))
        if "int" in self.variant:
            mixed = (text + text.roll(-1, 0)) / 2
            g_loss = g_loss + up(self.D(self.generate(noise, mixed), mixed))
        improve(self.adams[0], g_loss)
        found = {"d_loss": d_loss.item(), "g_loss": g_loss.item()}
        if self.steps % 4 == 0:  # the style encoder learns in every fourth step
            style = ((self.S[1](self.S[0](fake.detach())) - noise) ** 2).mean()
            improve(self.adams[2], style)
            found["style"] = style.item()
        self.steps += 1
        return found


class StackGan:
    """Zhang et al. 2017: Stage I for `first_steps` steps, then Stage II on what Stage I's average draws."""

    def __init__(self, game):
        self.first_steps, self.kl = game.settings.first_steps, game.settings.kl
        one, two = game.G.first, game.G.second
        self.one = {name: sequence(part) for name, part in (("entry", one.entry), ("pictures", one.pictures))}
        self.two = {name: sequence(getattr(two, name)) for name in ("reading", "joining", "pictures")}
        for networks, ours in ((self.one, one), (self.two, two)):
            networks["augmentation"] = sequence(mg.nn.Sequential(ours.augmentation.layer))
        self.average = copy.deepcopy(self.one)
        self.D = [TextDiscriminator(stage.D) for stage in (game.first, game.second)]
        self.g_adams = [adam(networks.values()) for networks in (self.one, self.two)]
        self.d_adams = [adam(D.parts) for D in self.D]

    @staticmethod
    def condition(networks, text, noise):
        """(c, KL): c ~ N(mu, sigma^2), the KL by torch.distributions."""
        mu, log_variance = networks["augmentation"](text).chunk(2, 1)
        here = torch.distributions.Normal(mu, torch.exp(log_variance / 2))
        kl = torch.distributions.kl_divergence(here, torch.distributions.Normal(torch.zeros_like(mu), 1.0))
        return mu + here.stddev * noise, kl.mean()

    @staticmethod
    def draw_first(networks, z, condition):
        return networks["pictures"](networks["entry"](torch.cat([z, condition], 1)))

    def step(self, number, real, text, draws):
        """draws: the random numbers of this step, in their order."""
        if number < self.first_steps:
            z, noise = draws
            condition, kl = self.condition(self.one, text, noise)
            fake = self.draw_first(self.one, z, condition)
            found = self.improve(0, F.avg_pool2d(real, 4), text, fake, kl)
            self.follow(number)
            return found
        start, noise = draws
        with torch.no_grad():
            for part in self.average.values():
                part.eval()
            z, first_noise = start[:, : -2 * noise.shape[1]], start[:, -2 * noise.shape[1] : -noise.shape[1]]
            small = self.draw_first(self.average, z, self.condition(self.average, text, first_noise)[0])
        condition, kl = self.condition(self.two, text, noise)
        seen = self.two["reading"](small)
        places = condition[:, :, None, None].expand(-1, -1, *seen.shape[2:])
        fake = self.two["pictures"](self.two["joining"](torch.cat([seen, places], 1)))
        return self.improve(1, real, text, fake, kl)

    def improve(self, stage, real, text, fake, kl):
        D = self.D[stage]
        d_loss = up(D(real, text)) + 0.5 * down(D(fake.detach(), text)) + 0.5 * down(D(real, text.roll(-1, 0)))
        improve(self.d_adams[stage], d_loss)
        g_loss = up(D(fake, text))
        improve(self.g_adams[stage], g_loss + self.kl * kl)
        losses = {"d_loss": d_loss, "g_loss": g_loss, "kl": kl}
        return {f"{name}_{stage + 1}": loss.item() for name, loss in losses.items()}

    def follow(self, number):
        """The average of Stage I moves."""
        decay = min(0.99, (1 + number) / (10 + number))
        with torch.no_grad():
            for name, part in self.average.items():
                for own, value in zip(part.state_dict().values(), self.one[name].state_dict().values()):
                    if own.is_floating_point():
                        own.copy_(decay * own + (1 - decay) * value)
