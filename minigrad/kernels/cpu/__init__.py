"""The kernels for NumPy arrays, under the names of the contract in `minigrad.kernels`.

Where they stand: `cpu_convolution` (the readable im2col path, and the choice between it and `cpu_winograd`),
`cpu_pooling`, `cpu_normalization`, `cpu_elementwise`, `cpu_resizing`; `threads` runs their pieces in parallel.
"""

from .conv import conv2d, conv2d_weight, conv_transpose2d
from .elementwise import (
    adam,
    add,
    channel_sum,
    dot,
    elu,
    index_add,
    leaky_relu,
    leaky_relu_backward,
    relu,
    sigmoid,
    softplus,
)
from .matmul import gram, matmul
from .norm import moments, normalize, normalize_backward
from .pool import avg_pool2d, avg_pool2d_scatter, max_pool2d, max_pool2d_gather, max_pool2d_scatter
from .resize import pad2d, pad2d_sum, upsample_nearest2d, upsample_nearest2d_sum

__all__ = [
    "adam",
    "add",
    "avg_pool2d",
    "avg_pool2d_scatter",
    "channel_sum",
    "conv2d",
    "conv2d_weight",
    "conv_transpose2d",
    "dot",
    "elu",
    "gram",
    "index_add",
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
    "relu",
    "sigmoid",
    "softplus",
    "upsample_nearest2d",
    "upsample_nearest2d_sum",
]
