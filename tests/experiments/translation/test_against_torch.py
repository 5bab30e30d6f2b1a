"""Every game beside its PyTorch twin, written out from its paper: the same start and the same pictures give the same
losses step after step, and the same weights at the end, in double precision. A fault that is planted in any term of any
loss makes the comparison fail.
"""

import numpy as np
import pytest

import minigrad as mg
from experiments.translation import cycle, pix2pix, transfer
from experiments.translation.cycle import CycleGAN, DiscoGAN
from experiments.translation.games import DISCOGAN
from experiments.translation.settings import CycleSettings, Pix2PixSettings, TransferSettings
from minigrad.devices import CPU

torch = pytest.importorskip("torch", exc_type=ImportError)
from tests.oracles import torch_translation as oracle  # noqa: E402

STEPS, SIZE = 3, 16
F = torch.nn.functional
BETAS = (0.5, 0.999)


def pictures(batch, channels, count=2):
    """Batches for all steps: [(x, y), ...] in [-1, 1]."""
    random = np.random.default_rng(3)
    return [[random.uniform(-1, 1, (batch, channels, SIZE, SIZE)) for _ in range(count)] for _ in range(STEPS)]


def double(player):
    """The player's networks in double precision."""
    for value in vars(player).values():
        if isinstance(value, mg.nn.Module):
            value.double()
    return player


def bce(logits, real):
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(real)))


def squares(logits, real):
    return ((logits - float(real)) ** 2).mean()


def update(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def compare(losses, twins):
    """losses: ours and theirs, step by step. twins: pairs of networks."""
    for mine, theirs in losses:
        for name, value in theirs.items():
            np.testing.assert_allclose(float(mine[name]), value, rtol=1e-6, atol=1e-10, err_msg=name)
    for mine, theirs in twins:
        for parameter, expected in zip(mine.parameters(), oracle.parameters_of(theirs), strict=True):
            np.testing.assert_allclose(parameter.detach().numpy(), expected.detach().numpy(), rtol=1e-5, atol=1e-7)


# ------------------------------------------------------------------------------------------ pix2pix


def pix2pix_beside_torch():
    shape = {"a_channels": 1, "b_channels": 2, "size": SIZE, "width": 4, "halvings": 3, "layers": 1}
    settings = Pix2PixSettings("", **shape, lambda_gan=0.7)
    mg.manual_seed(0)
    player = double(pix2pix.Player(settings, settings.lambda_l1, settings.lambda_gan, CPU))
    player.G.noise = False
    G, D = oracle.load(oracle.unet(1, 2, 3, 4), player.G), oracle.load(oracle.patch_discriminator(3, 1, 4), player.D)
    g_adam, d_adam = (torch.optim.Adam(oracle.parameters_of(net), lr=2e-4, betas=BETAS) for net in (G, D))
    losses = []
    for x, y in ([x[:, :1], y[:, :2]] for x, y in pictures(1, 2)):
        mine = player.step(mg.tensor(x), mg.tensor(y))
        x, y = torch.from_numpy(x), torch.from_numpy(y)
        fake = G(x)
        real_logits, fake_logits = D(torch.cat([x, y], 1)), D(torch.cat([x, fake.detach()], 1))
        d_loss = update(d_adam, (bce(real_logits, 1) + bce(fake_logits, 0)) / 2)
        gan, l1 = bce(D(torch.cat([x, fake], 1)), 1), F.l1_loss(fake, y)
        update(g_adam, 0.7 * gan + 100 * l1)
        losses.append((mine, {"d_loss": d_loss, "g_gan": gan.item(), "l1": l1.item()}))
    compare(losses, [(player.G, G), (player.D, D)])


# ------------------------------------------------------------------------------- CycleGAN and DiscoGAN


def twin_networks(game, player):
    """G, F, D_A, D_B in PyTorch with our start."""
    if game is CycleGAN:
        G, back = oracle.resnet_generator(3, 3, 1, 4), oracle.resnet_generator(3, 3, 1, 4)
        D_A, D_B = (oracle.patch_discriminator(3, 1, 4, affine=False) for _ in range(2))
    else:
        G, back = (oracle.discogan_generator(3, 3, SIZE, 4) for _ in range(2))
        D_A, D_B = (oracle.Discriminator(3, SIZE, 4) for _ in range(2))
    ours = player.G, player.F, player.D_A, player.D_B
    return [oracle.load(net, mine) for net, mine in zip((G, back, D_A, D_B), ours)]


def their_pool(kept, given, size, random):
    """The image pool with the reference program's rule, drawing as ours draws."""
    result = []
    for picture in given:
        if len(kept) < size:
            kept.append(picture)
        elif random.random() < 0.5:
            place = int(random.integers(size))
            picture, kept[place] = kept[place], picture
        result.append(picture)
    return torch.stack(result)


def their_cycle_step(game, nets, x, y, settings, pool, d_turn):
    """The losses of one step, by name: those of the generators, and a function that gives those of D."""
    G, back, D_A, D_B = nets
    least = game is CycleGAN
    verdict, distance = (squares, F.l1_loss) if least else (bce, F.mse_loss)

    def told(D, real, fake):
        if least:
            return verdict(D(fake), 1)
        logits, features = D.features(fake)
        with torch.no_grad():
            wanted = D.features(real)[1]
        matching = sum(((a.mean(0) - b.mean(0)) ** 2).mean() for a, b in zip(wanted, features))
        return 0.1 * verdict(logits, 1) + 0.9 * matching

    fake_b, fake_a = G(x), back(y)
    terms = {"g_gan": told(D_B, y, fake_b), "f_gan": told(D_A, x, fake_a)}
    terms |= {"cycle_a": distance(back(fake_b), x), "cycle_b": distance(G(fake_a), y)}
    loss = terms["g_gan"] + terms["f_gan"]
    loss = loss + settings.lambda_cycle * (terms["cycle_a"] + terms["cycle_b"])
    if least:
        loss = loss + 5.0 * (F.l1_loss(G(y), y) + F.l1_loss(back(x), x))

    def d_losses():
        a, b = fake_a.detach(), fake_b.detach()
        if least:
            a, b = (
                their_pool(kept, given, settings.pool, pool["random"])
                for kept, given in ((pool["a"], a), (pool["b"], b))
            )
        found = {"d_a": (verdict(D_A(x), 1) + verdict(D_A(a), 0)) / 2}
        return found | {"d_b": (verdict(D_B(y), 1) + verdict(D_B(b), 0)) / 2}

    return loss, terms, d_losses if d_turn else None


def cycle_beside_torch(game):
    usual = DISCOGAN if game is DiscoGAN else {"pool": 2}
    shape = {"size": SIZE, "width": 4, "blocks": 1, "layers": 1, "constant_steps": 1, "decay_steps": 4}
    settings = CycleSettings("", **shape, **usual)
    mg.manual_seed(0)
    player = double(cycle.Cycle(game, settings, settings.lambda_cycle, CPU))
    nets = twin_networks(game, player)
    decay = {"lr": 2e-4, "betas": BETAS, "weight_decay": settings.weight_decay}
    g_adam = torch.optim.Adam([*nets[0].parameters(), *nets[1].parameters()], **decay)
    d_adam = torch.optim.Adam([*nets[2].parameters(), *nets[3].parameters()], **decay)
    schedules = [torch.optim.lr_scheduler.LambdaLR(adam, lambda n: 1 - max(0, n - 1) / 4) for adam in (g_adam, d_adam)]
    mg.manual_seed(5)
    pool = {"a": [], "b": [], "random": np.random.default_rng(5)}
    losses = []
    for number, (x, y) in enumerate(pictures(4, 3)):
        mine = player.step(mg.tensor(x), mg.tensor(y), number)
        x, y = torch.from_numpy(x), torch.from_numpy(y)
        d_turn = number % settings.d_interval == 0
        loss, terms, d_losses = their_cycle_step(game, nets, x, y, settings, pool, d_turn)
        update(g_adam, loss)
        if d_turn:
            found = d_losses()
            update(d_adam, found["d_a"] + found["d_b"])
            terms |= found
        for schedule in schedules:
            schedule.step()
        assert set(mine) == set(terms)
        losses.append((mine, {name: term.item() for name, term in terms.items()}))
    compare(losses, zip((player.G, player.F, player.D_A, player.D_B), nets))


# --------------------------------------------------------------------------------- domain transfer


def transfer_beside_torch():
    settings = TransferSettings("", size=SIZE, width=4, code=6)
    mg.manual_seed(0)
    player = double(transfer.Player(settings, CPU))
    C = oracle.load(oracle.converter(3, SIZE, 4, 6), player.converter)
    R, A = (
        oracle.load(oracle.Discriminator(channels, SIZE, 4, norm=oracle.instance_norm), D)
        for channels, D in ((3, player.D_real), (6, player.D_domain))
    )
    adams = [torch.optim.Adam(net.parameters(), lr=2e-4, betas=BETAS) for net in (C, R, A)]
    losses = []
    for source, target in pictures(4, 3):
        mine = player.step(mg.tensor(source), mg.tensor(target))
        source, target = torch.from_numpy(source), torch.from_numpy(target)
        fake, other = C(source), target.roll(-1, 0)
        still = fake.detach()
        d_real = update(adams[1], (bce(R(target), 1) + bce(R(still), 0)) / 2)
        pairs = [A(torch.cat([source, each], 1)) for each in (target, other, still)]
        d_domain = update(adams[2], (bce(pairs[0], 1) + bce(pairs[1], 0) + bce(pairs[2], 0)) / 3)
        g_real, g_domain = bce(R(fake), 1), bce(A(torch.cat([source, fake], 1)), 1)
        update(adams[0], (g_real + g_domain) / 2)
        found = {"d_real": d_real, "d_domain": d_domain, "g_real": g_real.item(), "g_domain": g_domain.item()}
        losses.append((mine, found))
    compare(losses, [(player.converter, C), (player.D_real, R), (player.D_domain, A)])


GAMES = {
    "pix2pix": pix2pix_beside_torch,
    "cyclegan": lambda: cycle_beside_torch(CycleGAN),
    "discogan": lambda: cycle_beside_torch(DiscoGAN),
    "domain_transfer": transfer_beside_torch,
}


@pytest.mark.parametrize("name", GAMES)
def test_training_goes_as_in_pytorch_step_by_step(name):
    GAMES[name]()


def flipped(module):
    """ "Real" and "fake" exchanged."""
    honest = module.bce
    return "bce", lambda logits, real: honest(logits, not real)


def scaled_by(module, name, factor):
    honest = getattr(module, name)
    return name, lambda *inputs: honest(*inputs) * factor


def twice(pictures):
    return mg.cat([pictures, pictures], 1)


def unweighted(player, name):
    """A weight that stays 1 whatever it is set to."""
    return player, name, property(lambda self: 1.0, lambda self, value: None), False


FAULTS = {
    ("pix2pix", "labels"): lambda: (pix2pix, *flipped(pix2pix)),
    ("pix2pix", "weight of the GAN"): lambda: unweighted(pix2pix.Player, "lambda_gan"),
    ("pix2pix", "weight of L1"): lambda: unweighted(pix2pix.Player, "lambda_l1"),
    ("pix2pix", "L1"): lambda: (pix2pix.F, *scaled_by(pix2pix.F, "l1_loss", 1.01)),
    ("cyclegan", "least squares"): lambda: (CycleGAN, "verdict", staticmethod(lambda s, real: squares(s, 0.99 * real))),
    ("cyclegan", "cycle"): lambda: (CycleGAN, "distance", staticmethod(mg.nn.functional.mse_loss)),
    ("cyclegan", "identity"): lambda: (cycle.functional, *scaled_by(cycle.functional, "l1_loss", 0.0)),
    ("cyclegan", "pool"): lambda: (cycle.ImagePool, "query", lambda self, pictures: pictures),
    ("cyclegan", "schedule"): lambda: (cycle.Cycle, "lr_factor", lambda self, step: 1.0),
    ("discogan", "cross-entropy"): lambda: (DiscoGAN, "verdict", staticmethod(lambda s, real: cycle.bce(s, not real))),
    ("discogan", "features"): lambda: (cycle, *scaled_by(cycle, "feature_matching", 1.1)),
    ("discogan", "cycle"): lambda: (DiscoGAN, "distance", staticmethod(mg.nn.functional.l1_loss)),
    ("domain_transfer", "labels"): lambda: (transfer, *flipped(transfer)),
    ("domain_transfer", "pair"): lambda: (transfer.Player, "associated", lambda p, _, t: p.D_domain(twice(t))),
}  # fmt: skip


@pytest.mark.parametrize(("game", "term"), FAULTS)
def test_a_fault_in_any_term_is_found(game, term, monkeypatch):
    monkeypatch.setattr(*FAULTS[game, term]())
    with pytest.raises(AssertionError):
        GAMES[game]()
