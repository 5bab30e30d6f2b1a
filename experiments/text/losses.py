"""The losses of GAN-CLS's four variants (Reed et al. 2016, algorithm 1 and sections 4.2 and 4.3).

With s_r = D(real picture, its sentence), s_w = D(real picture, another sentence), s_f = D(G(z, h), h), all as logits,
and BCE(s, y) the mean binary cross-entropy:

    naive, int      L_D = BCE(s_r, 1) + BCE(s_f, 0)
    cls, int-cls    L_D = BCE(s_r, 1) + (BCE(s_w, 0) + BCE(s_f, 0)) / 2
    naive, cls      L_G = BCE(s_f, 1)
    int, int-cls    L_G = BCE(s_f, 1) + BCE(s_i, 1),  s_i = D(G(z, h_i), h_i),  h_i = (h_1 + h_2) / 2
"""

from __future__ import annotations

import minigrad as mg
from minigrad.autograd import Tensor

from ..common.losses import bce

VARIANTS = ("naive", "cls", "int", "int-cls")
BETA = 0.5  # where between two sentences the interpolated ones lie


def discriminator_loss(right: Tensor, fake: Tensor, wrong: Tensor | None = None) -> Tensor:
    """L_D. wrong: the logits s_w, for the variants that show wrong sentences."""
    if wrong is None:
        return bce(right, 1.0) + bce(fake, 0.0)
    return bce(right, 1.0) + (bce(wrong, 0.0) + bce(fake, 0.0)) * 0.5


def kl_to_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, 1)) = (mean^2 + variance - log variance - 1) / 2, the mean over all numbers."""
    return 0.5 * (mean * mean + mg.exp(log_variance) - log_variance - 1.0).mean()


def interpolated(text: Tensor) -> Tensor:
    """Sentences halfway between each one and the next in the batch."""
    return text * BETA + mg.cat([text[1:], text[:1]], 0) * (1.0 - BETA)
