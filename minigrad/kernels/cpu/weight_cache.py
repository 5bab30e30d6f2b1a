"""What kernels keep with a weight while it does not change, within a limit on the memory that it takes."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from typing import Any

from ...devices import Array
from .im2col import Cache


class _Kept:
    """How many bytes of transformed weights are remembered, at most `limit`; an array counts until it is freed.

    VGG19's take 330 MB. Beyond the limit (MINIGRAD_WINOGRAD_MEMORY, in megabytes) weights are transformed each time.
    """

    def __init__(self) -> None:
        self.bytes, self.lock = 0, threading.Lock()
        self.limit: int | None = None  # read from the environment when first needed: importing cannot fail

    def add(self, array: Array) -> bool:
        """Count an array, unless there is no room for it."""
        with self.lock:
            if self.limit is None:
                self.limit = _memory_limit()
            if self.bytes + array.nbytes > self.limit:
                return False
            self.bytes += array.nbytes
        weakref.finalize(array, self._release, array.nbytes).atexit = False
        return True

    def _release(self, size: int) -> None:
        with self.lock:
            self.bytes -= size

    def renew_lock(self) -> None:
        """In a forked child: a thread that held the lock is not there to release it."""
        self.lock = threading.Lock()


def _memory_limit() -> int:
    text = os.environ.get("MINIGRAD_WINOGRAD_MEMORY") or "1024"
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        raise ValueError(f"MINIGRAD_WINOGRAD_MEMORY must be a whole number of megabytes, got {text!r}")
    return int(text) << 20


kept = _Kept()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=kept.renew_lock)


def remembered(cache: Cache, key: Any, make: Callable[[], Array]) -> Array:
    """cache[key], made if it is not there, and kept if there is room for it."""
    result = None if cache is None else cache.get(key)
    if result is None:
        result = make()
        if cache is not None and kept.add(result):
            cache[key] = result
    return result
