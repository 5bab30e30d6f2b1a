"""What all commands share: arguments that are checked early, and errors that are one sentence.

    parser = Parser("stylize a picture")
    parser.add_argument("--steps", type=positive_int, default=200, help="how long to optimize")
    add_common(parser)
    ...
    if __name__ == "__main__":
        run(main)

`run` turns the errors a user can mend (a missing file, a full disk, a size of zero) into `error: ...` on
stderr and exit code 2. With MINIGRAD_DEBUG=1 in the environment the traceback is shown instead.
"""

from __future__ import annotations

import argparse
import atexit
import io
import math
import os
import signal
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from minigrad import cuda, devices
from minigrad.files import check_folder, check_replaceable, printable
from minigrad.random import manual_seed

from . import ranks

FAILED = 2
INTERRUPTED = 130


class UserError(ValueError):
    """An error that the user can mend; its text is shown as it stands."""


def run(main: Callable[[], Any]) -> NoReturn:
    """Call `main` and leave the program: 0 when done, 2 after a user's error, 130 after Ctrl-C. Where mpiexec started
    several processes, they end together (`ranks.py`)."""
    warnings.showwarning = _show_warning  # type: ignore[assignment]
    atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C so late has nothing left to stop
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # file names may be of any bytes
    try:
        ranks.begin()
        main()
        sys.stdout.flush()
        ranks.end()
        sys.exit(0)
    except BrokenPipeError:  # the reader of our output (`| head`) has left; nothing is wrong
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except KeyboardInterrupt:
        ranks.fail("\ninterrupted", INTERRUPTED)
    except (ValueError, OSError, RuntimeError, MemoryError, OverflowError) as error:
        if os.environ.get("MINIGRAD_DEBUG"):
            raise
        ranks.fail(f"error: {sentence(error)}", FAILED)


def sentence(error: BaseException) -> str:
    """An exception in words fit for a user, in one line."""
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return printable(f"{where}{error.strerror[:1].lower()}{error.strerror[1:]}")
    if isinstance(error, MemoryError):
        return f"there is not enough memory ({error}); use a smaller size or batch" if str(error) else "out of memory"
    return printable(str(error) or type(error).__name__)


def _show_warning(message: Warning | str, category: type[Warning], *place: Any) -> None:
    """Warnings as plain lines, without the place in the code that issued them."""
    print(f"note: {printable(str(message))}", file=sys.stderr)


# ------------------------------------------------------------------------------------------- the parser


class _Help(argparse.RawDescriptionHelpFormatter):
    """Help with the default of each option, where it has one worth telling."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        text = action.help or ""
        silent = action.default in (None, False, argparse.SUPPRESS) or not action.option_strings or "%(default)" in text
        return text if silent else f"{text} (default: %(default)s)"


class Parser(argparse.ArgumentParser):
    """argparse with defaults shown, no abbreviated options, and errors as `error: ...`, exit code 2."""

    def __init__(self, description: str = "", **options: Any) -> None:
        super().__init__(description=description, formatter_class=_Help, allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        ranks.fail(f"error: {printable(message)} (--help lists the options)", FAILED)


def add_common(parser: argparse.ArgumentParser, seed: int = 0) -> None:
    """The options every command has: --device and --seed."""
    group = parser.add_argument_group("running")
    group.add_argument(
        "--device",
        default=os.environ.get("MINIGRAD_DEVICE", "auto"),
        metavar="auto|cpu|cuda|cuda:N",
        help="where to compute; auto takes a GPU that works, else the CPU",
    )
    group.add_argument("--seed", type=natural_number, default=seed, help="the same seed gives the same result")


def start(options: argparse.Namespace) -> devices.Device:
    """Seed the generator and give the device that the common options name, if it works.

    Errors: UserError that says why a named GPU cannot be used.
    """
    manual_seed(options.seed)
    device = ranks.local_device(devices.device(options.device))
    if device.type == "cuda":
        usable, reason = cuda.status()
        if not usable:
            raise UserError(f"--device {options.device}: the GPU cannot be used: {reason}; use --device cpu")
    return device


# ------------------------------------------------------------------------------------------- argument types


def positive_int(text: str) -> int:
    """A whole number from 1 to 2^31 - 1: a size, or a count."""
    return _number(text, int, 1, 2**31 - 1, "a whole number of at least 1")


def natural_number(text: str) -> int:
    """A whole number from 0 to 2^63 - 1: a seed, or a count that may be 0."""
    return _number(text, int, 0, 2**63 - 1, "a whole number of at least 0")


def positive_float(text: str) -> float:
    """A finite number greater than 0."""
    return _number(text, float, math.nextafter(0, 1), sys.float_info.max, "a number greater than 0")


def non_negative_float(text: str) -> float:
    """A finite number of at least 0."""
    return _number(text, float, 0, sys.float_info.max, "a number of at least 0")


def finite_float(text: str) -> float:
    """A finite number."""
    return _number(text, float, -sys.float_info.max, sys.float_info.max, "a number")


def _number(text: str, kind: Callable[[str], Any], least: float, most: float, wanted: str) -> Any:
    try:
        value = kind(text)
    except ValueError:
        value = math.nan
    if value > most:
        raise argparse.ArgumentTypeError(f"must be at most {most:g}, got {shortened(text)!r}")
    if not value >= least:
        raise argparse.ArgumentTypeError(f"must be {wanted}, got {shortened(text)!r}")
    return value


def shortened(text: str, length: int = 60) -> str:
    """The text, or its beginning and three dots."""
    return text if len(text) <= length else f"{text[: length - 3]}..."


def existing_file(text: str) -> Path:
    """The path of a file that is there."""
    path = Path(text).expanduser()
    if not path.exists():
        raise argparse.ArgumentTypeError(f"{path}: there is no such file")
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"{path}: must be a file, this is a {'folder' if path.is_dir() else 'device'}")
    return path


def existing_folder(text: str) -> Path:
    """The path of a folder that is there."""
    path = Path(text).expanduser()
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{path}: there is no such folder")
    return path


# ------------------------------------------------------------------------------------------- where results go


def writable_folder(path: str | os.PathLike[str]) -> Path:
    """The folder, made if it is not there, after a file could be written in it: before the work, not after.

    Errors: UserError that says what is in the way.
    """
    folder = Path(path).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        check_folder(folder)
    except OSError as error:
        raise UserError(f"{folder}: cannot write there ({(error.strerror or str(error)).lower()})") from error
    return folder


def writable_file(path: str | os.PathLike[str]) -> Path:
    """The path of a file that can be written: its folder takes files, and what stands there is a regular file."""
    file = Path(path).expanduser()
    if file.is_dir():
        raise UserError(f"{file}: must be a file name, this is a folder")
    try:
        check_replaceable(file)
    except OSError as error:
        raise UserError(f"cannot write there: {sentence(error)}") from error
    writable_folder(file.parent)
    return file
