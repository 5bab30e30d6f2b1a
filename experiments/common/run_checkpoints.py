"""The checkpoints of a training run: `checkpoint.npz`, always the newest, and the last few of them by step.

What is in one: the game's name and settings, the step, the state of every part of the game (networks, optimizers,
data position, ...), the state of the random generator, and the table of losses. Nothing else decides how a run goes
on, so a run that is stopped and resumed ends with the same bits as one that was not.
"""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import minigrad as mg
from minigrad.devices import CPU, Device

from .cli import UserError, sentence
from .output_folder import OutputFolder
from .run_parts import short_repr
from .settings import from_plain

KIND, VERSION = "minigrad-run", 2
NEWEST = "checkpoint.npz"
NUMBERED = r"checkpoint_(\d{7,})\.npz"
PICTURE = r"samples_(\d{7,})\.png"
KEPT = 3

Upgrade = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass
class Checkpoint:
    """What a checkpoint's file holds, its outer structure checked.

    game: the name of the game. settings: as plain values. parts: each part's state by name. random: the generator's
    state. columns, rows: the table of losses, rows (N, 1 + columns) of the step and its losses; None if unknown.
    others: of a run in several processes, what ranks 1, 2, ... have of their own: {"random": ..., "parts": ...} each.
    """

    path: Path
    game: str
    settings: dict[str, Any]
    step: int
    parts: dict[str, Any]
    random: dict[str, Any]
    columns: list[str]
    rows: np.ndarray | None
    others: list[dict[str, Any]] = field(default_factory=list)

    def settings_as(self, kind: type[Any]) -> Any:
        """The settings as a dataclass. Errors: UserError naming the file and the setting that does not fit."""
        try:
            return from_plain(kind, self.settings, "settings")
        except ValueError as error:
            raise UserError(f"{self.path}: {error}") from error


FIELDS = [field.name for field in dataclasses.fields(Checkpoint) if field.name != "path"]


# --------------------------------------------------------------------------------------- writing


def checkpoint_file(run: Path) -> Path:
    """The newest checkpoint in a run's folder; any other path is a checkpoint's own."""
    return run / NEWEST if run.is_dir() else run


def write(folder: OutputFolder, checkpoint: Checkpoint) -> None:
    """Save the newest checkpoint; it stays reachable by its step until `KEPT` newer ones exist.

    Errors: UserError if the disk is full or the folder may not be written; the older checkpoints are untouched.
    """
    state = {"kind": KIND, "version": VERSION, **{name: getattr(checkpoint, name) for name in FIELDS}}
    if not checkpoint.others:
        del state["others"]  # of one process: readable by every version
    try:
        mg.save(state, folder.file(NEWEST))
        keep(folder, checkpoint.step)
    except OSError as error:
        raise UserError(
            f"cannot write the checkpoint of step {checkpoint.step} ({sentence(error)}); "
            f"{folder.path / NEWEST} is still the one before"
        ) from error


def keep(folder: OutputFolder, step: int) -> None:
    """Give the newest checkpoint its name by step too, and remove the oldest; later ones than `step` stay."""
    named = folder.file(f"checkpoint_{step:07d}.npz")
    partial = named.with_name(f".{named.name}.xxxxxxxx.part")
    partial.unlink(missing_ok=True)
    try:
        os.link(folder.path / NEWEST, partial)
    except OSError:  # a file system without hard links
        shutil.copyfile(folder.path / NEWEST, partial)
    os.replace(partial, named)
    partial.unlink(missing_ok=True)  # two links to one file are not replaced but both kept
    older = [path.name for number, path in numbered(folder) if number <= step]
    folder.remove(older[:-KEPT])


def numbered(folder: OutputFolder) -> list[tuple[int, Path]]:
    """The run's own checkpoints that have a step in their name, in order: (step, path)."""
    return sorted((int(re.fullmatch(NUMBERED, path.name)[1]), path) for path in folder.existing(NUMBERED))  # type: ignore[index]


# --------------------------------------------------------------------------------------- reading


def read(path: Path, device: Device = CPU, upgrades: Mapping[str, Upgrade] | None = None) -> Checkpoint:
    """A checkpoint. upgrades: for each older kind of file, a function from its state to a present one's.

    Errors: UserError, naming the file and the key, if it is missing, damaged, of another kind or another structure.
    """
    return checked(path, read_state(path, device), upgrades)


def read_state(path: Path, device: Device = CPU) -> Any:
    """What a file of `mg.save` holds. Errors: UserError naming the file."""
    try:
        return mg.load(path, device)
    except (OSError, ValueError) as error:
        raise UserError(sentence(error)) from error


def checked(path: Path, state: Any, upgrades: Mapping[str, Upgrade] | None = None) -> Checkpoint:
    """The checkpoint that was read from a file. Errors: UserError as of `read`."""
    kind = state.get("kind") if isinstance(state, dict) else None
    try:
        if isinstance(kind, str) and upgrades and kind in upgrades:
            state = upgrades[kind](state)
        elif not isinstance(kind, str) or kind != KIND:
            raise ValueError("not a checkpoint of a training run")
        return _checked(path, state)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from error


def _checked(path: Path, state: dict[str, Any]) -> Checkpoint:
    version = state.get("version")
    if type(version) is not int or version != VERSION:
        raise ValueError(f"a checkpoint of version {short_repr(version)}, this program reads version {VERSION}")
    wanted = {"game": str, "settings": dict, "step": int, "parts": dict, "random": dict, "columns": list}
    for name, kind in wanted.items():
        if type(state.get(name)) is not kind:
            raise ValueError(f"{name} must be a {kind.__name__}, {_what(state, name)}")
    if not 0 <= state["step"] < 2**53:
        raise ValueError(f"step must be a number of steps, got {state['step']}")
    if "rows" not in state:
        raise ValueError("rows must be an array, it is missing")
    columns, rows = state["columns"], state["rows"]
    if not all(isinstance(name, str) for name in columns):
        raise ValueError("columns must be a list of names")
    if rows is not None:
        if not isinstance(rows, np.ndarray) or rows.dtype != np.float64 or rows.shape[1:] != (1 + len(columns),):
            raise ValueError(f"rows must be an array of float64, (N, {1 + len(columns)})")
        steps = rows[:, 0]
        if not (np.isfinite(steps).all() and (np.diff(steps) > 0).all() and (steps[-1:] <= state["step"]).all()):
            raise ValueError("rows must have steps that grow up to the checkpoint's")
    _check_random(state["random"], "random")
    others = state.setdefault("others", [])
    if not isinstance(others, list):
        raise ValueError(f"others must be a list, got a {type(others).__name__}")
    for number, other in enumerate(others):
        if not isinstance(other, dict) or not isinstance(other.get("parts"), dict) or "random" not in other:
            raise ValueError(f"others[{number}] must be a dictionary of random and parts")
        _check_random(other["random"], f"others[{number}].random")
    return Checkpoint(path, **{name: state.get(name) for name in FIELDS})  # type: ignore[arg-type]


def _check_random(state: Any, place: str) -> None:
    try:
        np.random.default_rng().bit_generator.state = state
    except (ValueError, TypeError, LookupError, OverflowError, AttributeError) as error:
        raise ValueError(f"{place} is not the state of the random generator ({error})") from error


def _what(state: dict[str, Any], name: str) -> str:
    return f"got a {type(state[name]).__name__}" if name in state else "it is missing"


def candidates(folder: OutputFolder) -> list[Path]:
    """The run's own checkpoints, newest first, readable or not."""
    latest = folder.existing(re.escape(NEWEST))
    return [*latest, *[path for _, path in reversed(numbered(folder))]]


def newest(folder: OutputFolder, device: Device, upgrades: Mapping[str, Upgrade] | None = None) -> Checkpoint | None:
    """The newest checkpoint of the run that can be read; None if there is none at all. Says which it passed over.

    Errors: UserError, naming the files, if there are checkpoints but none can be read.
    """
    problems: list[str] = []
    for path in candidates(folder):
        try:
            found = read(path, device, upgrades)
        except UserError as error:
            problems.append(str(error))
            continue
        if problems:
            print(f"going on from {path} (step {found.step}), since {'; '.join(problems)}")
        return found
    if problems:
        raise UserError(f"no checkpoint of this run can be read, and nothing was changed: {'; '.join(problems)}")
    return None


def adopt(folder: OutputFolder, game: str, upgrades: Mapping[str, Upgrade], names: Collection[str]) -> None:
    """Note as the run's own what was written without a manifest, where a checkpoint of the game proves that it was:
    the checkpoints that can be read, the pictures up to their step, and files of exactly these names."""
    sound = []
    for path in folder.path.glob("checkpoint*.npz"):
        if path.name == NEWEST or re.fullmatch(NUMBERED, path.name):
            try:
                sound.append(read(path, CPU, upgrades))
            except UserError:
                continue
    sound = [checkpoint for checkpoint in sound if checkpoint.game == game]
    if sound:
        present = [path.name for path in folder.path.iterdir()]
        last = max(checkpoint.step for checkpoint in sound)
        pictures = [name for name in present if (match := re.fullmatch(PICTURE, name)) and int(match[1]) <= last]
        fixed = [name for name in present if name in names and name != NEWEST]
        folder.adopt([*[checkpoint.path.name for checkpoint in sound], *pictures, *fixed])
