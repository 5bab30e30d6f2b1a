"""One process of the measurement of data parallelism, ours or PyTorch's (gloo): a perceptron of 1.9 million parameters.

    mpiexec -n 2 python -m experiments.bench.scaling_worker minigrad OUT.json

Rank 0 writes the median seconds of a step, the bytes of gradients, and for ours when each operation of a backward ran
and when each bucket left and had arrived.
"""

from __future__ import annotations

import itertools
import json
import os
import statistics
import sys
import time
from typing import Any

import numpy as np

WIDTHS = (784, 1024, 1024, 10)
BATCH, STEPS, WARM_UP, BUCKET_MB = 64, 25, 5, 2


def begin(library: str) -> tuple[Any, Any, int, int]:
    """(the library, its `distributed`, rank, number of processes)."""
    if library == "minigrad":
        import minigrad
        from minigrad import distributed

        distributed.init_process_group()
        return minigrad, distributed, distributed.get_rank(), distributed.get_world_size()
    import torch
    from mpi4py import MPI

    rank, size = MPI.COMM_WORLD.rank, MPI.COMM_WORLD.size
    torch.set_num_threads(1)
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29533", "RANK": str(rank), "WORLD_SIZE": str(size)}
    torch.distributed.init_process_group("gloo")
    return torch, torch.distributed, rank, size


def traced(net: Any, run: Any) -> list[tuple[str, float, float]]:
    """(what, from, to) in seconds of a step of ours: backward's operations, and the journeys of buckets."""
    from minigrad.grad_mode import observe
    from minigrad.nn.parallel import Bucket

    events: list[tuple[str, float, float]] = []
    left: dict[Bucket, float] = {}
    leave, arrive, zero = Bucket.leave, Bucket.arrive, time.perf_counter()

    def watched(op: Any, way: str, compute: Any) -> Any:
        start = time.perf_counter() - zero
        result = compute()
        if way == "backward":
            events.append((type(op).__name__, start, time.perf_counter() - zero))
        return result

    def noted_leave(bucket: Bucket) -> None:
        left[bucket] = time.perf_counter() - zero
        leave(bucket)

    def noted_arrive(bucket: Bucket, divisor: int) -> Any:
        yield from arrive(bucket, divisor)
        events.append(("bucket", left[bucket], time.perf_counter() - zero))

    Bucket.leave, Bucket.arrive = noted_leave, noted_arrive  # type: ignore
    try:
        with observe(watched):
            run()
    finally:
        Bucket.leave, Bucket.arrive = leave, arrive  # type: ignore[method-assign]
    return events


def main() -> None:
    """Measure, and let rank 0 write."""
    library, out = sys.argv[1:]
    lib, dist, rank, size = begin(library)
    layers = [layer for a, b in itertools.pairwise(WIDTHS) for layer in (lib.nn.Linear(a, b), lib.nn.ReLU())]
    net = lib.nn.parallel.DistributedDataParallel(lib.nn.Sequential(*layers[:-1]), bucket_cap_mb=BUCKET_MB)
    optimizer = lib.optim.SGD(net.parameters(), lr=0.01)
    x = lib.tensor(np.random.default_rng(rank).standard_normal((BATCH // size, WIDTHS[0]), np.float32))
    y = lib.tensor(np.zeros(BATCH // size, np.int64))

    def step() -> None:
        optimizer.zero_grad()
        lib.nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()

    seconds = []
    for _ in range(STEPS):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    events = traced(net, step) if library == "minigrad" else []
    if rank == 0:
        sent = sum(4 * a * b + 4 * b for a, b in itertools.pairwise(WIDTHS))
        with open(out, "w", encoding="utf-8") as file:
            json.dump({"seconds": statistics.median(seconds[WARM_UP:]), "bytes": sent, "events": events}, file)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
