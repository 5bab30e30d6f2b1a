"""The one random generator. Numbers are always drawn on the CPU and then moved, so that a CPU run and a GPU run
start alike."""

from __future__ import annotations

from typing import Any

import numpy as np

_generator = np.random.default_rng()


def generator() -> np.random.Generator:
    """The one random generator behind every random number that minigrad draws."""
    return _generator


def manual_seed(seed: int) -> None:
    """Restart the random generator from a seed (a non-negative int): the same seed gives the same numbers."""
    global _generator
    if not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"manual_seed: seed must be a non-negative int, got {seed!r}")
    _generator = np.random.default_rng(int(seed))


def get_rng_state() -> dict[str, Any]:
    """The generator's state as a dictionary of plain numbers, for checkpoints."""
    return dict(_generator.bit_generator.state)


def set_rng_state(state: dict[str, Any]) -> None:
    """Put the generator back into a state that `get_rng_state` returned."""
    global _generator
    restored = np.random.default_rng()
    restored.bit_generator.state = state
    _generator = restored
