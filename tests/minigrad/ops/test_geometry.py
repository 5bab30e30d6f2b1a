"""Convolutions, pooling, padding, resizing, patches: random shapes and windows, with derivatives, against PyTorch.

MINIGRAD_FUZZ_EXAMPLES sets how many examples each test tries (`tests/oracles/against_torch.py`).
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch", reason="PyTorch, the oracle of these tests, is not installed")

import torch

from tests.oracles.against_torch import fuzzed, outcome, same_call

layouts = st.sampled_from(["plain", "plain", "transposed", "strided"])
booleans = st.booleans()


def F(library):
    return library.nn.functional


def numbers(*shape):
    """Numbers in no order, no two of them equal."""
    count = int(np.prod(shape))
    return np.random.default_rng(count).permutation(np.linspace(-2.0, 2.0, count)).reshape(shape)


@st.composite
def by_axis(draw, axes, low, high):
    """One number for all axes, or one for each."""
    if draw(booleans):
        return draw(st.integers(low, high))
    return tuple([draw(st.integers(low, high)) for _ in range(axes)])


@st.composite
def sizes(draw, axes, low=1, high=7, batch=True):
    """(N, C, ...) without its channels: the batch (or nothing, for a single example) and the image."""
    lead = draw(st.sampled_from([(1,), (2,), (0,), ()] if batch else [(1,), (2,), (3,)]))
    return lead, tuple([draw(st.integers(low, high)) for _ in range(axes)])


@fuzzed()
@given(st.data())
def test_convolution(data):
    axes = data.draw(st.sampled_from([1, 2, 2]))
    lead, image = data.draw(sizes(axes))
    groups, inner, outer = (data.draw(st.integers(1, 3)) for _ in range(3))
    kernel = [data.draw(st.integers(1, 4)) for _ in range(axes)]
    options = {
        "stride": data.draw(by_axis(axes, 1, 3)),
        "padding": data.draw(by_axis(axes, 0, 3) | st.sampled_from(["same", "valid"])),
        "dilation": data.draw(by_axis(axes, 1, 3)),
        "groups": groups,
    }
    arrays = [numbers(*lead, groups * inner, *image), numbers(groups * outer, inner, *kernel)]
    arrays += [numbers(groups * outer)] * data.draw(booleans)
    same_call(lambda m, *t: getattr(F(m), f"conv{axes}d")(*t, **options), arrays, data.draw(layouts))


@fuzzed()
@given(st.data())
def test_transposed_convolution(data):
    axes = data.draw(st.sampled_from([1, 2, 2]))
    lead, image = data.draw(sizes(axes, high=4))
    groups, inner, outer = (data.draw(st.integers(1, 3)) for _ in range(3))
    kernel = [data.draw(st.integers(1, 4)) for _ in range(axes)]
    options = {
        "stride": data.draw(by_axis(axes, 1, 3)),
        "padding": data.draw(by_axis(axes, 0, 3)),
        "output_padding": data.draw(by_axis(axes, 0, 2)),
        "dilation": data.draw(by_axis(axes, 1, 3)),
        "groups": groups,
    }
    arrays = [numbers(*lead, groups * inner, *image), numbers(groups * inner, outer, *kernel)]
    arrays += [numbers(groups * outer)] * data.draw(booleans)
    same_call(
        lambda m, *t: getattr(F(m), f"conv_transpose{axes}d")(*t, **options),
        arrays,
        data.draw(layouts),
        operation=f"nn.functional.conv_transpose{axes}d",
    )


@fuzzed(0.1)
@given(st.data())
def test_convolution_where_the_fast_kernels_are_chosen(data):
    """float32 in sizes that networks have, against PyTorch in float64."""
    _, image = data.draw(sizes(2, low=8, high=28))
    channels, filters = (data.draw(st.sampled_from([3, 8, 16])) for _ in range(2))
    kernel = data.draw(st.sampled_from([1, 3, 3, 3, 4, 5, 9]))
    stride, padding, dilation = data.draw(st.sampled_from([1, 1, 2])), data.draw(st.integers(0, 2)), 1
    arrays = [numbers(1, channels, *image), numbers(filters, channels, kernel, kernel) / 8, numbers(filters)]
    arrays = [x.astype(np.float32) for x in arrays]
    transposed = data.draw(booleans)
    if transposed:
        arrays[1] = np.ascontiguousarray(arrays[1].swapaxes(0, 1))

    def call(m, x, w, b):
        function = F(m).conv_transpose2d if transposed else F(m).conv2d
        return function(x, w, b, stride, padding, dilation=dilation) / 16

    same_call(call, arrays, data.draw(layouts), tolerance=1e-3, their_dtype=torch.float64)


@st.composite
def windows(draw, axes):
    """Options that all pooling has."""
    kernel = draw(by_axis(axes, 1, 4))
    least = min(kernel) if isinstance(kernel, tuple) else kernel
    stride = draw(st.none() | by_axis(axes, 1, 4))
    return {
        "kernel_size": kernel,
        "stride": stride,
        "padding": draw(by_axis(axes, 0, least // 2)),
        "ceil_mode": draw(booleans),
    }


@fuzzed()
@given(st.data())
def test_maximum_pooling(data):
    axes = data.draw(st.sampled_from([1, 2, 2]))
    lead, image = data.draw(sizes(axes))
    options = data.draw(windows(axes))
    options["dilation"], options["return_indices"] = data.draw(by_axis(axes, 1, 3)), data.draw(booleans)
    x = numbers(*lead, data.draw(st.integers(1, 3)), *image)
    ones = torch.ones(1, 1, *image, dtype=torch.float64)
    padded = outcome(lambda: getattr(F(torch), f"max_pool{axes}d")(ones, **{**options, "return_indices": False}))
    apart = isinstance(padded, torch.Tensor) and padded.isinf().any()  # windows over padding: no gradient of PyTorch's
    call = lambda m, x: getattr(F(m), f"max_pool{axes}d")(x.detach() if apart else x, **options)  # noqa: E731
    same_call(call, [x], data.draw(layouts))


@fuzzed()
@given(st.data())
def test_average_pooling(data):
    axes = data.draw(st.sampled_from([1, 2, 2]))
    lead, image = data.draw(sizes(axes))
    options = data.draw(windows(axes))
    options["count_include_pad"] = data.draw(booleans)
    if axes == 2:
        options["divisor_override"] = data.draw(st.none() | st.integers(1, 5))
    x = numbers(*lead, data.draw(st.integers(1, 3)), *image)
    same_call(lambda m, x: getattr(F(m), f"avg_pool{axes}d")(x, **options), [x], data.draw(layouts))


@fuzzed()
@given(st.data())
def test_adaptive_pooling(data):
    lead, image = data.draw(sizes(2))
    one = st.integers(1, 8)
    size = data.draw(one | st.tuples(one | st.none(), one | st.none()))
    x = numbers(*lead, data.draw(st.integers(1, 3)), *image)
    same_call(lambda m, x: F(m).adaptive_avg_pool2d(x, size), [x], data.draw(layouts))
    indices = data.draw(booleans)
    same_call(lambda m, x: F(m).adaptive_max_pool2d(x, size, indices), [x], data.draw(layouts))


@fuzzed()
@given(st.data())
def test_padding(data):
    mode = data.draw(st.sampled_from(["constant", "reflect", "replicate"]))
    if mode == "constant":
        shape = [data.draw(st.integers(0, 4)) for _ in range(data.draw(st.integers(1, 4)))]
        borders = [data.draw(st.integers(0, 3)) for _ in range(2 * data.draw(st.integers(0, len(shape))))]
    else:
        lead, image = data.draw(sizes(2))
        shape = [*(lead or (1,)), data.draw(st.integers(1, 3)), *image]
        borders = [data.draw(st.integers(0, 4)) for _ in range(4)]
    options = {"value": data.draw(st.sampled_from([0.0, 2.5, -1.0]))} if mode == "constant" else {}
    same_call(lambda m, x: F(m).pad(x, borders, mode, **options), [numbers(*shape)], data.draw(layouts))


@st.composite
def resizing(draw):
    """A mode of `interpolate` with its options."""
    mode = draw(st.sampled_from(["nearest", "bilinear", "bicubic", "area"]))
    options = {"mode": mode}
    if mode in ("bilinear", "bicubic"):
        options["align_corners"] = draw(st.sampled_from([None, False, True]))
        options["antialias"] = draw(booleans)
    if draw(booleans):
        options["size"] = draw(by_axis(2, 1, 12))
    else:
        factors = st.sampled_from([0.3, 0.5, 0.75, 1, 1.0, 1.2, 1.5, 2, 2.0, 2.4, 3, 3.7]) | st.floats(0.3, 4.0)
        options["scale_factor"] = draw(factors | st.tuples(factors, factors))
        options["recompute_scale_factor"] = draw(st.sampled_from([None, False, True]))
    return options


@fuzzed()
@given(st.data())
def test_resizing(data):
    lead, image = data.draw(sizes(2, batch=False))
    options = data.draw(resizing())
    x = numbers(*lead, data.draw(st.integers(1, 3)), *image)
    resized = outcome(lambda: F(torch).interpolate(torch.zeros(1, 1, *image), **options))
    size = resized.shape[2:] if isinstance(resized, torch.Tensor) else (0, 0)  # of none
    if options.get("antialias") and size[1] == 1:
        return  # a width of 1 is where PyTorch contradicts itself (docs/differences.md)
    kept = options["mode"] == "bicubic" and size == image  # where its gradient is not its function's
    call = lambda m, x: F(m).interpolate(x.detach() if kept else x, **options)  # noqa: E731
    same_call(call, [x], data.draw(layouts), operation="nn.functional.interpolate")


@st.composite
def patches(draw):
    return {
        "kernel_size": draw(by_axis(2, 1, 3)),
        "dilation": draw(by_axis(2, 1, 3)),
        "padding": draw(by_axis(2, 0, 2)),
        "stride": draw(by_axis(2, 1, 3)),
    }


@fuzzed()
@given(st.data())
def test_patches(data):
    lead, image = data.draw(sizes(2))
    options = data.draw(patches())
    channels = data.draw(st.integers(1, 3))
    same_call(lambda m, x: F(m).unfold(x, **options), [numbers(*lead, channels, *image)], data.draw(layouts))
    try:
        columns = F(torch).unfold(torch.zeros(*lead, channels, *image), **options)
    except RuntimeError:
        return
    same_call(lambda m, x: F(m).fold(x, image, **options), [numbers(*columns.shape)], data.draw(layouts))


@fuzzed(0.5)
@given(st.data())
def test_shuffled_pixels(data):
    lead = [data.draw(st.integers(1, 2)) for _ in range(data.draw(st.integers(0, 2)))]
    r, channels = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3))
    height, width = (data.draw(st.integers(1, 4)) for _ in range(2))
    few, many = numbers(*lead, channels, height * r, width * r), numbers(*lead, channels * r * r, height, width)
    same_call(lambda m, x: F(m).pixel_shuffle(x, r), [many], data.draw(layouts))
    same_call(lambda m, x: F(m).pixel_unshuffle(x, r), [few], data.draw(layouts))


@fuzzed()
@given(st.data())
def test_reading_at_any_place(data):
    lead, image = data.draw(sizes(2, batch=False))
    where = [data.draw(st.integers(1, 4)) for _ in range(2)]
    places = 1.3 * numbers(*lead, *where, 2) / 2.0 + 0.0123
    options = {
        "mode": data.draw(st.sampled_from(["bilinear", "nearest"])),
        "padding_mode": data.draw(st.sampled_from(["zeros", "border"])),
        "align_corners": data.draw(booleans),
    }
    x = numbers(*lead, data.draw(st.integers(1, 3)), *image)
    same_call(lambda m, x, g: F(m).grid_sample(x, g, **options), [x, places], data.draw(layouts))


@fuzzed(0.5)
@given(st.data())
def test_affine_grids(data):
    n, c, h, w = (data.draw(st.integers(1, 4)) for _ in range(4))
    corners = data.draw(booleans)
    same_call(lambda m, t: F(m).affine_grid(t, (n, c, h, w), corners), [numbers(n, 2, 3)], data.draw(layouts))
