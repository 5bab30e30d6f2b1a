"""The process group: who takes part, and the operations that all of them call together.

Every process runs the same program, which `mpiexec -n N` starts N times; its *rank*, 0 to N - 1, tells it apart.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from .. import cuda
from ..autograd import Tensor
from ..devices import Array, device_of, xp_of
from .communicator import Communicator, MpiCommunicator, MpiWork, NcclCommunicator, ReduceOp, Work
from .lifeline import Lifeline, on_this_machine

MISSING = "mpi4py, which carries messages between processes, is not installed: pip install 'minigrad[distributed]'"
# What the launchers of MPI set: MPICH's and Intel's, Open MPI's, MVAPICH's.
SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE")


@dataclass
class ProcessGroup:
    """The processes of this run. comm: mpi4py's communicator, for objects; host: of NumPy arrays, and without NCCL of
    all; nccl: of CuPy arrays, made when first needed."""

    comm: Any
    backend: str
    host: MpiCommunicator
    lifeline: Lifeline
    nccl: dict[int, NcclCommunicator] = field(default_factory=dict)

    def communicator(self, array: Array) -> Communicator:
        """What carries arrays like this one."""
        device = device_of(array)
        if device.type == "cpu" or self.backend == "mpi":
            return self.host
        if device.index not in self.nccl:
            with cuda.cupy().cuda.Device(device.index):
                self.nccl[device.index] = NcclCommunicator(self.comm, cuda.cupy().cuda.nccl)
        return self.nccl[device.index]


_group: ProcessGroup | None = None


# ---------------------------------------------------------------------------------- who takes part


def is_available() -> bool:
    """Whether mpi4py is installed."""
    try:
        import mpi4py  # noqa: F401
    except ImportError:
        return False
    return True


def launched_processes() -> int:
    """How many processes MPI's launcher has started, this one among them; 1 without a launcher. Imports nothing."""
    return max(int(os.environ.get(name, "1")) for name in SIZES)


def init_process_group(backend: str | None = None) -> None:
    """Join the processes that `mpiexec` started; all of them must call it. Without mpiexec the group has one process.

    backend: "mpi", or "nccl" for tensors on GPUs (those on the CPU then still go over MPI); None is nccl where CuPy
    has it and there is a GPU for each process of a machine, else mpi.
    From here on, an exception that nothing catches in one process ends all of them, after its traceback, with a
    sentence that names the rank; so does the death of a process (`lifeline.py`).
    Errors: RuntimeError if there is a group already, mpi4py is missing, or it belongs to another MPI than mpiexec;
    ValueError for another backend.
    """
    global _group
    if _group is not None:
        raise RuntimeError("init_process_group: the process group is initialized already")
    if backend not in (None, "mpi", "nccl"):
        raise ValueError(f"init_process_group: backend must be 'mpi' or 'nccl', got {backend!r}")
    try:
        from mpi4py import MPI
    except ImportError as error:
        raise RuntimeError(f"init_process_group: {MISSING}") from error
    comm = MPI.COMM_WORLD.Dup()
    launched = launched_processes()
    if comm.size != launched and launched > 1:
        raise RuntimeError(
            f"init_process_group: mpiexec started {launched} processes, but to mpi4py this one is alone: they belong "
            f"to different MPIs (mpi4py's is {MPI.Get_library_version().splitlines()[0].strip(chr(0))})"
        )
    chosen = backend or _usual_backend(comm)
    _group = ProcessGroup(comm, chosen, MpiCommunicator(comm.Dup()), Lifeline(comm))
    if comm.size > 1:
        sys.excepthook = _ExceptHook(sys.excepthook)
        atexit.register(_leave)


def _usual_backend(comm: Any) -> str:
    """ "nccl" where every process can have a GPU of its own and CuPy has NCCL, else "mpi"."""
    nccl = getattr(cuda.cupy().cuda, "nccl", None) if cuda.is_available() else None
    able = nccl is not None and nccl.available and cuda.device_count() >= on_this_machine(comm).size
    return "nccl" if comm.allreduce(int(able)) == comm.size else "mpi"


def is_initialized() -> bool:
    """Whether this process has joined a group."""
    return _group is not None


def group() -> ProcessGroup:
    """The group. Errors: ValueError if `init_process_group` was not called."""
    if _group is None:
        raise ValueError("the process group has not been initialized; call minigrad.distributed.init_process_group()")
    return _group


def get_rank() -> int:
    """This process's number, 0 to get_world_size() - 1."""
    return group().comm.rank


def get_world_size() -> int:
    """How many processes there are."""
    return group().comm.size


def get_node_local_rank() -> int:
    """This process's number among those on the same machine: which of its GPUs to take."""
    return on_this_machine(group().comm).rank


def get_backend() -> str:
    """What carries tensors on a GPU: "mpi" or "nccl"."""
    return group().backend


@contextmanager
def alone() -> Iterator[None]:
    """Within it this process has no group: for what one rank does while the others do something else.

    Layers that would ask the other ranks (SyncBatchNorm) then work with what this one has.
    """
    global _group
    _group, before = None, _group
    try:
        yield
    finally:
        _group = before


def destroy_process_group() -> None:
    """Leave the group when all have come so far."""
    global _group
    comm = group().comm
    barrier()
    _leave()
    comm.Barrier()
    _group = None


def _leave() -> None:
    """Tell the others that this process ends in good order."""
    if _group is not None:
        _group.lifeline.close()


# ------------------------------------------------------------------------------------ when one fails


def abort(code: int = 1) -> None:
    """End all processes at once, this one with an exit code; say why before."""
    sys.stdout.flush()
    sys.stderr.flush()
    group().lifeline.abort()
    group().comm.Abort(code)


class _ExceptHook:
    """Shows an exception that nothing caught as before, then ends all processes: the others would wait for ever."""

    def __init__(self, before: Any) -> None:
        self.before = before

    def __call__(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        self.before(kind, error, trace)
        if _group is not None:
            print(f"rank {get_rank()} failed with {kind.__name__}; all ranks stop", file=sys.stderr)
            abort(130 if issubclass(kind, KeyboardInterrupt) else 1)


# ------------------------------------------------------------------------------------- collectives


def all_reduce(tensor: Tensor, op: ReduceOp = ReduceOp.SUM, *, async_op: bool = False) -> Work | None:
    """Make each rank's tensor, in place, the sum (or `op`) of all ranks' tensors. All ranks get the same bits.

    async_op: return at once; the tensor may be used after `wait()` of what is returned.
    Errors: TypeError for an average of whole numbers.
    """
    if op is ReduceOp.AVG and tensor.dtype.kind != "f":
        raise TypeError(f"all_reduce: an average needs floating-point numbers, got {tensor.dtype}")
    return _run(tensor, lambda communicator, array: communicator.all_reduce(array, op), async_op)


def broadcast(tensor: Tensor, src: int, *, async_op: bool = False) -> Work | None:
    """Make each rank's tensor, in place, that of rank `src`. async_op: as in `all_reduce`."""
    if not 0 <= src < get_world_size():
        raise ValueError(f"broadcast: src must be a rank, 0 to {get_world_size() - 1}, got {src}")
    return _run(tensor, lambda communicator, array: communicator.broadcast(array, src), async_op)


def all_gather(tensor_list: list[Tensor], tensor: Tensor, *, async_op: bool = False) -> Work | None:
    """Make tensor_list[r], in place, the tensor of rank r; all of one shape. async_op: as in `all_reduce`."""
    if len(tensor_list) != get_world_size() or any(each.shape != tensor.shape for each in tensor_list):
        raise ValueError(f"all_gather: tensor_list must have {get_world_size()} tensors of shape {tensor.shape}")
    xp, array = xp_of(tensor.array), tensor.array
    out = xp.empty((get_world_size(), *tensor.shape), tensor.dtype)
    work = group().communicator(array).all_gather(out, xp.ascontiguousarray(array))
    parts = [part.reshape(tensor.shape) for part in xp.split(out, len(out))]  # views of it
    return _finished(_Stored(work, list(zip(tensor_list, parts))), async_op)


def _run(tensor: Tensor, start: Any, async_op: bool) -> Work | None:
    """Start an operation on a tensor, or on a contiguous copy of it that is written back in the end."""
    array = tensor.array if tensor.array.flags.c_contiguous else xp_of(tensor.array).ascontiguousarray(tensor.array)
    return _finished(_Stored(start(group().communicator(array), array), [(tensor, array)]), async_op)


def _finished(work: Work, async_op: bool) -> Work | None:
    if async_op:
        return work
    work.wait()
    return None


@dataclass
class _Stored:
    """Work whose results go into tensors when it is done."""

    work: Work
    results: list[tuple[Tensor, Array]]

    def is_completed(self) -> bool:
        return self.work.is_completed()

    def wait(self) -> None:
        self.work.wait()
        for tensor, array in self.results:
            if tensor.array is not array:
                tensor.array[...] = array
            tensor.storage.bump_version()
        self.results = []


def barrier() -> None:
    """Wait until all ranks have come here."""
    MpiWork(group().comm.Ibarrier()).wait()


def all_gather_object(object_list: list[Any], obj: Any) -> None:
    """Make object_list[r] the object of rank r, on every rank. Objects are pickled between processes of one run."""
    object_list[:] = group().comm.allgather(obj)


def broadcast_object_list(object_list: list[Any], src: int = 0) -> None:
    """Make each rank's list that of rank src."""
    object_list[:] = group().comm.bcast(list(object_list), src)
