"""The experiments around GANs: points in the plane, failures, walks through the noise, metrics of a run."""

import json

import numpy as np
import pytest
from PIL import Image

import minigrad as mg
from experiments import gan_2d, gan_failures, gan_latent, gan_metrics, gan_sample, train_gan
from experiments.common.cli import UserError
from experiments.common.plots import read_losses
from experiments.gan import classifier
from experiments.gan.recipes import RECIPES
from experiments.gan.toy_data import POINTS, ring
from nets.classifier import DigitClassifier


def test_points_report_what_they_are_made_of():
    mg.manual_seed(0)
    points = ring()
    found = points.report(points.sample(4000))
    assert found == {"modes": 8, "of": 8, "close": 1.0}
    one = np.repeat(points.centers[:1], 100, 0)
    assert points.report(one)["modes"] == 1
    assert points.report(one * 5)["close"] == 0
    spiral = POINTS["spiral"]()
    found = spiral.report(spiral.sample(4000))
    assert found["curve covered"] > 0.99 and found["mean distance"] < 2 * spiral.sigma
    assert POINTS["grid"]().report(POINTS["grid"]().sample(5000))["modes"] == 25


@pytest.mark.parametrize("loss", ["ns", "wgan-gp"])
def test_the_plane_is_filmed(tmp_path, loss):
    arguments = ["--loss", loss, "--steps", "20", "--frames", "3", "--hidden", "8", "--out", str(tmp_path)]
    report = gan_2d.main([*arguments, "--device", "cpu"])
    assert report["of"] == 8 and json.loads((tmp_path / "report.json").read_text()) == report
    assert {"samples.gif", "final.png", "losses.csv", "losses.png", "index.html"} <= {
        p.name for p in tmp_path.iterdir()
    }


def test_the_minimax_loss_saturates_where_the_other_does_not(tmp_path):
    found = gan_failures.saturation(tmp_path)
    assert found["minimax pull at logit -6"] == pytest.approx(1 / (1 + np.exp(6)), rel=1e-6)
    assert found["non-saturating pull at logit -6"] == pytest.approx(1 / (1 + np.exp(-6)), rel=1e-6)


def test_an_overpowering_discriminator_leaves_the_minimax_generator_without_a_pull(tmp_path):
    found = gan_failures.overpowering(tmp_path, 15, mg.devices.CPU)
    pulls = [found[f"smallest pull after 5 steps, {title}"] for title in gan_failures.OVERPOWERED.values()]
    assert pulls[0] < 0.2 * min(pulls[1:])


def test_paths_between_two_noises():
    start, end = np.array([1.0, 0.0], np.float32), np.array([0.0, 1.0], np.float32)
    np.testing.assert_allclose(gan_latent.linear(start, end, 3)[1], [0.5, 0.5])
    arc = gan_latent.spherical(start, end, 5)
    np.testing.assert_allclose(np.linalg.norm(arc, axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(arc[[0, -1]], [start, end], atol=1e-6)
    np.testing.assert_allclose(gan_latent.spherical(start, start, 3), [start] * 3)


@pytest.fixture
def small_run(tmp_path):
    small = ["--net", "mlp", "--hidden", "8", "--conditional", "--batch-size", "8", "--steps", "3", "--device", "cpu"]
    train_gan.main([*small, "--dataset", "typeset", "--out", str(tmp_path / "run")])
    return tmp_path / "run"


@pytest.mark.parametrize("net", RECIPES)
def test_every_network_trains_and_draws(tmp_path, monkeypatch, net):
    monkeypatch.setattr("experiments.gan.datasets.TYPESET_COUNT", 50)
    train_gan.main(["--net", net, "--batch-size", "4", "--steps", "2", "--out", str(tmp_path), "--device", "cpu"])
    gan_sample.main([str(tmp_path / "checkpoint.npz"), "-n", "5", "-o", str(tmp_path / "drawn.npy")])
    drawn = np.load(tmp_path / "drawn.npy")
    assert drawn.shape == (5, 28, 28) and drawn.dtype == np.uint8
    assert np.isfinite(read_losses(tmp_path / "losses.csv")["g_loss"]).all()


def test_a_folder_of_pictures_at_a_power_of_two(tmp_path):
    (tmp_path / "pictures").mkdir()
    for number in range(6):
        pixels = np.random.default_rng(number).integers(0, 256, (40, 50, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "pictures" / f"{number}.png")
    arguments = ["--net", "dcgan", "--dataset", str(tmp_path / "pictures"), "--image-size", "16", "--batch-size", "3"]
    train_gan.main([*arguments, "--steps", "2", "--out", str(tmp_path / "run"), "--device", "cpu"])
    gan_sample.main([str(tmp_path / "run" / "checkpoint.npz"), "-n", "2", "-o", str(tmp_path / "drawn.npy")])
    assert np.load(tmp_path / "drawn.npy").shape == (2, 16, 16, 3)


def test_walks_from_a_checkpoint(small_run, tmp_path):
    gan_latent.main([str(small_run / "checkpoint.npz"), "--out", str(tmp_path / "latent"), "--samples", "9"])
    names = {path.name for path in (tmp_path / "latent").glob("[!.]*")}
    assert names == {"interpolation.png", "contact.png", "arithmetic.png", "walk.gif", "index.html"}
    with pytest.raises(ValueError, match="numbered 0 to 8"):
        gan_latent.main([str(small_run / "checkpoint.npz"), "--out", str(tmp_path), "--samples", "9", "--a", "1,2,9"])


def test_the_classifier_is_kept_by_checksum_and_its_report_goes_into_the_page(small_run, tmp_path, monkeypatch):
    monkeypatch.setenv("MINIGRAD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("experiments.gan.datasets.TYPESET_COUNT", 1000)
    trained = []
    honest = classifier.train_classifier
    monkeypatch.setattr(classifier, "train_classifier", lambda *a: trained.append(1) or honest(*a[:3], epochs=1))
    checkpoint = str(small_run / "checkpoint.npz")
    found = gan_metrics.main([checkpoint, "-n", "200", "--device", "cpu"])
    (kept,) = (tmp_path / "cache" / "classifiers").iterdir()
    assert kept.name == f"typeset-{found['classifier']}.npz"
    assert gan_metrics.main([checkpoint, "-n", "200", "--device", "cpu"]) == found and len(trained) == 1
    assert 0 <= found["label accuracy"] <= 1 and found["cFID"] > 0
    assert json.loads((small_run / "metrics.json").read_text()) == found
    assert "How good the result is" in (small_run / "index.html").read_text()

    state = mg.load(kept)  # a changed weight no longer fits the name: the classifier is trained anew
    state["head.bias"] = state["head.bias"] + 1.0
    mg.save(state, kept)
    gan_metrics.main([checkpoint, "-n", "200", "--device", "cpu"])
    assert len(trained) == 2


def test_a_classifiers_checksum_depends_on_every_weight():
    net = DigitClassifier()
    before = classifier.checksum(net)
    net.head.bias.array[3] += 1e-7
    assert classifier.checksum(net) != before


def test_labels_move_for_discriminators_with_logits(tmp_path):
    """mlp_deep ends in a sigmoid under the loss ns only, where targets must stay probabilities."""
    common = ["--net", "mlp_deep", "--label-noise", "0.1", "--steps", "1", "--batch-size", "8", "--out", str(tmp_path)]
    with pytest.raises(UserError, match="gives probabilities"):
        train_gan.main([*common, "--loss", "ns"])
    train_gan.main([*common, "--loss", "saturating"])
