"""`m` for cases that run on minigrad itself: the public names, and the operations that only derivatives use."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

import minigrad

from ..autograd import Tensor, apply, tensor_of
from ..devices import Device, device_of, to_device, xp_of
from ..ops.activation import LeakyReLUBackward
from ..ops.collective import all_reduce, sync_batch_norm
from ..ops.common import FLOAT64, Cast, SumTo
from ..ops.conv import ChannelSum, Conv2dWeight, Geometry
from ..ops.creation import Move
from ..ops.index import IndexAdd
from ..ops.pool import AvgPool2dScatter, MaxPool2dGather, MaxPool2dScatter
from ..ops.resize import PadBorderSum, UpsampleNearestSum
from .case import Case, laid_out


def _conv2d_weight(
    x: Tensor, y: Tensor, kernel_size: Any, stride: Any = (1, 1), padding: Any = (0, 0, 0, 0), dilation: Any = (1, 1),
    groups: int = 1,
) -> Tensor:  # fmt: skip
    return apply(Conv2dWeight(kernel_size, Geometry(stride, padding, dilation, groups)), x, y)


def _max_pool2d_scatter(x: Tensor, indices: Tensor, size: Any, *window: Any) -> Tensor:
    return apply(MaxPool2dScatter(indices.array, size, window), x)  # type: ignore[arg-type]


def _max_pool2d_gather(x: Tensor, indices: Tensor, *window: Any) -> Tensor:
    return apply(MaxPool2dGather(indices.array, x.shape[2:], window), x)  # type: ignore[arg-type]


def _sync_batch_norm(x: Tensor, weight: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
    return sync_batch_norm(x, None, None, weight, bias, training=True)


adjoint = SimpleNamespace(
    cast=lambda x: apply(Cast(FLOAT64), x),
    move=lambda x: apply(Move(device_of(x.array)), x),
    sum_to=lambda x, shape: apply(SumTo(shape), x),
    index_add=lambda x, index, shape: apply(IndexAdd(_arrays(index), shape), x),
    leaky_relu_backward=lambda g, x, slope: apply(LeakyReLUBackward(slope), g, x),
    conv2d_weight=_conv2d_weight,
    channel_sum=lambda x: apply(ChannelSum(), x),
    max_pool2d_scatter=_max_pool2d_scatter,
    max_pool2d_gather=_max_pool2d_gather,
    avg_pool2d_scatter=lambda x, size, *window: apply(AvgPool2dScatter(size, window), x),
    pad_border_sum=lambda x, padding, mode: apply(PadBorderSum(padding, mode), x),
    upsample_nearest_sum=lambda x, scale: apply(UpsampleNearestSum(scale), x),
    all_reduce=all_reduce,
    sync_batch_norm=_sync_batch_norm,
)


def _arrays(index: Any) -> Any:
    if isinstance(index, tuple):
        return tuple([_arrays(part) for part in index])
    return index.array if isinstance(index, Tensor) else index


namespace = SimpleNamespace(**vars(minigrad), adjoint=adjoint)


def tensors_of(case: Case, device: Device, dtype: Any = FLOAT64) -> list[Tensor]:
    """The inputs of a case as tensors on a device, laid out in memory as the case asks."""
    xp = xp_of(to_device(np.zeros(1), device))
    tensors = []
    for source, values in zip(case.inputs, case.values()):
        if values.dtype.kind == "f":
            values = values.astype(dtype)
        tensors.append(tensor_of(laid_out(values, source.layout, xp), requires_grad=source.differentiable))
    return tensors
