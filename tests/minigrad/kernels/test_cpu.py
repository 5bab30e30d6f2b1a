"""The kernels for NumPy arrays: every path of every convolution against PyTorch-free loops, and the threads.

The oracle of a convolution is a sum over the kernel's places, written down as the definition has it. It runs in
float64; what it is compared with is im2col or Winograd, through the package's ordinary entrances.
"""

import numpy as np
import pytest

import minigrad as mg
from experiments.bench.shapes import VGG19_LAYERS
from minigrad.kernels import cpu
from minigrad.kernels.cpu import conv, im2col, threads, weight_cache, winograd
from tests.helpers.arrays import random, relative_rms

# (C, O, (H, W), kernel, stride, padding (top, bottom, left, right), dilation, groups)
GEOMETRIES = [
    (3, 5, (7, 6), (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 1),
    (1, 32, (14, 14), (5, 5), (1, 1), (0, 0, 0, 0), (1, 1), 1),
    (16, 16, (9, 10), (3, 3), (1, 1), (0, 0, 0, 0), (1, 1), 1),
    (16, 24, (13, 11), (3, 3), (1, 1), (2, 0, 1, 2), (1, 1), 1),
    (17, 19, (34, 70), (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 1),
    (6, 4, (8, 9), (4, 4), (2, 2), (1, 1, 1, 1), (1, 1), 2),
    (4, 4, (9, 8), (3, 2), (2, 3), (0, 2, 1, 0), (2, 1), 4),
    (5, 3, (6, 6), (1, 1), (1, 1), (0, 0, 0, 0), (1, 1), 1),
    (2, 3, (5, 5), (5, 5), (1, 1), (0, 0, 0, 0), (1, 1), 1),
    (17, 3, (12, 19), (5, 4), (1, 1), (4, 0, 1, 3), (1, 1), 1),
    (33, 40, (6, 5), (4, 4), (2, 2), (1, 1, 1, 1), (1, 1), 1),
    (3, 4, (11, 10), (2, 2), (1, 1), (0, 0, 0, 0), (1, 1), 1),
    (6, 7, (21, 18), (4, 4), (1, 1), (1, 2, 0, 1), (1, 1), 1),
    (4, 5, (13, 12), (5, 5), (1, 1), (3, 6, 0, 2), (1, 1), 1),
    (3, 2, (12, 17), (3, 3), (2, 2), (0, 0, 1, 0), (1, 1), 1),
    (5, 6, (20, 23), (5, 5), (2, 2), (2, 1, 0, 2), (1, 1), 1),
]


def definition(x, weight, bias, stride, padding, dilation, groups):
    """y[n, o, i, j] = bias[o] + the sum over c, a, b of x[n, c, i s + a d, j s + b d] weight[o, c, a, b]."""
    top, bottom, left, right = padding
    padded = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    extent = [d * (k - 1) + 1 for d, k in zip(dilation, weight.shape[2:])]
    height, width = ((n - e) // s + 1 for n, e, s in zip(padded.shape[2:], extent, stride))
    parts = []
    for x_part, w_part in zip(np.split(padded, groups, axis=1), np.split(weight, groups)):
        y = np.zeros((len(x), len(w_part), height, width), x.dtype)
        for a, b in np.ndindex(*weight.shape[2:]):
            rows = slice(a * dilation[0], a * dilation[0] + (height - 1) * stride[0] + 1, stride[0])
            columns = slice(b * dilation[1], b * dilation[1] + (width - 1) * stride[1] + 1, stride[1])
            y += np.einsum("nchw,oc->nohw", x_part[:, :, rows, columns], w_part[:, :, a, b])
        parts.append(y)
    return np.concatenate(parts, axis=1) + (0 if bias is None else bias[:, None, None])


def spoiled_layout(x):
    """The same numbers with gaps and a reversed axis in memory."""
    wide = np.zeros((*x.shape[:3], 2 * x.shape[3]), x.dtype)[:, :, ::-1, ::2]
    wide[...] = x
    return wide


@pytest.fixture(params=["auto", *conv.PATHS])
def path(request, monkeypatch):
    monkeypatch.setenv("MINIGRAD_CONV", request.param)
    return request.param


# ------------------------------------------------------------------------------------- convolution


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
@pytest.mark.parametrize("count", [1, 3])
def test_convolution_is_its_definition(geometry, count, path):
    channels, out, size, kernel, *rest = geometry
    groups = rest[-1]
    x, weight, bias = random(count, channels, *size), random(out, channels // groups, *kernel), random(out)
    truth = definition(x, weight, bias, *rest)
    exact = cpu.conv2d(x, weight, bias, *rest)
    assert exact.dtype == np.float64
    np.testing.assert_allclose(exact, truth, rtol=1e-11, atol=1e-11)
    single = [a.astype(np.float32) for a in (x, weight, bias)]
    for layout in (single[0], spoiled_layout(single[0]), np.asfortranarray(single[0])):
        y = cpu.conv2d(layout, *single[1:], *rest)
        assert y.dtype == np.float32 and y.shape == truth.shape
        assert relative_rms(y, truth) < 5e-6


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-12), (np.float32, 2e-5)], ids=["64", "32"])
def test_the_three_convolutions_are_adjoint(geometry, dtype, tolerance, path):
    channels, out, size, kernel, *rest = geometry
    x, weight = random(2, channels, *size, dtype=dtype), random(out, channels // rest[-1], *kernel, dtype=dtype)
    y = cpu.conv2d(x, weight, None, *rest)
    grad = random(*y.shape, dtype=dtype, seed=1)
    back = cpu.conv_transpose2d(grad, weight, None, size, *rest)
    grad_weight = cpu.conv2d_weight(x, grad, kernel, *rest)
    assert back.shape == x.shape and grad_weight.shape == weight.shape
    assert back.dtype == grad_weight.dtype == dtype
    scale = np.linalg.norm(y) * np.linalg.norm(grad)
    form = np.vdot(y, grad)
    assert abs(np.vdot(x, back) - form) < tolerance * scale
    assert abs(np.vdot(weight, grad_weight) - form) < tolerance * scale


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize(
    "shape", [(40, 8, 8), (101, 8, 8), (3, 36, 36), (270, 4, 4), (70, 5, 7), (2, 3, 90), (1, 70, 65)], ids=str
)
@pytest.mark.parametrize("kernel, stride", [(3, 1), (4, 2), (5, 1)])
def test_winograd_cuts_batches_into_any_pieces(shape, kernel, stride, workers, monkeypatch):
    """Several images in a piece, several pieces in an image, all tiles at once; exact tiles and not."""
    monkeypatch.setenv("MINIGRAD_CONV", "winograd")
    monkeypatch.setattr(threads, "_num_threads", workers)
    count, *size = shape
    x, weight, bias = random(count, 5, *size), random(4, 5, kernel, kernel), random(4)
    rest = (stride, stride), (2, 1, 1, 2), (1, 1), 1
    single = [a.astype(np.float32) for a in (x, weight, bias)]
    assert relative_rms(cpu.conv2d(*single, *rest), cpu.conv2d(x, weight, bias, *rest)) < 5e-6
    grad = cpu.conv2d(x, weight, None, *rest)
    back = cpu.conv_transpose2d(grad.astype(np.float32), single[1], random(5).astype(np.float32), tuple(size), *rest)
    assert relative_rms(back, cpu.conv_transpose2d(grad, weight, random(5), tuple(size), *rest)) < 5e-6
    gradient = cpu.conv2d_weight(single[0], grad.astype(np.float32), (kernel, kernel), *rest)
    assert relative_rms(gradient, cpu.conv2d_weight(x, grad, (kernel, kernel), *rest)) < 5e-6


def test_transposed_bias_is_added():
    x, weight, bias = random(2, 4, 5, 5), random(4, 3, 4, 4), random(3)
    arguments = ((10, 10), (2, 2), (1, 1, 1, 1), (1, 1), 1)
    with_bias, without = (cpu.conv_transpose2d(x, weight, b, *arguments) for b in (bias, None))
    np.testing.assert_allclose(with_bias - without, np.broadcast_to(bias[:, None, None], without.shape))


@pytest.mark.parametrize("transposed", [False, True])
def test_winograd_is_accurate_at_every_vgg_shape(transposed, monkeypatch):
    """Relative RMS against float64 for data of unit variance. Rows and columns are cut short to save time: the error
    depends on the channels that are summed over, not on the picture's size."""
    monkeypatch.setenv("MINIGRAD_CONV", "winograd")
    kernel = cpu.conv_transpose2d if transposed else cpu.conv2d
    for channels, out, size in VGG19_LAYERS.values():
        sides = (min(size, 32), min(size, 24))
        x = random(1, out if transposed else channels, *sides, dtype=np.float32)
        weight = random(out, channels, 3, 3, dtype=np.float32, seed=1)
        rest = (*((sides,) if transposed else ()), (1, 1), (1, 1, 1, 1), (1, 1), 1)
        truth = kernel(x.astype(np.float64), weight.astype(np.float64), None, *rest)
        assert relative_rms(kernel(x, weight, None, *rest), truth) <= 5e-6


def test_float64_never_takes_winograd(monkeypatch):
    monkeypatch.setenv("MINIGRAD_CONV", "winograd")
    monkeypatch.setattr(winograd, "forward", lambda *a, **k: pytest.fail("Winograd ran"))
    cpu.conv2d(random(1, 16, 16, 16), random(16, 16, 3, 3), None, (1, 1), (1, 1, 1, 1), (1, 1), 1)


def path_of(x, weight, form="forward", stride=1, padding=1):
    size = tuple((n + 2 * padding - k) // stride + 1 for n, k in zip(x[2:], weight[2:]))
    shape = im2col.ConvShape(
        x[0], x[1], weight[0], x[2:], size, weight[2:], (stride,) * 2, (padding,) * 4, (1, 1)
    )  # fmt: skip
    module = conv.path_for(shape, np.float32, form)
    return next(name for name, path in conv.PATHS.items() if path.module is module)


CHOICES = [
    ("winograd", (1, 64, 16, 16), (64, 64, 3, 3), {}),
    ("winograd", (1, 64, 32, 32), (64, 64, 3, 3), {"form": "weight_gradient"}),
    ("strips", (1, 64, 64, 64), (128, 64, 3, 3), {"stride": 2}),
    ("strips", (1, 3, 16, 16), (64, 3, 3, 3), {}),
    ("im2col", (1, 512, 8, 8), (512, 512, 3, 3), {}),  # large weights, few pixels
    ("winograd", (2, 512, 8, 8), (512, 512, 3, 3), {}),
    ("im2col", (1, 512, 16, 16), (1024, 512, 4, 4), {"stride": 2}),
    ("winograd", (1, 64, 64, 64), (128, 64, 4, 4), {"stride": 2}),
    ("winograd", (1, 256, 32, 32), (512, 256, 4, 4), {}),
    ("winograd", (128, 32, 12, 12), (64, 32, 5, 5), {"padding": 0, "form": "adjoint"}),
    ("across", (1, 64, 64, 64), (3, 64, 9, 9), {"padding": 4}),
    ("across", (1, 3, 64, 64), (64, 3, 9, 9), {"padding": 4, "form": "adjoint"}),
    ("mirrored", (1, 64, 64, 64), (3, 64, 7, 7), {"padding": 3}),
    ("mirrored", (32, 16, 32, 32), (16, 16, 3, 3), {"form": "adjoint"}),
    ("strips", (32, 16, 32, 32), (16, 16, 3, 3), {}),
    ("winograd", (32, 16, 32, 32), (16, 16, 3, 3), {"form": "weight_gradient"}),
    ("mirrored", (1, 64, 64, 64), (3, 64, 9, 9), {"padding": 4, "form": "adjoint"}),
    ("strips", (1, 3, 64, 64), (64, 3, 9, 9), {"padding": 4}),
]


@pytest.mark.parametrize("name, x, weight, rest", CHOICES, ids=str)
def test_the_table_takes_the_path_that_was_measured_to_be_fastest(name, x, weight, rest, monkeypatch):
    monkeypatch.delenv("MINIGRAD_CONV", raising=False)
    assert path_of(x, weight, **rest) == name


@pytest.mark.parametrize("name", conv.PATHS)
def test_a_path_asked_for_is_taken_where_it_is_possible(name, monkeypatch):
    monkeypatch.setenv("MINIGRAD_CONV", name)
    assert path_of((1, 8, 9, 9), (8, 8, 3, 3)) == name
    has_all_forms = name != "across"
    assert path_of((1, 8, 9, 9), (8, 8, 3, 3), "weight_gradient") == (name if has_all_forms else "strips")
    assert path_of((1, 8, 9, 9), (8, 8, 5, 4), stride=2) == ("im2col" if name == "im2col" else "strips")


@pytest.mark.parametrize("sizes", [(8, 12, 20, 3, 1), (40, 33, 6, 4, 2), (20, 3, 9, 5, 1)], ids=str)
def test_weight_gradients_lie_as_weights_do(sizes, path):
    """Adam would else copy them at each step."""
    channels, out, size, kernel, stride = sizes
    arguments = (stride, stride), (1,) * 4, (1, 1), 1
    x, weight = random(2, channels, size, size, dtype=np.float32), random(out, channels, kernel, kernel)
    grad = cpu.conv2d_weight(
        x, cpu.conv2d(x, weight.astype(np.float32), None, *arguments), weight.shape[2:], *arguments
    )
    assert grad.flags.c_contiguous and grad.shape == weight.shape


def test_an_unknown_path_is_refused(monkeypatch):
    monkeypatch.setenv("MINIGRAD_CONV", "fft")
    with pytest.raises(
        ValueError, match="MINIGRAD_CONV must be auto, winograd, across, mirrored, strips, im2col, got 'fft'"
    ):
        cpu.conv2d(random(1, 1, 3, 3), random(1, 1, 3, 3), None, (1, 1), (0, 0, 0, 0), (1, 1), 1)


def test_remembered_weights_are_counted_freed_and_bounded(monkeypatch):
    monkeypatch.setenv("MINIGRAD_CONV", "winograd")
    kept, before = weight_cache.kept, weight_cache.kept.bytes
    x, weight = mg.randn(1, 8, 12, 12), mg.randn(8, 8, 3, 3)
    first = mg.nn.functional.conv2d(x, weight).numpy()
    assert kept.bytes - before == 36 * 8 * 8 * 4
    weight *= 1.0  # other contents, as far as anyone knows
    assert kept.bytes == before
    mg.nn.functional.conv2d(x, weight)
    del weight
    assert kept.bytes == before
    monkeypatch.setattr(kept, "limit", before + 36 * 8 * 8 * 4 - 1)
    weight = mg.randn(8, 8, 3, 3)
    y = mg.nn.functional.conv2d(x, weight).numpy()
    assert kept.bytes == before and not np.array_equal(y, first)
    np.testing.assert_array_equal(mg.nn.functional.conv2d(x, weight).numpy(), y)


@pytest.mark.parametrize("places", [[0], [3], [1, 2], [2, 3], [0, 1, 2, 3]])
def test_the_first_nan_of_a_window_is_its_maximum_and_others_keep_theirs(places):
    x = random(1, 2, 8, 8, dtype=np.float32)
    _, plain = cpu.max_pool2d(x, (2, 2), (2, 2), (0, 0), (1, 1), False)
    for place in places:
        x[0, 1, 4 + place // 2, 2 + place % 2] = np.nan
    x[0, 0, 0, :2] = np.inf, -np.inf  # their sum is NaN too
    y, indices = cpu.max_pool2d(x, (2, 2), (2, 2), (0, 0), (1, 1), False)
    expected = plain.copy()
    expected[0, 1, 2, 1], expected[0, 0, 0, 0] = places[0], 0
    np.testing.assert_array_equal(indices, expected)
    assert np.isnan(y[0, 1, 2, 1]) and np.isnan(y).sum() == 1


def test_cache_is_used_and_gives_the_same(monkeypatch):
    monkeypatch.setenv("MINIGRAD_CONV", "winograd")
    x, weight, cache = random(1, 8, 12, 12, dtype=np.float32), random(8, 8, 3, 3, dtype=np.float32), {}
    arguments = (None, (1, 1), (1, 1, 1, 1), (1, 1), 1)
    first = cpu.conv2d(x, weight, *arguments, cache)
    back = cpu.conv_transpose2d(x, weight, None, (12, 12), *arguments[1:], cache)
    assert len(cache) == 2  # both directions share one transform, of few channels in either order
    np.testing.assert_array_equal(cpu.conv2d(x, weight, *arguments, cache), first)
    np.testing.assert_array_equal(cpu.conv_transpose2d(x, weight, None, (12, 12), *arguments[1:], cache), back)
    large, cache_of_large = random(256, 256, 3, 3, dtype=np.float32), {}
    image = random(1, 256, 8, 8, dtype=np.float32)
    cpu.conv2d(image, large, *arguments, cache_of_large)
    cpu.conv_transpose2d(image, large, None, (8, 8), *arguments[1:], cache_of_large)
    assert len(cache_of_large) == 1  # many channels in one order only
    turned = weight.transpose(1, 0, 2, 3)  # a view of the same memory must not be taken for the weight
    np.testing.assert_array_equal(cpu.conv2d(x, turned, *arguments, cache), cpu.conv2d(x, turned, *arguments))


@pytest.mark.parametrize("empty", ["images", "in", "out"])
def test_sizes_of_zero(empty, path):
    n, c, o = (0 if empty == name else 2 for name in ("images", "in", "out"))
    x, weight = random(n, c, 5, 5, dtype=np.float32), random(o, c, 3, 3, dtype=np.float32)
    rest = ((1, 1), (1, 1, 1, 1), (1, 1), 1)
    y = cpu.conv2d(x, weight, None, *rest)
    assert y.shape == (n, o, 5, 5) and not y.any()
    back = cpu.conv_transpose2d(y, weight, None, (5, 5), *rest)
    assert back.shape == x.shape and not back.any()
    grad = cpu.conv2d_weight(x, y, (3, 3), *rest)
    assert grad.shape == weight.shape and not grad.any()


# ---------------------------------------------------------------------- large arrays take other paths


def test_elementwise_chunks_are_the_plain_formulas():
    """More entries than a chunk, in both memory orders: chunked, threaded results equal NumPy's on the whole."""
    for x in (
        random(3, 7, 80, 90, dtype=np.float32),
        random(3, 80, 90, 7, dtype=np.float32).transpose(0, 3, 1, 2),
    ):
        assert x.size > 65536
        grad = random(*x.shape, dtype=np.float32, seed=2)
        np.testing.assert_array_equal(cpu.relu(x), np.maximum(x, 0))
        np.testing.assert_allclose(cpu.leaky_relu(x, 0.2), np.where(x > 0, x, x * np.float32(0.2)), rtol=1e-6)
        expected = np.where(x > 0, grad, grad * np.float32(0.2))
        np.testing.assert_allclose(cpu.leaky_relu_backward(grad, x, 0.2), expected, rtol=1e-6)
        np.testing.assert_allclose(cpu.sigmoid(x), 1 / (1 + np.exp(-x.astype(float))), rtol=1e-6)
        np.testing.assert_allclose(cpu.channel_sum(x), x.sum(axis=(0, 2, 3), dtype=float), rtol=1e-3, atol=1e-2)


def test_adam_is_its_formula():
    shape, beta1, beta2, eps, decay = (300, 301), 0.9, 0.99, 1e-8, 0.01
    param, grad, mean = (random(*shape, dtype=np.float32, seed=i) for i in range(3))
    square = np.abs(random(*shape, dtype=np.float32, seed=3))
    p, g, m, v = (a.astype(float) for a in (param, grad, mean, square))
    cpu.adam([(param, grad, mean, square)], 0.1, beta1, beta2, 0.5, eps, decay)
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
    p = p * (1 - decay) - 0.1 * m / (np.sqrt(v / 0.5) + eps)
    for got, truth in ((mean, m), (square, v), (param, p)):
        np.testing.assert_allclose(got, truth, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("last", [True, False], ids=["channels last", "channels first"])
def test_normalisation_of_large_batches(last):
    x = random(9, 40, 50, 5, dtype=np.float32).transpose(0, 3, 1, 2) if last else random(9, 5, 40, 50)
    x = x.astype(np.float32) * 3 + 50
    grad, weight, bias = random(*x.shape, dtype=np.float32, seed=4), *random(2, 5, dtype=np.float32)
    wide, axes, shape = x.astype(float), (0, 2, 3), (1, 5, 1, 1)
    mean, var = cpu.moments(x)
    np.testing.assert_allclose(mean, wide.mean(axis=axes), rtol=1e-5)
    np.testing.assert_allclose(var, wide.var(axis=axes), rtol=1e-4)
    rstd = 1 / np.sqrt(var)
    xhat = (wide - mean.reshape(shape)) * rstd.reshape(shape)
    y = cpu.normalize(x, mean, rstd, weight, bias)
    np.testing.assert_allclose(y, xhat * weight.reshape(shape) + bias.reshape(shape), rtol=1e-4, atol=1e-4)
    dx, dweight, dbias = cpu.normalize_backward(grad, x, mean, rstd, weight)
    g_mean, gx_mean = grad.mean(axis=axes, keepdims=True), (grad * xhat).mean(axis=axes, keepdims=True)
    expected = (weight * rstd).reshape(shape) * (grad - g_mean - xhat * gx_mean)
    np.testing.assert_allclose(dx, expected, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(dweight, (grad * xhat).sum(axis=axes), rtol=1e-3, atol=1e-2)
    np.testing.assert_allclose(dbias, grad.sum(axis=axes, dtype=float), rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("kernel, stride, padding, ceil_mode", [(2, 2, 0, False), (3, 2, 1, True), (3, 1, 1, False)])
def test_max_pooling_is_its_definition(kernel, stride, padding, ceil_mode):
    x = np.round(random(2, 3, 11, 70, dtype=np.float32) * 2)  # rounded: with ties
    pairs = ((kernel, kernel), (stride, stride), (padding, padding), (1, 1))
    y, indices = cpu.max_pool2d(x, *pairs, ceil_mode)
    padded = np.pad(x, ((0, 0), (0, 0), (padding, kernel), (padding, kernel)), constant_values=-np.inf)
    for i, j in np.ndindex(*y.shape[2:]):
        window = padded[:, :, i * stride : i * stride + kernel, j * stride : j * stride + kernel].reshape(2, 3, -1)
        np.testing.assert_array_equal(y[:, :, i, j], window.max(axis=2))
        np.testing.assert_array_equal(indices[:, :, i, j], window.argmax(axis=2))
    grad = random(*y.shape, dtype=np.float32, seed=1)
    scattered = cpu.max_pool2d_scatter(grad, indices, x.shape[2:], *pairs)
    assert scattered.shape == x.shape
    np.testing.assert_array_equal(cpu.max_pool2d_gather(x, indices, *pairs), y)
    np.testing.assert_allclose(np.vdot(scattered, x), np.vdot(grad, y), rtol=1e-4)


@pytest.mark.parametrize("include", [True, False])
@pytest.mark.parametrize("kernel, stride, padding, ceil_mode", [(2, 2, 0, False), (3, 2, 1, True), (3, 1, 1, False)])
def test_average_pooling_as_pytorch(kernel, stride, padding, ceil_mode, include):
    functional = pytest.importorskip("torch.nn.functional")
    torch = pytest.importorskip("torch")
    x = random(2, 3, 11, 70)
    theirs = torch.from_numpy(x).requires_grad_()
    expected = functional.avg_pool2d(theirs, kernel, stride, padding, ceil_mode, include)
    arguments = ((kernel, kernel), (stride, stride), (padding, padding), ceil_mode, include)
    np.testing.assert_allclose(cpu.avg_pool2d(x, *arguments), expected.detach().numpy(), atol=1e-12)
    grad = random(*expected.shape, seed=1)
    expected.backward(torch.from_numpy(grad))
    np.testing.assert_allclose(cpu.avg_pool2d_scatter(grad, x.shape[2:], *arguments), theirs.grad.numpy(), atol=1e-12)
