"""What kernels remember of weights: made anew when a weight changes, never for memory that others may write to."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.kernels import cpu
from nets import vgg_file
from nets.vgg import VGG16
from tests.helpers.arrays import random, relative_rms


def _refill(weight):
    weight.data = mg.tensor(random(*weight.shape, dtype=np.float32, seed=5))


def _train(kind):
    def change(weight):
        weight.grad = mg.ones_like(weight)
        kind([weight], lr=0.5).step()

    return change


WEIGHT_CHANGES = {
    "mul_": lambda weight: weight.mul_(2.0),
    "item": lambda weight: weight.__setitem__(0, 3.0),
    "data copy_": lambda weight: weight.data.copy_(mg.ones_like(weight)),
    "data assigned": _refill,
    "init": mg.nn.init.normal_,
    "sgd": _train(mg.optim.SGD),
    "adam": _train(mg.optim.Adam),
}


@pytest.mark.parametrize("name", WEIGHT_CHANGES)
def test_a_changed_weight_is_transformed_anew(name, monkeypatch):
    monkeypatch.setenv("MINIGRAD_CONV", "winograd")
    x = mg.tensor(random(1, 16, 12, 12, dtype=np.float32))
    weight = mg.tensor(random(16, 16, 3, 3, dtype=np.float32, seed=1), requires_grad=True)
    with mg.no_grad():
        before = mg.conv2d(x, weight, padding=1).numpy()
        assert weight.storage.cache
        WEIGHT_CHANGES[name](weight)
        after = mg.conv2d(x, weight, padding=1).numpy()
        fresh = mg.conv2d(x, mg.tensor(weight.detach().numpy().copy()), padding=1).numpy()
    assert relative_rms(after, before) > 0.01
    np.testing.assert_array_equal(after, fresh)


def test_elementwise_kernels_take_reversed_turned_and_gapped_arrays():
    whole = random(2, 8, 130, 140, dtype=np.float32)
    for x in (whole[:, :, ::-1, ::-1], whole.transpose(3, 1, 0, 2), whole[:, ::2], whole[:, :, :, 1::3]):
        np.testing.assert_array_equal(cpu.relu(x), np.maximum(x, 0))
        np.testing.assert_allclose(cpu.leaky_relu(x, 0.2), np.where(x > 0, x, x * np.float32(0.2)), rtol=1e-6)
        np.testing.assert_allclose(cpu.sigmoid(x), 1 / (1 + np.exp(-x.astype(float))), rtol=1e-6)


@pytest.mark.parametrize("width", [9, 70])
def test_max_pooling_passes_nan_on(width):
    x = random(1, 2, 8, width, dtype=np.float32)
    x[0, 0, 3, 4] = np.nan
    y, _ = cpu.max_pool2d(x, (2, 2), (2, 2), (0, 0), (1, 1), False)
    assert np.argwhere(np.isnan(y)).tolist() == [[0, 0, 1, 2]]


def test_a_weight_whose_memory_a_numpy_array_shares_is_never_remembered(monkeypatch):
    monkeypatch.setenv("MINIGRAD_CONV", "winograd")
    x = mg.tensor(random(1, 16, 12, 12, dtype=np.float32))
    values = random(16, 16, 3, 3, dtype=np.float32, seed=1)
    for weight in (mg.from_numpy(values), mg.tensor(values)):
        shared = weight.numpy()
        before = mg.conv2d(x, weight, padding=1).numpy()
        shared *= 2
        np.testing.assert_allclose(mg.conv2d(x, weight, padding=1).numpy(), 2 * before, rtol=1e-4, atol=1e-4)


def test_loaded_weights_may_be_cached(tmp_path):
    """However weights came in, Winograd transforms them once: none shares its memory with a NumPy array."""
    arrays = {
        f"{name}.{part}": getattr(layer, part).detach().numpy().copy()
        for name, layer in VGG16(None, "max").convolutions.items()
        for part in ("weight", "bias")
    }
    with open(tmp_path / "vgg.npz", "wb") as file:
        convention = vgg_file.InputConvention("rgb", 1.0, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
        vgg_file.write(file, vgg_file.Weights("vgg16", convention, arrays, "noise", converter="test"))
    layer = mg.nn.Conv2d(16, 16, 3)
    mg.save(layer.state_dict(), tmp_path / "layer.npz")
    loaded = mg.nn.Conv2d(16, 16, 3)
    loaded.load_state_dict(mg.load(tmp_path / "layer.npz"))
    for net in (VGG16(tmp_path / "vgg.npz"), layer, loaded):
        assert all(parameter.storage.cache is not None for parameter in net.parameters())
