"""Losses: how far a prediction is from its target, as one number.

`reduction` is "mean" (over all entries), "sum", or "none" (no reduction).
"""

from __future__ import annotations

import numpy as np

from ..autograd import Op, Tensor, apply
from ..devices import Array, xp_of
from .activation import log_softmax, softplus
from .arithmetic import abs, clamp, neg
from .common import require_float, require_tensor, sum_to
from .index import gather
from .reduction import mean, sum
from .shape import squeeze, unsqueeze


def reduced(operation: str, loss: Tensor, reduction: str) -> Tensor:
    """The mean, the sum, or the losses themselves."""
    if reduction == "mean":
        return mean(loss)
    if reduction == "sum":
        return sum(loss)
    if reduction == "none":
        return loss
    raise ValueError(f"{operation}: reduction {reduction!r} is unknown; use 'mean', 'sum' or 'none'")


class BinaryCrossEntropy(Op):
    """y = -(t log p + (1 - t) log(1 - p)), each logarithm at least -100; dp = dy (p - t) / max(p (1 - p), 1e-12)."""

    def forward(self, p: Array, target: Array) -> Array:
        xp = xp_of(p)
        self.shapes = p.shape, target.shape
        self.save(p, target)
        with np.errstate(divide="ignore"):
            return -(target * xp.maximum(xp.log(p), -100) + (1 - target) * xp.maximum(xp.log1p(-p), -100))

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        p, target = self.saved
        by_p = by_target = None
        if self.needs[0]:
            by_p = sum_to(grad * (p - target) / clamp(p * (1.0 - p), min=1e-12), self.shapes[0])
        if self.needs[1]:
            odds = clamp((1.0 - p).log(), min=-100.0) - clamp(p.log(), min=-100.0)
            by_target = sum_to(grad * odds, self.shapes[1])
        return by_p, by_target


def _same_shape(operation: str, input: Tensor, target: Tensor) -> None:
    require_float(operation, input, "input")
    require_tensor(operation, "target", target)
    if input.shape != target.shape:
        raise ValueError(f"{operation}: input has shape {input.shape}, target {target.shape}; they must be equal")


def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """(input - target)^2."""
    _same_shape("mse_loss", input, target)
    difference = input - target
    return reduced("mse_loss", difference * difference, reduction)


def l1_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """|input - target|."""
    _same_shape("l1_loss", input, target)
    return reduced("l1_loss", abs(input - target), reduction)


def binary_cross_entropy(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """-(t log p + (1 - t) log(1 - p)) for probabilities p = input in [0, 1]; logarithms are limited to -100.

    Errors: ValueError if shapes differ or (on a CPU) a probability lies outside [0, 1].
    """
    _same_shape("binary_cross_entropy", input, target)
    p = input.array
    if isinstance(p, np.ndarray) and p.size and not (p.min() >= 0 and p.max() <= 1):
        raise ValueError(
            f"binary_cross_entropy: input must lie in [0, 1], found {p.min():.4g} to {p.max():.4g}; for scores use "
            "binary_cross_entropy_with_logits"
        )
    return reduced("binary_cross_entropy", apply(BinaryCrossEntropy(), input, target.to(input.dtype)), reduction)


def binary_cross_entropy_with_logits(
    input: Tensor, target: Tensor, pos_weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    """Binary cross-entropy of sigmoid(s) for scores s = input, exact for scores of any size:

    (1 - t) s + (1 + (w - 1) t) log(1 + e^-s), where w = pos_weight (1 if None) weights the positives.
    """
    _same_shape("binary_cross_entropy_with_logits", input, target)
    target = target.to(input.dtype)
    penalty = softplus(neg(input))
    if pos_weight is not None:
        penalty = penalty * ((pos_weight - 1.0) * target + 1.0)
    return reduced("binary_cross_entropy_with_logits", (1.0 - target) * input + penalty, reduction)


def nll_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """-input[n, target[n]]: the negative log-likelihood. input: (N, C) or (N, C, ...), log-probabilities;
    target: class numbers (int64) of input's shape without C. Errors: naming shapes, or a class out of range."""
    require_float("nll_loss", input, "input")
    require_tensor("nll_loss", "target", target)
    shape = input.shape[:1] + input.shape[2:]
    if input.array.ndim < 2 or target.shape != shape:
        raise ValueError(f"nll_loss: input {input.shape} needs a target of shape {shape}, got {target.shape}")
    if target.dtype.kind not in "iu":
        raise TypeError(f"nll_loss: target must hold class numbers (int64), got {target.dtype}")
    chosen = gather(input, 1, unsqueeze(target, 1))
    return reduced("nll_loss", neg(squeeze(chosen, 1)), reduction)


def cross_entropy(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """-log softmax(input)[target]. input: (N, C) or (N, C, ...), scores; target: class numbers (int64)."""
    if require_float("cross_entropy", input, "input").array.ndim < 2:
        raise ValueError(f"cross_entropy: input must be (N, C) or (N, C, ...), got shape {input.shape}")
    return nll_loss(log_softmax(input, 1), target, reduction)
