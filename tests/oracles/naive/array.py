"""Arrays of hyper-dual numbers. NumPy only keeps them in shape: every sum and product is done by the numbers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .hyperdual import HyperDual, value_of


def objects(array: Any) -> np.ndarray:
    """The array, or a single number as an array without axes."""
    if isinstance(array, np.ndarray):
        return array
    result = np.empty((), dtype=object)
    result[()] = array
    return result


def raw(x: Any) -> Any:
    """The NumPy array of an Array; indices with Arrays in them likewise."""
    if isinstance(x, tuple):
        return tuple(raw(part) for part in x)
    return x.array if isinstance(x, Array) else x


def ints_first(index: Any) -> tuple[Any, Any]:
    """An index with an int beside an array as two: the ints first, then the rest; else itself and None."""
    if not isinstance(index, tuple) or not any(isinstance(p, int) for p in index):
        return index, None
    if not any(isinstance(p, np.ndarray) for p in index):
        return index, None
    first = tuple(p if isinstance(p, int) else slice(None) for p in index)
    return first, tuple(p for p in index if not isinstance(p, int))


def each(function: Any, *arguments: Any) -> Array:
    """function applied to each number (operands broadcast)."""
    return Array(np.frompyfunc(function, len(arguments), 1)(*[raw(x) for x in arguments]))


class Array:
    """An N-dimensional array of hyper-dual numbers (or of constants: ints and bools) with PyTorch's methods."""

    def __init__(self, array: Any) -> None:
        self.array = objects(array)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    def part(self, name: str) -> np.ndarray:
        """One part of each number, "v", "a", "b" or "c", as floats."""
        plain = {"v": value_of}.get(name, lambda x: getattr(x, name, 0.0))
        return np.array([float(plain(x)) for x in self.array.flat]).reshape(self.shape)

    def __add__(self, other: Any) -> Array:
        return each(lambda a, b: a + b, self, other)

    def __mul__(self, other: Any) -> Array:
        return each(lambda a, b: a * b, self, other)

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> Array:
        return each(lambda a: -a, self)

    def __sub__(self, other: Any) -> Array:
        return each(lambda a, b: a - b, self, other)

    def __rsub__(self, other: Any) -> Array:
        return each(lambda a, b: b - a, self, other)

    def __truediv__(self, other: Any) -> Array:
        return each(lambda a, b: a / b, self, other)

    def __rtruediv__(self, other: Any) -> Array:
        return each(lambda a, b: b / a, self, other)

    def __pow__(self, other: Any) -> Array:
        return each(lambda a, b: a**b, self, other)

    def __rpow__(self, other: Any) -> Array:
        return each(lambda a, b: b**a, self, other)

    def __matmul__(self, other: Any) -> Array:
        return matmul(self, other)

    def __getitem__(self, index: Any) -> Array:
        first, rest = ints_first(raw(index))
        part = self.array[first]
        return Array(part if rest is None else part[rest])

    def __setitem__(self, index: Any, value: Any) -> None:
        value = raw(value)
        first, rest = ints_first(raw(index))
        part = self.array if rest is None else self.array[first]
        part[first if rest is None else rest] = value[()] if isinstance(value, np.ndarray) else value

    def copy_(self, value: Any) -> None:
        self[...] = value

    fill_ = copy_

    def reshape(self, *shape: Any) -> Array:
        return Array(self.array.reshape(*shape))

    view = reshape

    def permute(self, *dims: int) -> Array:
        return Array(self.array.transpose(*dims))

    def transpose(self, first: int, second: int) -> Array:
        return Array(self.array.swapaxes(first, second))

    def t(self) -> Array:
        return Array(self.array.T)

    T = property(t)

    def expand(self, *shape: int) -> Array:
        own = (1,) * (len(shape) - len(self.shape)) + self.shape
        return Array(np.broadcast_to(self.array, [n if m == -1 else m for n, m in zip(own, shape)]))

    def squeeze(self, *dim: int) -> Array:
        wanted = [d % len(self.shape) for d in dim] or range(len(self.shape))
        return Array(self.array.squeeze(tuple(d for d in wanted if self.shape[d] == 1)))

    def unsqueeze(self, dim: int) -> Array:
        return Array(np.expand_dims(self.array, dim))

    def flip(self, *dims: int) -> Array:
        return Array(np.flip(self.array, dims))

    def clone(self) -> Array:
        return Array(self.array.copy())

    contiguous = clone

    def __mod__(self, other: Any) -> Array:
        return remainder(self, other)

    def sin(self) -> Array:
        return each(HyperDual.sin, self)

    def cos(self) -> Array:
        return each(HyperDual.cos, self)

    def masked_fill(self, mask: Array, value: Any) -> Array:
        return each(lambda a, c, v: v if c else a, self, mask, value)

    def repeat(self, *counts: int) -> Array:
        return Array(np.tile(self.array, counts))

    def sort(self, dim: int = -1, descending: bool = False) -> tuple[Array, None]:
        rising = np.sort(self.array, axis=dim)
        return Array(np.flip(rising, dim) if descending else rising), None

    def sum(self, dim: Any = None, keepdim: bool = False) -> Array:
        return Array(np.sum(self.array, axis=dim, keepdims=keepdim))

    def count(self, dim: Any) -> int:
        dims = range(len(self.shape)) if dim is None else dim if isinstance(dim, tuple) else (dim,)
        return math.prod(self.shape[d] for d in dims)

    def mean(self, dim: Any = None, keepdim: bool = False) -> Array:
        return self.sum(dim, keepdim) * (1.0 / self.count(dim))

    def var(self, dim: Any = None, correction: int = 1, keepdim: bool = False) -> Array:
        centered = self - self.mean(dim, True)
        return (centered * centered).sum(dim, keepdim) * (1.0 / (self.count(dim) - correction))

    def amax(self, dim: Any = None, keepdim: bool = False) -> Array:
        return Array(np.maximum.reduce(self.array, axis=dim, keepdims=keepdim))

    def max(self, dim: Any = None, keepdim: bool = False) -> Any:
        return self.amax() if dim is None else (self.amax(dim, keepdim), None)

    def min(self, dim: Any = None, keepdim: bool = False) -> Any:
        return -(-self).amax() if dim is None else (-(-self).amax(dim, keepdim), None)

    def amin(self, dim: Any = None, keepdim: bool = False) -> Array:
        return -(-self).amax(dim, keepdim)

    def prod(self, dim: Any = None, keepdim: bool = False) -> Array:
        return Array(np.multiply.reduce(self.array, axis=dim, keepdims=keepdim, initial=1.0))

    def cumsum(self, dim: int) -> Array:
        return Array(np.add.accumulate(self.array, axis=dim))

    def gather(self, dim: int, index: Array) -> Array:
        result = np.empty(index.shape, dtype=object)
        for place in np.ndindex(*index.shape):
            result[place] = self.array[redirected(place, dim, index)]
        return Array(result)

    def scatter(self, dim: int, index: Array, src: Any, add: bool = False) -> Array:
        result = self.array.copy()
        for place in np.ndindex(*index.shape):
            target, value = redirected(place, dim, index), src.array[place] if isinstance(src, Array) else src
            result[target] = result[target] + value if add else value
        return Array(result)

    def softmax(self, dim: int) -> Array:
        powers = each(HyperDual.exp, self)
        return powers / powers.sum(dim, True)


def redirected(place: tuple[int, ...], dim: int, index: Array) -> tuple[int, ...]:
    """The place with its entry along dim replaced by the index that stands there."""
    return tuple(int(index.array[place]) if i == dim else n for i, n in enumerate(place))


def matmul(a: Any, b: Any) -> Array:
    """The matrix product, entry by entry."""
    x, y = raw(a), raw(b)
    row, column = x.ndim == 1, y.ndim == 1
    x, y = x[None, :] if row else x, y[:, None] if column else y
    batch = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    x, y = np.broadcast_to(x, batch + x.shape[-2:]), np.broadcast_to(y, batch + y.shape[-2:])
    result = np.empty((*batch, x.shape[-2], y.shape[-1]), dtype=object)
    for *n, i, j in np.ndindex(*result.shape):
        result[(*n, i, j)] = sum((x[(*n, i, k)] * y[(*n, k, j)] for k in range(x.shape[-1])), 0.0)
    if column:
        result = result[..., 0]
    return Array(result[..., 0] if row and column else result[..., 0, :] if row else result)


def norm(x: Array, p: float = 2, dim: Any = None, keepdim: bool = False) -> Array:
    if p == 1:
        return each(abs, x).sum(dim, keepdim)
    if p == math.inf:
        return each(abs, x).amax(dim, keepdim)
    if p == -math.inf:
        return each(abs, x).amin(dim, keepdim)
    return (each(abs, x) ** p).sum(dim, keepdim) ** (1 / p)


def logsumexp(x: Array, dim: Any, keepdim: bool = False) -> Array:
    shifted = x - x.amax(dim, True)  # of each slice: else all of a small one underflows
    return each(HyperDual.log, each(HyperDual.exp, shifted).sum(dim, keepdim)) + x.amax(dim, keepdim)


def split(x: Array, size: Any, dim: int = 0) -> list[Array]:
    length = x.shape[dim]
    sizes = size if isinstance(size, list) else [min(size, length - i) for i in range(0, length, size)]
    return [Array(part) for part in np.split(x.array, np.cumsum(sizes)[:-1], axis=dim)]


def clamp(x: Array, min: Any = -math.inf, max: Any = math.inf) -> Array:
    raised = each(lambda a, low: a * 0.0 + low if a < low else a, x, min)
    return each(lambda a, high: a * 0.0 + high if a > high else a, raised, max)


def rounded(x: Any, rule: Callable[[float], float]) -> Array:
    """Each number's value by a rule such as math.floor; a constant, whatever moves the number."""
    return each(lambda a: float(rule(value_of(a))), x)


def remainder(a: Any, b: Any) -> Array:
    return a - rounded(a / b, math.floor) * b


def divide(a: Any, b: Any, rounding_mode: str | None = None) -> Array:
    quotient = a / b
    return quotient if rounding_mode is None else rounded(quotient, {"floor": math.floor, "trunc": int}[rounding_mode])


def lerp(a: Array, b: Array, weight: Any) -> Array:
    return a + (b - a) * weight


def einsum(equation: str, *operands: Array) -> Array:
    """The sum, place by place: loops over every value of every letter."""
    left, arrow, result = equation.partition("->")
    terms = left.replace("...", "Z").split(",")
    if not arrow:
        result = "".join(sorted(c for c in set(left) if c.isalpha() and left.count(c) == 1))
    result = result.replace("...", "Z")
    sizes = {c: n for term, x in zip(terms, operands) for c, n in zip(term, x.shape)}
    y = np.empty([sizes[c] for c in result], dtype=object)
    y[...] = 0.0
    for places in itertools.product(*[range(n) for n in sizes.values()]):
        at = dict(zip(sizes, places))
        product: Any = 1.0
        for term, x in zip(terms, operands):
            product = product * x.array[tuple(at[c] for c in term)]
        target = tuple(at[c] for c in result)
        y[target] = y[target] + product
    return Array(y)


FUNCTIONS = {
    **{
        name: (lambda x, name=name: each(getattr(HyperDual, name), x))
        for name in ("exp", "log", "log1p", "sin", "cos", "tanh", "sigmoid")
    },
    **{
        name: getattr(Array, name)
        for name in (
            "sum",
            "mean",
            "var",
            "prod",
            "cumsum",
            "amax",
            "amin",
            "scatter",
            "sort",
            "masked_fill",
            "max",
            "min",
            "reshape",
            "squeeze",
            "unsqueeze",
            "gather",
            "softmax",
        )
    },
    "add": lambda a, b, alpha=1: a + b * alpha,
    "pow": lambda a, b: a**b,
    "sqrt": lambda x: x**0.5,
    "abs": lambda x: each(abs, x),
    "sign": lambda x: each(lambda a: (a > 0) - (a < 0), x),
    "relu": lambda x: each(lambda a: a if a > 0 else a * 0.0, x),
    "clamp": clamp,
    "maximum": lambda a, b: each(lambda p, q: p if p > q else q, a, b),
    "minimum": lambda a, b: each(lambda p, q: p if p < q else q, a, b),
    "where": lambda c, a, b: each(lambda p, q, r: q if p else r, c, a, b),
    "std": lambda x, dim=None, unbiased=True: x.var(dim, int(unbiased)) ** 0.5,
    "logsumexp": logsumexp,
    "index_select": lambda x, dim, index: Array(np.take(x.array, index.array, axis=dim)),
    "masked_select": lambda x, mask: Array(x.array[np.broadcast_to(mask.array, x.shape)]),
    "scatter_add": lambda x, dim, index, src: x.scatter(dim, index, src, add=True),
    "norm": norm,
    "log2": lambda x: each(lambda a: a.log() * (1 / math.log(2)), x),
    "log10": lambda x: each(lambda a: a.log() * (1 / math.log(10)), x),
    "tan": lambda x: each(lambda a: a.sin() / a.cos(), x),
    "square": lambda x: x * x,
    "rsqrt": lambda x: x**-0.5,
    "reciprocal": lambda x: 1.0 / x,
    "clip": clamp,
    "lerp": lerp,
    "floor": lambda x: rounded(x, math.floor),
    "ceil": lambda x: rounded(x, math.ceil),
    "trunc": lambda x: rounded(x, int),
    "round": lambda x, decimals=0: rounded(x, lambda v: round(v, decimals)),
    "div": divide,
    "floor_divide": lambda a, b: divide(a, b, "floor"),
    "remainder": remainder,
    "roll": lambda x, shifts, dims=None: Array(np.roll(x.array, shifts, dims)),
    "unbind": lambda x, dim=0: [Array(part) for part in np.moveaxis(x.array, dim, 0)],
    "tril": lambda x, diagonal=0: x * np.tril(np.ones(x.shape), diagonal),
    "triu": lambda x, diagonal=0: x * np.triu(np.ones(x.shape), diagonal),
    "meshgrid": lambda *xs, indexing: [Array(x) for x in np.meshgrid(*[x.array for x in xs], indexing=indexing)],
    "topk": lambda x, k, dim=-1, largest=True: (
        Array(np.take(x.sort(dim, largest)[0].array, range(k), axis=dim)),
        None,
    ),
    "einsum": einsum,
    "dot": matmul,
    "outer": lambda a, b: Array(a.array[:, None]) * Array(b.array[None, :]),
    "matmul": matmul,
    "mm": matmul,
    "bmm": matmul,
    "flatten": lambda x, start: x.reshape(*x.shape[:start], -1),
    "flip": lambda x, dims: x.flip(*dims),
    "cat": lambda xs, dim=0: Array(np.concatenate([x.array for x in xs], axis=dim)),
    "concat": lambda xs, dim=0: Array(np.concatenate([x.array for x in xs], axis=dim)),
    "vstack": lambda xs: Array(np.vstack([x.array for x in xs])),
    "hstack": lambda xs: Array(np.hstack([x.array for x in xs])),
    "movedim": lambda x, source, destination: Array(np.moveaxis(x.array, source, destination)),
    "swapaxes": lambda x, a, b: Array(np.swapaxes(x.array, a, b)),
    "ravel": lambda x: Array(np.ravel(x.array)),
    "narrow": lambda x, dim, start, length: Array(np.take(x.array, range(start, start + length), axis=dim)),
    "select": lambda x, dim, index: Array(np.take(x.array, index, axis=dim)),
    "stack": lambda xs, dim=0: Array(np.stack([x.array for x in xs], axis=dim)),
    "split": split,
    "chunk": lambda x, chunks, dim: split(x, -(-x.shape[dim] // chunks), dim),
    "log_softmax": lambda x, dim: each(HyperDual.log, x.softmax(dim)),
}
