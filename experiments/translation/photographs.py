"""Domains made of picture files: aligned pairs, two folders, or what can be made of plain photographs."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from minigrad.data.folder import pictures_in
from minigrad.data.image import open_picture

from ..common.cli import UserError
from .domains import Domains
from .pictures import Pictures

JITTER = 286 / 256  # how much larger pictures are than what is cropped from them (Isola et al. 2017, section 6.2)
ZOOM = 2.0  # the same for photographs of a task, of which there may be few
TESTED = 8  # of so many photographs, the last one is for testing
UNPAIRED = ("trainA", "trainB", "testA", "testB")


def own_folder(root: Path, size: int) -> Domains:
    """train/ and val/ with aligned pairs, or trainA/, trainB/, testA/ and testB/.

    Errors: UserError saying which folder is missing or which picture is no pair.
    """
    present = [name for name in UNPAIRED if (root / name).is_dir()]
    if (root / "train").is_dir() and not present:
        train = _found(root / "train")
        test = _found(root / "val") if (root / "val").is_dir() else _found(root / "test")
        parts = [_pairs(paths, size, jitter) for paths, jitter in ((train, True), (test, False))]
        return Domains(parts[0], None, parts[1], None, 3, 3)
    missing = [name for name in UNPAIRED if name not in present]
    if missing:
        what = f"{', '.join(missing)} is missing" if present else "there is neither train nor trainA"
        raise UserError(
            f"{root}: {what}; give train and val with pairs side by side in each picture, or {', '.join(UNPAIRED)}"
        )
    a, b, test_a, test_b = (_singles(_found(root / name), size, name.startswith("train")) for name in UNPAIRED)
    return Domains(a, b, test_a, test_b, 3, 3)


def derived_pairs(root: Path, task: str, size: int) -> Domains:
    """Pairs made of photographs: gray and color, or edges and the photograph; the last of every 8 for testing."""
    make = gray_and_color if task == "colorize" else edges_and_photo
    parts = []
    for paths, train in zip(_split(_found(root)), (True, False)):
        decode = partial(_derived, paths, make, round(size * ZOOM))
        parts.append(Pictures(len(paths), decode, size, jitter=train, mirror=train))
    return Domains(parts[0], None, parts[1], None, 1, 3)


def photo_and_painting(photos: Path, paintings: Path, size: int) -> Domains:
    """A: photographs. B: patches of the paintings in a folder or of one painting, cropped at random from all of it."""
    painted = [paintings] if paintings.is_file() else _found(paintings)
    parts = []
    for paths, train in zip(_split(_found(photos)), (True, False)):
        parts.append(_resized(paths, round(size * ZOOM), size, train))
        parts.append(_resized(painted, round(2 * size * ZOOM), size, train))
    a, b, test_a, test_b = parts
    return Domains(a, b, test_a, test_b, 3, 3)


def gray_and_color(photograph: np.ndarray) -> np.ndarray:
    """(3, H, W) uint8 to (4, H, W): the brightness, then the photograph."""
    gray = np.rint(np.einsum("c,chw->hw", np.array([0.299, 0.587, 0.114]), photograph))
    return np.concatenate([gray[None].astype(np.uint8), photograph])


def edges_and_photo(photograph: np.ndarray) -> np.ndarray:
    """(3, H, W) uint8 to (4, H, W): the edges, white on black, then the photograph.

    Edges are the length of the brightness' gradient (Sobel), its 95th percentile white.
    """
    gray = gray_and_color(photograph)[0].astype(np.float32)
    y = np.pad(gray, 1, mode="edge")
    smooth_x = y[:, :-2] + 2 * y[:, 1:-1] + y[:, 2:]
    smooth_y = y[:-2] + 2 * y[1:-1] + y[2:]
    length = np.hypot(smooth_x[2:] - smooth_x[:-2], smooth_y[:, 2:] - smooth_y[:, :-2])
    edges = np.clip(length / max(float(np.percentile(length, 95)), 1.0), 0, 1)
    return np.concatenate([np.rint(255 * edges).astype(np.uint8)[None], photograph])


# -------------------------------------------------------------------------------------------- files


def _found(folder: Path) -> list[Path]:
    """The pictures in a folder. Errors: UserError if it is not there or holds none."""
    folder = folder.expanduser()
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder of pictures")
    paths = pictures_in(folder)
    if not paths:
        raise UserError(f"{folder}: there are no pictures in it")
    return paths


def _split(paths: list[Path]) -> tuple[list[Path], list[Path]]:
    """(for training, for testing): the last eighth is for testing. Errors: UserError for a single picture."""
    if len(paths) < 2:
        raise UserError(f"{paths[0].parent}: one picture is not enough, one more is needed for testing")
    tested = max(1, len(paths) // TESTED)
    return paths[:-tested], paths[-tested:]


def _array(image: Image.Image) -> np.ndarray:
    return np.ascontiguousarray(np.asarray(image, np.uint8).transpose(2, 0, 1))


def _shorter_side(path: Path, side: int) -> Image.Image:
    """The picture with its shorter side of `side` pixels."""
    image = open_picture(path)
    factor = side / min(image.size)
    return image.resize((max(side, round(image.width * factor)), max(side, round(image.height * factor))))


def _derived(paths: list[Path], make: object, side: int, index: int) -> np.ndarray:
    return make(_array(_shorter_side(paths[index], side)))  # type: ignore[operator]


def _resized(paths: list[Path], side: int, size: int, train: bool) -> Pictures:
    return Pictures(len(paths), lambda i: _array(_shorter_side(paths[i], side)), size, jitter=train, mirror=train)


def _singles(paths: list[Path], size: int, train: bool) -> Pictures:
    """Pictures of any shape as squares a little larger than what is cropped."""
    side = round(size * JITTER) if train else size
    return Pictures(
        len(paths), lambda i: _array(ImageOps.fit(open_picture(paths[i]), (side, side))), size, train, mirror=train
    )


def _pairs(paths: list[Path], size: int, train: bool) -> Pictures:
    """A | B in one picture as six channels. Errors: UserError naming a picture of odd width."""
    side = round(size * JITTER) if train else size

    def decode(index: int) -> np.ndarray:
        image = open_picture(paths[index])
        if image.width % 2:
            raise UserError(
                f"{paths[index]}: {image.width} pixels wide, which is odd; a pair is two pictures of one width side "
                "by side"
            )
        half = image.width // 2
        halves = [image.crop((left, 0, left + half, image.height)).resize((side, side)) for left in (0, half)]
        return np.concatenate([_array(each) for each in halves])

    return Pictures(len(paths), decode, size, jitter=train, mirror=train)
