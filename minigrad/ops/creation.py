"""Making tensors: from data, from constants, from random numbers; and moving and converting them.

The default dtype is float32: Python floats become float32, ints int64, bools bool; arrays keep their dtype.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import devices
from ..autograd import Op, Tensor, apply
from ..devices import Array, Device, device_of, to_device, xp_of
from ..random import generator
from .common import BOOL, FLOAT32, FLOAT64, INT64, cast, require_tensor

_DTYPES = {np.dtype(name) for name in ("float32", "float64", "int64", "int32", "uint8", "bool")}


def tensor(data: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor with a copy of `data`: a number, nested lists, an array, or a Tensor.

    dtype: float32, float64, int64, ... ; by default Python floats give float32, and arrays keep theirs.
    Errors: TypeError for data that is not numeric; ValueError for ragged lists or an integer that requires grad.
    """
    if isinstance(data, Tensor):
        data = data.array.copy()
    elif isinstance(data, (list, tuple)):
        data = _untensor(data)
    keeps = hasattr(data, "dtype")
    try:
        array = data.copy() if keeps and hasattr(data, "copy") else np.asarray(data)
    except ValueError as error:
        raise ValueError(f"tensor: the nested lists are ragged: {error}") from None
    if not keeps and array.dtype == FLOAT64:
        array = array.astype(FLOAT32)
    array = _converted("tensor", array, dtype)
    target = devices.default_device() if device is None and isinstance(array, np.ndarray) else device
    return _made("tensor", array if target is None else to_device(array, devices.device(target)), requires_grad)


def _untensor(data: Any) -> Any:
    """Nested lists with the Tensors in them replaced by lists of numbers."""
    if isinstance(data, Tensor):
        return data.tolist()
    return [_untensor(item) for item in data] if isinstance(data, (list, tuple)) else data


def _converted(operation: str, array: Array, dtype: Any) -> Array:
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{operation}: data of type {array.dtype} is not numeric")
    wanted = as_dtype(operation, dtype if dtype is not None else array.dtype)
    return array.astype(wanted, copy=False) if array.dtype != wanted else xp_of(array).asarray(array)


def as_dtype(operation: str, dtype: Any) -> np.dtype:
    """A supported NumPy dtype from a dtype, its name, or FloatTensor and its siblings."""
    wanted: Any = getattr(dtype, "tensor_dtype", dtype)
    wanted = {float: FLOAT32, int: INT64, bool: BOOL}.get(wanted, wanted)
    try:
        result = np.dtype(wanted)
    except TypeError:
        raise TypeError(f"{operation}: {dtype!r} is not a dtype; use float32, float64, int64 or bool") from None
    if result not in _DTYPES:
        raise TypeError(f"{operation}: dtype {result} is not supported; use float32, float64, int64 or bool")
    return result


def _made(operation: str, array: Array, requires_grad: bool) -> Tensor:
    result = Tensor(array)
    return requires_grad_(result, True) if requires_grad else result


def requires_grad_(x: Tensor, requires_grad: bool = True) -> Tensor:
    """Ask for (or refuse) gradients with respect to x. Errors: RuntimeError for integers and for non-leaves."""
    if requires_grad and x.array.dtype.kind != "f":
        raise RuntimeError(f"requires_grad: only floating-point tensors have gradients, this one holds {x.dtype}")
    if not requires_grad and x.node is not None:
        raise RuntimeError("requires_grad: this tensor is not a leaf; use .detach() to leave the graph")
    x.requires_grad = requires_grad
    return x


def from_numpy(array: np.ndarray) -> Tensor:
    """A tensor that shares memory with a NumPy array."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"from_numpy: a NumPy array is needed, got {type(array).__name__}")
    result = Tensor(_converted("from_numpy", array.view(), None))
    result.storage.cache = None
    return result


def _size(operation: str, size: tuple[Any, ...]) -> tuple[int, ...]:
    sizes = tuple(size[0]) if len(size) == 1 and isinstance(size[0], (tuple, list)) else size
    for n in sizes:
        if not isinstance(n, (int, np.integer)) or n < 0:
            raise ValueError(f"{operation}: sizes must be non-negative ints, got {sizes}")
    return tuple([int(n) for n in sizes])


def full(size: Any, fill_value: float, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of one number everywhere; dtype as `tensor` would choose it for that number."""
    sizes = _size("full", tuple(size) if isinstance(size, (tuple, list)) else (size,))
    wanted = as_dtype("full", type(fill_value) if dtype is None else dtype)
    target = devices.default_device() if device is None else devices.device(device)
    return _made("full", to_device(np.full(sizes, fill_value, wanted), target), requires_grad)


def zeros(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros: `zeros(2, 3)` or `zeros((2, 3))`."""
    return full(_size("zeros", size), 0.0, dtype, device, requires_grad)


def ones(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones."""
    return full(_size("ones", size), 1.0, dtype, device, requires_grad)


def empty(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Memory for a tensor; what is in it is undefined (here: zeros, so that runs repeat)."""
    return zeros(*size, dtype=dtype, device=device, requires_grad=requires_grad)


def arange(start: Any, end: Any = None, step: Any = 1, dtype: Any = None, device: Any = None) -> Tensor:
    """start, start + step, ... below end; `arange(n)` is 0 .. n - 1. Ints give int64, floats float32."""
    if end is None:
        start, end = 0, start
    for name, value in (("start", start), ("end", end), ("step", step)):
        if not isinstance(value, (int, float, np.number)):
            raise TypeError(f"arange: {name} must be a number, got {value!r}")
    if step == 0:
        raise ValueError("arange: step must not be 0")
    whole = all(isinstance(v, (int, np.integer)) for v in (start, end, step))
    wanted = as_dtype("arange", (INT64 if whole else FLOAT32) if dtype is None else dtype)
    count = max(0, math.ceil((end - start) / step))
    return tensor((start + step * np.arange(count)).astype(wanted), device=device)


def _random(operation: str, method: str, size: tuple[Any, ...], dtype: Any, device: Any, grad: bool) -> Tensor:
    wanted = as_dtype(operation, FLOAT32 if dtype is None else dtype)
    drawn = getattr(generator(), method)(_size(operation, size), dtype=wanted)
    target = devices.default_device() if device is None else devices.device(device)
    return _made(operation, to_device(drawn, target), grad)


def rand(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Uniform random numbers from [0, 1)."""
    return _random("rand", "random", size, dtype, device, requires_grad)


def randn(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Standard normal random numbers."""
    return _random("randn", "standard_normal", size, dtype, device, requires_grad)


def randint(low: int, high: Any, size: Any = None, dtype: Any = None, device: Any = None) -> Tensor:
    """Random integers from low to high - 1: `randint(10, (3,))` or `randint(0, 10, (3,))`."""
    if size is None:
        low, high, size = 0, low, high
    if high <= low:
        raise ValueError(f"randint: high ({high}) must be greater than low ({low})")
    drawn = generator().integers(low, high, _size("randint", tuple(size)), dtype=INT64)
    return tensor(drawn, dtype, device)


def randperm(n: int, device: Any = None) -> Tensor:
    """0 .. n - 1 in random order."""
    return tensor(generator().permutation(n).astype(INT64), device=device)


def _like(make: Any, x: Tensor, dtype: Any, requires_grad: bool) -> Tensor:
    require_tensor(make.__name__ + "_like", "input", x)
    return make(x.shape, dtype=x.dtype if dtype is None else dtype, device=x.device, requires_grad=requires_grad)


def zeros_like(input: Tensor, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros of another tensor's shape, dtype and device."""
    return _like(zeros, input, dtype, requires_grad)


def ones_like(input: Tensor, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones of another tensor's shape, dtype and device."""
    return _like(ones, input, dtype, requires_grad)


def empty_like(input: Tensor, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Undefined numbers of another tensor's shape, dtype and device."""
    return _like(empty, input, dtype, requires_grad)


def full_like(input: Tensor, fill_value: float, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """One number, with another tensor's shape, dtype and device."""
    wanted = input.dtype if dtype is None else dtype
    return full(input.shape, fill_value, wanted, input.device, requires_grad)


def rand_like(input: Tensor, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Uniform random numbers of another tensor's shape, dtype and device."""
    return _like(rand, input, dtype, requires_grad)


def randn_like(input: Tensor, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Standard normal random numbers of another tensor's shape, dtype and device."""
    return _like(randn, input, dtype, requires_grad)


class TypedTensor:
    """PyTorch's old typed constructors: `FloatTensor(2, 3)` makes room, `FloatTensor([1, 2])` converts."""

    def __init__(self, dtype: np.dtype) -> None:
        self.tensor_dtype = dtype

    def __call__(self, *arguments: Any) -> Tensor:
        if len(arguments) == 1 and not isinstance(arguments[0], (int, np.integer)):
            return tensor(arguments[0], self.tensor_dtype)
        return empty(*arguments, dtype=self.tensor_dtype)


FloatTensor = TypedTensor(FLOAT32)
DoubleTensor = TypedTensor(FLOAT64)
LongTensor = TypedTensor(INT64)

# ------------------------------------------------------------------------- converting and moving


class Move(Op):
    """y = x on another device; the gradient is moved back."""

    def __init__(self, target: Device) -> None:
        self.target = target

    def forward(self, x: Array) -> Array:
        self.source = device_of(x)
        return to_device(x, self.target)

    def backward(self, grad: Tensor) -> Tensor:
        return apply(Move(self.source), grad)


def to(x: Tensor, *targets: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """x with another dtype and on another device, as named by dtypes, devices or a Tensor to match."""
    for target in targets:
        if isinstance(target, Tensor):
            dtype, device = target.dtype, target.device
        elif isinstance(target, Device) or (
            isinstance(target, str) and target.split(":")[0] in ("cpu", "cuda", "auto")
        ):
            device = target
        else:
            dtype = target
    if dtype is not None:
        x = cast(x, as_dtype("to", dtype))
    if device is not None and device_of(x.array) != devices.device(device):
        x = apply(Move(devices.device(device)), x)
    return x


def detach(x: Tensor) -> Tensor:
    """The same memory without the graph; writes to either are seen, and counted, by both."""
    result = Tensor(x.array.view())
    result.storage = x.storage
    return result


def represent(x: Tensor) -> str:
    """`tensor([1., 2.], requires_grad=True)`: the numbers, then whatever is not the default."""
    shown = np.array2string(devices.to_numpy(x.array), separator=", ", precision=4, prefix="tensor(", threshold=1000)
    notes = []
    if x.array.size == 0:
        notes.append(f"shape={x.shape}")
    if x.dtype not in (FLOAT32, INT64, BOOL):
        notes.append(f"dtype={x.dtype}")
    if x.device != devices.CPU:
        notes.append(f"device='{x.device}'")
    if x.node is not None:
        notes.append(f"node={type(x.node).__name__}")
    elif x.requires_grad:
        notes.append("requires_grad=True")
    return f"tensor({', '.join([shown, *notes])})"
