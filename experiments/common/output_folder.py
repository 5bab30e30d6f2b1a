"""The folder that a command writes into: one process at a time, and nothing is lost that the command did not make.

    with OutputFolder("out/run") as folder:
        save_picture(picture, folder.file("picture.png"))

`folder.file(name)` notes the name in the folder's manifest before the file is written. What the manifest names may be
replaced and removed by the next command; anything else that stands in the way is an error, and stays as it is.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from minigrad.files import LockedError, locked, temporary_names, write_text

from .cli import UserError, writable_folder

MANIFEST = ".minigrad-files.json"
LOCK = ".minigrad-lock"
FORMAT = "minigrad-files"


class OutputFolder:
    """A locked folder with its manifest; a context manager that frees the lock.

    Errors: UserError if the folder cannot be written to, or if another process holds it: the text says which one.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = writable_folder(path)
        self._open = ExitStack()
        try:
            self._open.enter_context(locked(self.path / LOCK, _this_process()))
        except LockedError as error:
            raise UserError(
                f"{self.path}: {error} is writing there; wait until it is done, or choose another folder"
            ) from None
        known = _read_manifest(self.path / MANIFEST)
        self.names, self.has_manifest = known or set(), known is not None
        self._sweep()

    def __enter__(self) -> OutputFolder:
        return self

    def __exit__(self, *exception: Any) -> None:
        self._open.close()

    # ----------------------------------------------------------------------------------- files
    def file(self, name: str) -> Path:
        """The path of a file of this command's, to be written now. Errors: UserError if somebody else's is there."""
        if name not in self.names:
            if os.path.lexists(self.path / name):
                raise self.in_the_way(name)
            self._note({*self.names, name})
        return self.path / name

    def claim(self, *names: str) -> Path:
        """The folder's path, after `file` for each of these names: for commands that always write the same files."""
        self.check_free(names)
        self._note({*self.names, *names})
        return self.path

    def in_the_way(self, name: str) -> UserError:
        """The error for a file that the command would write and did not make."""
        return UserError(
            f"{self.path / name} is in the way: the command would write it but did not make it; "
            "move it, or choose another folder"
        )

    def check_free(self, names: Iterable[str] = (), pattern: str = r"(?!)") -> None:
        """Errors: UserError if a file of these names, or of a name that matches the pattern, is somebody else's."""
        wanted = set(names)
        for path in sorted(self.path.iterdir()):
            if path.name not in self.names and (path.name in wanted or re.fullmatch(pattern, path.name)):
                raise self.in_the_way(path.name)

    def existing(self, pattern: str) -> list[Path]:
        """The command's own files whose whole name matches a regular expression, sorted by name."""
        return [self.path / name for name in sorted(self.names) if re.fullmatch(pattern, name) and self._is_file(name)]

    def adopt(self, names: Iterable[str]) -> None:
        """Note files as the command's own that an earlier version of it wrote without a manifest."""
        self._note({*self.names, *names})

    def remove(self, names: Iterable[str]) -> None:
        """Remove files of the command's own; other names are left alone."""
        gone = self.names & set(names)
        for name in gone:
            if self._is_file(name):
                (self.path / name).unlink()
        self._note(self.names - gone)

    def _is_file(self, name: str) -> bool:
        path = self.path / name
        return path.is_symlink() or path.is_file()

    # -------------------------------------------------------------------------------- manifest
    def _note(self, names: set[str]) -> None:
        if names != self.names:
            manifest = {"format": FORMAT, "version": 1, "files": sorted(names)}
            write_text(self.path / MANIFEST, json.dumps(manifest, indent=1))
            self.names, self.has_manifest = names, True

    def _sweep(self) -> None:
        """Remove the temporary files of killed commands: only one process at a time gets this far."""
        for name in (*self.names, MANIFEST):
            pattern = temporary_names(name)
            for path in self.path.glob(".*.part"):
                if pattern.fullmatch(path.name):
                    path.unlink(missing_ok=True)


def _read_manifest(path: Path) -> set[str] | None:
    """The names in a manifest; None where it is missing or damaged. Paths that would lead out of the folder are left
    out: what the names say is removed one day."""
    try:
        with open(path, "rb") as file:
            content = json.loads(file.read(1 << 24))
        names = content["files"] if content["format"] == FORMAT else None
        return None if names is None else {name for name in names if isinstance(name, str) and _is_plain(name)}
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None


def _is_plain(name: str) -> bool:
    return name not in ("", ".", "..", MANIFEST, LOCK) and not set(name) & set("/\\:\0")


def _this_process() -> str:
    return f"process {os.getpid()}, started {time.strftime('%Y-%m-%d %H:%M:%S')},"
