"""In place of `cupy.cuda.nccl` on the emulated GPU, whose memory is the host's: the same calls, carried out by MPI.

It shows that the addresses, counts, types and operators that are handed to NCCL are right; nothing of NCCL runs.
"""

import ctypes

import numpy as np
from mpi4py import MPI

available = True
NCCL_SUM, NCCL_PROD, NCCL_MAX, NCCL_MIN = range(4)  # the numbers of nccl.h
NCCL_UINT8, NCCL_INT32, NCCL_INT64, NCCL_FLOAT16, NCCL_FLOAT32, NCCL_FLOAT64 = 1, 2, 4, 6, 7, 8
TYPES = {
    NCCL_UINT8: np.uint8, NCCL_INT32: np.int32, NCCL_INT64: np.int64, NCCL_FLOAT32: np.float32, NCCL_FLOAT64: np.float64
}  # fmt: skip
OPERATORS = {NCCL_SUM: MPI.SUM, NCCL_PROD: MPI.PROD, NCCL_MAX: MPI.MAX, NCCL_MIN: MPI.MIN}


def get_unique_id():
    return ("an identifier",)


def numbers(pointer, count, kind):
    """The memory at an address as an array."""
    dtype = np.dtype(TYPES[kind])
    if not count:
        return np.empty(0, dtype)
    return np.frombuffer((ctypes.c_char * (count * dtype.itemsize)).from_address(pointer), dtype)


class NcclCommunicator:
    def __init__(self, ndev, commId, rank):
        assert commId == get_unique_id() and (ndev, rank) == (MPI.COMM_WORLD.size, MPI.COMM_WORLD.rank)
        self.comm = MPI.COMM_WORLD.Dup()

    def allReduce(self, sendbuf, recvbuf, count, datatype, op, stream):
        assert sendbuf == recvbuf and stream
        self.comm.Allreduce(MPI.IN_PLACE, numbers(recvbuf, count, datatype), OPERATORS[op])

    def bcast(self, buff, count, datatype, root, stream):
        self.comm.Bcast(numbers(buff, count, datatype), root)

    def allGather(self, sendbuf, recvbuf, count, datatype, stream):
        self.comm.Allgather(numbers(sendbuf, count, datatype), numbers(recvbuf, count * self.comm.size, datatype))
