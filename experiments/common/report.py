"""The figures that a command ends with: in `report.json` in its folder, and on the screen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from minigrad.files import write_text

REPORT = "report.json"


def write_report(folder: Path, figures: Mapping[str, Any]) -> None:
    """Write the figures by name to the folder's report."""
    write_text(folder / REPORT, json.dumps(figures, indent=1))


def print_report(folder: Path, figures: Mapping[str, float]) -> None:
    """Print the figures as a table, and where the page is."""
    width = max(map(len, figures))
    for name, value in figures.items():
        print(f"{name:>{width}}  {value:.4g}")
    print(f"the page is {folder / 'index.html'}")
