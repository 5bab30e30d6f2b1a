"""The memory behind tensors, as the engine keeps track of it."""

from __future__ import annotations

from typing import Any


class Storage:
    """The memory that a tensor shares with its views.

    version: the number of writes so far. cache: what kernels derived from the present contents and may use again
    (transformed convolution weights, say); None for memory that a NumPy array shares, whose writes go unnoticed.
    """

    __slots__ = ("version", "cache")

    def __init__(self) -> None:
        self.version = 0
        self.cache: dict[Any, Any] | None = {}

    def bump_version(self) -> None:
        """Note that the memory was written to."""
        self.version += 1
        if self.cache:
            self.cache.clear()
