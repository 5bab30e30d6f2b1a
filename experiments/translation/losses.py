"""What the discriminators and generators of translation are told; all are means, and logits are any shape.

bce       -log sigmoid(s) for "real", -log(1 - sigmoid(s)) for "fake"
squares   (s - 1)^2 for "real", s^2 for "fake"                              (Mao et al. 2017)
"""

from __future__ import annotations

from collections.abc import Sequence

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import Tensor


def bce(logits: Tensor, real: bool) -> Tensor:
    """Mean binary cross-entropy of logits with "real" or "fake"."""
    return F.binary_cross_entropy_with_logits(logits, mg.full_like(logits, float(real)))


def squares(logits: Tensor, real: bool) -> Tensor:
    """Mean squared distance of logits from 1 for "real", 0 for "fake"."""
    difference = logits - float(real)
    return (difference * difference).mean()


def feature_matching(real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    """sum over layers of mean (m_r - m_f)^2, m the mean of each activation over the batch (Salimans et al. 2016,
    section 3.1, as DiscoGAN's authors compute it). real, fake: activations (N, C, H, W), layer by layer."""
    total = mg.zeros((), dtype=fake[0].dtype, device=fake[0].device)
    for wanted, found in zip(real, fake):
        difference = wanted.mean(0) - found.mean(0)
        total = total + (difference * difference).mean()
    return total
