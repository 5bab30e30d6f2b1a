"""Pictures from sentences in two stages: StackGAN (Zhang et al. 2017).

    first, second = StageOne(image_size=16), StageTwo(image_size=64)
    mean, log_variance = first.augmentation(h)                 # (N, 128) to twice (N, 128)
    small = first(z, sampled(mean, log_variance, noise))       # (N, 3, 16, 16)
    large = second(small, sampled(*second.augmentation(h), other_noise))      # (N, 3, 64, 64)

Stage I draws a small picture of the sentence; Stage II sees that picture and the sentence again, and draws it four
times as large. Each stage has a discriminator of its own, `text_gan.TextDiscriminator`, whose layers are the paper's:
convolutions of stride 2, the sentence's 128 numbers at every place of the last feature map, a 1x1 convolution.
"""

from __future__ import annotations

import minigrad as mg
from minigrad import nn
from minigrad.autograd import Tensor

from .dcgan import count_doublings, paper_start
from .mlp_gan import checked_noise
from .text_gan import TEXT

SCALE = 4  # how much larger the second stage's pictures are


class ConditioningAugmentation(nn.Module):
    """Sentences (N, text_dim) to a normal distribution each: (mean, log of the variance), (N, condition_dim) both.

    What the generators are given is drawn from it, so that sentences that are nearly alike cover the space between
    them; the training keeps it near N(0, 1). (Section 3.2.)
    """

    def __init__(self, text_dim: int = TEXT, condition_dim: int = 128) -> None:
        super().__init__()
        self.condition_dim = condition_dim
        self.layer = nn.Linear(text_dim, 2 * condition_dim)

    def forward(self, text: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.layer(text).chunk(2, 1)
        return mean, log_variance


def sampled(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    """mean + exp(log_variance / 2) noise, with standard normal noise of the same shape."""
    return mean + mg.exp(log_variance * 0.5) * noise


def _doubling(before: int, after: int) -> list[nn.Module]:
    """Every pixel four times, then a 3x3 convolution, batch norm, ReLU."""
    return [
        nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(before, after, 3, padding=1, bias=False),
        nn.BatchNorm2d(after), nn.ReLU(),
    ]  # fmt: skip


class StageOne(nn.Module):
    """Noise (N, noise_dim) and conditions (N, condition_dim) to pictures (N, 3, image_size, image_size) in [-1, 1].

    A linear layer to a stack of 4 x 4; doublings that halve the channels, of which `width` are left before the last
    3x3 convolution and tanh. The paper: 64 pixels, 100 numbers of noise, 128 of condition.
    """

    def __init__(
        self, noise_dim: int = 100, image_size: int = 16, width: int = 32, text_dim: int = TEXT,
        condition_dim: int = 128,
    ) -> None:  # fmt: skip
        super().__init__()
        self.noise_dim, doublings = noise_dim, count_doublings("StageOne", image_size)
        self.augmentation = ConditioningAugmentation(text_dim, condition_dim)
        channels = width << doublings
        self.entry = nn.Sequential(
            nn.Linear(noise_dim + condition_dim, channels * 16, bias=False), nn.BatchNorm1d(channels * 16), nn.ReLU(),
            nn.Unflatten(1, (channels, 4, 4)),
        )  # fmt: skip
        layers = []
        for _ in range(doublings):
            layers += _doubling(channels, channels // 2)
            channels //= 2
        self.pictures = nn.Sequential(*layers, nn.Conv2d(width, 3, 3, padding=1), nn.Tanh())
        self.apply(paper_start)

    def forward(self, noise: Tensor, condition: Tensor) -> Tensor:
        return self.pictures(self.entry(mg.cat([checked_noise(self, noise, self.noise_dim), condition], 1)))


class Residual(nn.Module):
    """ReLU(x + norm(conv(ReLU(norm(conv x))))), convolutions 3x3."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return mg.relu(x + self.layers(x))


class StageTwo(nn.Module):
    """Stage I's pictures (N, 3, S / 4, S / 4) and conditions (N, condition_dim) to (N, 3, S, S) in [-1, 1], S being
    image_size.

    The small picture through a 3x3 convolution and two of stride 2, down to S / 16; the condition beside it at every
    place; a 3x3 convolution, `blocks` residual blocks, all of 4 x width channels; four doublings with 2, 1, 1/2 and
    1/4 x width; a 3x3 convolution and tanh. The paper: S = 256 and 4 blocks, or S = 128 and 2.
    """

    def __init__(
        self, image_size: int = 64, width: int = 32, text_dim: int = TEXT, condition_dim: int = 128, blocks: int = 2
    ) -> None:
        super().__init__()
        if width < 4 or width % 4:
            raise ValueError(f"StageTwo: width must be a multiple of 4, got {width}")
        if image_size % SCALE:
            raise ValueError(f"StageTwo: image_size must be {SCALE} times Stage I's, got {image_size}")
        count_doublings("Stage I", image_size // SCALE)
        self.side = image_size // SCALE
        self.augmentation = ConditioningAugmentation(text_dim, condition_dim)
        self.reading = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1), nn.ReLU(),
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(2 * width), nn.ReLU(),
            nn.Conv2d(2 * width, 4 * width, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(4 * width), nn.ReLU(),
        )  # fmt: skip
        self.joining = nn.Sequential(
            nn.Conv2d(4 * width + condition_dim, 4 * width, 3, padding=1, bias=False),
            nn.BatchNorm2d(4 * width), nn.ReLU(), *[Residual(4 * width) for _ in range(blocks)],
        )  # fmt: skip
        self.pictures = nn.Sequential(
            *_doubling(4 * width, 2 * width), *_doubling(2 * width, width), *_doubling(width, width // 2),
            *_doubling(width // 2, width // 4), nn.Conv2d(width // 4, 3, 3, padding=1), nn.Tanh(),
        )  # fmt: skip
        self.apply(paper_start)

    def forward(self, small: Tensor, condition: Tensor) -> Tensor:
        if tuple(small.shape[1:]) != (3, self.side, self.side):
            raise ValueError(f"StageTwo: pictures must be (N, 3, {self.side}, {self.side}), got shape {small.shape}")
        seen = self.reading(small)
        places = condition.reshape(*condition.shape, 1, 1).expand(*condition.shape, *seen.shape[2:])
        return self.pictures(self.joining(mg.cat([seen, places], 1)))


class StackGenerator(nn.Module):
    """Both stages as one generator: noise (N, noise_dim) and sentences (N, text_dim) to the second stage's pictures.

    noise: what Stage I starts from, then what each stage's condition is drawn with.
    """

    def __init__(self, first: StageOne, second: StageTwo) -> None:
        super().__init__()
        self.first, self.second = first, second
        self.sizes = (first.noise_dim, first.augmentation.condition_dim, second.augmentation.condition_dim)
        self.noise_dim = sum(self.sizes)

    def small(self, noise: Tensor, text: Tensor) -> Tensor:
        """Stage I's pictures."""
        start, stop = self.sizes[0], self.sizes[0] + self.sizes[1]
        noise = checked_noise(self, noise, self.noise_dim)
        mean, log_variance = self.first.augmentation(text)
        return self.first(noise[:, :start], sampled(mean, log_variance, noise[:, start:stop]))

    def both(self, noise: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
        """(Stage I's pictures, Stage II's of the same)."""
        small = self.small(noise, text)
        mean, log_variance = self.second.augmentation(text)
        own_noise = noise[:, self.noise_dim - self.sizes[2] :]
        return small, self.second(small, sampled(mean, log_variance, own_noise))

    def forward(self, noise: Tensor, text: Tensor) -> Tensor:
        return self.both(noise, text)[1]
