"""What a training run trains: the base of all games. `training_run.py` begins with a whole example."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from minigrad.autograd import Tensor

from .images import Picture
from .run_checkpoints import Upgrade
from .run_page import About
from .run_parts import Part


class Game(ABC):
    """What is trained, with everything that belongs to it.

    name: of the game, kept in its checkpoints. columns: the names of its losses, in the table's order.
    settings: a dataclass of plain values. about: the text of its page, and its plots.
    parts: by name everything that decides how the run goes on and changes while it runs: networks, optimizers,
    schedules, averages, loaders, pools of pictures (whatever has state_dict and load_state_dict), and tensors such as
    a fixed noise. The step number, the random generator and the losses are the frame's.
    commands: what to try with the run when it is over, "experiments.x {run}". sources: the files to read about it.
    upgrades: for each older kind of checkpoint ("minigrad-gan") a function that gives it the present structure.
    """

    name: ClassVar[str]
    columns: ClassVar[Sequence[str]]
    upgrades: ClassVar[Mapping[str, Upgrade]] = {}
    commands: ClassVar[Sequence[str]] = ()
    sources: ClassVar[Sequence[str]] = ()
    settings: Any
    about: About
    parts: Mapping[str, Part]

    @abstractmethod
    def batches(self) -> Iterator[Any]:
        """Batches without end, from a loader that is one of the parts."""

    @abstractmethod
    def step(self, batches: Iterator[Any], number: int) -> Mapping[str, Tensor]:
        """One training step: takes `next(batches)` as often as the algorithm needs and updates the networks.

        number: how many steps were done before. Returns scalars by column, still on the device; a column may be left
        out in steps that do not compute it. Nothing is read back from the device in here.
        """

    @abstractmethod
    def draw(self) -> Picture:
        """A picture of how far it has come, always of the same inputs; must not draw random numbers."""

    def metrics(self) -> Mapping[str, float | int | str]:
        """Metrics of the result for the page and metrics.json, computed when the training is over."""
        return {}
