"""Handles that remove hooks: what `register_hook` and `register_forward_hook` return."""

from __future__ import annotations

from itertools import count
from typing import Any

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
