"""Losses from their formulas."""

from __future__ import annotations

import numpy as np

from .array import FUNCTIONS as ELEMENTWISE
from .array import Array, each
from .loops import filled


def reduced(loss: Array, reduction: str) -> Array:
    return loss.mean() if reduction == "mean" else loss.sum() if reduction == "sum" else loss


def mse_loss(x, target, reduction="mean", weight=1.0):
    return reduced((x - target) * (x - target) * weight, reduction)


def l1_loss(x, target, reduction="mean"):
    return reduced(each(lambda a, b: abs(a - b), x, target), reduction)


def smooth_l1_loss(x, target, reduction="mean", beta=1.0):
    return huber_loss(x, target, reduction, beta) * (1 / beta)


def huber_loss(x, target, reduction="mean", delta=1.0):
    def loss(a, b):
        d = abs(a - b)
        return d * d * 0.5 if d < delta else (d - delta / 2) * delta

    return reduced(each(loss, x, target), reduction)


def kl_div(x, target, reduction="mean", log_target=False):
    def loss(a, t):
        return t.exp() * (t - a) if log_target else t * (t.log() - a)

    losses = each(loss, x, target)
    return losses.sum() * (1 / len(x.array)) if reduction == "batchmean" else reduced(losses, reduction)


def binary_cross_entropy(p, target, reduction="mean", weight=1.0):
    def loss(a, t, w):
        return (-(a.log() * t) - (1.0 - a).log() * (1.0 - t)) * w

    return reduced(each(loss, p, target, weight), reduction)


def binary_cross_entropy_with_logits(score, target, weight=1.0, pos_weight=1.0, reduction="mean"):
    def loss(s, t, w, v):
        return ((-s).softplus() * t * w + s.softplus() * (1.0 - t)) * v

    return reduced(each(loss, score, target, pos_weight, weight), reduction)


def nll_loss(x, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    loss, total = filled(*target.shape), 0.0
    weights = np.ones(x.shape[1]) if weight is None else weight.array
    for n, *place in np.ndindex(*target.shape):
        label = int(target.array[(n, *place)])
        if label == ignore_index:
            continue
        total = total + weights[label]
        loss[(n, *place)] = x.array[(n, label, *place)] * weights[label] * (label_smoothing - 1)
        for c in range(x.shape[1]) if label_smoothing else ():
            loss[(n, *place)] = loss[(n, *place)] - x.array[(n, c, *place)] * weights[c] * label_smoothing / x.shape[1]
    return Array(loss).sum() * (1.0 / total) if reduction == "mean" else reduced(Array(loss), reduction)


def cross_entropy(x, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    log_p = ELEMENTWISE["log_softmax"](x, 1)
    if x.shape != target.shape:
        return nll_loss(log_p, target, weight, ignore_index, reduction, label_smoothing)
    smoothed = target * (1 - label_smoothing) + label_smoothing / x.shape[1]
    return reduced(-(log_p * smoothed * (1.0 if weight is None else weight)).sum(1), reduction)


FUNCTIONS = {
    "mse_loss": mse_loss,
    "l1_loss": l1_loss,
    "smooth_l1_loss": smooth_l1_loss,
    "huber_loss": huber_loss,
    "kl_div": kl_div,
    "binary_cross_entropy": binary_cross_entropy,
    "binary_cross_entropy_with_logits": binary_cross_entropy_with_logits,
    "nll_loss": nll_loss,
    "cross_entropy": cross_entropy,
}
