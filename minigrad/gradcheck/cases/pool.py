"""Pooling: windows that overlap, leave gaps, hang over the edge; both directions of each adjoint pair."""

from typing import Any

import numpy as np

from ..case import Case, Input, case, constant, distinct, normal


def _max(name: str, x: Input, *arguments: Any, **options: Any) -> Case:
    return case("MaxPool2d", name, lambda m, x: m.nn.functional.max_pool2d(x, *arguments, **options), x)


def _avg(name: str, x: Input, *arguments: Any, **options: Any) -> Case:
    return case("AvgPool2d", name, lambda m, x: m.nn.functional.avg_pool2d(x, *arguments, **options), x)


def _spread(name: str, y: Input, size: tuple[int, int], *window: Any) -> Case:
    return case("AvgPool2dScatter", name, lambda m, y: m.adjoint.avg_pool2d_scatter(y, size, *window), y)


def _adaptive(name: str, x: Input, size: Any) -> Case:
    return case("adaptive_avg_pool2d", name, lambda m, x: m.nn.functional.adaptive_avg_pool2d(x, size), x)


# the place of the winner in each of 2x2 windows of 2x2 and of 2x3, for two channels
CHOICE_2X2 = constant(np.array([[[[0, 3], [1, 2]], [[2, 2], [3, 0]]]]))
CHOICE_2X3 = constant(np.array([[[[0, 5], [3, 2]], [[4, 4], [1, 1]]]]))
CHOICE_3X2 = constant(np.array([[[[0, 3], [1, 2], [3, 1]]], [[[2, 2], [3, 0], [0, 2]]]]))  # two images
CHOICE_PADDED = constant(np.array([[[[4, 8, 3], [1, 4, 0]]]]))  # places of 3x3 windows that are not in the padding
PADDED = (3, 3), (2, 2), (1, 1), (1, 1)
PLAIN = (2, 2), (2, 2), (0, 0), (1, 1)
OVERLAPPING = (2, 3), (1, 2), (0, 0), (2, 1)

CASES = [
    _max("2x2", distinct(2, 2, 4, 2), 2),
    _max("remainder left out", distinct(1, 2, 5, 3), 2),
    _max("remainder kept", distinct(1, 2, 5, 3), 2, ceil_mode=True),
    _max("overlapping, padded", distinct(1, 2, 5, 4), 3, stride=2, padding=1),
    _max("stride 1", distinct(1, 1, 4, 4), 2, 1),
    _max("gaps between windows", distinct(1, 1, 7, 5), (2, 1), stride=(3, 2)),
    _max("dilation", distinct(1, 1, 5, 6), (2, 3), stride=1, dilation=2),
    _max("ceil_mode with padding", distinct(1, 1, 4, 6), 3, stride=2, padding=1, ceil_mode=True),
    _max("channels last", distinct(2, 3, 4, 4, layout="channels_last"), 2),
    _max("one window", distinct(1, 2, 3, 2), (3, 2)),
    _max("empty batch", distinct(0, 2, 4, 4), 2),
    _max("strided", distinct(1, 2, 4, 4, layout="strided"), 2),
    case(
        "MaxPool2dScatter",
        "2x2",
        lambda m, x, k: m.adjoint.max_pool2d_scatter(x, k, (4, 5), *PLAIN),
        normal(1, 2, 2, 2),
        CHOICE_2X2,
    ),
    case(
        "MaxPool2dScatter",
        "overlapping, dilated",
        lambda m, x, k: m.adjoint.max_pool2d_scatter(x, k, (4, 5), *OVERLAPPING),
        normal(1, 2, 2, 2),
        CHOICE_2X3,
    ),
    case(
        "MaxPool2dGather",
        "2x2",
        lambda m, x, k: m.adjoint.max_pool2d_gather(x, k, *PLAIN),
        normal(1, 2, 4, 5),
        CHOICE_2X2,
    ),
    case(
        "MaxPool2dGather",
        "overlapping, dilated",
        lambda m, x, k: m.adjoint.max_pool2d_gather(x, k, *OVERLAPPING),
        normal(1, 2, 4, 5),
        CHOICE_2X3,
    ),
    case(
        "MaxPool2dScatter",
        "two images, three rows",
        lambda m, x, k: m.adjoint.max_pool2d_scatter(x, k, (6, 4), *PLAIN),
        normal(2, 1, 3, 2),
        CHOICE_3X2,
    ),
    case(
        "MaxPool2dGather",
        "padded, a window that hangs over",
        lambda m, x, k: m.adjoint.max_pool2d_gather(x, k, *PADDED),
        normal(1, 1, 4, 5),
        CHOICE_PADDED,
    ),
    _avg("2x2", normal(2, 2, 4, 2), 2),
    _avg("remainder left out", normal(1, 2, 5, 3), 2),
    _avg("remainder kept", normal(1, 2, 5, 3), 2, ceil_mode=True),
    _avg("overlapping, padding counted", normal(1, 2, 5, 4), 3, stride=2, padding=1),
    _avg("overlapping, padding not counted", normal(1, 2, 5, 4), 3, stride=2, padding=1, count_include_pad=False),
    _avg("ceil_mode with padding", normal(1, 1, 4, 6), 3, stride=2, padding=1, ceil_mode=True),
    _avg("ceil_mode, padding not counted", normal(1, 1, 4, 6), 3, 2, 1, ceil_mode=True, count_include_pad=False),
    _avg("gaps between windows", normal(1, 1, 7, 5), (2, 1), stride=(3, 2)),
    _avg("channels last", normal(2, 3, 4, 4, layout="channels_last"), 2),
    _avg("empty batch", normal(0, 2, 4, 4), 2),
    _avg("strided", normal(1, 2, 4, 4, layout="strided"), (1, 2)),
    _spread("2x2 with remainder", normal(1, 2, 2, 1), (5, 3), (2, 2), (2, 2), (0, 0), False, True),
    _spread("overlapping", normal(1, 2, 3, 2), (5, 4), (3, 3), (2, 2), (1, 1), False, False),
    _spread("ceil_mode", normal(1, 1, 3, 4), (4, 6), (3, 3), (2, 2), (1, 1), True, True),
    _adaptive("to 1x1", normal(2, 2, 3, 4), 1),
    _adaptive("sizes that do not divide", normal(1, 2, 5, 4), (3, 3)),
    _adaptive("larger than the image", normal(1, 1, 2, 3), (3, 4)),
    _adaptive("one size kept", normal(1, 2, 4, 3), (2, None)),
    _adaptive("empty batch", normal(0, 2, 4, 3), (2, 2)),
]
