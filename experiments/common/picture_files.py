"""Commands that make a picture of each picture they are given: which files they read, and where the results go."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from minigrad.data.image import SUFFIXES, PictureError, PictureNote
from minigrad.files import check_outputs

from .cli import UserError, writable_file
from .images import picture_kind
from .output_folder import OutputFolder
from .progress import interruptible, progress_bar


def for_each_picture(given: Path, output: str, make: Callable[[Path, Path], None], title: str) -> int:
    """Call make(source, target) for a picture, or for every picture in a folder; returns how many were made.

    output: a file for a picture, a folder for a folder; there results are called as their sources, with .png (.gif
    for .gif). Pictures of a folder that cannot be read are left out with a note. After Ctrl-C the results so far stay.
    Errors: UserError if there is nothing to read, or if a result would overwrite an input or a file of the user's.
    """
    made = 0
    with targets(given, output) as jobs, interruptible() as stop, progress_bar(len(jobs), title) as bar:
        for source, target in jobs:
            if stop:
                print(f"stopped after {made} of {len(jobs)} pictures")
                break
            try:
                make(source, target)
                made += 1
            except PictureError as error:
                if not given.is_dir():
                    raise
                warnings.warn(f"left out: {error}", PictureNote, stacklevel=2)
            bar.update()
    return made


@contextmanager
def targets(given: Path, output: str) -> Iterator[list[tuple[Path, Path]]]:
    """The pairs (source, target); inside, an output folder is locked."""
    if not given.is_dir():
        target = writable_file(output)
        picture_kind(target)
        check_outputs([target], [given])
        yield [(given, target)]
        return
    sources = sorted(path for path in given.iterdir() if path.is_file() and path.suffix.lower() in SUFFIXES.split())
    if not sources:
        raise UserError(f"{given}: there are no pictures in it ({SUFFIXES})")
    names = [f"{path.stem}{'.gif' if path.suffix.lower() == '.gif' else '.png'}" for path in sources]
    twice = next((name for number, name in enumerate(names) if name in names[:number]), None)
    if twice is not None:
        raise UserError(f"{given}: two of its pictures would become {twice}; rename one")
    check_outputs([Path(output) / name for name in names], sources)
    with OutputFolder(output) as folder:
        folder.check_free(names)
        yield [(source, folder.file(name)) for source, name in zip(sources, names)]
