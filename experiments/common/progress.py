"""What a run shows while it works, and how it is stopped: a progress bar, and a tame Ctrl-C."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from tqdm import tqdm

from . import ranks


def progress_bar(total: int, title: str, start: int = 0) -> Any:
    """A bar over `total` steps of which `start` are done; on stderr, and silent where that is no terminal."""
    return tqdm(total=total, initial=start, desc=title, disable=None, dynamic_ncols=True, file=sys.stderr)


def show(bar: Any, **figures: float) -> None:
    """Put losses and the like behind the bar: `show(bar, d_loss=1.38, g_loss=0.71)`."""
    bar.set_postfix_str("  ".join(f"{name} {value:.4g}" for name, value in figures.items()), refresh=False)


class Interrupt:
    """Whether the user has asked to stop; true in an `if` from the first Ctrl-C on."""

    def __init__(self) -> None:
        self.requested = False

    def __bool__(self) -> bool:
        return self.requested


@contextmanager
def interruptible() -> Iterator[Interrupt]:
    """Inside, the first Ctrl-C only sets a flag, checked between steps; the second raises KeyboardInterrupt.

        with interruptible() as stop:
            while step < steps and not stop:
                ...

    Outside the main thread, where Python takes no signals, the flag is never set.
    """
    stop = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def handle(number: int, frame: FrameType | None) -> None:
        if stop.requested:
            raise KeyboardInterrupt
        stop.requested = True
        # Not print: the signal may have arrived in the middle of one, and stderr's buffer is not re-entrant.
        if ranks.rank() == 0:
            os.write(2, b"\nstopping after this step; Ctrl-C once more stops at once\n")

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
