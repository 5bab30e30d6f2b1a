"""minigrad: reverse-mode automatic differentiation on NumPy and CuPy, small enough to read, real enough to use.

    import minigrad as mg

    x = mg.tensor([1.0, 2.0], requires_grad=True)
    (x * x).sum().backward()
    x.grad                      # tensor([2., 4.])

Names and semantics follow PyTorch: course code written for it runs after `import minigrad as torch`. This file
only hands names on. Start reading at `minigrad/autograd.py`.
"""

from . import cuda, devices, random
from .devices import device
from .random import get_rng_state, manual_seed, set_rng_state
from .ops import (
    DoubleTensor,
    FloatTensor,
    LongTensor,
    abs,
    add,
    all,
    amax,
    amin,
    any,
    arange,
    argmax,
    argmin,
    bmm,
    cat,
    chunk,
    clamp,
    clone,
    conv2d,
    conv_transpose2d,
    cumsum,
    div,
    empty,
    empty_like,
    erf,
    exp,
    flatten,
    flip,
    from_numpy,
    full,
    full_like,
    gather,
    index_select,
    log,
    log1p,
    log_softmax,
    logsumexp,
    masked_select,
    matmul,
    max,
    maximum,
    mean,
    min,
    minimum,
    mm,
    mul,
    neg,
    nonzero,
    norm,
    ones,
    ones_like,
    permute,
    pow,
    prod,
    rand,
    rand_like,
    randint,
    randn,
    randn_like,
    randperm,
    relu,
    reshape,
    scatter,
    scatter_add,
    sigmoid,
    sign,
    softmax,
    split,
    sqrt,
    squeeze,
    stack,
    std,
    sub,
    sum,
    t,
    tanh,
    tensor,
    transpose,
    unsqueeze,
    var,
    where,
    zeros,
    zeros_like,
)
from .ops.common import BOOL as bool
from .ops.common import FLOAT32 as float32
from .ops.common import FLOAT64 as float64
from .ops.common import INT64 as int64
from .grad_mode import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from .autograd import Op, Tensor, apply, grad

float = float32
double = float64
long = int64

from . import accelerator, backends, compat, data, gradcheck, nn, optim, utils
from .checkpoint import load, save

__version__ = "0.1.0"
