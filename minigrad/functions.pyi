"""Written by `python -m tests.helpers.stubs` from the functions declared with `@public`; not to be edited."""

# fmt: off
from .ops.activation import log_softmax as log_softmax
from .ops.activation import relu as relu
from .ops.activation import sigmoid as sigmoid
from .ops.activation import softmax as softmax
from .ops.activation import tanh as tanh
from .ops.arithmetic import abs as abs
from .ops.arithmetic import add as add
from .ops.arithmetic import clone as clone
from .ops.arithmetic import exp as exp
from .ops.arithmetic import log as log
from .ops.arithmetic import log1p as log1p
from .ops.arithmetic import maximum as maximum
from .ops.arithmetic import minimum as minimum
from .ops.arithmetic import mul as mul
from .ops.arithmetic import neg as neg
from .ops.arithmetic import pow as pow
from .ops.arithmetic import sign as sign
from .ops.arithmetic import sqrt as sqrt
from .ops.arithmetic import sub as sub
from .ops.arithmetic import where as where
from .ops.arrange import meshgrid as meshgrid
from .ops.arrange import roll as roll
from .ops.arrange import tril as tril
from .ops.arrange import triu as triu
from .ops.arrange import unbind as unbind
from .ops.comparison import allclose as allclose
from .ops.comparison import eq as eq
from .ops.comparison import equal as equal
from .ops.comparison import ge as ge
from .ops.comparison import gt as gt
from .ops.comparison import isclose as isclose
from .ops.comparison import isfinite as isfinite
from .ops.comparison import isinf as isinf
from .ops.comparison import isnan as isnan
from .ops.comparison import le as le
from .ops.comparison import logical_and as logical_and
from .ops.comparison import logical_not as logical_not
from .ops.comparison import logical_or as logical_or
from .ops.comparison import logical_xor as logical_xor
from .ops.comparison import lt as lt
from .ops.comparison import ne as ne
from .ops.conv import conv2d as conv2d
from .ops.conv import conv_transpose2d as conv_transpose2d
from .ops.creation import arange as arange
from .ops.creation import as_tensor as as_tensor
from .ops.creation import empty as empty
from .ops.creation import empty_like as empty_like
from .ops.creation import eye as eye
from .ops.creation import from_numpy as from_numpy
from .ops.creation import full as full
from .ops.creation import full_like as full_like
from .ops.creation import is_floating_point as is_floating_point
from .ops.creation import is_tensor as is_tensor
from .ops.creation import linspace as linspace
from .ops.creation import numel as numel
from .ops.creation import ones as ones
from .ops.creation import ones_like as ones_like
from .ops.creation import tensor as tensor
from .ops.creation import zeros as zeros
from .ops.creation import zeros_like as zeros_like
from .ops.einsum import einsum as einsum
from .ops.elementary import clamp as clamp
from .ops.elementary import clip as clip
from .ops.elementary import cos as cos
from .ops.elementary import lerp as lerp
from .ops.elementary import log10 as log10
from .ops.elementary import log2 as log2
from .ops.elementary import reciprocal as reciprocal
from .ops.elementary import rsqrt as rsqrt
from .ops.elementary import sin as sin
from .ops.elementary import square as square
from .ops.elementary import tan as tan
from .ops.erf import erf as erf
from .ops.index import gather as gather
from .ops.index import index_select as index_select
from .ops.index import masked_fill as masked_fill
from .ops.index import masked_select as masked_select
from .ops.index import nonzero as nonzero
from .ops.index import scatter as scatter
from .ops.index import scatter_add as scatter_add
from .ops.matrix import bmm as bmm
from .ops.matrix import dot as dot
from .ops.matrix import matmul as matmul
from .ops.matrix import mm as mm
from .ops.matrix import outer as outer
from .ops.reduction import all as all
from .ops.reduction import amax as amax
from .ops.reduction import amin as amin
from .ops.reduction import any as any
from .ops.reduction import argmax as argmax
from .ops.reduction import argmin as argmin
from .ops.reduction import cumsum as cumsum
from .ops.reduction import logsumexp as logsumexp
from .ops.reduction import max as max
from .ops.reduction import mean as mean
from .ops.reduction import min as min
from .ops.reduction import norm as norm
from .ops.reduction import prod as prod
from .ops.reduction import std as std
from .ops.reduction import sum as sum
from .ops.reduction import var as var
from .ops.rounding import ceil as ceil
from .ops.rounding import div as div
from .ops.rounding import floor as floor
from .ops.rounding import floor_divide as floor_divide
from .ops.rounding import remainder as remainder
from .ops.rounding import round as round
from .ops.rounding import trunc as trunc
from .ops.sampling import bernoulli as bernoulli
from .ops.sampling import multinomial as multinomial
from .ops.sampling import normal as normal
from .ops.sampling import rand as rand
from .ops.sampling import rand_like as rand_like
from .ops.sampling import randint as randint
from .ops.sampling import randn as randn
from .ops.sampling import randn_like as randn_like
from .ops.sampling import randperm as randperm
from .ops.shape import cat as cat
from .ops.shape import chunk as chunk
from .ops.shape import concat as concat
from .ops.shape import flatten as flatten
from .ops.shape import flip as flip
from .ops.shape import hstack as hstack
from .ops.shape import movedim as movedim
from .ops.shape import narrow as narrow
from .ops.shape import permute as permute
from .ops.shape import ravel as ravel
from .ops.shape import reshape as reshape
from .ops.shape import select as select
from .ops.shape import split as split
from .ops.shape import squeeze as squeeze
from .ops.shape import stack as stack
from .ops.shape import swapaxes as swapaxes
from .ops.shape import t as t
from .ops.shape import transpose as transpose
from .ops.shape import unsqueeze as unsqueeze
from .ops.shape import vstack as vstack
from .ops.sorting import argsort as argsort
from .ops.sorting import sort as sort
from .ops.sorting import topk as topk

__all__ = [
    "abs",
    "add",
    "all",
    "allclose",
    "amax",
    "amin",
    "any",
    "arange",
    "argmax",
    "argmin",
    "argsort",
    "as_tensor",
    "bernoulli",
    "bmm",
    "cat",
    "ceil",
    "chunk",
    "clamp",
    "clip",
    "clone",
    "concat",
    "conv2d",
    "conv_transpose2d",
    "cos",
    "cumsum",
    "div",
    "dot",
    "einsum",
    "empty",
    "empty_like",
    "eq",
    "equal",
    "erf",
    "exp",
    "eye",
    "flatten",
    "flip",
    "floor",
    "floor_divide",
    "from_numpy",
    "full",
    "full_like",
    "gather",
    "ge",
    "gt",
    "hstack",
    "index_select",
    "is_floating_point",
    "is_tensor",
    "isclose",
    "isfinite",
    "isinf",
    "isnan",
    "le",
    "lerp",
    "linspace",
    "log",
    "log10",
    "log1p",
    "log2",
    "log_softmax",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "logsumexp",
    "lt",
    "masked_fill",
    "masked_select",
    "matmul",
    "max",
    "maximum",
    "mean",
    "meshgrid",
    "min",
    "minimum",
    "mm",
    "movedim",
    "mul",
    "multinomial",
    "narrow",
    "ne",
    "neg",
    "nonzero",
    "norm",
    "normal",
    "numel",
    "ones",
    "ones_like",
    "outer",
    "permute",
    "pow",
    "prod",
    "rand",
    "rand_like",
    "randint",
    "randn",
    "randn_like",
    "randperm",
    "ravel",
    "reciprocal",
    "relu",
    "remainder",
    "reshape",
    "roll",
    "round",
    "rsqrt",
    "scatter",
    "scatter_add",
    "select",
    "sigmoid",
    "sign",
    "sin",
    "softmax",
    "sort",
    "split",
    "sqrt",
    "square",
    "squeeze",
    "stack",
    "std",
    "sub",
    "sum",
    "swapaxes",
    "t",
    "tan",
    "tanh",
    "tensor",
    "topk",
    "transpose",
    "tril",
    "triu",
    "trunc",
    "unbind",
    "unsqueeze",
    "var",
    "vstack",
    "where",
    "zeros",
    "zeros_like",
]
