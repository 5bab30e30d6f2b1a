"""Pictures from sentences: GAN-CLS (Reed et al. 2016).

    encoder = TextEncoder(num_words)
    h = encoder(tokens)                                  # (N, T) word numbers to (N, 128)
    pictures = TextGenerator()(noise, h)                 # (N, 100) and (N, 128) to (N, 3, 32, 32)
    logits = TextDiscriminator()(pictures, h)            # (N, 1): a real picture, and one of this sentence?

Generator and discriminator each bring h through a layer of their own to phi, 128 numbers after a LeakyReLU; the
discriminator sees phi at every place of its last, 4 x 4 feature map (section 4.1 and figure 2).
"""

from __future__ import annotations

import minigrad as mg
from minigrad import nn
from minigrad.autograd import Tensor

from .dcgan import PaperGenerator, paper_start
from .mlp_gan import checked_noise

TEXT = 128  # numbers that describe a sentence


class TextEncoder(nn.Module):
    """Word numbers (N, T), 0 after the end of a sentence, to (N, 128).

    Embedding 64; convolution over three words, 128, ReLU; the maximum over the sentence; 128.
    """

    def __init__(self, num_words: int, embedding_dim: int = 64, width: int = 128) -> None:
        super().__init__()
        self.embedding = nn.Embedding(num_words + 1, embedding_dim)
        self.words = nn.Sequential(nn.Conv2d(embedding_dim, width, (1, 3), padding=(0, 1)), nn.ReLU())
        self.sentence = nn.Linear(width, TEXT)

    def forward(self, tokens: Tensor) -> Tensor:
        present = (tokens > 0).to(self.sentence.weight.dtype)
        embedded = (self.embedding(tokens) * present.unsqueeze(2)).permute(0, 2, 1).unsqueeze(2)
        words = self.words(embedded).squeeze(2) * present.unsqueeze(1)  # (N, width, T); 0 is the least after ReLU
        return self.sentence(mg.amax(words, 2))


def _halvings(network: str, image_size: int) -> int:
    """How often the side is halved down to 4. Errors: ValueError unless it is a power of two from 8 on."""
    if image_size < 8 or image_size & (image_size - 1):
        raise ValueError(f"{network}: image_size must be a power of two of at least 8, got {image_size}")
    return image_size.bit_length() - 3


def _body(image_size: int, width: int, network: str) -> tuple[nn.Sequential, int]:
    """(convolutions 4x4 stride 2 from pictures to (N, C, 4, 4), C)."""
    layers: list[nn.Module] = [nn.Conv2d(3, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
    for _ in range(_halvings(network, image_size) - 1):
        layers += [
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(2 * width), nn.LeakyReLU(0.2),
        ]  # fmt: skip
        width *= 2
    return nn.Sequential(*layers), width


class PictureEncoder(nn.Module):
    """Pictures (N, 3, image_size, image_size) to `outputs` numbers: what a sentence is matched with (128), or, as the
    style encoder S, the noise that the picture was drawn from (100)."""

    def __init__(self, image_size: int = 32, width: int = 32, outputs: int = TEXT) -> None:
        super().__init__()
        self.body, channels = _body(image_size, width, "PictureEncoder")
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(16 * channels, outputs))

    def forward(self, pictures: Tensor) -> Tensor:
        return self.head(self.body(pictures))


class TextGenerator(nn.Module):
    """Noise (N, noise_dim) and sentences (N, 128) to pictures (N, 3, image_size, image_size) in [-1, 1].

    phi beside the noise, then the DCGAN of Radford et al. (`dcgan.PaperGenerator`).
    """

    def __init__(self, noise_dim: int = 100, image_size: int = 32, width: int = 32, text_dim: int = TEXT) -> None:
        super().__init__()
        self.noise_dim = noise_dim
        self.phi = nn.Sequential(nn.Linear(text_dim, TEXT), nn.LeakyReLU(0.2))
        self.pictures = PaperGenerator(noise_dim + TEXT, image_size, 3, width)

    def forward(self, noise: Tensor, text: Tensor) -> Tensor:
        return self.pictures(mg.cat([checked_noise(self, noise, self.noise_dim), self.phi(text)], 1))


class TextDiscriminator(nn.Module):
    """Pictures (N, 3, image_size, image_size) and sentences (N, 128) to logits (N, 1).

    Convolutions 4x4 stride 2, batch norm in all but the first, LeakyReLU 0.2, down to 4 x 4; phi at every place;
    convolution 1x1, batch norm, LeakyReLU; convolution 4x4. `features` and `match` are its two halves, since pictures
    that are judged with several sentences need the first but once.
    """

    def __init__(self, image_size: int = 32, width: int = 32, text_dim: int = TEXT) -> None:
        super().__init__()
        self.phi = nn.Sequential(nn.Linear(text_dim, TEXT), nn.LeakyReLU(0.2))
        self.body, channels = _body(image_size, width, "TextDiscriminator")
        self.joint = nn.Sequential(
            nn.Conv2d(channels + TEXT, channels, 1, bias=False), nn.BatchNorm2d(channels), nn.LeakyReLU(0.2),
            nn.Conv2d(channels, 1, 4), nn.Flatten(),
        )  # fmt: skip
        self.apply(paper_start)

    def features(self, pictures: Tensor) -> Tensor:
        """(N, C, 4, 4)."""
        return self.body(pictures)

    def match(self, features: Tensor, text: Tensor) -> Tensor:
        """Logits of features with sentences."""
        phi = self.phi(text).reshape(len(text), TEXT, 1, 1).expand(len(text), TEXT, 4, 4)
        return self.joint(mg.cat([features, phi], 1))

    def forward(self, pictures: Tensor, text: Tensor) -> Tensor:
        return self.match(self.features(pictures), text)
