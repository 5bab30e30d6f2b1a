"""What moves parameters: optimizers (`first_order`, `lbfgs`) and schedules of their learning rates (`lr_scheduler`)."""

from . import lr_scheduler
from .first_order import SGD, Adam, AdamW, RMSprop
from .lbfgs import LBFGS
from .optimizer import Optimizer
