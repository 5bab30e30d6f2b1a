"""Files that are never torn and never lost: atomic writes, locks, and a check that no output is one of the inputs."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO, BinaryIO

LONGEST_STEM = 200  # bytes of a file's name that its temporary name repeats; file systems allow 255 in all


# ---------------------------------------------------------------------------------------- writing


def temporary_prefix(name: str) -> str:
    """How the temporary names of a file called `name` begin."""
    stem = name if len(os.fsencode(name)) <= LONGEST_STEM else hashlib.sha256(os.fsencode(name)).hexdigest()[:32]
    return f".{stem}."


def temporary_names(name: str) -> re.Pattern[str]:
    """The temporary names under which `atomic_write` may write a file called `name`."""
    return re.compile(re.escape(temporary_prefix(name)) + r"\w{8}\.part")


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file for writing that takes its place only when all of it is safely on the disk.

    The bytes go to a temporary file in the same folder, which replaces `path` at the end; whatever goes wrong
    before that (an exception, a full disk, a kill) leaves the old file as it was. What a killed process left is
    removed by the next one that writes the file. A symbolic link is replaced, not followed. Errors: OSError that
    names the path if it is not a regular file, if its name is too long, or if its folder is missing, not writable,
    or full.
    """
    target = Path(path)
    check_replaceable(target)
    try:
        _remove_left_over(target)
        handle, name = _held_temporary(target)
    except OSError as error:
        raise OSError(error.errno, f"cannot write there: {os.strerror(error.errno or 0)}", str(target)) from None
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            os.chmod(name, 0o666 & ~_umask())
            if os.name == "posix":
                os.replace(name, target)  # while it is open, so locked
        if os.name != "posix":
            os.replace(name, target)
        _sync_folder(target.parent)
    except BaseException as error:
        with suppress(OSError):  # gone already, or the folder can no longer be written to
            os.unlink(name)
        if isinstance(error, OSError) and error.filename is None:
            raise OSError(error.errno, error.strerror or str(error), str(target)) from None
        raise


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a text file, in UTF-8, whole or not at all (`atomic_write`)."""
    with atomic_write(path) as file:
        file.write(text.encode())


def _held_temporary(target: Path) -> tuple[int, str]:
    """A new temporary file, locked where the system can: whose lock can be taken is a killed process's."""
    while True:
        handle, name = tempfile.mkstemp(prefix=temporary_prefix(target.name), suffix=".part", dir=target.parent)
        if _try_lock(handle) is None or os.path.lexists(name):
            return handle, name
        os.close(handle)  # another process took it for left over before it was locked


def _remove_left_over(target: Path) -> None:
    """Remove the temporary files of `target` that killed processes left."""
    for name in filter(temporary_names(target.name).fullmatch, _parts(os.path.abspath(target.parent))):
        with suppress(OSError):  # gone already, or not ours to remove
            handle = os.open(target.parent / name, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
            try:
                if _try_lock(handle):
                    os.unlink(target.parent / name)
            finally:
                os.close(handle)


@cache
def _parts(folder: str) -> list[str]:
    """The temporary files in a folder when this process first wrote there: later ones are not looked for, since reading
    a large folder before each file takes long."""
    with suppress(OSError):  # one may write into folders that one may not read
        return [name for name in os.listdir(folder) if name.endswith(".part")]
    return []


def _try_lock(handle: int) -> bool | None:
    """Whether an open file's lock could be taken; None where there are no such locks."""
    try:
        import fcntl
    except ImportError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except OSError as error:
        return False if error.errno in (errno.EWOULDBLOCK, errno.EACCES) else None


def check_replaceable(path: Path) -> None:
    """Errors: OSError if `path` is a folder, a device or a pipe, or if no file can have this name."""
    try:
        mode = os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return
    if stat.S_ISDIR(mode):
        raise OSError(errno.EISDIR, "this is a folder, a file's name is needed", str(path))
    if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
        raise OSError(errno.EINVAL, "this is not a regular file and will not be replaced by one", str(path))


def check_folder(folder: Path) -> None:
    """Errors: OSError, naming the folder, if no file can be written in it: before the work, not after."""
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"0")
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(folder)) from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    """Make the replacement itself durable, where the system can synchronize folders."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


# ------------------------------------------------------------------------------- inputs and outputs


def same_file(a: Path, b: Path) -> bool:
    """Whether two paths are one file: by any way, symbolic link or hard link.

    Names that differ only in case or in how accents are encoded count as one, since on some systems they are.
    """
    try:
        if os.path.samefile(a, b):
            return True
    except OSError:  # one of them does not exist
        pass
    a, b = Path(os.path.realpath(a)), Path(os.path.realpath(b))
    return _folded(a) == _folded(b)


def _folded(path: Path) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", str(path)).casefold())


def check_outputs(outputs: Iterable[Path], inputs: Iterable[Path]) -> None:
    """Errors: ValueError, naming both, if an output is one of the inputs or two outputs are one file."""
    outputs, inputs = list(outputs), list(inputs)
    for number, output in enumerate(outputs):
        for source in inputs:
            if same_file(output, source):
                raise ValueError(f"{output}: writing it would overwrite the input {source}; choose another name")
        for other in outputs[:number]:
            if same_file(output, other):
                raise ValueError(f"{output} and {other} would be one file; choose another name")


# ------------------------------------------------------------------------------------------- names


def printable(text: str) -> str:
    """Text with every control character written as an escape: names from files and folders may hold any."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


# ------------------------------------------------------------------------------------------- locks


class LockedError(OSError):
    """Another process holds the lock; the text says which, as far as it is known."""


@contextmanager
def locked(path: str | os.PathLike[str], owner: str) -> Iterator[int]:
    """Hold an exclusive lock on a file; the system frees it when the process ends, in whatever way.

    The file stays behind, since removing it would let two processes hold locks on two files of one name. owner: what
    the next one who tries is told. Gives the descriptor of the opened file. Errors: LockedError with the holder's
    `owner` as its text.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
    with os.fdopen(descriptor, "r+", encoding="utf-8", errors="replace") as file:
        try:
            _lock(file)
        except (BlockingIOError, PermissionError):
            raise LockedError(file.read(500).strip() or "another process") from None
        file.truncate(0)
        file.write(owner)
        file.flush()
        yield descriptor


def _lock(file: IO[str]) -> None:
    """Errors: BlockingIOError or PermissionError if another process holds the lock."""
    try:
        import fcntl
    except ImportError:  # Windows: lock one byte far behind the text, so that the text stays readable
        import msvcrt

        file.seek(1 << 30)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        file.seek(0)
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.ENOTSUP, errno.ENOLCK, errno.ENOSYS):  # a file system without locks: go without
            raise
