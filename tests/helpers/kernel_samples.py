"""Calls of many kernels that run alike on either module of kernels, for comparing the two."""

import numpy as np

WINDOW = (3, 2), (2, 1), (1, 0), (1, 1)


def draw(*shape, dtype=np.float32):
    return np.random.default_rng(3).standard_normal(shape).astype(dtype)


def convolutions(kernels, move):
    """The three convolutions on one geometry with everything in it."""
    x, weight, bias, grad = draw(3, 4, 7, 6), draw(6, 2, 3, 2), draw(6), draw(3, 6, 4, 6)
    geometry = (2, 1), (2, 1, 0, 1), (1, 1), 2
    x, weight, bias, grad = map(move, (x, weight, bias, grad))
    return [
        kernels.conv2d(x, weight, bias, *geometry),
        kernels.conv_transpose2d(grad, weight, None, (7, 6), *geometry),
        kernels.conv2d_weight(x, grad, (3, 2), *geometry),
    ]


def pools_and_resizes(kernels, move):
    """Every kernel that divides an index."""
    x = move(draw(2, 3, 6, 5))
    y, choice = kernels.max_pool2d(x, *WINDOW, True)
    mean = kernels.avg_pool2d(x, *WINDOW[:3], True, False)
    padded = kernels.pad2d(x, (1, 2, 3, 0), "reflect")
    repeated = kernels.pad2d(x, (1, 2, 3, 0), "replicate")
    return [
        y, choice.astype("int32"), mean, padded, repeated,
        kernels.max_pool2d_scatter(y, choice, (6, 5), *WINDOW),
        kernels.max_pool2d_gather(x, choice, *WINDOW),
        kernels.avg_pool2d_scatter(mean, (6, 5), *WINDOW[:3], True, False),
        kernels.avg_pool2d(x, *WINDOW[:3], True, True),
        kernels.avg_pool2d_scatter(mean, (6, 5), *WINDOW[:3], True, True),
        kernels.pad2d_sum(padded, (1, 2, 3, 0), "reflect"),
        kernels.pad2d_sum(repeated, (1, 2, 3, 0), "replicate"),
        kernels.upsample_nearest2d(x, (2, 3)),
        kernels.upsample_nearest2d_sum(kernels.upsample_nearest2d(x, (2, 3)), (2, 3)),
    ]  # fmt: skip


def assert_equal(found, expected):
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours.get(), theirs, rtol=2e-5, atol=2e-5)
