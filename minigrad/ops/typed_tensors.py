"""PyTorch's names for a dtype on a device, from before it had dtypes: FloatTensor, torch.cuda.FloatTensor, ..."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd import Tensor
from ..grad_mode import is_grad_enabled
from ..size import Size
from .common import BOOL, FLOAT32, FLOAT64, INT32, INT64, UINT8
from .creation import empty, tensor
from .public import public


class TypedTensor:
    """PyTorch's old typed constructors: `FloatTensor(2, 3)` makes room, `FloatTensor([1, 2])` converts.

    They also are names of types: `x.type(FloatTensor)`, `isinstance(x, FloatTensor)`.
    """

    def __init__(self, name: str, dtype: np.dtype, device: str = "cpu") -> None:
        self.name, self.tensor_dtype, self.device = name, dtype, device

    def __call__(self, *data: Any) -> Tensor:
        return _constructed(self.name, data, self.tensor_dtype, self.device)

    def __instancecheck__(self, value: Any) -> bool:
        return isinstance(value, Tensor) and value.dtype == self.tensor_dtype and value.device.type == self.device

    def __repr__(self) -> str:
        return f"<{self.name}>"


FloatTensor = TypedTensor("torch.FloatTensor", FLOAT32)
DoubleTensor = TypedTensor("torch.DoubleTensor", FLOAT64)
LongTensor = TypedTensor("torch.LongTensor", INT64)
IntTensor = TypedTensor("torch.IntTensor", INT32)
ByteTensor = TypedTensor("torch.ByteTensor", UINT8)
BoolTensor = TypedTensor("torch.BoolTensor", BOOL)

TYPES = {
    name.name.replace("torch.", prefix): TypedTensor(name.name.replace("torch.", prefix), name.tensor_dtype, device)
    for prefix, device in (("torch.", "cpu"), ("torch.cuda.", "cuda"))
    for name in (FloatTensor, DoubleTensor, LongTensor, IntTensor, ByteTensor, BoolTensor)
}


def _constructed(name: str, data: tuple[Any, ...], dtype: np.dtype, device: Any) -> Tensor:
    """Room (zeros) for a size, which is given as ints or as a `Size`; or the numbers of a sequence or an array, copied
    and converted; or a Tensor of that dtype, whose memory is shared.

    Errors: TypeError for anything else, as for a single number that is no int.
    """
    only = data[0] if len(data) == 1 else None
    if isinstance(only, Tensor):
        if only.dtype != dtype or (device is not None and only.device != device):
            raise TypeError(f"{name}: data is a Tensor of {only.dtype} on {only.device}; convert it with .to()")
        return only.detach()
    if len(data) == 1 and (isinstance(only, bool) or not isinstance(only, (int, np.integer, Size))):
        if not isinstance(only, (Sequence, np.ndarray)) or isinstance(only, (str, bytes)):
            raise TypeError(f"{name}: data must be a sequence or an array, got {type(only).__name__}")
        return tensor(only, dtype, device)
    return empty(*(data or (0,)), dtype=dtype, device=device)


def construct(x: Tensor, data: tuple[Any, ...], device: Any) -> None:
    """What `Tensor(*data)` does with the new object: as FloatTensor, but a Tensor keeps its dtype.

    Errors: RuntimeError for a Tensor that requires a gradient, to which writes could not be led back.
    """
    only = data[0] if len(data) == 1 else None
    if isinstance(only, Tensor) and only.requires_grad and is_grad_enabled():
        raise RuntimeError("Tensor: data is a Tensor that requires a gradient; use it itself, or .detach() or .clone()")
    dtype = only.dtype if isinstance(only, Tensor) else FLOAT32
    made = _constructed("Tensor", data, dtype, device)
    x.array, x.storage, x.requires_grad = made.array, made.storage, False
    x.grad = x.node = x.hooks = None


@public("Tensor")
def new(input: Tensor, *data: Any) -> Tensor:
    """As `FloatTensor(*data)`, of input's dtype and device."""
    return _constructed("new", data, input.dtype, input.device)


def named_type(kind: Any) -> Any:
    """What `Tensor.type` was given, as something that `to` takes: names such as "torch.FloatTensor" looked up."""
    if isinstance(kind, str) and kind.endswith("Tensor"):
        if kind not in TYPES:
            raise TypeError(f"type: {kind!r} is not the name of a type; use one of {', '.join(TYPES)}")
        return TYPES[kind]
    return FloatTensor if kind is Tensor else kind


def type_name(x: Tensor) -> str:
    """PyTorch's old name of a tensor's type: "torch.FloatTensor"."""
    return next(name for name, kind in TYPES.items() if isinstance(x, kind))  # type: ignore[arg-type]
