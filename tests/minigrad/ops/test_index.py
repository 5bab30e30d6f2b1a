"""Indexing in every mixture of ints, slices, None, ..., lists, masks and index tensors, against PyTorch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import minigrad as mg

pytest.importorskip("torch", reason="PyTorch, the oracle of these tests, is not installed")

import torch

from tests.oracles.against_torch import fuzzed


class Drawn:
    """Parts of an index that both libraries get in their own form: an array stands for a tensor of either."""

    def __init__(self, parts, as_tuple):
        self.parts, self.as_tuple = parts, as_tuple

    def of(self, library):
        parts = [library.tensor(part) if isinstance(part, np.ndarray) else part for part in self.parts]
        return tuple(parts) if self.as_tuple or len(parts) != 1 else parts[0]

    def __repr__(self):
        return f"Drawn({self.parts})"


@st.composite
def indexed(draw):
    """A shape and an index into it, valid for most draws."""
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4))
    parts, axis, arrays = [], 0, draw(hnp.array_shapes(min_dims=0, max_dims=2, min_side=1, max_side=3))
    taken = draw(st.integers(0, len(shape)))
    while axis < taken:
        n = shape[axis]
        kind = draw(st.sampled_from(["int", "slice", "none", "array", "list", "mask", "mask2", "bool", "zero-d"]))
        if kind == "int":
            parts.append(draw(st.integers(-n, n - 1)))
        elif kind == "slice":
            start, stop = (draw(st.none() | st.integers(-n - 1, n + 1)) for _ in range(2))
            parts.append(slice(start, stop, draw(st.none() | st.integers(1, 3))))
        elif kind == "array":
            size = draw(st.sampled_from([arrays, arrays[:-1], (*arrays[:-1], 1)] if arrays else [arrays]))
            parts.append(draw(hnp.arrays(np.int64, size, elements=st.integers(-n, n - 1))))
        elif kind == "list":
            length = arrays[-1] if arrays else 1
            parts.append(draw(st.lists(st.integers(-n, n - 1), min_size=length, max_size=length)))
        elif kind == "zero-d":
            parts.append(np.asarray(draw(st.integers(-n, n - 1))))
        elif kind == "mask":
            parts.append(draw(hnp.arrays(np.bool_, (n,))))
        elif kind == "mask2":
            if axis + 2 > len(shape):
                continue
            parts.append(draw(hnp.arrays(np.bool_, shape[axis : axis + 2])))
            axis += 1
        else:
            parts.append(None if kind == "none" else draw(st.booleans()))
            continue
        axis += 1
    if draw(st.booleans()):
        kept = len(parts) if draw(st.booleans()) else draw(st.integers(0, len(parts)))
        parts.insert(kept, ...)
    return shape, Drawn(parts, draw(st.booleans()))


def numbers(shape):
    return np.arange(float(np.prod(shape))).reshape(shape)


def outcome(call):
    """What the call returns, or None where it refuses."""
    try:
        return call()
    except (IndexError, ValueError, RuntimeError, TypeError):
        return None


@fuzzed(2)
@given(indexed())
def test_reading_and_its_gradient(drawn):
    shape, index = drawn
    theirs = torch.tensor(numbers(shape), requires_grad=True)
    ours = mg.tensor(numbers(shape), requires_grad=True)
    expected = outcome(lambda: theirs[index.of(torch)])
    y = outcome(lambda: ours[index.of(mg)])
    assert (expected is None) == (y is None)
    if expected is None:
        return
    np.testing.assert_array_equal(y.detach().numpy(), expected.detach().numpy())
    weights = np.cos(numbers(expected.shape))
    (y * mg.tensor(weights)).sum().backward()
    (expected * torch.tensor(weights)).sum().backward()
    np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), atol=1e-12)


def repeats_places(index, shape):
    """Whether an index names a place twice: what is then left by writing is undefined."""
    places = torch.arange(int(np.prod(shape))).reshape(shape)[index.of(torch)].reshape(-1)
    return len(places.unique()) < len(places)


@fuzzed(2)
@given(indexed(), st.booleans(), st.booleans(), st.data())
def test_writing_and_its_gradient(drawn, differentiable, scalar, data):
    shape, index = drawn
    if outcome(lambda: torch.zeros(shape)[index.of(torch)]) is None or repeats_places(index, shape):
        return
    target = torch.zeros(shape)[index.of(torch)].shape
    broadcast = [n if data.draw(st.booleans()) else 1 for n in target][data.draw(st.integers(0, len(target))) :]
    size = () if scalar else (*[1] * data.draw(st.integers(0, 1)), *broadcast)
    value = 100.0 + numbers(size)

    def written(library):
        x = library.tensor(numbers(shape), requires_grad=differentiable)
        v = library.tensor(value, requires_grad=differentiable)
        y = x * 2
        y[index.of(library)] = v
        if differentiable:
            (y * library.tensor(np.cos(numbers(shape)))).sum().backward()
        return y, x.grad, v.grad

    expected = outcome(lambda: written(torch))
    if expected is None:
        return
    for ours, theirs in zip(written(mg), expected):
        if theirs is not None:
            assert tuple(ours.shape) == tuple(theirs.shape)
            np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), atol=1e-12)
        else:
            assert ours is None or not np.any(ours.detach().numpy())


def test_an_int_takes_its_axis_away_before_index_arrays_are_looked_at():
    x = mg.tensor(numbers((2, 3, 4)))
    assert x[0, :, [0, 1]].shape == (3, 2)
    assert x[0, :, mg.tensor([0, 1])].shape == (3, 2)
    assert x[[0, 1], :, 0].shape == (2, 3)
    assert x[mg.tensor(1)].shape == (3, 4)
    assert x[True].shape == (1, 2, 3, 4) and x[False].shape == (0, 2, 3, 4)


@pytest.mark.parametrize("index", [1.0, "a", mg.tensor([0.5]), np.array([1.5]), {}, [slice(0, 1), 0]], ids=str)
def test_what_is_no_index_is_refused_in_one_sentence(index):
    with pytest.raises(IndexError, match=r"^index: .* no index"):
        mg.zeros(2, 3)[index]


def test_indices_out_of_range_are_named():
    with pytest.raises(IndexError, match=r"^index: .*5.*\(the tensor has shape \(2, 3\)\)"):
        mg.zeros(2, 3)[5]
    with pytest.raises(IndexError, match=r"^index: too many indices"):
        mg.zeros(2, 3)[0, 0, 0]
