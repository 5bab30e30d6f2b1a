"""What the two networks of a GAN are asked to do: the losses, all behind one small interface.

A `GanLoss` has two functions on the discriminator's outputs, which are logits or scores s of shape (N, 1):

    discriminator(real, fake, real_target, fake_target) -> scalar    what the discriminator makes small
    generator(fake) -> scalar                                        what the generator makes small

With p = sigmoid(s) and means over the batch:

    ns          D: -log p_real - log(1 - p_fake)       G: -log p_fake      (Goodfellow et al. 2014, section 3)
    saturating  D: as ns                               G: log(1 - p_fake)  (the minimax game; equation 1)
    lsgan       D: ((s_real - 1)^2 + s_fake^2) / 2     G: (s_fake - 1)^2 / 2   (Mao et al. 2017, equation 9)
    wgan        D: s_fake - s_real, weights clipped    G: -s_fake          (Arjovsky et al. 2017, algorithm 1)
    wgan-gp     D: as wgan, plus a gradient penalty    G: -s_fake          (Gulrajani et al. 2017, algorithm 1)
    wgan-gp-drift  wgan-gp, and 0.001 mean s_real^2 keeps scores near 0   (Karras et al. 2018, appendix A.1)
    ns-r1       D: as ns, plus 10/2 mean |dD/dx|^2 at real x   G: as ns    (Mescheder et al. 2018, equation 9)
    hinge       D: relu(1 - s_real) + relu(1 + s_fake) G: -s_fake          (Lim and Ye 2017; Miyato et al. 2018)

Targets are 1 for real and 0 for fake, or what label smoothing makes of them, a number or a tensor like the scores; the
Wasserstein losses and hinge use none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import minigrad as mg
from minigrad.autograd import Tensor
from minigrad.nn import functional as F

from ..common.losses import Target, bce


@dataclass(frozen=True)
class GanLoss:
    """A loss with what belongs to it.

    title: in a few words, for pictures and pages. reported: from an output to what is reported as D(x): the probability
    of being real where there is one, else the score. uses_targets: whether label tricks can act. clip: bound on each
    weight, after each discriminator step. penalty: the factor of the gradient penalty. drift: of mean s_real^2.
    r1: gamma of R1. d_steps: discriminator steps a generator step (k). rate: (learning rate, Adam's betas) where the
    loss's paper gives them, else the network's are taken.
    """

    name: str
    title: str
    discriminator: Callable[[Tensor, Tensor, Target, Target], Tensor]
    generator: Callable[[Tensor], Tensor]
    reported: Callable[[Tensor], Tensor]
    uses_targets: bool = True
    clip: float | None = None
    penalty: float = 0.0
    drift: float = 0.0
    r1: float = 0.0
    d_steps: int = 1
    rate: tuple[float, tuple[float, float]] | None = None


def _ns_discriminator(real: Tensor, fake: Tensor, real_target: Target, fake_target: Target) -> Tensor:
    return bce(real, real_target) + bce(fake, fake_target)


def _ns_generator(fake: Tensor) -> Tensor:
    return bce(fake, 1.0)


def _saturating_generator(fake: Tensor) -> Tensor:
    return -bce(fake, 0.0)


def _lsgan_discriminator(real: Tensor, fake: Tensor, real_target: Target, fake_target: Target) -> Tensor:
    return 0.5 * (((real - real_target) ** 2).mean() + ((fake - fake_target) ** 2).mean())


def _lsgan_generator(fake: Tensor) -> Tensor:
    return 0.5 * ((fake - 1.0) ** 2).mean()


def _critic(real: Tensor, fake: Tensor, real_target: Target, fake_target: Target) -> Tensor:
    return fake.mean() - real.mean()


def _raise_score(fake: Tensor) -> Tensor:
    return -fake.mean()


def _hinge_discriminator(real: Tensor, fake: Tensor, real_target: Target, fake_target: Target) -> Tensor:
    return F.relu(1.0 - real).mean() + F.relu(1.0 + fake).mean()


def _same(scores: Tensor) -> Tensor:
    return scores


LOSSES = {
    loss.name: loss
    for loss in (
        GanLoss("ns", "non-saturating: G makes -log D small", _ns_discriminator, _ns_generator, mg.sigmoid),
        GanLoss(
            "saturating", "minimax: G makes log(1 - D) small", _ns_discriminator, _saturating_generator, mg.sigmoid
        ),
        GanLoss("lsgan", "least squares: outputs drawn to 1 and 0", _lsgan_discriminator, _lsgan_generator, _same),
        GanLoss(
            "wgan", "Wasserstein, weights clipped", _critic, _raise_score, _same, uses_targets=False, clip=0.01,
            d_steps=5, rate=(5e-5, (0.9, 0.999)),
        ),
        GanLoss(
            "wgan-gp", "Wasserstein, gradient penalty", _critic, _raise_score, _same, uses_targets=False, penalty=10.0,
            d_steps=5, rate=(1e-4, (0.5, 0.9)),
        ),
        GanLoss(
            "wgan-gp-drift", "Wasserstein, gradient penalty and drift", _critic, _raise_score, _same,
            uses_targets=False, penalty=10.0, drift=1e-3,
        ),
        GanLoss(
            "ns-r1", "non-saturating, with the R1 penalty", _ns_discriminator, _ns_generator, mg.sigmoid, r1=10.0
        ),
        GanLoss(
            "hinge", "hinge: D stops beyond its margin", _hinge_discriminator, _raise_score, _same, uses_targets=False
        ),
    )
}  # fmt: skip


def _bce_of_probabilities(probabilities: Tensor, target: Target) -> Tensor:
    targets = target if isinstance(target, Tensor) else mg.full_like(probabilities, target)
    return F.binary_cross_entropy(probabilities, targets)


# The non-saturating loss of a discriminator that ends in a sigmoid, as `nn.BCELoss` computes it.
NS_OF_PROBABILITIES = replace(
    LOSSES["ns"],
    discriminator=lambda real, fake, ones, zeros: (
        _bce_of_probabilities(real, ones) + _bce_of_probabilities(fake, zeros)
    ),
    generator=lambda fake: _bce_of_probabilities(fake, 1.0),
    reported=_same,
)


def gradient_penalty(discriminate: Callable[..., Tensor], real: Tensor, fake: Tensor) -> Tensor:
    """mean (|d D(x) / dx| - 1)^2 at random points x between real and fake samples: a gradient of a gradient.

    discriminate: samples to scores (N, 1). real, fake: (N, ...) without a graph. The factor is not included.
    (Gulrajani et al. 2017, equation 3.)
    """
    count = real.shape[0]
    weight = mg.rand(count, *[1] * (real.dim() - 1), device=real.device)
    between = (weight * real + (1.0 - weight) * fake.reshape(real.shape)).detach().requires_grad_()
    (gradients,) = mg.grad(discriminate(between).sum(), [between], create_graph=True)
    norms = mg.sqrt((gradients.reshape(count, -1) ** 2).sum(1) + 1e-12)
    return ((norms - 1.0) ** 2).mean()


def r1_penalty(discriminate: Callable[..., Tensor], real: Tensor) -> Tensor:
    """mean |d D(x) / dx|^2 / 2 at the real samples x. The factor gamma is not included.

    discriminate: samples to scores (N, 1). real: (N, ...) without a graph. (Mescheder et al. 2018, equation 9.)
    """
    samples = real.detach().requires_grad_()
    (gradients,) = mg.grad(discriminate(samples).sum(), [samples], create_graph=True)
    return 0.5 * (gradients.reshape(real.shape[0], -1) ** 2).sum(1).mean()
