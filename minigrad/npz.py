"""NumPy's `.npz` archives, listed by their headers before a number is read.

An archive is a zip file with one `.npy` file for each array: a magic string, a header in the syntax of a Python
dictionary (number type, shape, order) and the numbers. A compressed archive of some megabytes can declare arrays of
many gigabytes; so whoever reads files of strangers lists first, checks names, shapes and types, and only then reads.

    members = list_npz("weights.npz")
    members["conv1_1.weight"].shape, members["conv1_1.weight"].dtype      # from the header
    members["conv1_1.weight"].read()                                      # the numbers

Nothing is ever unpickled. Format: numpy.lib.format, versions 1.0 and 2.0.
"""

from __future__ import annotations

import errno
import io
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import BinaryIO

import numpy as np

# What zipfile and zlib raise over damaged archives; RuntimeError stands for encrypted members and too deep nesting,
# ValueError for names that are no text and places that no file has. NpzError is one too: let it through first.
DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError, OverflowError)


class NpzError(ValueError):
    """What is wrong with an archive; the text is a predicate ("is damaged: ...") that follows the file's name."""


@dataclass(frozen=True)
class Member:
    """One array of an archive. shape, dtype: as its header declares them; read() fetches the numbers."""

    shape: tuple[int, ...]
    dtype: np.dtype
    read: Callable[[], np.ndarray]


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """The file opened for reading, if it is a regular file. Pipes and devices, which may never end or never begin,
    are refused (checked on the opened descriptor, so that nothing can be exchanged in between).

    Errors: OSError naming the path, as `open` raises it, also for a pipe, a device or a socket.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        kind = "is a folder, not a file" if stat.S_ISDIR(mode) else "not a regular file (a pipe or a device)"
        raise OSError(errno.EINVAL, kind, os.fspath(path))
    return os.fdopen(descriptor, "rb")


def list_npz(path: str | os.PathLike[str]) -> dict[str, Member]:
    """The archive's arrays by name, from their headers alone.

    Errors: OSError if the file cannot be opened; NpzError if it is no archive, is damaged, names an array twice,
    holds pickled objects, or if a header and the archive's directory disagree about an array's length.
    """
    with open_regular(path) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                members: dict[str, Member] = {}
                for entry in archive.infolist():
                    name = entry.filename.removesuffix(".npy")
                    if entry.filename == name:
                        continue
                    if name in members:
                        raise NpzError(f"is damaged: it holds the array {name[:60]!r} twice")
                    members[name] = _listed(Path(path), archive, entry)
                return members
        except NpzError:
            raise
        except DAMAGE as error:
            raise NpzError(f"is damaged or cut short: {error or 'it ends too early'}") from error


def read_stored(path: str | os.PathLike[str] | BinaryIO) -> dict[str, np.ndarray]:
    """All arrays of an archive that is not compressed. What its directory declares must fit into the file, and every
    header must agree with the directory, before the first array is allocated: so a file takes the memory of its size.

    Errors: as of list_npz, and NpzError for an archive that is compressed or declares more than it holds.
    """
    with open_regular(path) if isinstance(path, (str, os.PathLike)) else io.BytesIO(path.read()) as file:
        try:
            size = file.seek(0, os.SEEK_END)
            with zipfile.ZipFile(file) as archive:
                entries = archive.infolist()
                if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
                    raise NpzError("is compressed, as no checkpoint is")
                if sum(entry.file_size for entry in entries) > size:
                    raise NpzError("is damaged: it declares more than it holds")
                names = [entry.filename.removesuffix(".npy") for entry in entries]
                if len(set(names)) < len(names):
                    raise NpzError("is damaged: it holds an array twice")
                for entry in entries:
                    _header(archive, entry)
                return {name: _numbers(archive, entry) for name, entry in zip(names, entries, strict=True)}
        except NpzError:
            raise
        except DAMAGE as error:
            raise NpzError(f"is damaged or cut short: {error or 'it ends too early'}") from error


def _numbers(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(entry) as member:
        return np.lib.format.read_array(member, allow_pickle=False)


def _listed(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Member:
    """One array as its header declares it, and how to read it."""
    shape, dtype = _header(archive, entry)

    def read() -> np.ndarray:
        try:
            with open_regular(path) as file, zipfile.ZipFile(file) as again:
                return _numbers(again, again.getinfo(entry.filename))
        except NpzError:
            raise
        except DAMAGE as error:
            raise NpzError(f"is damaged or cut short: {error or 'it ends too early'}") from error

    return Member(shape, dtype, read)


def _header(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> tuple[tuple[int, ...], np.dtype]:
    """One array's shape and type from its header, which must agree with the size that the archive declares."""
    try:
        with archive.open(entry) as file:
            version = np.lib.format.read_magic(file)
            read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
            shape, _, dtype = read_header[version](file)
            header_bytes = file.tell()
    except Exception as error:  # NumPy's parser of headers lets Python's tokenizer's errors through, and more
        raise NpzError(f"is damaged: the header of its array {entry.filename[:60]!r} cannot be read") from error
    if dtype.hasobject:
        raise NpzError(f"holds pickled objects ({entry.filename[:60]!r}), which are not read: save plain arrays")
    if min(shape, default=0) < 0 or entry.file_size != header_bytes + prod(shape) * dtype.itemsize:
        raise NpzError(f"is damaged: {entry.filename[:60]!r} has another length than its header {shape} says")
    return tuple(shape), dtype


def read_text(member: Member, longest: int) -> str:
    """The text that a 0-d member holds. Errors: NpzError if it is no text, or longer than `longest` characters."""
    if member.dtype.kind != "U" or member.shape:
        raise NpzError("holds an array where a text is expected")
    if member.dtype.itemsize // 4 > longest:
        raise NpzError(f"holds a text of {member.dtype.itemsize // 4:,} characters, which exceeds {longest:,}")
    return str(member.read())
