"""What a gradient check found: one line for each pair of input and output, and a verdict over all of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np


class GradientError(AssertionError):
    """A derivative disagrees with finite differences, or a function cannot be checked; the text is the report."""


@dataclass
class Comparison:
    """The derivatives of one output by one input, computed (by `backward`) beside measured (by differences).

    error: the largest |computed - measured| where a derivative exists. excess: the largest error in units of
    what is tolerated; above 1 is wrong. kinks: how many entries have no derivative. where: the place of the
    largest excess.
    """

    input: int
    output: int
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    entries: int
    kinks: int = 0
    error: float = 0.0
    excess: float = 0.0
    where: str = ""
    computed: float = 0.0
    measured: float = 0.0

    @property
    def status(self) -> str:
        """ "wrong", "kink" (nothing wrong, but some entries have no derivative), or "passed"."""
        if self.excess > 1:
            return "wrong"
        return "kink" if self.kinks else "passed"

    def __str__(self) -> str:
        line = f"input {self.input} {self.input_shape} -> output {self.output} {self.output_shape}: {self.status}, "
        line += f"{self.entries} entries, largest error {self.error:.2g}"
        if self.status == "wrong":
            line += f" ({self.where}: backward computed {self.computed:.6g}, differences measured {self.measured:.6g})"
        if self.kinks:
            line += f"; {self.kinks} entries left out: the function is not differentiable there (a kink)"
        return line


@dataclass
class Report:
    """All comparisons of one check, and what kept the function from being compared at all (`failures`)."""

    failures: list[str] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)

    @property
    def status(self) -> str:
        """The worst: "wrong", "kink" or "passed"."""
        found = {comparison.status for comparison in self.comparisons}
        if self.failures or "wrong" in found:
            return "wrong"
        return "kink" if "kink" in found else "passed"

    @property
    def error(self) -> float:
        """The largest error of all comparisons."""
        return max((comparison.error for comparison in self.comparisons), default=0.0)

    def __bool__(self) -> bool:
        return self.status == "passed"

    def __str__(self) -> str:
        lines = [f"gradient check: {self.status}", *self.failures, *map(str, self.comparisons)]
        return "\n  ".join(lines)


def compare(
    computed: np.ndarray,
    measured: np.ndarray,
    kinks: np.ndarray,
    atol: float,
    rtol: float,
    entry_name: Any,
    comparison: Comparison,
) -> None:
    """Fill in a comparison from three matrices of one shape. entry_name(i, j) names an entry for the reader."""
    comparison.kinks = int(kinks.sum())
    smooth = ~kinks
    if not smooth.any():
        return
    error = np.abs(computed - measured)
    error[np.isnan(error)] = np.inf  # a NaN is never right
    excess = np.where(smooth, error / (atol + rtol * np.abs(measured)), -1.0)
    place = np.unravel_index(excess.argmax(), excess.shape)
    comparison.error = float(error[smooth].max())
    comparison.excess = float(excess[place])
    comparison.computed, comparison.measured = float(computed[place]), float(measured[place])
    comparison.where = entry_name(*place)
