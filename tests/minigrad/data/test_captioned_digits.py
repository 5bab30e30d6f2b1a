"""Captioned digits: reproducible, held-out pairs, pictures and sentences that say the facts."""

import numpy as np
import pytest

from minigrad.data import CaptionedDigits, TypesetDigits
from minigrad.data.captioned_digits import COLORS, DIGITS, FACTS, GROUNDS, WORDS, caption, known_words, tokens, unseen


@pytest.fixture(scope="module")
def strokes():
    return TypesetDigits(300)


def test_a_batch_depends_on_seed_split_and_number_alone(strokes):
    first, again, other = CaptionedDigits(strokes), CaptionedDigits(strokes), CaptionedDigits(strokes, seed=1)
    first.draw(3)
    again.load_state_dict(first.state_dict())
    a, b = first.draw(4), again.draw(4)
    assert a.captions == b.captions
    np.testing.assert_array_equal(a.pictures.numpy(), b.pictures.numpy())
    assert other.draw(4).captions != CaptionedDigits(strokes).draw(4).captions
    with pytest.raises(ValueError, match="seed 0, this one 1"):
        other.load_state_dict(first.state_dict())


def test_one_pair_in_five_is_kept_out_of_training(strokes):
    held_out = [(d, c) for d in range(10) for c in range(len(COLORS)) if unseen(d, c)]
    assert len(held_out) == 16 and {d for d, _ in held_out} == set(range(10))
    for pairs, expected in (("seen", False), ("unseen", True)):
        facts = CaptionedDigits(strokes, 8, pairs).draw(500).facts
        assert (unseen(facts["digit"], facts["color"]) == expected).all()
        assert set(facts["digit"]) == set(range(10)) and set(facts["color"]) == set(range(len(COLORS)))


def test_scenes_that_are_alike_differ_in_the_digit_alone(strokes):
    data = CaptionedDigits(strokes, 8)
    facts = data.draw(50, alike=8).facts
    for name, values in facts.items():
        groups = [values[start : start + 8] for start in range(0, 50, 8)]
        sizes = [len(set(group)) for group in groups]
        assert sizes == ([8] * 6 + [2] if name == "digit" else [1] * 7), name
    assert not unseen(facts["digit"], facts["color"]).any() and len(set(facts["color"])) > 2
    data.load_state_dict({"seed": 0, "position": 0})
    np.testing.assert_array_equal(data.draw(50, alike=8).facts["digit"], facts["digit"])
    with pytest.raises(ValueError, match="9 alike: seen pairs have 8 digits a color"):
        data.draw(18, alike=9)


def test_every_digit_needs_strokes():
    class Two:
        pixels = np.zeros((2, 28, 28), np.uint8)
        targets = np.array([0, 2])

    with pytest.raises(ValueError, match="there is no one and no three and no four"):
        CaptionedDigits(Two)


def test_pictures_show_their_facts(strokes):
    scenes = CaptionedDigits(strokes, 32, "all").draw(300)
    pictures = scenes.pictures.numpy() * 0.5 + 0.5
    assert pictures.shape == (300, 3, 32, 32) and pictures.dtype == np.float32
    grounds = np.array(list(GROUNDS.values()))[scenes.facts["ground"]]
    corners = np.median(pictures[:, :, [0, 0, -1, -1, 0, -1], [0, -1, 0, -1, 15, 15]], axis=2)
    assert np.abs(corners - grounds).max() < 0.1
    ink = np.abs(pictures - corners[:, :, None, None]).sum(axis=1)
    along = np.arange(32) - 15.5
    center = np.stack([(ink.sum(axis=2) @ along), (ink.sum(axis=1) @ along)], 1) / ink.sum(axis=(1, 2))[:, None]
    position = np.array(FACTS["position"])[scenes.facts["position"]]
    small = scenes.facts["size"] == 0
    for name, axis, sign in (("left", 1, -1), ("right", 1, 1), ("top", 0, -1), ("bottom", 0, 1)):
        assert (sign * center[small & (position == name), axis] > 3).all(), name
    amounts = [np.median((ink > 0.2).sum(axis=(1, 2))[scenes.facts["size"] == i]) for i in range(3)]
    assert amounts[0] < amounts[1] < amounts[2]


def test_a_digit_tilted_left_leans_left():
    class Bar:
        pixels = np.zeros((10, 28, 28), np.uint8)
        targets = np.arange(10)

    Bar.pixels[:, 4:24, 13:15] = 255
    scenes = CaptionedDigits(Bar, 32, "all").draw(200)
    pictures = scenes.pictures.numpy()
    ink = np.abs(pictures - np.median(pictures, axis=(2, 3), keepdims=True)).sum(axis=1)
    y, x = np.mgrid[:32, :32] - 15.5
    mean_x, mean_y = ((ink * axis).sum(axis=(1, 2)) / ink.sum(axis=(1, 2)) for axis in (x, y))
    slope = (ink * (x - mean_x[:, None, None]) * (y - mean_y[:, None, None])).sum(axis=(1, 2))
    left, right = (scenes.facts["tilt"] == FACTS["tilt"].index(name) for name in ("left", "right"))
    assert (slope[left] > 0).all() and (slope[right] < 0).all()  # leaning left: the top lies left, the bottom right


def test_sentences_say_the_facts_in_known_words(strokes):
    scenes = CaptionedDigits(strokes, 8).draw(400)
    numbers = tokens(scenes.captions)
    assert numbers.shape == (400, 24) and numbers.max() <= len(WORDS)
    for i, text in enumerate(scenes.captions):
        assert DIGITS[scenes.facts["digit"][i]] in text or str(scenes.facts["digit"][i]) in text
        assert FACTS["color"][scenes.facts["color"][i]] in text and FACTS["ground"][scenes.facts["ground"][i]] in text
        assert "  " not in text and not text.endswith(",") and ", ," not in text
    facts = {"digit": "seven", "color": "red", "size": "small", "tilt": "left", "position": "center", "ground": "blue"}
    assert len({caption(facts, np.random.default_rng(seed)) for seed in range(50)}) > 20


def test_unknown_words_are_named_with_all_that_are_known():
    with pytest.raises(ValueError, match=r"unknown: turquoise, zebra; known are the digits zero, one") as caught:
        tokens(["a small turquoise zebra"])
    assert all(word in str(caught.value) for word in [*DIGITS, *COLORS, *GROUNDS])
    assert tokens(["A small RED seven, tilted left, on a blue ground!"])[0, :9].min() > 0
    for sentence in ("", "red " * 25):
        with pytest.raises(ValueError, match="1 to 24 words"):
            tokens([sentence])
    assert known_words().count("seven") == 2
