"""Style transfer: losses against their formulas, whole runs against PyTorch, the command and what it writes."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import minigrad as mg
from experiments import style_transfer
from experiments.common import images, plots
from experiments.common.cli import UserError
from experiments.style.calibration import calibrate
from experiments.style.losses import content_loss, gram_matrix, style_loss, style_target, tv_loss
from experiments.style.memory import Job, check_memory
from experiments.style.presets import PRESETS, Preset
from experiments.style.search import Targets
from nets import vgg
from tests.helpers.paths import ROOT
from tests.helpers.style_samples import arguments, transfer

pytestmark = pytest.mark.usefixtures("no_cached_weights")


def features(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape)


def naive_gram(f):
    _, c, h, w = f.shape
    return np.array(
        [[sum(f[0, i, y, x] * f[0, j, y, x] for y in range(h) for x in range(w)) for j in range(c)] for i in range(c)]
    )


def test_gram_matrices_are_never_folded_over_the_batch():
    both = np.concatenate([features(1, 1, 3, 4, 5), features(2, 1, 3, 4, 5)])
    found = gram_matrix(mg.tensor(both)).numpy()
    assert found.shape == (2, 3, 3)
    for n in range(2):
        np.testing.assert_allclose(found[n], naive_gram(both[n : n + 1]) / (3 * 4 * 5))


@pytest.mark.parametrize(
    "normalization, content, style",
    [
        ("gatys", lambda f, p: ((f - p) ** 2).sum() / 2, lambda g, a: ((g - a) ** 2).sum() / (4 * 3**2 * 20**2)),
        ("cs231n", lambda f, p: ((f - p) ** 2).sum(), lambda g, a: ((g - a) ** 2).sum() / 60**2),
        ("keras", lambda f, p: ((f - p) ** 2).sum(), lambda g, a: ((g - a) ** 2).sum() / (4 * 9 * 80**2) / 5),
        ("johnson", lambda f, p: ((f - p) ** 2).sum() / 60, lambda g, a: ((g - a) ** 2).sum() / 60**2),
        (
            "relative",
            lambda f, p: ((f - p) ** 2).sum() / (p**2).sum(),
            lambda g, a: ((g - a) ** 2).sum() / (a**2).sum(),
        ),
    ],
)
def test_losses_are_their_formulas(normalization, content, style):
    f, p = features(3, 1, 3, 4, 5), features(4, 1, 3, 4, 5)
    assert float(content_loss(mg.tensor(f), mg.tensor(p), normalization)) == pytest.approx(content(f, p))
    target = style_target(mg.tensor(p), normalization, mg.tensor(f))
    found = style_loss(mg.tensor(f), target, normalization, pixels=80, layers=5)
    assert float(found) == pytest.approx(style(naive_gram(f), naive_gram(p)))


def test_a_masked_gram_matrix_sees_only_its_region():
    f = features(5, 1, 3, 4, 6)
    mask = np.zeros((1, 1, 4, 6))
    mask[..., :2] = 1
    found = gram_matrix(mg.tensor(f), mask=mg.tensor(mask)).numpy()
    np.testing.assert_allclose(found, gram_matrix(mg.tensor(f[..., :2].copy())).numpy())


def test_total_variation():
    x = features(6, 1, 3, 4, 5)
    rows, columns = np.diff(x, axis=2), np.diff(x, axis=3)
    assert float(tv_loss(mg.tensor(x))) == pytest.approx((rows**2).sum() + (columns**2).sum())
    keras = ((rows[..., :-1] ** 2 + columns[:, :, :-1] ** 2) ** 1.25).sum()
    assert float(tv_loss(mg.tensor(x), 1.25)) == pytest.approx(keras)


def test_calibration_gives_every_channel_unit_variance():
    mg.manual_seed(0)
    net, shown = vgg.VGG16(pooling="avg"), [mg.rand(1, 3, 40, 32), mg.rand(1, 3, 24, 48)]
    calibrate(net, shown)
    for name in ("conv1_1", "conv3_2"):
        seen = [
            net.features(picture, [name])[name].numpy()[0].reshape(net.convolutions[name].out_channels, -1)
            for picture in shown
        ]
        outputs = np.concatenate(seen, axis=1)
        np.testing.assert_allclose(outputs.mean(1), 0, atol=1e-3)
        np.testing.assert_allclose(outputs.std(1), 1, rtol=1e-3)


# --------------------------------------------------------------------------------------- next to PyTorch

LAYERS = ("conv1_1", "conv2_1", "conv3_1")


class TorchStyle:
    """The same loss in PyTorch, written from the formulas: `gatys` normalization, average pooling."""

    def __init__(self, torch, path, content, style):
        self.torch = torch
        self.mean = torch.tensor([103.939, 116.779, 123.68]).reshape(1, 3, 1, 1)
        arrays = np.load(path)
        self.weights = {
            name: torch.from_numpy(arrays[name].astype(content.dtype)) for name in arrays.files if name != "metadata"
        }
        with torch.no_grad():
            self.content = self.features(torch.from_numpy(content))["conv3_2"]
            seen = self.features(torch.from_numpy(style))
            self.grams = {name: self.gram(seen[name]) for name in LAYERS}

    def gram(self, f):
        flat = f.reshape(f.shape[1], -1)
        return flat @ flat.T

    def features(self, x):
        functional, found = self.torch.nn.functional, {}
        h = x.flip(1) * 255 - self.mean.to(x.dtype)
        for name in ("conv1_1", "conv1_2", "pool", "conv2_1", "conv2_2", "pool", "conv3_1", "conv3_2"):
            if name == "pool":
                h = functional.avg_pool2d(h, 2)
                continue
            h = found[name] = functional.conv2d(
                h, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"], padding=1
            )
            h = functional.relu(h)
        return found

    def loss(self, image):
        seen = self.features(image)
        total = 0.5 * ((seen["conv3_2"] - self.content) ** 2).sum()
        for name in LAYERS:
            _, c, h, w = seen[name].shape
            total = total + 200 * ((self.gram(seen[name]) - self.grams[name]) ** 2).sum() / (4 * c**2 * (h * w) ** 2)
        return total


def run_search(search, image, loss_of, steps):
    """The loss at each evaluation while an optimizer of either library changes the image."""
    losses = []

    def closure():
        search.zero_grad()
        loss = loss_of(image)
        loss.backward()
        losses.append(loss.detach().item())
        return loss

    for _ in range(steps):
        search.step(closure)
    return losses


@pytest.fixture(scope="module")
def neckarfront(shared_data, converted_vgg16):
    """(converted VGG16, content, style): real weights and pictures of 96 pixels."""
    content = images.load_picture(shared_data / "images" / "tubingen.jpg", 96)
    style = images.load_picture(shared_data / "images" / "starry_night.jpg", 96)
    return converted_vgg16, content, images.resize(style, *content.shape[2:])


LBFGS = {
    "max_iter": 20,
    "max_eval": 200,
    "tolerance_grad": 0,
    "tolerance_change": 0,
    "history_size": 20,
    "line_search_fn": "strong_wolfe",
}


@pytest.mark.parametrize(
    "optimizer, options, steps, dtype",
    [
        ("Adam", {"lr": 0.02}, 50, "float32"),
        # The second length of a line search extrapolates from differences of nearly equal losses: one rounding of
        # float32 changes it by a percent, in either library. In float64 the two must take the same way.
        ("LBFGS", LBFGS, 1, "float64"),
    ],
)
def test_losses_go_together_with_pytorchs(neckarfront, optimizer, options, steps, dtype):
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)  # at this size more threads wait for each other longer than they compute
    weights, content, style = neckarfront[0], *(picture.astype(dtype) for picture in neckarfront[1:])
    preset = Preset("gatys", {"conv3_2": 1.0}, dict.fromkeys(LAYERS, 200.0))
    net = vgg.load(weights, "avg").type(dtype)
    targets = Targets(net, preset, mg.tensor(content), [(mg.tensor(style), 1.0)], [None])
    image = mg.tensor(content, requires_grad=True)
    search = getattr(mg.optim, optimizer)([image], **options)
    found = run_search(search, image, lambda image: targets.loss(image)[0], steps)
    image = torch.from_numpy(content.copy()).requires_grad_()
    search = getattr(torch.optim, optimizer)([image], **options)
    expected = run_search(search, image, TorchStyle(torch, weights, content, style).loss, steps)
    assert len(found) == len(expected) >= 20
    np.testing.assert_allclose(found, expected, rtol=1e-3)
    assert found[-1] < 0.2 * found[0]


# ------------------------------------------------------------------------------------------- the command


def test_a_run_leaves_its_pictures_losses_and_parameters(files, tmp_path, capsys):
    result = transfer(files, tmp_path / "out.png", "--gif", "--report", "--save-every", "3")
    assert result.shape == (1, 3, 29, 40)
    assert "RANDOM" in capsys.readouterr().out
    names = {path.name for path in tmp_path.iterdir() if path.is_file()}
    beside = [
        "_00003.png",
        "_00006.png",
        "_losses.csv",
        "_losses.png",
        "_panel.png",
        "_report.html",
        "_run.gif",
        ".png",
    ]
    assert names == {f"out{ending}" for ending in beside}
    losses = plots.read_losses(tmp_path / "out_losses.csv")
    assert list(losses["step"]) == [1, 2, 3, 4, 5, 6]
    assert losses["total"].min() < losses["total"][0]
    assert images.read_parameters(tmp_path / "out.png")["steps"] == "6"


def test_the_same_seed_gives_the_same_picture(files, tmp_path):
    options = ("--init", "noise", "--seed")
    seen = []
    for seed in ("5", "5", "6"):
        picture = transfer(files, tmp_path / "a.png", *options, seed)
        seen.append((picture, [(tmp_path / name).read_bytes() for name in ("a.png", "a_losses.csv", "a_panel.png")]))
    (first, written), (_, again), (other, _) = seen
    assert written == again
    assert abs(first - other).max() > 0.05


@pytest.mark.parametrize("preset", ["cs231n", "keras", "gatys", "johnson"])
def test_presets_run_on_odd_sizes(files, tmp_path, preset):
    assert transfer(files, tmp_path / "out.png", "--preset", preset, "--steps", "2").shape == (1, 3, 29, 40)


def test_kept_colors_are_the_contents(files, tmp_path):
    found = transfer(files, tmp_path / "out.png", "--keep-colors")
    content = images.load_picture(files / "content.png", 40)
    inside = ((found > 0.02) & (found < 0.98)).all(axis=1)
    hue = (found[:, 0] - found[:, 2]) - (content[:, 0] - content[:, 2])
    assert inside.mean() > 0.3
    assert abs(hue[inside]).max() < 0.02


def test_coarse_to_fine_and_masks_run(files, tmp_path):
    mask = tmp_path / "mask.png"
    Image.new("L", (20, 20), 255).save(mask)
    assert transfer(files, tmp_path / "out.png", "--levels", "2", "--masks", str(mask)).shape == (1, 3, 29, 40)


@pytest.mark.parametrize(
    "arguments, text",
    [
        (["--size", "0"], "--size: must be a whole number of at least 1"),
        (["--size", "3"], "at least 16 pixels"),
        (["--style-layers", "conv9_9"], "no layer conv9_9"),
        (["--style-layers", "conv1_1=much"], "not LAYER or LAYER=WEIGHT"),
        (["--blend", "1", "2"], "--blend has an effect with several style pictures only"),
        (["--weights", "absent.npz"], "there is no such file"),
        (["-o", "out.xyz"], "pictures are saved as"),
    ],
)
def test_bad_arguments_are_one_sentence(files, tmp_path, arguments, text):
    both = [str(files / "content.png"), str(files / "style.png")]
    run = subprocess.run(
        [sys.executable, "-m", "experiments.style_transfer", *both, "--size", "32", "--steps", "2", *arguments],
        cwd=tmp_path, env={"PYTHONPATH": str(ROOT), "MINIGRAD_CACHE": str(tmp_path / "c"), "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 2
    assert "error: " in run.stderr and text in run.stderr
    assert "Traceback" not in run.stderr
    assert list(tmp_path.glob("*")) == []


def test_each_of_several_styles_needs_its_weight(files, tmp_path):
    two = [str(files / "style.png"), "--blend", "1", "2", "3"]
    with pytest.raises(UserError, match=r"2 style picture\(s\) need as many weights, got 3"):
        style_transfer.main([str(files / "content.png"), str(files / "style.png"), *two, "-o", str(tmp_path / "x.png")])


def test_a_picture_too_large_for_the_memory_is_refused_with_a_size(capsys):
    with pytest.raises(UserError, match="use --size"):
        check_memory(Job(None, PRESETS["default"], (200_000, 200_000)))


@pytest.mark.parametrize(
    ("option", "value"), [("--size", "2000000"), ("--style-scale", "100000"), ("--style-scale", "1e9")]
)
def test_what_does_not_fit_is_refused_before_a_picture_is_loaded(files, tmp_path, monkeypatch, option, value):
    def loaded(*_):
        raise AssertionError("a picture was loaded")

    monkeypatch.setattr(images, "load_picture", loaded)
    options = [*arguments(files, tmp_path / "out.png"), option, value]
    with pytest.raises(UserError, match=f"{option}.* GiB"):
        style_transfer.main(options)
