"""Whole networks learn: set accuracies on real digits and on typeset ones, and everything stays float32 meanwhile."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.data import MNIST, DataLoader, TensorDataset, TypesetDigits
from minigrad.grad_mode import observe


def perceptron():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


def convolutional():
    return nn.Sequential(
        nn.Conv2d(1, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3), nn.BatchNorm2d(32), nn.LeakyReLU(0.1),
        nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.2), nn.Linear(800, 10),
    )  # fmt: skip


def train(net, dataset, steps, batch_size=128):
    adam = optim.Adam(net.parameters(), lr=2e-3)
    batches = DataLoader(dataset, batch_size, shuffle=True, drop_last=True).forever()
    for _ in range(steps):
        x, labels = next(batches)
        adam.zero_grad()
        nn.functional.cross_entropy(net(x), labels).backward()
        adam.step()


def accuracy(net, dataset, count=10000):
    net.eval()
    x, labels = next(iter(DataLoader(dataset, count)))
    with mg.no_grad():
        return float((net(x).argmax(1) == labels).float().mean())


@pytest.mark.parametrize(("make", "steps", "wanted"), [(perceptron, 800, 0.93), (convolutional, 150, 0.96)])
def test_networks_learn_real_digits(shared_data, make, steps, wanted):
    mg.manual_seed(0)
    net = make()
    train(net, MNIST(shared_data / "mnist"), steps)
    assert accuracy(net, MNIST(shared_data / "mnist", train=False)) >= wanted


@pytest.mark.parametrize(("make", "steps", "wanted"), [(perceptron, 400, 0.90), (convolutional, 150, 0.95)])
def test_networks_learn_typeset_digits(make, steps, wanted):
    mg.manual_seed(0)
    net = make()
    train(net, TypesetDigits(6000), steps)
    assert accuracy(net, TypesetDigits(2000, train=False)) >= wanted


def test_everything_stays_float32_over_a_training_step():
    """Every array that an operation makes or hands back, every gradient, every state of the optimizer."""
    mg.manual_seed(0)
    generator = nn.Sequential(
        nn.Linear(8, 32), nn.BatchNorm1d(32), nn.ELU(), nn.Unflatten(1, (2, 4, 4)), nn.Upsample(scale_factor=2),
        nn.ConvTranspose2d(2, 4, 4, 2, 1), nn.InstanceNorm2d(4), nn.Softplus(), nn.ReflectionPad2d(1), nn.AvgPool2d(2),
    )  # fmt: skip
    net = nn.Sequential(generator, nn.Conv2d(4, 8, 3), nn.Tanh(), nn.Flatten(), nn.Linear(392, 10))
    adam = optim.AdamW(net.parameters(), 1e-3)
    seen = []

    def observer(op, direction, run):
        result = run()
        parts = result if isinstance(result, tuple) else (result,)
        seen.extend((type(op).__name__, direction, part.dtype) for part in parts if part is not None)
        return result

    x, labels = mg.randn(4, 8), mg.randint(0, 10, (4,))
    with observe(observer):
        loss = nn.functional.cross_entropy(net(x), labels) * 0.5 + (net(x) ** 2).mean() * np.float64(0.1)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        adam.step()
    assert len(seen) > 60
    assert [entry for entry in seen if entry[2].kind == "f" and entry[2] != np.float32] == []
    assert all(p.dtype == p.grad.dtype == np.float32 for p in net.parameters())
    assert all(b.dtype == np.float32 for name, b in net.named_buffers() if "tracked" not in name)
    states = [value for state in adam.state.values() for value in state.values() if hasattr(value, "dtype")]
    assert states and all(value.dtype == np.float32 for value in states)


def test_a_linear_network_finds_the_exact_solution():
    mg.manual_seed(0)
    x, truth = mg.randn(64, 3), mg.tensor([[1.0, -2.0, 0.5]])
    dataset = TensorDataset(x, x @ truth.T + 3.0)
    net = nn.Linear(3, 1)
    lbfgs = optim.LBFGS(net.parameters(), line_search_fn="strong_wolfe", max_iter=50)

    def closure():
        lbfgs.zero_grad()
        loss = nn.functional.mse_loss(net(dataset.tensors[0]), dataset.tensors[1])
        loss.backward()
        return loss

    lbfgs.step(closure)
    np.testing.assert_allclose(net.weight.detach().numpy(), truth.numpy(), atol=1e-3)
    assert net.bias.item() == pytest.approx(3.0, abs=1e-3)
