"""Checkpoints as the first version of the program wrote them.

`gan_checkpoint_v1.json` is the recorded structure of a real one (a conditional, averaged MLP GAN with hidden layers of
4, at step 20): every key, number and text, and shape and dtype in place of each tensor and array.
"""

import json
from pathlib import Path

import numpy as np

import minigrad as mg


def first_version_state(seed=0):
    """The state in such a checkpoint, with small random numbers in its arrays."""
    numbers = np.random.default_rng(seed)

    def made(recorded):
        if isinstance(recorded, list):
            return [made(item) for item in recorded]
        if not isinstance(recorded, dict):
            return recorded
        ((kind, content),) = recorded.items()
        if kind == "dict":
            return {key: made(item) for key, item in content}
        if kind == "tuple":
            return tuple(made(item) for item in content)
        shape, dtype = content
        array = np.abs(0.1 * numbers.standard_normal(shape)).astype(dtype)
        return mg.tensor(array) if kind == "tensor" else array

    return made(json.loads(Path(__file__).with_name("gan_checkpoint_v1.json").read_text()))


def write_first_version(path, seed=0):
    """Write the checkpoint and return its state."""
    state = first_version_state(seed)
    mg.save(state, path)
    return state
