"""Properties that hold for all shapes: minigrad does what NumPy does, and gradients have the shapes they must."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import minigrad as mg

settings.register_profile("repeatable", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("repeatable")

shapes = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
numbers = st.floats(-4, 4, width=32)


def arrays(shape=shapes):
    return hnp.arrays(np.float64, shape, elements=numbers)


@given(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, min_side=0, max_side=4), st.data())
def test_broadcasting(shapes, data):
    a, b = (data.draw(arrays(shape)) for shape in shapes.input_shapes)
    x, y = mg.tensor(a, requires_grad=True), mg.tensor(b, requires_grad=True)
    for result, expected in ((x + y, a + b), (x - y, a - b), (x * y, a * b), (mg.maximum(x, y), np.maximum(a, b))):
        np.testing.assert_array_equal(result.detach().numpy(), expected)
    (x * y).sum().backward()
    assert x.grad.shape == a.shape and y.grad.shape == b.shape
    ones = np.ones(shapes.result_shape)
    np.testing.assert_allclose(float(x.grad.sum()), (b * ones).sum(), atol=1e-9)


@given(arrays(hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4)), st.data())
def test_basic_indexing_reads_and_scatters(a, data):
    index = data.draw(hnp.basic_indices(a.shape, allow_newaxis=True))
    x = mg.tensor(a, requires_grad=True)
    y = x[index]
    np.testing.assert_array_equal(y.detach().numpy(), a[index])
    y.sum().backward()
    expected = np.zeros_like(a)
    expected[index] += 1
    np.testing.assert_array_equal(x.grad.numpy(), expected)


@given(arrays(hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4)), st.data())
def test_integer_indexing_adds_up_repeats(a, data):
    index = data.draw(hnp.integer_array_indices(a.shape))
    x = mg.tensor(a, requires_grad=True)
    y = x[tuple(mg.tensor(part) for part in index)]
    np.testing.assert_array_equal(y.detach().numpy(), a[index])
    y.sum().backward()
    expected = np.zeros_like(a)
    np.add.at(expected, index, 1.0)
    np.testing.assert_array_equal(x.grad.numpy(), expected)


@given(arrays(hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4)), st.data())
def test_assignment_writes_what_numpy_writes(a, data):
    index = data.draw(hnp.basic_indices(a.shape))
    x = mg.tensor(a, requires_grad=True)
    y = x * 1
    y[index] = 7.0
    expected = a.copy()
    expected[index] = 7.0
    np.testing.assert_array_equal(y.detach().numpy(), expected)
    y.sum().backward()
    kept = np.ones_like(a)
    kept[index] = 0.0
    np.testing.assert_array_equal(x.grad.numpy(), kept)


@given(arrays(), st.data())
def test_reductions_over_any_axes(a, data):
    dims = data.draw(st.lists(st.integers(0, max(a.ndim - 1, 0)), unique=True, max_size=a.ndim))
    keepdim = data.draw(st.booleans())
    x = mg.tensor(a)
    axes = tuple(dims) or None  # as in PyTorch, no dims are all dims
    np.testing.assert_allclose(x.sum(axes, keepdim).numpy(), a.sum(axis=axes, keepdims=keepdim), atol=1e-9)
    if a.size:
        np.testing.assert_array_equal(x.amax(axes, keepdim).numpy(), a.max(axis=axes, keepdims=keepdim))
        np.testing.assert_allclose(x.mean(axes, keepdim).numpy(), a.mean(axis=axes, keepdims=keepdim), atol=1e-9)


@given(arrays(hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4)), st.data())
def test_shapes_go_there_and_back(a, data):
    order = data.draw(st.permutations(range(a.ndim)))
    x = mg.tensor(a, requires_grad=True)
    y = x.permute(*order)
    np.testing.assert_array_equal(y.detach().numpy(), a.transpose(order))
    flat = y.reshape(-1)
    np.testing.assert_array_equal(flat.detach().numpy(), a.transpose(order).reshape(-1))
    weights = np.arange(float(a.size))
    (flat * mg.tensor(weights)).sum().backward()
    expected = weights.reshape(a.transpose(order).shape).transpose(np.argsort(order))
    np.testing.assert_array_equal(x.grad.numpy(), expected)


@given(arrays(hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=5)), st.data())
def test_splitting_and_joining_are_inverse(a, data):
    dim = data.draw(st.integers(-a.ndim, a.ndim - 1))
    size = data.draw(st.integers(1, 3))
    x = mg.tensor(a)
    np.testing.assert_array_equal(mg.cat(x.split(size, dim), dim).numpy(), a)
    np.testing.assert_array_equal(mg.cat(x.chunk(size, dim), dim).numpy(), a)
    np.testing.assert_array_equal(mg.stack([x, x], dim).numpy(), np.stack([a, a], dim))
    np.testing.assert_array_equal(x.flip(dim).numpy(), np.flip(a, dim))
