"""Matrix products. The derivative of a product with respect to one factor is a product with the other, transposed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..autograd import Op, Tensor, apply, tensor_of
from ..devices import Array
from ..grad_mode import is_grad_enabled
from ..kernels import kernels_of
from .common import BOOL, cast, promoted, require_tensor, sum_to
from .public import public
from .shape import reshape, squeeze, transpose, unsqueeze


class MatMul(Op):
    """y = a b for the last two axes, the others broadcast; da = dy b^T, db = a^T dy.

    x @ x.t() is recognized as a Gram matrix, which takes half the work, both ways.
    """

    def forward(self, a: Array, b: Array) -> Array:
        self.shapes = a.shape, b.shape
        self.save(a if self.needs[1] else None, b if self.needs[0] else None)
        kernels = kernels_of(a)
        self.is_gram = kernels.is_own_transpose(a, b)
        return kernels.gram(a) if self.is_gram else kernels.matmul(a, b)

    def backward(self, grad: Tensor, needed: Sequence[bool]) -> tuple[Tensor | None, ...]:
        a, b = self.saved
        if self.is_gram and all(needed) and not is_grad_enabled():
            shares = kernels_of(a.array).gram_backward(grad.array, a.array)
            return tensor_of(shares[0]), tensor_of(shares[1])
        return (
            sum_to(grad @ transpose(b, -2, -1), self.shapes[0]) if needed[0] else None,
            sum_to(transpose(a, -2, -1) @ grad, self.shapes[1]) if needed[1] else None,
        )


class Gram(Op):
    """y = x x^T for the last two axes; dx = (dy + dy^T) x."""

    def forward(self, x: Array) -> Array:
        self.save(x)
        return kernels_of(x).gram(x)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.saved
        return (grad + transpose(grad, -2, -1)) @ x


class Linear(Op):
    """y = x W^T + b for x: (N, in), W: (out, in), b: (out,); dx = dy W, dW = dy^T x, db = dy summed over N."""

    def forward(self, x: Array, weight: Array, bias: Array | None) -> Array:
        self.save(x if self.needs[1] else None, weight if self.needs[0] else None)
        y = kernels_of(x).matmul(weight, x.T).T
        if bias is not None:
            y += bias
        return y

    def backward(self, grad: Tensor, needed: Sequence[bool]) -> tuple[Tensor | None, ...]:
        x, weight = self.saved
        return (
            grad @ weight if needed[0] else None,
            transpose(grad, 0, 1) @ x if needed[1] else None,
            grad.sum(0) if needed[2] else None,
        )


def _factors(operation: str, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    require_tensor(operation, "input", a)
    require_tensor(operation, "other", b)
    dtype = promoted(a.dtype, b.dtype)
    _check_numbers(operation, dtype)
    return cast(a, dtype), cast(b, dtype)


def _check_numbers(operation: str, dtype: np.dtype) -> None:
    if dtype == BOOL:
        raise TypeError(f"{operation}: bools have no matrix product; call .float()")


@public("minigrad", "Tensor")
def matmul(input: Tensor, other: Tensor) -> Tensor:
    """The matrix product over the last two axes; leading axes broadcast, vectors count as a row or a column.

    Errors: ValueError if the inner sizes differ or the leading axes do not broadcast.
    """
    a, b = _factors("matmul", input, other)
    left, right = a.array.shape, b.array.shape
    if not left or not right:
        raise ValueError(f"matmul: shapes {left} and {right}: both need at least one axis; use * for scalars")
    inner = right[-2] if len(right) > 1 else right[0]
    if left[-1] != inner:
        raise ValueError(f"matmul: shapes {left} and {right} do not fit: {left[-1]} columns meet {inner} rows")
    for m, n in zip(reversed(left[:-2]), reversed(right[:-2])):
        if m != n and m != 1 and n != 1:
            raise ValueError(f"matmul: the leading axes of {left} and {right} do not broadcast")
    row, column = len(left) == 1, len(right) == 1
    y = apply(MatMul(), unsqueeze(a, 0) if row else a, unsqueeze(b, 1) if column else b)
    if column:
        y = squeeze(y, -1)
    return squeeze(y, -1 if column else -2) if row else y


@public("minigrad", "Tensor")
def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """The product of two matrices."""
    a, b = _factors("mm", input, mat2)
    if a.array.ndim != 2 or b.array.ndim != 2:
        raise ValueError(f"mm: two matrices are needed, got shapes {a.shape} and {b.shape}; use matmul")
    return matmul(a, b)


@public("minigrad", "Tensor")
def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """The products of two batches of matrices, (B, n, m) and (B, m, p)."""
    a, b = _factors("bmm", input, mat2)
    if a.array.ndim != 3 or b.array.ndim != 3 or a.shape[0] != b.shape[0]:
        raise ValueError(f"bmm: shapes (B, n, m) and (B, m, p) are needed, got {a.shape} and {b.shape}")
    return matmul(a, b)


@public("minigrad", "Tensor")
def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """The inner product of two vectors of equal length and dtype."""
    for name, x in (("input", input), ("tensor", tensor)):
        if require_tensor("dot", name, x).array.ndim != 1:
            raise ValueError(f"dot: {name} must be a vector, got shape {x.shape}")
    if input.dtype != tensor.dtype:
        raise TypeError(f"dot: input is {input.dtype}, tensor is {tensor.dtype}; convert one with .to()")
    return matmul(input, tensor)


@public("minigrad", "Tensor")
def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """The outer product of two vectors: y[i, j] = input[i] vec2[j]."""
    for name, x in (("input", input), ("vec2", vec2)):
        if require_tensor("outer", name, x).array.ndim != 1:
            raise ValueError(f"outer: {name} must be a vector, got shape {x.shape}")
    return unsqueeze(input, 1) * vec2


@public("nn.functional")
def gram(input: Tensor) -> Tensor:
    """The Gram matrix x x^T of x: (..., C, P), the inner products of its rows: (..., C, C).

    The same as `x @ x.transpose(-2, -1)` with half the work, both ways: the matrix is symmetric.
    Errors: ValueError for fewer than two axes.
    """
    require_tensor("gram", "input", input)
    if input.array.ndim < 2:
        raise ValueError(f"gram: input must be (..., C, P), got shape {input.shape}")
    return apply(Gram(), input)


@public("nn.functional")
def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input W^T + b. input: (..., in), weight: (out, in), bias: (out,) or None; result (..., out)."""
    require_tensor("linear", "input", input)
    require_tensor("linear", "weight", weight)
    shape, sizes = input.array.shape, weight.array.shape
    if len(sizes) != 2 or not shape or shape[-1] != sizes[1]:
        raise ValueError(f"linear: input has shape {shape}, weight {sizes} expects (..., {sizes[-1] if sizes else 1})")
    if bias is not None and require_tensor("linear", "bias", bias).array.shape != sizes[:1]:
        raise ValueError(f"linear: bias has shape {bias.shape}, weight {sizes} expects ({sizes[0]},)")
    if input.dtype != weight.dtype:
        raise TypeError(f"linear: input is {input.dtype}, weight is {weight.dtype}; convert one with .to()")
    if bias is not None and bias.dtype != weight.dtype:
        raise TypeError(f"linear: bias is {bias.dtype}, weight is {weight.dtype}; convert one with .to()")
    _check_numbers("linear", input.dtype)
    if len(shape) == 2:
        return apply(Linear(), input, weight, bias)
    rows = reshape(input, (-1 if input.array.size else 0, shape[-1]))
    return reshape(apply(Linear(), rows, weight, bias), (*shape[:-1], sizes[0]))
