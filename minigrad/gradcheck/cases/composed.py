"""Functions for networks that are composed of other operations: a case or more each, called as PyTorch calls them."""

from typing import Any

import numpy as np

from ..case import Case, Input, case, constant, distinct, nonzero, normal, positive


def _case(function: str, name: str, *inputs: Input, arguments: tuple[Any, ...] = (), **options: Any) -> Case:
    return case(function, name, lambda m, *t: getattr(m.nn.functional, function)(*t, *arguments, **options), *inputs)


# places between -1 and 1 that are no pixel's center and no border, where reading is smooth
PLACES = np.array([[[[-0.83, 0.31], [0.12, -0.57]], [[0.71, 0.93], [-1.21, 0.05]]]])
GRID = Input(lambda random, size: PLACES, PLACES.shape)

CASES = [
    case("Erf", "matrix", lambda m, x: m.erf(x), normal(2, 3)),
    case("Erf", "tails", lambda m, x: m.erf(x * 3.0), nonzero(7)),
    case("Erf", "empty", lambda m, x: m.erf(x), normal(0, 2)),
    _case("gelu", "exact", normal(2, 3)),
    _case("gelu", "large", normal(4), approximate="none"),
    _case("gelu", "tanh", normal(2, 3), approximate="tanh"),
    _case("silu", "matrix", normal(2, 3)),
    _case("selu", "matrix", nonzero(2, 3)),
    _case("hardtanh", "limits", nonzero(3, 3), arguments=(-0.7, 1.1)),
    case("relu6", "both sides", lambda m, x: m.nn.functional.relu6(x * 5.0) * x, nonzero(3, 3)),
    _case("softsign", "matrix", nonzero(2, 3)),
    _case("conv1d", "with bias", normal(2, 2, 6), normal(3, 2, 3), normal(3), padding=1, stride=2),
    _case("conv1d", "groups, dilated", normal(1, 4, 6), normal(2, 2, 2), groups=2, dilation=3),
    _case("conv1d", "same", normal(1, 2, 5), normal(2, 2, 4), padding="same"),
    _case("conv_transpose1d", "stride 2", normal(1, 2, 3), normal(2, 2, 3), normal(2), stride=2, output_padding=1),
    case(
        "ConvTranspose2d",
        "output_padding of more than a stride",
        lambda m, x, w: m.nn.functional.conv_transpose2d(x, w, padding=1, output_padding=2, dilation=3),
        normal(1, 2, 2, 3),
        normal(2, 1, 2, 2),
    ),
    _case("max_pool1d", "overlapping", distinct(1, 2, 7), arguments=(3, 2, 1)),
    _case("avg_pool1d", "padded", normal(2, 1, 5), arguments=(2, 2, 1)),
    _case("adaptive_max_pool2d", "sizes that do not divide", distinct(1, 2, 5, 4), arguments=((3, 3),)),
    _case("adaptive_max_pool2d", "larger than the image", distinct(1, 1, 2, 3), arguments=((3, 4),)),
    case(
        "MaxPool2d",
        "a window that hangs over",
        lambda m, x: m.nn.functional.max_pool2d(x, 3, 2, ceil_mode=True),
        distinct(1, 2, 2, 4),
    ),
    case(
        "AvgPool2d",
        "a window that hangs over",
        lambda m, x: m.nn.functional.avg_pool2d(x, 3, 2, ceil_mode=True),
        normal(1, 2, 2, 4),
    ),
    case(
        "group_norm",
        "two groups",
        lambda m, x, w, b: m.nn.functional.group_norm(x, 2, w, b),
        normal(2, 4, 2, 2),
        normal(4),
        normal(4),
    ),
    case("group_norm", "signals", lambda m, x: m.nn.functional.group_norm(x, 3), normal(2, 3, 4)),
    case("instance_norm", "signals", lambda m, x: m.nn.functional.instance_norm(x), normal(2, 2, 4)),
    _case("normalize", "rows", normal(2, 3)),
    _case("normalize", "largest along axis 0", positive(3, 2), arguments=(1.0, 0)),
    _case("unfold", "overlapping, padded", normal(1, 2, 4, 3), arguments=((2, 3), 1, 1, 2)),
    _case("unfold", "dilated", normal(2, 1, 5, 4), arguments=(2, 2)),
    case(
        "fold", "overlapping, padded", lambda m, x: m.nn.functional.fold(x, (4, 3), (2, 3), 1, 1, 2), normal(1, 12, 6)
    ),
    case("fold", "dilated", lambda m, x: m.nn.functional.fold(x, (4, 4), 2, 2), normal(2, 4, 4)),
    case("grid_sample", "zeros outside", lambda m, x, g: m.nn.functional.grid_sample(x, g), normal(1, 2, 3, 4), GRID),
    case(
        "grid_sample",
        "border, corners",
        lambda m, x, g: m.nn.functional.grid_sample(x, g, padding_mode="border", align_corners=True),
        normal(1, 2, 3, 4),
        GRID,
    ),
    case("affine_grid", "edges", lambda m, t: m.nn.functional.affine_grid(t, (2, 1, 2, 3)), normal(2, 2, 3)),
    case("affine_grid", "corners", lambda m, t: m.nn.functional.affine_grid(t, (1, 1, 3, 2), True), normal(1, 2, 3)),
    _case("pixel_unshuffle", "factor 2", normal(1, 2, 4, 2), arguments=(2,)),
    case(
        "embedding",
        "rows twice",
        lambda m, w, i: m.nn.functional.embedding(i, w),
        normal(4, 2),
        constant([[1, 3], [1, 0]]),
    ),
    case(
        "embedding",
        "padding elsewhere",
        lambda m, w, i: m.nn.functional.embedding(i, w, 2),
        normal(4, 2),
        constant([1, 3, 0]),
    ),
]
