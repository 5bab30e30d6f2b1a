"""What comes out of a benchmark: a Markdown table, a JSON file, and plots."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import threadpoolctl

from minigrad import __version__
from minigrad.files import write_text

from ..common.plots import save_figure
from .measure import Timing


def machine() -> str:
    """The processor, the number of cores, Python, NumPy and its BLAS with the kernel it chose, in one line."""
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    libraries = [entry for entry in threadpoolctl.threadpool_info() if entry["user_api"] == "blas"]
    blas = ", ".join(f"{b['internal_api']} {b.get('version')} ({b.get('architecture', '?')})" for b in libraries)
    return (
        f"{name}, {os.cpu_count()} cores; Python {platform.python_version()}, NumPy {np.__version__}, "
        f"BLAS {blas or 'unknown'}"
    )


def versions(libraries: list[str]) -> dict[str, str]:
    """The installed version of each library."""
    return {name: __version__ if name == "minigrad" else importlib.metadata.version(name) for name in libraries}


def row(name: str, timings: dict[str, Timing], goal: str) -> list[str]:
    """One line of the table: minigrad's time, the others', the ratios of minima (of medians), memory, the goal."""
    ours, others = timings["minigrad"], {library: t for library, t in timings.items() if library != "minigrad"}
    times = [f"{1e3 * t.minimum:.1f} ms ({library})" for library, t in others.items()]
    ratios = [f"**{ours.minimum / t.minimum:.2f}** ({ours.median / t.median:.2f})" for t in others.values()]
    memory = " / ".join(f"{t.memory:.0f}" for t in timings.values()) + " MiB" if ours.memory else "-"
    return [name, f"{1e3 * ours.minimum:.1f} ms", ", ".join(times), ", ".join(ratios), memory, goal]


HEADER = ["job", "minigrad", "other", "ratio of minima (medians)", "peak memory, ours / theirs", "goal"]


def markdown(rows: list[list[str]], header: list[str] = HEADER) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def heading(libraries: list[str]) -> str:
    """When, where and with what the figures were measured."""
    named = ", ".join(f"{library} {version}" for library, version in versions(libraries).items())
    return f"Measured on {date.today().isoformat()} with {named} on {machine()}."


def save_json(path: Path, results: dict[str, dict[str, Timing]], libraries: list[str]) -> None:
    """Every repetition of every job, for whoever wants to compute with it."""
    data: dict[str, Any] = {"date": date.today().isoformat(), "machine": machine(), "versions": versions(libraries)}
    data["jobs"] = {
        job: {library: {"seconds": t.seconds, "memory_mib": t.memory} for library, t in timings.items()}
        for job, timings in results.items()
    }
    write_text(path, json.dumps(data, indent=1))


def plot_ratios(path: Path, results: dict[str, dict[str, Timing]]) -> None:
    """One bar for each job: minigrad's time over PyTorch's; left of the line is faster."""
    from matplotlib.figure import Figure

    jobs = {name: t["minigrad"].minimum / t["torch"].minimum for name, t in results.items() if "torch" in t}
    figure = Figure(figsize=(8, 0.4 * len(jobs) + 1.2), dpi=120, layout="constrained")
    axes = figure.subplots()
    colors = ["#3a7d44" if ratio <= 1 else "#b5482a" for ratio in jobs.values()]
    axes.barh(list(jobs), list(jobs.values()), color=colors)
    axes.axvline(1, color="0.3", linewidth=1)
    axes.invert_yaxis()
    axes.set_xlabel("time, minigrad / PyTorch (below 1: minigrad is faster)")
    save_figure(figure, path)


def plot_growth(path: Path, growth: dict[str, dict[int, dict[str, Timing]]]) -> None:
    """Time and peak memory of the Gatys iteration against image size and batch size, each library a line."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6), dpi=120, layout="constrained")
    for column, (title, points) in enumerate(growth.items()):
        for line, (unit, value) in enumerate(
            (("seconds", lambda t: t.minimum), ("peak memory, MiB", lambda t: t.memory))
        ):
            axes = figure.add_subplot(2, len(growth), 1 + column + line * len(growth))
            for library in next(iter(points.values())):
                axes.plot(list(points), [value(t[library]) for t in points.values()], marker="o", label=library)
            axes.set_xlabel(title)
            axes.set_ylabel(unit)
            axes.set_ylim(bottom=0)
            axes.legend()
    save_figure(figure, path)
