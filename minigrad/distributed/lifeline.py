"""How the death of one process is noticed by the others, and named.

A process that is killed sends no message, and those that wait for one from it would wait for ever. But the kernel
closes its sockets. So every process holds a connection with a watcher, over which nothing is said but a byte at the
end; a connection that ends without it means that the process is dead.

The watcher (`watcher.py`) is a process that rank 0 starts, in a session of its own, and not a thread: MPI's launcher
kills all processes of a run as soon as it notices the death of one, and would often be faster than a rank that wants to
say which one it was.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from . import watcher


class Lifeline:
    """This process's connection with the watcher. comm: of mpi4py."""

    def __init__(self, comm: Any) -> None:
        self.comm = comm
        self.connection: socket.socket | None = None
        if comm.size > 1:
            host = "127.0.0.1" if on_this_machine(comm).size == comm.size else ""
            address = self._start(host) if comm.rank == 0 else None
            self.connection = socket.create_connection(comm.bcast(address))
            self.connection.sendall(comm.rank.to_bytes(4, "big"))
            threading.Thread(target=self._listen, name="minigrad-lifeline", daemon=True).start()

    def _start(self, host: str) -> tuple[str, int]:
        """Start the watcher, which listens there, or everywhere; its address."""
        self.watcher = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(watcher.__file__)), host, str(self.comm.size)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        assert self.watcher.stdout is not None
        return host or socket.gethostname(), int(self.watcher.stdout.readline())

    def _listen(self) -> None:
        """End this process when the watcher says that another one has died."""
        with suppress(OSError):
            if self.connection is not None and self.connection.recv(1) == watcher.ABORT:
                self.comm.Abort(1)

    def close(self) -> None:
        """Say farewell: this process ends in good order."""
        self._say(watcher.FAREWELL)

    def abort(self) -> None:
        """Say that this process ends all of them, and has said why."""
        self._say(watcher.ABORT)

    def _say(self, word: bytes) -> None:
        if self.connection is not None:
            with suppress(OSError):
                self.connection.sendall(word)


def on_this_machine(comm: Any) -> Any:
    """The communicator of those of its processes that run on the same machine as this one."""
    from mpi4py import MPI

    return comm.Split_type(MPI.COMM_TYPE_SHARED)
