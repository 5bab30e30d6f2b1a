"""The parts of a game in its checkpoints: their state, and the check that a saved state fits before it is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

import minigrad as mg
from minigrad import nn
from minigrad.autograd import Tensor
from minigrad.devices import xp_of
from minigrad.optim.optimizer import Optimizer


class Stateful(Protocol):
    """Networks, optimizers, schedules, loaders, averages, pools: whatever saves and loads its state."""

    def state_dict(self) -> Any: ...

    def load_state_dict(self, state: Any, /) -> Any: ...


Part = Stateful | Tensor


def state_of(part: Part) -> Any:
    """What is saved of a part."""
    return part if isinstance(part, Tensor) else part.state_dict()


def all_finite(parameters: Sequence[Tensor]) -> bool:
    """Whether all parameters and their gradients are finite, read in one transfer."""
    arrays = [part.array for p in parameters for part in (p, p.grad) if part is not None]
    if not arrays:
        return True
    xp = xp_of(arrays[0])
    return bool(xp.isfinite(xp.stack([array.sum() for array in arrays])).all())


def load_part(part: Part, saved: Any, place: str) -> None:
    """Give a part its saved state. Errors: ValueError, naming the key, if the state does not fit the part."""
    if isinstance(part, Tensor):
        check_like(saved, part, place)
        with mg.no_grad():
            part.copy_(saved)
        return
    if isinstance(part, Optimizer):
        saved = with_later_options(saved, part)
        check_optimizer_state(saved, part, place)
    else:
        check_like(saved, part.state_dict(), place)
    try:
        part.load_state_dict(saved)
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        raise ValueError(f"{place}: {error}") from error


def check_like(saved: Any, own: Any, place: str) -> None:
    """Errors: ValueError, naming the first place where `saved` has not the structure of `own`.

    The same keys, kinds of numbers and shapes; where `own` has None, or an empty list, anything goes.
    """
    if own is None:
        return
    if isinstance(own, dict):
        check_keys(saved, own, place)
        for key, value in own.items():
            check_like(saved[key], value, f"{place}.{key}")
    elif isinstance(own, (list, tuple)):
        if not isinstance(saved, type(own)):
            raise ValueError(f"{place} must be a {type(own).__name__}, got {short_repr(saved)}")
        if isinstance(own, tuple) and len(saved) != len(own):
            raise ValueError(f"{place} must have {len(own)} entries, got {len(saved)}")
        for number, value in enumerate(saved if own else ()):
            check_like(value, own[min(number, len(own) - 1)], f"{place}[{number}]")
    elif hasattr(own, "shape") and hasattr(own, "dtype"):
        check_array(saved, own.shape, own.dtype.kind, isinstance(own, Tensor), place)
    elif isinstance(own, (int, float)) and not isinstance(own, bool):
        if type(saved) not in (int, float) or not np.isfinite(float_of(saved)):
            raise ValueError(f"{place} must be a finite number, got {short_repr(saved)}")
        if isinstance(own, int) and type(saved) is not int:
            raise ValueError(f"{place} must be a whole number, got {short_repr(saved)}")
    elif type(saved) is not type(own):
        raise ValueError(f"{place} must be a {type(own).__name__}, got {short_repr(saved)}")


def check_keys(saved: Any, own: dict[Any, Any], place: str) -> None:
    """Errors: ValueError unless `saved` is a dictionary with exactly these keys."""
    if not isinstance(saved, dict):
        raise ValueError(f"{place} must be a dictionary, got {short_repr(saved)}")
    for key in own:
        if key not in saved:
            raise ValueError(f"{place}.{key} is missing")
    for key in saved:
        if key not in own:
            raise ValueError(f"{place} has an entry {str(key)[:60]!r} that is not expected")


def check_array(saved: Any, shape: tuple[int, ...], kind: str, tensor: bool, place: str) -> None:
    """Errors: ValueError unless `saved` is a tensor, or array, of this shape and kind of numbers."""
    expected = f"{'a tensor' if tensor else 'an array'} of shape {tuple(shape)}"
    if not hasattr(saved, "dtype") or isinstance(saved, Tensor) != tensor:
        raise ValueError(f"{place} must be {expected}, got {short_repr(saved)}")
    if tuple(saved.shape) != tuple(shape) or saved.dtype.kind != kind:
        raise ValueError(f"{place} must be {expected}, got shape {tuple(saved.shape)} of {saved.dtype}")


def with_later_options(saved: Any, optimizer: Optimizer) -> Any:
    """A saved optimizer's state with the options that are off here, for older versions had fewer options to save."""
    if not isinstance(saved, dict) or not isinstance(saved.get("param_groups"), list):
        return saved
    off = {name: value for name, value in optimizer.defaults.items() if not value}
    groups = [off | group if isinstance(group, dict) else group for group in saved["param_groups"]]
    return {**saved, "param_groups": groups}


def check_optimizer_state(saved: Any, optimizer: Optimizer, place: str) -> None:
    """Errors: ValueError, naming the first key that is not as this optimizer's state after some steps would be."""
    own = optimizer.state_dict()
    check_keys(saved, {"state": {}, "param_groups": []}, place)
    check_like(saved["param_groups"], own["param_groups"], f"{place}.param_groups")
    if len(saved["param_groups"]) != len(own["param_groups"]):
        raise ValueError(f"{place}.param_groups must have {len(own['param_groups'])} groups")
    for number, (theirs, mine) in enumerate(zip(saved["param_groups"], own["param_groups"])):
        if theirs["params"] != mine["params"]:
            raise ValueError(f"{place}.param_groups[{number}].params are not the parameters of this optimizer")
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    if not isinstance(saved["state"], dict):
        raise ValueError(f"{place}.state must be a dictionary, got {short_repr(saved['state'])}")
    for number, group in enumerate(saved["param_groups"]):
        try:
            expected = entries_after_a_step(optimizer, group)
        except ValueError as error:
            raise ValueError(f"{place}.param_groups[{number}]: {error}") from error
    for number, entries in saved["state"].items():
        here = f"{place}.state.{str(number)[:20]}"
        if type(number) is not int or not 0 <= number < len(parameters):
            raise ValueError(f"{here}: there are the parameters 0 to {len(parameters) - 1}")
        check_keys(entries, expected, here)
        for key, value in expected.items():
            if hasattr(value, "shape"):
                check_array(entries[key], parameters[number].shape, "f", False, f"{here}.{key}")
            else:
                check_like(entries[key], value, f"{here}.{key}")
                if entries[key] < 0:
                    raise ValueError(f"{here}.{key} must not be negative, got {entries[key]}")


def entries_after_a_step(optimizer: Optimizer, options: dict[str, Any]) -> dict[str, Any]:
    """What such an optimizer keeps for a parameter after a step, seen on a small parameter of its own.

    options: of its group. Errors: ValueError if there can be no optimizer with these options.
    """
    probe = nn.Parameter(mg.zeros(2))
    twin = type(optimizer)([probe], **{name: options[name] for name in optimizer.defaults})
    probe.grad = mg.ones(2)
    twin.step()
    return twin.state[probe]


def float_of(value: float) -> float:
    """As a float; infinite where it is too large for one."""
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def short_repr(value: Any) -> str:
    """A saved value in few words."""
    if isinstance(value, (str, int, float)) and len(text := repr(value)) <= 40:
        return text
    return f"a {type(value).__name__}"
