"""Losses: how far a prediction is from its target, as one number.

`reduction` is "mean" (over all entries), "sum", or "none" (no reduction). `size_average` and `reduce` are its
predecessors, which PyTorch still honors: reduce=False is "none", size_average=False is "sum", anything else "mean".
`weight` multiplies each entry's loss before the reduction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd import Op, Tensor, apply, tensor_of
from ..devices import Array, xp_of
from ..grad_mode import is_grad_enabled
from ..kernels import kernels_of
from .activation import log_softmax, sigmoid, softplus
from .arithmetic import abs, exp, log, neg, where
from .common import cast, check_broadcast, expand, promoted, require_float, require_tensor
from .elementary import clamp
from .elementwise import Elementwise
from .index import gather, index_select
from .public import public
from .reduction import mean, sum
from .shape import reshape, squeeze, unsqueeze


def reduction_of(operation: str, reduction: str, size_average: bool | None, reduce: bool | None) -> str:
    """The reduction that the two old arguments name, else `reduction`. Errors: TypeError or ValueError."""
    for name, value in (("size_average", size_average), ("reduce", reduce)):
        if value is not None and not isinstance(value, bool):
            raise TypeError(f"{operation}: {name} must be a bool or None, got {value!r}; write reduction={value!r}?")
    if size_average is not None or reduce is not None:
        return "none" if reduce is False else "sum" if size_average is False else "mean"
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{operation}: reduction {reduction!r} is unknown; use 'mean', 'sum' or 'none'")
    return reduction


def reduced(loss: Tensor, reduction: str, weights: Tensor | None = None) -> Tensor:
    """The mean, the sum, or the losses themselves. weights: what the mean divides by, if not by their number."""
    if reduction == "mean":
        return mean(loss) if weights is None else sum(loss) / sum(weights)
    return sum(loss) if reduction == "sum" else loss


class BinaryCrossEntropy(Op):
    """y = -(t log p + (1 - t) log(1 - p)), each logarithm at least -100; dp = dy (p - t) / max(p (1 - p), 1e-12)."""

    def forward(self, p: Array, target: Array) -> Array:
        xp = xp_of(p)
        self.save(p, target)
        with np.errstate(divide="ignore"):
            return -(target * xp.maximum(xp.log(p), -100) + (1 - target) * xp.maximum(xp.log1p(-p), -100))

    def backward(self, grad: Tensor, needed: Sequence[bool]) -> tuple[Tensor | None, ...]:
        p, target = self.saved
        by_p = by_target = None
        if needed[0]:
            by_p = grad * (p - target) / clamp(p * (1.0 - p), min=1e-12)
        if needed[1]:
            by_target = grad * (clamp((1.0 - p).log(), min=-100.0) - clamp(p.log(), min=-100.0))
        return by_p, by_target


class BCEWithLogits(Elementwise):
    """y = (1 - t) x + log(1 + e^-x); dx = dy (sigmoid(x) - t), dt = -dy x."""

    def formula(self, x: Array, t: Array) -> Array:
        return kernels_of(x).bce_with_logits(x, t)

    def dx(self, dy: Tensor, x: Tensor, t: Tensor) -> Tensor:
        if is_grad_enabled():
            return dy * (sigmoid(x) - t)
        return tensor_of(kernels_of(x.array).bce_with_logits_backward(dy.array, x.array, t.array))

    def dt(self, dy: Tensor, x: Tensor) -> Tensor:
        return neg(dy * x)


def _pair(operation: str, input: Any, target: Any) -> tuple[Tensor, Tensor]:
    """Input and target in one dtype. Errors: TypeError, or ValueError for shapes that differ (PyTorch only warns)."""
    x, t = require_float(operation, input, "input"), require_tensor(operation, "target", target)
    if x.shape != t.shape:
        raise ValueError(f"{operation}: input has shape {x.shape}, target {t.shape}; they must be equal")
    dtype = promoted(x.dtype, t.dtype)
    return cast(x, dtype), cast(t, dtype)


def _weighted(operation: str, loss: Tensor, weight: Tensor | None) -> Tensor:
    """The losses times the weight, which must broadcast to their shape."""
    if weight is None:
        return loss
    check_broadcast(operation, loss.shape, require_tensor(operation, "weight", weight).shape)
    return loss * weight


@public("nn.functional")
def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """(input - target)^2; with a weight, the mean divides by the weights' sum."""
    reduction = reduction_of("mse_loss", reduction, size_average, reduce)
    x, t = _pair("mse_loss", input, target)
    difference = x - t
    return reduced(_weighted("mse_loss", difference * difference, weight), reduction, _spread(weight, x))


def _spread(weight: Tensor | None, x: Tensor) -> Tensor | None:
    """The weight, broadcast to x's shape, so that its sum counts each entry."""
    return None if weight is None else expand(weight, x.shape)


@public("nn.functional")
def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """|input - target|; with a weight, the mean divides by the weights' sum."""
    reduction = reduction_of("l1_loss", reduction, size_average, reduce)
    x, t = _pair("l1_loss", input, target)
    return reduced(_weighted("l1_loss", abs(x - t), weight), reduction, _spread(weight, x))


@public("nn.functional")
def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """d^2 / (2 beta) where d = |input - target| < beta, else d - beta / 2. (Girshick 2015, equation 3.)"""
    reduction = reduction_of("smooth_l1_loss", reduction, size_average, reduce)
    x, t = _pair("smooth_l1_loss", input, target)
    if beta < 0:
        raise ValueError(f"smooth_l1_loss: beta must not be negative, got {beta}")
    if beta == 0:
        return reduced(abs(x - t), reduction)
    return reduced(_huber(x - t, beta) / beta, reduction)


@public("nn.functional")
def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """d^2 / 2 where d = |input - target| <= delta, else delta (d - delta / 2). (Huber 1964.)

    With a weight the mean divides by the number of losses, not by the weights' sum as for `mse_loss`.
    """
    reduction = reduction_of("huber_loss", reduction, None, None)
    x, t = _pair("huber_loss", input, target)
    if delta <= 0:
        raise ValueError(f"huber_loss: delta must be positive, got {delta}")
    return reduced(_weighted("huber_loss", _huber(x - t, delta), weight), reduction)


def _huber(difference: Tensor, delta: float) -> Tensor:
    distance = abs(difference)
    return where(distance < delta, difference * difference * 0.5, (distance - delta * 0.5) * delta)


@public("nn.functional")
def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """t (log t - input) for log-probabilities input and probabilities t (given as logarithms with log_target).

    reduction may also be "batchmean": the sum divided by the first axis' size, which is the divergence itself.
    """
    batch_mean = reduction == "batchmean" and size_average is None and reduce is None
    reduction = "sum" if batch_mean else reduction_of("kl_div", reduction, size_average, reduce)
    x, t = _pair("kl_div", input, target)
    loss = exp(t) * (t - x) if log_target else t * log(where(t == 0, 1.0, t)) - t * x
    result = reduced(loss, reduction)
    return result / x.shape[0] if batch_mean and x.array.ndim else result


@public("nn.functional")
def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """-(t log p + (1 - t) log(1 - p)) for probabilities p = input in [0, 1]; logarithms are limited to -100.

    Errors: ValueError if shapes differ or (on a CPU) a probability lies outside [0, 1]; TypeError if dtypes differ.
    """
    reduction = reduction_of("binary_cross_entropy", reduction, size_average, reduce)
    _pair("binary_cross_entropy", input, target)
    if input.dtype != target.dtype:
        raise TypeError(
            f"binary_cross_entropy: input is {input.dtype}, target is {target.dtype}; convert one with .to()"
        )
    p = input.array
    if isinstance(p, np.ndarray) and p.size and not (p.min() >= 0 and p.max() <= 1):
        raise ValueError(
            f"binary_cross_entropy: input must lie in [0, 1], found {p.min():.4g} to {p.max():.4g}; for scores use "
            "binary_cross_entropy_with_logits"
        )
    loss = apply(BinaryCrossEntropy(), input, target)
    return reduced(_weighted("binary_cross_entropy", loss, weight), reduction)


@public("nn.functional")
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """Binary cross-entropy of sigmoid(s) for scores s = input, exact for scores of any size:

    (1 - t) s + (1 + (w - 1) t) log(1 + e^-s), where w = pos_weight (1 if None) weights the positives. The result has
    target's dtype if that is one of floating-point numbers.
    """
    name = "binary_cross_entropy_with_logits"
    reduction = reduction_of(name, reduction, size_average, reduce)
    x, t = _pair(name, input, target)
    if pos_weight is None:
        losses = apply(BCEWithLogits(), x, t)
    else:
        check_broadcast(name, x.shape, require_tensor(name, "pos_weight", pos_weight).shape)
        losses = (1.0 - t) * x + softplus(neg(x)) * ((pos_weight - 1.0) * t + 1.0)
    dtype = target.dtype if target.dtype.kind == "f" else x.dtype
    return reduced(cast(_weighted(name, losses, weight), dtype), reduction)


# -------------------------------------------------------------------------------- of class numbers


@public("nn.functional")
def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """-weight[c] input[n, c] for the class c = target[n]: the negative log-likelihood.

    input: (N, C), (N, C, ...) or (C,), log-probabilities; target: class numbers (int64) of input's shape without C,
    where ignore_index counts as no loss; weight: (C,). The mean divides by the sum of the weights that were used.
    Errors: naming shapes, or a class out of range.
    """
    reduction = reduction_of("nll_loss", reduction, size_average, reduce)
    losses, weights = _by_class("nll_loss", input, target, weight, ignore_index, 0.0)
    return reduced(losses, reduction, weights)


@public("nn.functional")
def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """-log softmax(input)[target], weighted and reduced as `nll_loss`. input: scores; target: class numbers (int64),
    or probabilities of input's shape: then -sum_c weight[c] target[c] log softmax(input)[c], and the mean divides by
    the number of samples. label_smoothing s: each target gives s / C of its weight to every class. (Szegedy et al.
    2016, section 7.)
    """
    reduction = reduction_of("cross_entropy", reduction, size_average, reduce)
    x = require_float("cross_entropy", input)
    require_tensor("cross_entropy", "target", target)
    if x.array.ndim == 0:
        raise ValueError("cross_entropy: input must be (N, C), (N, C, ...) or (C,), got shape ()")
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"cross_entropy: label_smoothing must lie between 0 and 1, got {label_smoothing}")
    along = 1 if x.array.ndim > 1 else 0
    log_p = log_softmax(x, along)
    if target.dtype.kind != "f":
        losses, weights = _by_class("cross_entropy", log_p, target, weight, ignore_index, label_smoothing)
        return reduced(losses, reduction, weights)
    log_p, t = _pair("cross_entropy", log_p, target)
    if label_smoothing:
        t = t * (1 - label_smoothing) + label_smoothing / x.shape[along]
    losses = neg(sum(_class_weighted("cross_entropy", log_p * t, weight), along))
    return sum(losses) / losses.array.size if reduction == "mean" else reduced(losses, reduction)


def _class_weighted(operation: str, values: Tensor, weight: Tensor | None) -> Tensor:
    """values, (N, C, ...) or (C,), times the weight (C,) of each class."""
    if weight is None:
        return values
    classes = values.shape[1 if values.array.ndim > 1 else 0]
    if require_tensor(operation, "weight", weight).shape != (classes,) or weight.dtype != values.dtype:
        raise ValueError(
            f"{operation}: weight must be ({classes},) of {values.dtype}, got {weight.shape} of {weight.dtype}"
        )
    return values * reshape(weight, (classes, *[1] * (values.array.ndim - 2)))


def _by_class(
    operation: str, log_p: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, smoothing: float
) -> tuple[Tensor, Tensor]:
    """The losses of class numbers, and the weights that their mean divides by."""
    require_float(operation, log_p, "input")
    require_tensor(operation, "target", target)
    shape = log_p.shape[:1] + log_p.shape[2:] if log_p.array.ndim > 1 else ()
    if log_p.array.ndim == 0 or target.shape != shape:
        raise ValueError(f"{operation}: input {log_p.shape} needs a target of shape {shape}, got {target.shape}")
    if target.dtype.kind not in "iu":
        raise TypeError(f"{operation}: target must hold class numbers (int64), got {target.dtype}")
    along = 1 if log_p.array.ndim > 1 else 0
    counted = target != ignore_index
    classes = where(counted, target, 0)
    _check_classes(operation, classes.array, log_p.shape[along])
    weighted = _class_weighted(operation, log_p, weight)
    chosen = squeeze(gather(weighted, along, unsqueeze(classes, along)), along)
    losses = where(counted, neg(chosen), 0.0)
    if smoothing:
        everywhere = where(counted, neg(sum(weighted, along)), 0.0)
        losses = losses * (1 - smoothing) + everywhere * (smoothing / log_p.shape[along])
    weights = cast(counted, log_p.dtype)
    return losses, weights if weight is None else weights * index_select(weight, 0, reshape(classes, (-1,))).view(shape)


def _check_classes(operation: str, classes: Array, count: int) -> None:
    """Errors: IndexError for a class number that is not in 0 .. count - 1 (not looked at on a GPU)."""
    if isinstance(classes, np.ndarray) and classes.size:  # on a GPU looking would wait for it
        low, high = int(classes.min()), int(classes.max())
        if low < 0 or high >= count:
            raise IndexError(f"{operation}: class {low if low < 0 else high} is out of range; there are {count}")
