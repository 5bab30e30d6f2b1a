"""Says which process of a run has died, and tells the others. A process of its own, see `lifeline.py`.

    python watcher.py HOST COUNT

It prints the port to which COUNT processes then connect, each with its rank in four bytes. One that ends in good order
says FAREWELL before; one that ends all processes itself, and has said why, ABORT. A connection that closes without
either belongs to a process that was killed. Standard library only: it is there at once.
"""

import os
import selectors
import socket
import sys

FAREWELL, ABORT = b".", b"!"
PATIENCE = 20  # seconds for all to connect, which they do together


def watch(host: str, count: int) -> None:
    """Wait for the end of all processes, or for the death of the first."""
    ranks: dict[socket.socket, int] = {}
    with socket.create_server((host, 0), backlog=count) as server:
        print(server.getsockname()[1], flush=True)
        server.settimeout(PATIENCE)
        while len(ranks) < count:
            connection, _ = server.accept()
            connection.setblocking(True)
            ranks[connection] = int.from_bytes(connection.recv(4, socket.MSG_WAITALL), "big")
    with selectors.DefaultSelector() as selector:
        for connection in ranks:
            selector.register(connection, selectors.EVENT_READ)
        while selector.get_map():
            said = heard(selector, None)  # on Linux in the order in which they became ready
            dead = [connection for connection, word in said.items() if word not in (FAREWELL, ABORT)]
            if dead:  # perhaps killed by the launcher, since another one said ABORT
                said |= heard(selector, 0)
            if ABORT in said.values():
                return
            if dead:
                report(ranks.pop(dead[0]), list(ranks))
                return


def heard(selector: selectors.BaseSelector, timeout: float | None) -> dict[socket.socket, bytes]:
    """What connections say or said, each its only byte, or nothing at its end; they are listened to no more."""
    said = {}
    for key, _ in selector.select(timeout):
        connection = key.fileobj
        assert isinstance(connection, socket.socket)
        selector.unregister(connection)
        try:
            said[connection] = connection.recv(1)
        except OSError:
            said[connection] = b""
    return said


def report(rank: int, others: list[socket.socket]) -> None:
    """One sentence, and the end of all."""
    os.write(2, f"rank {rank} was killed or crashed; all ranks stop\n".encode())
    for connection in others:
        try:
            connection.sendall(ABORT)
        except OSError:
            continue


if __name__ == "__main__":
    try:
        watch(sys.argv[1], int(sys.argv[2]))
    except OSError:  # the processes died before they connected, or nobody hears what is said
        sys.exit(1)
