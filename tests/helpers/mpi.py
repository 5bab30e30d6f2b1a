"""Programs that run in real MPI processes: `launch(4, "collectives")` runs tests/helpers/ranks/collectives.py in 4."""

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT

TIMEOUT = 300  # seconds: far more than any of them takes, also on a busy machine
END = 30  # seconds in which all processes end after the trouble of one
TROUBLE = "MINIGRAD_TEST_TROUBLE"  # names a file that a process makes before it comes to grief


@cache
def launcher() -> tuple[list[str], str]:
    """(the command that starts processes, without their number; why there is none)."""
    if importlib.util.find_spec("mpi4py") is None:
        return [], "mpi4py is not installed (the extra `distributed`)"
    beside = Path(sys.executable).parent / "mpiexec"
    path = str(beside) if beside.exists() else shutil.which("mpiexec")
    if path is None:
        return [], "there is no mpiexec: install the package mpich, or an MPI of the system's"
    version = subprocess.run([path, "--version"], capture_output=True, text=True).stdout
    if "Open MPI" in version or "OpenRTE" in version:
        return [path, "--allow-run-as-root", "--oversubscribe"], ""
    return [path], ""


def require_mpi() -> None:
    """Skip, with the reason, where no processes can be started."""
    _, why_not = launcher()
    if why_not:
        pytest.skip(f"no MPI: {why_not}", allow_module_level=True)


def start(ranks: int, module: str, *arguments: object, **environment: str) -> subprocess.Popen[str]:
    """Start a module in so many processes; one thread each, for they share few cores."""
    command = [*launcher()[0], "-n", str(ranks), sys.executable, "-m", module, *map(str, arguments)]
    quiet = {"OPENBLAS_NUM_THREADS": "1", "MINIGRAD_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **quiet, **environment}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def ended(process: subprocess.Popen[str], trouble: Path) -> tuple[int, str]:
    """(exit code, output) of processes of which one comes to grief, after it has made the file `trouble`: from then on
    they have END seconds."""
    deadline = time.monotonic() + TIMEOUT
    while not trouble.exists() and process.poll() is None:
        assert time.monotonic() < deadline, "no trouble came"
        time.sleep(0.05)
    try:
        out, err = process.communicate(timeout=END)
    finally:
        process.kill()
    assert trouble.exists(), f"the processes ended before the trouble: {out}{err}"
    return process.returncode, out + err


def launch(ranks: int, program: str, *arguments: object, **environment: str) -> str:
    """Run a program of tests/helpers/ranks to its end; returns what it printed. Fails with that if it fails."""
    process = start(ranks, f"tests.helpers.ranks.{program}", *arguments, **environment)
    try:
        out, err = process.communicate(timeout=TIMEOUT)
    finally:
        process.kill()
    assert process.returncode == 0, f"{out[-3000:]}\n{err[-6000:]}"
    return out
