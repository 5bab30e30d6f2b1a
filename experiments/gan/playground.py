"""A recorded training in the plane as one HTML file, in which one plays it: no other files, no network.

All numbers are rounded to what a screen shows: places to 1/65535 of the square, D's map and the gradients to a byte.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.files import write_text

from .losses import LOSSES
from .plane import CELLS, COLUMNS, NODES, RANGE, Watcher

TEMPLATE = Path(__file__).with_name("playground.html")
POINTS = 240  # of the observed ones that are recorded
SKIP = 2  # of so many rows and columns of D's map, one is recorded


@dataclass(frozen=True)
class Recorded:
    """A training that was watched, and what `Points.report` says of its end."""

    watcher: Watcher
    report: dict[str, Any]


def write_playground(path: Path, title: str, results: list[Recorded]) -> None:
    """Write the page, with all trainings in it."""
    recording = {
        "title": title, "range": RANGE, "cells": CELLS // SKIP, "nodes": NODES, "points": POINTS,
        "runs": [recorded(result) for result in results],
    }  # fmt: skip
    text = json.dumps(recording, separators=(",", ":")).replace("<", "\\u003c")  # no text may end the script element
    write_text(path, TEMPLATE.read_text(encoding="utf-8").replace("__RECORDING__", text))


def recorded(result: Recorded) -> dict[str, Any]:
    """A training as plain values; arrays as base64 of whole numbers, all moments one after the other."""
    watcher, moments = result.watcher, result.watcher.moments
    colors = [watcher.colors(moment) for moment in moments]
    maps = [(moment.d_output[::SKIP, ::SKIP] - c[0]) / c[1] for moment, c in zip(moments, colors)]
    forces = [moment.force[:POINTS] for moment in moments]
    longest = [max(float(np.abs(force).max()), 1e-9) for force in forces]
    name = watcher.players.loss.name
    return {
        "name": name,
        "title": LOSSES[name].title,
        "steps": [moment.step for moment in moments],
        "data": places(watcher.data[:POINTS]),
        "made": places(np.stack([moment.made[:POINTS] for moment in moments])),
        "manifold": places(np.stack([moment.manifold for moment in moments])),
        "map": packed(np.rint(np.clip(np.stack(maps), -1, 1) * 127 + 128), np.uint8),
        "colors": [[float(f"{value:.4g}") for value in c] for c in colors],
        "force": packed(np.rint(np.stack([f / length for f, length in zip(forces, longest)]) * 127), np.int8),
        "rows": [step for step, _ in watcher.rows],
        "losses": {column: [short(row[column]) for _, row in watcher.rows] for column in COLUMNS},
        "report": {key: short(value) for key, value in result.report.items()},
    }


def places(points: np.ndarray) -> str:
    """Points in the square as pairs of 16-bit numbers; those outside lie on its border."""
    return packed(np.rint((np.clip(points, -RANGE, RANGE) / RANGE + 1) * 32767.5), np.dtype("<u2"))


def packed(numbers: np.ndarray, kind: Any) -> str:
    """Whole numbers as base64."""
    return base64.b64encode(np.nan_to_num(numbers).astype(kind).tobytes()).decode()


def short(value: float) -> float | None:
    """A number with four digits; None where it is not finite."""
    return float(f"{value:.4g}") if np.isfinite(value) else None
