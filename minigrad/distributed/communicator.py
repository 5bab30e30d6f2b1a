"""What carries collectives out: one small interface, over MPI and over NCCL.

    all_reduce(array, op)      array of every rank becomes op over all ranks' arrays
    broadcast(array, src)      array of every rank becomes that of rank src
    all_gather(out, array)     out[r] becomes rank r's array

Each starts the operation and returns a `Work`, whose `wait()` ends it; the arrays may not be touched in between.
Arrays are contiguous and have the same shape and type on all ranks, and all ranks start the same operations in the
same order: these are matched by their order, nothing else.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from enum import Enum
from typing import Any, Protocol

import numpy as np

from .. import cuda
from ..devices import CPU, Array, device_of, to_device


class ReduceOp(Enum):
    """How the ranks' numbers become one. AVG: their sum divided by the number of ranks."""

    SUM = "sum"
    AVG = "avg"
    PRODUCT = "product"
    MIN = "min"
    MAX = "max"


class Work(Protocol):
    """An operation that was started."""

    def wait(self) -> None:
        """Return when its result may be used."""

    def is_completed(self) -> bool:
        """Whether `wait` would return at once."""


class Communicator(Protocol):
    """A group of processes that call the same operations in the same order."""

    def all_reduce(self, array: Array, op: ReduceOp) -> Work: ...

    def broadcast(self, array: Array, src: int) -> Work: ...

    def all_gather(self, out: Array, array: Array) -> Work: ...


# ------------------------------------------------------------------------------------------- MPI


class MpiWork:
    """A request of MPI, and what remains to be done when it is complete.

    Completion is asked for again and again with growing pauses rather than waited for: MPI's own waiting occupies a
    core, which is another rank's where there are more ranks than cores.
    """

    def __init__(self, request: Any, finish: Callable[[], None] | None = None) -> None:
        self.request, self.finish = request, finish
        self.lock = threading.Lock()
        self.completed = False

    def is_completed(self) -> bool:
        with self.lock:
            self.completed = self.completed or self.request.Test()
        return self.completed

    def wait(self) -> None:
        pause = 1e-6
        while not self.is_completed():
            time.sleep(pause)
            pause = min(2 * pause, 5e-4)
        if self.finish is not None:
            self.finish()
            self.finish = None


class MpiCommunicator:
    """Collectives over MPI. CuPy arrays travel by way of the host's memory: the twin of NCCL that runs anywhere.

    comm: a communicator of mpi4py, for this object alone.
    """

    def __init__(self, comm: Any) -> None:
        from mpi4py import MPI

        self.comm = comm
        self.operators = {
            ReduceOp.SUM: MPI.SUM,
            ReduceOp.AVG: MPI.SUM,
            ReduceOp.PRODUCT: MPI.PROD,
            ReduceOp.MIN: MPI.MIN,
            ReduceOp.MAX: MPI.MAX,
        }
        self.in_place = MPI.IN_PLACE
        self.progress = Progress()

    def all_reduce(self, array: Array, op: ReduceOp) -> Work:
        host = to_device(array, CPU)

        def finish() -> None:
            if op is ReduceOp.AVG:
                np.divide(host, self.comm.size, out=host)
            _store(array, host)

        return self._started(self.comm.Iallreduce(self.in_place, host, self.operators[op]), finish)

    def broadcast(self, array: Array, src: int) -> Work:
        host = to_device(array, CPU)
        return self._started(self.comm.Ibcast(host, src), lambda: _store(array, host))

    def all_gather(self, out: Array, array: Array) -> Work:
        host, own = np.empty(out.shape, out.dtype), to_device(array, CPU)
        return self._started(self.comm.Iallgather(own, host), lambda: _store(out, host))

    def _started(self, request: Any, finish: Callable[[], None]) -> Work:
        work = MpiWork(request, finish)
        if self.comm.size > 1:
            self.progress.add(work)
        return work


def _store(array: Array, host: np.ndarray) -> None:
    """Write what arrived on the host into the array, unless it is the array itself."""
    if array is not host:
        array[...] = host if isinstance(array, np.ndarray) else to_device(host, device_of(array))


class Progress:
    """A thread that keeps operations moving while Python computes: MPI works only while it is called."""

    PAUSE = 2e-4  # seconds

    def __init__(self) -> None:
        self.running: list[MpiWork] = []
        self.waiting = threading.Condition()
        self.thread: threading.Thread | None = None

    def add(self, work: MpiWork) -> None:
        with self.waiting:
            if self.thread is None:
                self.thread = threading.Thread(target=self._run, name="minigrad-mpi", daemon=True)
                self.thread.start()
            self.running.append(work)
            self.waiting.notify()

    def _run(self) -> None:
        while True:
            with self.waiting:
                while not self.running:
                    self.waiting.wait()
                works = list(self.running)
            done = [work for work in works if work.is_completed()]
            with self.waiting:
                self.running = [work for work in self.running if work not in done]
            time.sleep(self.PAUSE)


# ------------------------------------------------------------------------------------------ NCCL


class NcclWork:
    """An operation on the communication stream. The computing stream waits for it, the host does not."""

    def __init__(self, event: Any) -> None:
        self.event = event

    def is_completed(self) -> bool:
        return bool(self.event.done)

    def wait(self) -> None:
        cuda.cupy().cuda.get_current_stream().wait_event(self.event)


class NcclCommunicator:
    """Collectives of CuPy arrays over NCCL, on a stream of their own. No machine with NCCL has run this class yet;
    the tests run it with a stand-in for the module `cupy.cuda.nccl`.

    comm: over it the ranks agree on NCCL's identifier. nccl: the module `cupy.cuda.nccl`.
    """

    def __init__(self, comm: Any, nccl: Any) -> None:
        self.nccl = nccl
        identifier = comm.bcast(nccl.get_unique_id() if comm.rank == 0 else None)
        self.communicator = nccl.NcclCommunicator(comm.size, identifier, comm.rank)
        self.size = comm.size
        self.stream = cuda.cupy().cuda.Stream(non_blocking=True)
        self.operators = {
            ReduceOp.SUM: nccl.NCCL_SUM,
            ReduceOp.AVG: nccl.NCCL_SUM,  # then divided, for NCCL's own average is not in every version
            ReduceOp.PRODUCT: nccl.NCCL_PROD,
            ReduceOp.MIN: nccl.NCCL_MIN,
            ReduceOp.MAX: nccl.NCCL_MAX,
        }
        self.types = {
            "float16": nccl.NCCL_FLOAT16, "float32": nccl.NCCL_FLOAT32, "float64": nccl.NCCL_FLOAT64,
            "int32": nccl.NCCL_INT32, "int64": nccl.NCCL_INT64, "uint8": nccl.NCCL_UINT8, "bool": nccl.NCCL_UINT8,
        }  # fmt: skip

    def all_reduce(self, array: Array, op: ReduceOp) -> Work:
        def start(stream: int) -> None:
            pointer, kind = array.data.ptr, self.types[array.dtype.name]
            self.communicator.allReduce(pointer, pointer, array.size, kind, self.operators[op], stream)
            if op is ReduceOp.AVG:
                cuda.cupy().divide(array, self.size, out=array)

        return self._on_stream(start)

    def broadcast(self, array: Array, src: int) -> Work:
        kind = self.types[array.dtype.name]
        return self._on_stream(
            lambda stream: self.communicator.bcast(array.data.ptr, array.size, kind, src, stream),
        )

    def all_gather(self, out: Array, array: Array) -> Work:
        kind = self.types[array.dtype.name]
        return self._on_stream(
            lambda stream: self.communicator.allGather(array.data.ptr, out.data.ptr, array.size, kind, stream),
        )

    def _on_stream(self, start: Callable[[int], None]) -> Work:
        """Run on the communication stream, after all that the computing stream was given so far."""
        computed = cuda.cupy().cuda.get_current_stream().record()
        self.stream.wait_event(computed)
        with self.stream:
            start(self.stream.ptr)
            return NcclWork(self.stream.record())
