"""Options of style transfer: where to start, several styles and masks, seeds, and what is said of wrong ones."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from experiments import style_transfer
from experiments.common import images, plots
from experiments.common.cli import run
from tests.helpers.paths import ROOT
from tests.helpers.style_samples import arguments, transfer

pytestmark = pytest.mark.usefixtures("no_cached_weights")


def first_picture(files, tmp_path, *options):
    """The picture that the first evaluation saw."""
    transfer(files, tmp_path / "out.png", "--steps", "1", "--save-every", "1", *options)
    return images.load_picture(tmp_path / "out_00001.png")


def refusal(capsys, files, tmp_path, *options, styles=1):
    """What stderr says of options that end the command with exit code 2 before anything is written."""
    folder = tmp_path / "results"
    command = arguments(files, folder / "out.png", *options)
    command[2:2] = [command[1]] * (styles - 1)
    with pytest.raises(SystemExit) as left:
        run(lambda: style_transfer.main(command))
    assert left.value.code == 2
    assert not folder.exists() or not list(folder.iterdir())
    said = capsys.readouterr().err
    assert said.startswith("error: ") and said.count("\n") == 1
    return said


def test_the_search_starts_from_any_picture(files, tmp_path):
    start = Image.fromarray(np.random.default_rng(1).integers(0, 255, (5, 90, 3), dtype=np.uint8))
    start.save(tmp_path / "start.png")
    found = first_picture(files, tmp_path, "--init", tmp_path / "start.png")
    expected = images.resize(images.to_array(start), 29, 40)
    np.testing.assert_allclose(found, expected, atol=1 / 255)
    content = images.load_picture(files / "content.png", 40)
    np.testing.assert_allclose(first_picture(files, tmp_path, "--init", "content"), content, atol=1 / 255)
    noise = first_picture(files, tmp_path, "--init", "noise")
    assert 0.45 < noise.mean() < 0.55 and 0.08 < noise.std() < 0.12


def test_a_start_that_cannot_be_read_is_one_sentence(capsys, files, tmp_path):
    said = refusal(capsys, files, tmp_path, "--init", tmp_path / "absent.png")
    assert "--init: must be content, noise or a picture" in said and "absent.png is no such file" in said
    damaged = tmp_path / "damaged.png"
    damaged.write_bytes((files / "content.png").read_bytes()[:200])
    assert f"{damaged}: the picture is damaged" in refusal(capsys, files, tmp_path, "--init", damaged)


@pytest.mark.parametrize("count", [1, 3])
def test_masks_and_weights_must_be_as_many_as_styles(capsys, files, tmp_path, count):
    picture = files / "style.png"
    masks = refusal(capsys, files, tmp_path, "--masks", *[picture] * count, styles=2)
    assert masks == f"error: --masks: 2 style picture(s) need as many masks, got {count}\n"
    blend = refusal(capsys, files, tmp_path, "--blend", *[1] * count, styles=2)
    assert blend == f"error: --blend: 2 style picture(s) need as many weights, got {count}\n"


def test_weights_that_no_conversion_wrote_are_one_sentence(capsys, files, tmp_path):
    said = refusal(capsys, files, tmp_path, "--weights", files / "style.png")
    assert "style.png: not a converted weights file; run python -m weights_converter" in said


def flat(path, *color):
    """A picture file of one color."""
    Image.new("RGB", (32, 32), color).save(path)
    return path


def several(folder, *options):
    """A gray picture after a search with the styles red and blue."""
    gray, output = flat(folder / "gray.png", 128, 128, 128), folder / "out.png"
    styles = [flat(folder / "red.png", 255, 40, 40), flat(folder / "blue.png", 40, 40, 255)]
    layers = ["--content-layers", "conv1_1=0.01", "--style-layers", "relu1_1", "--tv-weight", "0"]
    size = ["--size", "32", "--steps", "15"]
    style_transfer.main([*map(str, [gray, *styles, "-o", output]), *size, *layers, *map(str, options)])
    return images.load_picture(output)[0]


def redness(picture):
    """Red minus blue of (3, H, W), on average."""
    return float((picture[0] - picture[2]).mean())


def test_each_style_applies_where_its_mask_is_white(tmp_path):
    left = np.zeros((32, 32), np.uint8)
    left[:, :16] = 255
    masks = [tmp_path / "left.png", tmp_path / "right.png"]
    for path, mask in zip(masks, (left, 255 - left)):
        Image.fromarray(mask).save(path)
    found = several(tmp_path, "--masks", *masks)
    assert redness(found[:, :, :14]) > 0.1
    assert redness(found[:, :, 18:]) < -0.1


def test_blend_weights_decide_between_styles(tmp_path):
    red, blue = (redness(several(tmp_path, "--blend", *blend)) for blend in ((9, 1), (1, 9)))
    assert red > 0.1 and blue < -0.1


def test_ctrl_c_keeps_the_best_picture_and_the_losses(files, tmp_path):
    command = arguments(files, tmp_path / "out.png", "--steps", 1_000_000, "--save-every", 1)
    process = subprocess.Popen(
        [sys.executable, "-m", "experiments.style_transfer", *command], cwd=ROOT, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not (tmp_path / "out_00008.png").exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    said, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    losses = plots.read_losses(tmp_path / "out_losses.csv")
    last = int(losses["step"][-1])
    assert last >= 8 and list(losses["step"]) == list(range(1, last + 1))
    assert f"stopped at step {last} of 1000000; the best picture so far is kept" in said
    best = int(losses["step"][losses["total"].argmin()])
    np.testing.assert_array_equal(
        images.load_picture(tmp_path / "out.png"), images.load_picture(tmp_path / f"out_{best:05d}.png")
    )
