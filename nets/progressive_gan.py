"""The progressively grown GAN (Karras, Aila, Laine and Lehtinen 2018, "Progressive Growing of GANs for Improved
Quality, Stability, and Variation"), for square pictures whose side is a power of two from 8 on.

Both networks work at one level at a time: level l has pictures of 4 * 2^l pixels. When the level goes up, the new
layers fade in: for alpha from 0 to 1 the generator's picture is (1 - alpha) enlarged picture of the level below +
alpha new picture, and the discriminator mixes what it reads from both in the same way.

Pictures are (N, channels, S, S), meant to lie in [-1, 1], but nothing holds them there: the last layer is linear.
"""

from __future__ import annotations

import math
from itertools import pairwise

import minigrad as mg
from minigrad import nn
from minigrad.autograd import Tensor
from minigrad.nn import functional as F

from .dcgan import count_doublings
from .mlp_gan import checked_noise

RELU_GAIN = math.sqrt(2.0)


class EqualizedConv2d(nn.Module):
    """A convolution, stride 1, same size; its weights begin as N(0, 1) and are used times gain / sqrt(fan in).

    Adam moves all weights equally fast, whatever their scale; with this every layer learns at the same relative speed.
    (Section 4.1.)
    """

    def __init__(self, before: int, after: int, kernel_size: int, gain: float = RELU_GAIN) -> None:
        super().__init__()
        self.weight = nn.Parameter(mg.randn(after, before, kernel_size, kernel_size))
        self.bias = nn.Parameter(mg.zeros(after))
        self.scale = gain / math.sqrt(before * kernel_size**2)
        self.padding = kernel_size // 2

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight * self.scale, self.bias, padding=self.padding)


class EqualizedLinear(nn.Module):
    """A linear layer with an equalized learning rate, see `EqualizedConv2d`.

    lr_multiplier: how much slower than the others it learns. bias: what its biases begin with.
    """

    def __init__(
        self, before: int, after: int, gain: float = RELU_GAIN, lr_multiplier: float = 1.0, bias: float = 0.0
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(mg.randn(after, before) / lr_multiplier)
        self.bias = nn.Parameter(mg.full((after,), bias / lr_multiplier))
        self.scale, self.lr_multiplier = lr_multiplier * gain / math.sqrt(before), lr_multiplier

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.scale, self.bias * self.lr_multiplier)


def pixel_norm(x: Tensor) -> Tensor:
    """x / sqrt(mean over channels of x^2 + 1e-8), at every pixel. (Section 4.2.)"""
    return x / mg.sqrt((x * x).mean(1, keepdim=True) + 1e-8)


def with_minibatch_stddev(x: Tensor) -> Tensor:
    """x (N, C, H, W) with one more channel: the standard deviation over the batch, averaged over all else.

    It tells the discriminator how varied a batch is, so that a generator that always draws the same is found out.
    (Section 3; biased, with 1e-8 added to the variance.)
    """
    centered = x - x.mean(0, keepdim=True)
    deviation = mg.sqrt((centered * centered).mean(0) + 1e-8).mean()
    return mg.cat([x, deviation.expand(x.shape[0], 1, *x.shape[2:])], 1)


def activated(x: Tensor) -> Tensor:
    """LeakyReLU 0.2, the activation of every layer."""
    return F.leaky_relu(x, 0.2)


def enlarged(x: Tensor) -> Tensor:
    """Twice the side, every pixel four times."""
    return F.interpolate(x, scale_factor=2, mode="nearest")


def mixed(below: Tensor, above: Tensor, alpha: float) -> Tensor:
    """(1 - alpha) below + alpha above."""
    return (1.0 - alpha) * below + alpha * above


def features_at(level: int, width: int) -> int:
    """Feature maps at a level: `width` at 4 and 8 pixels, then half as many each time, but not less than 4.

    (The paper keeps its 512 up to 32 pixels.)
    """
    return max(4, min(width, 2 * width >> level))


class Growing(nn.Module):
    """A network that works at one of the levels 0 to `top`; alpha is how far that level has faded in.

    first: the level at which training begins. It is made fully grown.
    """

    first = 0

    def __init__(self, image_size: int) -> None:
        super().__init__()
        self.top = self.level = count_doublings(type(self).__name__, image_size)
        self.alpha = 1.0

    def grow_to(self, level: int, alpha: float = 1.0) -> None:
        """Work at this level from now on. Errors: ValueError if there is no such level or alpha is outside [0, 1]."""
        if not (0 <= level <= self.top and 0 <= alpha <= 1):
            raise ValueError(f"level must lie in 0 to {self.top} and alpha in 0 to 1, got {level} and {alpha}")
        self.level, self.alpha = level, alpha


class GeneratorBlock(nn.Module):
    """Twice the side, then two 3 x 3 convolutions, each with LeakyReLU and pixel norm."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv1 = EqualizedConv2d(before, after, 3)
        self.conv2 = EqualizedConv2d(after, after, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = pixel_norm(activated(self.conv1(enlarged(x))))
        return pixel_norm(activated(self.conv2(x)))


class Generator(Growing):
    """Noise (N, noise_dim) to pictures (N, channels, S, S) with the present level's S. (Table 2.)"""

    def __init__(self, noise_dim: int = 64, image_size: int = 32, channels: int = 1, width: int = 64) -> None:
        super().__init__(image_size)
        self.noise_dim = noise_dim
        features = [features_at(level, width) for level in range(self.top + 1)]
        self.entry = EqualizedLinear(noise_dim, width * 16, gain=RELU_GAIN / 4)
        self.conv = EqualizedConv2d(width, width, 3)
        self.blocks = nn.ModuleList([GeneratorBlock(a, b) for a, b in pairwise(features)])
        self.to_picture = nn.ModuleList([EqualizedConv2d(count, channels, 1, gain=1.0) for count in features])

    def forward(self, noise: Tensor) -> Tensor:
        x = self.entry(pixel_norm(checked_noise(self, noise, self.noise_dim)))
        x = pixel_norm(activated(x.reshape(noise.shape[0], -1, 4, 4)))
        x = below = pixel_norm(activated(self.conv(x)))
        for block in list(self.blocks)[: self.level]:
            below, x = x, block(x)
        picture = self.to_picture[self.level](x)
        if self.alpha == 1:
            return picture
        return mixed(enlarged(self.to_picture[self.level - 1](below)), picture, self.alpha)


class DiscriminatorBlock(nn.Module):
    """Two 3 x 3 convolutions with LeakyReLU, then half the side by averages of 2 x 2."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv1 = EqualizedConv2d(before, before, 3)
        self.conv2 = EqualizedConv2d(before, after, 3)

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(activated(self.conv2(activated(self.conv1(x)))), 2)


class Discriminator(Growing):
    """Pictures (N, channels, S, S) with the present level's S to scores (N, 1): the generator's mirror image."""

    def __init__(self, image_size: int = 32, channels: int = 1, width: int = 64) -> None:
        super().__init__(image_size)
        self.channels = channels
        features = [features_at(level, width) for level in range(self.top + 1)]
        self.from_picture = nn.ModuleList([EqualizedConv2d(channels, count, 1) for count in features])
        self.blocks = nn.ModuleList([DiscriminatorBlock(b, a) for a, b in pairwise(features)])
        self.conv = EqualizedConv2d(width + 1, width, 3)
        self.hidden = EqualizedLinear(width * 16, width)
        self.score = EqualizedLinear(width, 1, gain=1.0)

    def forward(self, pictures: Tensor) -> Tensor:
        side = 4 << self.level
        if tuple(pictures.shape[1:]) != (self.channels, side, side):
            raise ValueError(
                f"Discriminator: pictures must be (N, {self.channels}, {side}, {side}), got {pictures.shape}"
            )
        x = activated(self.from_picture[self.level](pictures))
        for level in range(self.level, 0, -1):
            x = self.blocks[level - 1](x)
            if level == self.level and self.alpha < 1:
                x = mixed(activated(self.from_picture[level - 1](F.avg_pool2d(pictures, 2))), x, self.alpha)
        x = activated(self.conv(with_minibatch_stddev(x)))
        return self.score(activated(self.hidden(x.flatten(1))))
