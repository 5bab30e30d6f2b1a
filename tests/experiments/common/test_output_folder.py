"""A command's folder: only one process writes there, and nothing is lost that the command did not make."""

import json
import os
import signal
import subprocess
import sys

import pytest

from experiments.common.output_folder import LOCK, MANIFEST, OutputFolder
from tests.helpers.paths import ROOT


def write(folder, name, text="own"):
    folder.file(name).write_text(text)


def test_own_files_are_known_the_next_time_and_others_are_not_touched(tmp_path):
    (tmp_path / "samples_holiday.png").write_text("mine")
    with OutputFolder(tmp_path) as folder:
        write(folder, "a.png")
        write(folder, "b.png")
    with OutputFolder(tmp_path) as folder:
        assert [path.name for path in folder.existing(r".*\.png")] == ["a.png", "b.png"]
        write(folder, "a.png", "again")
        with pytest.raises(ValueError, match=r"samples_holiday.png is in the way: .* did not make it"):
            folder.file("samples_holiday.png")
        folder.remove(["a.png", "samples_holiday.png"])
    assert {path.name for path in tmp_path.iterdir()} == {"samples_holiday.png", "b.png", MANIFEST, LOCK}


def test_files_in_the_way_are_found_before_the_work(tmp_path):
    (tmp_path / "metrics.json").write_text("mine")
    (tmp_path / "losses.xlsx").write_text("mine")
    with OutputFolder(tmp_path) as folder:
        folder.check_free(["losses.csv"], r"samples_\d{7}\.png")
        with pytest.raises(ValueError, match=r"metrics.json is in the way"):
            folder.check_free(["metrics.json"])
        (tmp_path / "samples_0000250.png").write_text("mine")
        with pytest.raises(ValueError, match=r"samples_0000250.png is in the way"):
            folder.check_free([], r"samples_\d{7}\.png")


def test_a_link_in_place_of_an_own_file_is_replaced_and_its_target_kept(tmp_path):
    folder_path, photo = tmp_path / "out", tmp_path / "photo.png"
    photo.write_text("mine")
    with OutputFolder(folder_path) as folder:
        write(folder, "a.png")
        (folder_path / "a.png").unlink()
        (folder_path / "a.png").symlink_to(photo)
        folder.remove(["a.png"])
    assert photo.read_text() == "mine" and not (folder_path / "a.png").is_symlink()


@pytest.mark.parametrize("name", ["../photo.png", "/etc/hosts", "..", ".", "", "a/b", "a\\b", "c:x", 5, None, MANIFEST])
def test_a_manifest_cannot_name_what_lies_elsewhere(tmp_path, name):
    folder_path, photo = tmp_path / "out", tmp_path / "photo.png"
    photo.write_text("mine")
    folder_path.mkdir()
    content = {"format": "minigrad-files", "version": 1, "files": [name, "b.png"]}
    (folder_path / MANIFEST).write_text(json.dumps(content))
    with OutputFolder(folder_path) as folder:
        assert folder.names == {"b.png"}
        folder.remove(folder.names)
    assert photo.read_text() == "mine"


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "3", '{"files": ["a.png"]}', '{"format": "x", "files": []}', "[" * 9000]
)
def test_a_damaged_manifest_owns_nothing(tmp_path, content):
    (tmp_path / MANIFEST).write_text(content)
    (tmp_path / "a.png").write_text("mine")
    with OutputFolder(tmp_path) as folder:
        assert not folder.has_manifest and not folder.names
        with pytest.raises(ValueError, match="in the way"):
            folder.file("a.png")


HOLDER = """
import sys, time
from experiments.common.output_folder import OutputFolder
with OutputFolder(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_second_process_is_told_who_holds_the_folder_and_a_kill_frees_it(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(ValueError, match=rf"process {holder.pid}, started \d{{4}}-.* is writing there"):
            OutputFolder(tmp_path)
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with OutputFolder(tmp_path) as folder:
        assert folder.names == set()


def test_one_process_takes_the_lock_again_after_letting_go(tmp_path):
    with OutputFolder(tmp_path), pytest.raises(ValueError, match=f"process {os.getpid()}, "):
        OutputFolder(tmp_path)
    with OutputFolder(tmp_path):
        pass


def test_temporary_files_of_a_killed_command_are_swept_up_and_no_others(tmp_path):
    with OutputFolder(tmp_path) as folder:
        write(folder, "checkpoint.npz")
    ours = [".checkpoint.npz.a1b2c3d4.part", f".{MANIFEST}.________.part"]
    others = [".holiday.png.a1b2c3d4.part", "film.part", ".checkpoint.npz.old.part", ".checkpoint.npz.a1b2c3d4.parts"]
    for name in (*ours, *others):
        (tmp_path / name).write_text("")
    with OutputFolder(tmp_path):
        left = {path.name for path in tmp_path.iterdir()}
    assert left == {"checkpoint.npz", MANIFEST, LOCK, *others}


def test_a_folder_that_is_a_file_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="cannot write there"):
        OutputFolder(tmp_path / "file")


def test_a_lock_that_is_a_link_is_not_followed(tmp_path):
    target = tmp_path / "photo.png"
    target.write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / LOCK).symlink_to(target)
    with pytest.raises((OSError, ValueError)):
        OutputFolder(tmp_path / "out")
    assert target.read_text() == "mine"
