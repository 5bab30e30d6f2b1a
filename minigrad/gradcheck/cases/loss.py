"""Losses under every reduction, with hard and soft targets and weights."""

from typing import Any

from ..case import Case, Input, case, constant, distinct, normal, positive, probability

CLASSES = constant([2, 0, 1])
PIXELS = constant([[[2, 0], [1, 1]]])


def _loss(op: str, name: str, function: str, *inputs: Input, **options: Any) -> Case:
    return case(op, name, lambda m, *t: getattr(m.nn.functional, function)(*t, **options), *inputs)


def _scores(m, score, target, weight):  # type: ignore[no-untyped-def]
    return m.nn.functional.binary_cross_entropy_with_logits(score * 3, target, pos_weight=weight)


def _weighted_bce(m: Any, p: Any, target: Any, weight: Any) -> Any:
    return m.nn.functional.binary_cross_entropy(p, target, weight=weight)


def _weighted_scores(m: Any, score: Any, target: Any, weight: Any) -> Any:
    return m.nn.functional.binary_cross_entropy_with_logits(score, target, weight)


def _weighted_nll(m: Any, x: Any, target: Any, weight: Any) -> Any:
    return m.nn.functional.nll_loss(x, target, weight, ignore_index=1)


def _smoothed(m: Any, x: Any, target: Any, weight: Any) -> Any:
    return m.nn.functional.cross_entropy(x, target, weight, label_smoothing=0.2)


CASES = [
    _loss("mse_loss", "mean", "mse_loss", normal(2, 3), normal(2, 3)),
    _loss("mse_loss", "sum", "mse_loss", normal(4), normal(4), reduction="sum"),
    _loss("mse_loss", "none", "mse_loss", normal(2, 2, layout="transposed"), normal(2, 2), reduction="none"),
    _loss("l1_loss", "mean", "l1_loss", distinct(2, 3), positive(2, 3)),
    _loss("l1_loss", "none", "l1_loss", distinct(5), constant([3.0, -3.0, 2.5, 2.5, -2.5]), reduction="none"),
    _loss("BinaryCrossEntropy", "soft targets", "binary_cross_entropy", probability(2, 3), probability(2, 3)),
    _loss(
        "BinaryCrossEntropy",
        "hard targets",
        "binary_cross_entropy",
        probability(4),
        constant([1.0, 0.0, 0.0, 1.0]),
        reduction="sum",
    ),
    _loss(
        "BinaryCrossEntropy",
        "none",
        "binary_cross_entropy",
        probability(2, 2),
        constant([[1.0, 0.5], [0.2, 0.0]]),
        reduction="none",
    ),
    _loss("BinaryCrossEntropy", "empty", "binary_cross_entropy", probability(0, 2), probability(0, 2), reduction="sum"),
    _loss("BCEWithLogits", "mean", "binary_cross_entropy_with_logits", normal(2, 3), probability(2, 3)),
    _loss(
        "BCEWithLogits",
        "none",
        "binary_cross_entropy_with_logits",
        normal(4),
        constant([1.0, 0.0, 0.0, 1.0]),
        reduction="none",
    ),
    case("bce_with_logits", "weighted, large scores", _scores, normal(2, 3), probability(2, 3), positive(3)),
    _loss("nll_loss", "mean", "nll_loss", normal(3, 4), CLASSES),
    _loss("nll_loss", "none, pixels", "nll_loss", normal(1, 3, 2, 2), PIXELS, reduction="none"),
    _loss("cross_entropy", "mean", "cross_entropy", normal(3, 4), CLASSES),
    _loss("cross_entropy", "sum", "cross_entropy", normal(3, 3, layout="strided"), CLASSES, reduction="sum"),
    _loss(
        "cross_entropy",
        "pixels, channels last",
        "cross_entropy",
        normal(1, 3, 2, 2, layout="channels_last"),
        PIXELS,
        reduction="none",
    ),
    _loss("smooth_l1_loss", "both pieces", "smooth_l1_loss", distinct(2, 3), constant([[0.1] * 3] * 2), beta=0.7),
    _loss("huber_loss", "both pieces", "huber_loss", distinct(5), constant([0.1] * 5), reduction="none", delta=0.7),
    _loss("kl_div", "batchmean", "kl_div", normal(2, 3), probability(2, 3), reduction="batchmean"),
    _loss("kl_div", "logarithms", "kl_div", normal(2, 3), normal(2, 3), log_target=True, reduction="none"),
    case("BinaryCrossEntropy", "weighted", _weighted_bce, probability(2, 3), probability(2, 3), positive(3)),
    case("bce_with_logits", "weighted entries", _weighted_scores, normal(2, 3), probability(2, 3), positive(3)),
    case("nll_loss", "weighted, one ignored", _weighted_nll, normal(3, 4), CLASSES, constant([0.5, 1.0, 2.0, 3.0])),
    _loss("nll_loss", "pixels, one ignored", "nll_loss", normal(1, 3, 2, 2), PIXELS, ignore_index=0, reduction="sum"),
    case("cross_entropy", "weighted and smoothed", _smoothed, normal(3, 4), CLASSES, constant([0.5, 1.0, 2.0, 3.0])),
    case("cross_entropy", "probabilities, smoothed", _smoothed, normal(3, 2), probability(3, 2), constant([0.5, 2.0])),
    _loss("cross_entropy", "probabilities of pixels", "cross_entropy", normal(1, 3, 2, 2), probability(1, 3, 2, 2)),
]
