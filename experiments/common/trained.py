"""Trained networks as commands take them: a run's folder, a checkpoint, a model file, or the name of a shipped model.

A model file is what is left of a checkpoint once only its results matter: the game, its settings, and the networks that
draw, in half precision. The folder `experiments/models` holds those that come with the project; its index says by which
command each was made, and how good it is.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

import minigrad as mg
from minigrad.autograd import Tensor, tensor_of
from minigrad.devices import CPU, Device, to_device
from minigrad.files import printable, write_text

from . import run_checkpoints
from .cli import UserError, sentence, shortened
from .run_checkpoints import Checkpoint, Upgrade
from .settings import from_plain

KIND, VERSION = "minigrad-model", 1
MODELS = Path(__file__).resolve().parents[1] / "models"
INDEX = "index.json"
LARGEST = 12_000_000  # bytes of all shipped models together


@dataclass(frozen=True)
class Model:
    """A shipped model. about: what it does, in a line. command: what made the run; figures: what was measured, as text.
    source: what it learned from, and whose that is."""

    game: str
    about: str
    command: str
    seed: int
    steps: int
    source: str
    bytes: int
    sha256: str
    figures: str = ""


@dataclass
class Shipped:
    """A folder of models with its index."""

    folder: Path = MODELS
    models: dict[str, Model] = field(default_factory=dict)

    def __post_init__(self) -> None:
        path = self.folder / INDEX
        if path.is_file():
            known = json.loads(path.read_text(encoding="utf-8"))
            self.models = {name: from_plain(Model, values, f"{path}: {name}") for name, values in known.items()}

    def names(self, games: Collection[str]) -> list[str]:
        """The models of these games."""
        return [name for name, model in self.models.items() if model.game in games]

    def file(self, name: str) -> Path:
        """A model's file. Errors: UserError if it is missing, or is not the one that was shipped."""
        path, model = self.folder / f"{name}.npz", self.models[name]
        try:
            content = path.read_bytes()
        except OSError as error:
            raise UserError(sentence(error)) from error
        if hashlib.sha256(content).hexdigest() != model.sha256:
            raise UserError(f"{path}: its checksum is not the one in {INDEX}; fetch the file again")
        return path

    def add(self, name: str, model: Model) -> None:
        """Put a model into the index."""
        self.models = dict(sorted({**self.models, name: model}.items()))
        index = {name: asdict(model) for name, model in self.models.items()}
        write_text(self.folder / INDEX, json.dumps(index, indent=1) + "\n")


def find_trained(text: str, games: Collection[str]) -> Path:
    """The file that an argument means: of a run's folder, of a path, or of a shipped model of one of these games.

    Errors: UserError if there is none.
    """
    path = Path(text).expanduser()
    if path.is_dir():
        path = path / run_checkpoints.NEWEST
        if not path.is_file():
            raise UserError(f"{path}: there is no such checkpoint; {path.parent} is no run's folder")
    if path.is_file():
        return path
    if path.exists():
        raise UserError(f"{path}: must be a file or a folder, this is a device")
    shipped = Shipped()
    if text not in shipped.models:
        raise UserError(f"{printable(shortened(text, 200))}: there is no such file or folder; {shipped_for(games)}")
    if shipped.models[text].game not in games:
        raise UserError(f"the model {text} is one of {shipped.models[text].game}; {shipped_for(games)}")
    return shipped.file(text)


def trained_file(games: Collection[str]) -> Callable[[str], Path]:
    """`find_trained` as a type for arguments of a command line."""

    def trained(text: str) -> Path:
        try:
            return find_trained(text, games)
        except UserError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return trained


def shipped_for(games: Collection[str]) -> str:
    """Which shipped models a command takes, in words."""
    names = Shipped().names(games)
    return f"shipped models by name: {', '.join(names)}" if names else "no model is shipped for this command"


def read_trained(path: Path, device: Device = CPU, upgrades: Mapping[str, Upgrade] | None = None) -> Checkpoint:
    """A model file as the checkpoint it was made of, without what only training needs; or a checkpoint.

    path: of a file, or a run's folder. Errors: UserError as of `run_checkpoints.read`.
    """
    file = run_checkpoints.checkpoint_file(path)
    state = run_checkpoints.read_state(file, device)
    kind = state.get("kind") if isinstance(state, dict) else None
    if not isinstance(kind, str) or kind != KIND:
        return run_checkpoints.checked(file, state, upgrades)
    if state.get("version") != VERSION:
        raise UserError(f"{file}: a model of another version, this program reads version {VERSION}")
    wanted = {"game": str, "settings": dict, "step": int, "parts": dict}
    for name, kind in wanted.items():
        if type(state.get(name)) is not kind:
            raise UserError(f"{file}: {name} must be a {kind.__name__}")
    parts = {name: _widened(part, device) for name, part in state["parts"].items()}
    return Checkpoint(file, state["game"], state["settings"], state["step"], parts, {}, [], None)


def write_model(path: Path | BinaryIO, checkpoint: Checkpoint, parts: Collection[str]) -> None:
    """Write a model file, or into an open one, these parts of a checkpoint, rounded to half precision.

    Errors: UserError if a number does not fit into half precision.
    """
    kept = {name: _halved(checkpoint.parts[name], f"{checkpoint.path}: parts.{name}") for name in parts}
    names = (item if not isinstance(item, str) else Path(item).name for item in checkpoint.settings.values())
    settings = dict(zip(checkpoint.settings, names))  # where its inputs lay on the machine that made it is left out
    mg.save({
        "kind": KIND, "version": VERSION, "game": checkpoint.game, "settings": settings, "step": checkpoint.step,
        "parts": kept,
    }, path)  # fmt: skip


def _halved(value: Any, place: str) -> Any:
    """A state with float32 tensors as arrays of float16."""
    if isinstance(value, dict):
        return {key: _halved(item, f"{place}.{key}") for key, item in value.items()}
    if isinstance(value, Tensor) and value.array.dtype == np.float32:
        with np.errstate(over="ignore"):
            half = value.cpu().array.astype(np.float16)
        if not np.isfinite(half).all():
            raise UserError(f"{place}: numbers are too large for half precision, or not finite")
        return half
    return value


def _widened(value: Any, device: Device) -> Any:
    if isinstance(value, dict):
        return {key: _widened(item, device) for key, item in value.items()}
    if isinstance(value, np.ndarray) and value.dtype == np.float16:
        return tensor_of(to_device(value.astype(np.float32), device))
    return value
