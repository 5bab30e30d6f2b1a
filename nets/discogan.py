"""DiscoGAN's networks (Kim, Cha, Kim, Lee and Kim 2017, section 3.3, and the authors' program)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from minigrad import Tensor, nn

from .dcgan import count_doublings, paper_start


class Generator(nn.Module):
    """Pictures (N, in_channels, S, S) in [-1, 1] to pictures (N, out_channels, S, S) in [-1, 1].

    Convolutions 4x4 with stride 2 and LeakyReLU 0.2 of width, 2, 4, ... times width channels down to 4 x 4; the
    transposed mirror image with ReLU; batch norm on all but the first and the last; no skips. S is a power of two.
    image_size 64 and width 64 are the authors' four layers each way: 5,513,856 parameters.
    Errors: ValueError for pictures of another shape.
    """

    def __init__(self, in_channels: int = 3, out_channels: int = 3, image_size: int = 64, width: int = 64) -> None:
        super().__init__()
        self.shape = (in_channels, image_size, image_size)
        widths = [width * 2**level for level in range(count_doublings("discogan.Generator", image_size))]
        modules = encoder(in_channels, widths)
        for before, after in zip(widths[::-1], widths[-2::-1]):
            modules += [nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False)]
            modules += [nn.BatchNorm2d(after), nn.ReLU()]
        modules += [nn.ConvTranspose2d(width, out_channels, 4, stride=2, padding=1, bias=False), nn.Tanh()]
        self.layers = nn.Sequential(*modules).apply(paper_start)

    def forward(self, x: Tensor) -> Tensor:
        if tuple(x.shape[1:]) != self.shape:
            raise ValueError(f"discogan.Generator: pictures must be (N, *{self.shape}), got shape {x.shape}")
        return self.layers(x)


class Discriminator(nn.Module):
    """Pictures (N, channels, S, S) to logits (N, 1) and the features that feature matching compares.

    The generator's encoder, and a convolution 4x4 to one number. `features` gives the outputs of every LeakyReLU but
    the first. image_size 64 and width 64: 2,765,568 parameters.
    Errors: ValueError for pictures of another shape.
    """

    def __init__(self, channels: int = 3, image_size: int = 64, width: int = 64) -> None:
        super().__init__()
        self.shape = (channels, image_size, image_size)
        widths = [width * 2**level for level in range(count_doublings("discogan.Discriminator", image_size))]
        self.layers = nn.Sequential(*encoder(channels, widths)).apply(paper_start)
        self.last = nn.Conv2d(widths[-1], 1, 4, bias=False).apply(paper_start)

    def features(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """(logits (N, 1), activations of the second, third, ... LeakyReLU, coarser and coarser)."""
        if tuple(x.shape[1:]) != self.shape:
            raise ValueError(f"discogan.Discriminator: pictures must be (N, *{self.shape}), got shape {x.shape}")
        seen = []
        for module in self.layers:
            x = module(x)
            if isinstance(module, nn.LeakyReLU):
                seen.append(x)
        return self.last(x).flatten(1), seen[1:]

    def forward(self, x: Tensor) -> Tensor:
        return self.features(x)[0]


def encoder(channels: int, widths: list[int], norm: Callable[[int], nn.Module] = nn.BatchNorm2d) -> list[nn.Module]:
    """Convolutions 4x4 with stride 2 to these numbers of channels, LeakyReLU 0.2, norm on all but the first."""
    modules: list[nn.Module] = [nn.Conv2d(channels, widths[0], 4, stride=2, padding=1, bias=False), nn.LeakyReLU(0.2)]
    for before, after in pairwise(widths):
        modules.append(nn.Conv2d(before, after, 4, stride=2, padding=1, bias=False))
        modules += [norm(after), nn.LeakyReLU(0.2)]
    return modules
