"""There and back: every network's state dict, as a .safetensors file, gives the same network in PyTorch, and the file
that PyTorch's side writes gives it here."""

import importlib
import pkgutil

import numpy as np
import pytest

import minigrad as mg
import nets
from minigrad import nn
from nets import vgg

torch = pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors.torch")
nets_in_torch = importlib.import_module("tests.helpers.nets_in_torch").nets_in_torch

NOISE, DIGITS, COLOR, TEXT = (3, 8), (3, 1, 28, 28), (3, 3, 16, 16), (3, 128)
WHOLE = {"labels": (3,), "words": (3, 5)}  # inputs of whole numbers below 10
STAGE_ONE = {"noise_dim": 8, "image_size": 16, "width": 4, "condition_dim": 16}
STAGE_TWO = {"image_size": 64, "width": 4, "condition_dim": 16}
# module, class, arguments or a function from the module to them, shapes of the inputs
# fmt: off
NETWORKS = [
    ("mlp_gan", "Generator", {"noise_dim": 8, "hidden": (16, 12)}, [NOISE]),
    ("mlp_gan", "Discriminator", {"hidden": (12,), "num_classes": 10}, [DIGITS, "labels"]),
    ("mlp_gan", "DeepGenerator", {"noise_dim": 8}, [NOISE]),
    ("mlp_gan", "DeepDiscriminator", {}, [DIGITS]),
    ("dcgan", "Generator", {"noise_dim": 8}, [NOISE]),
    ("dcgan", "Discriminator", {}, [DIGITS]),
    ("dcgan", "GeronGenerator", {"noise_dim": 8}, [NOISE]),
    ("dcgan", "GeronDiscriminator", {}, [DIGITS]),
    ("dcgan", "KerasGenerator", {"noise_dim": 8}, [NOISE]),
    ("dcgan", "KerasDiscriminator", {}, [DIGITS]),
    ("dcgan", "PaperGenerator", {"noise_dim": 8, "image_size": 16, "width": 4}, [NOISE]),
    ("dcgan", "PaperDiscriminator", {"image_size": 16, "width": 4}, [COLOR]),
    ("classifier", "DigitClassifier", {}, [DIGITS]),
    ("classifier", "SceneClassifier", {"choices": [2, 3], "size": 16}, [COLOR]),
    ("transform_net", "TransformNet", {}, [COLOR]),
    ("unet", "UNet", {"halvings": 3, "width": 4}, [COLOR]),
    ("resnet_generator", "ResNetGenerator", {"blocks": 2, "width": 4}, [COLOR]),
    ("patch_discriminator", "PatchDiscriminator", {"in_channels": 3, "layers": 1, "width": 4}, [COLOR]),
    ("discogan", "Generator", {"image_size": 16, "width": 4}, [COLOR]),
    ("discogan", "Discriminator", {"image_size": 16, "width": 4}, [COLOR]),
    ("domain_transfer", "Converter", {"image_size": 16, "width": 4, "code": 8}, [COLOR]),
    ("domain_transfer", "Discriminator", {"image_size": 16, "width": 4}, [COLOR]),
    ("progressive_gan", "Generator", {"noise_dim": 8, "image_size": 16, "width": 8}, [NOISE]),
    ("progressive_gan", "Discriminator", {"image_size": 16, "channels": 3, "width": 8}, [COLOR]),
    ("stylegan", "Generator", {"noise_dim": 8, "image_size": 16, "width": 8, "w_dim": 8}, [NOISE]),
    ("stylegan", "Discriminator", {"image_size": 16, "channels": 3, "width": 8}, [COLOR]),
    ("srresnet", "SRResNet", {"blocks": 2, "channels": 8}, [COLOR]),
    ("srresnet", "Discriminator", {"image_size": 16, "width": 4}, [COLOR]),
    ("text_gan", "TextEncoder", {"num_words": 9}, ["words"]),
    ("text_gan", "PictureEncoder", {"image_size": 16, "width": 4}, [COLOR]),
    ("text_gan", "TextGenerator", {"noise_dim": 8, "image_size": 16, "width": 4}, [NOISE, TEXT]),
    ("text_gan", "TextDiscriminator", {"image_size": 16, "width": 4}, [COLOR, TEXT]),
    ("stackgan", "StageOne", STAGE_ONE, [NOISE, (3, 16)]),
    ("stackgan", "StageTwo", STAGE_TWO, [COLOR, (3, 16)]),
    (
        "stackgan", "StackGenerator", lambda nets: {
            "first": nets.StageOne(**STAGE_ONE), "second": nets.StageTwo(**STAGE_TWO)
        }, [(3, 8 + 16 + 16), TEXT],
    ),
    ("vgg", "VGG16", {}, [(1, 3, 224, 224)]),
    ("vgg", "VGG19", {}, [(1, 3, 224, 224)]),
]
# fmt: on
IDS = [f"{module}.{kind}" for module, kind, *_ in NETWORKS]
SMALL = vgg.Architecture("small", (2, 2, 3, 3, 3), widths=(4, 5, 6, 7, 8), hidden=9, classes=11)


def made(module, kind, arguments):
    """The network here and in PyTorch, each with its own random weights."""
    mg.manual_seed(0)
    torch.manual_seed(0)
    here, there = (package(module) for package in (lambda name: importlib.import_module(f"nets.{name}"), nets_in_torch))
    make = arguments if callable(arguments) else lambda package: arguments
    return tuple(small(getattr(package, kind))(**make(package)) for package in (here, there))


def small(kind):
    """The class; a VGG with few channels and a classifier."""
    if not hasattr(kind, "architecture"):
        return kind

    class SmallVGG(kind):
        architecture = SMALL

        def _build(self, head=(), start=False):
            shapes = SMALL.head_shapes()
            super()._build([(name, *shapes[f"{name}.weight"][::-1]) for name in vgg.HEAD_NAMES], start)

    return SmallVGG


def sample(shapes):
    values = np.random.default_rng(0)
    drawn = (WHOLE.get(shape, shape) for shape in shapes)
    return [
        values.integers(0, 10, size) if shape in WHOLE else values.uniform(-1, 1, size).astype(np.float32)
        for shape, size in zip(shapes, drawn)
    ]


def outputs(net, inputs):
    """Everything that the network gives for the inputs in evaluation mode, as arrays."""
    net.eval()
    tensor, off = (mg.tensor, mg.no_grad) if isinstance(net, nn.Module) else (torch.tensor, torch.no_grad)
    if hasattr(net, "noise") and isinstance(net.noise, bool):
        net.noise = False  # the U-Net's dropout, which acts in use too
    with off():
        given = net(*[tensor(value) for value in inputs])
    return [value.numpy() for value in (given if isinstance(given, list) else [given])]


def assert_same_function(here, there, inputs):
    for ours, theirs in zip(outputs(here, inputs), outputs(there, inputs), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=2e-5 * max(1, np.abs(theirs).max()))


@pytest.mark.parametrize(("module", "kind", "arguments", "shapes"), NETWORKS, ids=IDS)
def test_a_network_runs_in_torch_and_back(tmp_path, module, kind, arguments, shapes):
    here, there = made(module, kind, arguments)
    inputs = sample(shapes)
    with mg.no_grad():
        here(*[mg.tensor(value) for value in inputs])  # in training mode: running means and variances move
    mg.save(here.state_dict(), tmp_path / "ours.safetensors")
    there.load_state_dict(safetensors.load_file(tmp_path / "ours.safetensors"))
    assert_same_function(here, there, inputs)

    _, trained = made(module, kind, arguments)
    trained(*[torch.tensor(value) for value in inputs])
    safetensors.save_file(trained.state_dict(), tmp_path / "theirs.safetensors")
    here.load_state_dict(mg.load(tmp_path / "theirs.safetensors"))
    assert_same_function(here, trained, inputs)


def test_no_network_is_left_out():
    """Every class of `nets/` is one of the above, or a part of one."""
    tested = set()
    for module, kind, arguments, _ in NETWORKS:
        tested |= {base for part in made(module, kind, arguments)[0].modules() for base in type(part).__mro__}
    for found in pkgutil.iter_modules(nets.__path__):
        module = importlib.import_module(f"nets.{found.name}")
        for name, kind in vars(module).items():
            if isinstance(kind, type) and issubclass(kind, nn.Module) and kind.__module__ == module.__name__:
                assert kind in tested, f"nets.{found.name}.{name} is not tested in PyTorch"
