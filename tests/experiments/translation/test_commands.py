"""The commands train_translation and translate: what they leave behind, resuming bit for bit, and what they refuse."""

import hashlib
import json

import numpy as np
import pytest
from PIL import Image

from experiments import train_translation, translate
from experiments.common.images import load_picture
from experiments.translation import metrics
from nets.classifier import DigitClassifier
from tests.helpers.digit_files import write_digits

SMALL = [
    "--count",
    "24",
    "--batch-size",
    "3",
    "--width",
    "2",
    "--pictures-every",
    "2",
    "--checkpoint-every",
    "1",
    "--device",
    "cpu",
]
VARIANTS = {
    "pix2pix": ["--compare"],
    "cyclegan": ["--pool", "4", "--constant-steps", "1", "--decay-steps", "9"],
    "cyclegan, compared": ["--compare", "--constant-steps", "1", "--decay-steps", "2"],
    "discogan": ["--constant-steps", "1", "--decay-steps", "8"],
    "domain_transfer": ["--direction", "BtoA"],
}


@pytest.fixture(autouse=True)
def quick_metrics(monkeypatch):
    """An untrained classifier instead of a trained one: these tests are not about how good the pictures are."""
    monkeypatch.setattr(metrics, "kept_classifier", lambda *inputs: DigitClassifier())


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return str(write_digits(tmp_path_factory.mktemp("digits")))


@pytest.fixture
def train(digits):
    def command(out, variant, steps, *more):
        common = ["--out", str(out), "--steps", str(steps), "--data-dir", digits, *SMALL]
        train_translation.main(["--game", variant.split(",")[0], *common, *VARIANTS[variant], *more])

    return command


def contents(folder):
    names = [path for pattern in ("checkpoint*.npz", "losses.csv", "samples*") for path in folder.glob(pattern)]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in names}


@pytest.mark.parametrize("variant", VARIANTS)
def test_n_and_n_steps_are_2n_steps(tmp_path, variant, train):
    train(tmp_path / "once", variant, 2)
    train(tmp_path / "twice", variant, 1)
    train(tmp_path / "twice", variant, 2, "--resume")
    once = contents(tmp_path / "once")
    assert once == contents(tmp_path / "twice")
    assert {"checkpoint.npz", "losses.csv", "samples_0000002.png", "samples.gif"} <= set(once)
    assert (tmp_path / "once" / "index.html").exists()
    measured = json.loads((tmp_path / "once" / "metrics.json").read_text())
    assert measured["tested"] > 0 and all(np.isfinite(value) for value in measured.values())


def test_a_run_is_not_continued_as_another(tmp_path, train):
    train(tmp_path, "pix2pix", 2)
    for more, complaint in (
        (["--game", "cyclegan"], "is a run of 'pix2pix', not of cyclegan"),
        (["--lambda-l1", "10"], r"lambda_l1 is 100.0 there, 10.0 here"),
        (["--direction", "BtoA"], r"direction is 'AtoB' there"),
    ):
        with pytest.raises(ValueError, match=complaint):
            train(tmp_path, "pix2pix", 3, "--resume", *more)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--game", "cyclegan", "--task", "digit_edges"], "gives pairs, cyclegan needs two domains without pairs"),
        (["--game", "pix2pix", "--task", "digits"], "gives two domains without pairs, pix2pix needs pairs"),
        (["--game", "cyclegan", "--direction", "BtoA"], "learns both directions"),
        (["--game", "cyclegan", "--lambda-l1", "3"], "--lambda-l1: cyclegan has no such setting"),
        (["--game", "domain_transfer", "--compare"], "nothing to compare"),
        (["--game", "domain_transfer", "--batch-size", "1"], "at least 2 examples for each process"),
        (["--size", "64"], "are 32 pixels large; leave --size out"),
        (["--task", "colorize", "--photos", "FOLDER", "--size", "36"], "U-Net halves pictures 3 times or more"),
    ],
)
def test_options_that_do_not_go_together(tmp_path, options, complaint):
    (tmp_path / "photos").mkdir()
    for number in range(3):
        Image.new("RGB", (40, 40)).save(tmp_path / "photos" / f"{number}.png")
    options = [str(tmp_path / "photos") if option == "FOLDER" else option for option in options]
    with pytest.raises(ValueError, match=complaint):
        train_translation.main([*options, "--count", "24", "--out", str(tmp_path / "out"), "--device", "cpu"])


@pytest.fixture(scope="module")
def runs(tmp_path_factory, digits):
    """Hardly trained runs: a U-Net for edges of photographs, CycleGAN, and DiscoGAN."""
    root = tmp_path_factory.mktemp("runs")
    (root / "photos").mkdir()
    for number in range(9):
        pixels = np.random.default_rng(number).integers(0, 255, (50, 60, 3), np.uint8)
        Image.fromarray(pixels).save(root / "photos" / f"{number}.jpg")
    photographs = ["--task", "edges2photo", "--photos", str(root / "photos"), "--size", "32"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics, "kept_classifier", lambda *inputs: DigitClassifier())
        made_of_digits = ["--data-dir", digits]
        for game, more in (("pix2pix", photographs), ("cyclegan", made_of_digits), ("discogan", made_of_digits)):
            common = ["--steps", "1", "--width", "2", "--count", "24", "--batch-size", "2", "--pictures-every", "9"]
            train_translation.main(["--game", game, *common, *more, "--out", str(root / game), "--device", "cpu"])
    return root


def test_pictures_and_folders_are_translated(tmp_path, runs):
    Image.new("L", (70, 50), 200).save(tmp_path / "wide.png")
    translate.main([str(runs / "pix2pix"), str(tmp_path / "wide.png"), "-o", str(tmp_path / "out.png")])
    assert load_picture(tmp_path / "out.png").shape == (1, 3, 32, 32)  # 44.8 pixels wide, to the next multiple of 32
    translate.main(
        [str(runs / "pix2pix" / "checkpoint.npz"), str(runs / "photos"), "-o", str(tmp_path / "many"), "--size", "64"]
    )
    assert len(list((tmp_path / "many").glob("*.png"))) == 9
    for direction in ("AtoB", "BtoA"):
        out = tmp_path / f"{direction}.png"
        translate.main([str(runs / "cyclegan"), str(tmp_path / "wide.png"), "-o", str(out), "--direction", direction])
        assert load_picture(out).shape == (1, 3, 32, 44)
    translate.main([str(runs / "discogan"), str(tmp_path / "wide.png"), "-o", str(tmp_path / "disco.png")])
    assert load_picture(tmp_path / "disco.png").shape == (1, 3, 32, 32)
    there, back = (load_picture(tmp_path / f"{direction}.png") for direction in ("AtoB", "BtoA"))
    assert np.abs(there - back).max() > 0.01


def test_the_same_seed_gives_the_same_noise(tmp_path, runs):
    picture = str(runs / "photos" / "0.jpg")
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        translate.main([str(runs / "pix2pix"), picture, "-o", str(tmp_path / f"{name}.png"), "--seed", seed])
    a, b, c = ((tmp_path / f"{name}.png").read_bytes() for name in "abc")
    assert a == b and a != c


def test_what_translate_refuses(tmp_path, runs):
    picture = tmp_path / "x.png"
    Image.new("RGB", (40, 40)).save(picture)
    before = picture.read_bytes()
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "empty").mkdir()
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "0.png").write_text("mine")
    pix2pix, cyclegan, discogan = (str(runs / game) for game in ("pix2pix", "cyclegan", "discogan"))
    out = str(tmp_path / "o.png")
    for arguments, complaint in (
        ([pix2pix, str(picture), "-o", str(picture)], "would overwrite the input"),
        ([pix2pix, str(picture), "-o", out, "--direction", "BtoA"], "was trained for AtoB only"),
        ([pix2pix, str(picture), "-o", out, "--size", "40"], "--size 40: .* use a multiple of 32"),
        ([cyclegan, str(picture), "-o", out, "--size", "30"], "use a multiple of 4"),
        ([discogan, str(picture), "-o", out, "--size", "64"], "works at 32 pixels only"),
        ([str(tmp_path), str(picture), "-o", out], "there is no such checkpoint"),
        ([str(picture), str(picture), "-o", out], "not a whole minigrad checkpoint"),
        ([pix2pix, str(tmp_path / "text.png"), "-o", out], "not a picture in a known format"),
        ([pix2pix, str(tmp_path / "none.png"), "-o", out], "there is no such file"),
        ([pix2pix, str(tmp_path / "empty"), "-o", str(tmp_path / "o")], "there are no pictures in it"),
        ([pix2pix, str(runs / "photos"), "-o", str(tmp_path / "taken")], "is in the way"),
        ([pix2pix, str(picture), "-o", str(tmp_path / "o.txt")], "pictures are saved as"),
    ):
        with pytest.raises((ValueError, OSError), match=complaint):
            translate.main(arguments)
    assert picture.read_bytes() == before and (tmp_path / "taken" / "0.png").read_text() == "mine"


def test_a_folder_with_a_damaged_picture_is_translated_without_it(tmp_path, runs):
    folder = tmp_path / "in"
    folder.mkdir()
    Image.new("RGB", (40, 40)).save(folder / "good.png")
    (folder / "bad.png").write_text("no picture")
    with pytest.warns(UserWarning, match=r"left out: .*bad.png"):
        translate.main([str(runs / "cyclegan"), str(folder), "-o", str(tmp_path / "out")])
    assert [path.name for path in (tmp_path / "out").glob("*.png")] == ["good.png"]
