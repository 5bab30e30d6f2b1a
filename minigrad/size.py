"""Shapes: what `x.shape` and `x.size()` give."""

from __future__ import annotations

import math
from typing import Any


class Size(tuple[int, ...]):
    """The shape of a tensor: a tuple that constructors tell from data, also after slicing and joining.

    `Tensor(x.size())` and `Tensor(x.shape[1:])` make room, where `Tensor((2, 3))` holds two numbers.
    """

    __slots__ = ()

    def numel(self) -> int:
        """The number of entries of a tensor of this shape."""
        return math.prod(self)

    def __getitem__(self, index: Any) -> Any:
        part = tuple.__getitem__(self, index)
        return Size(part) if type(part) is tuple else part

    def __add__(self, other: Any) -> Size:
        return Size((*self, *other)) if isinstance(other, tuple) else NotImplemented

    def __radd__(self, other: Any) -> Size:
        return Size((*other, *self)) if isinstance(other, tuple) else NotImplemented

    def __mul__(self, times: Any) -> Size:
        return Size(tuple(self) * times)

    __rmul__ = __mul__
