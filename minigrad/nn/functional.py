"""The public list of functions for building networks; each is defined, with formula and shapes, in `minigrad.ops`."""

from ..ops.activation import (
    dropout,
    dropout2d,
    elu,
    leaky_relu,
    log_softmax,
    logsigmoid,
    prelu,
    relu,
    sigmoid,
    softmax,
    softplus,
    tanh,
)
from ..ops.conv import conv2d, conv_transpose2d
from ..ops.loss import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    huber_loss,
    kl_div,
    l1_loss,
    mse_loss,
    nll_loss,
    smooth_l1_loss,
)
from ..ops.matrix import gram, linear
from ..ops.norm import batch_norm, instance_norm, layer_norm
from ..ops.pool import adaptive_avg_pool2d, avg_pool2d, max_pool2d
from ..ops.resize import interpolate, pad, pixel_shuffle

__all__ = [
    "adaptive_avg_pool2d",
    "avg_pool2d",
    "batch_norm",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "conv2d",
    "conv_transpose2d",
    "cross_entropy",
    "dropout",
    "dropout2d",
    "elu",
    "gram",
    "huber_loss",
    "instance_norm",
    "interpolate",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "logsigmoid",
    "max_pool2d",
    "mse_loss",
    "nll_loss",
    "pad",
    "pixel_shuffle",
    "prelu",
    "relu",
    "sigmoid",
    "smooth_l1_loss",
    "softmax",
    "softplus",
    "tanh",
]
