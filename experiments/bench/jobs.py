"""The jobs, written once: minigrad's names are PyTorch's, so that one text runs in both.

Each function takes a `Library` and prepares a job; what it returns runs the job once. `lib.mg` is the library's
module, minigrad or torch; `lib.networks` its networks, minigrad's own or the same written in PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from types import ModuleType
from typing import Any

import numpy as np

from . import shapes

Job = Callable[[], object]


@dataclass(frozen=True)
class Library:
    """A library, its networks, how it wants modules and images to lie in memory, and what makes networks faster."""

    mg: Any
    networks: ModuleType
    place: Callable[[Any], Any] = lambda value: value
    compile: Callable[[Any], Any] = lambda network: network

    def network(self, network: Any) -> Any:
        """A network, or a function of images, as this library runs it best."""
        return self.compile(self.place(network))

    def image(self, *shape: int) -> Any:
        """Seeded normal numbers, (N, C, H, W)."""
        return self.place(self.mg.from_numpy(shapes.normal(*shape)))


# --------------------------------------------------------------------------------------- style transfer


class _Features:
    """A VGG's convolutions up to a layer, fixed, with what each gives after its ReLU."""

    def __init__(self, lib: Library, layers: list[int | str], pooling: str = "max") -> None:
        mg, self.layers = lib.mg, layers
        self.relu = mg.nn.functional.relu
        self.pool = mg.nn.functional.max_pool2d if pooling == "max" else mg.nn.functional.avg_pool2d
        self.convolutions = []
        for weight, bias in shapes.vgg_weights(layers):
            convolution = mg.nn.Conv2d(weight.shape[1], weight.shape[0], 3, padding=1)
            with mg.no_grad():
                convolution.weight.copy_(mg.from_numpy(weight))
                convolution.bias.copy_(mg.from_numpy(bias))
            self.convolutions.append(lib.place(convolution.requires_grad_(False)))
        self.found = lib.compile(self._found)

    def __call__(self, x: Any) -> list[Any]:
        return self.found(x)

    def _found(self, x: Any) -> list[Any]:
        found: list[Any] = []
        for layer in self.layers:
            if layer == "P":
                x = self.pool(x, 2)
            else:
                x = self.relu(self.convolutions[len(found)](x))
                found.append(x)
        return found


def _gram(features: Any) -> Any:
    """The Gram matrices of features (N, C, H, W), over C H W."""
    rows = features.flatten(2)
    return rows @ rows.transpose(1, 2) / float(rows[0].numel())


def gatys(lib: Library, size: int, pooling: str = "max", batch: int = 1) -> Job:
    """One evaluation of Gram losses on conv1_1 .. conv5_1 of VGG19 and their gradient to the image."""
    net, start = (
        _Features(lib, shapes.VGG19_TO_CONV5_1, pooling),
        lib.place(lib.mg.from_numpy(shapes.image(size, batch))),
    )

    def run() -> object:
        x = start.clone().requires_grad_()
        features = net(x)
        loss = sum((_gram(features[position]) ** 2).sum() for position in shapes.STYLE_CONVOLUTIONS)
        loss.backward()
        return x.grad

    return run


def fast_style_step(lib: Library, size: int, batch: int = 4) -> Job:
    """One training step of Johnson's transformation network against VGG16, forward, backward and Adam."""
    net = lib.network(lib.networks.TransformNet())
    adam = lib.mg.optim.Adam(net.parameters(), 1e-3)
    vgg, pictures = _Features(lib, shapes.VGG16_TO_CONV4_3), lib.image(batch, 3, size, size)
    style = [lib.mg.zeros(1, channels, channels) for channels in (64, 128, 256, 512)]

    def run() -> object:
        adam.zero_grad()
        with lib.mg.no_grad():
            content = vgg(pictures)[3]
        features = vgg(net(pictures))
        loss = ((features[3] - content) ** 2).mean()
        for position, target in zip((1, 3, 6, 9), style):  # relu1_2, relu2_2, relu3_3, relu4_3
            loss = loss + ((_gram(features[position]) - target) ** 2).sum()
        loss.backward()
        adam.step()
        return loss.item()

    return run


def fast_style_pass(lib: Library, size: int) -> Job:
    """The transformation network applied to one picture."""
    return _without_gradient(lib, lib.network(lib.networks.TransformNet()), lib.image(1, 3, size, size))


def _without_gradient(lib: Library, net: Any, x: Any) -> Job:
    def run() -> object:
        with lib.mg.no_grad():
            return net(x)

    return run


# ---------------------------------------------------------------------------- pictures from pictures


def pix2pix_step(lib: Library, size: int) -> Job:
    """One training step of pix2pix: U-Net and PatchGAN, cross-entropy and 100 L1, Adam on both, batch 1."""
    functional, ones, zeros = lib.mg.nn.functional, lib.mg.ones_like, lib.mg.zeros_like
    entropy = functional.binary_cross_entropy_with_logits
    generator = lib.network(lib.networks.UNet(halvings=size.bit_length() - 1))
    discriminator = lib.network(lib.networks.PatchDiscriminator(6))
    g_adam, d_adam = (
        lib.mg.optim.Adam(net.parameters(), 2e-4, betas=(0.5, 0.999)) for net in (generator, discriminator)
    )
    source, target = lib.image(1, 3, size, size), lib.image(1, 3, size, size)

    def run() -> object:
        fake = generator(source)
        d_adam.zero_grad()
        real_logits = discriminator(lib.mg.cat([source, target], 1))
        fake_logits = discriminator(lib.mg.cat([source, fake.detach()], 1))
        d_loss = (entropy(real_logits, ones(real_logits)) + entropy(fake_logits, zeros(fake_logits))) * 0.5
        d_loss.backward()
        d_adam.step()
        g_adam.zero_grad()
        fake_logits = discriminator(lib.mg.cat([source, fake], 1))
        g_loss = entropy(fake_logits, ones(fake_logits)) + 100.0 * functional.l1_loss(fake, target)
        g_loss.backward()
        g_adam.step()
        return g_loss.item()

    return run


def cyclegan_generator(lib: Library, size: int) -> Job:
    """CycleGAN's generator with 6 blocks, forward and backward, on one picture."""
    net, x = lib.network(lib.networks.ResNetGenerator(blocks=6)), lib.image(1, 3, size, size)

    def run() -> object:
        for parameter in net.parameters():
            parameter.grad = None
        loss = (net(x) ** 2).mean()
        loss.backward()
        return loss.item()

    return run


def srresnet_pass(lib: Library, size: int) -> Job:
    """SRResNet, 16 blocks of 64 channels, applied to one picture."""
    return _without_gradient(lib, lib.network(lib.networks.SRResNet()), lib.image(1, 3, size, size))


def srresnet_step(lib: Library, size: int, batch: int = 16) -> Job:
    """One training step of SRResNet on crops of `size` pixels, squared error, Adam."""
    net = lib.network(lib.networks.SRResNet())
    adam = lib.mg.optim.Adam(net.parameters(), 1e-4)
    small, large = lib.image(batch, 3, size // 4, size // 4), lib.image(batch, 3, size, size)

    def run() -> object:
        adam.zero_grad()
        loss = lib.mg.nn.functional.mse_loss(net(small), large)
        loss.backward()
        adam.step()
        return loss.item()

    return run


# ------------------------------------------------------------------------------------------------ GANs


def gan_step(lib: Library, net: str, batch: int = 128) -> Job:
    """One training step of document 000's GAN: forward, backward and Adam of both networks."""
    mg = lib.mg
    mg.manual_seed(0)
    discriminator, generator = (lib.network(made) for made in lib.networks.gan(net))
    adams = [mg.optim.Adam(n.parameters(), 1e-3, betas=(0.5, 0.999)) for n in (discriminator, generator)]
    loss = mg.nn.BCEWithLogitsLoss()
    real, ones, zeros = lib.image(batch, 1, 28, 28), mg.ones(batch, 1), mg.zeros(batch, 1)

    def run() -> object:
        adams[0].zero_grad()
        fake = generator(mg.rand(batch, 96) * 2 - 1).detach().reshape(batch, 1, 28, 28)
        total = loss(discriminator(real), ones) + loss(discriminator(fake), zeros)
        total.backward()
        adams[0].step()
        adams[1].zero_grad()
        fake = generator(mg.rand(batch, 96) * 2 - 1).reshape(batch, 1, 28, 28)
        loss(discriminator(fake), ones).backward()
        adams[1].step()
        return total.item()

    return run


def _critic(nn: Any, name: str) -> tuple[Any, tuple[int, ...]]:
    """(a critic without batch norm, the shape of a batch): an MLP, or convolutions 4x4 or 5x5 with stride 2."""
    if name == "mlp":
        layers = [nn.Flatten(), nn.Linear(784, 512), nn.LeakyReLU(0.2), nn.Linear(512, 512), nn.LeakyReLU(0.2)]
        return nn.Sequential(*layers, nn.Linear(512, 1)), (128, 1, 28, 28)
    widths, kernel, padding, size = (
        ((1, 64, 128, 256), 5, 2, 28) if name == "28px" else ((3, 64, 128, 256, 512), 4, 1, 64)
    )
    layers, pixels = [], size
    for before, after in pairwise(widths):
        layers += [nn.Conv2d(before, after, kernel, stride=2, padding=padding), nn.LeakyReLU(0.2)]
        pixels = (pixels + 2 * padding - kernel) // 2 + 1
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(widths[-1] * pixels**2, 1)), (64, widths[0], size, size)


def wgan_gp_critic(lib: Library, name: str) -> Job:
    """One critic step of WGAN-GP with its gradient of a gradient: "mlp", "64px" with 4x4 or "28px" with 5x5 kernels."""
    mg = lib.mg
    critic, shape = _critic(mg.nn, name)
    critic = lib.network(critic)
    adam = mg.optim.Adam(critic.parameters(), 1e-4, betas=(0.5, 0.9))
    real, fake = lib.image(*shape), lib.image(*shape) * 0.5

    def run() -> object:
        adam.zero_grad()
        weight = mg.rand(len(real), 1, 1, 1)
        between = (weight * real + (1.0 - weight) * fake).detach().requires_grad_()
        (gradients,) = mg.autograd.grad(critic(between).sum(), [between], create_graph=True)
        norms = mg.sqrt((gradients.reshape(len(real), -1) ** 2).sum(1) + 1e-12)
        loss = critic(fake).mean() - critic(real).mean() + 10.0 * ((norms - 1.0) ** 2).mean()
        loss.backward()
        adam.step()
        return loss.item()

    return run


def stylegan_step(lib: Library, size: int, batch: int = 32) -> Job:
    """One training step of StyleGAN, fully grown: non-saturating loss, R1 with gamma 10, Adam of both networks."""
    mg = lib.mg
    generator, discriminator = (
        lib.network(made(size)) for made in (lib.networks.StyleGenerator, lib.networks.StyleDiscriminator)
    )
    adams = [mg.optim.Adam(n.parameters(), 1e-3, betas=(0.0, 0.99)) for n in (discriminator, generator)]
    real, softplus = lib.image(batch, 1, size, size).requires_grad_(), mg.nn.functional.softplus

    def run() -> object:
        adams[0].zero_grad()
        fake, scores = generator(mg.randn(batch, 64)).detach(), discriminator(real)
        (slope,) = mg.autograd.grad(scores.sum(), real, create_graph=True)
        total = softplus(-scores).mean() + softplus(discriminator(fake)).mean() + 5 * (slope**2).sum() / batch
        total.backward()
        adams[0].step()
        adams[1].zero_grad()
        softplus(-discriminator(generator(mg.randn(batch, 64)))).mean().backward()
        adams[1].step()
        return total.item()

    return run


def stackgan_step(lib: Library, batch: int) -> Job:
    """One training step of StackGAN's second stage at 64 pixels: right, wrong and drawn pictures, the KL term, Adam."""
    mg = lib.mg
    generator, discriminator = lib.network(lib.networks.StageTwo()), lib.network(lib.networks.TextDiscriminator(64))
    adams = [mg.optim.Adam(n.parameters(), 2e-4, betas=(0.5, 0.999)) for n in (discriminator, generator)]
    real, small, softplus = lib.image(batch, 3, 64, 64), lib.image(batch, 3, 16, 16), mg.nn.functional.softplus
    text = mg.from_numpy(shapes.normal(batch, 128))
    other = mg.cat([text[1:], text[:1]], 0)

    def run() -> object:
        mean, log_variance = generator.augmentation.layer(text).chunk(2, 1)
        fake = generator(small, mean + (log_variance / 2).exp() * mg.randn(batch, 128))
        adams[0].zero_grad()
        wrong = softplus(discriminator(real, other)).mean() + softplus(discriminator(fake.detach(), text)).mean()
        total = softplus(-discriminator(real, text)).mean() + wrong / 2
        total.backward()
        adams[0].step()
        adams[1].zero_grad()
        kl = (mean**2 + log_variance.exp() - log_variance - 1).mean() / 2
        (softplus(-discriminator(fake, text)).mean() + 2 * kl).backward()
        adams[1].step()
        return total.item()

    return run


# ---------------------------------------------------------------------------------------- single pieces


def convolution(lib: Library, layer: str, direction: str) -> Job:
    """One convolution of VGG19 at 256 pixels: forward, or the gradient to its input."""
    channels, out, size = shapes.VGG19_LAYERS[layer]
    functional, weight = lib.mg.nn.functional, lib.mg.tensor(shapes.normal(out, channels, 3, 3))
    x, grad = lib.image(1, channels, size, size), lib.image(1, out, size, size)
    if direction == "forward":
        return lambda: functional.conv2d(x, weight, padding=1)
    return lambda: functional.conv_transpose2d(grad, weight, padding=1)


def small_operations(lib: Library, kind: str) -> Job:
    """single: one operation, a sum, and the way back, a hundred times; chain: 400 operations on 4 numbers."""
    x = lib.mg.from_numpy(np.ones(10 if kind == "single" else 4, np.float32)).requires_grad_()

    def single() -> object:
        for _ in range(100):
            x.grad = None
            (x * x).sum().backward()
        return x.grad

    def chain() -> object:
        x.grad, y = None, x
        for _ in range(200):
            y = y * 1.01 + x
        y.sum().backward()
        return x.grad

    return single if kind == "single" else chain
