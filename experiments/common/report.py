"""The figures that a command ends with: in `report.json` in its folder, and on the screen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from minigrad.files import atomic_write

REPORT = "report.json"


def write_report(folder: Path, figures: Mapping[str, float]) -> None:
    """Write the figures by name to the folder's report."""
    with atomic_write(folder / REPORT) as file:
        file.write(json.dumps(figures, indent=1).encode())


def print_report(folder: Path, figures: Mapping[str, float]) -> None:
    """Print the figures as a table, and where the page is."""
    width = max(map(len, figures))
    for name, value in figures.items():
        print(f"{name:>{width}}  {value:.4g}")
    print(f"the page is {folder / 'index.html'}")
