"""A small convolutional classifier of 28 x 28 digits: what the GAN metrics look through.

Its last hidden layer, 128 numbers a picture, is a description in which pictures of one digit lie together.
"""

from __future__ import annotations

from minigrad import nn
from minigrad.autograd import Tensor

FEATURES = 128


class DigitClassifier(nn.Module):
    """Images (N, channels, 28, 28) in [0, 1] to class scores (N, classes).

    conv 32 5x5, ReLU, max pool 2; conv 64 5x5, ReLU, max pool 2; 128, ReLU; 10 (`classes`).
    """

    def __init__(self, channels: int = 1, classes: int = 10) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, 32, 5), nn.ReLU(), nn.MaxPool2d(2),  # (N, 32, 12, 12)
            nn.Conv2d(32, 64, 5), nn.ReLU(), nn.MaxPool2d(2),  # (N, 64, 4, 4)
            nn.Flatten(), nn.Linear(1024, FEATURES), nn.ReLU(),
        )  # fmt: skip
        self.head = nn.Linear(FEATURES, classes)

    def features(self, images: Tensor) -> Tensor:
        """The last hidden layer: (N, 128), none negative."""
        return self.body(images)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.features(images))


class SceneClassifier(nn.Module):
    """Pictures (N, 3, size, size) in [-1, 1] to scores of several facts: a list of (N, choices).

    conv 32, 64, 128, all 5x5 or 3x3 with stride 2, batch norm and ReLU; 256, ReLU; one linear layer a fact.
    """

    def __init__(self, choices: list[int], size: int = 32) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 32, 5, stride=2, padding=2), nn.BatchNorm2d(32), nn.ReLU(),
            nn.Conv2d(32, 64, 3, stride=2, padding=1), nn.BatchNorm2d(64), nn.ReLU(),
            nn.Conv2d(64, 128, 3, stride=2, padding=1), nn.BatchNorm2d(128), nn.ReLU(),
            nn.Flatten(), nn.Linear(128 * ((size + 7) // 8) ** 2, 256), nn.ReLU(),
        )  # fmt: skip
        self.heads = nn.ModuleList([nn.Linear(256, count) for count in choices])

    def forward(self, pictures: Tensor) -> list[Tensor]:
        hidden = self.body(pictures)
        return [head(hidden) for head in self.heads]
