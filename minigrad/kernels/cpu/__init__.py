"""The kernels for NumPy arrays, under the names of the contract in `minigrad.kernels`.

Read `conv` first: a convolution as one matrix product (im2col). Everything else here is the same few lines of
arithmetic for pooling (`pool`), normalization (`norm`), resizing (`resize`) and activations (`elementwise`); `threads`
runs their pieces in parallel. `strips`, `mirrored`, `across`, `winograd` (with `cook_toom` and `weight_cache`), `blas`
and `matmul` are the fast path behind them.
"""

from .conv import conv2d, conv2d_weight, conv_transpose2d
from .elementwise import (
    adam,
    add,
    bce_with_logits,
    bce_with_logits_backward,
    channel_sum,
    dot,
    elu,
    index_add,
    leaky_relu,
    leaky_relu_backward,
    relu,
    sigmoid,
    sigmoid_backward,
    softplus,
    tanh_backward,
)
from .matmul import gram, gram_backward, is_own_transpose, matmul
from .norm import follow, inverse_std, moments, normalize, normalize_backward
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
