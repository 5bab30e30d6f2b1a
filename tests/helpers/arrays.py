"""Arrays for tests of kernels."""

import numpy as np


def random(*shape, dtype=np.float64, seed=0):
    """Seeded normal numbers."""
    return np.random.default_rng(seed + sum(shape)).standard_normal(shape).astype(dtype)


def relative_rms(value, truth):
    """The root mean square of the difference, relative to that of the truth."""
    return np.sqrt(((value - truth) ** 2).mean() / (truth**2).mean())
