"""Trainings in several processes: who writes, how they end together, and how they are resumed."""

import shutil

import numpy as np
import pytest

import minigrad as mg
from tests.helpers import mpi

mpi.require_mpi()


def line_run(ranks, folder, *options):
    """(exit code, what was printed) of a training of the small game."""
    process = mpi.start(ranks, "tests.helpers.ranks.line_run", "--out", folder, *options)
    out, err = process.communicate(timeout=mpi.TIMEOUT)
    return process.returncode, out + err


def run_into_trouble(trouble, folder):
    """The same of a run of two processes in which rank 1 comes to grief; all must end within 30 seconds from then."""
    options, mark = ["--trouble", trouble, "--rank", 1], folder.with_name("trouble")
    process = mpi.start(2, "tests.helpers.ranks.line_run", "--out", folder, *options, **{mpi.TROUBLE: str(mark)})
    return mpi.ended(process, mark)


def state(folder):
    """All that the newest checkpoint holds, flat, as bytes."""
    flat = {}

    def visit(place, value):
        if isinstance(value, dict):
            for key, inner in value.items():
                visit(f"{place}.{key}", inner)
        elif isinstance(value, (list, tuple)):
            for number, inner in enumerate(value):
                visit(f"{place}[{number}]", inner)
        else:
            array = value.numpy() if hasattr(value, "numpy") else value
            flat[place] = array.tobytes() if isinstance(array, np.ndarray) else repr(array)

    visit("", mg.load(folder / "checkpoint.npz"))
    return flat


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """A run of twelve steps in two processes."""
    folder = tmp_path_factory.mktemp("runs") / "straight"
    code, printed = line_run(2, folder)
    assert code == 0, printed
    assert printed.count("the page is") == 1, "rank 0 alone is heard"
    return folder


@pytest.mark.parametrize(
    ("trouble", "sentence"),
    [
        ("nan", "rank 0: error: step 8: the losses of rank 1 are {'loss': nan}; the run stops, the last good"),
        ("error", "rank 1: error: the disk of this machine is full"),
        ("defect", "rank 1 failed with ZeroDivisionError; all ranks stop"),
        ("kill", "rank 1 was killed or crashed; all ranks stop"),
    ],
)
def test_trouble_in_one_rank_ends_all_and_is_resumed_bit_for_bit(trouble, sentence, straight, tmp_path):
    code, printed = run_into_trouble(trouble, tmp_path / "run")
    assert code != 0 and printed.count(sentence) == 1, printed
    assert printed.count("error:") <= 1
    if trouble == "kill":
        code, printed = line_run(2, tmp_path / "run", "--resume")
        assert code == 0, printed
        assert state(tmp_path / "run") == state(straight)
        assert (tmp_path / "run" / "losses.csv").read_text() == (straight / "losses.csv").read_text()


def test_ctrl_c_in_one_rank_stops_all_in_a_state_that_is_resumed_bit_for_bit(straight, tmp_path):
    tmp_path = tmp_path / "run"
    code, printed = run_into_trouble("interrupt", tmp_path)
    assert code == 0 and printed.count("rank 1 was interrupted: all stop after this step") == 1, printed
    assert "--resume continues" in printed
    code, printed = line_run(2, tmp_path, "--resume")
    assert code == 0 and state(tmp_path) == state(straight), printed


@pytest.mark.parametrize("ranks", [1, 4])
def test_a_run_goes_on_with_another_number_of_ranks(ranks, straight, tmp_path):
    folder = shutil.copytree(straight, tmp_path / "run")
    code, printed = line_run(ranks, folder, "--resume", "--steps", 14)
    assert code == 0 and "step 14" in printed, printed
    checkpoint = mg.load(folder / "checkpoint.npz")
    assert checkpoint["step"] == 14 and len(checkpoint.get("others", [])) == ranks - 1
    assert len({str(other["random"]) for other in [checkpoint, *checkpoint.get("others", [])]}) == ranks


def test_processes_do_what_one_does_with_the_whole_batch(tmp_path):
    """Without noise: the same losses and weights, up to the rounding of float32."""
    found = {}
    for ranks in (1, 4):
        code, printed = line_run(ranks, tmp_path / str(ranks), "--noiseless", "--steps", 8)
        assert code == 0, printed
        found[ranks] = mg.load(tmp_path / str(ranks) / "checkpoint.npz")
    for name in ("weight", "bias"):
        values = [found[ranks]["parts"]["net"][name].numpy() for ranks in (1, 4)]
        np.testing.assert_allclose(*values, rtol=1e-5)
    np.testing.assert_allclose(found[1]["rows"], found[4]["rows"], rtol=1e-4)
    assert found[1]["parts"]["data"] == found[4]["parts"]["data"]


def test_a_wrong_option_is_said_once(tmp_path):
    code, printed = line_run(2, tmp_path / "run", "--steps", "0")
    assert code == 2 and printed.count("error:") == 1 and "--steps" in printed, printed
    assert not (tmp_path / "run").exists()
