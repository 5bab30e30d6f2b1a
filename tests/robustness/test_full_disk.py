"""The disk is full, or can no longer be written to, from some moment on: at the writes of every command.

Simulated where files are opened, named and written. Each time the command must end with exit code 2 and one sentence,
leave no temporary file and every earlier file whole, and finish when it is run again with room. The suite tries the
first and the last write of some commands; with MINIGRAD_FULL_DISK, so many of each (`make robustness`).

Where file systems may be mounted, the same on a small disk that is really full.
"""

import os
import random
import subprocess
import sys

import pytest

from experiments.common import run_checkpoints
from tests.helpers.small_commands import COMMANDS, made

TRIES = int(os.environ.get("MINIGRAD_FULL_DISK", "2"))  # of each command and each kind of failure
IN_SUITE = ("gan", "samples", "translated folder", "see receptive fields", "packed model", "bench")
REALLY = ("gan", "translated folder")  # in the suite, on a real disk
MEGABYTE = 2**20

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are not forked there")


def chosen(names):
    """The names in the suite; all that compute in their own process when MINIGRAD_FULL_DISK is set."""
    return (
        [name for name, command in COMMANDS.items() if command.alone] if "MINIGRAD_FULL_DISK" in os.environ else names
    )


def files(folder):
    """The names of the files below a folder, but for its lock, which stays."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def temporary(folder):
    return [*folder.rglob("*.part"), *folder.rglob(".*.part")]


def moments(count, name):
    """The first, the last, and some in between."""
    numbers = random.Random(name)
    return sorted({0, count - 1, *numbers.sample(range(count), min(count, max(TRIES - 2, 0)))})


def check_one_sentence(outcome, *words):
    """The command ended with exit code 2 and one sentence that has one of the words in it."""
    lines = outcome.output.replace("\r", "\n").split("\n")
    sentences = [line for line in lines if line.startswith("error: ")]
    assert (outcome.code, len(sentences)) == (2, 1), outcome.output
    assert "Traceback" not in outcome.output and "ignored" not in outcome.output, outcome.output
    assert any(word in sentences[0].lower() for word in words), sentences


def check_checkpoint(folder):
    if (folder / run_checkpoints.NEWEST).exists():
        run_checkpoints.read(folder / run_checkpoints.NEWEST)


def check_as_undisturbed(commands, command, arguments, folder, once):
    """Run again with room, the command ends with the files of an undisturbed run; a training with its checkpoint."""
    again = commands(command.module, arguments)
    assert again.code == 0, again.output
    assert files(folder) == files(once) and not temporary(folder)
    assert (folder / "mine.txt").read_text() == "the user's own"
    if command.resume:
        newest = run_checkpoints.NEWEST
        assert (folder / newest).read_bytes() == (once / newest).read_bytes()


@pytest.mark.parametrize("what", ["write", "create"])
@pytest.mark.parametrize("name", chosen(IN_SUITE))
def test_a_full_disk_costs_one_sentence_and_nothing_else(commands, inputs, tmp_path, name, what):
    command, once = COMMANDS[name], made(tmp_path / "once")
    whole = commands(command.module, command.words(inputs, once), disk=[once])
    assert whole.code == 0, whole.output
    for number in moments(whole.count[what], f"{name} {what}"):
        folder = made(tmp_path / f"{number}")
        arguments = [*command.words(inputs, folder), *["--resume"] * command.resume]
        outcome = commands(command.module, arguments, disk=[folder, what, number])
        check_one_sentence(outcome, "space left", "read-only")
        assert what == "create" or not temporary(folder), number  # nothing can be removed from a read-only folder
        check_checkpoint(folder)
        check_as_undisturbed(commands, command, arguments, folder, once)


def mounted(folder, size):
    """Mount an empty disk of so many bytes there, or give the mounted one this size; skips where one may not."""
    options = f"size={size}" + (",remount" if os.path.ismount(folder) else "")
    try:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, text=True)
    except OSError as error:
        pytest.skip(f"no disk can be mounted: {error}")
    if done.returncode:
        pytest.skip(f"no disk can be mounted: {done.stderr.strip()}")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="file systems in memory are Linux's")
@pytest.mark.parametrize("name", chosen(REALLY))
def test_a_disk_that_is_really_full(commands, inputs, tmp_path, name):
    command, once = COMMANDS[name], made(tmp_path / "once")
    assert commands(command.module, command.words(inputs, once)).code == 0
    taken = sum(path.stat().st_size for path in once.rglob("*") if path.is_file())
    numbers = random.Random(name)
    for number in range(max(1, TRIES // 2)):
        folder = tmp_path / f"disk{number}"
        folder.mkdir()
        mounted(folder, MEGABYTE * 512)
        try:
            (folder / "mine.txt").write_text("the user's own")
            filler, room = folder / "filler", os.statvfs(folder)
            left = numbers.randrange(0, max(taken // 2, 4096)) // room.f_frsize  # blocks, fewer than are needed
            with filler.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, (room.f_bavail - left) * room.f_frsize)
            arguments = [*command.words(inputs, folder), *["--resume"] * command.resume]
            outcome = commands(command.module, arguments)
            check_one_sentence(outcome, "space left")
            assert not temporary(folder)
            check_checkpoint(folder)
            filler.unlink()
            check_as_undisturbed(commands, command, arguments, folder, once)
        finally:
            subprocess.run(["umount", folder], check=True)
