"""The data of translation: built-in digits, folders as their users know them, and what is said where one is wrong."""

import numpy as np
import pytest
from PIL import Image

import minigrad as mg
from experiments.translation import digits, photographs, tasks
from experiments.translation.domains import Source
from experiments.translation.pictures import in_memory, to_unit
from minigrad.data import TypesetDigits


def save(path, color, size=(20, 16)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, color).save(path)


def pair(path, left, right, size=(20, 16)):
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.new("RGB", (2 * size[0], size[1]), left)
    picture.paste(right, (size[0], 0, 2 * size[0], size[1]))
    picture.save(path)


@pytest.fixture
def aligned(tmp_path):
    for split in ("train", "val"):
        for number in range(3):
            pair(tmp_path / split / f"{number}.png", (255, 0, 0), (0, 0, 255))
    return tmp_path


def test_aligned_pairs_are_cut_and_turned_alike(tmp_path):
    random = np.random.default_rng(0)
    half = random.integers(0, 255, (20, 30, 3), np.uint8)
    (tmp_path / "train").mkdir()
    (tmp_path / "val").mkdir()
    for split in ("train", "val"):
        Image.fromarray(np.concatenate([half, 255 - half], 1)).save(tmp_path / split / "a.png")
    domains = tasks.open_domains(Source(str(tmp_path)), 16, 0)
    assert domains.b is None and (domains.a_channels, domains.b_channels) == (3, 3)
    mg.manual_seed(0)
    cuts = [domains.a.batch(np.array([0])).numpy() for _ in range(40)]
    for cut in cuts:
        np.testing.assert_allclose(cut[:, :3], -cut[:, 3:], atol=0.02)
    assert len({cut.tobytes() for cut in cuts}) > 8  # 3 x 3 places, and mirrored
    test = [domains.test_a.batch(np.array([0])).numpy() for _ in range(3)]
    np.testing.assert_array_equal(test[0], test[2])


def test_both_directions_of_a_pair(aligned):
    domains = tasks.open_domains(Source(str(aligned)), 16, 0)
    there, back = domains.a.first(1).numpy(), domains.reversed().a.first(1).numpy()
    np.testing.assert_array_equal(there[:, :3], back[:, 3:])
    np.testing.assert_array_equal(there[:, 3:], back[:, :3])
    assert there[0, 0].min() == 1 and back[0, 0].max() == -1 and domains.reversed().exchanged


def test_two_folders(tmp_path):
    for name, color in (("trainA", "red"), ("trainB", "blue"), ("testA", "red"), ("testB", "blue")):
        save(tmp_path / name / "x.png", color)
    domains = tasks.open_domains(Source(str(tmp_path)), 16, 0)
    assert domains.a.first(9).shape == domains.test_b.first(9).shape == (1, 3, 16, 16)
    assert domains.a.first(1)[0, 0].numpy().min() == 1 and domains.b.first(1)[0, 2].numpy().min() == 1


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "CMYK"])
def test_pictures_of_any_mode_and_shape(tmp_path, mode):
    for name in photographs.UNPAIRED:
        (tmp_path / name).mkdir()
        image = Image.new("RGB", (37, 91), (10, 200, 30)).convert(mode)
        image.save(tmp_path / name / ("x.tif" if mode == "CMYK" else "x.png"))
    assert tasks.open_domains(Source(str(tmp_path)), 32, 0).b.batch(np.array([0])).shape == (1, 3, 32, 32)


def test_what_is_wrong_is_said_in_one_sentence(tmp_path, aligned):
    pair(aligned / "train" / "odd.png", "red", "blue")
    Image.new("RGB", (41, 16)).save(aligned / "train" / "odd.png")
    half = tmp_path / "half"
    for name in ("trainA", "testA"):
        save(half / name / "x.png", "red")
    empty = tmp_path / "empty"
    (empty / "train").mkdir(parents=True)
    bare = tmp_path / "bare"
    bare.mkdir()
    lonely = tmp_path / "lonely"
    save(lonely / "x.png", "red")
    for source, complaint in (
        (Source(str(aligned)), r"odd.png: 41 pixels wide, which is odd; a pair is two pictures of one width"),
        (Source(str(half)), "half: trainB, testB is missing; give train and val"),
        (Source(str(empty)), "there are no pictures in it"),
        (Source(str(bare)), "there is neither train nor trainA"),
        (Source("nowhere"), "nor a folder of pictures"),
        (Source("edges2photo"), "--task edges2photo needs --photos"),
        (Source("photo2painting", photos=str(half)), "needs --paintings"),
        (Source("digits", photos=str(half)), "--photos: --task digits does not use it"),
        (Source(str(aligned), data_dir="x"), "--data-dir: .* not made of MNIST's digits"),
        (Source("colorize", photos=str(lonely)), "one picture is not enough"),
        (Source("colorize", photos=str(tmp_path / "none")), "there is no such folder"),
    ):
        with pytest.raises(ValueError, match=complaint):
            tasks.open_domains(source, 16, 0)


@pytest.mark.parametrize("task", ["digit_edges", "colorize", "worn_digits", "digits"])
def test_built_in_tasks_need_no_download(task):
    source = Source(task, count=40)
    domains = tasks.open_domains(source, 32, 0)
    assert (domains.a_channels, domains.b_channels) == tasks.channels_of(source)
    pictures = domains.a.first(8).numpy()
    channels = domains.a_channels + (0 if domains.b is not None else domains.b_channels)
    assert pictures.shape == (8, channels, 32, 32) and -1 <= pictures.min() < -0.5 and 0.5 < pictures.max() <= 1
    again = tasks.open_domains(source, 32, 0)
    np.testing.assert_array_equal(again.a.first(8).numpy(), pictures)
    assert not np.array_equal(domains.test_a.first(4).numpy(), pictures[:4])


def test_outlines_lie_on_the_ink_where_it_ends():
    shapes = TypesetDigits(20).pixels
    ink, edge = digits.framed(shapes)[:, 0] > 127, digits.outlines(shapes)[:, 0] > 127
    assert not (edge & ~ink).any() and edge.sum() < ink.sum()
    filled = edge.copy()  # every inner pixel of ink has ink on all four sides
    for axis in (1, 2):
        for step in (1, -1):
            filled |= ~np.roll(ink, step, axis) & ink
    np.testing.assert_array_equal(filled, edge)


def test_unpaired_digits_have_no_partners():
    domains = tasks.open_domains(Source("digits", count=60), 32, 0)
    bright = domains.a.first(30).numpy()[:, 0] > 0
    warm = domains.b.first(30).numpy()[:, 0] > 0
    overlap = [max((a & b).sum() / (a | b).sum() for b in warm) for a in bright]
    assert max(overlap) < 0.95


def test_worn_digits_are_worn_several_times_and_seen_against_their_ground():
    shapes = TypesetDigits(200).pixels
    scenes = digits.worn(shapes, np.random.default_rng(0)).astype(float)
    assert scenes.shape == (200, 3, 32, 32) and scenes.std((1, 2, 3)).min() > 10
    source = Source("worn_digits", count=40)
    targets = tasks.open_domains(source, 32, 0).a.first(8).numpy()[:, 3:]
    np.testing.assert_array_equal(targets[0], targets[tasks.WEARERS - 1])
    assert not np.array_equal(targets[0], targets[tasks.WEARERS])


def test_edges_of_a_photograph_are_where_its_brightness_changes():
    photograph = np.zeros((3, 8, 12), np.uint8)
    photograph[:, :, 6:] = 200
    made = photographs.edges_and_photo(photograph)
    np.testing.assert_array_equal(made[1:], photograph)
    np.testing.assert_array_equal(made[0].any(0), [False] * 5 + [True, True] + [False] * 5)
    assert photographs.gray_and_color(photograph)[0, 0].tolist() == [0] * 6 + [200] * 6


def test_values_and_bytes():
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    pictures = in_memory(pixels, 16).first(1)
    assert float(pictures.numpy().min()) == -1 and float(pictures.numpy().max()) == 1
    assert to_unit(pictures).shape == (1, 3, 16, 16)
    np.testing.assert_array_equal(np.rint(to_unit(pictures)[:, :1] * 255), pixels)
