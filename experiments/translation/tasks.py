"""Where the two domains A and B come from: a built-in task, a folder of photographs, or the user's own folders.

digit_edges     A the outline of a digit, B the digit                                   paired
colorize        A gray, B color: digits, or with --photos photographs                   paired
edges2photo     A the edges of a photograph (--photos), B the photograph                paired
digits          A white on black, B colored on a texture                                unpaired
photo2painting  A photographs (--photos), B patches of paintings (--paintings)          unpaired
worn_digits     A a scene in which a digit is worn, B the digit                         paired
FOLDER          train/ and val/ with pictures of A and B side by side                   paired
                trainA/, trainB/, testA/ and testB/                                     unpaired
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from minigrad.data import MNIST, TypesetDigits

from ..common.cli import UserError
from . import digits, photographs
from .domains import Domains, Source
from .pictures import in_memory

DIGIT_TASKS = ("digit_edges", "digits", "worn_digits")
PHOTOGRAPH_TASKS = ("edges2photo", "photo2painting")
TASKS = (*DIGIT_TASKS, "colorize", *PHOTOGRAPH_TASKS)
WEARERS = 4  # scenes for each product of worn_digits


def is_digits(source: Source) -> bool:
    """Whether a task is made of digits, whose size is fixed."""
    return source.task in DIGIT_TASKS or (source.task == "colorize" and source.photos is None)


def channels_of(source: Source) -> tuple[int, int]:
    """The channels of A's and of B's pictures."""
    return {"digit_edges": (1, 1), "colorize": (1, 3), "edges2photo": (1, 3)}.get(source.task, (3, 3))


def open_domains(source: Source, size: int, seed: int) -> Domains:
    """The data of a task, pictures of size x size. Errors: UserError saying which folder or option is missing."""
    check(source)
    if source.task == "digits":
        return _unpaired_digits(source, size)
    if is_digits(source):
        return _paired_digits(source, size, seed)
    if source.task == "photo2painting":
        return photographs.photo_and_painting(Path(source.photos or ""), Path(source.paintings or ""), size)
    if source.task in ("colorize", "edges2photo"):
        return photographs.derived_pairs(Path(source.photos or ""), source.task, size)
    return photographs.own_folder(Path(source.task).expanduser(), size)


def check(source: Source) -> None:
    """Errors: UserError for options that the task needs or cannot use."""
    task = source.task
    if task not in TASKS and not Path(task).expanduser().is_dir():
        raise UserError(f"--task {task}: neither {', '.join(TASKS)} nor a folder of pictures")
    wanted = {"--photos": source.photos, "--paintings": source.paintings}
    needs = {"edges2photo": ["--photos"], "photo2painting": ["--photos", "--paintings"]}.get(task, [])
    for option in needs:
        if wanted[option] is None:
            raise UserError(f"--task {task} needs {option} FOLDER")
    takes = [*needs, "--photos"] if task == "colorize" else needs
    for option, value in wanted.items():
        if value is not None and option not in takes:
            raise UserError(f"{option}: --task {task} does not use it; leave it out")
    if source.data_dir is not None and not is_digits(source):
        raise UserError(f"--data-dir: --task {task} is not made of MNIST's digits; leave it out")


def digit_sets(source: Source) -> tuple[Any, Any]:
    """(training, test) digits: MNIST where --data-dir says where it lies, else typeset ones."""
    if source.data_dir is not None:
        return MNIST(source.data_dir, train=True), MNIST(source.data_dir, train=False)
    return TypesetDigits(source.count, train=True), TypesetDigits(max(source.count // 10, 2), train=False)


def _paired_digits(source: Source, size: int, seed: int) -> Domains:
    parts, labels = [], []
    for number, dataset in enumerate(digit_sets(source)):
        count = source.count if number == 0 else min(len(dataset), 1000)
        pixels, targets = dataset.pixels[:count], dataset.targets[:count]
        random = np.random.default_rng([seed, number])
        if source.task == "digit_edges":
            a, b = digits.outlines(pixels), digits.framed(pixels)
        elif source.task == "colorize":
            b = digits.colored(pixels, targets)
            a = digits.grays(b)
        else:
            products = np.arange(len(pixels)) // (WEARERS if number == 0 else 1)
            pixels, targets = pixels[products], targets[products]
            a, b = digits.worn(pixels, random), digits.in_three_channels(pixels)
        parts.append(in_memory(np.concatenate([a, b], 1), size))
        labels.append(targets)
    return Domains(parts[0], None, parts[1], None, a.shape[1], b.shape[1], (labels[0],), (labels[1],), source)


def _unpaired_digits(source: Source, size: int) -> Domains:
    """A and B are made of different digits, so that no picture of one has its partner in the other."""
    parts, labels = [], []
    for number, dataset in enumerate(digit_sets(source)):
        half = min(source.count if number == 0 else 2000, len(dataset)) // 2
        for make, chosen in ((digits.in_three_channels, slice(0, half)), (digits.on_texture, slice(half, 2 * half))):
            parts.append(in_memory(make(dataset.pixels[chosen]), size))
            labels.append(dataset.targets[chosen])
    a, b, test_a, test_b = parts
    return Domains(a, b, test_a, test_b, 3, 3, (labels[0], labels[1]), (labels[2], labels[3]), source)
