"""The training loop: equal to document code line by line, to torch's, and able to learn; measures on known data."""

import numpy as np
import pytest

import minigrad as mg
from experiments.gan import metrics
from experiments.gan.losses import LOSSES
from experiments.gan.training import Players, alternate, improve_discriminator, simultaneous
from experiments.gan_metrics import load_samples
from minigrad import nn, optim


def pair():
    generator = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
    return generator, nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))


def players(loss="ns", lr=1e-2, nets=None):
    generator, discriminator = nets or pair()
    optimizers = (optim.Adam(net.parameters(), lr=lr, betas=(0.5, 0.999)) for net in (generator, discriminator))
    return Players(generator, discriminator, *optimizers, LOSSES[loss], lambda n: mg.randn(n, 4))


CENTRE = np.array([3.0, -2.0], np.float32)


def cloud(count=64):
    while True:
        yield mg.randn(count, 2) * 0.5 + mg.tensor(CENTRE), None


def copies(networks):
    return [p.detach().clone().numpy() for net in networks for p in net.parameters()]


def test_one_step_is_the_course_documents_loop():
    mg.manual_seed(3)
    game = players()
    mg.manual_seed(3)
    twin = players()
    data = mg.rand(8, 2)
    mg.manual_seed(7)
    alternate(game, iter([(data, None)]))

    mg.manual_seed(7)
    D, G, bce = twin.D, twin.G, nn.BCEWithLogitsLoss()
    twin.d_optimizer.zero_grad()
    logits_real = D(data)
    fake = G(mg.randn(8, 4)).detach()
    logits_fake = D(fake)
    (bce(logits_real, mg.ones(8, 1)) + bce(logits_fake, mg.zeros(8, 1))).backward()
    twin.d_optimizer.step()
    twin.g_optimizer.zero_grad()
    bce(D(G(mg.randn(8, 4))), mg.ones(8, 1)).backward()
    twin.g_optimizer.step()
    for ours, theirs in zip(copies([game.G, game.D]), copies([twin.G, twin.D])):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_the_discriminator_step_leaves_the_generator_alone_and_the_other_way_round():
    game = players()
    before = copies([game.G])
    improve_discriminator(game, next(cloud())[0], None)
    assert all(np.array_equal(a, b) for a, b in zip(before, copies([game.G])))
    assert all(p.grad is None for p in game.G.parameters())


def test_the_simultaneous_step_uses_the_discriminator_from_before():
    torch = pytest.importorskip("torch")
    mg.manual_seed(1)
    game = players(lr=1e-3)
    data, noise = mg.rand(8, 2), mg.randn(8, 4)
    game.sample_noise = lambda count: noise
    nets = []
    for net in (game.G, game.D):
        twin = torch.nn.Sequential(*[
            torch.nn.Linear(*reversed(layer.weight.shape)) if isinstance(layer, nn.Linear)
            else (torch.nn.ReLU() if isinstance(layer, nn.ReLU) else torch.nn.LeakyReLU(0.2)) for layer in net
        ])  # fmt: skip
        twin.load_state_dict({k: torch.from_numpy(v.numpy().copy()) for k, v in net.state_dict().items()})
        nets.append(twin)
    simultaneous(game, iter([(data, None)]))

    G, D = nets
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    fake = G(torch.from_numpy(noise.numpy()))
    real_out, fake_out = D(torch.from_numpy(data.numpy())), D(fake)
    g_loss, d_loss = bce(fake_out, torch.ones(8, 1)), bce(real_out, torch.ones(8, 1)) + bce(fake_out, torch.zeros(8, 1))
    g_grads = torch.autograd.grad(g_loss, list(G.parameters()), retain_graph=True)
    d_grads = torch.autograd.grad(d_loss, list(D.parameters()))
    for net, grads in ((G, g_grads), (D, d_grads)):
        solver = torch.optim.Adam(net.parameters(), lr=1e-3, betas=(0.5, 0.999))
        for p, g in zip(net.parameters(), grads):
            p.grad = g
        solver.step()
    for ours, theirs in zip(copies([game.G, game.D]), [p.detach().numpy() for net in nets for p in net.parameters()]):
        np.testing.assert_allclose(ours, theirs, rtol=2e-3, atol=2e-5)


@pytest.mark.parametrize("name", ["ns", "lsgan", "wgan-gp", "hinge"])
def test_generated_points_move_to_the_data(name):
    mg.manual_seed(0)
    game, batches = players(name, lr=2e-3), cloud()

    def miss():
        with mg.no_grad():
            return np.linalg.norm(game.G(mg.randn(500, 4)).numpy().mean(0) - CENTRE)

    before, nearest = miss(), np.inf
    for _ in range(60):
        for _ in range(3 if game.loss.d_steps > 1 else 10):
            alternate(game, batches)
        nearest = min(nearest, miss())
    assert nearest < 0.15 * before


def test_clipped_weights_stay_within_the_bound():
    game = players("wgan")
    alternate(game, cloud())
    assert max(np.abs(w).max() for w in copies([game.D])) <= np.float32(0.01)


# ----------------------------------------------------------------------------------------- measures


def test_frechet_distance_of_known_normals():
    random = np.random.default_rng(0)
    x = random.standard_normal((20000, 3))
    y = random.standard_normal((20000, 3)) * 2 + [1, 0, 0]
    assert metrics.frechet_distance(x, y) == pytest.approx(1 + 3 * (2 - 1) ** 2, rel=0.03)
    assert metrics.frechet_distance(x, x) == pytest.approx(0, abs=1e-6)


def test_precision_and_recall_of_half_a_distribution():
    random = np.random.default_rng(0)
    real = np.concatenate([random.standard_normal((500, 2)), random.standard_normal((500, 2)) + 50])
    precision, recall = metrics.precision_recall(real, random.standard_normal((1000, 2)))
    assert precision > 0.9 and recall == pytest.approx(0.5, abs=0.06)
    assert metrics.precision_recall(real, real + 1000) == (0, 0)


def test_nearest_finds_the_row_itself_and_histograms_count():
    rows = np.random.default_rng(0).standard_normal((40, 5))
    distances, numbers = metrics.nearest(rows[[7, 3]], rows)
    assert numbers.tolist() == [7, 3] and distances.max() < 1e-6
    shares = metrics.histogram(np.array([0, 0, 1, 3]), 4)
    assert shares.tolist() == [0.5, 0.25, 0, 0.25]
    assert metrics.kl_divergence(shares, shares) == 0
    assert metrics.kl_divergence(shares, np.full(4, 0.25)) == pytest.approx(0.5 * np.log(2))


def test_samples_of_another_shape_are_refused(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((5, 28, 27), np.uint8))
    with pytest.raises(ValueError, match="must hold bytes"):
        load_samples(tmp_path / "x.npy")
