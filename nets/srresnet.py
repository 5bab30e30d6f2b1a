"""SRResNet and SRGAN's discriminator: small pictures made four times as large (Ledig et al. 2017, figure 4).

net = SRResNet(blocks=5, channels=32)
net(small)                  # (N, 3, H, W) in [0, 1] to (N, 3, 4 H, 4 W) in [-1, 1]
"""

from __future__ import annotations

import numpy as np

import minigrad as mg
from minigrad import nn
from minigrad.autograd import Tensor

SCALE = 4
COLORS = 3  # feature maps that begin as the picture's red, green and blue


class ResidualBlock(nn.Module):
    """x + norm(conv(PReLU(norm(conv x)))), convolutions 3x3, all with the same number of channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.PReLU(),
            nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


class SRResNet(nn.Module):
    """The generator: pictures (N, 3, H, W) in [0, 1] to (N, 3, 4 H, 4 W) whose values -1 to 1 mean black to white.

    conv 9x9, PReLU; `blocks` residual blocks, conv 3x3 and batch norm, all of which a skip connection spans; twice
    conv 3x3 to 4 x channels, pixel shuffle 2, PReLU; conv 9x9 to 3. The paper's has 16 blocks of 64 channels:
    1,549,462 parameters with one slope for each PReLU. It begins as an enlargement, see `begin_as_enlargement`.

    channels: at least 3.
    """

    def __init__(self, blocks: int = 16, channels: int = 64) -> None:
        super().__init__()
        if channels < COLORS:
            raise ValueError(f"SRResNet: channels must be at least {COLORS}, got {channels}")
        self.blocks = blocks
        self.entry = nn.Sequential(nn.Conv2d(3, channels, 9, padding=4), nn.PReLU())
        self.body = nn.Sequential(
            *[ResidualBlock(channels) for _ in range(blocks)],
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.BatchNorm2d(channels),
        )
        self.exit = nn.Sequential(*_doubling(channels), *_doubling(channels), nn.Conv2d(channels, 3, 9, padding=4))
        self.begin_as_enlargement()

    @mg.no_grad()
    def begin_as_enlargement(self) -> None:
        """Set weights so that the untrained network enlarges: what it makes of a picture is linear interpolation.

        Three feature maps carry red, green and blue: the entry copies them, each doubling interpolates them with
        weights 3/4 and 1/4 along each axis (dark beyond the border), and the exit reads them alone. The body's last
        batch norm begins at 0 (Goyal et al. 2017, section 5.1). So training improves an enlargement from its first
        step on, instead of spending its first thousands on finding one.
        """
        rows = np.array([[0.25, 0.75, 0.0], [0.0, 0.75, 0.25]])  # of the upper and lower (left and right) new pixel
        interpolation = rows[:, None, :, None] * rows[None, :, None, :]  # (2, 2, 3, 3)
        entry, final = self.entry[0], self.exit[-1]
        kernels = mg.tensor(interpolation.reshape(4, 3, 3), dtype=entry.weight.dtype, device=entry.weight.device)
        doublings = [layer for layer in self.exit if isinstance(layer, nn.Conv2d)][:-1]
        self.body[-1].weight.zero_()
        final.weight.zero_()
        final.bias.fill_(-1.0)  # what comes out is 2 x - 1
        for layer in (entry, *doublings):
            made = COLORS if layer is entry else 4 * COLORS
            layer.weight[:made] = 0.0
            layer.bias[:made] = 0.0
        for color in range(COLORS):
            entry.weight[color, color, 4, 4] = 1.0
            final.weight[color, color, 4, 4] = 2.0
            for layer in doublings:
                layer.weight[4 * color : 4 * color + 4, color] = kernels

    def forward(self, pictures: Tensor) -> Tensor:
        if pictures.dim() != 4 or pictures.shape[1] != 3:
            raise ValueError(f"SRResNet: pictures must be (N, 3, H, W), got shape {pictures.shape}")
        x = self.entry(pictures)
        return self.exit(x + self.body(x))

    @property
    def reach(self) -> int:
        """How many pixels of the small picture, in each direction, one pixel of the result depends on at most.

        4 at the entry, 2 a block, 1 after the blocks, 1 and 1/2 in the doublings, 4 / 4 at the exit.
        """
        return 4 + 2 * self.blocks + 1 + 1 + 1 + 1


def _doubling(channels: int) -> list[nn.Module]:
    return [nn.Conv2d(channels, 4 * channels, 3, padding=1), nn.PixelShuffle(2), nn.PReLU()]


class Discriminator(nn.Module):
    """SRGAN's discriminator: pictures (N, 3, image_size, image_size) in [-1, 1] to logits (N, 1).

    Eight convolutions 3x3 with 64, 64, 128, 128, 256, 256, 512, 512 channels, every second one with stride 2,
    batch norm in all but the first, LeakyReLU 0.2; then 1024, LeakyReLU 0.2; 1. At 96 pixels: 23,565,505 parameters.
    width: the first number of channels, which sets all the others and the hidden layer.
    """

    def __init__(self, image_size: int = 96, width: int = 64) -> None:
        super().__init__()
        if image_size % 16:
            raise ValueError(f"Discriminator: image_size must be a multiple of 16, got {image_size}")
        self.image_size = image_size
        layers: list[nn.Module] = [nn.Conv2d(3, width, 3, padding=1), nn.LeakyReLU(0.2)]
        channels = width
        for index in range(1, 8):
            wanted = width * 2 ** (index // 2)
            layers += [
                nn.Conv2d(channels, wanted, 3, stride=1 + index % 2, padding=1),
                nn.BatchNorm2d(wanted), nn.LeakyReLU(0.2),
            ]  # fmt: skip
            channels = wanted
        features = channels * (image_size // 16) ** 2
        layers += [nn.Flatten(), nn.Linear(features, 16 * width), nn.LeakyReLU(0.2), nn.Linear(16 * width, 1)]
        self.layers = nn.Sequential(*layers)

    def forward(self, pictures: Tensor) -> Tensor:
        if tuple(pictures.shape[1:]) != (3, self.image_size, self.image_size):
            wanted = f"(N, 3, {self.image_size}, {self.image_size})"
            raise ValueError(f"Discriminator: pictures must be {wanted}, got shape {pictures.shape}")
        return self.layers(pictures)
