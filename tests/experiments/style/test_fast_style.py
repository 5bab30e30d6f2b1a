"""Fast style transfer: the loss by hand, training beside PyTorch, tiles without seams, models of pytorch/examples, and
the commands."""

import hashlib
import importlib
from types import MappingProxyType

import numpy as np
import pytest
from PIL import Image

import minigrad as mg
from experiments import fast_style
from experiments.common.images import load_picture
from experiments.style import perceptual, stylize
from experiments.style.fast import FastStyle, FastStyleSettings
from experiments.style.perceptual import CONTENT_LAYER, STYLE_LAYERS, PerceptualLoss, Weights
from experiments.style.photographs import RandomCrops
from minigrad.devices import CPU
from nets import vgg
from nets.transform_net import TransformNet
from tests.helpers.style_samples import write_weights
from weights_converter.__main__ import main as convert

WEIGHTS = Weights(content=2.0, style=3e3, tv=0.5, pixel=0.25)


class Looks:
    """A network whose features are what it is shown, times a number for each layer."""

    factors = MappingProxyType(dict(zip((CONTENT_LAYER, *STYLE_LAYERS), (1.0, 2.0, 1.0, 3.0, 0.5))))

    def features(self, x, layers):
        return {name: x * self.factors[name] for name in layers}


def test_the_loss_by_hand():
    random = np.random.default_rng(0)
    made, content, style = random.random((2, 3, 4, 5)), random.random((2, 3, 4, 5)), random.random((1, 3, 6, 2))
    loss = PerceptualLoss(Looks(), mg.tensor(style), WEIGHTS)
    terms = loss.terms(mg.tensor(made), mg.tensor(content), loss.content_features(mg.tensor(content)))
    k = Looks.factors[CONTENT_LAYER]
    expected = {"content": 2.0 * np.mean([((k * (y - x)) ** 2).sum() / 60 for y, x in zip(made, content)])}

    def gram(picture):
        flat = picture.reshape(3, -1)
        return np.array([[(a * b).sum() for a in flat] for b in flat]) / picture.size

    layers = [Looks.factors[name] for name in STYLE_LAYERS]
    expected["style"] = 3e3 * np.mean(
        [sum(((gram(k * y) - gram(k * style[0])) ** 2).sum() / 9 for k in layers) for y in made]
    )
    steps = [(np.diff(y, axis=1) ** 2).sum() + (np.diff(y, axis=2) ** 2).sum() for y in made]
    expected["tv"], expected["pixel"] = 0.5 * np.mean(steps), 0.25 * np.mean((made - content) ** 2)
    assert list(terms) == list(expected)
    for name, value in expected.items():
        assert float(terms[name]) == pytest.approx(value, rel=1e-10), name
    assert "pixel" not in PerceptualLoss(Looks(), mg.tensor(style), Weights()).terms(
        mg.tensor(made), mg.tensor(content), mg.tensor(content)
    )


# ------------------------------------------------------------------------------------ beside PyTorch


@pytest.fixture(scope="module")
def oracle():
    pytest.importorskip("torch", exc_type=ImportError)
    return importlib.import_module("tests.oracles.torch_translation")


def torch_features(oracle, net, x, layers):
    """VGG's features in PyTorch, with the weights of our net, which wants pictures shifted and scaled."""
    torch, found = oracle.torch, {}
    x = (x - torch.from_numpy(net.mean.numpy()).double()) / torch.from_numpy(net.std.numpy()).double()
    for name in net.layer_names:
        if name.startswith("conv"):
            layer = net.convolutions[name]
            weight, bias = (torch.from_numpy(each.detach().numpy()).double() for each in (layer.weight, layer.bias))
            x = torch.nn.functional.conv2d(x, weight, bias, padding=1)
        else:
            x = torch.relu(x) if name.startswith("relu") else torch.nn.functional.max_pool2d(x, 2)
        found[name] = x
        if all(layer in found for layer in layers):
            return [found[layer] for layer in layers]
    raise AssertionError(layers)


def beside_torch(oracle):
    torch, random = oracle.torch, np.random.default_rng(1)
    mg.manual_seed(0)
    net = vgg.VGG16().double()
    style = random.random((1, 3, 24, 16))
    settings = FastStyleSettings("style.png", WEIGHTS, 16, 24, 2)
    game = FastStyle(settings, [mg.zeros(3, 16, 16)] * 2, [], style, net, CPU)
    game.net.double()
    theirs = oracle.load(oracle.TransformNet(), game.net)
    adam = torch.optim.Adam(theirs.parameters(), lr=1e-3)
    layers = [CONTENT_LAYER, *STYLE_LAYERS]

    def grams(features):
        flat = [each.flatten(2) for each in features]
        return [f @ f.transpose(1, 2) / f[0].numel() for f in flat]

    goals = grams(torch_features(oracle, net, torch.from_numpy(style), STYLE_LAYERS))
    for _ in range(2):
        x = random.random((2, 3, 16, 16))
        mine = game.step(iter([mg.tensor(x)]), 0)
        given = torch.from_numpy(x)
        y = theirs(given * 255) / 255
        seen, wanted = torch_features(oracle, net, y, layers), torch_features(oracle, net, given, [CONTENT_LAYER])
        terms = {"content": 2.0 * torch.nn.functional.mse_loss(seen[0], wanted[0])}
        terms["style"] = 3e3 * sum(((a - b) ** 2).mean() for a, b in zip(grams(seen[1:]), goals))
        terms["tv"] = 0.5 * ((y.diff(dim=2) ** 2).sum() + (y.diff(dim=3) ** 2).sum()) / 2
        terms["pixel"] = 0.25 * torch.nn.functional.mse_loss(y, given)
        adam.zero_grad()
        sum(terms.values()).backward()
        adam.step()
        for name, term in terms.items():
            np.testing.assert_allclose(float(mine[name]), term.item(), rtol=1e-5, err_msg=name)
        np.testing.assert_allclose(float(mine["loss"]), sum(terms.values()).item(), rtol=1e-5)
    for ours, expected in zip(game.net.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(ours.detach().numpy(), expected.detach().numpy(), rtol=1e-4, atol=1e-7)


def test_training_goes_as_in_pytorch_step_by_step(oracle):
    beside_torch(oracle)


@pytest.mark.parametrize("term", ["content_loss", "gram_matrix", "tv_loss"])
def test_a_fault_in_a_term_is_found(oracle, term, monkeypatch):
    honest = getattr(perceptual, term)
    monkeypatch.setattr(perceptual, term, lambda *inputs: honest(*inputs) * 1.01)
    with pytest.raises(AssertionError):
        if term == "gram_matrix":  # a factor of both sides is a factor of the loss
            monkeypatch.setattr(perceptual, "STYLE_LAYERS", STYLE_LAYERS[:-1])
        beside_torch(oracle)


# --------------------------------------------------------------------------------------------- tiles


@pytest.mark.parametrize("size", [(150, 97), (64, 131)])
def test_tiles_have_no_seams(size):
    mg.manual_seed(1)
    net = TransformNet()
    picture = np.random.default_rng(0).random((1, 3, *size)).astype(np.float32)
    tiled = stylize.stylize(net, picture, CPU, tile=64)
    factor = 64 / max(size)
    small = stylize.resize(picture, round(size[0] * factor), round(size[1] * factor))
    with mg.no_grad(), net.statistics_of(mg.tensor(small)):
        whole = np.clip(net(mg.tensor(picture)).numpy(), 0, 1)
    assert whole.std() > 0 and tiled.shape == picture.shape
    np.testing.assert_allclose(tiled, whole, atol=2e-5)


def test_seams_would_be_found(monkeypatch):
    """With tiles that see too little around them the same comparison fails."""
    monkeypatch.setattr(stylize, "REACH", 4)
    with pytest.raises(AssertionError):
        test_tiles_have_no_seams((150, 97))


# ----------------------------------------------------------------------------------------- commands


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A painting, nine photographs, and weights of VGG16."""
    root, random = tmp_path_factory.mktemp("fast"), np.random.default_rng(2)
    (root / "photos").mkdir()
    for number in range(9):
        coarse = Image.fromarray(random.integers(0, 255, (5, 6, 3), np.uint8))
        coarse.resize((60 + number, 50)).save(root / "photos" / f"{number}.jpg")
    Image.fromarray(random.integers(0, 255, (40, 50, 3), np.uint8)).save(root / "painting.png")
    write_weights(root / "vgg16.npz")
    return root


def train(files, out, steps, *more):
    arguments = ["train", files / "painting.png", "--content", files / "photos", "--weights", files / "vgg16.npz"]
    arguments += ["--size", 16, "--style-size", 32, "--batch-size", 2, "--pictures-every", 2, "--device", "cpu"]
    return fast_style.main([*map(str, arguments), "--steps", str(steps), "--out", str(out), *more])


@pytest.fixture(scope="module")
def run(files, tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    train(files, out, 4)
    return out


def test_n_and_n_steps_are_2n_steps(files, run, tmp_path):
    train(files, tmp_path, 2)
    train(files, tmp_path, 4, "--resume")
    for name in ("checkpoint.npz", "losses.csv", "samples_0000004.png"):
        once, twice = (hashlib.sha256((folder / name).read_bytes()).hexdigest() for folder in (run, tmp_path))
        assert once == twice, name
    assert (tmp_path / "index.html").exists() and "held_out_loss" in (tmp_path / "metrics.json").read_text()


def test_pictures_folders_and_animations(files, run, tmp_path):
    Image.new("RGBA", (40, 30), (200, 10, 10, 99)).save(tmp_path / "x.png")
    fast_style.main(["apply", str(run), str(tmp_path / "x.png"), "-o", str(tmp_path / "y.png"), "--size", "61"])
    assert load_picture(tmp_path / "y.png").shape == (1, 3, 46, 61)
    fast_style.main(["apply", str(run / "checkpoint.npz"), str(files / "photos"), "-o", str(tmp_path / "all")])
    assert len(list((tmp_path / "all").glob("*.png"))) == 9
    frames = [Image.new("RGB", (24, 20), color) for color in ("red", "green", "blue")]
    frames[0].save(tmp_path / "in.gif", save_all=True, append_images=frames[1:], duration=70)
    fast_style.main(["apply", str(run), str(tmp_path / "in.gif"), "-o", str(tmp_path / "out.gif")])
    with Image.open(tmp_path / "out.gif") as made:
        assert made.n_frames == 3 and made.size == (24, 20) and made.info["duration"] == 70


@pytest.mark.parametrize("old", [False, True])
def test_models_of_pytorch_examples_convert_and_run(oracle, tmp_path, old):
    torch = oracle.torch
    torch.manual_seed(3)
    net = oracle.TransformNet(old)
    torch.save(net.state_dict(), tmp_path / "mosaic.pth", _use_new_zipfile_serialization=not old)
    assert any("running_mean" in name for name in net.state_dict()) == old
    assert convert([str(tmp_path / "mosaic.pth"), "-o", str(tmp_path / "mosaic.npz")]) == 0
    picture = np.random.default_rng(0).random((1, 3, 33, 40)).astype(np.float32)
    model = fast_style.load_model(tmp_path / "mosaic.npz", CPU)
    with torch.no_grad():  # in training mode, as old models must be run, norms use the picture's own statistics
        expected = net.train()(torch.from_numpy(picture) * 255)[:, :, :33, :40].numpy() / 255
    with mg.no_grad():
        np.testing.assert_allclose(model(mg.tensor(picture)).numpy(), expected, atol=1e-5)


def test_models_that_are_none_are_refused(oracle, tmp_path, capsys):
    torch = oracle.torch
    state = oracle.TransformNet().state_dict()
    cases = {
        "lacks": ({name: value for name, value in state.items() if name != "in3.bias"}, [], "lacks in3.bias"),
        "more": ({**state, "extra.weight": torch.zeros(1)}, [], "also holds extra.weight"),
        "shape": ({**state, "in3.bias": torch.zeros(5)}, [], r"in3.bias has the shape (5,)"),
        "nan": ({**state, "in3.bias": torch.full((128,), float("nan"))}, [], "not finite"),
        "option": (state, ["--half"], "give no options but -o"),
    }
    for name, (content, more, complaint) in cases.items():
        torch.save(content, tmp_path / f"{name}.pth")
        assert convert([str(tmp_path / f"{name}.pth"), "-o", str(tmp_path / "out.npz"), *more]) == 2
        assert complaint in capsys.readouterr().err
        assert not (tmp_path / "out.npz").exists()


def test_what_is_refused(files, run, tmp_path):
    picture = tmp_path / "x.png"
    Image.new("RGB", (30, 10)).save(picture)
    few = tmp_path / "few"
    few.mkdir()
    picture.with_name("text.png").write_text("no picture")
    Image.new("RGB", (30, 30)).save(few / "a.png")
    mg.save({"kind": "other"}, tmp_path / "other.npz")
    for arguments, complaint in (
        (["apply", run, picture, "-o", tmp_path / "y.png"], "x.png: the picture is 30 x 10 pixels; at least 16"),
        (["apply", run, picture, "-o", picture], "would overwrite the input"),
        (["apply", run, tmp_path / "text.png", "-o", tmp_path / "y.png"], "not a picture"),
        (["apply", tmp_path / "other.npz", picture, "-o", tmp_path / "y.png"], "not a checkpoint of a training run"),
        (["apply", files / "vgg16.npz", picture, "-o", tmp_path / "y.png"], "not a whole minigrad checkpoint"),
        (["apply", tmp_path / "none", picture, "-o", tmp_path / "y.png"], "there is no such file"),
        (["train", picture, "--content", few, "--weights", files / "vgg16.npz", "--out", tmp_path / "o"], "too few"),
    ):
        with pytest.raises((ValueError, OSError), match=complaint):
            fast_style.main([str(argument) for argument in arguments])


def test_crops_are_random_but_repeat_with_the_seed(files):
    crops = RandomCrops(sorted((files / "photos").glob("*.jpg")), 16)
    mg.manual_seed(4)
    once = [crops[0].numpy() for _ in range(5)]
    mg.manual_seed(4)
    assert all(np.array_equal(crops[0].numpy(), each) for each in once)
    assert len({each.tobytes() for each in once}) == 5 and once[0].shape == (3, 16, 16)
    with pytest.raises(ValueError, match="there are no pictures"):
        RandomCrops([], 16)
