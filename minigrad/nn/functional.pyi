"""Written by `python -m tests.helpers.stubs` from the functions declared with `@public`; not to be edited."""

# fmt: off
from ..ops.activation import dropout as dropout
from ..ops.activation import dropout2d as dropout2d
from ..ops.activation import elu as elu
from ..ops.activation import gelu as gelu
from ..ops.activation import hardtanh as hardtanh
from ..ops.activation import leaky_relu as leaky_relu
from ..ops.activation import log_softmax as log_softmax
from ..ops.activation import logsigmoid as logsigmoid
from ..ops.activation import prelu as prelu
from ..ops.activation import relu as relu
from ..ops.activation import relu6 as relu6
from ..ops.activation import selu as selu
from ..ops.activation import sigmoid as sigmoid
from ..ops.activation import silu as silu
from ..ops.activation import softmax as softmax
from ..ops.activation import softplus as softplus
from ..ops.activation import softsign as softsign
from ..ops.activation import tanh as tanh
from ..ops.conv import conv1d as conv1d
from ..ops.conv import conv2d as conv2d
from ..ops.conv import conv_transpose1d as conv_transpose1d
from ..ops.conv import conv_transpose2d as conv_transpose2d
from ..ops.lookup import embedding as embedding
from ..ops.lookup import one_hot as one_hot
from ..ops.loss import binary_cross_entropy as binary_cross_entropy
from ..ops.loss import binary_cross_entropy_with_logits as binary_cross_entropy_with_logits
from ..ops.loss import cross_entropy as cross_entropy
from ..ops.loss import huber_loss as huber_loss
from ..ops.loss import kl_div as kl_div
from ..ops.loss import l1_loss as l1_loss
from ..ops.loss import mse_loss as mse_loss
from ..ops.loss import nll_loss as nll_loss
from ..ops.loss import smooth_l1_loss as smooth_l1_loss
from ..ops.matrix import gram as gram
from ..ops.matrix import linear as linear
from ..ops.norm import batch_norm as batch_norm
from ..ops.norm import group_norm as group_norm
from ..ops.norm import instance_norm as instance_norm
from ..ops.norm import layer_norm as layer_norm
from ..ops.norm import normalize as normalize
from ..ops.patches import affine_grid as affine_grid
from ..ops.patches import fold as fold
from ..ops.patches import grid_sample as grid_sample
from ..ops.patches import unfold as unfold
from ..ops.pool import adaptive_avg_pool2d as adaptive_avg_pool2d
from ..ops.pool import adaptive_max_pool2d as adaptive_max_pool2d
from ..ops.pool import avg_pool1d as avg_pool1d
from ..ops.pool import avg_pool2d as avg_pool2d
from ..ops.pool import max_pool1d as max_pool1d
from ..ops.pool import max_pool2d as max_pool2d
from ..ops.resize import interpolate as interpolate
from ..ops.resize import pad as pad
from ..ops.resize import pixel_shuffle as pixel_shuffle
from ..ops.resize import pixel_unshuffle as pixel_unshuffle

__all__ = [
    "adaptive_avg_pool2d",
    "adaptive_max_pool2d",
    "affine_grid",
    "avg_pool1d",
    "avg_pool2d",
    "batch_norm",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "conv1d",
    "conv2d",
    "conv_transpose1d",
    "conv_transpose2d",
    "cross_entropy",
    "dropout",
    "dropout2d",
    "elu",
    "embedding",
    "fold",
    "gelu",
    "gram",
    "grid_sample",
    "group_norm",
    "hardtanh",
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
    "max_pool1d",
    "max_pool2d",
    "mse_loss",
    "nll_loss",
    "normalize",
    "one_hot",
    "pad",
    "pixel_shuffle",
    "pixel_unshuffle",
    "prelu",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "softmax",
    "softplus",
    "softsign",
    "tanh",
    "unfold",
]
