"""Commands on a folder of pictures: in one process and in several, stopped and gone on with."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.helpers import mpi
from tests.helpers.paths import ROOT

COUNT = 7


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Seven pictures, of which number 2 is damaged."""
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(COUNT):
        Image.new("RGB", (4, 4), (number, 0, 0)).save(folder / f"p{number}.png")
    (folder / "p2.png").write_bytes(b"no picture")
    return folder


def mirror(ranks, pictures, output, **environment):
    """(exit code, output) of the command in so many processes."""
    if ranks > 1:
        process = mpi.start(ranks, "tests.helpers.ranks.mirror_run", pictures, "-o", output, **environment)
        if mpi.TROUBLE in environment:
            return mpi.ended(process, Path(environment[mpi.TROUBLE]))
    else:
        command = [sys.executable, "-m", "tests.helpers.ranks.mirror_run", pictures, "-o", output]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out, err = process.communicate(timeout=mpi.TIMEOUT)
    return process.returncode, out + err


def reds(folder):
    """The random number in each result."""
    return {path.name: Image.open(path).getpixel((0, 0))[0] for path in folder.glob("*.png")}


@pytest.fixture(scope="module")
def alone(pictures, tmp_path_factory):
    folder = tmp_path_factory.mktemp("alone") / "out"
    code, printed = mirror(1, pictures, folder)
    assert code == 0 and "6 made" in printed and printed.count("left out") == 1 and "p2.png" in printed, printed
    return reds(folder)


def test_one_process_makes_all_that_can_be_read(alone):
    assert set(alone) == {f"p{number}.png" for number in range(COUNT) if number != 2}


def test_processes_share_the_pictures_and_a_killed_command_goes_on(pictures, alone, tmp_path):
    mpi.require_mpi()
    output = tmp_path / "out"
    trouble = {"KILL_AT": "p6", mpi.TROUBLE: str(tmp_path / "trouble")}  # p6: the last one of rank 0
    code, printed = mirror(3, pictures, output, **trouble)
    assert code != 0 and printed.count("was killed or crashed; all ranks stop") == 1, printed
    assert "rank 0 was killed or crashed" in printed, printed
    before = {path.name: path.stat().st_mtime_ns for path in output.glob("*.png")}
    code, printed = mirror(3, pictures, output)
    assert code == 0 and "of 7 pictures are there already" in printed and "6 made" in printed, printed
    assert {"p0.png", "p3.png"} <= before.keys()  # rank 0's own, which its journal had
    assert all((output / name).stat().st_mtime_ns == before[name] for name in ("p0.png", "p3.png"))
    assert reds(output) == alone, "what is random in a picture does not depend on who makes it"
    assert not (output / "unfinished.jsonl").exists()
    code, printed = mirror(3, pictures, output)
    assert code == 0 and "there already" not in printed and reds(output) == alone, "a finished command begins anew"
    assert {Image.open(path).getpixel((0, 0))[2] for path in output.glob("*.png")} == {0, 1, 2}
