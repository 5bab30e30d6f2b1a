"""Hooks: the handles that remove them (what `register_hook` and `register_forward_hook` return), and running them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

Hook = Callable[[Any], Any]  # of a gradient to its replacement, or None to leave it

_numbers = count()


class RemovableHandle:
    """Registers a hook under a number of its own in a dictionary of hooks; `remove()` takes it out again.

    Hooks run in the order of the dictionary. As a context manager it removes the hook at the end.
    """

    def __init__(self, hooks: dict[int, Any], hook: Any) -> None:
        self.hooks, self.id = hooks, next(_numbers)
        hooks[self.id] = hook

    def remove(self) -> None:
        """Remove the hook; a second time does nothing."""
        self.hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()


def run_hooks(hooks: dict[int, Any], grad: Any) -> Any:
    """The gradient after each hook has seen, and perhaps replaced, it.

    Errors: TypeError or ValueError if a hook returns something other than a Tensor of the gradient's shape.
    """
    for hook in list(hooks.values()):
        replacement = hook(grad)
        if replacement is not None:
            if not hasattr(replacement, "array"):
                raise TypeError(f"hook: must return a Tensor or None, got {type(replacement).__name__}")
            if replacement.shape != grad.shape:
                raise ValueError(f"hook: returned shape {replacement.shape} for a gradient of shape {grad.shape}")
            grad = replacement
    return grad


class _Walk(threading.local):
    """What the hooks of the present walk in this thread have left for its end."""

    def __init__(self) -> None:
        self.callbacks: list[Callable[[bool], None]] = []


_walk = _Walk()


def at_end_of_backward(callback: Callable[[bool], None]) -> None:
    """For hooks: call `callback(accumulated)` once, when the walk that runs the hook is over.

    accumulated: whether the walk added to the leaves' `grad`, as `backward` does and `minigrad.grad` does not.
    """
    _walk.callbacks.append(callback)


@contextmanager
def backward_walk(accumulated: bool) -> Iterator[None]:
    """One walk of backward; at its end what its hooks left for it is run, and if it fails nothing is.

    A walk inside another one, which a hook began, has an end of its own.
    """
    before, _walk.callbacks = _walk.callbacks, []
    try:
        yield
        for callback in _walk.callbacks:
            callback(accumulated)
    finally:
        _walk.callbacks = before
