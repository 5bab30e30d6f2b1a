"""`experiments.see`: fields against the closed formula and against gradients, counts of parameters, guided gradients
against their definition, and each command once, small."""

import math

import numpy as np
import pytest
from PIL import Image

import minigrad as mg
from experiments import see, train_gan
from experiments.gan.checkpoints import Trained
from experiments.seeing import fields, filters, forgetting, inversion, textures
from experiments.seeing.forgetting import Box
from minigrad import nn
from nets import vgg
from nets.vgg import VGG16_LAYERS, VGG19_LAYERS
from tests.helpers.style_samples import small_pictures, write_weights

SMALL = vgg.Architecture("vgg16", (2, 2, 3, 3, 3), widths=(4, 5, 6, 7, 8), hidden=9, classes=11)


class SmallVGG(vgg.VGG16):
    """Few channels, and a classifier."""

    architecture = SMALL

    def _build(self, head=(), start=False):
        shapes = SMALL.head_shapes()
        super()._build([(name, *shapes[f"{name}.weight"][::-1]) for name in vgg.HEAD_NAMES], start)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder with content.png and vgg16.npz."""
    folder = small_pictures(tmp_path_factory.mktemp("pictures"))
    write_weights(folder / "vgg16.npz")
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A DCGAN of 16 pixels after three steps on twelve pictures."""
    folder, photos = tmp_path_factory.mktemp("run"), tmp_path_factory.mktemp("photos")
    for number, values in enumerate(np.random.default_rng(0).integers(0, 255, (12, 16, 16, 3), dtype=np.uint8)):
        Image.fromarray(values).save(photos / f"{number}.png")
    words = ["--net", "dcgan", "--dataset", str(photos), "--image-size", "16", "--batch-size", "4", "--steps", "3"]
    train_gan.main([*words, "--device", "cpu", "--out", str(folder)])
    return folder


# ------------------------------------------------------------------------------------- fields


@pytest.mark.parametrize("architecture", [VGG16_LAYERS, VGG19_LAYERS], ids=lambda a: a.name)
def test_fields_are_the_closed_formula(architecture):
    """1 + sum (k - 1) * product of the strides before; the field of n neurons reaches n - 1 strides further."""
    side, stride = 1, 1
    for name in architecture.layer_names():
        kernel = {"conv": 3, "relu": 1, "pool": 2}[name[:4]]
        side += (kernel - 1) * stride
        stride *= 2 if name.startswith("pool") else 1
        for count in (1, 5):
            first, last = fields.span(architecture, name, 40, 40 + count - 1)
            assert last - first + 1 == side + (count - 1) * stride
    assert {"vgg16": 212, "vgg19": 268}[architecture.name] == side


@pytest.mark.parametrize("layer", ["conv1_2", "pool2", "conv3_2"])
def test_fields_are_where_gradients_arrive(layer):
    mg.manual_seed(0)
    net = SmallVGG(pooling="avg")
    for convolution in net.convolutions.values():
        convolution.weight.array[...] = np.abs(convolution.weight.array)  # nothing cancels, no ReLU is silent
    x = mg.rand(1, 3, 64, 48).requires_grad_()
    field = fields.central_field(SMALL, layer, 3, (64, 48))
    net.features(x, [layer])[layer][:, :, field.rows, field.columns].sum().backward()
    rows, columns = np.nonzero(np.abs(x.grad.numpy()).sum((0, 1)))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (
        field.top, field.bottom, field.left, field.right
    )  # fmt: skip


def test_the_center_is_found_again_and_the_rest_is_not():
    mg.manual_seed(0)
    net = SmallVGG()
    original = np.random.default_rng(1).random((1, 3, 32, 32), dtype=np.float32)
    field = fields.central_field(SMALL, "conv1_1", 12, (32, 32))
    found = fields.from_the_center(net, "conv1_1", field, original, 1e-3, 60)
    inside = np.abs(field.of(found) - field.of(original))[:, :, 2:-2, 2:-2].mean()
    assert inside < 0.4 * np.abs(found - original)[:, :, :6].mean()


# ------------------------------------------------------------------------------------- codes and textures


@pytest.mark.parametrize("layer", ["fc8", "relu3_2"])
def test_an_inversion_has_the_code(layer):
    mg.manual_seed(0)
    net = SmallVGG()
    original = np.random.default_rng(1).random((1, 3, *((224, 224) if layer == "fc8" else (32, 32))), dtype=np.float32)
    targets = inversion.CodeTargets(net, layer, mg.tensor(original), smoothness=1e-3)
    assert targets.missed(original) == 0
    noise = targets.missed(np.full_like(original, 0.5))
    found = inversion.invert(targets, original.shape[2:], 12, "")
    assert targets.missed(found) < 0.3 * noise


def test_textures_have_these_numbers_of_parameters():
    assert [model.parameters for model in textures.models(VGG19_LAYERS)] == [10_400, 176_640, 852_128]
    assert [model.parameters for model in textures.models(VGG16_LAYERS)] == [10_400, 176_640, 687_904]
    for model in textures.models(VGG19_LAYERS):
        channels = {name: VGG19_LAYERS.widths[int(name[4]) - 1] for name in model.layers}
        kept = [min(model.components or c, c) for c in channels.values()]
        assert model.parameters == sum(k * (k + 1) // 2 for k in kept)


def test_principal_directions_keep_the_most():
    features = np.random.default_rng(0).standard_normal((6, 50)) * np.array([5, 1, 1, 4, 0.1, 2])[:, None]
    gram = features @ features.T
    directions = textures.principal_directions(gram, 2)
    np.testing.assert_allclose(directions @ directions.T, np.eye(2), atol=1e-9)
    best = np.linalg.svd(features)[1][:2] ** 2
    np.testing.assert_allclose(np.diag(directions @ gram @ directions.T), best, rtol=1e-9)


@pytest.mark.parametrize("components", [None, 3])
def test_a_texture_is_imitated(components):
    mg.manual_seed(0)
    net = SmallVGG(pooling="avg")
    original = np.random.default_rng(1).random((1, 3, 32, 32), dtype=np.float32)
    model = textures.Model(("conv1_1", "pool1", "conv3_1"), components, 0)
    goal = textures.TextureTargets(net, model, mg.tensor(original))
    assert float(goal.loss(mg.tensor(original))[0]) == 0
    sizes = {gram.shape[1] for gram in goal.targets.values()}
    assert sizes == ({3} if components else {4, 6})
    noise = float(goal.loss(mg.full((1, 3, 32, 32), 0.5))[0])
    assert float(goal.loss(mg.tensor(textures.sample(net, model, original, 30)))[0]) < 0.1 * noise


# ------------------------------------------------------------------------------------- filters


def naive_guided(x, weights, slope):
    """Guided backpropagation of the last number through linear layers with LeakyReLU, in NumPy."""
    inputs, before = [], []
    for weight in weights:
        inputs.append(x)
        before.append(weight @ x)
        x = np.where(before[-1] > 0, before[-1], slope * before[-1])
    gradient = np.zeros_like(x)
    gradient[-1] = 1
    for weight, z in zip(weights[::-1], before[::-1]):
        gradient = weight.T @ (np.maximum(gradient, 0) * (z > 0))
    return gradient


@pytest.mark.parametrize("activation", [nn.ReLU(), nn.LeakyReLU(0.2)], ids=["relu", "leaky"])
def test_guided_gradients_are_their_definition(activation):
    random = np.random.default_rng(3)
    weights = [random.standard_normal((5, 4)), random.standard_normal((6, 5)), random.standard_normal((3, 6))]
    layers = []
    for weight in weights:
        layers += [nn.Conv2d(weight.shape[1], len(weight), 1, bias=False), type(activation)(**activation.options)]
        layers[-2].weight.array[...] = weight[:, :, None, None]
    network = nn.Sequential(*layers).double()
    for _ in range(20):
        x = random.standard_normal(4)
        ours = filters.guided_gradients(network, mg.tensor(x.reshape(1, 4, 1, 1)), 2, [(0, 0)])
        slope = activation.options.get("negative_slope", 0.0)
        np.testing.assert_allclose(ours.reshape(4), naive_guided(x, weights, slope), atol=1e-5)
    assert not any(module._forward_hooks for module in network.modules())


def test_the_strongest_pictures_come_first():
    mg.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 3, 3, bias=False), nn.ReLU())
    pictures = mg.randn(10, 1, 6, 6)
    activations = filters.last_features(network, pictures)
    for response in filters.responses(network, pictures, 5, 4):
        peaks = activations[:, response.feature].reshape(10, -1).max(1)
        order = np.argsort(-peaks)[:4]
        np.testing.assert_array_equal(response.pictures, pictures.numpy()[order])
        kernel = network[0].weight.detach().numpy()[response.feature, 0]
        for gradient in response.gradients:  # of a linear filter: the filter, where the neuron looks
            assert np.count_nonzero(gradient) == 9
            np.testing.assert_allclose(gradient[gradient != 0].reshape(3, 3), kernel, rtol=1e-6)
    assert len(filters.responses(network, pictures, 5, 4)) == 3


def test_gray_means_no_gradient():
    shown = filters.as_picture(np.array([[[[0.0, 2.0, -1.0]]], [[[0.0, 0.0, 0.0]]]]))
    np.testing.assert_allclose(shown.ravel(), [0.5, 1.0, 0.25, 0.5, 0.5, 0.5])


# ------------------------------------------------------------------------------------- forgetting


def test_logistic_regression_finds_the_features_that_tell():
    random = np.random.default_rng(0)
    x = random.standard_normal((600, 5)) * [1, 10, 0.1, 1, 0] + [0, 5, 0, 0, 1]
    y = x[:, 1] - 5 - 20 * x[:, 2] > 0
    found = forgetting.logistic_regression(x, y)
    assert found.accuracy > 0.93
    assert found.weights[1] > 1 and found.weights[2] < -0.3 and np.abs(found.weights[[0, 3, 4]]).max() < 0.3
    with pytest.raises(ValueError, match="only 5 examples"):
        forgetting.logistic_regression(x[:5], y[:5])


def test_examples_are_strokes_in_the_box_and_places_elsewhere():
    mg.manual_seed(0)
    pictures = np.zeros((4, 1, 12, 12), np.float32)
    pictures[:, :, 2:6, 2:6] = 1
    features = np.arange(4 * 8 * 8, dtype=np.float32).reshape(4, 1, 8, 8)  # 16 pixels a side, two a place
    x, y = forgetting.examples(features, pictures, Box(2, 2, 4, 4), border=2)
    assert y.sum() == 4 * 4 and len(y) == 2 * y.sum()  # places 2, 3 in both directions
    places = {int(v) % 64 for v in x[y, 0]}
    assert places == {2 * 8 + 2, 2 * 8 + 3, 3 * 8 + 2, 3 * 8 + 3}
    assert not places & {int(v) % 64 for v in x[~y, 0]}


def test_dropped_maps_are_zero_and_come_back():
    mg.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(2, 3, 1), nn.ReLU(), nn.ConvTranspose2d(3, 1, 2, stride=2))
    net[0].weight.array[...] = np.abs(net[0].weight.array)
    layer = forgetting.convolution(net, 1)
    assert layer is net[2] and forgetting.convolution(net, 2) is net[0]
    with pytest.raises(ValueError, match="has 2 convolutions, so --depth 3"):
        forgetting.convolution(net, 3)
    x = mg.rand(2, 2, 3, 3) + 1
    whole = net(x).detach().numpy()
    with forgetting.feature_maps(layer, [1]) as seen:
        without = net(x).detach().numpy()
    assert not seen[0].detach().numpy()[:, 1].any() and seen[0].detach().numpy()[:, 0].any()
    by_hand = layer(mg.nn.functional.relu(net[0](x)) * mg.tensor([1.0, 0.0, 1.0]).reshape(1, 3, 1, 1))
    np.testing.assert_allclose(without, by_hand.detach().numpy(), rtol=1e-6)
    np.testing.assert_array_equal(net(x).detach().numpy(), whole)


# ------------------------------------------------------------------------------------- the commands


def check_page(folder, picture):
    assert {path.name for path in folder.glob("[!.]*")} == {picture, "index.html"}
    assert "<img src=" in (folder / "index.html").read_text()
    with Image.open(folder / picture) as image:
        return image.size


def vgg_words(files, command, folder):
    start = [command, str(files / "vgg16.npz"), str(files / "content.png"), "-o", str(folder), "--device", "cpu"]
    return [*start, "--size", "44", "--steps", "2"]


def test_receptive_fields_on_a_page(files, tmp_path):
    figures = see.main([*vgg_words(files, "receptive_field", tmp_path), "--layers", "pool1", "block2_conv2"])
    assert figures["pool1: field in pixels"] == 14 and figures["relu2_2: field in pixels"] == 22
    width, height = check_page(tmp_path, "receptive_field.png")
    assert width > 2 * 44 and height > 2 * 32


def test_an_inversion_on_a_page_and_what_a_file_without_classifier_cannot_do(files, tmp_path):
    figures = see.main([*vgg_words(files, "invert", tmp_path), "--layer", "relu2_2", "--count", "2"])
    assert len(figures) == 2 and all(0 < value < math.inf for value in figures.values())
    assert check_page(tmp_path, "invert.png")[0] > 3 * 44
    with pytest.raises(ValueError, match=r"vgg16.npz: holds no classifier.*--layer relu5_3"):
        see.main(vgg_words(files, "invert", tmp_path))
    with pytest.raises(ValueError, match="--layer nine: there is no such layer"):
        see.main([*vgg_words(files, "invert", tmp_path), "--layer", "nine"])


def test_textures_on_a_page(files, tmp_path):
    figures = see.main(vgg_words(files, "textures", tmp_path))
    assert list(figures.values()) == [10_400, 176_640, 687_904]
    assert check_page(tmp_path, "textures.png")[0] > 4 * 44


def test_filters_on_a_page(run, tmp_path):
    words = ["filters", str(run), "-o", str(tmp_path), "--pictures", "10", "--count", "3", "--features", "2"]
    assert see.main([*words, "--device", "cpu"])["steps of the run"] == 3
    width, height = check_page(tmp_path, "filters.png")
    assert width > 2 * 3 * 16 * 3 and height > 2 * 2 * 16 * 3


def test_forgetting_on_a_page(run, tmp_path, monkeypatch):
    monkeypatch.setattr(forgetting, "STROKE", 0.0)  # three steps draw no strokes yet
    words = ["forget", str(run), "-o", str(tmp_path), "--samples", "20", "--count", "3", "--maps", "2"]
    figures = see.main([*words, "--device", "cpu", "--box", "4", "4", "8", "6"])
    assert figures["maps left out"] == 2 and 0 <= figures["accuracy on held-out examples"] <= 1
    check_page(tmp_path, "forget.png")


@pytest.mark.parametrize("box", ["-1 0 4 4", "0 0 0 4", "10 0 9 4", "0 10 4 9"])
def test_a_box_outside_of_the_picture_is_refused(run, tmp_path, box):
    with pytest.raises(ValueError, match="--box: must lie within the pictures of 16 x 16 pixels"):
        see.main(["forget", str(run), "-o", str(tmp_path), "--device", "cpu", "--box", *box.split()])


def test_ctrl_c_leaves_a_page_of_what_is_finished(files, tmp_path, monkeypatch):
    original, calls = fields.from_the_center, []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(*arguments)

    monkeypatch.setattr(fields, "from_the_center", interrupted)
    words = [*vgg_words(files, "receptive_field", tmp_path), "--layers", "conv1_1", "conv1_2", "pool1"]
    assert list(see.main(words)) == ["conv1_1: field in pixels", "conv1_1: PSNR inside it, dB"]
    check_page(tmp_path, "receptive_field.png")


def test_what_is_in_the_way_is_said_before_the_work(files, tmp_path, monkeypatch):
    monkeypatch.setattr(fields, "from_the_center", lambda *arguments: pytest.fail("the work has begun"))
    (tmp_path / "index.html").write_text("mine")
    with pytest.raises(ValueError, match=r"index.html is in the way"):
        see.main(vgg_words(files, "receptive_field", tmp_path))
    assert (tmp_path / "index.html").read_text() == "mine"


def test_a_run_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match="there is no run"):
        see.main(["filters", str(tmp_path / "none"), "-o", str(tmp_path), "--device", "cpu"])


def test_the_trained_discriminator_is_the_runs(run):
    trained = Trained(run / "checkpoint.npz")
    ours = trained.discriminator().state_dict()
    saved = mg.load(run / "checkpoint.npz")["parts"]["D"]
    for name, value in saved.items():
        np.testing.assert_array_equal(ours[name].numpy(), value.numpy())
    fresh = trained.fresh_discriminator().state_dict()
    assert any((fresh[name].numpy() != value.numpy()).any() for name, value in saved.items())
