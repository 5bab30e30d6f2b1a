"""The losses of neural style transfer, with the names the course uses.

F are a layer's features (1, C, H, W) of the picture being made, P and S those of the content and the style picture,
G and A Gram matrices. Documents and papers scale the terms differently; a normalization names one of their ways:

    name      content                       style, each layer
    gatys     1/2 sum (F - P)^2             sum (G - A)^2 / (4 C^2 (H W)^2), G = F F^T
    cs231n    sum (F - P)^2                 sum (G - A)^2, G = F F^T / (C H W)
    keras     sum (F - P)^2                 sum (G - A)^2 / (4 * 3^2 * pixels^2) / layers, G = F F^T
    johnson   sum (F - P)^2 / (C H W)       sum (G - A)^2, G = F F^T / (C H W)
    relative  sum (F - P)^2 / sum P^2       sum (G - A)^2 / sum A^2, G = F F^T / (C H W)

(Gatys, Ecker and Bethge 2016, equations 1 to 7; Johnson, Alahi and Fei-Fei 2016, section 3.2.) "relative" says which
share of the target is missed, so that its weights mean the same for every network.
"""

from __future__ import annotations

import minigrad.nn.functional as F
from minigrad import Tensor

NORMALISATIONS = ("gatys", "cs231n", "keras", "johnson", "relative")


def content_loss(current: Tensor, target: Tensor, normalization: str) -> Tensor:
    """How far the features F = current are from the content's, P = target; both (1, C, H, W)."""
    difference = current - target
    total = (difference * difference).sum()
    if normalization == "gatys":
        return total * 0.5
    if normalization == "johnson":
        return total / float(current.numel())
    if normalization == "relative":
        return total / float((target * target).sum())
    return total


def gram_matrix(features: Tensor, normalize: bool = True, mask: Tensor | None = None) -> Tensor:
    """F F^T for features (N, C, H, W): (N, C, C), divided by C H W if normalize.

    mask: (1, 1, H, W) in [0, 1]: only where it holds; the division is then by the C pixels that it holds.
    """
    _, c, h, w = features.shape
    count = float(c * h * w)
    if mask is not None:
        features = features * mask
        count = float(mask.sum()) * c or 1.0
    gram = F.gram(features.flatten(2))
    return gram / count if normalize else gram


def style_loss(
    current: Tensor, target: Tensor, normalization: str, pixels: int = 0, layers: int = 1, mask: Tensor | None = None
) -> Tensor:
    """How far the Gram matrix of features `current` is from the style's, `target`: (1, C, C), made by `style_target`.

    pixels, layers: the picture's size and the number of style layers, which the Keras normalization divides by.
    """
    gram = gram_matrix(current, normalization in ("cs231n", "johnson", "relative"), mask)
    difference = gram - target
    total = (difference * difference).sum()
    if normalization == "gatys":
        _, c, h, w = current.shape
        return total / (4.0 * c**2 * (h * w) ** 2)
    if normalization == "keras":
        return total / (4.0 * 9 * float(pixels) ** 2 * layers)
    if normalization == "relative":
        return total / float((target * target).sum())
    return total


def style_target(features: Tensor, normalization: str, like: Tensor) -> Tensor:
    """A style picture's Gram matrix, as `style_loss` compares it with one of features shaped as `like`.

    The sums of an unnormalized Gram matrix grow with the picture; they are scaled to the other picture's size.
    """
    if normalization in ("cs231n", "johnson", "relative"):
        return gram_matrix(features)
    own, other = features.shape[2] * features.shape[3], like.shape[2] * like.shape[3]
    return gram_matrix(features, normalize=False) * (other / own)


def tv_loss(image: Tensor, power: float = 1.0) -> Tensor:
    """Total variation: the sum over pixels of (difference to the next row)^2 + (to the next column)^2, squared sums
    raised to `power` (1.25 in Keras' example, over the pixels that have both neighbors)."""
    down = image[:, :, 1:, :] - image[:, :, :-1, :]
    right = image[:, :, :, 1:] - image[:, :, :, :-1]
    if power == 1.0:
        return (down * down).sum() + (right * right).sum()
    squares = down[:, :, :, :-1] ** 2 + right[:, :, :-1, :] ** 2
    return ((squares + 1e-12) ** power).sum()
