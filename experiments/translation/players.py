"""What the players of all games share: their parts in a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..common.run_parts import Part


def parts_of(players: Mapping[str, Any]) -> dict[str, Part]:
    """All networks, optimizers, schedules and pools of players, by names such as "output.G"."""
    return {
        f"{name}.{key}": value
        for name, player in players.items()
        for key, value in vars(player).items()
        if hasattr(value, "state_dict")
    }
