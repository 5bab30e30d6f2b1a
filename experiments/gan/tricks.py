"""What steadies the game between the two networks; every trick is off unless asked for.

Label smoothing and flips keep the discriminator from being too sure (Salimans et al. 2016, section 3.4); instance
noise makes real and generated pictures overlap (Sonderby et al. 2017). The average of the generator, a trick that every
game can use, is in `common/averaging.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import minigrad as mg
from minigrad.autograd import Tensor


@dataclass(frozen=True)
class Tricks:
    """label_smoothing: real targets are 1 - this. label_noise: targets move by up to this, at random.
    flip_labels: the part of all targets that is swapped. instance_noise: standard deviation of what is added to every
    picture the discriminator sees; it falls to 0 over the first `noise_steps` steps, if that is not 0."""

    label_smoothing: float = 0.0
    label_noise: float = 0.0
    flip_labels: float = 0.0
    instance_noise: float = 0.0
    noise_steps: int = 0

    def touches_targets(self) -> bool:
        """Whether any trick changes the targets 1 and 0."""
        return bool(self.label_smoothing or self.label_noise or self.flip_labels)

    def targets(self, scores: Tensor, real: bool) -> Tensor | float:
        """The targets for these scores (N, 1): 1 or 0, smoothed, moved and flipped."""
        value = 1.0 - self.label_smoothing if real else 0.0
        if not (self.label_noise or self.flip_labels):
            return value
        target = mg.full_like(scores, value)
        if self.flip_labels:
            flipped = mg.rand_like(scores) < self.flip_labels
            target = mg.where(flipped, 1.0 - target, target)
        if self.label_noise:
            target = target + (2.0 * mg.rand_like(scores) - 1.0) * self.label_noise
        return target.detach()

    def blurred(self, images: Tensor, step: int) -> Tensor:
        """Images with this step's instance noise."""
        size = self.instance_noise
        if self.noise_steps:
            size *= max(0.0, 1.0 - step / self.noise_steps)
        return images + size * mg.randn_like(images) if size > 0 else images
