"""How the death of one process is noticed by the others.

A process that is killed sends no message, and those that wait for one from it would wait for ever. But the kernel
closes its sockets. So rank 0 holds a connection with every other rank, over which nothing is said but one byte of
farewell; a connection that ends without it means that its other end is dead.
"""

from __future__ import annotations

import os
import selectors
import socket
import threading
import time
from typing import Any

FAREWELL = b"."


class Lifeline:
    """The connections between rank 0 and the others, and the thread that watches them. comm: of mpi4py."""

    def __init__(self, comm: Any) -> None:
        self.comm = comm
        self.sockets: dict[socket.socket, int] = {}  # and the rank at the other end
        if comm.size > 1:
            self._connect()
            threading.Thread(target=self._watch, name="minigrad-lifeline", daemon=True).start()

    def _connect(self) -> None:
        alone = on_this_machine(self.comm).size == self.comm.size
        if self.comm.rank == 0:
            host = "127.0.0.1" if alone else socket.gethostname()
            with socket.create_server((host if alone else "", 0), backlog=self.comm.size) as server:
                self.comm.bcast((host, server.getsockname()[1]))
                for _ in range(self.comm.size - 1):
                    connection, _ = server.accept()
                    self.sockets[connection] = int.from_bytes(connection.recv(4, socket.MSG_WAITALL), "big")
        else:
            connection = socket.create_connection(self.comm.bcast(None))
            connection.sendall(self.comm.rank.to_bytes(4, "big"))
            self.sockets[connection] = 0

    def _watch(self) -> None:
        with selectors.DefaultSelector() as selector:
            for connection in self.sockets:
                selector.register(connection, selectors.EVENT_READ)
            while selector.get_map():
                for key, _ in selector.select():
                    selector.unregister(key.fileobj)
                    try:
                        farewell = key.fileobj.recv(1)  # type: ignore[union-attr]
                    except OSError:
                        farewell = b""
                    if not farewell:
                        self._report(self.sockets[key.fileobj])  # type: ignore[index]

    def _report(self, rank: int) -> None:
        """One sentence, from the lowest rank that lives, and the end of all."""
        if self.comm.rank > 1:
            time.sleep(5)  # of rank 0's death all learn; rank 1 says it
        os.write(2, f"rank {rank} was killed or crashed; all ranks stop\n".encode())
        self.comm.Abort(1)

    def close(self) -> None:
        """Say farewell: this process ends in good order."""
        for connection in self.sockets:
            try:
                connection.sendall(FAREWELL)
            except OSError:
                continue


def on_this_machine(comm: Any) -> Any:
    """The communicator of those of its processes that run on the same machine as this one."""
    from mpi4py import MPI

    return comm.Split_type(MPI.COMM_TYPE_SHARED)
