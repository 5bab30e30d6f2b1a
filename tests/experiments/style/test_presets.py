"""Presets of style transfer against the papers and course programs that they are named after."""

import dataclasses

import pytest

from experiments.style.presets import PRESETS, RANDOM_FEATURES
from nets import vgg

FIVE = ("1_1", "2_1", "3_1", "4_1", "5_1")
PUBLISHED = {
    # Gatys, Ecker and Bethge 2016: alpha / beta of 1e-3, equal weights 1/5, L-BFGS from noise, average pooling
    "gatys": {
        "normalization": "gatys", "content_layers": {"conv4_2": 1.0},
        "style_layers": {f"conv{name}": 1e3 / 5 for name in FIVE}, "optimizer": "lbfgs", "init": "noise",
        "pooling": "avg", "tv_weight": 0.0, "style_size": None,
    },
    # the course's layers 2 and 1, 3, 5, 7, counted in convolutions
    "cs231n": {
        "normalization": "cs231n", "content_layers": {"relu1_2": 5e-2},
        "style_layers": {"relu1_1": 20000, "relu2_1": 500, "relu3_1": 1200, "relu3_3": 1000}, "tv_weight": 5e-2,
        "tv_power": 1.0, "size": 192, "style_size": 512,
    },
    "keras": {
        "normalization": "keras", "content_layers": {"block5_conv2": 2.5e-8},
        "style_layers": {f"block{block}_conv1": 1e-6 for block in range(1, 6)}, "tv_weight": 1e-6, "tv_power": 1.25,
        "size": 400, "optimizer": "sgd", "lr": 100, "lr_decay": 0.96, "init": "content", "pooling": "max",
        "steps": 4000, "save_every": 100, "range": 255,
    },
    "johnson": {
        "normalization": "johnson", "content_layers": {"relu2_2": 1.0}, "pooling": "max", "tv_power": 1.0,
        "style_layers": {"relu1_2": 5 / 64**2, "relu2_2": 5 / 128**2, "relu3_3": 5 / 256**2, "relu4_3": 5 / 512**2},
    },
    "default": {
        "normalization": "relative", "content_layers": {"relu4_2": 1.0}, "init": "content", "pooling": "avg",
        "style_layers": {f"relu{name}": 10.0 for name in FIVE}, "optimizer": "lbfgs", "tv_weight": 2e-4,
    },
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_preset_has_the_published_numbers(name):
    found = dataclasses.asdict(PRESETS[name])
    for key, value in PUBLISHED[name].items():
        if isinstance(value, dict):
            assert found[key] == pytest.approx(value), key
        else:
            assert found[key] == value, key


def test_every_preset_is_checked_here():
    assert PUBLISHED.keys() == PRESETS.keys()


def test_the_layers_of_every_preset_are_known_to_both_networks():
    nets = [vgg.VGG16(), vgg.VGG19()]
    for preset in [*PRESETS.values(), RANDOM_FEATURES]:
        names = {vgg.canonical(name) for name in [*preset.content_layers, *preset.style_layers]}
        assert all(names <= set(net.layer_names) for net in nets)
