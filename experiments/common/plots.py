"""The record of a run: `losses.csv`, one row a step, and the plot made from it."""

from __future__ import annotations

import csv
import math
import os
from array import array
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from minigrad.files import atomic_write, write_text


class LossLog:
    """A CSV file that grows with the run: `log.add(step, d_loss=..., g_loss=...)`.

    The first row decides the columns unless they are given. A new log replaces an old file at its first row.
    """

    def __init__(self, path: str | os.PathLike[str], columns: Sequence[str] = ()) -> None:
        self.path = Path(path)
        self.columns = list(columns)
        self._numbers = array("d")  # all rows, one after the other: the step, then its values
        self._file: IO[str] | None = None

    def rows(self) -> np.ndarray:
        """All that was logged: (N, 1 + columns) float64 of steps and values, NaN where a cell is empty."""
        return np.array(self._numbers).reshape(-1, 1 + len(self.columns))

    def restore(self, rows: np.ndarray) -> None:
        """Go on after rows that `rows()` gave: the file, whatever has become of it, is written anew from them."""
        self._numbers = array("d", np.asarray(rows, np.float64).ravel())
        lines = [_line(int(row[0]), [None if np.isnan(cell) else cell for cell in row[1:]]) for row in self.rows()]
        self._start("".join(lines))

    def add(self, step: int, **values: float | None) -> None:
        """Append one row; None leaves a cell empty. Errors: ValueError for other columns than the first's."""
        self.columns = self.columns or list(values)
        if list(values) != self.columns:
            raise ValueError(f"LossLog: {self.path} has the columns {self.columns}, got {list(values)}")
        if self._file is None:
            self._start("")
        self._numbers.extend([step, *[math.nan if value is None else float(value) for value in values.values()]])
        self._file.write(_line(step, values.values()))  # type: ignore[union-attr]

    def _start(self, lines: str) -> None:
        """A new file with the header and these lines, open for more."""
        self.close()
        write_text(self.path, ",".join(["step", *self.columns]) + "\n" + lines)
        # open as long as the run; line by line, so that others see each row at once
        self._file = open(self.path, "a", buffering=1, encoding="utf-8")  # noqa: SIM115

    def flush(self) -> None:
        """Hand everything to the disk; do so before a checkpoint that later rows build on."""
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Flush and close; a closed log takes no more rows."""
        if self._file is not None:
            self.flush()
            self._file.close()
            self._file = None

    def __enter__(self) -> LossLog:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _line(step: int, values: Iterable[float | None]) -> str:
    cells = ["" if value is None else f"{float(value):.9g}" for value in values]
    return ",".join([str(int(step)), *cells]) + "\n"


def read_losses(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """The columns of a `losses.csv` by name, `step` among them; empty cells are NaN."""
    header, rows = _read_rows(Path(path))
    columns = zip(*rows) if rows else [()] * len(header)
    return {name: np.array([float(cell or "nan") for cell in column]) for name, column in zip(header, columns)}


def _read_rows(path: Path) -> tuple[list[str], list[list[str]]]:
    """The header and all whole rows; a last line without its line end is not whole."""
    text = path.read_text(encoding="utf-8")
    rows = list(csv.reader(text[: text.rfind("\n") + 1].splitlines()))
    if not rows or rows[0][:1] != ["step"]:
        raise ValueError(f"{path}: not a table of losses (its first column must be 'step')")
    return rows[0], [row for row in rows[1:] if len(row) == len(rows[0]) and row[0].isdecimal()]


def plot_curves(
    curves: Mapping[str, Sequence[float] | np.ndarray],
    path: str | os.PathLike[str],
    steps: Sequence[float] | np.ndarray | None = None,
    title: str = "",
    label: str = "loss",
    log: bool = False,
    x_label: str = "step",
) -> None:
    """Draw curves over the steps and save them as PNG, PDF or SVG, by the suffix.

    curves: name to values, all of the length of `steps` (None: 0, 1, 2, ...). log: logarithmic values.
    Noisy curves of many points are drawn pale with their running mean on top.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    for name, values in curves.items():
        _draw_curve(axes, np.arange(len(values)) if steps is None else np.asarray(steps), np.asarray(values), name)
    axes.set_xlabel(x_label)
    axes.set_ylabel(label)
    axes.set_title(title)
    if log:
        axes.set_yscale("log")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    if curves:
        axes.legend(frameon=False)
    save_figure(figure, path)


def save_figure(figure: Any, path: str | os.PathLike[str]) -> None:
    """Write a Matplotlib figure as PNG, PDF or SVG, by the suffix, whole or not at all."""
    with atomic_write(path) as file:
        figure.savefig(file, format=Path(path).suffix.lower().lstrip(".") or "png")


def plot_losses(
    table: str | os.PathLike[str], path: str | os.PathLike[str], title: str = "", log: bool = False
) -> None:
    """Draw every column of a `losses.csv` over its steps."""
    columns = read_losses(table)
    steps = columns.pop("step")
    plot_curves(columns, path, steps, title=title, log=log)


def _draw_curve(axes: Any, steps: np.ndarray, values: np.ndarray, name: str) -> None:
    known = np.isfinite(values)
    steps, values = steps[known], values[known]
    window = len(values) // 50
    if window < 4:
        axes.plot(steps, values, label=name, linewidth=1.4)
        return
    (pale,) = axes.plot(steps, values, linewidth=0.7, alpha=0.3)
    middle = slice(window // 2, window // 2 + len(values) - window + 1)
    mean = np.convolve(values, np.full(window, 1 / window), mode="valid")
    axes.plot(steps[middle], mean, label=name, color=pale.get_color(), linewidth=1.4)
