"""Measuring: one job in several libraries, in turns, until the time is up."""

from __future__ import annotations

import importlib.util
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field

from .worker import peak_memory

TURN = 0.2  # seconds


@dataclass
class Timing:
    """One library's figures for one job: seconds of each repetition, and the peak memory of its process in MiB."""

    seconds: list[float] = field(default_factory=list)
    memory: float = 0.0

    @property
    def minimum(self) -> float:
        return min(self.seconds)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


class Worker:
    """A running `experiments.bench.worker` process."""

    def __init__(self, library: str, job: tuple[str, ...]) -> None:
        command = [sys.executable, "-m", "experiments.bench.worker", library, *job]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self._answer() != "ready":
            raise RuntimeError(f"bench: {library} could not run the job {' '.join(job)}; its error is printed above")

    def _answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def run(self) -> float:
        """The seconds that one more repetition takes."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(self._answer())

    def finish(self) -> float:
        """End the process; its peak memory in MiB."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        memory = float(self._answer())
        self.process.wait()
        return memory


def installed(libraries: list[str]) -> list[str]:
    """Those of the libraries that can be imported here."""
    return [library for library in libraries if library == "minigrad" or importlib.util.find_spec(library)]


def has_compiler() -> bool:
    """Whether there is a C++ compiler, which torch.compile needs."""
    return any(shutil.which(name) for name in (os.environ.get("CXX") or "c++", "g++", "clang++"))


def compare(libraries: list[str], job: tuple[str, ...], seconds: float, least: int = 3) -> dict[str, Timing]:
    """Run a job in each library in turns for about `seconds`, at least `least` times each.

    A turn is one repetition of a long job and several of a short one: threads that wait actively for their next
    piece of work would else steal the first milliseconds from whoever has the next turn.
    """
    workers = {library: Worker(library, job) for library in libraries}
    timings = {library: Timing() for library in libraries}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or any(len(t.seconds) < least for t in timings.values()):
        for library, worker in workers.items():
            turn = time.perf_counter() + TURN
            timings[library].seconds.append(worker.run())
            while time.perf_counter() < turn:
                timings[library].seconds.append(worker.run())
    for library, worker in workers.items():
        timings[library].memory = worker.finish()
    return timings


def compare_commands(commands: dict[str, list[str]], repetitions: int) -> dict[str, Timing]:
    """The same for whole commands, start-up included. Errors: RuntimeError if a command fails."""
    timings = {library: Timing() for library in commands}
    for _ in range(repetitions):
        for library, command in commands.items():
            seconds, memory = _timed_command([sys.executable, *command], library)
            timings[library].seconds.append(seconds)
            timings[library].memory = max(timings[library].memory, memory)
    return timings


def _timed_command(command: list[str], library: str) -> tuple[float, float]:
    """(seconds, peak memory in MiB) of a command; the memory is 0 where the system does not tell."""
    with tempfile.TemporaryFile("w+") as output:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=output, text=True)
        if hasattr(os, "wait4"):
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            memory = peak_memory(usage)
        else:
            process.wait()
            memory = 0.0
        seconds = time.perf_counter() - start
        if process.returncode:
            output.seek(0)
            raise RuntimeError(f"bench: {library}'s command failed: {output.read().strip().splitlines()[-1:]}")
    return seconds, memory
