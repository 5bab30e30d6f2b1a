"""Functions with random arguments, positional as PyTorch's code passes them: values and gradients, or both refuse."""

import random

import numpy as np
import pytest

import minigrad as mg

DRAWS = 60
torch = pytest.importorskip("torch")


class Draw:
    """Random arguments, the same in every run."""

    def __init__(self, seed):
        self.one_of = random.Random(seed).choice
        self.numbers = np.random.default_rng(seed)

    def normal(self, *shape):
        return self.numbers.standard_normal(shape)


def pooling(d, p):
    kernel, stride, padding = d([1, 2, 3, (2, 3)]), d([None, 1, 2, 3, (1, 2)]), d([0, 1])
    dilation, ceil, counted = d([1, 2]), d([True, False]), d([True, False])
    images = p.normal(*d([(1, 2, 5, 4), (2, 3, 4), (2, 1, 2, 2), (1, 1, 3, 7)]))
    signals = p.normal(*d([(2, 3, 7), (3, 6), (1, 1, 2)]))
    size, divisor, k, s = d([1, 2, (2, 3), (None, 2)]), d([None, 3]), d([1, 2, 3]), d([None, 1, 2])
    indices = d([True, False])
    yield lambda f, x: f.max_pool2d(x, kernel, stride, padding, dilation, ceil, indices), images
    yield lambda f, x: f.avg_pool2d(x, kernel, stride, padding, ceil, counted, divisor), images
    yield lambda f, x: f.adaptive_max_pool2d(x, size, True), images
    yield lambda f, x: f.adaptive_avg_pool2d(x, size), images
    yield lambda f, x: f.max_pool1d(x, k, s, padding, dilation, ceil, indices), signals
    yield lambda f, x: f.avg_pool1d(x, k, s, padding, ceil, counted), signals


def convolutions(d, p):
    k, s, padding, dilation, extra, groups = (
        d([1, 2, 3]),
        d([1, 2, 3]),
        d([0, 1, 2]),
        d([1, 2, 3]),
        d([0, 1, 2]),
        d([1, 2]),
    )
    margin = d([padding, "same", "valid"])
    images, weight = p.normal(*d([(2, 4, 3, 4), (4, 2, 3), (1, 4, 1, 1)])), p.normal(4, 4 // groups, k, 2)
    signals, bias, wide = p.normal(*d([(2, 4, 6), (4, 5)])), p.normal(4), p.normal(2 * groups)
    backwards = p.normal(4, 2, k, d([1, 2]))
    size = d([(3, 4), (5, 6)])
    windows = [max((n + 2 * padding - dilation * (k - 1) - 1) // s + 1, 1) for n in size]
    columns = p.normal(2, 3 * k * k, windows[0] * windows[1])
    yield lambda f, x, w, b: f.conv2d(x, w, b, s, margin, dilation, groups), images, weight, bias
    yield lambda f, x, w, b: f.conv_transpose2d(x, w, b, s, padding, extra, groups, dilation), images, backwards, wide
    yield lambda f, x, w, b: f.conv1d(x, w, b, s, margin, dilation, groups), signals, weight[..., 0], bias
    yield (
        lambda f, x, w, b: f.conv_transpose1d(x, w, b, s, padding, extra, groups, dilation),
        signals, backwards[..., 0], wide,
    )  # fmt: skip
    yield lambda f, x: f.unfold(x, k, dilation, padding, s), images
    yield lambda f, x: f.fold(x, size, k, dilation, padding, s), columns


def resizing(d, p):
    images = p.normal(2, 2, d([2, 3, 5]), d([3, 4, 7]))
    mode, corners, antialias = d(["nearest", "bilinear", "bicubic", "area"]), d([None, True, False]), d([False, True])
    scales = [2, 3] if antialias or mode == "bicubic" else [1.2, 2, 0.5, 1.7, (2, 0.7), 3]
    # (where a size of 1 or the same size comes out, PyTorch's gradients of the others fail its own gradcheck)
    sizes = d([{"size": d([2, (3, 4), 5, (2, 7)])}, {"scale_factor": d(scales)}])
    recompute = d([None, True, False])
    places, theta = p.numbers.uniform(-1.3, 1.3, (2, 3, 2, 2)), p.normal(2, 2, 3)
    reading, outside = d(["bilinear", "nearest"]), d(["zeros", "border"])
    options = {"mode": mode, "align_corners": corners, "antialias": antialias}
    yield lambda f, x: f.interpolate(x, **sizes, recompute_scale_factor=recompute, **options), images
    yield lambda f, x, g: f.grid_sample(x, g, reading, outside, corners), images, places
    yield lambda f, t: f.affine_grid(t, (2, 1, 3, 4), corners), theta


def losses(d, p):
    count, reduction = d([3, 4]), d(["mean", "sum", "none"])
    shape = d([(5, count), (2, count, 3), (2, count, 2, 2), (count,)])
    x, y, probability = p.normal(*shape), p.normal(*shape), p.numbers.uniform(0.1, 0.9, shape)
    classes = np.asarray(p.numbers.integers(0, count, shape[:1] + shape[2:] if len(shape) > 1 else ()))
    ignored, smoothing, delta, log = d([-100, 1]), d([0.0, 0.1]), d([0.5, 1.0, 2.0]), d([True, False])
    former = d([(None, None), (False, None), (None, False)])
    w, factors = p.numbers.uniform(0.5, 2, count), p.numbers.uniform(0.5, 2, shape)
    w, factors = d([None, w]), d([None, factors])
    batchmean = d(["batchmean", reduction])
    one = lambda f, values: None if values is None else f.of(values)  # noqa: E731
    yield lambda f, x, t: f.cross_entropy(x, t, one(f, w), None, ignored, None, reduction, smoothing), x, classes
    yield (
        lambda f, x, t: f.cross_entropy(x, t, one(f, w), reduction=reduction, label_smoothing=smoothing),
        x,
        probability,
    )
    yield lambda f, x, t: f.nll_loss(x, t, one(f, w), None, ignored, None, reduction), x, classes
    yield lambda f, x, y: f.huber_loss(x, y, reduction, delta, one(f, factors)), x, y
    yield lambda f, x, y: f.smooth_l1_loss(x, y, *former, reduction, delta), x, y
    yield lambda f, x, y: f.mse_loss(x, y, *former, reduction, one(f, factors)), x, y
    yield lambda f, x, y: f.l1_loss(x, y, *former, reduction, one(f, factors)), x, y
    yield lambda f, x, y: f.kl_div(x, y, None, None, batchmean, log), x, probability
    yield lambda f, x, y: f.binary_cross_entropy(x, y, one(f, factors), *former, reduction), probability, y**2 / 20
    yield lambda f, x, y: f.binary_cross_entropy_with_logits(x, y, one(f, factors), *former, reduction), x, probability


def the_rest(d, p):
    channels = d([3, 4])
    shape = d([(5, channels), (2, channels, 3), (2, channels, 2, 2)])
    x, name = p.normal(*shape) * 3, d(["silu", "selu", "relu6", "softsign", "hardtanh"])
    numbers, table, padding = p.numbers.integers(0, 5, (2, 3)), p.normal(5, 4), d([None, 1, -1])
    groups, norm, dim, total = d([1, channels, 2]), d([1.0, 2.0]), d([0, -1]), d([-1, 5, 6, 2])
    running, rounded = d([False, True]), d(["none", "tanh"])
    yield lambda f, x: getattr(f, name)(x), x
    yield lambda f, x: f.gelu(x, approximate=rounded), x
    yield lambda f, x, w: f.prelu(x, w), x, p.normal(d([1, channels]))
    yield lambda f, x: f.normalize(x, norm, dim), x
    yield lambda f, x, w, b: f.group_norm(x, groups, w, b), x, p.normal(channels), p.normal(channels)
    yield (
        lambda f, x, w, b: f.instance_norm(x, None, None, w, b, True, 0.1, 1e-3),
        x,
        p.normal(channels),
        p.normal(channels),
    )
    yield (
        lambda f, x, m, v: f.instance_norm(x, m.detach(), v.detach(), None, None, running, 0.3),
        x, p.normal(channels), p.numbers.uniform(1, 2, channels),
    )  # fmt: skip
    yield lambda f, i, w: f.embedding(i, w, padding), numbers, table
    yield lambda f, i: f.one_hot(i, total), numbers
    yield lambda f, x: f.pixel_unshuffle(x, 2), p.normal(2, 2, 4, 6)


class Functions:
    """One library's functional, and its way to make tensors of numbers."""

    def __init__(self, library):
        self.library, self.of = library, library.tensor

    def __getattr__(self, name):
        return getattr(self.library.nn.functional, name)


def outcome(library, function, arrays):
    """(result, indices, gradients), or the error."""
    inputs = [library.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
    try:
        y = function(Functions(library), *inputs)
    except (ValueError, RuntimeError, TypeError, IndexError) as error:
        return error
    y, indices = y if isinstance(y, tuple) else (y, None)
    gradients = []
    if y.requires_grad:
        weights = library.tensor(np.cos(np.arange(y.numel(), dtype=float)).reshape(tuple(y.shape)))
        wanted = [x for x in inputs if x.requires_grad]
        found = library.autograd.grad((y * weights).sum(), wanted, allow_unused=True)
        gradients = [0.0 if g is None else g.numpy() for g in found]
    return y.detach().numpy(), None if indices is None else indices.numpy(), gradients


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("family", [pooling, convolutions, resizing, losses, the_rest], ids=lambda f: f.__name__)
def test_random_arguments_give_what_pytorch_gives(family):
    computed = 0
    for seed in range(DRAWS):
        draw = Draw(seed)
        for number, (function, *arrays) in enumerate(family(draw.one_of, draw)):
            expected, found = outcome(torch, function, arrays), outcome(mg, function, arrays)
            where = f"{family.__name__}, draw {seed}, function {number}: {expected!r} against {found!r}"
            assert isinstance(expected, Exception) == isinstance(found, Exception), where
            if isinstance(expected, Exception):
                continue
            computed += 1
            assert found[0].shape == expected[0].shape and found[0].dtype == expected[0].dtype, where
            np.testing.assert_allclose(found[0], expected[0], rtol=1e-8, atol=1e-9, err_msg=where)
            assert expected[1] is None or (found[1] == expected[1]).all(), where
            for ours, theirs in zip(found[2], expected[2], strict=True):
                np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-9, err_msg=where)
    assert computed > DRAWS * 2


def test_running_statistics_of_instances_follow_as_pytorchs():
    values, found = np.random.default_rng(0).standard_normal((3, 2, 4, 5)), []
    for library in (mg, torch):
        mean, var = library.zeros(2).double(), library.ones(2).double()
        library.nn.functional.instance_norm(library.tensor(values), mean, var, momentum=0.3)
        found.append([mean.tolist(), var.tolist()])
    np.testing.assert_allclose(*found, rtol=1e-12)


def test_one_hot_and_embedding_refuse_what_is_out_of_range():
    functional = mg.nn.functional
    with pytest.raises(ValueError, match="from 0 to 1 are needed, got 0 to 2"):
        functional.one_hot(mg.tensor([0, 2]), 2)
    with pytest.raises(IndexError, match="indices from 1 to 5, but weight has 5 rows"):
        functional.embedding(mg.tensor([1, 5]), mg.ones(5, 2))
