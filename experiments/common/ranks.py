"""The processes of one command: `mpiexec -n 4 python -m experiments.train_gan ...` starts it four times.

Rank 0 speaks and writes; the others compute. Everything here also holds for one process, where it does nothing, and
needs mpi4py only where mpiexec started several.
"""

from __future__ import annotations

import os
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NoReturn

import numpy as np

import minigrad as mg
from minigrad import distributed as dist
from minigrad import nn
from minigrad.autograd import Tensor, tensor_of
from minigrad.devices import Device, to_numpy
from minigrad.distributed import process_group
from minigrad.nn.parallel import Reducer, broadcast_tensors
from minigrad.optim.optimizer import Optimizer
from minigrad.random import generator, set_rng_state

GRACE = 1.0  # seconds that a rank leaves to each lower one, before it reports an error that the other may have too


def rank() -> int:
    """This process's number; 0 without mpiexec."""
    return dist.get_rank() if dist.is_initialized() else 0


def count() -> int:
    """How many processes there are."""
    return dist.get_world_size() if dist.is_initialized() else 1


def begin() -> None:
    """Join the other processes, if there are any. From then on only rank 0 is heard. Errors: RuntimeError."""
    if dist.launched_processes() > 1 and not dist.is_initialized():
        dist.init_process_group()
        if rank() > 0:
            sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - open as long as the process
            shown = sys.excepthook

            def excepthook(*error: Any) -> None:
                sys.stderr = sys.__stderr__
                shown(*error)

            sys.excepthook = excepthook


def end() -> None:
    """Wait until all are done."""
    if dist.is_initialized():
        dist.destroy_process_group()


def fail(text: str, code: int) -> NoReturn:
    """Say what went wrong and end, all processes with this one.

    What goes wrong in all of them alike (a wrong option) is said once: the lowest rank is the first to speak.
    """
    if count() == 1:
        print(text, file=sys.stderr)
        sys.exit(code)
    time.sleep(GRACE * min(rank(), 5))
    os.write(2, f"rank {rank()}: {text.strip()}\n".encode(errors="backslashreplace"))
    dist.abort(code)
    sys.exit(code)


def part_of(batch_size: int) -> int:
    """How many examples of a batch are this process's. Errors: ValueError if they cannot be shared out evenly."""
    if batch_size % count():
        raise ValueError(f"batches of {batch_size} cannot be shared out among {count()} processes; use a multiple")
    return batch_size // count()


def local_device(device: Device) -> Device:
    """Of several GPUs the one of this process, where the user named none in particular."""
    cards = mg.cuda.device_count() if device.type == "cuda" and count() > 1 else 1
    return Device("cuda", dist.get_node_local_rank() % cards) if cards > 1 and device.index == 0 else device


# ------------------------------------------------------------------------------------- training


def share_out(parts: Mapping[str, Any]) -> None:
    """Make the parts of a game those of one training in several processes.

    Networks get rank 0's numbers, and batch normalizations that look at the whole batch; gradients that a backward
    computes for an optimizer's parameters are averaged; what gives batches gives each process its part of them; and
    each process draws random numbers of its own. So a step is what one process would do with the whole batch, but for
    those numbers, and for losses that are no means over examples.
    """
    if count() == 1:
        return
    for part in parts.values():
        if isinstance(part, nn.Module):
            nn.SyncBatchNorm.convert_sync_batchnorm(part)
            broadcast_network(part)
        elif isinstance(part, Tensor):
            dist.broadcast(part, 0)
        elif isinstance(part, Optimizer):
            Reducer([parameter for group in part.param_groups for parameter in group["params"]])
        elif hasattr(part, "shard"):
            part.shard(count(), rank())
    own_random_numbers()


def broadcast_network(network: nn.Module) -> None:
    """Give all processes rank 0's parameters and buffers."""
    if count() > 1:
        broadcast_tensors([*network.parameters(), *network.buffers()])


def own_random_numbers() -> None:
    """Random numbers that no other process draws: the common state, in rank r moved on r times by 2^127 numbers."""
    if rank() > 0:
        moved: Any = generator().bit_generator
        set_rng_state(moved.jumped(rank()).state)


def is_own(part: Any) -> bool:
    """Whether each process has such a part of its own (a pool of pictures), which checkpoints keep for each of them."""
    return not isinstance(part, (nn.Module, Tensor, Optimizer)) and not hasattr(part, "shard")


def check_agreement(parts: Mapping[str, Any]) -> None:
    """Errors: RuntimeError if the processes' networks have drifted apart, which would be a defect of this program."""
    networks = {name: part for name, part in parts.items() if isinstance(part, nn.Module)}
    sums = {
        name: zlib.crc32(b"".join(to_numpy(parameter.array).tobytes() for parameter in network.parameters()))
        for name, network in networks.items()
    }
    for other, theirs in enumerate(of_all(sums) if count() > 1 else []):
        drifted = [name for name in sums if theirs[name] != sums[name]]
        if drifted:
            raise RuntimeError(f"the network {drifted[0]} of rank {other} has other weights than that of rank {rank()}")


def average_gradients(parameters: Iterable[Tensor]) -> None:
    """Average gradients that no backward has averaged: those that `minigrad.grad` gave."""
    if count() > 1:
        for parameter in parameters:
            if parameter.grad is not None:
                dist.all_reduce(parameter.grad, dist.ReduceOp.AVG)


def of_all(value: Any) -> list[Any]:
    """The object that each process gives, by rank."""
    found = [value] * count()
    if count() > 1:
        dist.all_gather_object(found, value)
    return found


def from_first(make: Callable[[], Any]) -> Any:
    """What `make()` gives in rank 0, the only one that calls it, for all."""
    found = [make() if rank() == 0 else None]
    if count() > 1:
        dist.broadcast_object_list(found)
    return found[0]


def tell_first(news: Any) -> None:
    """Send something to rank 0, which finds it in `told`."""
    process_group.group().comm.send(news, 0)


def told() -> Iterator[Any]:
    """In rank 0, what the others have sent by now."""
    comm = process_group.group().comm if count() > 1 else None
    while comm is not None and comm.iprobe():
        yield comm.recv()


class AnyRank:
    """Whether any process wants to stop, as they agree before each step. The answer is one step old, so that nobody
    waits for it."""

    def __init__(self) -> None:
        self.said: Tensor | None = None
        self.work: dist.Work | None = None

    def __call__(self, wish: Any) -> bool:
        if count() == 1:
            return bool(wish)
        stops = 0
        if self.work is not None and self.said is not None:
            self.work.wait()
            stops = int(self.said.array[0])
        if stops and not wish:
            print(f"rank {stops - 1} was interrupted: all stop after this step", file=sys.stderr)
        self.said = tensor_of(np.array([rank() + 1 if wish else 0]))
        self.work = dist.all_reduce(self.said, dist.ReduceOp.MAX, async_op=True)
        return stops > 0
