"""A table of losses that grows while it is read."""

from __future__ import annotations

import math
import os
import warnings
from array import array
from typing import BinaryIO

import numpy as np

MOST = 64 << 20  # bytes of a table that are read; of a longer one the rest is left out


class Table:
    """The rows of a `losses.csv`, read piece by piece: `update(file)` reads what came since the last time."""

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self.file: tuple[int, int] | None = None
        self.offset = 0
        self.columns: list[str] = []
        self.numbers = array("d")

    def update(self, file: BinaryIO) -> None:
        """Read on; from the start if the file is another one, or shorter, since a run began anew."""
        status = os.fstat(file.fileno())
        if self.file != (status.st_dev, status.st_ino) or status.st_size < self.offset:
            self._forget()
            self.file = (status.st_dev, status.st_ino)
        file.seek(self.offset)
        content = file.read(max(0, MOST - self.offset))
        whole = content[: content.rfind(b"\n") + 1]
        self.offset += len(whole)
        for line in whole.decode("utf-8", "replace").splitlines():
            cells = line.split(",")
            if not self.columns:
                self.columns = cells[1:]
            elif len(cells) == 1 + len(self.columns):
                self._add(cells)

    def _add(self, cells: list[str]) -> None:
        try:
            row = [float(cell or "nan") for cell in cells]
        except ValueError:
            return
        if math.isfinite(row[0]):
            self.numbers.extend(row)

    def rows(self) -> np.ndarray:
        """(N, 1 + columns): steps and values, NaN where a cell is empty."""
        return np.array(self.numbers).reshape(-1, 1 + len(self.columns))

    def last_step(self) -> int:
        """0 for an empty table."""
        rows = self.rows()
        return int(rows[-1, 0]) if len(rows) else 0

    def steps(self, points: int) -> list[float]:
        """The mean step of each of at most `points` pieces of the table."""
        return [float(part[:, 0].mean()) for part in self._parts(points)]

    def curves(self, points: int) -> dict[str, list[float | None]]:
        """By column the mean of each piece; None where it has no value, or one that is not finite."""
        parts = self._parts(points)
        return {name: [_mean(part[:, 1 + i]) for part in parts] for i, name in enumerate(self.columns)}

    def _parts(self, points: int) -> list[np.ndarray]:
        rows = self.rows()
        return np.array_split(rows, min(points, len(rows))) if len(rows) else []


def _mean(values: np.ndarray) -> float | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a piece without a value has no mean
        mean = float(np.nanmean(values))
    return mean if math.isfinite(mean) else None
