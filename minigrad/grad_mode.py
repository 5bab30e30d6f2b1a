"""Two switches of the engine: whether operations are recorded, and who watches them.

Recording is on by default and is switched per thread. Inside `with no_grad():` results hold no graph, which
saves time and memory wherever no gradient is wanted: evaluation, sampling, updating parameters.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any


class _Mode(threading.local):
    recording = True  # each thread starts out recording


mode = _Mode()


def is_grad_enabled() -> bool:
    """Whether operations are being recorded in this thread."""
    return mode.recording


class _Switch:
    """A context manager or decorator within which recording is on or off."""

    def __init__(self, recording: bool) -> None:
        self.recording = recording
        self.before: list[bool] = []

    def __enter__(self) -> None:
        self.before.append(mode.recording)
        mode.recording = self.recording

    def __exit__(self, *exception: object) -> None:
        mode.recording = self.before.pop()

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with _Switch(self.recording):
                return function(*args, **kwargs)

        return wrapped


class set_grad_enabled(_Switch):
    """Switch recording on or off from here on; as a context manager or decorator, only within it."""

    def __init__(self, recording: bool) -> None:
        super().__init__(recording)
        super().__enter__()

    def __enter__(self) -> None:
        mode.recording = self.recording

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        mode.recording = self.before.pop()  # what it decorates is switched, and nothing else
        return super().__call__(function)


class no_grad(_Switch):
    """Within it nothing is recorded: results do not require gradients and hold no graph."""

    def __init__(self) -> None:
        super().__init__(False)


inference_mode = no_grad  # its results may be used in graphs later on, where PyTorch forbids it


class enable_grad(_Switch):
    """Within it operations are recorded, even inside `no_grad()`."""

    def __init__(self) -> None:
        super().__init__(True)


Observer = Callable[[Any, str, Callable[[], Any]], Any]
observers: list[Observer] = []


@contextmanager
def observe(observer: Observer) -> Iterator[None]:
    """Within it every forward and backward is run by `observer(op, "forward" | "backward", run)`, which must
    call `run()` once and return its result. Tracing and profiling hang on this hook."""
    observers.append(observer)
    try:
        yield
    finally:
        observers.remove(observer)
