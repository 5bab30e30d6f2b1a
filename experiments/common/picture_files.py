"""Commands that make a picture of each picture they are given: which files they read, and where the results go.

The pictures of a folder are shared out over the processes that mpiexec started. A journal in the output folder has what
is done, so that the same command, given again after it was stopped or killed, goes on with the rest.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from minigrad.data.image import SUFFIXES, PictureError, PictureNote
from minigrad.files import check_outputs
from minigrad.random import manual_seed

from . import ranks
from .cli import UserError, writable_file
from .images import picture_kind
from .output_folder import OutputFolder
from .progress import interruptible, progress_bar

Job = tuple[Path, Path]  # what is read, and what is made of it
Make = Callable[[Path, Path], None]
JOURNAL = "unfinished.jsonl"
POLL = 0.05  # seconds between two looks for news of the other processes


def for_each_picture(
    given: Path, output: str, make: Make, title: str, options: argparse.Namespace, keep_gif: bool = True
) -> int:
    """Call make(source, target) for a picture, or for every picture in a folder; returns how many are made.

    output: a file for a picture, a folder for a folder; there results are called as their sources, with .png (with
    keep_gif .gif for .gif). Pictures of a folder that cannot be read or used are left out with a note. After Ctrl-C the
    results so far stay, and the same command with the same options, which has its `seed` in them, goes on.
    Errors: UserError if there is nothing to read, or if a result would overwrite an input or a file of the user's.
    """
    if not given.is_dir():
        if ranks.rank() == 0:
            target = writable_file(output)
            picture_kind(target)
            check_outputs([target], [given])
            make(given, target)
        return 1
    if ranks.rank() > 0:
        for news in _made(ranks.from_first(lambda: None), make, options.seed):
            ranks.tell_first(news)
        ranks.tell_first(None)
        return 0
    jobs = jobs_of(given, output, keep_gif)
    with OutputFolder(output) as folder:
        folder.check_free([JOURNAL, *[target.name for _, target in jobs]])
        with _journal(folder, options) as (done, note):
            left = [(source, folder.file(target.name)) for source, target in jobs if target.name not in done]
            if done:
                print(f"going on: {len(done)} of {len(jobs)} pictures are there already")
            ranks.from_first(lambda: left)
            seen, made = len(done), len(done)
            with progress_bar(len(jobs), title, seen) as bar:
                for name, problem in _everybodys(_made(left, make, options.seed)):
                    note(name)
                    seen, made = seen + 1, made + (problem is None)
                    if problem is not None:
                        warnings.warn(f"left out: {problem}", PictureNote, stacklevel=2)
                    bar.update()
        if seen == len(jobs):
            folder.remove([JOURNAL])
        else:
            print(f"stopped after {made} of {len(jobs)} pictures; the same command goes on")
    return made


def jobs_of(given: Path, output: str, keep_gif: bool) -> list[Job]:
    """The pictures of a folder, by name, and what is made of them. Errors: UserError, see `for_each_picture`."""
    sources = sorted(path for path in given.iterdir() if path.is_file() and path.suffix.lower() in SUFFIXES.split())
    if not sources:
        raise UserError(f"{given}: there are no pictures in it ({SUFFIXES})")
    names = [f"{path.stem}{'.gif' if keep_gif and path.suffix.lower() == '.gif' else '.png'}" for path in sources]
    twice = next((name for number, name in enumerate(names) if name in names[:number]), None)
    if twice is not None:
        raise UserError(f"{given}: two of its pictures would become {twice}; rename one")
    targets = [Path(output) / name for name in names]
    check_outputs(targets, sources)
    return list(zip(sources, targets))


News = tuple[str, str | None]  # the name of a result, and why there is none


def _made(jobs: Sequence[Job], make: Make, seed: int) -> Iterator[News]:
    """This process's part of the jobs, one after the other. What is random in a picture depends on the seed and its
    name, not on who makes it and when."""
    with interruptible() as stop:
        for source, target in jobs[ranks.rank() :: ranks.count()]:
            if stop:
                return
            manual_seed(seed + zlib.crc32(target.name.encode()))
            try:
                make(source, target)
                yield target.name, None
            except (PictureError, UserError) as error:
                yield target.name, str(error)


def _everybodys(own: Iterator[News]) -> Iterator[News]:
    """Rank 0's own news, and those of the others as they come, until all are done."""
    at_work, others = True, ranks.count() - 1
    while at_work or others:
        news = next(own, None)
        at_work = news is not None
        if news is not None:
            yield news
        for told in ranks.told():
            others -= told is None
            if told is not None:
                yield told
        if others and not at_work:
            time.sleep(POLL)


@contextmanager
def _journal(folder: OutputFolder, options: argparse.Namespace) -> Iterator[tuple[set[str], Callable[[str], Any]]]:
    """(what an unfinished command with the same options has done, a function that notes one more result)."""
    given = sorted(vars(options).items())  # without functions, which are called differently in each process
    first = json.dumps({key: str(value) for key, value in given if not callable(value)})
    path, done = folder.path / JOURNAL, set()
    if JOURNAL in folder.names and path.is_file():
        lines = path.read_text(errors="replace").split("\n")
        if lines[0] == first:
            done = {line for line in lines[1:-1] if (folder.path / line).is_file()}
    with open(folder.file(JOURNAL), "w", encoding="utf-8", errors="surrogateescape") as file:

        def note(name: str) -> None:
            file.write(name + "\n")
            file.flush()

        note(first)
        for name in sorted(done):
            note(name)
        yield done, note
