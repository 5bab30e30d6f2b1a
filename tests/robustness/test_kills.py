"""Commands are killed at random moments and run again: they end as if nothing had happened, and nothing is left over.

Seeded. Trainings must end with the checkpoint of an undisturbed run, bit for bit. Every command must end with the
files that an undisturbed run leaves, no temporary ones among them, and keep a file of the user's in the same folder.
The suite kills a few of the commands once; with MINIGRAD_KILLS each is killed so often (`make robustness`).
"""

import hashlib
import os
import random
import signal
import sys

import pytest

from tests.helpers.small_commands import OTHERS, TRAININGS, made

KILLS = int(os.environ.get("MINIGRAD_KILLS", "1"))  # of each command
IN_SUITE = ("gan", "discogan", "gan-cls", "super-resolution", "weights", "packed model", "translated folder")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are not forked there")


def chosen(table):
    """The commands of the suite; all when MINIGRAD_KILLS is set."""
    return [name for name in table if name in IN_SUITE or "MINIGRAD_KILLS" in os.environ]


def contents(folder):
    """The checksum of each file under a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*")) if path.is_file()
    }  # fmt: skip


def killed_and_again(commands, command, inputs, folder):
    """The contents of the folder of an undisturbed run, and those of folders in which runs were killed before they were
    done, until there were KILLS kills in all.

    A kill comes at any moment of the time that an undisturbed run takes, however far the killed ones have come.
    """
    whole = commands(command.module, command.words(inputs, made(folder / "once")))
    assert whole.code == 0, whole.output
    moments, kills, results = random.Random(command.line), 0, []
    while kills < KILLS:
        killed = made(folder / f"killed{len(results)}")
        arguments = [*command.words(inputs, killed), *["--resume"] * command.resume]
        outcome = None
        while outcome is None or outcome.code:
            late = moments.uniform(0, whole.seconds) if kills < KILLS else None
            outcome = commands(command.module, arguments, kill_after=late)
            assert outcome.code in (0, -signal.SIGKILL), outcome.output
            kills += outcome.code != 0
        assert not list(killed.rglob("*.part")), "temporary files are left"
        assert (killed / "mine.txt").read_text() == "the user's own"
        results.append(contents(killed))
        assert len(results) < 10 + KILLS, "the runs end before they are killed"
    return contents(folder / "once"), results


@pytest.mark.parametrize("name", chosen(TRAININGS))
def test_a_training_that_was_killed_ends_with_the_same_bits(commands, inputs, tmp_path, name):
    once, results = killed_and_again(commands, TRAININGS[name], inputs, tmp_path)
    same = [path for path in once if path.startswith(("checkpoint", "samples", "losses.csv"))]
    assert "checkpoint.npz" in same and "losses.csv" in same
    for killed in results:
        assert {path: once[path] for path in same} == {path: killed.get(path) for path in same}
        assert once.keys() == killed.keys()


@pytest.mark.parametrize("name", chosen(OTHERS))
def test_a_command_that_was_killed_leaves_the_same_files_when_it_is_run_again(commands, inputs, tmp_path, name):
    once, results = killed_and_again(commands, OTHERS[name], inputs, tmp_path)
    for killed in results:
        assert once.keys() == killed.keys()
