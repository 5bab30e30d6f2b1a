"""What VGG16 and VGG19 consist of: the names and shapes of their layers (Simonyan and Zisserman 2014, table 1).

Five blocks of 3 x 3 convolutions, each block ending in a 2 x 2 pooling: configuration D is VGG16, E is VGG19.
Layers are called as Caffe and Gatys call them: `conv4_2` is the second convolution of block 4. Three fully
connected layers, fc6 to fc8, make the classifier; they see the 7 x 7 positions that five poolings leave of a
224 x 224 picture, flattened channel by channel (C, H, W).
"""

from __future__ import annotations

from dataclasses import dataclass

FEATURE_SIDE = 7  # 224 / 2^5
HEAD_NAMES = ("fc6", "fc7", "fc8")


@dataclass(frozen=True)
class Architecture:
    """One configuration. convolutions: how many in each block; widths: their output channels, by block."""

    name: str
    convolutions: tuple[int, ...]
    widths: tuple[int, ...] = (64, 128, 256, 512, 512)
    hidden: int = 4096
    classes: int = 1000

    def conv_names(self) -> list[str]:
        """conv1_1, conv1_2, conv2_1, ... in the order in which the picture meets them."""
        return [f"conv{block}_{i}" for block, count in enumerate(self.convolutions, 1) for i in range(1, count + 1)]

    def conv_shapes(self) -> dict[str, tuple[int, ...]]:
        """The convolutions' parameters: weights (O, I, 3, 3), biases (O,)."""
        shapes: dict[str, tuple[int, ...]] = {}
        channels = 3
        for name in self.conv_names():
            width = self.widths[int(name[4]) - 1]
            shapes[f"{name}.weight"] = (width, channels, 3, 3)
            shapes[f"{name}.bias"] = (width,)
            channels = width
        return shapes

    def head_shapes(self) -> dict[str, tuple[int, ...]]:
        """The classifier's parameters: weights (out, in), biases (out,)."""
        sizes = (self.widths[-1] * FEATURE_SIDE**2, self.hidden, self.hidden, self.classes)
        shapes: dict[str, tuple[int, ...]] = {}
        for name, inputs, outputs in zip(HEAD_NAMES, sizes, sizes[1:]):
            shapes[f"{name}.weight"] = (outputs, inputs)
            shapes[f"{name}.bias"] = (outputs,)
        return shapes

    def torchvision_indices(self) -> list[int]:
        """Where torchvision's `features` (a Sequential of convolutions, ReLUs and poolings) has the convolutions."""
        indices, position = [], 0
        for count in self.convolutions:
            indices += [position + 2 * i for i in range(count)]
            position += 2 * count + 1
        return indices


VGG16 = Architecture("vgg16", (2, 2, 3, 3, 3))
VGG19 = Architecture("vgg19", (2, 2, 4, 4, 4))
ARCHITECTURES = (VGG16, VGG19)
