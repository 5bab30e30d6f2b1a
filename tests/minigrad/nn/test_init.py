"""The values with which parameters start: their spread, gains and, layer by layer, PyTorch's own ranges."""

import math

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn


def as_numpy(x):
    return x.detach().cpu().numpy()


def moments(x):
    values = as_numpy(x).astype(float)
    return values.mean(), values.std(), abs(values).max()


@pytest.mark.parametrize(
    "fill, std, uniform",
    [
        (lambda w: nn.init.uniform_(w, -2, 2), 2 / math.sqrt(3), True),
        (lambda w: nn.init.normal_(w, 0.0, 0.02), 0.02, False),
        (lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu"), math.sqrt(2 / (40 * 9)), False),
        (lambda w: nn.init.kaiming_uniform_(w, a=0.2, mode="fan_out"), math.sqrt(2 / 1.04 / (60 * 9)), True),
        (lambda w: nn.init.xavier_normal_(w, gain=2.0), 2 * math.sqrt(2 / (100 * 9)), False),
        (lambda w: nn.init.xavier_uniform_(w), math.sqrt(2 / (100 * 9)), True),
    ],
)
def test_starting_values_have_the_stated_spread(fill, std, uniform):
    mg.manual_seed(1)
    mean, found, largest = moments(fill(nn.Parameter(mg.zeros(60, 40, 3, 3))))
    assert abs(mean) < 0.03 * std and found == pytest.approx(std, rel=0.02)
    assert (largest < 1.7321 * std) if uniform else (largest > 3 * std)


def test_constants_and_orthogonal_matrices():
    w = nn.Parameter(mg.zeros(4, 6))
    assert nn.init.ones_(w).tolist() == [[1.0] * 6] * 4 and nn.init.zeros_(w).sum().item() == 0
    assert (as_numpy(nn.init.constant_(w, 0.5)) == 0.5).all()
    for shape in ((4, 6), (6, 4), (5, 2, 3, 3)):
        q = as_numpy(nn.init.orthogonal_(nn.Parameter(mg.zeros(*shape)), gain=3.0)).reshape(shape[0], -1) / 3
        smaller = q @ q.T if q.shape[0] <= q.shape[1] else q.T @ q
        np.testing.assert_allclose(smaller, np.eye(len(smaller)), atol=1e-5)
    with pytest.raises(ValueError, match="at least 2 axes"):
        nn.init.xavier_normal_(nn.Parameter(mg.zeros(3)))


@pytest.mark.parametrize(
    "gain", [("relu", None), ("leaky_relu", 0.2), ("leaky_relu", None), ("tanh", None), ("sigmoid", None)]
)
def test_gains_are_pytorchs(gain):
    torch = pytest.importorskip("torch")
    assert nn.init.calculate_gain(*gain) == pytest.approx(torch.nn.init.calculate_gain(*gain))


@pytest.mark.parametrize(
    "make",
    [
        lambda n: n.Linear(300, 200),
        lambda n: n.Conv2d(32, 64, 5),
        lambda n: n.ConvTranspose2d(64, 32, 4),
        lambda n: n.Conv2d(32, 64, 5, groups=4),
        lambda n: n.Embedding(200, 100),
    ],
    ids=["Linear", "Conv2d", "ConvTranspose2d", "grouped", "Embedding"],
)
def test_layers_start_as_pytorchs_do(make):
    torch = pytest.importorskip("torch")
    mg.manual_seed(2)
    torch.manual_seed(2)
    theirs = dict(make(torch.nn).named_parameters())
    for name, ours in make(nn).named_parameters():
        found, expected = moments(ours), moments(theirs[name])
        few = ours.numel() < 1000  # biases: the spread of a small sample is known less well
        assert found[1] == pytest.approx(expected[1], rel=0.35 if few else 0.02)
        assert found[2] == pytest.approx(expected[2], rel=0.25)
