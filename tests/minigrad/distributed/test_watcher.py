"""The watcher of a run's processes, without MPI: sockets stand for the processes."""

import socket
import subprocess
import sys

import pytest

from minigrad.distributed import watcher


@pytest.fixture
def run():
    """(the watcher's process, the connections of three ranks)."""
    command = [sys.executable, "-I", "-S", watcher.__file__, "127.0.0.1", "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        port = int(process.stdout.readline())
        ranks = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)]
        for rank, connection in enumerate(ranks):
            connection.sendall(rank.to_bytes(4, "big"))
        yield process, ranks
        for connection in ranks:
            connection.close()
        process.kill()


def test_the_first_that_dies_is_named_and_the_others_are_told(run):
    process, ranks = run
    ranks[0].sendall(watcher.FAREWELL)
    ranks[2].close()
    assert ranks[1].recv(1) == watcher.ABORT
    assert process.communicate(timeout=60)[1] == "rank 2 was killed or crashed; all ranks stop\n"


def test_whoever_ends_all_has_said_why(run):
    process, ranks = run
    ranks[1].sendall(watcher.ABORT)
    for connection in ranks:  # the launcher kills them
        connection.close()
    assert process.communicate(timeout=60)[1] == "" and process.returncode == 0


def test_farewells_end_it(run):
    process, ranks = run
    for connection in ranks:
        connection.sendall(watcher.FAREWELL)
        connection.close()
    assert process.communicate(timeout=60)[1] == "" and process.returncode == 0
