"""The commands: python -m experiments lists them. Every file in this folder is one; what they share lies in folders."""

from __future__ import annotations

import sys
from types import TracebackType


def _say_interrupted(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """In place of a traceback for Ctrl-C while a command's imports are running."""
    if issubclass(kind, KeyboardInterrupt):
        print("\ninterrupted", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, traceback)


if sys.argv[:1] == ["-m"]:  # a command is being started with python -m
    sys.excepthook = _say_interrupted
