"""minigrad: reverse-mode automatic differentiation on NumPy and CuPy, small enough to read, real enough to use.

    import minigrad as mg

    x = mg.tensor([1.0, 2.0], requires_grad=True)
    (x * x).sum().backward()
    x.grad                      # tensor([2., 4.])

Names and semantics follow PyTorch: course code written for it runs after `import minigrad as torch`. This file
only hands names on. Start reading at `minigrad/autograd.py`.
"""

from math import inf, nan, pi

from numpy import finfo, iinfo

from . import cuda, devices, random
from .devices import device
from .random import Generator, get_rng_state, initial_seed, manual_seed, set_rng_state
from .functions import *
from .ops import BoolTensor, ByteTensor, DoubleTensor, FloatTensor, IntTensor, LongTensor
from .ops.common import BOOL as bool
from .ops.common import FLOAT32 as float32
from .ops.common import FLOAT64 as float64
from .ops.common import INT32 as int32
from .ops.common import INT64 as int64
from .ops.common import UINT8 as uint8
from .size import Size
from .grad_mode import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from .autograd import Op, Tensor, apply, grad

float = float32
double = float64
int = int32
long = int64

from . import accelerator, backends, compat, data, distributed, gradcheck, nn, optim, utils
from .checkpoint import load, save

__version__ = "0.1.0"
