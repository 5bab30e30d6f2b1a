"""The multilayer-perceptron GANs of the course documents, for 28 x 28 pictures with values in [-1, 1].

Document 000 (the lab): noise uniform on (-1, 1), scores as logits. Document 003: noise normal, probabilities.
(Goodfellow et al. 2014, "Generative Adversarial Nets".)
"""

from __future__ import annotations

from minigrad import Tensor, nn

PIXELS = 28 * 28


def flattened(x: Tensor) -> Tensor:
    """(N, 1, 28, 28) or (N, 784) as (N, 784)."""
    return x if x.dim() == 2 else x.flatten(1)


class Discriminator(nn.Module):
    """784 - 256 - 256 - 1, LeakyReLU 0.01: pictures, flat or (N, 1, 28, 28), to logits (N, 1). 267,009 parameters.

    extra: more inputs beside the picture, for conditional GANs (the label, one-hot).
    """

    def __init__(self, extra: int = 0) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(PIXELS + extra, 256),
            nn.LeakyReLU(0.01),
            nn.Linear(256, 256),
            nn.LeakyReLU(0.01),
            nn.Linear(256, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(flattened(x))


class Generator(nn.Module):
    """noise - 1024 - 1024 - 784, ReLU, tanh: noise (N, noise_dim) to flat pictures (N, 784). 1,952,528 parameters."""

    def __init__(self, noise_dim: int = 96, hidden: tuple[int, int] = (1024, 1024)) -> None:
        super().__init__()
        self.noise_dim = noise_dim
        self.layers = nn.Sequential(
            nn.Linear(noise_dim, hidden[0]),
            nn.ReLU(),
            nn.Linear(hidden[0], hidden[1]),
            nn.ReLU(),
            nn.Linear(hidden[1], PIXELS),
            nn.Tanh(),
        )

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(z)


class Discriminator003(nn.Module):
    """Document 003: 784 - 1024 - 512 - 128 - 1, ReLU, sigmoid: pictures to probabilities (N, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(PIXELS, 1024),
            nn.ReLU(),
            nn.Linear(1024, 512),
            nn.ReLU(),
            nn.Linear(512, 128),
            nn.ReLU(),
            nn.Linear(128, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(flattened(x))


class Generator003(nn.Module):
    """Document 003: noise - 128 - 512 - 1024 - 784, ReLU, tanh."""

    def __init__(self, noise_dim: int = 100) -> None:
        super().__init__()
        self.noise_dim = noise_dim
        self.layers = nn.Sequential(
            nn.Linear(noise_dim, 128),
            nn.ReLU(),
            nn.Linear(128, 512),
            nn.ReLU(),
            nn.Linear(512, 1024),
            nn.ReLU(),
            nn.Linear(1024, PIXELS),
            nn.Tanh(),
        )

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(z)
