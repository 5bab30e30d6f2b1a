"""Data parallelism: each process computes the gradients of its part of the batch, and all take the average.

    net = nn.parallel.DistributedDataParallel(net)       # in each of the processes that mpiexec started
    loss_of(net(my_part_of_the_batch)).backward()        # gradients are averaged when this returns
    optimizer.step()                                     # so all processes take the same step

The gradient of a mean over a batch is the mean of the gradients over its equal parts; hence N processes with B / N
examples each train as one process with B. Averaging costs time, but not all of it: the gradients of the last layers
are known first, and travel while backward is still at work on the others. They travel in buckets, for many small
messages cost more than a large one. (Li et al. 2020, "PyTorch Distributed", sections 3.2 and 4.2.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import distributed as dist
from ..autograd import Tensor, tensor_of
from ..devices import Array, Device, device, xp_of
from ..distributed import ReduceOp, Work
from ..grad_mode import is_grad_enabled
from ..hooks import at_end_of_backward
from .module import Module

MEGABYTE = 2**20
FIRST_BUCKET = 1  # megabytes: small, so that communication begins early


# ------------------------------------------------------------------------------ averaging gradients


class Bucket:
    """Parameters whose gradients travel together: one vector of them, and at its end a mark for each, 1 if this process
    has a gradient. A parameter whose marks are 0 everywhere had no part in the loss, and keeps the `grad` it has."""

    def __init__(self, parameters: Sequence[Tensor]) -> None:
        self.parameters = list(parameters)
        ends = np.cumsum([parameter.array.size for parameter in parameters]).tolist()
        self.places = [slice(end - parameter.array.size, end) for parameter, end in zip(parameters, ends)]
        self.size = ends[-1]
        self.empty()

    def empty(self) -> None:
        """Make ready for the next backward. The old vector stays with the gradients, which are views of it."""
        self.vector: Array | None = None
        self.missing = set(range(len(self.parameters)))
        self.work: Work | None = None

    def filled(self) -> Array:
        """The vector; zeros where nothing was put."""
        if self.vector is None:
            first = self.parameters[0].array
            self.vector = xp_of(first).zeros(self.size + len(self.parameters), first.dtype)
        return self.vector

    def put(self, number: int, grad: Tensor) -> None:
        """Put in a parameter's gradient, added to what its `grad` has."""
        vector, parameter = self.filled(), self.parameters[number]
        place = vector[self.places[number]].reshape(parameter.shape)
        if parameter.grad is None:
            place[...] = grad.array
        else:
            xp_of(vector).add(parameter.grad.array, grad.array, out=place)
        vector[self.size + number] = 1
        self.missing.discard(number)

    def leave(self) -> None:
        """Start adding up the vectors of all processes."""
        self.work = dist.all_reduce(tensor_of(self.filled()), ReduceOp.SUM, async_op=True)

    def arrive(self, divisor: int) -> Iterator[tuple[Tensor, Tensor]]:
        """When all have been added up: the parameters, and the averages of their gradients."""
        assert self.work is not None and self.vector is not None
        self.work.wait()
        vector = self.vector
        vector /= divisor
        marks = vector[self.size :].tolist() if self.missing else [1] * len(self.parameters)
        for parameter, place, mark in zip(self.parameters, self.places, marks):
            if mark:
                yield parameter, tensor_of(vector[place].reshape(parameter.shape))


class Reducer:
    """Averages the gradients of parameters over all processes, as a part of each backward.

    A hook on each parameter puts its gradient into its bucket; a full bucket leaves at once. At the end of backward
    the others follow, all are waited for, and each parameter's `grad` becomes the average; what it held before is part
    of that. Buckets hold the parameters from the last to the first, about the order in which backward comes by them,
    and leave in that order on every rank, since collectives are matched by their order.

    parameters: those that need no gradient are left out. bucket_cap_mb: the size of a bucket in MiB.
    """

    def __init__(self, parameters: Iterable[Tensor], bucket_cap_mb: float = 25) -> None:
        self.buckets = [Bucket(members) for members in _buckets(parameters, bucket_cap_mb)]
        self.left = 0  # how many buckets have left
        self.enabled = True  # False inside `no_sync`
        self.running = False  # whether a gradient of this backward has come
        self.divisor = dist.get_world_size()
        if self.divisor > 1:
            for bucket in self.buckets:
                for number, parameter in enumerate(bucket.parameters):
                    parameter.register_hook(self._hook(bucket, number))

    def _hook(self, bucket: Bucket, number: int) -> Any:
        def ready(grad: Tensor) -> None:
            if self.enabled:
                if not self.running:
                    self.running = True
                    at_end_of_backward(self.finish)
                bucket.put(number, grad)
                while self.left < len(self.buckets) and not self.buckets[self.left].missing:
                    self._leave()

        return ready

    def _leave(self) -> None:
        self.buckets[self.left].leave()
        self.left += 1

    def finish(self, accumulated: bool) -> None:
        """The end of a backward. accumulated: whether it changes `grad` (`minigrad.grad` does not)."""
        while self.left < len(self.buckets):
            self._leave()
        for bucket in self.buckets:
            for parameter, average in bucket.arrive(self.divisor):
                if accumulated:
                    parameter.grad = average
            bucket.empty()
        self.left, self.running = 0, False


def _buckets(parameters: Iterable[Tensor], megabytes: float) -> Iterator[list[Tensor]]:
    """The parameters, from the last to the first, cut into buckets; one type of numbers and one device in each."""
    members: list[Tensor] = []
    size, cap = 0, int(min(FIRST_BUCKET, megabytes) * MEGABYTE)
    for parameter in reversed([each for each in parameters if each.requires_grad]):
        like = members and (members[0].dtype, members[0].device) == (parameter.dtype, parameter.device)
        if members and (not like or size + parameter.array.nbytes > cap):
            yield members
            members, size, cap = [], 0, int(megabytes * MEGABYTE)
        members.append(parameter)
        size += parameter.array.nbytes
    if members:
        yield members


def broadcast_tensors(tensors: Iterable[Tensor], src: int = 0) -> None:
    """Give each rank's tensors the numbers of rank `src`'s: one message for each type of numbers."""
    groups: dict[Any, list[Tensor]] = {}
    for tensor in tensors:
        groups.setdefault((tensor.dtype.str, tensor.device), []).append(tensor)
    for members in groups.values():
        vector = xp_of(members[0].array).concatenate([member.array.reshape(-1) for member in members])
        dist.broadcast(tensor_of(vector), src)
        start = 0
        for member in members:
            member.array[...] = vector[start : start + member.array.size].reshape(member.shape)
            member.storage.bump_version()
            start += member.array.size


# ---------------------------------------------------------------------------------------- the layers


class DataParallel(Module):
    """A module under the name `module`, called as it is: what code for several GPUs finds on a machine with one.

    Errors: ValueError for more than one device.
    """

    def __init__(
        self, module: Module, device_ids: Sequence[Any] | None = None, output_device: Any = None, dim: int = 0
    ) -> None:
        super().__init__()
        if len(device_ids or ()) > 1:
            raise ValueError(f"DataParallel: one device is supported, got device_ids {list(device_ids or ())}")
        if dim != 0:
            raise ValueError(f"DataParallel: dim must be 0, got {dim}")
        if output_device is not None and device_ids is not None and output_device != device_ids[0]:
            raise ValueError(f"DataParallel: output_device {output_device} must be the one of device_ids {device_ids}")
        self.module = module

    def forward(self, *inputs: Any, **options: Any) -> Any:
        return self.module(*inputs, **options)


def data_parallel(
    module: Module, inputs: Any, device_ids: Sequence[Any] | None = None, output_device: Any = None, dim: int = 0,
    module_kwargs: dict[str, Any] | None = None,
) -> Any:  # fmt: skip
    """A module called on inputs, one or a tuple of them, as `DataParallel` calls it."""
    inputs = inputs if isinstance(inputs, tuple) else (inputs,)
    return DataParallel(module, device_ids, output_device, dim)(*inputs, **(module_kwargs or {}))


class DistributedDataParallel(Module):
    """A module under the name `module`, the same in every process, whose gradients are averaged over all of them.

    Rank 0's parameters and buffers are given to all at the start, and its buffers (running statistics) again before
    every forward in training, unless broadcast_buffers is False. Move the module to its device before.
    All ranks must compute the same: a parameter that plays no part on one rank counts as a gradient of 0 there, and
    one that plays a part on none keeps the `grad` it has. `minigrad.grad` does not average.

    device_ids: None, or a list of the one device that the module is on. bucket_cap_mb: see `Reducer`; None is 25.
    Errors: ValueError if the process group is not initialized, or no parameter needs a gradient.
    """

    def __init__(
        self, module: Module, device_ids: Sequence[Any] | None = None, broadcast_buffers: bool = True,
        bucket_cap_mb: float | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        own = next(module.parameters()).device
        if device_ids is not None and [_device(each) for each in device_ids] != [own]:
            raise ValueError(f"DistributedDataParallel: the module is on {own}, device_ids must be that or None")
        if not any(parameter.requires_grad for parameter in module.parameters()):
            raise ValueError("DistributedDataParallel: no parameter of the module needs a gradient")
        self.module, self.broadcast_buffers = module, broadcast_buffers
        broadcast_tensors([*module.parameters(), *module.buffers()])
        self.reducer = Reducer(module.parameters(), 25 if bucket_cap_mb is None else bucket_cap_mb)
        self.joining: Join | None = None

    def forward(self, *inputs: Any, **options: Any) -> Any:
        buffers = self.training and self.broadcast_buffers and any(True for _ in self.module.buffers())
        source = 0
        if self.joining is not None:
            source = self.joining.announce(self.reducer.enabled and is_grad_enabled(), buffers)
        if buffers and dist.get_world_size() > 1:
            broadcast_tensors(self.module.buffers(), source)
        return self.module(*inputs, **options)

    @contextmanager
    def no_sync(self) -> Iterator[None]:
        """Within it gradients stay this process's own, and accumulate; the first backward after it averages the sum."""
        self.reducer.enabled, before = False, self.reducer.enabled
        try:
            yield
        finally:
            self.reducer.enabled = before

    @contextmanager
    def join(
        self, divide_by_initial_world_size: bool = True, enable: bool = True, throw_on_early_termination: bool = False
    ) -> Iterator[None]:
        """For data that ends earlier on some ranks: `with net.join(): for batch in loader: ...`.

        A rank that is done keeps taking part in the others' communication, with gradients of 0, until all are done;
        in the end all have the parameters and buffers of the one that was at work last.
        divide_by_initial_world_size: divide sums of gradients by the number of all ranks; if False, of those that still
            have data. throw_on_early_termination: raise a RuntimeError on all ranks when the first one is done, which
            is the only choice with SyncBatchNorm (a rank without data cannot follow its forward).
        """
        if not enable or dist.get_world_size() == 1:
            yield
            return
        self.joining = Join(self, divide_by_initial_world_size, throw_on_early_termination)
        try:
            yield
            self.joining.follow()
        finally:
            self.joining, self.reducer.divisor = None, dist.get_world_size()


def _device(name: Any) -> Device:
    """A GPU by its number, or any device by its name."""
    return Device("cuda", name) if isinstance(name, int) else device(name)


class Join:
    """What the ranks tell each other before each forward inside `DistributedDataParallel.join`."""

    def __init__(self, net: DistributedDataParallel, divide_by_all: bool, throw: bool) -> None:
        self.net, self.divide_by_all, self.throw = net, divide_by_all, throw
        self.rounds = 0

    def announce(self, gradients: bool, buffers: bool) -> int:
        """This rank is at work, and will average gradients and give out buffers; the lowest rank that is at work."""
        self.rounds += 1
        working, _, _ = self._exchange(True, gradients, buffers)
        if self.throw and len(working) < dist.get_world_size():
            raise RuntimeError("join: at least one rank has no more data; all ranks stop")
        if not self.divide_by_all:
            self.net.reducer.divisor = len(working)
        return working[0]

    def follow(self) -> None:
        """This rank is done: do as the others until they are done too."""
        while True:
            working, gradients, buffers = self._exchange(False, False, False)
            if self.throw:
                raise RuntimeError(f"join: rank {dist.get_rank()} has no more data; all ranks stop")
            if not working:
                break
            if buffers:
                broadcast_tensors(self.net.module.buffers(), working[0])
            if gradients:
                self.net.reducer.finish(accumulated=False)
        last = tensor_of(np.array(self.rounds * dist.get_world_size() + dist.get_rank()))
        dist.all_reduce(last, ReduceOp.MAX)
        source = int(last.array) % dist.get_world_size()
        broadcast_tensors([*self.net.module.parameters(), *self.net.module.buffers()], source)

    def _exchange(self, working: bool, gradients: bool, buffers: bool) -> tuple[list[int], bool, bool]:
        """(the ranks that are at work, whether gradients will be averaged, whether buffers will be given out)."""
        ranks = dist.get_world_size()
        said = np.zeros(ranks + 2, np.int64)
        said[dist.get_rank()], said[ranks], said[ranks + 1] = working, gradients, buffers
        dist.all_reduce(tensor_of(said))
        return np.flatnonzero(said[:ranks]).tolist(), bool(said[ranks]), bool(said[ranks + 1])
