"""The kernels for CuPy arrays, under the names of the contract in `minigrad.kernels`.

The files have the names of the CPU's: `conv`, `pool`, `norm`, `elementwise`, `resize`. The kernels are short
pieces of CUDA C++ that CuPy compiles on first use (and keeps compiled in ~/.cupy); matrix products go to cuBLAS.

Three rules hold for all of them:

* One writer for each result: a thread gathers what belongs to its entry instead of scattering to others' entries.
  No two threads write to one place, so results do not depend on the order in which threads run. (The one exception
  is `index_add`, which adds with atomics: repeated places may round differently from run to run.)
* The host never waits: nothing here reads a number back from the GPU.
* Images lie (N, C, H, W) in memory. Arguments that lie otherwise are copied once at the entrance, since dividing
  an index by strides for every access costs more than the copy.

Products are computed in full float32 unless `minigrad.backends.cuda.matmul.allow_tf32` is set.
"""

from .conv import conv2d, conv2d_weight, conv_transpose2d
from .elementwise import (
    adam,
    add,
    bce_with_logits,
    bce_with_logits_backward,
    dot,
    elu,
    gram,
    gram_backward,
    index_add,
    is_own_transpose,
    leaky_relu,
    leaky_relu_backward,
    matmul,
    relu,
    sigmoid,
    sigmoid_backward,
    softplus,
    tanh_backward,
)
from .norm import channel_sum, follow, inverse_std, moments, normalize, normalize_backward
from .pool import avg_pool2d, avg_pool2d_scatter, max_pool2d, max_pool2d_gather, max_pool2d_scatter
from .resize import (
    pad2d,
    pad2d_sum,
    pixel_shuffle,
    pixel_unshuffle,
    upsample_nearest2d,
    upsample_nearest2d_sum,
)

__all__ = [
    "adam",
    "add",
    "avg_pool2d",
    "avg_pool2d_scatter",
    "bce_with_logits",
    "bce_with_logits_backward",
    "channel_sum",
    "conv2d",
    "conv2d_weight",
    "conv_transpose2d",
    "dot",
    "elu",
    "follow",
    "gram",
    "gram_backward",
    "index_add",
    "inverse_std",
    "is_own_transpose",
    "leaky_relu",
    "leaky_relu_backward",
    "matmul",
    "max_pool2d",
    "max_pool2d_gather",
    "max_pool2d_scatter",
    "moments",
    "normalize",
    "normalize_backward",
    "pad2d",
    "pad2d_sum",
    "pixel_shuffle",
    "pixel_unshuffle",
    "relu",
    "sigmoid",
    "sigmoid_backward",
    "softplus",
    "tanh_backward",
    "upsample_nearest2d",
    "upsample_nearest2d_sum",
]
