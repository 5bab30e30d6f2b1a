"""A case: one operation on one kind of input, written so that it can run on several implementations.

`function(m, *tensors)` calls nothing but `m` and the tensors' own methods. `m` may be minigrad, PyTorch, or
the naive loops of the tests; so one expression serves to check derivatives against differences, and values
and derivatives against independent implementations.

Operations that users never call, because they appear only as derivatives of others, are reached through
`m.adjoint`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..devices import Array

Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


@dataclass(frozen=True)
class Input:
    """An argument of a case: how its numbers are drawn, and how they lie in memory.

    layout: "plain" (row-major), "transposed" (axes stored in reverse), "strided" (every second number of a
    larger array), "reversed" (negative stride), "channels_last" (N, H, W, C in memory, (N, C, H, W) in shape).
    """

    draw: Draw
    shape: tuple[int, ...]
    differentiable: bool = True
    layout: str = "plain"

    def values(self, random: np.random.Generator) -> np.ndarray:
        """The numbers, row-major."""
        return self.draw(random, self.shape)


def laid_out(values: np.ndarray, layout: str, xp: Any = np) -> Array:
    """The same numbers as an array of the module xp (numpy or cupy), stored in memory as `layout` says."""
    if layout == "transposed":
        return xp.asarray(np.ascontiguousarray(values.T)).T
    if layout == "strided":
        buffer = xp.zeros((*values.shape[:-1], 2 * values.shape[-1]), dtype=values.dtype)
        buffer[..., ::2] = xp.asarray(values)
        return buffer[..., ::2]
    if layout == "reversed":
        return xp.asarray(np.ascontiguousarray(values[..., ::-1]))[..., ::-1]
    if layout == "channels_last":
        return xp.asarray(np.ascontiguousarray(values.transpose(0, 2, 3, 1))).transpose(0, 3, 1, 2)
    return xp.asarray(values)


@dataclass(frozen=True)
class Case:
    """One check. op: the registered operation, or the composed function, that it is about; name: what is special."""

    op: str
    name: str
    function: Callable[..., Any]
    inputs: tuple[Input, ...]

    def __str__(self) -> str:
        return f"{self.op}: {self.name}"

    def values(self) -> list[np.ndarray]:
        """The inputs' numbers; they depend on nothing but the case's own name."""
        random = np.random.default_rng(zlib.crc32(str(self).encode()))
        return [source.values(random) for source in self.inputs]


def case(op: str, name: str, function: Callable[..., Any], *inputs: Input) -> Case:
    """A case, its inputs written one after the other."""
    return Case(op, name, function, inputs)


# -------------------------------------------------------------------------------------- inputs


def normal(*shape: int, layout: str = "plain") -> Input:
    """Standard normal numbers."""
    return Input(lambda random, size: random.standard_normal(size), shape, layout=layout)


def positive(*shape: int, layout: str = "plain") -> Input:
    """Numbers between 0.5 and 2."""
    return Input(lambda random, size: random.uniform(0.5, 2.0, size), shape, layout=layout)


def probability(*shape: int) -> Input:
    """Numbers between 0.1 and 0.9."""
    return Input(lambda random, size: random.uniform(0.1, 0.9, size), shape)


def nonzero(*shape: int, layout: str = "plain") -> Input:
    """Numbers of both signs, at least 0.2 from the kink that many functions have at 0."""
    return Input(
        lambda random, size: random.uniform(0.2, 2.0, size) * random.choice([-1.0, 1.0], size), shape, layout=layout
    )


def distinct(*shape: int, layout: str = "plain") -> Input:
    """Numbers no two of which are closer than 4 / size: maxima among them have derivatives."""

    def draw(random: np.random.Generator, size: tuple[int, ...]) -> np.ndarray:
        count = int(np.prod(size))
        return random.permutation(np.linspace(-2.0, 2.0, count)).reshape(size)

    return Input(draw, shape, layout=layout)


def constant(values: Any) -> Input:
    """Given numbers, by which nothing is differentiated: indices, masks, targets."""
    array = np.asarray(values)
    return Input(lambda random, size: array, array.shape, differentiable=False)
