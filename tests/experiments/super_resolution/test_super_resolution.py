"""Super-resolution: crops, tiles, the two games against PyTorch twins, resume, and what a user may do wrong."""

import copy
import json

import numpy as np
import pytest
from PIL import Image

import minigrad as mg
from experiments.super_resolution import game as games
from experiments.super_resolution.__main__ import main
from experiments.super_resolution.data import Crops
from experiments.super_resolution.enlarge import enlarge
from experiments.super_resolution.evaluation import perceived
from experiments.super_resolution.game import AdversarialSuperResolution, Settings, SuperResolution
from experiments.super_resolution.resampling import reduced
from minigrad.devices import CPU
from nets import vgg
from nets.srresnet import SRResNet


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder with three small photographs of blurred noise."""
    folder = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(0)
    for name in "abc":
        noise = Image.fromarray(random.integers(0, 256, (12, 10, 3), dtype=np.uint8))
        noise.resize((66, 74), Image.Resampling.BICUBIC).save(folder / f"{name}.png")
    return folder


# ------------------------------------------------------------------------------------------ data


def test_crops_are_pairs_from_one_place(photos):
    mg.manual_seed(1)
    small, large = Crops(photos, 32).batch(20)
    assert small.shape == (20, 3, 8, 8) and large.shape == (20, 3, 32, 32) and large.dtype == np.float32
    large = large.numpy() * 0.5 + 0.5
    again = np.stack([reduced(np.rint(crop * 255).astype(np.uint8)) for crop in large]) / 255
    inner = np.abs(again - small.numpy())[:, :, 2:-2, 2:-2]  # at the border a crop does not know what is beyond it
    assert inner.max() <= 1.5 / 255


def test_crops_are_reproducible_and_differ(photos):
    crops = Crops(photos, 32)
    mg.manual_seed(3)
    first, other = crops.batch(4)[1].numpy(), crops.batch(4)[1].numpy()
    mg.manual_seed(3)
    np.testing.assert_array_equal(crops.batch(4)[1].numpy(), first)
    assert np.abs(first - other).max() > 0.1


def test_a_folder_without_photographs_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no readable photographs of at least 96 x 96"):
        Crops(tmp_path)
    Image.new("RGB", (50, 200)).save(tmp_path / "narrow.png")
    with pytest.warns(UserWarning, match="smaller than a crop"), pytest.raises(ValueError, match="no readable"):
        Crops(tmp_path)
    with pytest.raises(FileNotFoundError):
        Crops(tmp_path / "missing")


# ------------------------------------------------------------------------------------------ tiles


def test_tiles_show_no_seams():
    mg.manual_seed(0)
    network = SRResNet(1, 4).eval()
    for parameter in network.parameters():
        mg.nn.init.normal_(parameter, 0.0, 0.1)  # as if trained: what begins at 0 is not
    picture = np.random.default_rng(0).random((3, 37, 53)).astype(np.float32)
    whole = enlarge(network, picture, tile=1000)
    assert whole.shape == (3, 148, 212)
    np.testing.assert_allclose(enlarge(network, picture, tile=9), whole, atol=2e-6)
    narrow = copy.copy(network)
    type_with_less = type("Narrow", (SRResNet,), {"reach": property(lambda self: 3)})
    narrow.__class__ = type_with_less
    assert np.abs(enlarge(narrow, picture, tile=9) - whole).max() > 1e-4  # a smaller margin would show


# ------------------------------------------------------------------------------------------ games


def torch_twin(torch, net):
    """The same layers in PyTorch, with the same weights."""
    T = torch.nn

    class Residual(T.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, x):
            return x + self.inner(x)

    def convolution(layer):
        return T.Conv2d(
            layer.in_channels, layer.out_channels, layer.kernel_size, stride=layer.stride, padding=layer.padding
        )

    def copied(layer):
        kinds = {
            "Conv2d": convolution, "BatchNorm2d": lambda m: T.BatchNorm2d(m.weight.shape[0]),
            "PReLU": lambda m: T.PReLU(), "PixelShuffle": lambda m: T.PixelShuffle(2),
            "LeakyReLU": lambda m: T.LeakyReLU(0.2), "Flatten": lambda m: T.Flatten(),
            "Linear": lambda m: T.Linear(m.weight.shape[1], m.weight.shape[0]),
            "ResidualBlock": lambda m: Residual(sequence(m.layers)),
        }  # fmt: skip
        return kinds[type(layer).__name__](layer)

    def sequence(layers):
        return T.Sequential(*[copied(layer) for layer in layers])

    if isinstance(net, SRResNet):
        twin = T.Sequential(sequence(net.entry), Residual(sequence(net.body)), sequence(net.exit))
    else:
        twin = sequence(net.layers)
    twin = twin.double()
    with torch.no_grad():
        ours = list(net.parameters())
        theirs = list(twin.parameters())
        assert [tuple(p.shape) for p in theirs] == [tuple(p.shape) for p in ours]
        for target, source in zip(theirs, ours):
            target.copy_(torch.tensor(source.detach().numpy()))
    return twin


def pairs(count, crop):
    random = np.random.default_rng(5)
    return [
        (random.random((2, 3, crop // 4, crop // 4)), random.uniform(-1, 1, (2, 3, crop, crop))) for _ in range(count)
    ]


def as_double(game):
    for part in game.parts.values():
        if isinstance(part, mg.nn.Module):
            part.double()
    return game


def test_srresnet_trains_as_pytorchs_twin(photos):
    torch = pytest.importorskip("torch")
    mg.manual_seed(0)
    game = as_double(SuperResolution(Settings(str(photos), blocks=2, channels=4, crop=32), Crops(photos, 32), CPU))
    twin = torch_twin(torch, game.G)
    adam = torch.optim.Adam(twin.parameters(), lr=5e-4)
    batches = pairs(4, 32)
    own = iter([(mg.tensor(small), mg.tensor(large)) for small, large in batches])
    for number, (small, large) in enumerate(batches):
        loss = ((twin(torch.tensor(small)) - torch.tensor(large)) ** 2).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        assert game.step(own, number)["loss"].item() == pytest.approx(loss.item(), rel=1e-9)
    for ours, theirs in zip(game.G.parameters(), twin.parameters()):
        np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-6, atol=1e-9)


def untrained_vgg(path, pooling="max"):
    mg.manual_seed(9)
    return vgg.VGG16()


@pytest.fixture
def adversarial(photos, monkeypatch):
    """SRGAN's game in float64, with an untrained VGG16."""
    monkeypatch.setattr(games.vgg, "load", untrained_vgg)
    mg.manual_seed(0)
    settings = Settings(str(photos), "gan", blocks=1, channels=4, crop=32, weights="vgg.npz", layer="relu2_2")
    game = as_double(AdversarialSuperResolution(settings, Crops(photos, 32), CPU))
    game.vgg.double()
    return game


def test_srgans_features_are_by_default_the_last_activations(photos, monkeypatch):
    monkeypatch.setattr(games.vgg, "load", untrained_vgg)
    settings = Settings(str(photos), "gan", blocks=1, channels=4, crop=32, weights="vgg.npz")
    game = AdversarialSuperResolution(settings, Crops(photos, 32), CPU)
    assert game.layer == "relu5_3" and game.features(mg.zeros(1, 3, 32, 32)).shape == (1, 512, 2, 2)


def test_srgan_trains_as_pytorchs_twin(adversarial):
    torch = pytest.importorskip("torch")
    game = adversarial
    G, D = torch_twin(torch, game.G), torch_twin(torch, game.D)
    g_adam, d_adam = (torch.optim.Adam(net.parameters(), lr=5e-4) for net in (G, D))
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    layers = {name: layer for name, layer in game.vgg.convolutions.items() if name < "conv3"}
    weights = {
        n: (torch.tensor(m.weight.detach().numpy()), torch.tensor(m.bias.detach().numpy())) for n, m in layers.items()
    }
    mean, std = torch.tensor(game.vgg.mean.numpy()), torch.tensor(game.vgg.std.numpy())

    def features(x):
        h = (x * 0.5 + 0.5 - mean) / std
        for name in ("conv1_1", "conv1_2", "conv2_1", "conv2_2"):
            if name == "conv2_1":
                h = torch.nn.functional.max_pool2d(h, 2)
            h = torch.relu(torch.nn.functional.conv2d(h, *weights[name], padding=1))
        return h / 12.75

    batches = pairs(3, 32)
    own = iter([(mg.tensor(small), mg.tensor(large)) for small, large in batches])
    for number, (small, large) in enumerate(batches):
        small, large = torch.tensor(small), torch.tensor(large)
        made = G(small)
        real, fake = D(large), D(made.detach())
        d_loss = bce(real, torch.ones_like(real)) + bce(fake, torch.zeros_like(fake))
        d_adam.zero_grad()
        d_loss.backward()
        d_adam.step()
        content = ((features(made) - features(large)) ** 2).mean()
        judged = D(made)
        adversarial_loss = bce(judged, torch.ones_like(judged))
        g_adam.zero_grad()
        (content + 1e-3 * adversarial_loss).backward()
        g_adam.step()
        found = game.step(own, number)
        expected = {"d_loss": d_loss, "content": content, "adversarial": adversarial_loss}
        for name, value in expected.items():
            assert found[name].item() == pytest.approx(value.item(), rel=1e-8), name
    for ours, theirs in zip(game.G.parameters(), G.parameters()):
        np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-6, atol=1e-8)


# ---------------------------------------------------------------------------------------- command

SMALL = ["--blocks", "1", "--channels", "4", "--crop", "32", "--batch-size", "2", "--pictures-every", "2"]


def state(folder):
    with np.load(folder / "checkpoint.npz") as archive:
        return {name: archive[name] for name in archive.files}


@pytest.fixture(scope="module")
def run(photos, tmp_path_factory):
    """A run of four steps."""
    folder = tmp_path_factory.mktemp("run")
    main(["train", "--photos", str(photos), "--out", str(folder), "--steps", "4", "--test", str(photos), *SMALL])
    return folder


def test_a_resumed_run_ends_with_the_same_bits(photos, run, tmp_path):
    arguments = ["train", "--photos", str(photos), "--out", str(tmp_path), *SMALL]
    main([*arguments, "--steps", "2"])
    main([*arguments, "--steps", "4", "--resume"])
    expected, found = state(run), state(tmp_path)
    assert expected.keys() == found.keys()
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


def test_a_resumed_srgan_ends_with_the_same_bits(photos, run, tmp_path, monkeypatch):
    """Its discriminator and that one's optimizer too; and the generator begins as the run it was given."""
    monkeypatch.setattr(games.vgg, "load", untrained_vgg)
    (tmp_path / "vgg.npz").touch()
    more = ["--loss", "gan", "--weights", str(tmp_path / "vgg.npz"), "--layer", "relu1_2", "--from-run", str(run)]
    arguments = ["train", "--photos", str(photos), *SMALL, *more]
    main([*arguments, "--out", str(tmp_path / "once"), "--steps", "4"])
    main([*arguments, "--out", str(tmp_path / "parts"), "--steps", "2"])
    main([*arguments, "--out", str(tmp_path / "parts"), "--steps", "4", "--resume"])
    expected, found = state(tmp_path / "once"), state(tmp_path / "parts")
    assert expected.keys() == found.keys()
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


def test_a_run_leaves_a_page_and_metrics(run):
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["PSNR (dB), bicubic"] > metrics["PSNR (dB), network"] > 0
    assert (run / "index.html").is_file()


def test_pictures_and_folders_are_enlarged(photos, run, tmp_path, capsys):
    main(["enlarge", str(run), str(photos / "a.png"), "-o", str(tmp_path / "a.png"), "--device", "cpu"])
    with Image.open(tmp_path / "a.png") as image:
        assert image.size == (264, 296)
    main(["enlarge", str(run), str(photos), "-o", str(tmp_path / "all"), "--tile", "30"])
    assert sorted(path.name for path in (tmp_path / "all").glob("*.png")) == ["a.png", "b.png", "c.png"]
    first, second = (np.asarray(Image.open(path), int) for path in (tmp_path / "a.png", tmp_path / "all" / "a.png"))
    assert np.abs(first - second).max() <= 1
    main(["evaluate", str(run), str(photos)])
    assert "bicubic" in capsys.readouterr().out


def test_what_vgg_sees_of_an_original_is_no_distance(photos, monkeypatch):
    mg.manual_seed(9)
    net = vgg.VGG16()

    def enlargements(network, path, device):
        original = np.random.default_rng(0).random((3, 32, 32), dtype=np.float32)
        return original, {"same": original, "gray": np.full_like(original, original.mean()), "half": original / 2}

    monkeypatch.setattr("experiments.super_resolution.evaluation.enlargements", enlargements)
    found = perceived(SRResNet(1, 4), photos, net, "relu2_2")
    assert found["same"] == (0.0, 1.0) and found["gray"][0] > 0.05
    assert found["gray"][1] == pytest.approx(0, abs=1e-9) and found["half"][1] == pytest.approx(0.25, rel=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--photos", "{photos}", "--loss", "gan"], "converted file with --weights"),
        (["train", "--photos", "{photos}", "--layer", "relu2_2"], "--loss mse compares pixels"),
        (["train", "--photos", "{photos}", "--crop", "40"], "--crop 40: must be a multiple of 16"),
        (["train", "--photos", "{photos}", "--channels", "2"], "--channels 2: at least 3"),
        (["enlarge", "{run}", "{photos}/a.png", "-o", "{photos}/a.png"], "would overwrite the input"),
        (["enlarge", "{run}", "{photos}", "-o", "{photos}"], "would overwrite the input"),
        (["enlarge", "{run}", "{photos}/missing.png", "-o", "x.png"], "there is no such picture"),
        (["enlarge", "{run}", "{photos}/a.png", "-o", "x.txt"], "pictures are saved as"),
        (["enlarge", "{photos}/a.png", "{photos}/a.png", "-o", "x.png"], "a.png"),
        (["evaluate", "{run}", "{run}/empty"], "there are no pictures"),
    ],
)
def test_mistakes_cost_one_sentence(arguments, message, photos, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (run / "empty").mkdir(exist_ok=True)
    with pytest.raises((ValueError, OSError), match=message):
        main([part.format(photos=photos, run=run) for part in arguments])
    assert not list(tmp_path.iterdir()) or arguments[0] != "enlarge"
