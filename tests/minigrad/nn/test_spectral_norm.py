"""Spectral normalization: the largest singular value becomes 1, and whole networks compute what PyTorch's do."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from nets import dcgan, mlp_gan

LAYERS = [lambda n: n.Linear(6, 4), lambda n: n.Conv2d(3, 4, 3, padding=1), lambda n: n.ConvTranspose2d(3, 4, 4, 2, 1)]


def transplanted(theirs, ours):
    ours.load_state_dict({key: mg.tensor(value.numpy()) for key, value in theirs.state_dict().items()})


@pytest.mark.parametrize("make", LAYERS, ids=["Linear", "Conv2d", "ConvTranspose2d"])
def test_the_largest_singular_value_becomes_one(make):
    mg.manual_seed(0)
    layer = nn.utils.spectral_norm(make(nn))
    with mg.no_grad():
        for _ in range(60):
            layer(mg.rand(1, *([6] if isinstance(layer, nn.Linear) else [3, 4, 4])))
    weight = layer.weight.numpy()
    matrix = weight.swapaxes(0, 1).reshape(4, -1) if isinstance(layer, nn.ConvTranspose2d) else weight.reshape(4, -1)
    assert np.linalg.svd(matrix, compute_uv=False)[0] == pytest.approx(1, abs=1e-3)
    nn.utils.remove_spectral_norm(layer)
    assert [name for name, _ in layer.named_parameters()] == ["bias", "weight"]
    np.testing.assert_allclose(layer.weight.detach().numpy(), weight, rtol=1e-6)


def normalize(library):
    kinds = library.nn.Linear, library.nn.Conv2d, library.nn.ConvTranspose2d
    return lambda m: library.nn.utils.spectral_norm(m) if isinstance(m, kinds) else m


def lab_discriminator(n):
    return n.Sequential(
        n.Linear(784, 16), n.LeakyReLU(0.01), n.Linear(16, 16), n.LeakyReLU(0.01), n.Linear(16, 1)
    )  # fmt: skip


def conv_net(n):
    return n.Sequential(
        n.Conv2d(1, 4, 4, 2, 1), n.LeakyReLU(0.2), n.Sequential(n.Conv2d(4, 4, 3, bias=False), n.BatchNorm2d(4)),
        n.LeakyReLU(0.2), n.ConvTranspose2d(4, 2, 4, 2, 1), n.Flatten(), n.Linear(2 * 24 * 24, 1),
    )  # fmt: skip


@pytest.mark.parametrize("make, shape", [(lab_discriminator, (784,)), (conv_net, (1, 28, 28))], ids=["mlp", "conv"])
def test_whole_networks_train_as_pytorchs_do(make, shape):
    torch = pytest.importorskip("torch")
    theirs, ours = make(torch.nn).double().apply(normalize(torch)), make(nn).double().apply(normalize(mg))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]
    transplanted(theirs, ours)
    random = np.random.default_rng(0)
    solvers = torch.optim.SGD(theirs.parameters(), 0.1), mg.optim.SGD(ours.parameters(), 0.1)
    for _ in range(3):
        x = random.standard_normal((3, *shape))
        scores = []
        for library, net, solver in zip((torch, mg), (theirs, ours), solvers):
            solver.zero_grad()
            real, fake = library.tensor(x), library.tensor(x[::-1].copy(), requires_grad=True)
            score = net(real).mean() - net(fake).mean()
            (slope,) = library.autograd.grad(score, [fake], create_graph=True)
            (score + 10.0 * ((slope * slope).sum() - 1.0) ** 2).backward()
            solver.step()
            scores.append(score.item())
        assert scores[0] == pytest.approx(scores[1], rel=1e-9)
    for (name, value), other in zip(theirs.state_dict().items(), ours.state_dict().values()):
        np.testing.assert_allclose(other.numpy(), value.numpy(), rtol=1e-8, atol=1e-12, err_msg=name)
    x = random.standard_normal((3, *shape))
    before = ours.state_dict()["0.weight_u"].numpy().copy()
    np.testing.assert_allclose(
        ours.eval()(mg.tensor(x)).detach().numpy(), theirs.eval()(torch.tensor(x)).detach().numpy(), rtol=1e-8
    )
    assert (ours.state_dict()["0.weight_u"].numpy() == before).all()


@pytest.mark.parametrize(
    "net, shape",
    [(lambda: mlp_gan.Discriminator(), (2, 1, 28, 28)), (lambda: dcgan.Discriminator(), (2, 1, 28, 28))],
    ids=["mlp", "dcgan_lab"],
)
def test_normalizing_the_projects_discriminators_keeps_their_layers_in_order(net, shape):
    mg.manual_seed(0)
    plain = net()
    kinds = [type(m) for m in plain.modules()]
    normalized = net().apply(normalize(mg))
    assert [type(m) for m in normalized.modules()] == kinds
    normalized.load_state_dict(
        {name.replace("weight", "weight_orig") if f"{name}_orig" in normalized.state_dict() else name: value
         for name, value in plain.state_dict().items()}, strict=False
    )  # fmt: skip
    x = mg.rand(*shape)
    assert normalized.eval()(x).shape == plain.eval()(x).shape


def test_what_cannot_be_normalized_is_named():
    with pytest.raises(ValueError, match="ReLU has no parameter 'weight'"):
        nn.utils.spectral_norm(nn.ReLU())
    with pytest.raises(ValueError, match="has no parameter 'weight'"):
        nn.utils.spectral_norm(nn.utils.spectral_norm(nn.Linear(2, 2)))
    with pytest.raises(ValueError, match="'weight' of Linear is not normalized"):
        nn.utils.remove_spectral_norm(nn.Linear(2, 2))
