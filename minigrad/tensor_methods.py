"""What a Tensor can do: Python's operators and the methods PyTorch's users expect, one line each.

Each method calls the operation of the same name in `minigrad.ops`, where its formula and its derivative
stand. Operations are made of tensors, and tensors offer operations: that circle is cut here, in one place.
`ops` below is empty until `minigrad/ops/__init__.py`, which knows both sides, fills it in with `bind`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from . import devices

if TYPE_CHECKING:
    from .autograd import Tensor

ops: Any = None
NumPyArray = np.ndarray
Number = float  # inside the class below, `float`, `int` and `numpy` are methods
Integer = int


def bind(module: Any) -> None:
    """Hand the module of operations to the methods below, and add the methods that functions are declared to be
    (`ops/public.py`) and that need no lines of their own. Called once, by `minigrad.ops`."""
    global ops
    ops = module
    for name, method in ops.in_place_methods().items():
        setattr(Operators, name, method)
    for name, function in ops.declared["Tensor"].items():
        if name not in Operators.__dict__:
            setattr(Operators, name, function)


class Operators:
    """The methods of Tensor. `Tensor` inherits them; nothing else should."""

    __slots__ = ()
    __array_ufunc__ = None  # so that NumPy leaves `array + tensor` to Tensor.__radd__
    __hash__ = object.__hash__

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

    def add_(self, other: Any, *, alpha: Number = 1) -> Tensor:
        return ops.assign(self, ops.add(self, other if alpha == 1 else other * alpha))

    def sub_(self, other: Any, *, alpha: Number = 1) -> Tensor:
        return self.add_(other, alpha=-alpha)

    def mul_(self, other: Any) -> Tensor:
        return ops.assign(self, ops.mul(self, other))

    def div_(self, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        return ops.assign(self, ops.div(self, other, rounding_mode=rounding_mode))

    def clamp_(self, min: Any = None, max: Any = None) -> Tensor:
        return ops.assign(self, ops.clamp(self, min, max))

    def copy_(self, source: Tensor) -> Tensor:
        return ops.copy_(self, source)

    def fill_(self, value: Number) -> Tensor:
        return ops.fill_(self, value)

    def zero_(self) -> Tensor:
        return ops.fill_(self, 0)

    def uniform_(self, low: Number = 0.0, high: Number = 1.0) -> Tensor:
        """Fill with uniform random numbers from [low, high)."""
        return ops.uniform_(self, low, high)

    def normal_(self, mean: Number = 0.0, std: Number = 1.0) -> Tensor:
        """Fill with normal random numbers."""
        return ops.normal_(self, mean, std)

    def random_(self, low: int = 0, high: int | None = None) -> Tensor:
        """Fill with random integers from low to high - 1, `random_(high)` from 0; without limits, all that fit."""
        return ops.random_(self, low, high)

    def detach_(self) -> Tensor:
        """Leave the graph: this tensor is a leaf from now on, without a gradient. Errors: RuntimeError for a view."""
        return ops.detach_(self)

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

    def gather(self, dim: int, index: Tensor) -> Tensor:
        return ops.gather(self, dim, index)

    # ------------------------------------------------------------------------------ elementwise
    def add(self, other: Any, *, alpha: Number = 1) -> Tensor:
        return ops.add(self, other, alpha=alpha)

    def sub(self, other: Any, *, alpha: Number = 1) -> Tensor:
        return ops.sub(self, other, alpha=alpha)

    def mul(self, other: Any) -> Tensor:
        return ops.mul(self, other)

    def div(self, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        return ops.div(self, other, rounding_mode=rounding_mode)

    def pow(self, exponent: Any) -> Tensor:
        return ops.pow(self, exponent)

    def neg(self) -> Tensor:
        return ops.neg(self)

    def exp(self) -> Tensor:
        return ops.exp(self)

    def log(self) -> Tensor:
        return ops.log(self)

    def log1p(self) -> Tensor:
        return ops.log1p(self)

    def sqrt(self) -> Tensor:
        return ops.sqrt(self)

    def abs(self) -> Tensor:
        return ops.abs(self)

    def sign(self) -> Tensor:
        return ops.sign(self)

    def clamp(self, min: Any = None, max: Any = None) -> Tensor:
        return ops.clamp(self, min, max)

    def maximum(self, other: Tensor) -> Tensor:
        return ops.maximum(self, other)

    def minimum(self, other: Tensor) -> Tensor:
        return ops.minimum(self, other)

    def relu(self) -> Tensor:
        return ops.relu(self)

    def sigmoid(self) -> Tensor:
        return ops.sigmoid(self)

    def tanh(self) -> Tensor:
        return ops.tanh(self)

    def softmax(self, dim: int) -> Tensor:
        return ops.softmax(self, dim)

    def log_softmax(self, dim: int) -> Tensor:
        return ops.log_softmax(self, dim)

    # ------------------------------------------------------------------------------- reductions
    def sum(self, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
        return ops.sum(self, dim, keepdim, dtype=dtype)

    def mean(self, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
        return ops.mean(self, dim, keepdim, dtype=dtype)

    def var(
        self, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: Any = None
    ) -> Tensor:
        return ops.var(self, dim, unbiased, keepdim, correction=correction)

    def std(
        self, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: Any = None
    ) -> Tensor:
        return ops.std(self, dim, unbiased, keepdim, correction=correction)

    def amax(self, dim: Any = None, keepdim: bool = False) -> Tensor:
        return ops.amax(self, dim, keepdim)

    def max(self, dim: Any = None, keepdim: bool | None = None) -> Any:
        return ops.max(self, dim, keepdim)

    def min(self, dim: Any = None, keepdim: bool | None = None) -> Any:
        return ops.min(self, dim, keepdim)

    def argmax(self, dim: int | None = None, keepdim: bool = False) -> Tensor:
        return ops.argmax(self, dim, keepdim)

    def norm(self, p: Any = 2, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
        return ops.norm(self, p, dim, keepdim, dtype=dtype)

    def all(self, dim: Any = None, keepdim: bool = False) -> Tensor:
        return ops.all(self, dim, keepdim)

    def any(self, dim: Any = None, keepdim: bool = False) -> Tensor:
        return ops.any(self, dim, keepdim)

    # -------------------------------------------------------------------------- matrix products
    def matmul(self, other: Tensor) -> Tensor:
        return ops.matmul(self, other)

    def mm(self, other: Tensor) -> Tensor:
        return ops.mm(self, other)

    def bmm(self, other: Tensor) -> Tensor:
        return ops.bmm(self, other)

    # ----------------------------------------------------------------------------------- shapes
    def reshape(self, *shape: Any) -> Tensor:
        return ops.reshape(self, _sizes(shape))

    def view(self, *shape: Any) -> Tensor:
        return ops.reshape(self, _sizes(shape))

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Tensor:
        return ops.flatten(self, start_dim, end_dim)

    def transpose(self, dim0: int, dim1: int) -> Tensor:
        return ops.transpose(self, dim0, dim1)

    def permute(self, *dims: Any) -> Tensor:
        return ops.permute(self, _sizes(dims))

    def t(self) -> Tensor:
        return ops.t(self)

    @property
    def T(self) -> Tensor:
        return ops.permute(self, tuple(reversed(range(self.dim()))))

    def squeeze(self, dim: Any = None) -> Tensor:
        return ops.squeeze(self, dim)

    def unsqueeze(self, dim: int) -> Tensor:
        return ops.unsqueeze(self, dim)

    def expand(self, *shape: Any) -> Tensor:
        return ops.expand(self, _sizes(shape))

    def expand_as(self, other: Tensor) -> Tensor:
        return ops.expand(self, other.shape)

    def view_as(self, other: Tensor) -> Tensor:
        return ops.reshape(self, other.shape)

    def contiguous(self) -> Tensor:
        """The tensor itself: memory order is nobody's concern here, see DESIGN in the README."""
        return self  # type: ignore[return-value]

    def flip(self, *axes: Any, dims: Any = None) -> Tensor:
        return ops.flip(self, _sizes(axes) if dims is None else dims)

    def split(self, split_size: Any, dim: int = 0) -> tuple[Tensor, ...]:
        return ops.split(self, split_size, dim)

    def chunk(self, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
        return ops.chunk(self, chunks, dim)

    # ------------------------------------------------------------- what it is, where it is, copies
    array: Any
    requires_grad: bool

    def size(self, dim: int | None = None) -> Any:
        if dim is not None and not -self.array.ndim <= dim < self.array.ndim:
            raise IndexError(f"size: dim {dim} is out of range for {self.array.ndim} axes")
        return ops.Size(self.array.shape) if dim is None else self.array.shape[dim]

    def dim(self) -> int:
        return self.array.ndim

    @property
    def ndim(self) -> int:
        return self.array.ndim

    def numel(self) -> int:
        return self.array.size

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
        self.storage.cache = None  # type: ignore[attr-defined]  # it may be written to from now on, unseen
        return self.array.view()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NumPyArray:
        array = self.numpy() if dtype is None else self.numpy().astype(dtype)
        return array.copy() if copy else array

    def detach(self) -> Tensor:
        """The same numbers (shared memory) without the graph."""
        return ops.detach(self)

    @property
    def data(self) -> Tensor:
        return ops.detach(self)

    @data.setter
    def data(self, value: Tensor) -> None:
        ops.replace_data(self, value)

    def clone(self) -> Tensor:
        return ops.clone(self)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        return ops.requires_grad_(self, requires_grad)

    def to(self, *target: Any, dtype: Any = None, device: Any = None) -> Tensor:
        """Convert: `x.to("cuda")`, `x.to(mg.float64)`, `x.to(other_tensor)`; itself if nothing changes."""
        return ops.to(self, *target, dtype=dtype, device=device)

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


def _sizes(arguments: tuple[Any, ...]) -> tuple[int, ...]:
    """(2, 3) from either f(2, 3) or f((2, 3))."""
    if len(arguments) == 1 and isinstance(arguments[0], (tuple, list)):
        return tuple(arguments[0])
    return arguments
