"""What the discriminators and generators of translation are told, beside `bce` of `common/losses.py`."""

from __future__ import annotations

from collections.abc import Sequence

import minigrad as mg
from minigrad import Tensor


def squares(logits: Tensor, real: bool) -> Tensor:
    """Mean (s - 1)^2 of logits s for "real", s^2 for "fake" (Mao et al. 2017)."""
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
