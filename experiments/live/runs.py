"""Runs as they lie in a folder: which there are, how far they are, their losses and their pictures.

A run is a table of losses, `losses.csv` or `NAME_losses.csv`, with the files beside it. Names that a client asks for
are looked up in what was found; a file is read only if it lies in the folder after every link has been followed.
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from minigrad.npz import open_regular

from ..common.html_page import MIME
from ..common.status import NAME, read_status
from .table import Table

TABLE = "losses.csv"
DEEPEST = 3  # folders below the given one
MOST_FOLDERS, MOST_RUNS, MOST_PICTURES = 2000, 200, 500
LARGEST = 64 << 20  # bytes of a picture
POINTS = 300  # of a curve
NUMBERED = re.compile(r".*?(\d{5,})\.\w+")
WRITING = 20.0  # seconds: a table that grew so lately belongs to a run that goes on, whether it says so or not


@dataclass(frozen=True)
class Run:
    """A run: the table's folder, "" for the given one, else "a/b"; and what its files' names begin with: "" or "x_"."""

    folder: str
    prefix: str
    changed: float

    @property
    def name(self) -> str:
        """What it is asked for by: the path of its table."""
        return self.file(f"{self.prefix}{TABLE}")

    def file(self, name: str) -> str:
        """The path, from the given folder, of a file beside the table."""
        return f"{self.folder}/{name}" if self.folder else name


class Runs:
    """The runs in a folder. All methods may be called from several threads."""

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.realpath(root))
        self.tables: dict[str, Table] = {}
        self.lock = threading.Lock()

    # ------------------------------------------------------------------------------------ files
    def open(self, name: str) -> BinaryIO:
        """A regular file in the folder, by its path from there. Errors: OSError if it is none, or lies elsewhere."""
        path = self.root / name
        file = open_regular(path)
        real = Path(os.path.realpath(path))
        if real.is_relative_to(self.root) and os.path.samestat(os.fstat(file.fileno()), os.lstat(real)):
            return file
        file.close()
        raise FileNotFoundError(f"{name} leads out of the folder")

    def found(self) -> list[Run]:
        """All runs, the one that was written to last first."""
        runs = [
            Run(folder, entry.name[: -len(TABLE)], entry.stat(follow_symlinks=False).st_mtime)
            for folder, entries in self._folders()
            for entry in entries
            if entry.name.endswith(TABLE) and entry.is_file(follow_symlinks=False)
        ]
        return sorted(runs, key=lambda run: -run.changed)[:MOST_RUNS]

    def _folders(self) -> Iterator[tuple[str, list[os.DirEntry[str]]]]:
        """The given folder and those below it with their entries; links are not followed."""
        waiting, seen = [("", 0)], 0
        while waiting and seen < MOST_FOLDERS:
            folder, depth = waiting.pop(0)
            seen += 1
            try:
                entries = [entry for entry in os.scandir(self.root / folder) if not entry.name.startswith(".")]
            except OSError:  # removed just now, or not ours to read
                continue
            yield folder, entries
            if depth < DEEPEST:
                below = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
                waiting += [(f"{folder}/{name}" if folder else name, depth + 1) for name in below]

    # -------------------------------------------------------------------------------- what is shown
    def state(self, wanted: str) -> dict[str, Any]:
        """Everything the page shows of the run of a name, or of the newest one; None where there is none."""
        with self.lock:
            runs = self.found()
            names = [run.name for run in runs]
            chosen = runs[names.index(wanted)] if wanted in names else next(iter(runs), None)
            return {"folder": self.root.name, "runs": names, "run": self._summary(chosen) if chosen else None}

    def _summary(self, run: Run) -> dict[str, Any]:
        table = self.tables.setdefault(run.name, Table())
        with suppress(OSError), self.open(run.name) as file:
            table.update(file)
        status, now = self._status(run), time.time()
        last = table.last_step()
        step = max(last, int(status["step"])) if status else last
        growing = now - run.changed < WRITING
        return {
            "name": run.name,
            "title": status["title"] if status else "",
            "device": status["device"] if status else "",
            "going_on": bool(status) or growing,
            "silent": now - max(run.changed, status["updated"] if status else 0.0),  # seconds
            "step": step,
            "steps": int(status["steps"]) if status else None,
            "remaining": remaining(status, step) if status else None,
            "steps_of_curves": table.steps(POINTS),
            "curves": table.curves(POINTS),
            "pictures": self._pictures(run),
            "metrics": self._metrics(run),
        }

    def _status(self, run: Run) -> dict[str, Any] | None:
        with suppress(OSError), self.open(run.file(f"{run.prefix}{NAME}")) as file:
            return read_status(file.read(1 << 16))
        return None

    def _metrics(self, run: Run) -> dict[str, str]:
        """What was measured at the end, as text."""
        for name in ("metrics.json", "report.json"):
            with suppress(OSError, ValueError, RecursionError), self.open(run.file(f"{run.prefix}{name}")) as file:
                content = json.loads(file.read(1 << 20))
                plain = {key: value for key, value in content.items() if isinstance(value, (int, float, str))}
                return {key: f"{value:.4g}" if isinstance(value, float) else str(value) for key, value in plain.items()}
        return {}

    def _pictures(self, run: Run) -> list[dict[str, Any]]:
        """The run's pictures: those of single steps in order, then the others by their time. time: its change."""
        pictures = []
        with suppress(OSError):
            for entry in os.scandir(self.root / run.folder):
                if belongs(entry.name, run.prefix) and entry.is_file(follow_symlinks=False):
                    number = NUMBERED.fullmatch(entry.name)
                    changed = entry.stat(follow_symlinks=False).st_mtime
                    pictures.append(
                        {"file": entry.name, "step": int(number[1]) if number else None, "time": round(changed, 3)}
                    )
        pictures.sort(key=lambda each: (each["step"] is None, each["step"] or 0, each["time"], each["file"]))
        return pictures[-MOST_PICTURES:]

    def picture(self, name: str, file: str) -> tuple[bytes, str]:
        """(a picture of the run of this name, its MIME type). Errors: OSError if the run has none of that name."""
        with self.lock:
            run = next((run for run in self.found() if run.name == name), None)
            if run is None or file not in [each["file"] for each in self._pictures(run)]:
                raise FileNotFoundError(f"{name} has no picture {file}")
        with self.open(run.file(file)) as opened:
            content = opened.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise OSError(f"{file} is larger than {LARGEST >> 20} MiB")
        return content, MIME[Path(file).suffix.lower()]


def belongs(file: str, prefix: str) -> bool:
    """Whether a file is a picture of a run whose files begin with a prefix: "x_losses.png" and "x.png" to "x_"."""
    stem, suffix = os.path.splitext(file)
    return suffix.lower() in MIME and not file.startswith(".") and f"{stem}_".startswith(prefix)


def remaining(status: dict[str, Any], step: int) -> float | None:
    """Seconds until the last step, at the pace of this process so far; None before its first step."""
    done = step - status["first"]
    if done <= 0:
        return None
    return max(0.0, (status["updated"] - status["started"]) / done * (status["steps"] - step))
