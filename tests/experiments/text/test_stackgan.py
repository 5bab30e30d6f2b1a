"""StackGAN's command: its two stages, resume across the change of stages, drawing, measuring, and mistakes."""

import numpy as np
import pytest
from PIL import Image

import minigrad as mg
from experiments import draw_text, train_text_gan
from experiments.common.images import gradient_energy
from experiments.text.fact_reader import train_reader
from experiments.text.stackgan import Settings, StackGan
from minigrad.data import TypesetDigits
from minigrad.devices import CPU

SMALL = [
    "--game", "stackgan", "--image-size", "32", "--width", "4", "--batch-size", "4", "--matching", "2",
    "--first-steps", "3", "--pictures-every", "2", "--device", "cpu",
]  # fmt: skip


@pytest.fixture(autouse=True)
def few_strokes(monkeypatch):
    monkeypatch.setattr(train_text_gan, "strokes", lambda *_: TypesetDigits(100))


def trained_in(folder, steps, *more):
    train_text_gan.main(["--out", str(folder), "--steps", str(steps), *SMALL, *more])
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Three steps of Stage I, two of Stage II."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train_text_gan, "strokes", lambda *_: TypesetDigits(100))
        return trained_in(tmp_path_factory.mktemp("stack"), 5)


def state(folder):
    with np.load(folder / "checkpoint.npz") as archive:
        return {name: archive[name] for name in archive.files}


@pytest.mark.parametrize("stop", [2, 4])
def test_a_resumed_run_ends_with_the_same_bits(run, tmp_path, stop):
    trained_in(tmp_path, stop)
    trained_in(tmp_path, 5, "--resume")
    expected, found = state(run), state(tmp_path)
    assert expected.keys() == found.keys()
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


def test_a_stage_learns_while_the_other_is_kept():
    mg.manual_seed(0)
    settings = Settings(image_size=32, width=4, batch_size=4, blocks=1, first_steps=1, matching=0)
    game = StackGan(settings, TypesetDigits(100), CPU)

    def changed_by(number):
        networks = {"G1": game.G.first, "G2": game.G.second, "D1": game.first.D, "D2": game.second.D,
                    "average 1": game.average.first, "average 2": game.average.second}  # fmt: skip
        before = {name: [value.numpy().copy() for value in net.state_dict().values()] for name, net in networks.items()}
        game.step(game.batches(), number)
        return {
            name for name, net in networks.items()
            if any((a != b.numpy()).any() for a, b in zip(before[name], net.state_dict().values()))
        }  # fmt: skip

    assert changed_by(0) == {"G1", "D1", "average 1"}
    assert changed_by(1) == {"G2", "D2", "average 2"}


def test_sentences_are_drawn_and_compared(run, tmp_path):
    sentence = "a small red seven, tilted left, on a blue ground"
    for name in ("a.png", "b.png"):
        draw_text.main([str(run), sentence, "-o", str(tmp_path / name), "--count", "3", "--seed", "5"])
    first, second = (np.asarray(Image.open(tmp_path / name)) for name in ("a.png", "b.png"))
    np.testing.assert_array_equal(first, second)
    assert first.shape == (4 * 32 + 4, 3 * (4 * 32 + 2) + 2, 3)
    draw_text.main(
        [str(run), "--from", sentence, "--to", "a green two on a white ground", "-o", str(tmp_path / "c.png")]
    )
    draw_text.main([str(run), "--compare", str(run), "-o", str(tmp_path / "d.png"), "--count", "2"])
    with Image.open(tmp_path / "d.png") as panel:
        assert panel.height > 2 * 128 and panel.width > 3 * 128
    with pytest.raises(ValueError, match="--style needs a run of gan_cls"):
        draw_text.main([str(run), sentence, "--style", str(tmp_path / "a.png"), "-o", str(tmp_path / "e.png")])


def test_a_run_measures_both_stages(monkeypatch):
    monkeypatch.setattr(
        "experiments.text.text_game.kept_reader",
        lambda strokes, kind, size, device: train_reader(strokes, size, CPU, steps=1),
    )
    strokes = TypesetDigits(100)
    game = StackGan(Settings(image_size=32, width=4, blocks=1), strokes, CPU, test=strokes)
    found = game.metrics()
    assert {"Stage I: digit, unseen pairs, drawn", "Stage II: color, seen pairs, real"} <= found.keys()
    assert found["gradient energy, real"] > found["gradient energy, Stage I, enlarged"] >= 0


def test_gradient_energy_by_hand():
    pictures = np.array([[[[0.0, 1.0], [3.0, 3.0]]]])
    assert gradient_energy(pictures) == pytest.approx((9 + 4) / 2 + (1 + 0) / 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--game", "stackgan", "--variant", "cls"], "--variant belongs to --game gan_cls"),
        (["--first-steps", "5"], "--first-steps belongs to --game stackgan"),
        (["--game", "stackgan", "--image-size", "16"], "--image-size 16: must be a power of two of at least 32"),
        (["--game", "stackgan", "--width", "6"], "--width 6: must be a multiple of 4"),
    ],
)
def test_mistakes_cost_one_sentence(arguments, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        train_text_gan.main([*arguments, "--out", str(tmp_path / "run")])
    assert not (tmp_path / "run").exists()
