"""What every game's discriminators are told."""

from __future__ import annotations

import minigrad as mg
from minigrad.autograd import Tensor

Target = Tensor | float


def bce(scores: Tensor, target: Target) -> Tensor:
    """Mean binary cross-entropy of logits, stable: max(s, 0) - s y + log(1 + e^-|s|).

    scores: logits of any shape. target y: 1 for "real", 0 for "fake", or a Tensor of their shape.
    """
    return (scores.clamp(min=0) - scores * target + mg.log1p((-scores.abs()).exp())).mean()
