"""Atomic writes, locks, and the check that no output is one of the inputs."""

import os
import subprocess
import sys

import pytest

from minigrad.files import LockedError, atomic_write, check_outputs, locked, same_file, temporary_prefix
from tests.helpers.paths import ROOT


@pytest.mark.parametrize("length", [1, 100, 200, 201, 240, 255])
def test_names_of_every_length_can_be_written(tmp_path, length):
    path = tmp_path / ("x" * length)
    with atomic_write(path) as file:
        file.write(b"whole")
    assert path.read_bytes() == b"whole" and len(list(tmp_path.iterdir())) == 1


def test_names_that_are_too_long_fail_before_the_work(tmp_path):
    with pytest.raises(OSError, match="name too long"), atomic_write(tmp_path / ("x" * 256)):
        pytest.fail("the work has begun")


def test_only_regular_files_are_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(OSError, match="this is"), atomic_write(tmp_path / name):
            pytest.fail("the work has begun")
    assert not list(tmp_path.glob(".*"))


def test_a_link_is_replaced_and_not_followed(tmp_path):
    (tmp_path / "photo").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "photo")
    with atomic_write(tmp_path / "link") as file:
        file.write(b"new")
    assert (tmp_path / "photo").read_text() == "mine" and (tmp_path / "link").read_text() == "new"


def test_temporary_names_tell_their_file(tmp_path):
    with atomic_write(tmp_path / "a.png"):
        (name,) = [path.name for path in tmp_path.iterdir()]
    assert name.startswith(temporary_prefix("a.png")) and name.endswith(".part")
    assert temporary_prefix("y" * 250) != temporary_prefix("y" * 251)


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "Photo.png"
    path.write_text("mine")
    return path


def test_one_file_by_many_ways(photo):
    folder = photo.parent
    (folder / "sub").mkdir()
    (folder / "link.png").symlink_to(photo)
    os.link(photo, folder / "hard.png")
    (folder / "way").symlink_to(folder)
    ways = ["Photo.png", "sub/../Photo.png", "link.png", "hard.png", "way/Photo.png", "photo.PNG", "way/PHOTO.png"]
    for way in ways:
        assert same_file(folder / way, photo), way
        with pytest.raises(ValueError, match=r"would overwrite the input .*Photo\.png; choose another name"):
            check_outputs([folder / "other.png", folder / way], [photo])
    assert same_file(folder / "caf\u00e9", folder / "cafe\u0301")
    check_outputs([folder / "other.png", folder / "sub" / "Photo.png"], [photo])


def test_two_outputs_are_two_files(tmp_path):
    with pytest.raises(ValueError, match="would be one file"):
        check_outputs([tmp_path / "a.png", tmp_path / "A.png"], [])


def test_a_lock_is_held_by_one_and_tells_its_owner(tmp_path):
    with locked(tmp_path / "lock", "the first"):
        with pytest.raises(LockedError, match="the first"), locked(tmp_path / "lock", "the second"):
            pytest.fail("two hold the lock")
        assert (tmp_path / "lock").read_text() == "the first"
    with locked(tmp_path / "lock", "2"):
        assert (tmp_path / "lock").read_text() == "2"


LEAVE_OR_WAIT = """
import os, signal, sys
from minigrad.files import atomic_write
with atomic_write(sys.argv[1]) as file:
    print("writing", flush=True)
    if sys.argv[2] == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="temporary files are not locked there")
def test_what_a_killed_process_left_is_removed_and_what_a_living_one_writes_is_not(tmp_path):
    def other(how):
        return subprocess.Popen(
            [sys.executable, "-c", LEAVE_OR_WAIT, tmp_path / "a.png", how], cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    with other("alive") as alive:
        assert alive.stdout.readline() == "writing\n"
        with other("killed") as killed:  # last, for a writer that comes after it removes what it left
            killed.wait()
        for name in (".b.png.abcdefgh.part", ".a.png.part", ".a.png.mine.part"):
            (tmp_path / name).write_text("another's")
        before = sorted(path.name for path in tmp_path.glob(".a.png.????????.part"))
        assert len(before) == 2
        with atomic_write(tmp_path / "a.png") as file:
            file.write(b"ours")
        after = [path.name for path in tmp_path.glob(".a.png.????????.part")]
        assert len(after) == 1 and after[0] in before
        alive.stdin.close()
        assert alive.wait() == 0
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == [".a.png.mine.part", ".a.png.part", ".b.png.abcdefgh.part", "a.png"]
    assert (tmp_path / "a.png").read_bytes() == b""  # the living one came last
