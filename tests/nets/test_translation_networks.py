"""The networks that make pictures of pictures: parameter counts as published, shapes, ranges, errors that name the
network, and the same numbers as their PyTorch twins, forward and backward, in double precision."""

import importlib

import numpy as np
import pytest

import minigrad as mg
from nets import discogan, domain_transfer
from nets.patch_discriminator import PatchDiscriminator
from nets.resnet_generator import ResNetGenerator
from nets.transform_net import CELL, REACH, TransformNet
from nets.unet import UNet

COUNTS = [
    (TransformNet, {}, 1_679_235),  # pytorch/examples, fast_neural_style
    (UNet, {}, 54_413_955),  # pytorch-CycleGAN-and-pix2pix: unet_256, 54.414 M
    (PatchDiscriminator, {"in_channels": 6}, 2_768_705),  # the same: basic, 2.769 M
    (PatchDiscriminator, {"in_channels": 3, "affine": False}, 2_764_737),  # the same: basic, instance norm, 2.765 M
    (ResNetGenerator, {}, 11_378_179),  # the same: resnet_9blocks, 11.378 M
    (ResNetGenerator, {"blocks": 6}, 7_837_699),
    (discogan.Generator, {}, 5_513_856),  # counted, as the next ones: 16 times products of channels, and batch norms
    (discogan.Discriminator, {}, 2_765_568),
    (domain_transfer.Converter, {}, 24_137_088),
    (domain_transfer.Discriminator, {}, 11_036_160),
    (domain_transfer.Discriminator, {"channels": 6}, 11_042_304),
]


@pytest.mark.parametrize(("network", "options", "count"), COUNTS)
def test_parameter_count(network, options, count):
    with mg.nn.init.skip_init():
        assert network(**options).parameter_count() == count


SMALL = {
    "unet": (lambda: UNet(3, 2, 3, width=4), (2, 3, 16, 24), (2, 2, 16, 24)),
    "resnet": (lambda: ResNetGenerator(1, 3, 2, width=4), (2, 1, 12, 16), (2, 3, 12, 16)),
    "patch": (lambda: PatchDiscriminator(2, 2, width=4), (2, 2, 28, 20), (2, 1, 5, 3)),
    "patch, biases": (lambda: PatchDiscriminator(2, 1, width=4, affine=False), (2, 2, 8, 8), (2, 1, 2, 2)),
    "discogan": (lambda: discogan.Generator(3, 1, 16, width=4), (4, 3, 16, 16), (4, 1, 16, 16)),
    "discogan, discriminator": (lambda: discogan.Discriminator(3, 16, width=4), (4, 3, 16, 16), (4, 1)),
    "converter": (lambda: domain_transfer.Converter(3, 16, width=4, code=6), (4, 3, 16, 16), (4, 3, 16, 16)),
    "domain discriminator": (lambda: domain_transfer.Discriminator(6, 16, width=4), (4, 6, 16, 16), (4, 1)),
    "transform": (TransformNet, (1, 3, 20, 16), (1, 3, 20, 16)),
}


@pytest.mark.parametrize("name", SMALL)
def test_shapes_and_ranges(name):
    mg.manual_seed(0)
    make, given, expected = SMALL[name]
    net = make()
    y = net(mg.randn(*given))
    assert y.shape == expected and y.dtype == np.float32
    if net.__class__ in (UNet, ResNetGenerator, discogan.Generator, domain_transfer.Converter):
        assert float(y.abs().max()) <= 1


@pytest.mark.parametrize(
    ("make", "shape", "complaint"),
    [
        (lambda: UNet(3, 3, 3, width=4), (1, 3, 16, 20), r"UNet: .* multiples of 8 .*halved 3 times.*\(1, 3, 16, 20\)"),
        (lambda: UNet(3, 3, 3, width=4), (1, 1, 16, 16), r"UNet: pictures must be \(N, 3, H, W\)"),
        (lambda: UNet(halvings=1), None, "UNet: halvings must be at least 2, got 1"),
        (lambda: PatchDiscriminator(3, 3, width=4), (1, 3, 20, 64), "PatchDiscriminator: .* at least 24, got"),
        (lambda: ResNetGenerator(3, 3, 1, width=4), (1, 3, 18, 16), "ResNetGenerator: .* multiples of 4"),
        (lambda: discogan.Generator(image_size=24), None, "discogan.Generator: image_size must be a power of two"),
        (lambda: discogan.Generator(3, 3, 16, 4), (1, 3, 32, 32), r"discogan.Generator: pictures must be \(N, "),
        (lambda: discogan.Discriminator(3, 16, 4), (1, 1, 16, 16), "discogan.Discriminator: pictures must be"),
        (lambda: domain_transfer.Converter(3, 16, 4), (1, 3, 8, 8), "domain_transfer.Converter: pictures must be"),
        (lambda: domain_transfer.Discriminator(6, 16, 4), (1, 3, 16, 16), "domain_transfer.Discriminator: pictures"),
        (TransformNet, (1, 3, 15, 40), "TransformNet: .* at least 16, got shape"),
        (TransformNet, (1, 1, 40, 40), r"TransformNet: pictures must be \(N, 3, H, W\)"),
    ],
)  # fmt: skip
def test_errors_name_the_network(make, shape, complaint):
    with pytest.raises(ValueError, match=complaint):
        make()(mg.zeros(*shape))


def test_patches_are_as_large_as_the_field_says():
    for layers, field in ((1, 16), (2, 34), (3, 70), (4, 142)):
        assert PatchDiscriminator(1, layers, width=1).field == field
    net = PatchDiscriminator(1, 2, width=4)
    for module in net.modules():  # norms connect all places; without them only the field counts
        if isinstance(module, mg.nn.Sequential):
            for key, child in list(module.named_children()):
                if isinstance(child, mg.nn.InstanceNorm2d):
                    module.add_module(key, mg.nn.Identity())
    x = mg.rand(1, 1, 64, 64)
    x.requires_grad_()
    y = net(x)
    y[0, 0, y.shape[2] // 2, y.shape[3] // 2].backward()
    rows = np.flatnonzero(np.abs(x.grad.numpy()[0, 0]).max(1))
    assert rows[-1] - rows[0] + 1 == 34


def test_unet_noise_acts_until_it_is_switched_off():
    mg.manual_seed(0)
    net = UNet(1, 1, 3, width=4).eval()
    x = mg.rand(1, 1, 16, 16)
    assert np.abs((net(x) - net(x)).detach().numpy()).max() > 0
    net.noise = False
    np.testing.assert_array_equal(net(x).detach().numpy(), net(x).detach().numpy())


def test_the_domain_discriminator_judges_each_picture_by_itself():
    """With batch norm it could tell a batch of true pairs from a batch of wrong ones by their statistics."""
    mg.manual_seed(0)
    D = domain_transfer.Discriminator(6, 16, width=4)
    pairs = mg.randn(3, 6, 16, 16)
    alone = D(pairs[:1]).detach().numpy()
    np.testing.assert_allclose(D(pairs).detach().numpy()[:1], alone, rtol=1e-5, atol=1e-7)


# ------------------------------------------------------------------------------------ beside PyTorch


TWINS = {
    "unet": lambda oracle: oracle.unet(3, 2, 3, 4),
    "resnet": lambda oracle: oracle.resnet_generator(1, 3, 2, 4),
    "patch": lambda oracle: oracle.patch_discriminator(2, 2, 4),
    "patch, biases": lambda oracle: oracle.patch_discriminator(2, 1, 4, affine=False),
    "discogan": lambda oracle: oracle.discogan_generator(3, 1, 16, 4),
    "discogan, discriminator": lambda oracle: oracle.Discriminator(3, 16, 4),
    "converter": lambda oracle: oracle.converter(3, 16, 4, 6),
    "domain discriminator": lambda oracle: oracle.Discriminator(6, 16, 4, norm=oracle.instance_norm),
}


@pytest.fixture
def oracle():
    pytest.importorskip("torch")
    return importlib.import_module("tests.oracles.torch_translation")


@pytest.mark.parametrize("name", TWINS)
def test_networks_compute_what_their_pytorch_twins_compute(name, oracle):
    make, shape, _ = SMALL[name]
    mg.manual_seed(1)
    ours = make().double()
    for parameter in ours.parameters():  # larger than the published start, so that nothing hides in eps
        parameter.array[...] += np.random.default_rng(0).normal(0, 0.1, parameter.shape)
    if name == "unet":
        shape, ours.noise = (1, *shape[1:]), False  # the twin's batch norm is ours for a batch of one
    net = oracle.load(TWINS[name](oracle), ours)
    x = np.random.default_rng(1).standard_normal(shape)
    given, wanted = mg.tensor(x, requires_grad=True), oracle.torch.tensor(x, requires_grad=True)
    y, expected = ours(given), net(wanted)
    np.testing.assert_allclose(y.detach().numpy(), expected.detach().numpy(), rtol=1e-9, atol=1e-10)
    (y**3).sum().backward()
    (expected**3).sum().backward()
    np.testing.assert_allclose(given.grad.numpy(), wanted.grad.numpy(), rtol=1e-7, atol=1e-9)
    for theirs, mine in zip(oracle.parameters_of(net), ours.parameters()):
        np.testing.assert_allclose(mine.grad.numpy(), theirs.grad.numpy(), rtol=1e-7, atol=1e-9)


def test_transform_net_has_the_names_and_numbers_of_pytorch_examples(oracle):
    oracle.torch.manual_seed(0)
    net = oracle.TransformNet()
    state = net.state_dict()
    ours = TransformNet()
    assert list(ours.state_dict()) == list(state)
    ours.load_state_dict({name: mg.tensor(value.numpy()) for name, value in state.items()})
    ours.double()
    pictures = np.random.default_rng(0).random((2, 3, 32, 28))
    with oracle.torch.no_grad():
        expected = net.double()(oracle.torch.from_numpy(pictures * 255)).numpy() / 255
    with mg.no_grad():
        found = ours(mg.tensor(pictures)).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_transform_net_gives_odd_sizes_back():
    x = mg.rand(1, 3, 33, 46)
    net = TransformNet()
    assert net(x).shape == x.shape
    whole = net(mg.nn.functional.pad(x, (0, 2, 0, 3), mode="reflect"))
    assert whole.shape == (1, 3, 36, 48)


def test_with_fixed_statistics_a_place_depends_on_no_more_than_its_reach():
    mg.manual_seed(2)
    net, size = TransformNet().double(), 4 * REACH
    x = np.random.default_rng(3).random((1, 3, size, 16))
    other = x.copy()
    other[:, :, : size // 2] = 1 - other[:, :, : size // 2]
    with mg.no_grad(), net.statistics_of(mg.tensor(x)):
        changed = np.abs(net(mg.tensor(x)).numpy() - net(mg.tensor(other)).numpy()).max((0, 1, 3))
    assert size // 2 + REACH - 2 * CELL < np.flatnonzero(changed > 1e-12)[-1] + 1 <= size // 2 + REACH
    with mg.no_grad():
        assert np.abs(net(mg.tensor(x)).numpy() - net(mg.tensor(other)).numpy()).max((0, 1, 3)).min() > 0


def test_statistics_of_a_picture_are_the_norms_own():
    net, x = TransformNet().double(), mg.tensor(np.random.default_rng(4).random((1, 3, 24, 24)))
    with mg.no_grad():
        expected = net(x).numpy()
        with net.statistics_of(x):
            np.testing.assert_allclose(net(x).numpy(), expected, rtol=1e-9)
        np.testing.assert_array_equal(net(x).numpy(), expected)
