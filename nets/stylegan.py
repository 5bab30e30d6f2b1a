"""The style-based generator (Karras, Laine and Aila 2019, "A Style-Based Generator Architecture for Generative
Adversarial Networks"). Its discriminator is that of `progressive_gan`; both grow as described there, from 8 pixels on.

Noise z does not enter the network that draws. A mapping network makes w of it; every layer of the drawing network,
which begins with a learned constant, gets from w the mean and the spread of each of its feature maps (AdaIN), and
adds noise of its own, pixel by pixel. Early (coarse) layers decide shape and pose, late (fine) ones stroke and color.
"""

from __future__ import annotations

from itertools import pairwise

import minigrad as mg
from minigrad import nn
from minigrad.autograd import Tensor
from minigrad.devices import CPU
from minigrad.nn import functional as F

from . import progressive_gan
from .mlp_gan import checked_noise
from .progressive_gan import (
    EqualizedConv2d,
    EqualizedLinear,
    Growing,
    activated,
    enlarged,
    features_at,
    mixed,
    pixel_norm,
)

MIXING = 0.9  # how often in training two w share a batch's pictures (section 3.1)
CENTER_DECAY = 0.995  # of the running mean of w


def adain(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """scale (x - mean(x)) / sqrt(var(x) + 1e-8) + shift, with the mean and the biased variance of each feature map.

    x: (N, C, H, W); scale, shift: (N, C). (Equation 1.)
    """
    centered = x - x.mean((2, 3), keepdim=True)
    normalized = centered / mg.sqrt((centered * centered).mean((2, 3), keepdim=True) + 1e-8)
    return normalized * scale[:, :, None, None] + shift[:, :, None, None]


class Mapping(nn.Module):
    """Noise z (N, noise_dim), normalized, to w (N, w_dim); its layers learn 100 times slower than all others."""

    def __init__(self, noise_dim: int, w_dim: int, layers: int) -> None:
        super().__init__()
        sizes = [noise_dim] + [w_dim] * layers
        self.layers = nn.ModuleList([EqualizedLinear(a, b, lr_multiplier=0.01) for a, b in pairwise(sizes)])

    def forward(self, noise: Tensor) -> Tensor:
        x = pixel_norm(noise)
        for layer in self.layers:
            x = activated(layer(x))
        return x


class StyleLayer(nn.Module):
    """What follows each convolution (and the constant): noise, LeakyReLU, AdaIN with what w says.

    The noise is one picture for all feature maps, times a learned factor for each; fresh in training mode, always the
    same one in evaluation mode.
    """

    def __init__(self, features: int, side: int, w_dim: int) -> None:
        super().__init__()
        self.strength = nn.Parameter(mg.zeros(1, features, 1, 1))
        self.style = EqualizedLinear(w_dim, 2 * features, gain=1.0)
        self.register_buffer("noise", mg.randn(1, 1, side, side))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        noise = mg.randn_like(x[:, :1].detach()) if self.training else self.noise
        scale, shift = self.style(w).chunk(2, 1)
        return adain(activated(x + self.strength * noise), 1.0 + scale, shift)


class Block(nn.Module):
    """Twice the side, bilinear, and two 3 x 3 convolutions, each followed by a `StyleLayer`."""

    def __init__(self, before: int, after: int, side: int, w_dim: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = EqualizedConv2d(before, after, 3), EqualizedConv2d(after, after, 3)
        self.style1, self.style2 = StyleLayer(after, side, w_dim), StyleLayer(after, side, w_dim)

    def forward(self, x: Tensor, w1: Tensor, w2: Tensor) -> Tensor:
        x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        x = self.style1(self.conv1(x), w1)
        return self.style2(self.conv2(x), w2)


class Generator(Growing):
    """Noise (N, noise_dim) to pictures (N, channels, S, S) with the present level's S.

    In training mode, nine batches of ten are drawn with two w: the layers from a random one on get the w of other
    noise (style mixing). layers: of the mapping network (the paper has 8, and 512 for width, noise_dim and w_dim).
    """

    first = 1

    def __init__(
        self,
        noise_dim: int = 64,
        image_size: int = 32,
        channels: int = 1,
        width: int = 64,
        w_dim: int = 64,
        layers: int = 4,
    ) -> None:
        super().__init__(image_size)
        self.noise_dim = noise_dim
        features = [features_at(level, width) for level in range(self.top + 1)]
        self.mapping = Mapping(noise_dim, w_dim, layers)
        self.constant = nn.Parameter(mg.ones(1, width, 4, 4))
        self.style1, self.style2 = StyleLayer(width, 4, w_dim), StyleLayer(width, 4, w_dim)
        self.conv = EqualizedConv2d(width, width, 3)
        self.blocks = nn.ModuleList([Block(a, b, 8 << level, w_dim) for level, (a, b) in enumerate(pairwise(features))])
        self.to_picture = nn.ModuleList([EqualizedConv2d(count, channels, 1, gain=1.0) for count in features])
        self.register_buffer("center", mg.zeros(w_dim))

    @property
    def styles(self) -> int:
        """How many layers get a w at the present level."""
        return 2 * (self.level + 1)

    def forward(self, noise: Tensor) -> Tensor:
        w = self.mapping(checked_noise(self, noise, self.noise_dim))
        if not self.training:
            return self.draw([w] * self.styles)
        with mg.no_grad():
            self.center.copy_(CENTER_DECAY * self.center + (1.0 - CENTER_DECAY) * w.mean(0))
        crossover = self.styles
        if mg.rand(1, device=CPU).item() < MIXING:
            crossover = 1 + int(mg.randint(self.styles - 1, (1,), device=CPU).item())
        other = self.mapping(mg.randn_like(noise)) if crossover < self.styles else w
        return self.draw([w] * crossover + [other] * (self.styles - crossover))

    def draw(self, ws: list[Tensor]) -> Tensor:
        """Pictures from one w (N, w_dim) for each of the `styles` layers, coarse to fine."""
        x = self.constant.expand(ws[0].shape[0], *self.constant.shape[1:])
        x = self.style1(x, ws[0])
        x = below = self.style2(self.conv(x), ws[1])
        for block, w1, w2 in zip(list(self.blocks)[: self.level], ws[2::2], ws[3::2]):
            below, x = x, block(x, w1, w2)
        picture = self.to_picture[self.level](x)
        if self.alpha == 1:
            return picture
        return mixed(enlarged(self.to_picture[self.level - 1](below)), picture, self.alpha)

    def truncated(self, w: Tensor, psi: float) -> Tensor:
        """center + psi (w - center): for psi < 1 more typical pictures, less varied. (Appendix B.)"""
        return self.center + psi * (w - self.center)


class Discriminator(progressive_gan.Discriminator):
    """That of the progressively grown GAN, which begins at 8 pixels here."""

    first = 1
