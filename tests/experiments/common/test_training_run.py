"""The frame of every training: going on bit for bit, whatever happened to the folder in between."""

import hashlib
import json
import os
import signal

import numpy as np
import pytest

from experiments.common import run_checkpoints, run_page
from experiments.common.cli import Parser
from experiments.common.images import save_picture
from experiments.common.output_folder import LOCK, MANIFEST, OutputFolder
from experiments.common.plots import read_losses
from experiments.common.training_run import add_training_options, train
from tests.helpers.small_game import Line, LineSettings


def run(folder, *arguments, game=Line, settings=LineSettings()):  # noqa: B008 - frozen
    parser = Parser("Fit a line.")
    add_training_options(parser, out="out/line", steps=40, pictures_every=10)
    options = parser.parse_args(["--out", str(folder), "--device", "cpu", *map(str, arguments)])
    return train(lambda device: game(settings, device), options)


def contents(folder):
    """The checksums of everything in a folder but the lock."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.name != LOCK}


@pytest.fixture(autouse=True)
def quick_plots(request, monkeypatch):
    """matplotlib takes longer than all the rest; one test draws the real plots."""
    if "real_plots" not in request.node.name:
        monkeypatch.setattr(run_page, "plot_curves", no_plot)


def no_plot(curves, path, steps, **options):
    save_picture(np.zeros((1, 3, 4, 4), np.float32), path)


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    folder = tmp_path_factory.mktemp("once")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_page, "plot_curves", no_plot)
        run(folder)
    return contents(folder)


def test_what_a_run_leaves_with_real_plots(tmp_path, once):
    newest = run(tmp_path)
    changed = {name for name, value in contents(tmp_path).items() if once[name] != value}
    assert changed == {"losses.png", "index.html"}
    names = {"checkpoint.npz", "losses.csv", "losses.png", "samples_final.png", "samples.gif", "metrics.json"}
    assert names | {"index.html", "samples_0000000.png", "checkpoint_0000040.npz", MANIFEST} <= set(once)
    table = read_losses(tmp_path / "losses.csv")
    assert table["step"].tolist() == list(range(1, 41)) and table["loss"][-1] == pytest.approx(newest["loss"], rel=1e-6)
    assert np.isfinite(table["penalty"]).tolist() == [number % 3 == 0 for number in range(40)]
    assert json.loads((tmp_path / "metrics.json").read_text()).keys() == {"slope"}
    assert "slope" in (tmp_path / "index.html").read_text()


def damage_table(folder):
    (folder / "losses.csv").write_bytes(b"\xff\x00step")


def lose_table(folder):
    (folder / "losses.csv").unlink()


def truncate_newest(folder):
    content = (folder / "checkpoint.npz").read_bytes()
    (folder / "checkpoint.npz").unlink()  # it may be a hard link to the numbered one
    (folder / "checkpoint.npz").write_bytes(content[: len(content) // 2])


def lose_newest(folder):
    (folder / "checkpoint.npz").unlink()


def damage_the_newest_two(folder):
    truncate_newest(folder)
    (folder / "checkpoint_0000020.npz").write_bytes(b"PK")


def lose_manifest(folder):
    (folder / MANIFEST).unlink()


def leave_temporary_files(folder):
    (folder / ".checkpoint.npz.abcd1234.part").write_bytes(b"half")


DAMAGES = [
    lambda folder: None, damage_table, lose_table, truncate_newest, lose_newest, damage_the_newest_two, lose_manifest,
    leave_temporary_files,
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__.strip("<>"))
def test_a_resumed_run_ends_as_an_unbroken_one(tmp_path, once, damage, capsys):
    run(tmp_path, "--steps", 20)
    damage(tmp_path)
    run(tmp_path, "--resume")
    assert contents(tmp_path) == once
    if damage in (truncate_newest, damage_the_newest_two):
        assert "going on from" in capsys.readouterr().out


def test_resume_never_starts_over_where_checkpoints_cannot_be_read(tmp_path):
    run(tmp_path)
    for path in tmp_path.glob("checkpoint*.npz"):
        path.unlink()
        path.write_bytes(b"damaged")
    before = contents(tmp_path)
    with pytest.raises(ValueError, match=r"no checkpoint of this run can be read, and nothing was changed: .*npz"):
        run(tmp_path, "--resume")
    assert contents(tmp_path) == before


def test_resume_in_an_empty_folder_starts(tmp_path, once, capsys):
    run(tmp_path / "new", "--resume")
    assert contents(tmp_path / "new") == once and "starting at step 0" in capsys.readouterr().out


FOREIGN = ["samples_holiday.png", "losses.xlsx", "checkpoint_mine.npz", "samples_1.png", "checkpoint_1.npz", "notes"]


@pytest.mark.parametrize("how", [[], ["--fresh"], ["--resume"]])
def test_files_of_others_stay(tmp_path, once, how):
    for name in FOREIGN:
        (tmp_path / name).write_text("mine")
    run(tmp_path, "--steps", 20)
    run(tmp_path, *(how or ["--fresh"]))
    assert all((tmp_path / name).read_text() == "mine" for name in FOREIGN)
    assert {name: value for name, value in contents(tmp_path).items() if name not in FOREIGN} == once


@pytest.mark.parametrize("name", ["metrics.json", "losses.csv", "checkpoint.npz", "samples_0000123.png", "index.html"])
@pytest.mark.parametrize("how", [[], ["--fresh"], ["--resume"]])
def test_a_folder_with_something_in_the_way_is_refused(tmp_path, name, how):
    (tmp_path / name).write_text("mine")
    with pytest.raises(ValueError, match=rf"{name} is in the way: .* did not make it; move it, or choose another"):
        run(tmp_path, *how)
    assert (tmp_path / name).read_text() == "mine" and {p.name for p in tmp_path.iterdir()} <= {name, LOCK}


def test_a_run_is_neither_overwritten_nor_continued_as_another(tmp_path):
    run(tmp_path)
    before = contents(tmp_path)
    with pytest.raises(ValueError, match=r"already holds a run; --resume continues it, --fresh starts over"):
        run(tmp_path)
    with pytest.raises(ValueError, match=r"with other settings \(lr is 0.05 there, 0.1 here\)"):
        run(tmp_path, "--resume", settings=LineSettings(0.1))

    class Other(Line):
        name = "other"

    with pytest.raises(ValueError, match="is a run of 'line', not of other"):
        run(tmp_path, "--resume", game=Other)
    assert contents(tmp_path) == before
    run(tmp_path, "--fresh", "--steps", 10)
    assert len(read_losses(tmp_path / "losses.csv")["step"]) == 10


def test_two_runs_in_one_folder(tmp_path):
    with OutputFolder(tmp_path), pytest.raises(ValueError, match=rf"process {os.getpid()}, .* is writing there"):
        run(tmp_path)


def test_ctrl_c_before_and_during_the_first_step(tmp_path, capsys):
    class Interrupted(Line):
        def step(self, batches, number):
            os.kill(os.getpid(), signal.SIGINT)
            return super().step(batches, number)

    run(tmp_path, game=Interrupted)
    assert "stopped at step 1 of 40; --resume continues" in capsys.readouterr().out
    assert (tmp_path / "index.html").exists()

    class AtOnce(Line):
        def batches(self):
            os.kill(os.getpid(), signal.SIGINT)
            return super().batches()

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "b", game=AtOnce)
    run(tmp_path / "b", "--resume")


def test_numbers_that_are_not_finite_stop_the_run(tmp_path):
    class Diverging(Line):
        def step(self, batches, number):
            losses = super().step(batches, number)
            if number == 26:
                self.net.weight.array[...] = np.nan
            return losses

    run(tmp_path, "--steps", 20)
    good = (tmp_path / "checkpoint.npz").read_bytes()
    with pytest.raises(ValueError, match=r"step 28: the losses are .*nan.*last good checkpoint is .*checkpoint.npz"):
        run(tmp_path, "--resume", game=Diverging)
    assert (tmp_path / "checkpoint.npz").read_bytes() == good


def test_a_full_disk_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    run(tmp_path, "--steps", 10)
    before = (tmp_path / "checkpoint.npz").read_bytes()

    def full(*anything):
        raise OSError(28, "No space left on device", str(tmp_path / "checkpoint.npz"))

    monkeypatch.setattr(run_checkpoints.mg, "save", full)
    with pytest.raises(ValueError, match=r"checkpoint of step 20 .*no space left on device.* is still the one before"):
        run(tmp_path, "--steps", 20, "--resume")
    assert (tmp_path / "checkpoint.npz").read_bytes() == before


def test_a_finished_run_resumed_stays_as_it_is(tmp_path, once):
    run(tmp_path)
    run(tmp_path, "--resume")
    assert contents(tmp_path) == once


def test_options_of_the_frame():
    parser = Parser("x")
    add_training_options(parser, out="out/x", steps=5)
    options = parser.parse_args([])
    assert options.pictures_every is None and options.steps == 5
