"""Threads for kernels: a small pool, and BLAS held to one thread while the pool works.

NumPy releases Python's lock inside its loops and inside BLAS, so plain Python threads run them in parallel. A
kernel cuts its work into pieces (a strip of rows, a chunk of a vector), so that each piece's buffers fit into the
processor's cache, and calls

    run_workers(work, num_threads())        # work(0), work(1), ... at the same time

BLAS must not start threads of its own inside the pieces: it is limited to one thread for as long as any kernel runs,
and restored afterwards. The number of workers is MINIGRAD_NUM_THREADS, or the number of usable cores. Results depend
on it (sums are cut at other places) but are the same from run to run.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import numpy as np
import threadpoolctl


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _count() -> int:
    text = os.environ.get("MINIGRAD_NUM_THREADS", "")
    if not text:
        return min(_usable_cores(), 16)
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"MINIGRAD_NUM_THREADS must be a whole number of at least 1, got {text!r}")
    return int(text)


_num_threads = _count()
_inside = threading.local()  # .working is set in threads that already run a piece: nested calls run serially


def num_threads() -> int:
    """How many pieces of work may run at the same time, from where this is called."""
    return 1 if getattr(_inside, "working", False) else _num_threads


class _SingleThreadedBlas:
    """A context in which BLAS uses one thread; entered by several threads at once, left by the last."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.users = 0
        self.libraries: list[Any] | None = None
        self.before: list[int] = []

    def __enter__(self) -> None:
        with self.lock:
            self.users += 1
            if self.users > 1:
                return
            if self.libraries is None:
                found = threadpoolctl.ThreadpoolController().lib_controllers
                self.libraries = [library for library in found if library.user_api == "blas"]
            self.before = [library.get_num_threads() for library in self.libraries]
            for library in self.libraries:
                library.set_num_threads(1)

    def __exit__(self, *exception: object) -> None:
        with self.lock:
            self.users -= 1
            if self.users == 0:
                for library, threads in zip(self.libraries or (), self.before):
                    library.set_num_threads(threads)


_blas = _SingleThreadedBlas()


class _Helper:
    """A thread that runs pieces of work as they come, for one caller after another."""

    def __init__(self) -> None:
        self.tasks: SimpleQueue[Callable[[], None]] = SimpleQueue()
        threading.Thread(target=self._run, name="minigrad", daemon=True).start()

    def _run(self) -> None:
        _inside.working = True
        while True:
            self.tasks.get()()


_helpers: list[_Helper] = []


def run_workers(work: Callable[[int], Any], count: int) -> None:
    """Run work(0), ..., work(count - 1) in as many threads, the first in this one; returns when all are done.

    count must not exceed `num_threads()`. An exception in any piece is raised here, after the others have finished.
    """
    if count <= 1:
        with _blas:
            work(0)
        return
    while len(_helpers) < count - 1:
        _helpers.append(_Helper())
    done: SimpleQueue[BaseException | None] = SimpleQueue()

    def piece(worker: int) -> None:
        try:
            work(worker)
        except BaseException as error:
            done.put(error)
        else:
            done.put(None)

    with _blas:
        for worker in range(1, count):
            _helpers[worker - 1].tasks.put(functools.partial(piece, worker))
        _inside.working = True
        try:
            piece(0)
        finally:
            _inside.working = False
            errors = [done.get() for _ in range(count)]
    for error in errors:
        if error is not None:
            raise error


def part_of(total: int, worker: int, count: int, width: int = 1) -> slice:
    """The part of range(total) that is a worker's, one of `count`; each of its numbers stands for `width` entries."""
    return slice(total * worker // count * width, total * (worker + 1) // count * width)


def parallel_for(work: Callable[[int, int], Any], total: int, step: int) -> None:
    """Run work(start, stop) over range(total) in pieces of `step`, shared among the workers."""
    if total <= step:
        work(0, total)
        return
    count = min(num_threads(), -(-total // step))

    def worker_loop(worker: int) -> None:
        for start in range(worker * step, total, step * count):
            work(start, min(total, start + step))

    run_workers(worker_loop, count)


class Scratch(threading.local):
    """Reusable buffers, one set for each thread: they stay warm in the cache and cost no page faults."""

    limit = 1 << 26  # a buffer of more bytes than this is not kept

    def __init__(self) -> None:
        self.buffers: dict[str, Any] = {}

    def get(self, name: str, size: int, dtype: Any) -> Any:
        """A vector of `size` entries with undefined contents, valid until this name is asked for again."""
        buffer = self.buffers.get(name)
        if buffer is None or buffer.nbytes < size * dtype.itemsize:
            buffer = np.empty(size * dtype.itemsize, np.uint8)
            if buffer.nbytes <= self.limit:
                self.buffers[name] = buffer
        return buffer[: size * dtype.itemsize].view(dtype)


scratch = Scratch()


def _reset() -> None:
    """A forked child has none of its parent's threads: start over."""
    global _blas
    _blas = _SingleThreadedBlas()
    _helpers.clear()
    _inside.working = False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset)
