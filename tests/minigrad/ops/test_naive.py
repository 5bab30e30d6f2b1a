"""Every case against naive loops on hyper-dual numbers: values, first and second derivatives, no graph in common."""

import numpy as np
import pytest

from minigrad import devices, grad
from minigrad.autograd import tensor_of
from minigrad.gradcheck.cases import CASES
from minigrad.gradcheck.namespace import namespace, tensors_of
from tests.oracles import naive
from tests.oracles.naive.array import Array
from tests.oracles.naive.hyperdual import HyperDual

DIRECTIONS = 2


def naive_inputs(case, directions):
    """The inputs as hyper-dual numbers: each differentiable one moves along its two directions."""
    arrays = []
    for source, values, direction in zip(case.inputs, case.values(), directions):
        if not source.differentiable:
            arrays.append(Array(values.astype(object) if values.dtype.kind == "f" else values))
            continue
        moving = np.empty(values.shape, dtype=object)
        for place in np.ndindex(*values.shape):
            moving[place] = HyperDual(float(values[place]), float(direction[0][place]), float(direction[1][place]))
        arrays.append(Array(moving))
    return arrays


@pytest.mark.parametrize("case", CASES, ids=str)
def test_values_and_both_derivatives_agree_with_naive_loops(case):
    random = np.random.default_rng(0)
    for _ in range(DIRECTIONS):
        directions = [random.standard_normal((2, *source.shape)) for source in case.inputs]
        expected = case.function(naive.namespace, *naive_inputs(case, directions))
        inputs = tensors_of(case, devices.CPU)
        y = case.function(namespace, *inputs)
        assert y.shape == expected.shape
        np.testing.assert_allclose(y.detach().numpy(), expected.part("v"), rtol=1e-10, atol=1e-10)
        u = np.asarray(random.standard_normal(y.shape))
        first, second = pulled_back(y, inputs, u, directions)
        close(first, (u * expected.part("a")).sum())
        close(second, (u * expected.part("c")).sum())


def pulled_back(y, inputs, u, directions):
    """u . (J p) and u . (p^T H q), by one backward pass and by a backward pass through that."""
    points = [x for x in inputs if x.requires_grad]
    moves = [d for x, d in zip(inputs, directions) if x.requires_grad]
    shares = grad(y, points, tensor_of(u), create_graph=True, allow_unused=True)
    along = [(share * tensor_of(np.asarray(p))).sum() for share, (p, _) in zip(shares, moves) if share is not None]
    first = sum(part.item() for part in along)
    roots = [part for part in along if part.requires_grad]
    if not roots:
        return first, 0.0
    bent = grad(roots, points, allow_unused=True)
    return first, sum(float((b.numpy() * q).sum()) for b, (_, q) in zip(bent, moves) if b is not None)


def close(ours, theirs):
    assert ours == pytest.approx(theirs, rel=1e-8, abs=1e-8)
