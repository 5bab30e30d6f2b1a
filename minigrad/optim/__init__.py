"""What moves parameters: optimizers (`first_order`, `lbfgs`) and schedules of their learning rates (`lr_scheduler`)."""

from . import lr_scheduler
from .adam import Adam, AdamW
from .lbfgs import LBFGS
from .optimizer import Optimizer
from .rmsprop import RMSprop
from .sgd import SGD
