"""Every collective against mpi4py's own, for several types, shapes and layouts. Arguments: the device, and perhaps the
backend."""

import sys

import numpy as np
from mpi4py import MPI

import minigrad as mg
import minigrad.distributed as dist
from minigrad.autograd import tensor_of
from minigrad.devices import device, to_device, to_numpy
from tests.oracles import cuda_emulation

WORLD = MPI.COMM_WORLD
RANK, SIZE = WORLD.rank, WORLD.size
SHAPES = [(), (1,), (7,), (2, 3, 4), (0, 3), (50_000,)]
NUMPY_OPS = {
    dist.ReduceOp.SUM: MPI.SUM, dist.ReduceOp.PRODUCT: MPI.PROD, dist.ReduceOp.MIN: MPI.MIN, dist.ReduceOp.MAX: MPI.MAX,
}  # fmt: skip


def numbers(shape, dtype, layout="plain"):
    values = np.random.default_rng(RANK).standard_normal(shape) * 3
    array = np.asarray(values.astype(dtype))
    return np.ascontiguousarray(array.T).T if layout == "transposed" and array.ndim else array


def on(place, array):
    moved = to_device(array, place)
    return tensor_of(moved)


def check_all_reduce(place):
    for shape in SHAPES:
        for dtype in (np.float32, np.float64, np.int64, np.int32):
            for layout in ("plain", "transposed")[: 2 if len(shape) > 1 else 1]:
                values = numbers(shape, dtype, layout)
                for op, theirs in NUMPY_OPS.items():
                    expected = np.empty(shape, dtype)
                    WORLD.Allreduce(np.ascontiguousarray(values), expected, theirs)
                    tensor = on(place, values.copy("K"))
                    assert dist.all_reduce(tensor, op) is None
                    np.testing.assert_array_equal(to_numpy(tensor.array), expected)
                    bits = WORLD.allgather(to_numpy(tensor.array).tobytes())
                    assert len(set(bits)) == 1, "ranks got different bits"
    values = numbers((5, 3), np.float64)
    tensor = on(place, values.copy())
    version = tensor.storage.version
    dist.all_reduce(tensor, dist.ReduceOp.AVG)
    np.testing.assert_allclose(to_numpy(tensor.array), sum(WORLD.allgather(values)) / SIZE, rtol=1e-15)
    assert tensor.storage.version > version, "a write that the engine does not see"


def check_broadcast_and_all_gather(place):
    for shape in SHAPES:
        for dtype in (np.float32, np.float64, np.int64):
            for layout in ("plain", "transposed")[: 2 if len(shape) > 1 else 1]:
                values = numbers(shape, dtype, layout)
                for src in range(SIZE):
                    tensor = on(place, values.copy("K"))
                    dist.broadcast(tensor, src)
                    np.testing.assert_array_equal(to_numpy(tensor.array), WORLD.bcast(values, src))
                parts = [on(place, np.zeros(shape, dtype)) for _ in range(SIZE)]
                dist.all_gather(parts, on(place, values))
                for part, expected in zip(parts, WORLD.allgather(values), strict=True):
                    np.testing.assert_array_equal(to_numpy(part.array), expected)


def check_views_are_written_through(place):
    whole = on(place, np.full((4, 6), float(RANK)))
    dist.all_reduce(whole[:, ::2])
    expected = np.full((4, 6), float(RANK))
    expected[:, ::2] = sum(range(SIZE))
    np.testing.assert_array_equal(to_numpy(whole.array), expected)


def check_started_operations_end_in_any_order(place):
    tensors = [on(place, np.full(3000, float(number + RANK))) for number in range(5)]
    works = [dist.all_reduce(tensor, async_op=True) for tensor in tensors]
    for number in (3, 0, 4, 2, 1):
        works[number].wait()
        if place.type == "cpu" or dist.get_backend() == "mpi":  # NCCL's wait orders streams, the host goes on
            assert works[number].is_completed()
        works[number].wait()  # again: nothing happens
        np.testing.assert_array_equal(
            to_numpy(tensors[number].array), np.full(3000, SIZE * number + float(sum(range(SIZE))))
        )


def check_objects_and_ranks(place):
    found = [None] * SIZE
    dist.all_gather_object(found, {"rank": RANK})
    assert found == [{"rank": rank} for rank in range(SIZE)]
    mine = [RANK, "text"]
    dist.broadcast_object_list(mine, SIZE - 1)
    assert mine == [SIZE - 1, "text"]
    assert (dist.get_rank(), dist.get_world_size(), dist.get_node_local_rank()) == (RANK, SIZE, RANK)
    assert dist.is_initialized() and dist.is_available() and dist.get_backend() in ("mpi", "nccl")
    assert dist.launched_processes() == SIZE
    dist.barrier()


def check_errors(place):
    for error, wrong in [
        (TypeError, lambda: dist.all_reduce(mg.tensor([1]), dist.ReduceOp.AVG)),
        (ValueError, lambda: dist.broadcast(mg.ones(1), SIZE)),
        (ValueError, lambda: dist.all_gather([mg.ones(1)] * (SIZE + 1), mg.ones(1))),
        (RuntimeError, dist.init_process_group),
    ]:
        try:
            wrong()
        except error:
            continue
        raise AssertionError(f"no {error.__name__}")


def main():
    place = device(sys.argv[1])
    if place.type == "cuda" and cuda_emulation.is_wanted():
        cuda_emulation.activate()
    if sys.argv[2:] == ["nccl"]:
        import cupy

        from tests.helpers import nccl_stand_in

        cupy.cuda.nccl = nccl_stand_in
    dist.init_process_group(*sys.argv[2:])
    for name, check in list(globals().items()):
        if name.startswith("check_"):
            check(place)
            if RANK == 0:
                print(name)
    dist.destroy_process_group()
    assert not dist.is_initialized()


main()
