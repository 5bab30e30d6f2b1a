"""The average of a network over its last steps draws better than the network of any one step (Yazici et al. 2019)."""

from __future__ import annotations

from typing import Any

import minigrad as mg
from minigrad import nn


class Average:
    """The exponential moving average of a network: shadow <- decay shadow + (1 - decay) value, after each step.

    Buffers (running statistics) are averaged as well; counts are copied. `network` is the averaged network, in
    evaluation mode.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network: Any = network.eval().requires_grad_(False)  # of the same class as the averaged one
        self.decay = decay

    def update(self, source: nn.Module) -> None:
        """Move towards `source`, a network of the same kind."""
        with mg.no_grad():
            own = self.network.state_dict()
            for name, value in source.state_dict().items():
                if value.dtype.kind == "f":
                    own[name].copy_(own[name] * self.decay + value * (1.0 - self.decay))
                else:
                    own[name].copy_(value)


def warmed_up(decay: float, step: int) -> float:
    """The decay of an average after `step` steps: min(decay, (1 + step) / (10 + step)).

    With the full decay from the start, an average holds what the network began with for the first 1 / (1 - decay) steps
    and more; this one forgets it at once. (The convention of TensorFlow's ExponentialMovingAverage with num_updates.)
    """
    return min(decay, (1 + step) / (10 + step))
