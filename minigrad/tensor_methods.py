"""What a Tensor can do: Python's operators, conversions, and the methods PyTorch's users expect.

Most methods are functions of `minigrad.ops` themselves, bound as they are (`bound_methods.py`); those written out
below have another signature than the function. Operations are made of tensors, and tensors offer operations: that
circle is cut here, in one place. `ops` below is empty until `minigrad/ops/__init__.py`, which knows both sides,
fills it in with `bind`.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from . import devices
from .bound_methods import BoundMethods
from .size import Size
from .storage import Storage

if TYPE_CHECKING:
    from .autograd import Tensor

ops: Any = None
_making_storage = threading.Lock()  # several threads may be the first to ask a tensor for its storage
NumPyArray = np.ndarray
Number = float  # inside the class below, `float`, `int` and `numpy` are methods
Integer = int


def bind(module: Any) -> None:
    """Hand the module of operations to the methods below, and make methods of the functions that are declared to be
    some (`ops/public.py`). Called once, by `minigrad.ops`."""
    global ops
    ops = module
    for name, function in {**ops.declared["Tensor"], **ops.in_place_methods()}.items():
        setattr(BoundMethods, name, function)


class Operators(BoundMethods):
    """The methods of Tensor. `Tensor` inherits them; nothing else should."""

    __slots__ = ()
    __array_ufunc__ = None  # so that NumPy leaves `array + tensor` to Tensor.__radd__
    __hash__ = object.__hash__

    def __init__(self, *data: Any, device: Any = None) -> None:
        """As users call it: `Tensor(2, 3)` makes room, `Tensor([1, 2])` and `Tensor(array)` convert to float32.

        The engine's own tensors come from `autograd.tensor_of`. See `ops/typed_tensors.py`.
        """
        ops.construct(self, data, device)

    # ------------------------------------------------------------------------------ arithmetic
    def __add__(self, other: Any) -> Tensor:
        return ops.add(self, other)

    def __radd__(self, other: Any) -> Tensor:
        return ops.add(other, self)

    def __sub__(self, other: Any) -> Tensor:
        return ops.sub(self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return ops.sub(other, self)

    def __mul__(self, other: Any) -> Tensor:
        return ops.mul(self, other)

    def __rmul__(self, other: Any) -> Tensor:
        return ops.mul(other, self)

    def __truediv__(self, other: Any) -> Tensor:
        return ops.div(self, other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return ops.div(other, self)

    def __floordiv__(self, other: Any) -> Tensor:
        return ops.floor_divide(self, other)

    def __rfloordiv__(self, other: Any) -> Tensor:
        return ops.floor_divide(other, self)

    def __mod__(self, other: Any) -> Tensor:
        return ops.remainder(self, other)

    def __rmod__(self, other: Any) -> Tensor:
        return ops.remainder(other, self)

    def __pow__(self, other: Any) -> Tensor:
        return ops.pow(self, other)

    def __rpow__(self, other: Any) -> Tensor:
        return ops.pow(other, self)

    def __matmul__(self, other: Any) -> Tensor:
        return ops.matmul(self, other)

    def __neg__(self) -> Tensor:
        return ops.neg(self)

    def __abs__(self) -> Tensor:
        return ops.abs(self)

    # ---------------------------------------------------------------- in-place, see `ops.assign`
    def __iadd__(self, other: Any) -> Tensor:
        return ops.assign(self, ops.add(self, other))

    def __isub__(self, other: Any) -> Tensor:
        return ops.assign(self, ops.sub(self, other))

    def __ifloordiv__(self, other: Any) -> Tensor:
        return ops.assign(self, ops.floor_divide(self, other))

    def __imod__(self, other: Any) -> Tensor:
        return ops.assign(self, ops.remainder(self, other))

    def __imul__(self, other: Any) -> Tensor:
        return ops.assign(self, ops.mul(self, other))

    def __itruediv__(self, other: Any) -> Tensor:
        return ops.assign(self, ops.div(self, other))

    def __ipow__(self, other: Any) -> Tensor:  # type: ignore[misc]
        return ops.assign(self, ops.pow(self, other))

    def __iand__(self, other: Any) -> Tensor:
        return ops.assign(self, ops.bits("bitwise_and", self, other))

    def __ior__(self, other: Any) -> Tensor:
        return ops.assign(self, ops.bits("bitwise_or", self, other))

    def __ixor__(self, other: Any) -> Tensor:
        return ops.assign(self, ops.bits("bitwise_xor", self, other))

    def zero_(self) -> Tensor:
        return ops.fill_(self, 0)

    # ------------------------------------------------------- comparisons (bool, never a gradient)
    def __eq__(self, other: Any) -> Tensor:  # type: ignore[override]
        return ops.compare("equal", self, other)

    def __ne__(self, other: Any) -> Tensor:  # type: ignore[override]
        return ops.compare("not_equal", self, other)

    def __lt__(self, other: Any) -> Tensor:
        return ops.compare("less", self, other)

    def __le__(self, other: Any) -> Tensor:
        return ops.compare("less_equal", self, other)

    def __gt__(self, other: Any) -> Tensor:
        return ops.compare("greater", self, other)

    def __ge__(self, other: Any) -> Tensor:
        return ops.compare("greater_equal", self, other)

    def __invert__(self) -> Tensor:
        return ops.bits("invert", self)

    def __and__(self, other: Any) -> Tensor:
        return ops.bits("bitwise_and", self, other)

    def __or__(self, other: Any) -> Tensor:
        return ops.bits("bitwise_or", self, other)

    def __xor__(self, other: Any) -> Tensor:
        return ops.bits("bitwise_xor", self, other)

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    def __contains__(self, number: Any) -> bool:
        return bool(ops.any(ops.compare("equal", self, number)))

    # -------------------------------------------------------------------------------- indexing
    def __getitem__(self, index: Any) -> Tensor:
        return ops.index(self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        ops.set_item(self, index, value)

    # ------------------------------------------------------------------------------ elementwise
    # ------------------------------------------------------------------------------- reductions
    def norm(self, p: Any = 2, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
        return ops.norm(self, p, dim, keepdim, dtype=dtype)

    # -------------------------------------------------------------------------- matrix products
    # ----------------------------------------------------------------------------------- shapes
    def view(self, *shape: Any) -> Tensor:
        return ops.reshape(self, _sizes(shape))

    def permute(self, *dims: Any) -> Tensor:
        return ops.permute(self, _sizes(dims))

    @property
    def T(self) -> Tensor:
        return ops.permute(self, tuple(reversed(range(self.dim()))))

    def expand_as(self, other: Tensor) -> Tensor:
        return ops.expand(self, other.shape)

    def view_as(self, other: Tensor) -> Tensor:
        return ops.reshape(self, other.shape)

    def flip(self, *axes: Any, dims: Any = None) -> Tensor:
        return ops.flip(self, _sizes(axes) if dims is None else dims)

    # ------------------------------------------------------------- what it is, where it is, copies
    array: Any
    requires_grad: bool
    node: Any
    _storage: Storage | None

    @property
    def is_leaf(self) -> bool:
        return self.node is None

    @property
    def storage(self: Any) -> Storage:
        """The memory that the tensor shares with its views, as the engine keeps track of it. It is made when
        first asked for: most results are used once and forgotten."""
        if self._storage is None:
            with _making_storage:
                self._storage = self._storage or Storage()
        return self._storage

    @storage.setter
    def storage(self: Any, storage: Storage) -> None:
        self._storage = storage

    @property
    def shape(self) -> Size:
        return Size(self.array.shape)

    @property
    def dtype(self) -> np.dtype:
        return self.array.dtype

    @property
    def device(self) -> devices.Device:
        return devices.device_of(self.array)

    def size(self, dim: int | None = None) -> Any:
        if dim is not None and not -self.array.ndim <= dim < self.array.ndim:
            raise IndexError(f"size: dim {dim} is out of range for {self.array.ndim} axes")
        return Size(self.array.shape) if dim is None else self.array.shape[dim]

    def dim(self) -> int:
        return self.array.ndim

    @property
    def ndim(self) -> int:
        return self.array.ndim

    def numel(self) -> int:
        return self.array.size

    ndimension, nelement = dim, numel  # their older names

    def element_size(self) -> int:
        """How many bytes an entry takes."""
        return self.array.itemsize

    @property
    def grad_fn(self) -> Any:
        """The operation that computed this tensor, which here is called `node`; None for a leaf."""
        return self.node  # type: ignore[attr-defined]

    def __len__(self) -> int:
        if self.array.ndim == 0:
            raise TypeError("len: a 0-d tensor has no length")
        return self.array.shape[0]

    def __bool__(self) -> bool:
        return bool(self.item())

    def __float__(self) -> Number:
        return Number(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self.array.dtype.kind not in "biu":
            raise TypeError(f"index: a tensor of dtype {self.array.dtype} is no index; use int(...) to round it down")
        return int(self.item())

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else repr(self)

    def item(self) -> Any:
        """The single number in this tensor, as a Python number."""
        if self.array.size != 1:
            raise ValueError(f"item: the tensor has shape {self.array.shape}, not one number")
        return self.array.item()

    def tolist(self) -> Any:
        return self.array.tolist()

    def numpy(self) -> NumPyArray:
        """The numbers as a NumPy array that shares this tensor's memory. Errors: if it requires a gradient, or
        lives on a GPU: the sentence says what to call first."""
        if self.requires_grad:
            raise RuntimeError("numpy: this tensor requires a gradient; call .detach().numpy()")
        if not isinstance(self.array, np.ndarray):
            raise TypeError("numpy: this tensor lives on a GPU; call .cpu().numpy()")
        self.storage.cache = None  # it may be written to from now on, unseen
        return self.array.view()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NumPyArray:
        array = self.numpy() if dtype is None else self.numpy().astype(dtype)
        return array.copy() if copy else array

    @property
    def data(self) -> Tensor:
        return ops.detach(self)

    @data.setter
    def data(self, value: Tensor) -> None:
        ops.replace_data(self, value)

    def type(self, dtype: Any = None) -> Any:
        """x of another type: a dtype, FloatTensor and its siblings, or their names; without one, the type's name."""
        return ops.type_name(self) if dtype is None else ops.to(self, ops.named_type(dtype))

    def type_as(self, other: Tensor) -> Tensor:
        return ops.to(self, other.dtype, other.device)

    def half(self) -> Tensor:
        """Refused: NumPy computes float16 in software, without the accuracy of float32 sums."""
        raise TypeError("half: float16 is not supported; float32 is as fast here, and more exact")

    def int(self) -> Tensor:
        return ops.to(self, np.int32)

    def bool(self) -> Tensor:
        return ops.to(self, np.bool_)

    def byte(self) -> Tensor:
        return ops.to(self, np.uint8)

    @property
    def is_cuda(self) -> Any:
        return not isinstance(self.array, np.ndarray)

    def float(self) -> Tensor:
        return ops.to(self, np.float32)

    def double(self) -> Tensor:
        return ops.to(self, np.float64)

    def long(self) -> Tensor:
        return ops.to(self, np.int64)

    def cpu(self) -> Tensor:
        return ops.to(self, devices.CPU)

    def cuda(self, index: Integer = 0) -> Tensor:
        return ops.to(self, devices.Device("cuda", index))

    def __repr__(self) -> str:
        return ops.represent(self)

    def _repr_png_(self) -> Any:
        """What notebooks show of a tensor that can only be pictures."""
        return ops.as_png(self)


def _sizes(arguments: tuple[Any, ...]) -> tuple[int, ...]:
    """(2, 3) from either f(2, 3) or f((2, 3))."""
    if len(arguments) == 1 and isinstance(arguments[0], (tuple, list)):
        return tuple(arguments[0])
    return arguments
