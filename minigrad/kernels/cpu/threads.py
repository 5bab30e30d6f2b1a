"""Threads for kernels: a small pool, and BLAS held to one thread while the pool works.

NumPy releases Python's lock inside its loops and inside BLAS, so plain Python threads run them in parallel. A
kernel cuts its work into pieces (a strip of rows, a chunk of a vector), so that each piece's buffers fit into the
processor's cache, and calls

    run_workers(work, num_threads())        # work(0), work(1), ... at the same time

What is promised:

* BLAS starts no threads of its own inside a kernel (`single_threaded_blas`), whichever Python thread calls, and has
  as many as before when no kernel runs any more. This holds for every BLAS that threadpoolctl finds. Where it finds
  none (Apple's Accelerate), BLAS keeps its threads: results are then as reproducible as that library's own.
* The number of workers is MINIGRAD_NUM_THREADS, or the number of usable cores up to 16. Results depend on it (sums are
  cut at other places), but are the same from run to run and from any Python thread.
* Pieces see the caller's floating-point error state (`np.errstate`) and other context variables. A warning that is
  turned into an error, like any other error in a piece, is raised where the kernel was called.
* `os.fork` waits for the kernels that run in other threads. The child has the parent's BLAS settings and a pool of
  its own.
"""

from __future__ import annotations

import contextvars
import functools
import os
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, NamedTuple

import numpy as np
import threadpoolctl

FORK_WAITS = 10.0  # seconds at most that a fork waits for running kernels


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _count() -> int:
    text = os.environ.get("MINIGRAD_NUM_THREADS", "")
    if not text:
        return min(_usable_cores(), 16)
    if not (text.isascii() and text.isdecimal() and 1 <= len(text) <= 4 and int(text) >= 1):
        raise ValueError(f"MINIGRAD_NUM_THREADS must be a whole number from 1 to 9999, got {text!r}")
    return int(text)


class _ThreadState(threading.local):
    """What a thread is doing. working: it runs a piece; depth: how many `single_threaded_blas` it is in."""

    working = False
    depth = 0


_num_threads: int | None = None  # read from the environment by the first kernel, so that importing cannot fail
_state = _ThreadState()


def num_threads() -> int:
    """How many pieces of work may run at the same time, from where this is called: 1 inside a piece.

    Errors: ValueError when MINIGRAD_NUM_THREADS is not a number of threads.
    """
    global _num_threads
    if _num_threads is None:
        _num_threads = _count()
    return 1 if _state.working else _num_threads


# ------------------------------------------------------------------------------------------------ BLAS


class _Blas(NamedTuple):
    """A loaded BLAS: its number of threads, and whether that is one number for the process or one for each thread."""

    get: Callable[[], int]
    set: Callable[[int], Any]
    process_wide: bool


def _blas(controller: Any) -> _Blas:
    """The BLAS of one of threadpoolctl's controllers.

    OpenBLAS' own functions are called, since threadpoolctl 3.8's obey only the first thread that sets a limit. With
    its own threads, OpenBLAS has one limit for the process; with OpenMP it follows OpenMP's limit, which every thread
    has for itself. How far other libraries' limits reach is found out.
    """
    if controller.internal_api == "openblas":
        openmp = controller.threading_layer == "openmp"
        get, set_ = ("omp_get_max_threads", "omp_set_num_threads") if openmp else _openblas_names(controller.dynlib)
        if hasattr(controller.dynlib, get) and hasattr(controller.dynlib, set_):
            return _Blas(getattr(controller.dynlib, get), getattr(controller.dynlib, set_), not openmp)
    get, set_ = controller.get_num_threads, controller.set_num_threads
    return _Blas(get, set_, _is_process_wide(get, set_))


def _openblas_names(library: Any) -> tuple[str, str]:
    """The functions that get and set the number of threads, under the names this build gives them."""
    for prefix in ("", "scipy_"):
        for suffix in ("", "64_", "_64"):
            get, set_ = (f"{prefix}openblas_{verb}_num_threads{suffix}" for verb in ("get", "set"))
            if hasattr(library, get):
                return get, set_
    return "", ""


def _is_process_wide(get: Callable[[], int], set_: Callable[[int], Any]) -> bool:
    """Whether another thread sees the limit that this one sets."""
    before = get()
    probe = 1 if before != 1 else 2
    seen: list[int] = []
    set_(probe)
    try:
        other = threading.Thread(target=lambda: seen.append(get()))
        other.start()
        other.join()
    finally:
        set_(before)
    return seen == [probe]


class _SingleThreadedBlas:
    """A context in which BLAS uses one thread: `with single_threaded_blas: a @ b`.

    Several threads may be in it at once, and a thread several times. A limit that holds for the whole process is set
    by the first to enter and lifted by the last to leave; one that each thread has for itself, by each.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.changed = threading.Condition(self.lock)
        self.users: set[int] = set()  # threads; a set and no count, so that nothing is counted twice after a Ctrl-C
        self.forking = False
        self.shared: list[_Blas] | None = None  # libraries with one limit for the process
        self.private: list[_Blas] = []  # libraries with a limit for each thread
        self.before: list[int] = []  # the limits of `shared` without us
        self.own = threading.local()  # .before: this thread's limits of `private`

    def find(self) -> list[_Blas]:
        """All BLAS libraries that are loaded when the first kernel runs, NumPy's among them."""
        if self.shared is None:
            controllers = threadpoolctl.ThreadpoolController().lib_controllers
            libraries = [_blas(each) for each in controllers if each.user_api == "blas"]
            self.private = [library for library in libraries if not library.process_wide]
            self.shared = [library for library in libraries if library.process_wide]
        return self.shared

    def __enter__(self) -> None:
        if _state.depth == 0:
            with self.lock:
                if self.forking:
                    self.changed.wait_for(lambda: not self.forking)
                shared = self.find()
                if not self.users:
                    self.before = _limit(shared)
                self.users.add(threading.get_ident())
            if self.private:
                self.own.before = _limit(self.private)
        _state.depth += 1

    def __exit__(self, *exception: object) -> None:
        _state.depth -= 1
        if _state.depth == 0:
            if self.private:
                _restore(self.private, self.own.before)
            with self.lock:
                self.users.discard(threading.get_ident())
                if not self.users:
                    _restore(self.find(), self.before)
                if self.forking:
                    self.changed.notify_all()

    def before_fork(self) -> None:
        """Wait until no other thread is in a kernel, and let none begin one."""
        self.lock.acquire()
        self.forking = True
        self.changed.wait_for(lambda: self.users <= {threading.get_ident()}, timeout=FORK_WAITS)

    def after_fork_in_parent(self) -> None:
        self.forking = False
        self.changed.notify_all()
        self.lock.release()

    def after_fork_in_child(self) -> None:
        """The child has only the thread that forked: what others held is free."""
        self.lock, self.forking = threading.Lock(), False
        self.changed = threading.Condition(self.lock)
        held = bool(self.users)
        self.users &= {threading.get_ident()}
        if held and not self.users:
            _restore(self.find(), self.before)


def _limit(libraries: list[_Blas]) -> list[int]:
    """Set one thread; returns the numbers of threads there were."""
    before = [library.get() for library in libraries]
    _restore(libraries, [1] * len(before))
    return before


def _restore(libraries: list[_Blas], counts: list[int]) -> None:
    """Set these numbers of threads."""
    for library, count in zip(libraries, counts):
        library.set(count)


single_threaded_blas = _SingleThreadedBlas()


# ------------------------------------------------------------------------------------------------ the pool


class _Helper:
    """A thread that runs pieces of work as they come, for one caller after another."""

    def __init__(self) -> None:
        self.tasks: SimpleQueue[Callable[[], None]] = SimpleQueue()
        threading.Thread(target=self._run, name="minigrad", daemon=True).start()

    def _run(self) -> None:
        _state.working, _state.depth = True, 1  # the caller is in single_threaded_blas for as long as a piece runs
        _limit(single_threaded_blas.private)
        while True:
            self.tasks.get()()


_helpers: list[_Helper] = []


def run_workers(work: Callable[[int], Any], count: int) -> None:
    """Run work(0), ..., work(count - 1) in as many threads, the first in this one; returns when all are done.

    count must not exceed `num_threads()`. An exception in any piece is raised here, after the others have finished.
    """
    if count <= 1:
        with single_threaded_blas:
            work(0)
        return
    done: SimpleQueue[BaseException | None] = SimpleQueue()

    def piece(worker: int) -> None:
        try:
            work(worker)
        except BaseException as error:
            done.put(error)
        else:
            done.put(None)

    with single_threaded_blas:
        while len(_helpers) < count - 1:
            _helpers.append(_Helper())
        for worker in range(1, count):
            context = contextvars.copy_context()  # carries np.errstate
            _helpers[worker - 1].tasks.put(functools.partial(context.run, piece, worker))
        _state.working = True
        try:
            piece(0)
        finally:
            _state.working = False
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


def _after_fork_in_child() -> None:
    """A forked child has none of its parent's threads: it starts its own."""
    single_threaded_blas.after_fork_in_child()
    _helpers.clear()
    _state.working = False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=single_threaded_blas.before_fork,
        after_in_parent=single_threaded_blas.after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )
