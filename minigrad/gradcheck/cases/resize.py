"""Padding of every kind and amount, upsampling and downsampling, pixel shuffle."""

from typing import Any

from ..case import Case, Input, case, normal


def _pad(op: str, name: str, x: Input, *arguments: Any, **options: Any) -> Case:
    return case(op, name, lambda m, x: m.nn.functional.pad(x, *arguments, **options), x)


def _resized(op: str, name: str, x: Input, **options: Any) -> Case:
    return case(op, name, lambda m, x: m.nn.functional.interpolate(x, **options), x)


def _folded(name: str, x: Input, padding: tuple[int, int, int, int], mode: str) -> Case:
    return case("PadBorderSum", name, lambda m, x: m.adjoint.pad_border_sum(x, padding, mode), x)


CASES = [
    _pad("Pad", "last axis", normal(2, 3), (1, 2)),
    _pad("Pad", "two axes, a value", normal(1, 2, 2, 2), (0, 1, 2, 0), value=3.5),
    _pad("Pad", "nothing", normal(2, 2), (0, 0)),
    _pad("Pad", "an empty tensor", normal(0, 2), (1, 0, 1, 1)),
    _pad("Pad", "channels last", normal(1, 2, 2, 2, layout="channels_last"), (1, 1, 1, 1)),
    _pad("PadBorder", "reflect", normal(1, 2, 3, 4), (1, 2, 2, 0), mode="reflect"),
    _pad("PadBorder", "reflect to the limit", normal(1, 1, 3, 3), (2, 2, 2, 2), mode="reflect"),
    _pad(
        "PadBorder", "reflect, channels last", normal(1, 3, 3, 3, layout="channels_last"), (1, 1, 1, 1), mode="reflect"
    ),
    _pad("PadBorder", "replicate", normal(1, 2, 2, 3), (1, 0, 2, 3), mode="replicate"),
    _pad("PadBorder", "replicate one pixel", normal(1, 1, 1, 1), (2, 1, 1, 2), mode="replicate"),
    _pad("PadBorder", "reflect an empty batch", normal(0, 2, 3, 3), (1, 1, 1, 1), mode="reflect"),
    _folded("reflect", normal(1, 2, 5, 4), (2, 0, 1, 0), "reflect"),
    _folded("replicate", normal(1, 1, 4, 5), (1, 2, 3, 0), "replicate"),
    _resized("UpsampleNearest", "twice", normal(2, 2, 2, 3), scale_factor=2),
    _resized("UpsampleNearest", "factor by axis", normal(1, 2, 2, 2), scale_factor=(3, 1)),
    _resized("UpsampleNearest", "to a size", normal(1, 1, 2, 3), size=(4, 9)),
    _resized("UpsampleNearest", "channels last", normal(1, 3, 2, 2, layout="channels_last"), scale_factor=2),
    _resized("UpsampleNearest", "empty batch", normal(0, 2, 2, 2), scale_factor=2),
    case(
        "UpsampleNearestSum", "2x3 blocks", lambda m, x: m.adjoint.upsample_nearest_sum(x, (2, 3)), normal(1, 2, 4, 3)
    ),
    case(
        "UpsampleNearestSum",
        "1x1 blocks",
        lambda m, x: m.adjoint.upsample_nearest_sum(x, (1, 1)) * x,
        normal(1, 2, 2, 2),
    ),
    _resized("interpolate", "nearest, not a multiple", normal(1, 2, 3, 4), size=(5, 3)),
    _resized("interpolate", "nearest, factor 1.5", normal(1, 1, 3, 4), scale_factor=1.5),
    _resized("interpolate", "nearest, factor 2.4", normal(1, 1, 2, 5), scale_factor=2.4),
    _resized("interpolate", "bilinear, twice", normal(1, 2, 2, 3), scale_factor=2, mode="bilinear"),
    _resized("interpolate", "bilinear, factor 1.7", normal(1, 1, 4, 3), scale_factor=1.7, mode="bilinear"),
    _resized("interpolate", "bilinear, smaller", normal(1, 1, 5, 4), size=(3, 2), mode="bilinear"),
    _resized("interpolate", "bilinear, corners", normal(1, 2, 3, 2), size=(5, 4), mode="bilinear", align_corners=True),
    _resized(
        "interpolate", "bilinear, corners, one pixel", normal(1, 1, 3, 2), size=1, mode="bilinear", align_corners=True
    ),
    _resized("interpolate", "bilinear, one size stays", normal(1, 1, 2, 4), scale_factor=1.2, mode="bilinear"),
    _resized("interpolate", "bicubic", normal(1, 1, 3, 4), size=(5, 6), mode="bicubic"),
    _resized("interpolate", "bicubic, corners", normal(1, 1, 4, 3), size=(3, 5), mode="bicubic", align_corners=True),
    _resized("interpolate", "area", normal(1, 2, 5, 4), size=(2, 3), mode="area"),
    _resized("interpolate", "bilinear, antialias", normal(1, 1, 7, 4), size=(3, 5), mode="bilinear", antialias=True),
    _resized("interpolate", "bicubic, antialias", normal(1, 1, 7, 5), size=(3, 2), mode="bicubic", antialias=True),
    case("PixelShuffle", "factor 2", lambda m, x: m.nn.functional.pixel_shuffle(x, 2), normal(1, 8, 2, 3)),
    case("PixelShuffle", "factor 3", lambda m, x: m.nn.functional.pixel_shuffle(x, 3), normal(2, 9, 1, 2)),
    case("PixelShuffle", "one pixel", lambda m, x: m.nn.functional.pixel_shuffle(x, 2), normal(2, 4, 1, 1)),
    case(
        "PixelUnshuffle",
        "factor 2, channels last",
        lambda m, x: m.nn.functional.pixel_unshuffle(x, 2),
        normal(1, 2, 4, 2, layout="channels_last"),
    ),
]
