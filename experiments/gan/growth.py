"""The schedule of networks that grow: each new level is faded in. (Karras et al. 2018, section 2.)"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from minigrad import nn
from minigrad.autograd import Tensor
from minigrad.nn import functional as F
from nets.progressive_gan import Growing, enlarged, mixed

from .training import Batch


def level_and_alpha(step: int, grow_steps: int, first: int, top: int) -> tuple[int, float]:
    """(level, alpha) after `step` steps: `grow_steps` at the first level, then for each next level as many in which
    alpha rises from 0 to 1 and as many at 1; at the top for ever."""
    phase, within = divmod(step, grow_steps)
    level = first + (phase + 1) // 2
    if level > top:
        return top, 1.0
    return level, within / grow_steps if phase % 2 else 1.0


class Growth:
    """Where growing networks are in their schedule; a part of the checkpoint, though the step alone decides it."""

    def __init__(self, networks: Sequence[nn.Module], grow_steps: int) -> None:
        self.networks = [network for network in networks if isinstance(network, Growing)]
        self.grow_steps = grow_steps
        self.at(0)

    def at(self, step: int) -> None:
        """Bring all networks to where they are after `step` steps."""
        self.step = step
        one = self.networks[0]
        self.level, self.alpha = level_and_alpha(step, self.grow_steps, one.first, one.top)
        for network in self.networks:
            network.grow_to(self.level, self.alpha)

    def shrunk(self, images: Tensor) -> Tensor:
        """Real pictures (N, C, S, S) at the present level, as sharp as the networks draw them just now."""
        images = F.avg_pool2d(images, images.shape[-1] // (4 << self.level))
        return images if self.alpha == 1 else mixed(enlarged(F.avg_pool2d(images, 2)), images, self.alpha)

    def batches(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The same batches at the present level."""
        return ((self.shrunk(images), labels) for images, labels in batches)

    def state_dict(self) -> dict[str, int]:
        return {"step": self.step}

    def load_state_dict(self, state: dict[str, int]) -> None:
        if state["step"] < 0:
            raise ValueError(f"step must not be negative, got {state['step']}")
        self.at(state["step"])
