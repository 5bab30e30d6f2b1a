"""Losses from their formulas."""

from __future__ import annotations

import numpy as np

from .array import FUNCTIONS as ELEMENTWISE
from .array import Array, each
from .loops import filled


def reduced(loss: Array, reduction: str) -> Array:
    return loss.mean() if reduction == "mean" else loss.sum() if reduction == "sum" else loss


def mse_loss(x, target, reduction="mean"):
    return reduced((x - target) * (x - target), reduction)


def l1_loss(x, target, reduction="mean"):
    return reduced(each(lambda a, b: abs(a - b), x, target), reduction)


def binary_cross_entropy(p, target, reduction="mean"):
    return reduced(each(lambda a, t: -(a.log() * t) - (1.0 - a).log() * (1.0 - t), p, target), reduction)


def binary_cross_entropy_with_logits(score, target, pos_weight=1.0, reduction="mean"):
    def loss(s, t, w):
        return (-s).softplus() * t * w + s.softplus() * (1.0 - t)

    return reduced(each(loss, score, target, pos_weight), reduction)


def nll_loss(x, target, reduction="mean"):
    loss = filled(*target.shape)
    for n, *place in np.ndindex(*target.shape):
        loss[(n, *place)] = -x.array[(n, int(target.array[(n, *place)]), *place)]
    return reduced(Array(loss), reduction)


def cross_entropy(x, target, reduction="mean"):
    return nll_loss(ELEMENTWISE["log_softmax"](x, 1), target, reduction)


FUNCTIONS = {
    "mse_loss": mse_loss,
    "l1_loss": l1_loss,
    "binary_cross_entropy": binary_cross_entropy,
    "binary_cross_entropy_with_logits": binary_cross_entropy_with_logits,
    "nll_loss": nll_loss,
    "cross_entropy": cross_entropy,
}
