"""PyTorch's `torch.distributed`, as far as data parallelism takes it: several processes that train one network.

    mpiexec -n 4 python train.py

    import minigrad.distributed as dist

    dist.init_process_group()
    net = nn.parallel.DistributedDataParallel(make_net())     # the same weights everywhere, gradients averaged
    loader = DataLoader(data, 32, sampler=DistributedSampler(data))
    ...
    dist.destroy_process_group()

The engine is MPI (mpi4py, the extra `distributed`); tensors on a GPU go over NCCL where CuPy has it, else over MPI by
way of the host's memory. Read `process_group.py` (what users call), then `communicator.py` (what carries it out), then
`nn/parallel.py`, where gradients are averaged while backward still runs. `docs/distributed.md` says what is promised,
what it costs, and what has not been run.
"""

from .communicator import ReduceOp, Work
from .process_group import (
    abort,
    all_gather,
    all_gather_object,
    all_reduce,
    alone,
    barrier,
    broadcast,
    broadcast_object_list,
    destroy_process_group,
    get_backend,
    get_node_local_rank,
    get_rank,
    get_world_size,
    init_process_group,
    is_available,
    is_initialized,
    launched_processes,
)

__all__ = [
    "ReduceOp",
    "Work",
    "abort",
    "all_gather",
    "all_gather_object",
    "all_reduce",
    "alone",
    "barrier",
    "broadcast",
    "broadcast_object_list",
    "destroy_process_group",
    "get_backend",
    "get_node_local_rank",
    "get_rank",
    "get_world_size",
    "init_process_group",
    "is_available",
    "is_initialized",
    "launched_processes",
]
