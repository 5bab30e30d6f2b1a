"""The networks of `nets`, written in PyTorch: the same layers, widths and numbers of parameters."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn


def gan(name: str) -> tuple[nn.Module, nn.Module]:
    """(discriminator, generator) of document 000: "mlp" or "dcgan_lab"."""
    return {"mlp": _mlp, "dcgan_lab": _dcgan_lab}[name]()


def _mlp() -> tuple[nn.Module, nn.Module]:
    discriminator = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 256), nn.LeakyReLU(0.01), nn.Linear(256, 256), nn.LeakyReLU(0.01),
        nn.Linear(256, 1),
    )  # fmt: skip
    generator = nn.Sequential(
        nn.Linear(96, 1024), nn.ReLU(), nn.Linear(1024, 1024), nn.ReLU(), nn.Linear(1024, 784), nn.Tanh()
    )
    return discriminator, generator


def _dcgan_lab() -> tuple[nn.Module, nn.Module]:
    discriminator = nn.Sequential(
        nn.Conv2d(1, 32, 5), nn.LeakyReLU(0.01), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 5), nn.LeakyReLU(0.01), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(1024, 1024), nn.LeakyReLU(0.01), nn.Linear(1024, 1),
    )  # fmt: skip
    generator = nn.Sequential(
        nn.Linear(96, 1024), nn.ReLU(), nn.BatchNorm1d(1024), nn.Linear(1024, 6272), nn.ReLU(), nn.BatchNorm1d(6272),
        nn.Unflatten(1, (128, 7, 7)), nn.ConvTranspose2d(128, 64, 4, 2, 1), nn.BatchNorm2d(64),
        nn.ConvTranspose2d(64, 1, 4, 2, 1), nn.Tanh(),
    )  # fmt: skip
    return discriminator, generator


class UNet(nn.Module):
    def __init__(self, in_channels: int = 3, out_channels: int = 3, halvings: int = 8, width: int = 64) -> None:
        super().__init__()
        self.noise = True
        widths = [width * min(2**level, 8) for level in range(halvings)]
        self.first = nn.Conv2d(in_channels, width, 4, 2, 1, bias=False)
        self.encoder = nn.ModuleList(
            nn.Sequential(nn.Conv2d(a, b, 4, 2, 1, bias=False), nn.InstanceNorm2d(b, affine=True))
            for a, b in pairwise(widths[:-1])
        )
        self.innermost = nn.Conv2d(widths[-2], widths[-1], 4, 2, 1, bias=False)
        sources = [widths[-1], *(2 * channels for channels in reversed(widths[1:-1]))]
        self.decoder = nn.ModuleList(
            nn.Sequential(nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False), nn.InstanceNorm2d(b, affine=True))
            for a, b in zip(sources, reversed(widths[:-1]))
        )
        self.last = nn.ConvTranspose2d(2 * width, out_channels, 4, 2, 1)

    def forward(self, x: Any) -> Any:
        skips = [self.first(x)]
        for down in self.encoder:
            skips.append(down(F.leaky_relu(skips[-1], 0.2)))
        h = self.innermost(F.leaky_relu(skips[-1], 0.2))
        for number, up in enumerate(self.decoder):
            h = F.dropout(up(F.relu(h)), 0.5, self.noise and number < 3)
            h = torch.cat([skips.pop(), h], 1)
        return torch.tanh(self.last(F.relu(h)))


class PatchDiscriminator(nn.Sequential):
    def __init__(self, in_channels: int, layers: int = 3, width: int = 64, affine: bool = True) -> None:
        widths = [width * min(2**level, 8) for level in range(layers + 1)]
        modules: list[nn.Module] = [nn.Conv2d(in_channels, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        for level, (a, b) in enumerate(pairwise(widths), start=1):
            modules.append(nn.Conv2d(a, b, 4, 2 if level < layers else 1, 1, bias=not affine))
            modules += [nn.InstanceNorm2d(b, affine=affine), nn.LeakyReLU(0.2)]
        super().__init__(*modules, nn.Conv2d(widths[-1], 1, 4, padding=1))


class _Residual(nn.Module):
    """x + layers(x)."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Any) -> Any:
        return x + self.layers(x)


class ResNetGenerator(nn.Sequential):
    def __init__(self, in_channels: int = 3, out_channels: int = 3, blocks: int = 9, width: int = 64) -> None:
        def normed(layer: nn.Module, channels: int) -> list[nn.Module]:
            return [layer, nn.InstanceNorm2d(channels), nn.ReLU()]

        modules = [nn.ReflectionPad2d(3), *normed(nn.Conv2d(in_channels, width, 7), width)]
        for channels in (width, 2 * width):
            modules += normed(nn.Conv2d(channels, 2 * channels, 3, 2, 1), 2 * channels)
        for _ in range(blocks):
            first, second = (nn.Conv2d(4 * width, 4 * width, 3) for _ in range(2))
            before, after = nn.ReflectionPad2d(1), nn.InstanceNorm2d(4 * width)
            modules.append(_Residual(before, *normed(first, 4 * width), nn.ReflectionPad2d(1), second, after))
        for channels in (4 * width, 2 * width):
            modules += normed(nn.ConvTranspose2d(channels, channels // 2, 3, 2, 1, 1), channels // 2)
        super().__init__(*modules, nn.ReflectionPad2d(3), nn.Conv2d(width, out_channels, 7), nn.Tanh())


class TransformNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()

        def convolution(a: int, b: int, kernel: int, stride: int = 1) -> list[nn.Module]:
            return [nn.ReflectionPad2d(kernel // 2), nn.Conv2d(a, b, kernel, stride)]

        def normed(a: int, b: int, kernel: int, stride: int = 1) -> list[nn.Module]:
            return [*convolution(a, b, kernel, stride), nn.InstanceNorm2d(b, affine=True), nn.ReLU()]

        blocks = [_Residual(*normed(128, 128, 3), *normed(128, 128, 3)[:-1]) for _ in range(5)]
        self.layers = nn.Sequential(
            *normed(3, 32, 9), *normed(32, 64, 3, 2), *normed(64, 128, 3, 2), *blocks,
            nn.Upsample(scale_factor=2), *normed(128, 64, 3), nn.Upsample(scale_factor=2), *normed(64, 32, 3),
            *convolution(32, 3, 9),
        )  # fmt: skip

    def forward(self, x: Any) -> Any:
        return self.layers(x * 255.0) / 255.0


class SRResNet(nn.Module):
    def __init__(self, blocks: int = 16, channels: int = 64) -> None:
        super().__init__()

        def normed() -> list[nn.Module]:
            return [nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels)]

        def doubling() -> list[nn.Module]:
            return [nn.Conv2d(channels, 4 * channels, 3, padding=1), nn.PixelShuffle(2), nn.PReLU()]

        body = [_Residual(*normed(), nn.PReLU(), *normed()) for _ in range(blocks)]
        self.layers = nn.Sequential(
            nn.Conv2d(3, channels, 9, padding=4), nn.PReLU(), _Residual(*body, *normed()), *doubling(), *doubling(),
            nn.Conv2d(channels, 3, 9, padding=4),
        )  # fmt: skip

    def forward(self, x: Any) -> Any:
        return self.layers(x)
