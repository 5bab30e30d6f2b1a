"""Learning-rate schedules: each `step()` moves to the next epoch and sets every parameter group's lr.

As in PyTorch the rates themselves are saved with the optimizer, what else a schedule knows with the schedule.
last_epoch: -1 to start, or the epoch to go on from, with an optimizer that has been loaded.
"""

from .absolute import CosineAnnealingWarmRestarts, CyclicLR, LambdaLR, OneCycleLR
from .base import LRScheduler
from .combined import ChainedScheduler, SequentialLR
from .factors import (
    ConstantLR,
    CosineAnnealingLR,
    ExponentialLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)
from .plateau import ReduceLROnPlateau

_LRScheduler = LRScheduler  # its name in older programs
