"""GAN-CLS: losses by hand, resume, drawing, and what a user may do wrong."""

import math

import numpy as np
import pytest
from PIL import Image

import minigrad as mg
from experiments import draw_text, train_text_gan
from experiments.common.cli import UserError
from experiments.text.fact_reader import measured, ranking, train_reader
from experiments.text.gan_cls import GanCls, Settings
from experiments.text.losses import discriminator_loss, interpolated, kl_to_standard_normal
from experiments.text.matching import match, matching_loss
from experiments.text.trained import between
from minigrad.data import CaptionedDigits, TypesetDigits
from minigrad.data.captioned_digits import WORDS
from minigrad.devices import CPU
from nets.text_gan import PictureEncoder, TextEncoder


@pytest.fixture(scope="module")
def strokes():
    return TypesetDigits(200)


# ---------------------------------------------------------------------------------------- losses


def test_losses_by_hand():
    right, wrong, fake = mg.tensor([[1.0]]), mg.tensor([[-2.0]]), mg.tensor([[0.5]])
    up, down = (lambda s: math.log1p(math.exp(-s))), (lambda s: math.log1p(math.exp(s)))
    assert discriminator_loss(right, fake).item() == pytest.approx(up(1) + down(0.5), rel=1e-6)
    expected = up(1) + (down(-2) + down(0.5)) / 2
    assert discriminator_loss(right, fake, wrong).item() == pytest.approx(expected, rel=1e-6)
    np.testing.assert_allclose(
        interpolated(mg.tensor([[0.0, 2.0], [4.0, 8.0], [2.0, 0.0]])).numpy(), [[2, 5], [3, 4], [1, 1]]
    )
    # KL(N(1, 4) || N(0, 1)) = (1 + 4 - log 4 - 1) / 2, and 0 for the standard normal itself
    kl = kl_to_standard_normal(mg.tensor([[1.0, 0.0]]), mg.tensor([[math.log(4.0), 0.0]]))
    assert kl.item() == pytest.approx((4 - math.log(4)) / 4, rel=1e-6)
    np.testing.assert_allclose(between(mg.tensor([[0.0]]), mg.tensor([[4.0]]), 5).numpy()[:, 0], [0, 1, 2, 3, 4])


def test_matching_is_rewarded():
    same = mg.tensor([[3.0, 0.0], [0.0, 5.0]])
    assert matching_loss(same, same).item() == pytest.approx(math.log1p(math.exp(-10)), rel=1e-3)
    swapped = mg.tensor([[0.0, 1.0], [1.0, 0.0]])
    assert matching_loss(same, swapped).item() == pytest.approx(10 + math.log1p(math.exp(-10)), rel=1e-5)


def test_sentences_learn_to_find_their_pictures(strokes):
    mg.manual_seed(0)
    text, pictures = TextEncoder(len(WORDS)), PictureEncoder(16, 8)
    loss = match(text, pictures, CaptionedDigits(strokes, 16), 40, CPU, batch_size=32)
    assert loss < 0.8 * math.log(32)  # chance; to tell the four groups of eight alike apart gives log(8), 0.6 of it


def test_the_discriminator_begins_with_the_features_that_sentences_were_matched_with(strokes, monkeypatch):
    game, kept = GanCls(Settings(image_size=8, width=4, matching=2), strokes, CPU), []
    monkeypatch.setattr("experiments.text.text_game.match", lambda text, pictures, *_: kept.append(pictures))
    game.match_sentences(game.D)
    for name, value in kept[0].body.state_dict().items():
        np.testing.assert_array_equal(game.D.body.state_dict()[name].numpy(), value.numpy())


def test_in_every_second_batch_wrong_sentences_name_another_digit_of_the_same_scene(strokes):
    game = GanCls(Settings(image_size=8, width=4, batch_size=16), strokes, CPU)
    batches, found = game.batches(), []
    for _ in range(4):
        facts = next(batches).facts
        found.append(sum((values[1:8] == values[:7]).all() for values in facts.values()))
    assert sorted(found) == [0, 0, 5, 5]  # all facts but the digit


def test_a_digit_without_strokes_is_named_before_anything_is_trained(tmp_path, monkeypatch):
    class Few:
        pixels, targets = np.zeros((2, 28, 28), np.uint8), np.array([3, 3])

    monkeypatch.setattr(train_text_gan, "MNIST", lambda *_, **__: Few)
    with pytest.raises(UserError, match="--data-dir few: its training images show no zero and no one"):
        train_text_gan.main(["--data-dir", "few", "--out", str(tmp_path / "run")])
    assert [path.name for path in tmp_path.glob("*/*")] == [".minigrad-lock"]


# --------------------------------------------------------------------------------------- command

SMALL = ["--image-size", "8", "--width", "4", "--batch-size", "4", "--matching", "2", "--pictures-every", "2"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of four steps."""
    folder = tmp_path_factory.mktemp("words")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train_text_gan, "strokes", lambda *_: TypesetDigits(100))
        train_text_gan.main(["--out", str(folder), "--steps", "4", *SMALL])
    return folder


def test_a_resumed_run_ends_with_the_same_bits(run, tmp_path, monkeypatch):
    monkeypatch.setattr(train_text_gan, "strokes", lambda *_: TypesetDigits(100))
    train_text_gan.main(["--out", str(tmp_path), "--steps", "2", *SMALL])
    train_text_gan.main(["--out", str(tmp_path), "--steps", "4", "--resume", *SMALL])
    with np.load(run / "checkpoint.npz") as expected, np.load(tmp_path / "checkpoint.npz") as found:
        assert expected.files == found.files
        for name in expected.files:
            np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


def test_a_run_resumed_before_its_first_checkpoint_begins_as_any_other(run, tmp_path, monkeypatch):
    monkeypatch.setattr(train_text_gan, "strokes", lambda *_: TypesetDigits(100))
    train_text_gan.main(["--out", str(tmp_path), "--steps", "4", "--resume", *SMALL])
    with np.load(run / "checkpoint.npz") as expected, np.load(tmp_path / "checkpoint.npz") as found:
        for name in expected.files:
            np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


def test_sentences_are_drawn(run, tmp_path):
    sentence = "a small red seven, tilted left, on a blue ground"
    draw_text.main([str(run), sentence, "-o", str(tmp_path / "a.png"), "--count", "3", "--seed", "5"])
    draw_text.main([str(run), sentence, "-o", str(tmp_path / "b.png"), "--count", "3", "--seed", "5"])
    first, second = (np.asarray(Image.open(tmp_path / name)) for name in ("a.png", "b.png"))
    np.testing.assert_array_equal(first, second)
    assert first.shape == (4 * 8 + 4, 3 * (4 * 8 + 2) + 2, 3)
    ends = ["--from", sentence, "--to", "a large green two on a white ground"]
    draw_text.main([str(run), *ends, "-o", str(tmp_path / "c.png"), "--count", "4"])
    draw_text.main(
        [str(run), sentence, "--style", str(tmp_path / "a.png"), "-o", str(tmp_path / "d.png"), "--count", "2"]
    )
    assert np.asarray(Image.open(tmp_path / "d.png")).shape[1] == 3 * (4 * 8 + 2) + 2  # the style's picture comes first


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{run}", "a turquoise zebra", "-o", "x.png"], "unknown: turquoise, zebra; known are the digits"),
        (["{run}", "-o", "x.png"], "give either a sentence, or two"),
        (["{run}", "a red two", "--from", "a red two", "-o", "x.png"], "--from and --to belong together"),
        (["{run}", "a red two", "-o", "x.txt"], "pictures are saved as"),
        (["{run}/losses.csv", "a red two", "-o", "x.png"], "losses.csv"),
        (["{run}/missing", "a red two", "-o", "x.png"], "missing"),
    ],
)
def test_mistakes_cost_one_sentence(arguments, message, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((ValueError, OSError), match=message):
        draw_text.main([part.format(run=run) for part in arguments])
    assert not list(tmp_path.iterdir())


def test_a_size_that_cannot_be_halved_is_refused():
    with pytest.raises(ValueError, match="--image-size 20: must be a power of two"):
        train_text_gan.main(["--image-size", "20"])


# ----------------------------------------------------------------------------------------- reader


def test_the_reader_learns_and_judges(strokes):
    mg.manual_seed(0)
    reader = train_reader(strokes, 8, CPU, steps=60)
    found = measured(reader, strokes, 8, lambda sentences: mg.zeros(len(sentences), 3, 8, 8), count=100)
    assert found["ground, seen pairs, real"] > 0.6  # the ground is learned first; of five, a fifth is chance
    assert found["ground, seen pairs, drawn"] < 0.5


def test_a_discriminator_that_reads_ranks_the_right_sentence_first():
    class Reader:
        def features(self, pictures):
            return pictures.mean((2, 3))

        def match(self, features, text):
            return -((features - text) ** 2).sum(1, keepdim=True)

    pictures = mg.randn(10, 3, 4, 4)
    assert ranking(Reader(), pictures, pictures.mean((2, 3))) == 1.0
    assert ranking(Reader(), pictures, -pictures.mean((2, 3))) < 0.5


def test_a_run_measures_itself(strokes, monkeypatch):
    monkeypatch.setattr(
        "experiments.text.text_game.kept_reader", lambda strokes, *_: train_reader(strokes, 8, CPU, steps=1)
    )
    game = GanCls(Settings(image_size=8, width=4, batch_size=4), strokes, CPU, test=strokes)
    found = game.metrics()
    assert {"digit, unseen pairs, drawn", "color, seen pairs, real", "right sentence ranked first by D"} <= found.keys()
    assert all(0 <= value <= 1 for value in found.values())
