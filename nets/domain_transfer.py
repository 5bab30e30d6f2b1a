"""The networks of pixel-level domain transfer (Yoo, Kim, Park, Paek and Kweon 2016, section 4): a converter that keeps
only 64 numbers of what it is shown, and discriminators of the DCGAN kind.
"""

from __future__ import annotations

from minigrad import Tensor, nn

from .dcgan import count_doublings, paper_start
from .discogan import encoder


class Converter(nn.Module):
    """Pictures (N, channels, S, S) in [-1, 1] to pictures of the same shape, through `code` numbers.

    Encoder: convolutions 4x4 with stride 2 of width, 2, 4, ... times width channels down to 4 x 4, then one to `code`
    numbers; LeakyReLU 0.2. Decoder: transposed convolutions back up, ReLU, tanh at the end. Batch norm on all but the
    first and the last. S is a power of two. 64 pixels and width 128: 24,137,088 parameters, counted (the paper gives
    channels, no count). Errors: ValueError for pictures of another shape.
    """

    def __init__(self, channels: int = 3, image_size: int = 64, width: int = 128, code: int = 64) -> None:
        super().__init__()
        self.shape = (channels, image_size, image_size)
        widths = [width * 2**level for level in range(count_doublings("domain_transfer.Converter", image_size))]
        modules = encoder(channels, widths)
        modules += [nn.Conv2d(widths[-1], code, 4, bias=False), nn.BatchNorm2d(code), nn.LeakyReLU(0.2)]
        self.encoder = nn.Sequential(*modules)
        modules = [nn.ConvTranspose2d(code, widths[-1], 4, bias=False), nn.BatchNorm2d(widths[-1]), nn.ReLU()]
        for before, after in zip(widths[::-1], widths[-2::-1]):
            modules.append(nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False))
            modules += [nn.BatchNorm2d(after), nn.ReLU()]
        modules += [nn.ConvTranspose2d(width, channels, 4, stride=2, padding=1, bias=False), nn.Tanh()]
        self.decoder = nn.Sequential(*modules)
        self.apply(paper_start)

    def forward(self, x: Tensor) -> Tensor:
        if tuple(x.shape[1:]) != self.shape:
            raise ValueError(f"domain_transfer.Converter: pictures must be (N, *{self.shape}), got shape {x.shape}")
        return self.decoder(self.encoder(x))


class Discriminator(nn.Module):
    """Pictures (N, channels, S, S) to logits (N, 1): the converter's encoder with one number at its end, and with
    instance norm, so that a logit depends on its own picture alone. Batch norm, fed with true pairs in one batch and
    wrong ones in another, would tell the batches apart by their statistics and never learn what belongs together.

    channels 3: real or generated; channels 6, for a source and a target one on the other: associated or not.
    64 pixels and width 128: 11,036,160 and 11,042,304 parameters, counted.
    Errors: ValueError for pictures of another shape.
    """

    def __init__(self, channels: int = 3, image_size: int = 64, width: int = 128) -> None:
        super().__init__()
        self.shape = (channels, image_size, image_size)
        widths = [width * 2**level for level in range(count_doublings("domain_transfer.Discriminator", image_size))]
        modules = encoder(channels, widths, norm=lambda width: nn.InstanceNorm2d(width, affine=True))
        self.layers = nn.Sequential(*modules, nn.Conv2d(widths[-1], 1, 4, bias=False), nn.Flatten())
        self.apply(paper_start)

    def forward(self, x: Tensor) -> Tensor:
        if tuple(x.shape[1:]) != self.shape:
            raise ValueError(f"domain_transfer.Discriminator: pictures must be (N, *{self.shape}), got shape {x.shape}")
        return self.layers(x)
