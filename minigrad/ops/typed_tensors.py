"""PyTorch's names for a dtype on a device, from before it had dtypes: FloatTensor, torch.cuda.FloatTensor, ..."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Tensor
from .common import BOOL, FLOAT32, FLOAT64, INT64
from .creation import Size, empty, tensor


class TypedTensor:
    """PyTorch's old typed constructors: `FloatTensor(2, 3)` makes room, `FloatTensor([1, 2])` converts.

    They also are names of types: `x.type(FloatTensor)`, `isinstance(x, FloatTensor)`.
    """

    def __init__(self, name: str, dtype: np.dtype, device: str = "cpu") -> None:
        self.name, self.tensor_dtype, self.device = name, dtype, device

    def __call__(self, *arguments: Any) -> Tensor:
        if len(arguments) == 1 and not isinstance(arguments[0], (int, np.integer, Size)):
            return tensor(arguments[0], self.tensor_dtype, self.device)
        return empty(*arguments, dtype=self.tensor_dtype, device=self.device)

    def __instancecheck__(self, value: Any) -> bool:
        return isinstance(value, Tensor) and value.dtype == self.tensor_dtype and value.device.type == self.device

    def __repr__(self) -> str:
        return f"<{self.name}>"


FloatTensor = TypedTensor("torch.FloatTensor", FLOAT32)
DoubleTensor = TypedTensor("torch.DoubleTensor", FLOAT64)
LongTensor = TypedTensor("torch.LongTensor", INT64)
IntTensor = TypedTensor("torch.IntTensor", np.dtype("int32"))
ByteTensor = TypedTensor("torch.ByteTensor", np.dtype("uint8"))
BoolTensor = TypedTensor("torch.BoolTensor", BOOL)

TYPES = {
    name.name.replace("torch.", prefix): TypedTensor(name.name.replace("torch.", prefix), name.tensor_dtype, device)
    for prefix, device in (("torch.", "cpu"), ("torch.cuda.", "cuda"))
    for name in (FloatTensor, DoubleTensor, LongTensor, IntTensor, ByteTensor, BoolTensor)
}


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
