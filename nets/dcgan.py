"""Convolutional GANs. A generator here grows a small stack of feature maps into a picture with transposed
convolutions; a discriminator shrinks a picture into a number with strided convolutions or pooling.

    Generator, Discriminator              the course's lab: fully connected entry, max pooling in the discriminator
    GeronGenerator, GeronDiscriminator    5 x 5 kernels, stride 2, 'same' padding as TensorFlow lays it (DCGAN A)
    KerasGenerator, KerasDiscriminator    the same with more channels, and no biases in the generator (DCGAN B)
    PaperGenerator, PaperDiscriminator    all convolutions, for square pictures whose side is a power of two
                                          (Radford, Metz and Chintala 2016)

Pictures are (N, C, H, W) in [-1, 1]. The 28 x 28 discriminators also take them flat, (N, 784).
"""

from __future__ import annotations

from minigrad import nn
from minigrad.autograd import Tensor

from .mlp_gan import checked_noise, flat_images

# TensorFlow's 'same' padding for a 5 x 5 kernel with stride 2 on an even size: 3 in all, the odd one at the end.
SAME = (1, 2, 1, 2)


def _images(network: nn.Module, images: Tensor) -> Tensor:
    return flat_images(network, images).reshape(images.shape[0], 1, 28, 28)


# --------------------------------------------------------------------------------------- the lab's


class Discriminator(nn.Module):
    """Images (N, 1, 28, 28) or (N, 784) to logits (N, 1); 1,102,721 parameters.

    conv 32 5x5, LeakyReLU 0.01, max pool 2; conv 64 5x5, LeakyReLU, max pool 2; 1024, LeakyReLU; 1.
    """

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 32, 5), nn.LeakyReLU(0.01), nn.MaxPool2d(2),  # (N, 32, 12, 12)
            nn.Conv2d(32, 64, 5), nn.LeakyReLU(0.01), nn.MaxPool2d(2),  # (N, 64, 4, 4)
            nn.Flatten(), nn.Linear(1024, 1024), nn.LeakyReLU(0.01),
            nn.Dropout(dropout) if dropout > 0 else nn.Identity(),
            nn.Linear(1024, 1),
        )  # fmt: skip

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(_images(self, images))


class Generator(nn.Module):
    """Noise (N, noise_dim) to images (N, 784) in [-1, 1]; 6,675,009 parameters for 96 noise values.

    1024, ReLU, batch norm; 6272, ReLU, batch norm; (128, 7, 7); transposed conv 64 4x4 stride 2, batch norm;
    transposed conv 1 4x4 stride 2, tanh. conv_relu: a ReLU before the last batch norm too, which the assignment
    leaves out.
    """

    def __init__(self, noise_dim: int = 96, conv_relu: bool = False) -> None:
        super().__init__()
        self.noise_dim = noise_dim
        self.layers = nn.Sequential(
            nn.Linear(noise_dim, 1024), nn.ReLU(), nn.BatchNorm1d(1024),
            nn.Linear(1024, 6272), nn.ReLU(), nn.BatchNorm1d(6272),
            nn.Unflatten(1, (128, 7, 7)),
            nn.ConvTranspose2d(128, 64, 4, stride=2, padding=1),  # (N, 64, 14, 14)
            nn.ReLU() if conv_relu else nn.Identity(), nn.BatchNorm2d(64),
            nn.ConvTranspose2d(64, 1, 4, stride=2, padding=1), nn.Tanh(), nn.Flatten(),
        )  # fmt: skip

    def forward(self, noise: Tensor) -> Tensor:
        return self.layers(checked_noise(self, noise, self.noise_dim))


# ------------------------------------------------------------------------------ DCGAN A and B (Keras)


def keras_start(module: nn.Module) -> None:
    """Start a layer as Keras does: weights Glorot uniform, biases zero."""
    if isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def _keras_norm(channels: int, flat: bool = False) -> nn.Module:
    kind = nn.BatchNorm1d if flat else nn.BatchNorm2d
    return kind(channels, eps=1e-3, momentum=0.01)  # Keras counts momentum the other way: 0.99 of the old


class GeronGenerator(nn.Module):
    """DCGAN A: noise (N, 100) to images (N, 1, 28, 28); 840,321 parameters. (Geron, "Hands-On Machine Learning".)"""

    def __init__(self, noise_dim: int = 100) -> None:
        super().__init__()
        self.noise_dim = noise_dim
        self.layers = nn.Sequential(
            nn.Linear(noise_dim, 6272), nn.Unflatten(1, (128, 7, 7)), _keras_norm(128),
            nn.ConvTranspose2d(128, 64, 5, stride=2, padding=SAME), nn.ReLU(), _keras_norm(64),
            nn.ConvTranspose2d(64, 1, 5, stride=2, padding=SAME), nn.Tanh(),
        ).apply(keras_start)  # fmt: skip

    def forward(self, noise: Tensor) -> Tensor:
        return self.layers(checked_noise(self, noise, self.noise_dim))


class KerasGenerator(nn.Module):
    """DCGAN B: noise (N, 100) to images (N, 1, 28, 28); 2,305,472 parameters. (TensorFlow's DCGAN tutorial.)"""

    def __init__(self, noise_dim: int = 100) -> None:
        super().__init__()
        self.noise_dim = noise_dim
        self.layers = nn.Sequential(
            nn.Linear(noise_dim, 12544, bias=False), _keras_norm(12544, flat=True), nn.LeakyReLU(0.3),
            nn.Unflatten(1, (256, 7, 7)),
            nn.ConvTranspose2d(256, 128, 5, padding=2, bias=False), _keras_norm(128), nn.LeakyReLU(0.3),
            nn.ConvTranspose2d(128, 64, 5, stride=2, padding=SAME, bias=False), _keras_norm(64), nn.LeakyReLU(0.3),
            nn.ConvTranspose2d(64, 1, 5, stride=2, padding=SAME, bias=False), nn.Tanh(),
        ).apply(keras_start)  # fmt: skip

    def forward(self, noise: Tensor) -> Tensor:
        return self.layers(checked_noise(self, noise, self.noise_dim))


class KerasDiscriminator(nn.Module):
    """DCGAN B's: images to logits (N, 1); 212,865 parameters. conv 64 and 128, 5x5 stride 2, dropout after each."""

    def __init__(self, slope: float = 0.3, dropout: float = 0.3, sigmoid: bool = False) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 64, 5, stride=2, padding=SAME), nn.LeakyReLU(slope), nn.Dropout(dropout),
            nn.Conv2d(64, 128, 5, stride=2, padding=SAME), nn.LeakyReLU(slope), nn.Dropout(dropout),
            nn.Flatten(), nn.Linear(6272, 1), nn.Sigmoid() if sigmoid else nn.Identity(),
        ).apply(keras_start)  # fmt: skip

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(_images(self, images))


class GeronDiscriminator(KerasDiscriminator):
    """DCGAN A's: LeakyReLU 0.2, dropout 0.4, a sigmoid at the end (sigmoid=False: logits)."""

    def __init__(self, sigmoid: bool = True) -> None:
        super().__init__(slope=0.2, dropout=0.4, sigmoid=sigmoid)


# ------------------------------------------------------------------------------------ the paper's


def paper_start(module: nn.Module) -> None:
    """Start a layer as the DCGAN paper does: weights N(0, 0.02); batch norm scales N(1, 0.02)."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)


def count_doublings(network: str, image_size: int) -> int:
    """How often 4 is doubled to give the image size. Errors: ValueError unless it is a power of two from 8 on."""
    if image_size < 8 or image_size & (image_size - 1):
        raise ValueError(f"{network}: image_size must be a power of two of at least 8, got {image_size}")
    return image_size.bit_length() - 3


class PaperGenerator(nn.Module):
    """Noise (N, noise_dim) to pictures (N, channels, image_size, image_size) in [-1, 1].

    From 4 x 4, every transposed convolution (4x4, stride 2) doubles the side and halves the channels, of which
    there are `width` before the last. Batch norm and ReLU everywhere but at the end, which is tanh.
    """

    def __init__(self, noise_dim: int = 100, image_size: int = 64, channels: int = 3, width: int = 64) -> None:
        super().__init__()
        self.noise_dim = noise_dim
        doublings = count_doublings("PaperGenerator", image_size)
        features = width * 2 ** (doublings - 1)
        layers = [nn.ConvTranspose2d(noise_dim, features, 4, bias=False), nn.BatchNorm2d(features), nn.ReLU()]
        for _ in range(doublings - 1):
            layers.append(nn.ConvTranspose2d(features, features // 2, 4, stride=2, padding=1, bias=False))
            features //= 2
            layers += [nn.BatchNorm2d(features), nn.ReLU()]
        layers += [nn.ConvTranspose2d(features, channels, 4, stride=2, padding=1, bias=False), nn.Tanh()]
        self.layers = nn.Sequential(*layers).apply(paper_start)

    def forward(self, noise: Tensor) -> Tensor:
        return self.layers(checked_noise(self, noise, self.noise_dim).reshape(-1, self.noise_dim, 1, 1))


class PaperDiscriminator(nn.Module):
    """Pictures (N, channels, image_size, image_size) to logits (N, 1): the generator's mirror image.

    Convolutions 4x4 stride 2 with LeakyReLU 0.2, batch norm in all but the first, and a 4x4 one at the end.
    batch_norm=False leaves it out, as the gradient penalty demands: a penalty on each picture's gradient makes no
    sense where pictures of one batch influence each other.
    """

    def __init__(self, image_size: int = 64, channels: int = 3, width: int = 64, batch_norm: bool = True) -> None:
        super().__init__()
        doublings = count_doublings("PaperDiscriminator", image_size)
        self.shape = (channels, image_size, image_size)
        layers = [nn.Conv2d(channels, width, 4, stride=2, padding=1, bias=False), nn.LeakyReLU(0.2)]
        for _ in range(doublings - 1):
            layers.append(nn.Conv2d(width, 2 * width, 4, stride=2, padding=1, bias=not batch_norm))
            width *= 2
            layers += [nn.BatchNorm2d(width) if batch_norm else nn.Identity(), nn.LeakyReLU(0.2)]
        layers += [nn.Conv2d(width, 1, 4, bias=False), nn.Flatten()]
        self.layers = nn.Sequential(*layers).apply(paper_start)

    def forward(self, images: Tensor) -> Tensor:
        if tuple(images.shape[1:]) != self.shape:
            raise ValueError(f"PaperDiscriminator: images must be (N, *{self.shape}), got {images.shape}")
        return self.layers(images)
