"""Reshapes are views and copies where PyTorch's are, however a tensor lies in memory."""

import numpy as np
import pytest

import minigrad as mg


def test_a_result_that_lies_otherwise_moves_to_where_its_reshape_is_a_view():
    x = mg.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    y = (x * 1).view(2, 2).t().clone()
    v = y.view(4)
    v.mul_(2.0)
    y[0, 1] = 5.0
    assert y.tolist() == [[2.0, 5.0], [4.0, 8.0]] and v.tolist() == [2.0, 5.0, 4.0, 8.0]
    (v * v).sum().backward()
    assert x.grad.tolist() == [8.0, 16.0, 0.0, 32.0]


def test_contiguous_copies_where_pytorch_copies():
    x = mg.arange(6.0).reshape(2, 3)
    for same in (x, x[1:], x.t().t(), x.unsqueeze(1), x.view(3, 2), x[:, 1:2][0]):
        assert same.contiguous() is same and same.is_contiguous()
    for view in (x.t(), x[:, 1:], x.expand(4, 2, 3), x.view(3, 2).t()):
        copy = view.contiguous()
        copy += 1
        assert not view.is_contiguous() and copy.tolist() == (view + 1).tolist()
    assert x.tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]


CHANGES = {
    "channels last": lambda y: y.permute(0, 2, 3, 1).contiguous(),
    "pixels": lambda y: y.permute(0, 2, 3, 1).reshape(1, -1),
    "flat": lambda y: y.flatten(1),
    "channels shuffled": lambda y: y.view(1, 2, 2, 3, 3).transpose(1, 2).reshape(1, 4, 3, 3),
    "channels repeated": lambda y: y.repeat(1, 2, 1, 1),
    "batch repeated": lambda y: y.repeat(2, 1, 1, 1),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_convolution_left_is_rectified_in_place_after_a_reshape(change):
    torch = pytest.importorskip("torch")
    random = np.random.default_rng(0)
    values = random.standard_normal((1, 3, 5, 5)), random.standard_normal((4, 3, 3, 3))
    found = []
    for library in (mg, torch):
        x, w = (library.from_numpy(array.copy()).requires_grad_() for array in values)
        y = library.nn.functional.conv2d(x, w)
        z = library.nn.functional.relu(CHANGES[change](y), inplace=True)
        ((z * z).sum() + (y * y).sum()).backward()
        found.append([y.detach().numpy(), z.detach().numpy(), x.grad.numpy(), w.grad.numpy()])
    for ours, theirs in zip(*found):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)
