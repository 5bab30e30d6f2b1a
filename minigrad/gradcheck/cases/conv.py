"""The three convolutions: strides that leave a remainder, every kind of padding, dilation, groups, odd sizes."""

from typing import Any

from ..case import Case, Input, case, normal


def _conv(name: str, x: Input, weight: Input, *bias: Input, **options: Any) -> Case:
    return case("Conv2d", name, lambda m, *t: m.nn.functional.conv2d(*t, **options), x, weight, *bias)


def _transposed(name: str, x: Input, weight: Input, *bias: Input, **options: Any) -> Case:
    return case(
        "ConvTranspose2d", name, lambda m, *t: m.nn.functional.conv_transpose2d(*t, **options), x, weight, *bias
    )


def _weight(name: str, x: Input, y: Input, kernel_size: tuple[int, int], **options: Any) -> Case:
    return case("Conv2dWeight", name, lambda m, x, y: m.adjoint.conv2d_weight(x, y, kernel_size, **options), x, y)


CASES = [
    _conv("plain, with bias", normal(2, 2, 4, 3), normal(3, 2, 3, 2), normal(3)),
    _conv("padding 1, 3x3", normal(1, 2, 3, 4), normal(2, 2, 3, 3), padding=1),
    _conv("1x1", normal(2, 2, 2, 3), normal(3, 2, 1, 1), normal(3)),
    _conv("stride 2 leaves a remainder", normal(1, 2, 6, 5), normal(2, 2, 3, 3), stride=2),
    _conv("stride 2, 4x4, padding 1", normal(1, 2, 6, 4), normal(2, 2, 4, 4), normal(2), stride=2, padding=1),
    _conv("stride larger than the kernel", normal(1, 1, 8, 7), normal(2, 1, 2, 2), stride=(3, 4)),
    _conv("stride and padding by axis", normal(1, 2, 4, 6), normal(2, 2, 2, 3), stride=(1, 2), padding=(2, 0)),
    _conv("dilation", normal(1, 2, 6, 6), normal(1, 2, 3, 2), dilation=(2, 3), padding=1),
    _conv("dilation and stride", normal(1, 1, 7, 8), normal(2, 1, 2, 3), dilation=2, stride=2, padding=1),
    _conv("two groups", normal(1, 4, 4, 3), normal(2, 2, 3, 2), normal(2), groups=2),
    _conv("depthwise", normal(2, 3, 4, 3), normal(3, 1, 2, 2), padding=1, groups=3),
    _conv("depthwise, two outputs a channel, stride 2", normal(1, 2, 5, 4), normal(4, 1, 3, 3), stride=2, groups=2),
    _conv("padding same, even kernel", normal(1, 2, 3, 4), normal(2, 2, 2, 4), padding="same"),
    _conv("padding same, dilated", normal(1, 1, 4, 5), normal(2, 1, 2, 3), padding="same", dilation=(3, 2)),
    _conv("padding valid", normal(1, 2, 3, 3), normal(2, 2, 3, 3), padding="valid"),
    _conv("asymmetric padding", normal(1, 2, 3, 3), normal(2, 2, 3, 3), padding=(0, 2, 1, 0)),
    _conv("asymmetric padding, stride 2", normal(1, 1, 4, 3), normal(2, 1, 2, 3), padding=(1, 0, 0, 3), stride=2),
    _conv("padding larger than the kernel", normal(1, 1, 2, 2), normal(1, 1, 2, 2), padding=3),
    _conv("kernel as large as the image", normal(2, 2, 3, 4), normal(3, 2, 3, 4), normal(3)),
    _conv("image of one pixel", normal(1, 2, 1, 1), normal(2, 2, 3, 3), padding=1),
    _conv("empty batch", normal(0, 2, 4, 3), normal(3, 2, 3, 2), normal(3), padding=1),
    _conv("channels last", normal(2, 3, 4, 3, layout="channels_last"), normal(2, 3, 3, 3), normal(2), padding=1),
    _conv("transposed and strided", normal(1, 2, 4, 3, layout="transposed"), normal(2, 2, 3, 2, layout="strided")),
    _conv("reversed", normal(1, 2, 3, 4, layout="reversed"), normal(2, 2, 2, 2, layout="reversed")),
    case("Conv2d", "an image by itself", lambda m, x: m.nn.functional.conv2d(x, x, padding=1), normal(2, 2, 2, 2)),
    case(
        "Conv2d",
        "two layers",
        lambda m, x, v, w: m.nn.functional.conv2d(m.tanh(m.nn.functional.conv2d(x, v, padding=1)), w, stride=2),
        normal(1, 1, 4, 4),
        normal(2, 1, 3, 3),
        normal(1, 2, 2, 2),
    ),
    _transposed("plain, with bias", normal(2, 2, 2, 3), normal(2, 3, 3, 2), normal(3)),
    _transposed("1x1 image to 4x4", normal(2, 3, 1, 1), normal(3, 2, 4, 4)),
    _transposed("stride 2, 4x4, padding 1", normal(1, 2, 3, 2), normal(2, 2, 4, 4), normal(2), stride=2, padding=1),
    _transposed(
        "stride 2, 3x3, output_padding", normal(1, 2, 2, 3), normal(2, 1, 3, 3), stride=2, padding=1, output_padding=1
    ),
    _transposed("output_padding by axis", normal(1, 1, 2, 2), normal(1, 2, 3, 3), stride=(2, 3), output_padding=(0, 2)),
    _transposed("stride larger than the kernel", normal(1, 1, 3, 2), normal(1, 2, 2, 2), normal(2), stride=3),
    _transposed("dilation", normal(1, 2, 3, 2), normal(2, 1, 2, 3), dilation=(3, 2), padding=1),
    _transposed("dilation and stride", normal(1, 1, 2, 3), normal(1, 2, 3, 2), dilation=2, stride=2, padding=(2, 0)),
    _transposed("two groups", normal(1, 4, 2, 2), normal(4, 1, 3, 2), normal(2), groups=2, stride=2),
    _transposed("depthwise", normal(1, 2, 3, 2), normal(2, 1, 2, 2), groups=2),
    _transposed("empty batch", normal(0, 2, 2, 2), normal(2, 3, 3, 3), normal(3), stride=2),
    _transposed("channels last", normal(1, 3, 2, 3, layout="channels_last"), normal(3, 2, 4, 4), stride=2, padding=1),
    _transposed("strided", normal(1, 2, 2, 2, layout="strided"), normal(2, 2, 3, 3, layout="transposed"), padding=1),
    _weight("plain", normal(2, 2, 4, 3), normal(2, 3, 3, 2), (2, 2)),
    _weight("stride 2 leaves a remainder", normal(1, 2, 6, 5), normal(1, 2, 2, 2), (3, 3), stride=(2, 2)),
    _weight("asymmetric padding", normal(1, 1, 3, 3), normal(1, 2, 3, 3), (2, 3), padding=(1, 0, 2, 0)),
    _weight("dilation", normal(1, 2, 5, 5), normal(1, 1, 3, 2), (2, 2), dilation=(2, 3)),
    _weight("groups", normal(2, 4, 3, 3), normal(2, 2, 2, 2), (2, 2), groups=2),
    _weight("empty batch", normal(0, 2, 3, 3), normal(0, 3, 2, 2), (2, 2)),
    case("ChannelSum", "images", lambda m, x: m.adjoint.channel_sum(x), normal(2, 3, 2, 2)),
    case(
        "ChannelSum",
        "channels last",
        lambda m, x: m.adjoint.channel_sum(x * x),
        normal(2, 3, 2, 1, layout="channels_last"),
    ),
    case("ChannelSum", "empty batch", lambda m, x: m.adjoint.channel_sum(x), normal(0, 3, 2, 2)),
]
