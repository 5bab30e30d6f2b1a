"""The search for a picture when losses stop being numbers: it goes back to the best one and on from there."""

import dataclasses
import math
import warnings

import numpy as np
import pytest

import minigrad as mg
from experiments import style_transfer
from experiments.common import images
from experiments.common.cli import run
from experiments.style.calibration import calibrate
from experiments.style.presets import Preset
from experiments.style.search import Search, Targets
from nets import vgg
from tests.helpers.style_samples import arguments

PRESET = Preset("relative", {"conv2_1": 0.1}, {"conv1_1": 1.0})
OPTIMIZERS = {"lbfgs": {}, "adam": {"lr": 0.02}, "sgd": {"lr": 0.5, "lr_decay": 0.9}}


@pytest.fixture(scope="module")
def shown(files):
    """(a calibrated network, content, style)."""
    mg.manual_seed(0)
    content, style = (mg.tensor(images.load_picture(files / f"{name}.png", 32)) for name in ("content", "style"))
    net = vgg.VGG16(pooling="avg")
    calibrate(net, [content, style])
    return net, content, style


def targets_of(shown, optimizer, spoiled=()):
    """Targets whose loss is not a number at the evaluations numbered in `spoiled` (from 1)."""
    net, content, style = shown
    preset = dataclasses.replace(PRESET, optimizer=optimizer, **OPTIMIZERS[optimizer])
    targets = Targets(net, preset, content, [(style, 1.0)], [None])
    loss, count = targets.loss, 0

    def sometimes_nan(image):
        nonlocal count
        count += 1
        total, terms = loss(image)
        bad = math.nan if count in spoiled else 1.0
        return total * bad, {**terms, "total": total * bad}

    targets.loss = sometimes_nan
    return targets


def searched(targets, content, steps):
    """(picture, totals, notes) of a search."""
    totals = []
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always")
        search = Search(targets, content.numpy(), steps)
        for evaluation in search:
            totals.append(evaluation.losses["total"])
    return search.best, totals, [str(note.message) for note in notes]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_step_to_nan_is_taken_back(shown, optimizer):
    """A loss that is not a number once in a while costs a step, not the picture."""
    picture, totals, notes = searched(targets_of(shown, optimizer, {7, 12}), shown[1], 40)
    assert len(totals) == 40
    assert [step for step, total in enumerate(totals, start=1) if math.isnan(total)] == [7, 12]
    assert np.isfinite(picture).all()
    assert min(totals[12:]) < 0.9 * min(totals[:6])
    if optimizer != "lbfgs":
        assert totals[7] == pytest.approx(min(totals[:6]), rel=1e-5)
        assert notes == [
            "step 7: the loss was not finite; going on from the best picture with 0.5 times the lr",
            "step 12: the loss was not finite; going on from the best picture with 0.25 times the lr",
        ]


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_the_step_length_decays_and_is_cut_after_a_failure(shown, optimizer):
    search = Search(targets_of(shown, optimizer), shown[1].numpy(), 1000)
    lr, decay = search.preset.lr, search.preset.lr_decay
    search.step = 200
    search.set_step_length()
    assert search.optimizer.param_groups[0]["lr"] == pytest.approx(lr * decay**2)
    with pytest.warns(UserWarning, match="step 200"):
        search.go_back()
    search.step = 300
    search.set_step_length()
    assert search.optimizer.param_groups[0]["lr"] == pytest.approx(lr * decay**3 / 2)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("steps", [1, 2, 3, 17])
def test_there_are_exactly_as_many_evaluations_as_steps(shown, optimizer, steps):
    targets, calls = targets_of(shown, optimizer), []
    loss = targets.loss
    targets.loss = lambda image: calls.append(1) or loss(image)
    numbers = [evaluation.step for evaluation in Search(targets, shown[1].numpy(), steps)]
    assert numbers == list(range(1, steps + 1)) and len(calls) == steps


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_flat_loss_ends_after_its_steps_too(shown, optimizer):
    targets = targets_of(shown, optimizer)
    loss = targets.loss
    targets.loss = lambda image: (lambda total, terms: (total * 0.0, terms))(*loss(image))
    assert len(list(Search(targets, shown[1].numpy(), 9))) == 9


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_loss_that_is_never_finite_is_said_at_once(shown, optimizer):
    seen = []
    with pytest.raises(RuntimeError, match="the loss was never finite, not even for the first picture"):
        seen.extend(Search(targets_of(shown, optimizer, {1}), shown[1].numpy(), 50))
    assert seen == []


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_command_says_so_and_leaves_no_files(files, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MINIGRAD_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "results"
    with pytest.raises(SystemExit) as left:
        run(lambda: style_transfer.main(arguments(files, folder / "out.png", "--style-weight", 1e300)))
    assert left.value.code == 2
    assert "error: style transfer: the loss was never finite" in capsys.readouterr().err
    assert list(folder.iterdir()) == []
