"""Making tensors: from data, from constants, from random numbers; and moving and converting them.

The default dtype is float32: Python floats become float32, ints int64, bools bool; arrays keep their dtype.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import devices
from ..autograd import Op, Tensor, apply, tensor_of
from ..devices import Array, Device, device_of, to_device, xp_of
from .common import BOOL, FLOAT32, FLOAT64, INT32, INT64, UINT8, cast, promoted, require_tensor
from .public import public

DTYPES = {FLOAT32, FLOAT64, INT64, INT32, UINT8, BOOL}  # of tensors


@public("minigrad")
def tensor(data: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor with a copy of `data`: a number, nested lists, an array, or a Tensor.

    dtype: float32, float64, int64, ... ; by default Python floats give float32, and arrays, NumPy's numbers and
    Tensors keep theirs, also inside lists.
    Errors: TypeError for data that is not numeric; ValueError for ragged lists or an integer that requires grad.
    """
    if isinstance(data, Tensor):
        data = data.array
    if isinstance(data, (list, tuple)):
        data, own = _unpacked(data), _dtype_within(data)
    else:
        own = None if hasattr(data, "dtype") else _DEFAULTS.get(type(data))
    try:
        array = data.copy() if hasattr(data, "dtype") else np.asarray(data)
    except ValueError as error:
        raise ValueError(f"tensor: the nested lists are ragged: {error}") from None
    if dtype is not None and not hasattr(data, "dtype"):
        _check_range(array, as_dtype("tensor", dtype))
    array = _converted("tensor", np.asarray(array) if np.isscalar(array) else array, own if dtype is None else dtype)
    target = devices.default_device() if device is None and isinstance(array, np.ndarray) else device
    return made("tensor", array if target is None else to_device(array, devices.device(target)), requires_grad)


_DEFAULTS: dict[Any, np.dtype] = {float: FLOAT32, int: INT64, bool: BOOL}  # the dtypes of Python's numbers


def _unpacked(data: Any) -> Any:
    """Nested lists with the Tensors in them replaced by their number (of one entry, as in PyTorch) or lists of them."""
    if isinstance(data, Tensor):
        return data.item() if data.array.size == 1 else data.tolist()
    return [_unpacked(item) for item in data] if isinstance(data, (list, tuple)) else data


def _dtype_within(data: Any) -> np.dtype | None:
    """The dtype of nested lists: promoted from those of the numbers, arrays and Tensors in them; None if no number."""
    if not isinstance(data, (list, tuple)):
        return data.dtype if hasattr(data, "dtype") else _DEFAULTS.get(type(data))
    if not data:
        return FLOAT32
    found = {_dtype_within(item) for item in data} if len(data) < 16 else _dtypes_of_many(data)
    return None if None in found else functools.reduce(promoted, found)  # type: ignore[arg-type]


def _dtypes_of_many(data: Any) -> set[np.dtype | None]:
    """As for few, but one look-up for each type of number: long lists are common."""
    kinds = {type(item) for item in data}
    if kinds <= _DEFAULTS.keys():
        return {_DEFAULTS[kind] for kind in kinds}
    return {_dtype_within(item) for item in data}


def _check_range(numbers: np.ndarray, dtype: np.dtype) -> None:
    """Errors: ValueError if a number is too large for an integer dtype; negative ones wrap, as in PyTorch."""
    if dtype.kind in "iu" and numbers.size and numbers.dtype.kind in "iuf":
        largest = np.iinfo(dtype).max
        if not (abs(numbers) <= largest + (dtype.kind == "i")).all() or (numbers > largest).any():
            raise ValueError(f"tensor: a number is beyond what {dtype} holds, at most {largest}")


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
    if result not in DTYPES:
        raise TypeError(f"{operation}: dtype {result} is not supported; use float32, float64, int64 or bool")
    return result


def made(operation: str, array: Array, requires_grad: bool) -> Tensor:
    """The array as a leaf."""
    result = tensor_of(array)
    return requires_grad_(result, True) if requires_grad else result


@public("Tensor")
def requires_grad_(x: Tensor, requires_grad: bool = True) -> Tensor:
    """Ask for (or refuse) gradients with respect to x. Errors: RuntimeError for integers and for non-leaves."""
    if requires_grad and x.array.dtype.kind != "f":
        raise RuntimeError(f"requires_grad: only floating-point tensors have gradients, this one holds {x.dtype}")
    if not requires_grad and x.node is not None:
        raise RuntimeError("requires_grad: this tensor is not a leaf; use .detach() to leave the graph")
    x.requires_grad = requires_grad
    return x


@public("minigrad")
def from_numpy(ndarray: np.ndarray) -> Tensor:
    """A tensor that shares memory with a NumPy array."""
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"from_numpy: a NumPy array is needed, got {type(ndarray).__name__}")
    result = tensor_of(_converted("from_numpy", ndarray.view(), None))
    result.storage.cache = None
    return result


def size_of(operation: str, size: tuple[Any, ...]) -> tuple[int, ...]:
    """(2, 3) from either (2, 3) or ((2, 3),). Errors: ValueError for what is no size."""
    sizes = tuple(size[0]) if len(size) == 1 and isinstance(size[0], (tuple, list)) else size
    for n in sizes:
        if not isinstance(n, (int, np.integer)) or n < 0:
            raise ValueError(f"{operation}: sizes must be non-negative ints, got {sizes}")
    return tuple([int(n) for n in sizes])


@public("minigrad")
def full(size: Any, fill_value: float, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of one number everywhere; dtype as `tensor` would choose it for that number."""
    sizes = size_of("full", tuple(size) if isinstance(size, (tuple, list)) else (size,))
    wanted = as_dtype("full", type(fill_value) if dtype is None else dtype)
    target = devices.default_device() if device is None else devices.device(device)
    return made("full", to_device(np.full(sizes, fill_value, wanted), target), requires_grad)


@public("minigrad")
def zeros(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros: `zeros(2, 3)` or `zeros((2, 3))`."""
    return full(size_of("zeros", size), 0.0, dtype, device, requires_grad)


@public("minigrad")
def ones(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones."""
    return full(size_of("ones", size), 1.0, dtype, device, requires_grad)


@public("minigrad")
def empty(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Memory for a tensor; what is in it is undefined (here: zeros, so that runs repeat)."""
    return zeros(*size, dtype=dtype, device=device, requires_grad=requires_grad)


@public("minigrad")
def arange(
    start: Any, end: Any = None, step: Any = 1, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """start, start + step, ... below end; `arange(n)` is 0 .. n - 1. Ints give int64, floats float32.

    With an integer dtype the limits are cut to ints first, as PyTorch does.
    Errors: ValueError if step is 0 or leads away from end.
    """
    if end is None:
        start, end = 0, start
    limits = {"start": start, "end": end, "step": step}
    for name, value in limits.items():
        if isinstance(value, Tensor) and value.array.ndim == 0:
            limits[name] = value.item()
        elif not isinstance(value, (int, float, np.number)):
            raise TypeError(f"arange: {name} must be a number, got {value!r}")
    whole = all(isinstance(v, (int, np.integer)) for v in limits.values())
    wanted = as_dtype("arange", (INT64 if whole else FLOAT32) if dtype is None else dtype)
    if wanted.kind in "iu":
        limits = {name: int(value) for name, value in limits.items()}
    start, end, step = limits.values()
    if step == 0 or (end - start) * step < 0:
        raise ValueError(f"arange: no step of {step} leads from {start} to {end}")
    count = math.ceil((end - start) / step)
    return tensor((start + step * np.arange(count)).astype(wanted), device=device, requires_grad=requires_grad)


@public("minigrad")
def linspace(
    start: float, end: float, steps: int, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """`steps` numbers from start to end, both included, at equal distances."""
    if not isinstance(steps, (int, np.integer)) or steps < 0:
        raise ValueError(f"linspace: steps must be an int >= 0, got {steps!r}")
    start, end = (v.item() if isinstance(v, Tensor) else v for v in (start, end))
    wanted = as_dtype("linspace", FLOAT32 if dtype is None else dtype)
    if wanted.kind in "iu":
        start, end = int(start), int(end)
    numbers = np.linspace(start, end, steps).astype(wanted)
    return tensor(numbers, device=device, requires_grad=requires_grad)


@public("minigrad")
def eye(n: int, m: int | None = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """The (n, m) matrix with 1 on the diagonal and 0 elsewhere; m = n if None."""
    wanted = as_dtype("eye", FLOAT32 if dtype is None else dtype)
    return tensor(np.eye(*size_of("eye", (n, n if m is None else m)), dtype=wanted), None, device, requires_grad)


def like(make: Callable[..., Tensor], x: Any, dtype: Any, device: Any, requires_grad: bool, *value: Any) -> Tensor:
    """What `make` makes, with another tensor's shape, dtype and device unless told otherwise."""
    require_tensor(f"{make.__name__}_like", "input", x)
    dtype, device = x.dtype if dtype is None else dtype, x.device if device is None else device
    return make(x.shape, *value, dtype=dtype, device=device, requires_grad=requires_grad)


@public("minigrad")
def zeros_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros of another tensor's shape, dtype and device."""
    return like(zeros, input, dtype, device, requires_grad)


@public("minigrad")
def ones_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones of another tensor's shape, dtype and device."""
    return like(ones, input, dtype, device, requires_grad)


@public("minigrad")
def empty_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Undefined numbers of another tensor's shape, dtype and device."""
    return like(empty, input, dtype, device, requires_grad)


@public("minigrad")
def full_like(
    input: Tensor, fill_value: float, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """One number, with another tensor's shape, dtype and device."""
    return like(full, input, dtype, device, requires_grad, fill_value)


@public("Tensor")
def new_tensor(
    input: Tensor, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor with a copy of `data`, of input's dtype and device."""
    dtype, device = input.dtype if dtype is None else dtype, input.device if device is None else device
    return tensor(data, dtype, device, requires_grad)


@public("Tensor")
def new_zeros(input: Tensor, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros of the given size, of input's dtype and device."""
    return _like_sized(zeros, input, size, dtype, device, requires_grad)


@public("Tensor")
def new_ones(input: Tensor, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones of the given size, of input's dtype and device."""
    return _like_sized(ones, input, size, dtype, device, requires_grad)


@public("Tensor")
def new_empty(input: Tensor, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Memory for a tensor of the given size, of input's dtype and device."""
    return _like_sized(empty, input, size, dtype, device, requires_grad)


@public("Tensor")
def new_full(
    input: Tensor, size: Any, fill_value: float, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """One number of the given size, of input's dtype and device."""
    dtype, device = input.dtype if dtype is None else dtype, input.device if device is None else device
    return full(size, fill_value, dtype, device, requires_grad)


def _like_sized(
    make: Callable[..., Tensor], x: Tensor, size: tuple[Any, ...], dtype: Any, device: Any, requires_grad: bool
) -> Tensor:
    dtype, device = x.dtype if dtype is None else dtype, x.device if device is None else device
    return make(*size, dtype=dtype, device=device, requires_grad=requires_grad)


@public("minigrad")
def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """data as a tensor, sharing memory where it can: a Tensor or an array of that dtype on that device already."""
    if isinstance(data, Tensor):
        return to(data, dtype=dtype, device=device)
    return (
        to(from_numpy(data), dtype=dtype, device=device)
        if isinstance(data, np.ndarray)
        else tensor(data, dtype, device)
    )


@public("minigrad")
def is_tensor(obj: Any) -> bool:
    """Whether something is a Tensor."""
    return isinstance(obj, Tensor)


@public("minigrad", "Tensor")
def numel(input: Tensor) -> int:
    """How many entries a tensor has."""
    return require_tensor("numel", "input", input).array.size


@public("minigrad", "Tensor")
def is_floating_point(input: Tensor) -> bool:
    """Whether a tensor holds floating-point numbers."""
    return require_tensor("is_floating_point", "input", input).array.dtype.kind == "f"


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


@public("Tensor")
def to(x: Tensor, *targets: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """x with another dtype and on another device, as named by dtypes, devices or a Tensor to match."""
    for target in targets:
        if isinstance(target, Tensor):
            dtype, device = target.dtype, target.device
        elif hasattr(target, "tensor_dtype"):
            dtype, device = target.tensor_dtype, target.device
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


@public("Tensor")
def detach(x: Tensor) -> Tensor:
    """The same memory without the graph; writes to either are seen, and counted, by both."""
    result = tensor_of(x.array.view())
    result.storage = x.storage
    return result
