"""The convolutional GANs of the course documents. (Radford, Metz and Chintala 2016, "DCGAN".)

`Discriminator` and `Generator` are the lab of document 000, for 28 x 28 pictures with values in [-1, 1].
"""

from __future__ import annotations

from minigrad import Tensor, nn


def as_images(x: Tensor) -> Tensor:
    """(N, 784) or (N, 1, 28, 28) as (N, 1, 28, 28)."""
    return x.reshape(-1, 1, 28, 28) if x.dim() == 2 else x


class Discriminator(nn.Module):
    """conv 32 5x5, pool, conv 64 5x5, pool, 1024, 1; LeakyReLU 0.01: pictures to logits (N, 1). 1,102,721 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 32, 5),
            nn.LeakyReLU(0.01),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 5),
            nn.LeakyReLU(0.01),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(4 * 4 * 64, 4 * 4 * 64),
            nn.LeakyReLU(0.01),
            nn.Linear(4 * 4 * 64, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(as_images(x))


class Generator(nn.Module):
    """1024, 7 x 7 x 128, transposed conv 64 4x4, transposed conv 1 4x4; ReLU, batch norm, tanh: noise (N, noise_dim)
    to flat pictures (N, 784). 6,675,009 parameters.

    relu_between: a ReLU after the first transposed convolution, which the document's slides leave out.
    """

    def __init__(self, noise_dim: int = 96, relu_between: bool = False) -> None:
        super().__init__()
        self.noise_dim = noise_dim
        self.layers = nn.Sequential(
            nn.Linear(noise_dim, 1024),
            nn.ReLU(),
            nn.BatchNorm1d(1024),
            nn.Linear(1024, 7 * 7 * 128),
            nn.ReLU(),
            nn.BatchNorm1d(7 * 7 * 128),
            nn.Unflatten(1, (128, 7, 7)),
            nn.ConvTranspose2d(128, 64, 4, stride=2, padding=1),
            nn.ReLU() if relu_between else nn.Identity(),
            nn.BatchNorm2d(64),
            nn.ConvTranspose2d(64, 1, 4, stride=2, padding=1),
            nn.Tanh(),
            nn.Flatten(),
        )

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(z)
