"""The table of losses of a run, and its plot."""

import numpy as np
import pytest
from PIL import Image

from experiments.common.plots import LossLog, plot_curves, plot_losses, read_losses


def write(path, first, last):
    with LossLog(path) as log:
        for step in range(first, last):
            log.add(step, d_loss=1 / (step + 1), g_loss=step**0.5)


def test_a_log_is_a_table(tmp_path):
    path = tmp_path / "losses.csv"
    write(path, 0, 3)
    assert path.read_text() == "step,d_loss,g_loss\n0,1,0\n1,0.5,1\n2,0.333333333,1.41421356\n"
    columns = read_losses(path)
    assert columns["step"].tolist() == [0, 1, 2] and columns["d_loss"][1] == 0.5


def test_nothing_is_written_before_the_first_row_and_a_new_run_replaces_the_old_table(tmp_path):
    path = tmp_path / "losses.csv"
    LossLog(path).close()
    assert not path.exists()
    write(path, 0, 5)
    write(path, 0, 2)
    assert len(read_losses(path)["step"]) == 2


@pytest.mark.parametrize("damage", [b"", b"step\n", b"\xff\x00", None])
def test_a_damaged_table_is_written_anew_from_the_record(tmp_path, damage):
    write(tmp_path / "whole.csv", 0, 20)
    broken = tmp_path / "broken.csv"
    with LossLog(broken) as log:
        for step in range(12):
            log.add(step, d_loss=1 / (step + 1), g_loss=step**0.5)
    record = log.rows()[:10]  # killed at step 12, the last checkpoint was at 9
    broken.unlink() if damage is None else broken.write_bytes(damage)
    with LossLog(broken, ["d_loss", "g_loss"]) as log:
        log.restore(record)
        for step in range(10, 20):
            log.add(step, d_loss=1 / (step + 1), g_loss=step**0.5)
    assert broken.read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_empty_cells_and_other_columns(tmp_path):
    log = LossLog(tmp_path / "losses.csv")
    log.add(0, loss=1.0, penalty=None)
    with pytest.raises(ValueError, match=r"columns \['loss', 'penalty'\], got \['loss'\]"):
        log.add(1, loss=1.0)
    log.close()
    assert np.isnan(read_losses(tmp_path / "losses.csv")["penalty"][0])


def test_a_file_that_is_no_table_of_losses(tmp_path):
    for content in ("", "hello\n", "a,b\n1,2\n"):
        (tmp_path / "x.csv").write_text(content)
        with pytest.raises(ValueError, match="not a table of losses"):
            read_losses(tmp_path / "x.csv")


@pytest.mark.parametrize("log", [False, True])
def test_plots_show_ink(tmp_path, log):
    steps = np.arange(400)
    curves = {"long": np.exp(-steps / 100) + 0.01, "with gaps": np.where(steps % 7, 1.0, np.nan)}
    plot_curves(curves, tmp_path / "x.png", steps, title="A run", log=log)
    with Image.open(tmp_path / "x.png") as image:
        pixels = np.asarray(image.convert("RGB"), int)
    assert pixels.shape[1] > 600
    colored = np.ptp(pixels, axis=2) > 60
    assert colored.sum() > 500
    assert [path.name for path in tmp_path.iterdir()] == ["x.png"]


def test_a_plot_of_a_table(tmp_path):
    write(tmp_path / "losses.csv", 0, 30)
    plot_losses(tmp_path / "losses.csv", tmp_path / "losses.png", title="losses")
    with Image.open(tmp_path / "losses.png") as image:
        assert image.format == "PNG"
