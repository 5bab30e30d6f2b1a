"""Settings as dataclasses: into plain values for a checkpoint, and back with every type checked.

settings = from_plain(GanSettings, {"net": "mlp", "noise_dim": 96, ...}, "settings")
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from typing import Any, TypeVar

S = TypeVar("S")
LARGEST = 2**63 - 1  # of whole numbers in settings: sizes, counts and seeds


def from_plain(kind: type[S], values: Any, place: str) -> S:
    """A dataclass from the dictionary that `dataclasses.asdict` made of it.

    Fields may be int, float, str, bool, tuples of these, None where the type says so, and dataclasses. Fields with
    a default may be missing. Errors: ValueError that names the first place that does not fit: "settings.g_lr: ...".
    """
    if not isinstance(values, dict):
        raise ValueError(f"{place}: must be a dictionary, got {_shown(values)}")
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = [key for key in values if key not in fields]
    if unknown:
        raise ValueError(f"{place}: has no setting {_shown(unknown[0])}")
    made = {}
    for name, field in fields.items():
        if name in values:
            made[name] = _convert(hints[name], values[name], f"{place}.{name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ValueError(f"{place}: the setting {name} is missing")
    try:
        return kind(**made)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from error


def _convert(hint: Any, value: Any, place: str) -> Any:
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        choices = typing.get_args(hint)
        if value is None and type(None) in choices:
            return None
        return _convert(next(choice for choice in choices if choice is not type(None)), value, place)
    if typing.get_origin(hint) is tuple:
        return _tuple(typing.get_args(hint), value, place)
    if dataclasses.is_dataclass(hint):
        return from_plain(hint, value, place)  # type: ignore[arg-type]
    if hint is float and type(value) in (int, float) and _is_finite(value):
        return float(value)
    if hint is int and type(value) is int and abs(value) <= LARGEST:
        return value
    if hint in (str, bool) and type(value) is hint:
        return value
    wanted = {float: "a finite number", int: "a whole number of at most 19 digits"}.get(hint, f"a {hint.__name__}")
    raise ValueError(f"{place}: must be {wanted}, got {_shown(value)}")


def _tuple(hints: tuple[Any, ...], value: Any, place: str) -> tuple[Any, ...]:
    if not isinstance(value, (tuple, list)):
        raise ValueError(f"{place}: must be a list, got {_shown(value)}")
    if len(hints) == 2 and hints[1] is ...:
        hints = (hints[0],) * len(value)
    if len(value) != len(hints):
        raise ValueError(f"{place}: must have {len(hints)} entries, got {len(value)}")
    return tuple(_convert(hint, item, f"{place}[{i}]") for i, (hint, item) in enumerate(zip(hints, value)))


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _shown(value: Any) -> str:
    """A value in few characters, without control characters."""
    text = repr(value) if isinstance(value, (str, int, float, bool, type(None))) else type(value).__name__
    return text if len(text) <= 60 else f"{text[:57]}..."
