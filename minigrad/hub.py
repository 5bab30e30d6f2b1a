"""Downloads that can be trusted (several mirrors, resumed where they broke off, checked before they count), and the
cache: every path in it is decided here, so that what one command leaves is where another one looks.

The bytes go into `NAME.part` beside the target. Only when the length and the SHA-256 checksum are right is
that file renamed to its final name, so a file that has its final name is always whole. A broken transfer
leaves the part behind, and the next attempt asks the server for the rest with HTTP's `Range` header
(RFC 9110, section 14): status 206 means "here is the rest", 200 means "I only send whole files".

No server can hold or fill the machine: a transfer ends at the known size (or at MAX_BYTES), and a server that is too
slow to begin or to go on is left for the next one. Of several processes that want one file, one fetches it and the
others wait. A part that is a link is removed, never followed.
"""

from __future__ import annotations

import errno
import hashlib
import http.client
import os
import re
import shutil
import stat
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import platformdirs
from tqdm import tqdm

from .files import LockedError, check_replaceable, locked

CHUNK = 1 << 18
TIMEOUT = 30.0  # seconds without a byte
RESPONSE_SECONDS = 60.0  # until the headers are there: name look-up, connection, redirections
PACE_SECONDS = 60.0  # in each such span a server must send at least ...
PACE_BYTES = 1 << 18  # ... so much, else it is given up
TOTAL_SECONDS = 24 * 3600.0  # for one request
MAX_BYTES = 4 << 30  # of a file whose size is not known in advance: more than any file that minigrad uses
LONGEST_PLACE = 100  # characters of a file's place in the cache, its temporary name included
ATTEMPTS = 5  # for each mirror, as long as every attempt brings something new


class _MirrorError(Exception):
    """One mirror did not deliver; the text says why. resumable: what has arrived so far may be continued."""

    def __init__(self, reason: str, resumable: bool = False) -> None:
        super().__init__(reason)
        self.resumable = resumable


def cache_folder() -> Path:
    """The folder for downloaded files: $MINIGRAD_CACHE, or the user's cache folder for minigrad.

    Errors: RuntimeError where MINIGRAD_CACHE is so long that no file in it can be opened.
    """
    chosen = os.environ.get("MINIGRAD_CACHE")
    if not chosen:
        return Path(platformdirs.user_cache_dir("minigrad"))
    folder = Path(chosen).expanduser()
    try:
        os.lstat(folder / ("x" * LONGEST_PLACE))
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise RuntimeError(f"MINIGRAD_CACHE is too long for a folder's name: {chosen[:60]}...") from None
    return folder


def weights_file(architecture: str, half: bool = False) -> Path:
    """Where downloaded and converted weights are kept: weights/vgg19.npz, or weights/vgg19_half.npz in float16."""
    return weights_folder() / f"{architecture}{'_half' if half else ''}.npz"


def weights_folder() -> Path:
    """The folder for weights, as downloaded and as converted."""
    return cache_folder() / "weights"


def dataset_folder(name: str) -> Path:
    """The folder for a data set's files, laid out as torchvision does: MNIST/raw."""
    return cache_folder() / name / "raw"


def classifiers_folder() -> Path:
    """The folder for the classifiers that measure what GANs draw."""
    return cache_folder() / "classifiers"


def download(
    urls: Sequence[str],
    path: str | os.PathLike[str],
    sha256: str | None = None,
    size: int | None = None,
    progress: bool = True,
) -> Path:
    """Fetches a file from the first of `urls` that delivers it, into `path`, and returns the path.

    urls: mirrors of the same file, http or https, tried in order. sha256: the checksum in hexadecimal, or its
    first digits (8 at least). size: in bytes. A file that is already there and passes the checks is kept.
    Errors: ValueError for bad arguments; RuntimeError, naming what went wrong with each mirror, when none
    delivers, and when the folder cannot be written or has no room.
    """
    _check_arguments(urls, sha256, size)
    target = Path(path)
    if _is_whole(target, sha256, size):
        return target
    _check_room(target, size)
    with _alone(target):
        if not _is_whole(target, sha256, size):  # otherwise another process fetched it meanwhile
            _fetch(urls, target, sha256, size, progress)
    return target


def _fetch(urls: Sequence[str], target: Path, sha256: str | None, size: int | None, progress: bool) -> None:
    part = target.with_name(target.name + ".part")
    failures = []
    for url in urls:
        try:
            _fetch_from(url, part, sha256, size, progress)
        except _MirrorError as error:
            failures.append(f"{url}: {error}")
            continue
        os.replace(part, target)
        return
    raise RuntimeError(f"download: {target.name} could not be fetched: {'; '.join(failures)}")


def _is_whole(target: Path, sha256: str | None, size: int | None) -> bool:
    """Errors: RuntimeError for a path that can never become the file: a folder, a device, a name that is too long."""
    try:
        check_replaceable(target)
        return target.is_file() and _fault(target, sha256, size) is None
    except OSError as error:
        raise RuntimeError(f"download: {target} cannot be used: {error.strerror}") from error


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """Wait until no other process fetches `target`, and keep the others waiting; the lock's file is removed after."""
    lock = target.with_name(target.name + ".lock")
    with ExitStack() as held:
        while not _acquire(held, lock):
            time.sleep(0.1)
        try:
            yield
        finally:
            _remove(lock)


def _acquire(held: ExitStack, lock: Path) -> bool:
    """Whether the lock could be taken; it is released when `held` closes."""
    attempt = ExitStack()
    try:
        descriptor = attempt.enter_context(locked(lock, f"process {os.getpid()}"))
    except LockedError:
        return False
    except OSError as error:
        raise RuntimeError(f"download: {lock} cannot be written: {error.strerror}") from error
    held.push(attempt)
    if _is_still(lock, descriptor):
        return True
    held.close()  # its last holder removed it between our opening and our locking
    return False


def _is_still(path: Path, descriptor: int) -> bool:
    """Whether the opened file is the one that has this name now."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _remove(lock: Path) -> None:
    with suppress(OSError):  # Windows removes no open file; one that stays does no harm
        lock.unlink(missing_ok=True)


def _check_arguments(urls: Sequence[str], sha256: str | None, size: int | None) -> None:
    if isinstance(urls, str) or not urls:
        raise ValueError(f"download: urls must be a list of one or more addresses, not {urls!r}")
    for url in urls:
        if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
            raise ValueError(f"download: {url!r} is no address that starts with http:// or https://")
    if sha256 is not None and not re.fullmatch(r"[0-9a-fA-F]{8,64}", sha256):
        raise ValueError(f"download: sha256 must be 8 to 64 hexadecimal digits, not {sha256!r}")
    if size is not None and size <= 0:
        raise ValueError(f"download: size must be a positive number of bytes, not {size!r}")


def _check_room(target: Path, size: int | None) -> None:
    """Makes the target's folder; refuses before the transfer what the disk cannot hold anyway."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(target.parent).free
    except OSError as error:
        raise RuntimeError(f"download: the folder {target.parent} cannot be used: {error.strerror}") from error
    if size is not None and free < size:
        raise RuntimeError(
            f"download: {target.name} needs {size:,} bytes, and {target.parent} has {free:,} free; "
            "make room or set MINIGRAD_CACHE to another folder"
        )


def _fetch_from(url: str, part: Path, sha256: str | None, size: int | None, progress: bool) -> None:
    """Leaves the whole, checked file in `part`, or raises _MirrorError."""
    _drop_link(part)
    if sha256 is None:
        part.unlink(missing_ok=True)  # without a checksum nobody would notice the halves of two files
    for _ in range(ATTEMPTS):
        started_at = _length(part)
        try:
            _transfer(url, part, size, progress)
        except _MirrorError as error:
            if error.resumable and _length(part) > started_at:
                continue
            raise
        fault = _fault(part, sha256, size)
        if fault is None:
            return
        part.unlink()
        if started_at == 0:  # otherwise the older half may have been the bad one: once more, from the start
            raise _MirrorError(fault)
    raise _MirrorError(f"the connection broke {ATTEMPTS} times")


def _transfer(url: str, part: Path, size: int | None, progress: bool) -> None:
    """One request: appends to `part` what it lacks."""
    have = _length(part)
    headers = {"User-Agent": "minigrad", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    try:
        with _open_url(urllib.request.Request(url, headers=headers)) as response:
            start = _start_of(response, have)
            total = _total(response, start)
            if None not in (size, total) and total != size:
                raise _MirrorError(f"offers {total:,} bytes where {size:,} are expected")
            if size is None and total is not None and total > MAX_BYTES:
                raise _MirrorError(f"offers {total:,} bytes; {MAX_BYTES:,} is the most that is taken")
            _receive(response, part, start, total or size, progress)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:  # nothing behind `have`: the part is complete or wrong; the check decides
            return
        raise _MirrorError(f"HTTP {error.code} {str(error.reason)[:80]}") from error
    except http.client.HTTPException as error:
        raise _MirrorError(f"sent no proper HTTP ({type(error).__name__})", resumable=True) from error
    except urllib.error.URLError as error:
        raise _MirrorError(f"cannot be reached ({error.reason})") from error
    except OSError as error:
        raise _MirrorError(f"the connection broke ({error})", resumable=True) from error
    except ValueError as error:  # addresses and headers that Python cannot make sense of
        raise _MirrorError(f"sent no proper HTTP ({str(error)[:80]})") from error


def _open_url(request: urllib.request.Request) -> Any:
    """urlopen with a limit on the whole of it. Python's own timeout starts anew with every byte of the headers, and
    looking up a name has none; so a thread does it, which is left behind if it takes too long."""
    result: list[Any] = []
    given_up = threading.Event()

    def work() -> None:
        try:
            result.append(urllib.request.urlopen(request, timeout=TIMEOUT))
        except Exception as error:
            result.append(error)
        if given_up.is_set() and hasattr(result[0], "close"):
            result[0].close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(RESPONSE_SECONDS)
    if not result:
        given_up.set()
        raise _MirrorError(f"did not answer within {RESPONSE_SECONDS:g} seconds")
    if isinstance(result[0], Exception):
        raise result[0]
    return result[0]


def _start_of(response: Any, have: int) -> int:
    """Where in the file the response's bytes belong: 0 when the server ignored our Range."""
    if response.status != 206:
        return 0
    match = re.fullmatch(r"bytes (\d+)-\d+/(?:\d+|\*)", response.headers.get("Content-Range", "").strip())
    if match is None or int(match[1]) != have:
        raise _MirrorError("answered with another part of the file than the one asked for")
    return have


def _total(response: Any, start: int) -> int | None:
    """The whole file's length by the server's account, None where it does not say."""
    length = response.headers.get("Content-Length", "")
    if not length.isdecimal():
        return None
    if len(length) > 18:  # Python reads no number of thousands of digits
        raise _MirrorError(f"offers {length[:18]}... bytes, which no file has")
    return start + int(length)


def _receive(response: Any, part: Path, start: int, total: int | None, progress: bool) -> None:
    """Writes the response into `part` from byte `start` on; never more than `total` bytes in all."""
    received, most = start, MAX_BYTES if total is None else total
    bar = tqdm(total=total, initial=start, unit="B", unit_scale=True, desc=part.stem, disable=not progress)
    with bar, _open_part(part, start) as file:
        began = span = time.monotonic()
        in_span = 0
        while chunk := response.read1(CHUNK):  # what is there now: read() would wait for a whole chunk
            received += len(chunk)
            in_span += len(chunk)
            if received > most:
                raise _MirrorError(f"sends more than the expected {most:,} bytes")
            _write(file, part, chunk)
            bar.update(len(chunk))
            now = time.monotonic()
            if now - began > TOTAL_SECONDS:
                raise _MirrorError(f"was not done after {TOTAL_SECONDS:g} seconds")
            if now - span > PACE_SECONDS:
                if in_span < PACE_BYTES:
                    raise _MirrorError(f"is too slow: {in_span:,} bytes in {now - span:.0f} seconds")
                span, in_span = now, 0
        os.fsync(file.fileno())
    if total is not None and received < total:
        raise _MirrorError(f"broke off after {received:,} of {total:,} bytes", resumable=True)


def _drop_link(part: Path) -> None:
    """Removes what has the part's name and is not a file of its own: writing there would write somewhere else."""
    try:
        found = os.lstat(part)
        if not stat.S_ISDIR(found.st_mode) and not (stat.S_ISREG(found.st_mode) and found.st_nlink == 1):
            part.unlink()
    except FileNotFoundError:
        pass


def _open_part(part: Path, start: int) -> Any:
    try:
        flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if start else os.O_TRUNC)
        descriptor = os.open(part, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0), 0o666)
        return os.fdopen(descriptor, "wb", buffering=0)  # nothing held back that close() would fail on
    except OSError as error:
        raise RuntimeError(f"download: {part} cannot be written: {error.strerror}") from error


def _write(file: Any, part: Path, chunk: bytes) -> None:
    """Writes all of `chunk`; a full disk is the user's to mend, and no reason to try the next mirror."""
    rest = memoryview(chunk)
    try:
        while rest:
            rest = rest[file.write(rest) :]
    except OSError as error:
        raise RuntimeError(f"download: {part} cannot be written: {error.strerror}") from error


def _length(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0


def _fault(path: Path, sha256: str | None, size: int | None) -> str | None:
    """What is wrong with the file, by its length and checksum; None when nothing is."""
    length = _length(path)
    if size is not None and length != size:
        return f"delivered {length:,} bytes where {size:,} are expected"
    if sha256 is not None:
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if not digest.startswith(sha256.lower()):
            return f"delivered a file whose sha256 {digest[:16]}... is not the expected {sha256[:16]}..."
    return None
