"""What a run tells about itself while it goes on: a small file beside its table of losses, for `experiments.watch`.

The file is there as long as the run is; one that was killed leaves it behind, with the time of its last sign of life.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from minigrad import cuda
from minigrad.devices import Device
from minigrad.files import write_text
from minigrad.kernels.cpu.threads import num_threads

NAME = "status.json"
FORMAT = "minigrad-status"
EVERY = 1.0  # seconds between two writings


class Status:
    """A context manager: inside, `status.at(step)` notes how far the run is; afterwards the file is gone.

    first: the step at which this process began. steps: how many in all. The file is a courtesy: a disk that is full
    does not stop the run.
    """

    def __init__(self, path: Path, title: str, first: int, steps: int, device: Device, every: float = EVERY) -> None:
        self.path, self.every, self.written = path, every, 0.0
        self.content = {
            "format": FORMAT, "title": title, "first": first, "step": first, "steps": steps,
            "started": time.time(), "updated": 0.0, "device": name_of_device(device),
        }  # fmt: skip

    def __enter__(self) -> Status:
        self._write(time.time())
        return self

    def __exit__(self, *exception: object) -> None:
        with suppress(OSError):
            self.path.unlink(missing_ok=True)

    def at(self, step: int) -> bool:
        """Note the step, if the last note is old enough; returns whether it was written."""
        now = time.time()
        if now - self.written < self.every:
            return False
        self.content["step"] = step
        self._write(now)
        return True

    def _write(self, now: float) -> None:
        self.written = self.content["updated"] = now
        with suppress(OSError):
            write_text(self.path, json.dumps(self.content))


def name_of_device(device: Device) -> str:
    """A device in words: "CPU, 2 threads", or "GPU" and its name."""
    if device.type == "cuda":
        return f"GPU, {cuda.get_device_name(device.index)}"
    count = num_threads()
    return f"CPU, {count} thread{'s' if count > 1 else ''}"


def read_status(content: bytes) -> dict[str, Any] | None:
    """What `Status` wrote; None for anything else."""
    try:
        status = json.loads(content)
        numbers = [status[name] for name in ("first", "step", "steps", "started", "updated")]
        texts = [status[name] for name in ("title", "device")]
        if status["format"] == FORMAT and all(map(_is_number, numbers)):
            return status if all(isinstance(text, str) for text in texts) else None
    except (ValueError, LookupError, TypeError, RecursionError):
        pass
    return None


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < 2**53
