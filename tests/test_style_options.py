"""Options of style transfer: where to start, several styles and masks, seeds, and what is said of wrong ones."""

import numpy
import pytest
from PIL import Image
from style_samples import arguments, small_pictures, transfer

from experiments import pictures, style_transfer
from experiments.commandline import run


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return small_pictures(tmp_path_factory.mktemp("pictures"))


@pytest.fixture(autouse=True)
def no_cached_weights(monkeypatch, tmp_path):
    monkeypatch.setenv("MINIGRAD_CACHE", str(tmp_path / "cache"))


def first_picture(files, tmp_path, *options):
    """The picture that the first evaluation saw."""
    transfer(files, tmp_path / "out.png", "--steps", "1", "--save-every", "1", *options)
    return pictures.load_picture(tmp_path / "out_00001.png")


def refusal(capsys, files, tmp_path, *options):
    """What stderr says of options that end the command with exit code 2 before anything is written."""
    folder = tmp_path / "results"
    with pytest.raises(SystemExit) as left:
        run(lambda: style_transfer.main(arguments(files, folder / "out.png", *options)))
    assert left.value.code == 2
    assert not folder.exists() or not list(folder.iterdir())
    said = capsys.readouterr().err
    assert said.startswith("error: ") and said.count("\n") == 1
    return said


def test_the_search_starts_from_any_picture(files, tmp_path):
    start = Image.fromarray(numpy.random.default_rng(1).integers(0, 255, (5, 90, 3), dtype=numpy.uint8))
    start.save(tmp_path / "start.png")
    found = first_picture(files, tmp_path, "--init", tmp_path / "start.png")
    expected = pictures.resize(pictures.to_array(start), 29, 40)
    numpy.testing.assert_allclose(found, expected, atol=1 / 255)
    content = pictures.load_picture(files / "content.png", 40)
    numpy.testing.assert_allclose(first_picture(files, tmp_path, "--init", "content"), content, atol=1 / 255)
    noise = first_picture(files, tmp_path, "--init", "noise")
    assert 0.45 < noise.mean() < 0.55 and 0.08 < noise.std() < 0.12


def test_a_start_that_cannot_be_read_is_one_sentence(capsys, files, tmp_path):
    said = refusal(capsys, files, tmp_path, "--init", tmp_path / "absent.png")
    assert "--init: must be content, noise or a picture" in said and "absent.png is no such file" in said
    damaged = tmp_path / "damaged.png"
    damaged.write_bytes((files / "content.png").read_bytes()[:200])
    assert f"{damaged}: the picture is damaged" in refusal(capsys, files, tmp_path, "--init", damaged)
