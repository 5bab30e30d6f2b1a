"""Data parallelism measured on this machine, and predicted for many GPUs: `python -m experiments.bench --scaling`.

A step of N processes, each with its own batch of unchanged size, takes

    ring(N) = 2 (N - 1) (latency + bytes / (N bandwidth))           an all-reduce of that many bytes
    T(N) = forward + max(backward, ring of all buckets but the last) + ring of the last bucket

with forward a third of the step of one GPU, and backward two thirds: what travels while backward runs costs nothing,
the last bucket is full only when backward is over. The step of one GPU is the roofline's estimate. (Ring: Patarasuk
and Yuan 2009, "Bandwidth optimal all-reduce algorithms for clusters of workstations".)
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minigrad.files import write_text

from ..common.cli import UserError
from ..common.plots import save_figure
from .roofline import STEPS

RANKS, GPUS = (1, 2, 4), (8, 64, 512)
BANDWIDTH, RATE, LAUNCH = 900e9, 15e12, 10e-6  # of the GPU: bytes and operations a second, seconds a launch
BUCKET = 25 * 2**20
WORTH = 0.5  # the efficiency below which a doubling gains less than it costs


@dataclass(frozen=True)
class Network:
    """latency: seconds of a message. bandwidth: bytes a second that a GPU can send while it receives as many."""

    latency: float
    bandwidth: float


NETWORKS = {  # nominal bandwidths; latencies of the usual order
    "Ethernet, 1 Gbit/s": Network(50e-6, 0.125e9),
    "Ethernet, 10 Gbit/s": Network(30e-6, 1.25e9),
    "RoCE, 100 Gbit/s": Network(5e-6, 12.5e9),
    "InfiniBand, 400 Gbit/s": Network(2e-6, 50e9),
    "NVLink 4": Network(2e-6, 450e9),
}


def ring(gpus: int, size: float, network: Network) -> float:
    """Seconds of an all-reduce of `size` bytes."""
    return 2 * (gpus - 1) * (network.latency + size / gpus / network.bandwidth)


def step_time(gpus: int, seconds: float, size: float, network: Network) -> float:
    """Seconds of a step. seconds: of one GPU alone; size: bytes of gradients."""
    full, last = divmod(size, BUCKET)
    sizes = [BUCKET] * int(full) + ([last] if last else [])
    hidden = sum(ring(gpus, each, network) for each in sizes[:-1])
    return seconds / 3 + max(seconds * 2 / 3, hidden) + ring(gpus, sizes[-1] if sizes else 0.0, network)


def efficiency(gpus: int, seconds: float, size: float, network: Network) -> float:
    """What part of gpus times one GPU's work is done: T(1) / T(gpus)."""
    return seconds / step_time(gpus, seconds, size, network)


def limit(seconds: float, size: float, network: Network) -> int:
    """The largest power of two of GPUs, up to 4096, that still reach the efficiency `WORTH`."""
    worth = [n for n in (2**i for i in range(13)) if efficiency(n, seconds, size, network) >= WORTH]
    return max(worth)


def predictions() -> Iterator[str]:
    """Lines of a Markdown table: efficiency at 8, 64 and 512 GPUs, and where it stops paying."""
    yield "| step | network | " + " | ".join(f"{n} GPUs" for n in GPUS) + " | pays up to |"
    yield "|---|---|" + "---:|" * (len(GPUS) + 1)
    for name, make in STEPS.items():
        step = make()
        size = sum(parameter.array.nbytes for parameter in step.parameters)
        if size:
            seconds = step.counted().seconds(BANDWIDTH, RATE, LAUNCH)
            title = f"{name}: {1e3 * seconds:.2f} ms, {size / 1e6:.1f} MB"
            for network, figures in NETWORKS.items():
                parts = [f"{efficiency(n, seconds, size, figures):.0%}" for n in GPUS]
                yield f"| {title} | {network} | {' | '.join(parts)} | {limit(seconds, size, figures)} |"


def measured(library: str, ranks: int) -> dict[str, Any]:
    """What `scaling_worker` writes. Errors: RuntimeError if it fails, UserError if there is no mpiexec."""
    launcher = shutil.which("mpiexec", path=str(Path(sys.executable).parent)) or shutil.which("mpiexec")
    if launcher is None:
        raise UserError("there is no mpiexec: pip install 'minigrad[mpi]', or the MPI of the system")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "figures.json"
        command = [launcher, "-n", str(ranks), sys.executable, "-m", "experiments.bench.scaling_worker", library]
        done = subprocess.run([*command, str(out)], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{library} in {ranks} processes failed: {done.stderr[-300:]}")
        return json.loads(out.read_text())


def plot_overlap(path: Path, events: list[Any]) -> None:
    """Backward's operations above, the buckets' journeys below, over time."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 2.6), dpi=110, layout="tight")
    axes = figure.add_subplot()
    start = min(begin for _, begin, _ in events)
    for what, begin, end in events:
        row, color = (0, "tab:orange") if what == "bucket" else (1, "tab:blue")
        axes.barh(row, 1e3 * (end - begin), left=1e3 * (begin - start), color=color, edgecolor="white", alpha=0.8)
    axes.set_yticks([0, 1], ["buckets under way", "backward computes"])
    axes.set_xlabel("milliseconds since backward began")
    save_figure(figure, path)


def report(table: Path, picture: Path) -> str:
    """Measure, predict, write the table, and the picture of the overlap; returns the text."""
    lines = ["| processes | minigrad, ms | PyTorch (gloo), ms | bytes of gradients a step |", "|---:|---:|---:|---:|"]
    for ranks in RANKS:
        ours, theirs = measured("minigrad", ranks), measured("torch", ranks)
        lines.append(f"| {ranks} | {1e3 * ours['seconds']:.1f} | {1e3 * theirs['seconds']:.1f} | {ours['bytes']} |")
        if ranks == 2:
            plot_overlap(picture, ours["events"])
    text = "\n".join([*lines, "", *predictions(), ""])
    write_text(table, text)
    return text
