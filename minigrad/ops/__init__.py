"""The operations: one class each, forward and backward side by side, and below it the function that users call.

Where to look: `arithmetic` (elementwise), `reduction` (sum, mean, max), `shape` (reshape, cat), `indexing`,
`matrix` (matmul, linear), `nonlinear` (activations, softmax, dropout), `conv`, `pool`, `norm`, `resize`
(padding, upsampling), `loss`; `creation` makes tensors, `inplace` changes them, `common` has what they share.
"""

import sys

from .. import tensor_methods
from .activation import (
    dropout,
    dropout2d,
    elu,
    gelu,
    hardtanh,
    leaky_relu,
    log_softmax,
    logsigmoid,
    prelu,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    softmax,
    softplus,
    softsign,
    tanh,
)
from .arithmetic import (
    abs,
    add,
    clamp,
    clone,
    compare,
    div,
    exp,
    log,
    log1p,
    logical,
    maximum,
    minimum,
    mul,
    neg,
    pow,
    sign,
    sqrt,
    sub,
    where,
)
from .common import cast, expand, sum_to
from .conv import (
    conv1d,
    conv2d,
    conv_transpose1d,
    conv_transpose2d,
)
from .creation import (
    DoubleTensor,
    FloatTensor,
    LongTensor,
    arange,
    detach,
    empty,
    empty_like,
    from_numpy,
    full,
    full_like,
    ones,
    ones_like,
    rand,
    rand_like,
    randint,
    randn,
    randn_like,
    randperm,
    represent,
    requires_grad_,
    tensor,
    to,
    zeros,
    zeros_like,
)
from .erf import erf
from .index import gather, index, index_select, masked_select, nonzero, scatter, scatter_add
from .inplace import assign, copy_, fill_, in_place_methods, normal_, replace_data, set_item, uniform_
from .lookup import embedding, one_hot
from .loss import (
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
from .matrix import bmm, gram, linear, matmul, mm
from .norm import (
    batch_norm,
    group_norm,
    instance_norm,
    layer_norm,
    normalize,
)
from .patches import affine_grid, fold, grid_sample, unfold
from .pool import (
    adaptive_avg_pool2d,
    adaptive_max_pool2d,
    avg_pool1d,
    avg_pool2d,
    max_pool1d,
    max_pool2d,
)
from .reduction import (
    all,
    amax,
    amin,
    any,
    argmax,
    argmin,
    cumsum,
    logsumexp,
    max,
    mean,
    min,
    norm,
    prod,
    std,
    sum,
    var,
)
from .resize import (
    interpolate,
    pad,
    pixel_shuffle,
    pixel_unshuffle,
)
from .shape import (
    cat,
    chunk,
    flatten,
    flip,
    permute,
    reshape,
    split,
    squeeze,
    stack,
    t,
    transpose,
    unsqueeze,
)

tensor_methods.bind(sys.modules[__name__])
