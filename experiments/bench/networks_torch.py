"""The networks of `nets`, written in PyTorch: the same layers, widths and numbers of parameters."""

from __future__ import annotations

from collections import OrderedDict
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


# --------------------------------------------------------------------------------------------- StyleGAN


class _Equalized(nn.Module):
    """A convolution or linear layer whose weights are used times gain / sqrt(fan in)."""

    def __init__(self, *shape: int, gain: float = 2**0.5, rate: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(*shape) / rate)
        self.bias = nn.Parameter(torch.zeros(shape[0]))
        self.scale, self.rate = rate * gain / self.weight[0].numel() ** 0.5, rate

    def forward(self, x: Any) -> Any:
        weight, bias = self.weight * self.scale, self.bias * self.rate
        if weight.dim() == 2:
            return F.linear(x, weight, bias)
        return F.conv2d(x, weight, bias, padding=weight.shape[2] // 2)


def _activated(x: Any) -> Any:
    return F.leaky_relu(x, 0.2)


class _StyleLayer(nn.Module):
    noise: torch.Tensor

    def __init__(self, features: int, side: int, w_dim: int) -> None:
        super().__init__()
        self.strength = nn.Parameter(torch.zeros(1, features, 1, 1))
        self.style = _Equalized(2 * features, w_dim, gain=1.0)
        self.register_buffer("noise", torch.randn(1, 1, side, side))

    def forward(self, x: Any, w: Any) -> Any:
        scale, shift = self.style(w)[:, :, None, None].chunk(2, 1)
        return F.instance_norm(_activated(x + self.strength * self.noise), eps=1e-8) * (1.0 + scale) + shift


class _StyleBlock(nn.Module):
    def __init__(self, before: int, after: int, side: int, w_dim: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = _Equalized(after, before, 3, 3), _Equalized(after, after, 3, 3)
        self.style1, self.style2 = _StyleLayer(after, side, w_dim), _StyleLayer(after, side, w_dim)

    def forward(self, x: Any, w: Any) -> Any:
        x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        return self.style2(self.conv2(self.style1(self.conv1(x), w)), w)


class StyleGenerator(nn.Module):
    def __init__(self, image_size: int = 32, width: int = 64, w_dim: int = 64, layers: int = 4) -> None:
        super().__init__()
        features = [max(4, min(width, 2 * width >> level)) for level in range(image_size.bit_length() - 2)]
        self.mapping = nn.ModuleList(_Equalized(w_dim, w_dim, rate=0.01) for _ in range(layers))
        self.constant = nn.Parameter(torch.ones(1, width, 4, 4))
        self.style1, self.style2 = _StyleLayer(width, 4, w_dim), _StyleLayer(width, 4, w_dim)
        self.conv = _Equalized(width, width, 3, 3)
        pairs = enumerate(pairwise(features))
        self.blocks = nn.ModuleList(_StyleBlock(a, b, 8 << level, w_dim) for level, (a, b) in pairs)
        self.to_picture = nn.ModuleList(_Equalized(1, count, 1, 1, gain=1.0) for count in features)

    def forward(self, noise: Any) -> Any:
        w = noise * torch.rsqrt((noise * noise).mean(1, keepdim=True) + 1e-8)
        for layer in self.mapping:
            w = _activated(layer(w))
        x = self.style1(self.constant.expand(len(w), -1, -1, -1), w)
        x = self.style2(self.conv(x), w)
        for block in self.blocks:
            x = block(x, w)
        return self.to_picture[-1](x)


class _DiscriminatorBlock(nn.Module):
    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = _Equalized(before, before, 3, 3), _Equalized(after, before, 3, 3)

    def forward(self, x: Any) -> Any:
        return F.avg_pool2d(_activated(self.conv2(_activated(self.conv1(x)))), 2)


class StyleDiscriminator(nn.Module):
    def __init__(self, image_size: int = 32, width: int = 64) -> None:
        super().__init__()
        features = [max(4, min(width, 2 * width >> level)) for level in range(image_size.bit_length() - 2)]
        self.from_picture = nn.ModuleList(_Equalized(count, 1, 1, 1) for count in features)
        self.blocks = nn.ModuleList(_DiscriminatorBlock(b, a) for a, b in pairwise(features))
        self.conv = _Equalized(width, width + 1, 3, 3)
        self.hidden, self.score = _Equalized(width, width * 16), _Equalized(1, width, gain=1.0)

    def forward(self, pictures: Any) -> Any:
        x = _activated(self.from_picture[-1](pictures))
        for block in reversed(self.blocks):
            x = block(x)
        spread = torch.sqrt(x.var(0, unbiased=False) + 1e-8).mean()
        x = _activated(self.conv(torch.cat([x, spread.expand(len(x), 1, 4, 4)], 1)))
        return self.score(_activated(self.hidden(x.flatten(1))))


# --------------------------------------------------------------------------------------------- StackGAN


def _doubling(before: int, after: int) -> list[nn.Module]:
    convolution = nn.Conv2d(before, after, 3, padding=1, bias=False)
    return [nn.Upsample(scale_factor=2), convolution, nn.BatchNorm2d(after), nn.ReLU()]


class _ResidualReLU(_Residual):
    def forward(self, x: Any) -> Any:
        return torch.relu(super().forward(x))


class StageTwo(nn.Module):
    def __init__(self, width: int = 32, condition: int = 128, blocks: int = 2) -> None:
        super().__init__()

        def normed(before: int, after: int, kernel: int, stride: int) -> list[nn.Module]:
            return [nn.Conv2d(before, after, kernel, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]

        wide = 4 * width
        self.augmentation = nn.Sequential(OrderedDict(layer=nn.Linear(128, 2 * condition)))
        self.reading = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1),
            nn.ReLU(),
            *normed(width, 2 * width, 4, 2),
            *normed(2 * width, wide, 4, 2),
        )
        self.joining = nn.Sequential(
            *normed(wide + condition, wide, 3, 1),
            *[_ResidualReLU(*normed(wide, wide, 3, 1), *normed(wide, wide, 3, 1)[:-1]) for _ in range(blocks)],
        )
        widths = [wide, 2 * width, width, width // 2, width // 4]
        growing = [layer for a, b in pairwise(widths) for layer in _doubling(a, b)]
        self.pictures = nn.Sequential(*growing, nn.Conv2d(width // 4, 3, 3, padding=1), nn.Tanh())

    def forward(self, small: Any, condition: Any) -> Any:
        seen = self.reading(small)
        places = condition[:, :, None, None].expand(-1, -1, *seen.shape[2:])
        return self.pictures(self.joining(torch.cat([seen, places], 1)))


class TextDiscriminator(nn.Module):
    def __init__(self, image_size: int = 64, width: int = 32) -> None:
        super().__init__()
        self.phi = nn.Sequential(nn.Linear(128, 128), nn.LeakyReLU(0.2))
        body: list[nn.Module] = [nn.Conv2d(3, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        for _ in range(image_size.bit_length() - 4):
            body += [nn.Conv2d(width, 2 * width, 4, 2, 1, bias=False), nn.BatchNorm2d(2 * width), nn.LeakyReLU(0.2)]
            width *= 2
        self.body = nn.Sequential(*body)
        self.joint = nn.Sequential(
            nn.Conv2d(width + 128, width, 1, bias=False), nn.BatchNorm2d(width), nn.LeakyReLU(0.2),
            nn.Conv2d(width, 1, 4), nn.Flatten(),
        )  # fmt: skip

    def forward(self, pictures: Any, text: Any) -> Any:
        phi = self.phi(text)[:, :, None, None].expand(-1, -1, 4, 4)
        return self.joint(torch.cat([self.body(pictures), phi], 1))
