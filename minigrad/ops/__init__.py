"""The operations: one class each, forward and backward side by side, and below it the function that users call.

Where to look: elementwise `arithmetic`, `elementary` (sin, square), `rounding`, `comparison`, `activation`;
`reduction` (sum, max), `sorting`; `shape` (reshape, cat), `arrange` (repeat, roll), `index`; `matrix`, `einsum`;
`conv`, `pool`, `norm`, `resize` (padding, upsampling), `loss`; `creation` and `sampling` make tensors, `inplace`
changes them, `represent` shows them, `common` has what they share, `public` says where users find a function.
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
    clone,
    exp,
    log,
    log1p,
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
from .arrange import (
    meshgrid,
    repeat,
    roll,
    tril,
    triu,
    unbind,
)
from .collective import sync_batch_norm
from .common import cast, expand, sum_to
from .comparison import (
    allclose,
    bits,
    compare,
    eq,
    equal,
    ge,
    gt,
    isclose,
    isfinite,
    isinf,
    isnan,
    le,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    lt,
    ne,
)
from .conv import (
    conv1d,
    conv2d,
    conv_transpose1d,
    conv_transpose2d,
)
from .creation import (
    arange,
    as_tensor,
    detach,
    empty,
    empty_like,
    eye,
    from_numpy,
    full,
    full_like,
    is_floating_point,
    is_tensor,
    linspace,
    new_empty,
    new_full,
    new_ones,
    new_tensor,
    new_zeros,
    numel,
    ones,
    ones_like,
    requires_grad_,
    tensor,
    to,
    zeros,
    zeros_like,
)
from .einsum import (
    einsum,
)
from .elementary import (
    clamp,
    clip,
    cos,
    lerp,
    reciprocal,
    rsqrt,
    sin,
    square,
)
from .erf import (
    erf,
)
from .index import (
    gather,
    index,
    index_select,
    masked_fill,
    masked_select,
    nonzero,
    scatter,
    scatter_add,
)
from .inplace import (
    assign,
    copy_,
    detach_,
    fill_,
    in_place_methods,
    normal_,
    random_,
    replace_data,
    set_item,
    uniform_,
)
from .lookup import (
    embedding,
    one_hot,
)
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
from .matrix import (
    bmm,
    dot,
    gram,
    linear,
    matmul,
    mm,
    outer,
)
from .norm import (
    batch_norm,
    group_norm,
    instance_norm,
    layer_norm,
    normalize,
)
from .patches import (
    affine_grid,
    fold,
    grid_sample,
    unfold,
)
from .pool import (
    adaptive_avg_pool2d,
    adaptive_max_pool2d,
    avg_pool1d,
    avg_pool2d,
    max_pool1d,
    max_pool2d,
)
from .public import (
    declared,
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
from .represent import as_png, represent
from .resize import (
    interpolate,
    pad,
    pixel_shuffle,
    pixel_unshuffle,
)
from .rounding import (
    ceil,
    div,
    floor,
    floor_divide,
    remainder,
    round,
    trunc,
)
from .sampling import (
    bernoulli,
    multinomial,
    normal,
    rand,
    rand_like,
    randint,
    randn,
    randn_like,
    randperm,
)
from .shape import (
    cat,
    chunk,
    concat,
    flatten,
    flip,
    hstack,
    movedim,
    narrow,
    permute,
    ravel,
    reshape,
    select,
    split,
    squeeze,
    stack,
    swapaxes,
    t,
    transpose,
    unsqueeze,
    vstack,
)
from .sorting import (
    argsort,
    sort,
    topk,
)
from .typed_tensors import (
    TYPES,
    BoolTensor,
    ByteTensor,
    DoubleTensor,
    FloatTensor,
    IntTensor,
    LongTensor,
    construct,
    named_type,
    new,
    type_name,
)

tensor_methods.bind(sys.modules[__name__])
