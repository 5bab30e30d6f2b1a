"""What minigrad refuses where PyTorch accepts, with the reason: the one list that tests and documentation use.

Each entry: the operation's name in PyTorch ("*" for all), a pattern that the error's text matches, and the reason.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Refusal:
    """One thing that PyTorch accepts and minigrad answers with an error."""

    operation: str
    error: str
    reason: str


REFUSALS: list[Refusal] = []


def refusal_of(operation: str, error: str) -> Refusal | None:
    """The entry that covers this error, if any."""
    for entry in REFUSALS:
        if re.fullmatch(entry.operation, operation) and re.search(entry.error, error):
            return entry
    return None
