"""Pictures that a network cannot tell from the original: found from noise, from the code that it makes of a picture.

(Mahendran and Vedaldi 2015, "Understanding deep image representations by inverting them", figure 1: the code there is
the 1000 numbers of the classifier, before the softmax.)
"""

from __future__ import annotations

import numpy as np

import minigrad as mg
from minigrad import Tensor
from nets.vgg import VGG16, VGG19

from ..common.cli import UserError
from ..style.losses import content_loss, tv_loss
from ..style.presets import Preset
from ..style.reconstruction import searched
from ..style.search import Losses, Search, noise_picture

CLASSIFIER = "fc8"


def check_layer(net: VGG16 | VGG19, layer: str, weights: object) -> None:
    """Errors: UserError if the network has no such layer, or no classifier."""
    if layer == CLASSIFIER and not len(net.head):
        raise UserError(
            f"{weights}: holds no classifier, whose code would be inverted; invert a layer of features instead: "
            "--layer relu5_3"
        )
    if layer != CLASSIFIER and layer not in net.layer_names:
        raise UserError(
            f"--layer {layer}: there is no such layer; there are {CLASSIFIER}, {', '.join(net.layer_names)}"
        )


class CodeTargets:
    """The code of a picture: the goal of a `Search` for others with the same code.

    The loss is the share of the code that is missed, plus `smoothness` times the picture's mean total variation,
    without which pixels that the code says nothing of would stay noise.
    places: which rows and columns of a layer of features belong to the code.
    """

    def __init__(
        self, net: VGG16 | VGG19, layer: str, original: Tensor, smoothness: float,
        places: tuple[slice, slice] = (slice(None), slice(None)),
    ) -> None:  # fmt: skip
        self.net, self.layer, self.smoothness, self.places = net, layer, smoothness, places
        self.preset = Preset("relative", {layer: 1.0}, {}, init="noise")
        with mg.no_grad():
            self.target = self.code(original)

    def code(self, picture: Tensor) -> Tensor:
        """The classifier's numbers (1, 1000), or a layer's features."""
        if self.layer == CLASSIFIER:
            return self.net(picture)
        return self.net.features(picture, [self.layer])[self.layer][:, :, *self.places]

    def loss(self, image: Tensor) -> tuple[Tensor, Losses]:
        """The loss of a picture, RGB in [0, 1], and its terms."""
        content = content_loss(self.code(image), self.target, "relative")
        smooth = tv_loss(image) * (self.smoothness / (image.shape[2] * image.shape[3]))
        total = content + smooth
        return total, {"total": total, "content": content, "tv": smooth}  # type: ignore[dict-item]

    def missed(self, picture: np.ndarray) -> float:
        """The share of the code that a picture misses: |code - target|^2 / |target|^2."""
        with mg.no_grad():
            code = self.code(mg.tensor(picture, device=self.net.mean.device))
            return float(content_loss(code, self.target, "relative"))


def invert(targets: CodeTargets, size: tuple[int, ...], steps: int, title: str) -> np.ndarray:
    """One picture (1, 3, height, width) in [0, 1] with the code, from fresh noise. size: height and width."""
    return searched(Search(targets, noise_picture(*size), steps), title)
