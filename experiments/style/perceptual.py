"""The loss that a transformation network learns from (Johnson, Alahi and Fei-Fei 2016, section 3.2)."""

from __future__ import annotations

from dataclasses import dataclass

import minigrad as mg
from minigrad import Tensor
from nets.vgg import VGG16, VGG19

from .losses import content_loss, gram_matrix, tv_loss

CONTENT_LAYER = "relu2_2"
STYLE_LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")


@dataclass(frozen=True)
class Weights:
    """What the terms of the loss count: content, style, total variation, and pixels (the paper's last two terms)."""

    content: float = 1.0
    style: float = 5.0
    tv: float = 0.01
    pixel: float = 0.0


class PerceptualLoss:
    """How far pictures are from their content in one layer, and from one style in several; means over the batch.

        content  |F - P|^2 / (C H W) in relu2_2
        style    sum over layers of |G - A|^2 / C^2, G = F F^T / (C H W)
        tv       sum of squared differences to the pixel's neighbors, of pictures in [0, 1]
        pixel    |y - x|^2 / (C H W), of pictures in [0, 1]

    The style's division by C^2 makes it a mean over the Gram matrix, as in the authors' program; the paper sums.
    style: (1, 3, H, W), RGB in [0, 1]. net: not trained, any of the two VGGs.
    """

    def __init__(self, net: VGG16 | VGG19, style: Tensor, weights: Weights) -> None:
        self.net, self.weights = net, weights
        with mg.no_grad():
            features = net.features(style, STYLE_LAYERS)
            self.grams = {name: gram_matrix(features[name]) for name in STYLE_LAYERS}

    def content_features(self, pictures: Tensor) -> Tensor:
        """What `terms` compares with, for pictures (N, 3, H, W)."""
        with mg.no_grad():
            return self.net.features(pictures, [CONTENT_LAYER])[CONTENT_LAYER]

    def terms(self, stylized: Tensor, content: Tensor, wanted: Tensor) -> dict[str, Tensor]:
        """The weighted terms, whose sum is the loss. stylized, content: (N, 3, H, W); wanted: content's features."""
        weights, count = self.weights, stylized.shape[0]
        features = self.net.features(stylized, [CONTENT_LAYER, *STYLE_LAYERS])
        terms = {"content": weights.content * content_loss(features[CONTENT_LAYER], wanted, "johnson")}
        style = mg.zeros((), dtype=stylized.dtype, device=stylized.device)
        for name in STYLE_LAYERS:
            difference = gram_matrix(features[name]) - self.grams[name]
            style = style + (difference * difference).mean()
        terms["style"] = weights.style * style
        terms["tv"] = weights.tv * tv_loss(stylized) / float(count)
        if weights.pixel:
            difference = stylized - content
            terms["pixel"] = weights.pixel * (difference * difference).mean()
        return terms
