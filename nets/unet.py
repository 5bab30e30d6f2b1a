"""The U-Net generator of pix2pix (Isola, Zhu, Zhou and Efros 2017, section 6.1.1): an encoder that halves the picture
again and again, a decoder that doubles it back, and a skip connection at every size.
"""

from __future__ import annotations

from itertools import pairwise

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import Tensor, nn

from .dcgan import paper_start


class UNet(nn.Module):
    """Pictures (N, in_channels, H, W) in [-1, 1] to pictures (N, out_channels, H, W) in [-1, 1].

    Encoder C64-C128-C256-C512-C512-...: `halvings` convolutions 4x4 with stride 2 and LeakyReLU 0.2, of width,
    2 width, 4 width and from then on 8 width channels. The decoder mirrors it with transposed convolutions and ReLU;
    each of its blocks sees what comes from below beside what the encoder had at that size. The paper halves 8 times,
    for 256 pixels: 54,413,955 parameters, as the reference implementation, which says 54.414 M.

    Norms are over each picture's own pixels, which for a batch of one picture is the paper's batch norm with the
    batch's statistics, in training and in use alike. Dropout 0.5 in the first three blocks of the decoder is the
    paper's noise; it acts in use too, unless `noise` is False.
    Errors: ValueError for fewer than 2 halvings, and for a picture whose sides are no multiples of 2^halvings.
    """

    def __init__(self, in_channels: int = 3, out_channels: int = 3, halvings: int = 8, width: int = 64) -> None:
        super().__init__()
        if halvings < 2:
            raise ValueError(f"UNet: halvings must be at least 2, got {halvings}")
        self.in_channels, self.halvings, self.noise = in_channels, halvings, True
        widths = [width * min(2**level, 8) for level in range(halvings)]
        self.first = nn.Conv2d(in_channels, width, 4, stride=2, padding=1, bias=False)
        self.encoder = nn.ModuleList(_down(before, after) for before, after in pairwise(widths[:-1]))
        self.innermost = nn.Conv2d(widths[-2], widths[-1], 4, stride=2, padding=1, bias=False)
        sources = [widths[-1], *(2 * channels for channels in reversed(widths[1:-1]))]
        self.decoder = nn.ModuleList(_up(before, after) for before, after in zip(sources, reversed(widths[:-1])))
        self.last = nn.ConvTranspose2d(2 * width, out_channels, 4, stride=2, padding=1)
        self.apply(paper_start)

    def forward(self, x: Tensor) -> Tensor:
        cell = 2**self.halvings
        if x.dim() != 4 or x.shape[1] != self.in_channels or x.shape[2] % cell or x.shape[3] % cell or 0 in x.shape:
            raise ValueError(
                f"UNet: pictures must be (N, {self.in_channels}, H, W), H and W multiples of {cell} (they are halved "
                f"{self.halvings} times), got shape {x.shape}"
            )
        skips = [self.first(x)]
        for down in self.encoder:
            skips.append(down(F.leaky_relu(skips[-1], 0.2)))
        h = self.innermost(F.leaky_relu(skips[-1], 0.2))
        for number, up in enumerate(self.decoder):
            h = F.dropout(up(F.relu(h)), 0.5, self.noise and number < 3)
            h = mg.cat([skips.pop(), h], 1)
        return mg.tanh(self.last(F.relu(h)))


def _down(before: int, after: int) -> nn.Module:
    convolution = nn.Conv2d(before, after, 4, stride=2, padding=1, bias=False)
    return nn.Sequential(convolution, nn.InstanceNorm2d(after, affine=True))


def _up(before: int, after: int) -> nn.Module:
    convolution = nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False)
    return nn.Sequential(convolution, nn.InstanceNorm2d(after, affine=True))
