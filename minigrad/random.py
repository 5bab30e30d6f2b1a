"""The one random generator. Numbers are always drawn on the CPU and then moved, so that a CPU run and a GPU run
start alike."""

from __future__ import annotations

from typing import Any

import numpy as np

from .devices import CPU, Device
from .devices import device as as_device

_seed = int(np.random.SeedSequence().generate_state(1, np.uint64)[0])
_generator = np.random.default_rng(_seed)


def generator() -> np.random.Generator:
    """The one random generator behind every random number that minigrad draws."""
    return _generator


class Generator:
    """A random generator of one's own, seeded apart from the common one: `Generator().manual_seed(0)`.

    device: where PyTorch would draw; here numbers are drawn on the CPU and then moved, and are the same for both.
    """

    def __init__(self, device: str | Device = CPU) -> None:
        self.device = as_device(device)
        self._numbers = np.random.default_rng(0)
        self._seed = 0

    def manual_seed(self, seed: int) -> Generator:
        """Restart from a seed (a non-negative int); returns the generator itself."""
        self._numbers, self._seed = _seeded(seed), int(seed)
        return self

    def initial_seed(self) -> int:
        """The seed that it was last started from."""
        return self._seed

    def get_state(self) -> dict[str, Any]:
        """The state as a dictionary of plain numbers."""
        return dict(self._numbers.bit_generator.state)

    def set_state(self, state: dict[str, Any]) -> Generator:
        """Go back to a state that `get_state` returned."""
        self._numbers.bit_generator.state = state
        return self


def drawn_seed(own: Generator | None = None) -> int:
    """A seed for a generator that is restarted later, drawn as everything else is."""
    return int(generator_of(own).integers(2**63))


def generator_of(own: Generator | None) -> np.random.Generator:
    """Where to draw from: NumPy's generator inside `own`, or the common one if None. Errors: TypeError."""
    if own is None:
        return _generator
    if not isinstance(own, Generator):
        raise TypeError(f"generator: a minigrad.Generator is needed, got {type(own).__name__}")
    return own._numbers


def _seeded(seed: int) -> np.random.Generator:
    if not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"manual_seed: seed must be a non-negative int, got {seed!r}")
    return np.random.default_rng(int(seed))


def manual_seed(seed: int) -> None:
    """Restart the random generator from a seed (a non-negative int): the same seed gives the same numbers."""
    global _generator, _seed
    _generator, _seed = _seeded(seed), int(seed)


def initial_seed() -> int:
    """The seed that the generator was last started from."""
    return _seed


def get_rng_state() -> dict[str, Any]:
    """The generator's state as a dictionary of plain numbers, for checkpoints."""
    return dict(_generator.bit_generator.state)


def set_rng_state(state: dict[str, Any]) -> None:
    """Put the generator back into a state that `get_rng_state` returned."""
    global _generator
    restored = np.random.default_rng()
    restored.bit_generator.state = state
    _generator = restored
