"""What a tensor does besides being differentiated: dtypes, copies, views, and constants that stay what they were."""

import copy

import numpy as np
import pytest

import minigrad as mg


def test_a_root_that_is_a_leaf_keeps_its_own_gradient():
    x, gradient = mg.tensor([3.0, 4.0], requires_grad=True), mg.tensor([1.0, 2.0])
    x.backward(gradient)
    gradient.fill_(7.0)
    assert x.grad.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("dtype", ["uint8", "bool", "int64", "float32"])
def test_minima_of_every_dtype(dtype):
    values = np.array([[3, 0, 5], [1, 1, 0]]).astype(dtype)
    x, other = mg.tensor(values), mg.tensor(values[::-1].copy())
    assert x.min().item() == values.min() and x.min().dtype == values.dtype
    smallest, places = x.min(1)
    assert smallest.dtype == values.dtype
    np.testing.assert_array_equal(smallest.numpy(), values.min(1))
    np.testing.assert_array_equal(places.numpy(), values.argmin(1))
    np.testing.assert_array_equal(mg.minimum(x, other).numpy(), np.minimum(values, values[::-1]))


def test_a_limit_of_higher_kind_makes_float32():
    clamped = mg.tensor([1, 2]).clamp(min=1.5)
    assert clamped.dtype == mg.float32 and clamped.tolist() == [1.5, 2.0]


def test_infinite_operands_tie_without_a_warning():
    a = mg.tensor([np.inf, 1.0], requires_grad=True)
    mg.maximum(a, mg.tensor([np.inf, 0.0])).sum().backward()
    assert a.grad.tolist() == [0.5, 1.0]


def test_a_changed_condition_is_noticed():
    x, condition = mg.tensor([1.0, 2.0], requires_grad=True), mg.tensor([True, False])
    y = mg.where(condition, x, 0.0).sum()
    condition[0] = False
    with pytest.raises(RuntimeError, match=r"Where.*changed in place"):
        y.backward()


def test_a_changed_index_does_not_change_the_gradient():
    x, index = mg.tensor([1.0, 2.0, 3.0], requires_grad=True), mg.tensor([0, 2])
    y = x[index].sum()
    index[0] = 1
    y.backward()
    assert x.grad.tolist() == [1.0, 0.0, 1.0]


def test_elu_keeps_the_precision_of_its_input():
    x = mg.tensor(np.array([-1.0]), requires_grad=True)
    mg.nn.functional.elu(x, 0.7).backward()
    assert abs(x.grad.item() - 0.7 * np.exp(-1.0)) < 1e-15


def test_deep_copies_are_leaves_of_their_own():
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    twin = copy.deepcopy(x)
    with mg.no_grad():
        twin += 1.0
    assert x.tolist() == [1.0, 2.0] and twin.tolist() == [2.0, 3.0] and twin.requires_grad
