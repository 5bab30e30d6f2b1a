"""Reading any picture, writing pictures, colors, and several pictures in one."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from experiments.common import images
from minigrad.data.image import PictureNote

RED, BLUE = (255, 0, 0), (0, 0, 255)


def two_halves(mode="RGB", size=(8, 4), left=RED, right=BLUE):
    """A picture whose left half is red and whose right half is blue."""
    image = Image.new("RGB", size, right)
    image.paste(left, (0, 0, size[0] // 2, size[1]))
    return image.convert(mode)


def corner_colors(picture):
    """The colors (0 to 255) in the four corners: top left, top right, bottom left, bottom right."""
    bytes_ = np.rint(picture[0] * 255).astype(int)
    return [tuple(bytes_[:, y, x].tolist()) for y in (0, -1) for x in (0, -1)]


# ------------------------------------------------------------------------------------- reading


@pytest.mark.parametrize(
    "mode, suffix", [("RGB", "png"), ("RGBA", "png"), ("P", "gif"), ("RGB", "tiff"), ("RGB", "bmp")]
)
def test_colors_survive_every_lossless_file(tmp_path, mode, suffix):
    path = tmp_path / f"x.{suffix}"
    two_halves(mode).save(path)
    picture = images.load_picture(path)
    assert picture.shape == (1, 3, 4, 8) and picture.dtype == np.float32 and picture.flags.c_contiguous
    assert corner_colors(picture) == [RED, BLUE, RED, BLUE]


def test_cmyk_and_gray_files(tmp_path):
    two_halves("CMYK", (64, 32)).save(tmp_path / "x.jpg", quality=95)
    left, right = corner_colors(images.load_picture(tmp_path / "x.jpg"))[:2]
    assert left[0] > 200 and max(left[1:]) < 60 and right[2] > 200 and max(right[:2]) < 60
    for mode, value in [("L", 128), ("1", 1), ("LA", (128, 255))]:
        Image.new(mode, (3, 2), value).save(tmp_path / "gray.png")
        picture = images.load_picture(tmp_path / "gray.png")
        assert picture.shape == (1, 3, 2, 3) and picture.min() == picture.max() == pytest.approx(
            1 if mode == "1" else 128 / 255
        )


def test_sixteen_bits_and_floats_keep_their_range(tmp_path):
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    Image.fromarray(ramp).save(tmp_path / "x.png")
    Image.fromarray(ramp).save(tmp_path / "x.tiff")
    Image.fromarray((ramp / 65535).astype(np.float32)).save(tmp_path / "f.tiff")
    for name in ("x.png", "x.tiff", "f.tiff"):
        picture = images.load_picture(tmp_path / name)
        assert np.abs(picture[0, 0] - ramp / 65535).max() < 1 / 255


@pytest.mark.parametrize("orientation, corners", [(1, "RBRB"), (3, "BRBR"), (6, "RRBB"), (8, "BBRR")])
def test_cameras_that_were_turned(tmp_path, orientation, corners):
    exif = Image.Exif()
    exif[0x0112] = orientation
    two_halves(size=(64, 32)).save(tmp_path / "x.png", exif=exif)
    picture = images.load_picture(tmp_path / "x.png")
    assert picture.shape[2:] == ((64, 32) if orientation in (6, 8) else (32, 64))
    assert corner_colors(picture) == [{"R": RED, "B": BLUE}[letter] for letter in corners]


@pytest.mark.parametrize("mode", ["RGBA", "P"])
def test_transparency_shows_the_background(tmp_path, mode):
    image = two_halves("RGBA")
    image.paste((0, 255, 0, 0), (0, 0, 4, 4))
    image.convert(mode).save(tmp_path / "x.png")
    assert corner_colors(images.load_picture(tmp_path / "x.png"))[0] == (255, 255, 255)
    assert corner_colors(images.load_picture(tmp_path / "x.png", background="black"))[:2] == [(0, 0, 0), BLUE]
    assert corner_colors(images.load_picture(tmp_path / "x.png", background=(1, 2, 3)))[0] == (1, 2, 3)


def test_the_first_frame_of_an_animation_with_a_note(tmp_path):
    two_halves("P").save(tmp_path / "x.gif", save_all=True, append_images=[Image.new("P", (8, 4))])
    with pytest.warns(PictureNote, match="several frames; the first is used"):
        assert corner_colors(images.load_picture(tmp_path / "x.gif"))[0] == RED


def test_sizes_by_the_longer_side(tmp_path):
    two_halves(size=(30, 10)).save(tmp_path / "x.png")
    for size, shape in [(15, (5, 15)), (60, (20, 60)), (1, (1, 1)), (None, (10, 30))]:
        assert images.load_picture(tmp_path / "x.png", size).shape[2:] == shape
    with pytest.raises(ValueError, match="at least 1 pixel, got 0"):
        images.load_picture(tmp_path / "x.png", 0)


def test_a_very_large_picture_is_shrunk_with_a_note(tmp_path):
    Image.new("L", (6000, 12), 255).save(tmp_path / "x.png")
    with pytest.warns(PictureNote, match="6000 x 12 is very large"):
        assert images.load_picture(tmp_path / "x.png").shape == (1, 3, 8, 4096)


def bomb(width, height):
    """A tiny PNG whose header claims a huge picture."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "content, words",
    [
        (b"", "not a picture"),
        (b"hello, this is text", "not a picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture"),
        (bomb(60000, 60000), "178,000,000 pixels"),
        (bomb(13400, 13400), "178,000,000 pixels"),
        (bomb(100, 100), "damaged or cut short"),
        (bomb(0, 10), "not a picture|damaged|no pixels"),
    ],
)
def test_what_is_no_picture_is_one_sentence(tmp_path, content, words):
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(ValueError, match=words) as caught:
        images.load_picture(tmp_path / "x.png")
    assert "x.png: " in str(caught.value) and "\n" not in str(caught.value)


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"x\.png: there is no such picture"):
        images.load_picture(tmp_path / "x.png")
    with pytest.raises(ValueError, match="this is a folder"):
        images.load_picture(tmp_path)


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "webp", "tiff", "bmp"])
def test_damaged_files_load_or_are_refused_but_nothing_else(tmp_path, suffix):
    random = np.random.default_rng(0)
    noise = Image.fromarray(random.integers(0, 256, (20, 30, 3), dtype=np.uint8))
    noise.save(tmp_path / f"good.{suffix}")
    good = (tmp_path / f"good.{suffix}").read_bytes()
    refused = 0
    for _ in range(60):
        damaged = bytearray(good)
        for place in random.integers(0, len(good), 8):
            damaged[place] = random.integers(0, 256)
        path = tmp_path / f"bad.{suffix}"
        path.write_bytes(damaged[: random.integers(1, len(good) + 1)])
        try:
            assert images.load_picture(path).shape[1] == 3
        except ValueError as error:
            assert str(error).startswith(f"{path}: ") and "\n" not in str(error)
            refused += 1
    assert refused > 5


def test_masks(tmp_path):
    two_halves("L", left=(255, 255, 255), right=(0, 0, 0)).save(tmp_path / "m.png")
    mask = images.load_mask(tmp_path / "m.png", 8, 16)
    assert mask.shape == (1, 1, 8, 16) and mask.dtype == np.float32
    assert (mask[..., :6] == 1).all() and (mask[..., 10:] == 0).all()


# ------------------------------------------------------------------------------------- writing


def random_picture(height=5, width=7, seed=0):
    return np.random.default_rng(seed).random((1, 3, height, width), dtype=np.float32)


@pytest.mark.parametrize("name", ["x.png", "x.jpg", "x.webp"])
def test_what_is_saved_is_read_back_with_its_parameters(tmp_path, name):
    picture = np.broadcast_to(np.linspace(0, 1, 32, dtype=np.float32), (1, 3, 16, 32))
    parameters = {"steps": 200, "style": "Sternennacht über der Rhône", "weights": [1.5, 2]}
    images.save_picture(picture, tmp_path / name, parameters)
    assert np.abs(images.load_picture(tmp_path / name) - picture).max() <= (0.002 if name == "x.png" else 0.04)
    assert images.read_parameters(tmp_path / name) == parameters
    images.save_picture(picture, tmp_path / name)
    assert images.read_parameters(tmp_path / name) == {}
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_save_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    images.save_picture(random_picture(), tmp_path / "x.png")
    before = (tmp_path / "x.png").read_bytes()

    def full_disk(self, file, **options):
        file.write(b"half a picture")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full_disk)
    with pytest.raises(OSError, match="No space"):
        images.save_picture(random_picture(seed=1), tmp_path / "x.png")
    assert (tmp_path / "x.png").read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def test_bad_names_and_bad_pictures(tmp_path):
    with pytest.raises(ValueError, match=r"saved as \.png.*not \.txt"):
        images.save_picture(random_picture(), tmp_path / "x.txt")
    with pytest.raises(ValueError, match="without a suffix"):
        images.picture_kind("picture")
    with pytest.raises(ValueError, match=r"a picture is .*got \(2, 3, 4, 4\)"):
        images.to_image(np.zeros((2, 3, 4, 4)))
    with pytest.raises(ValueError, match="contains NaN"):
        images.to_image(np.full((1, 3, 2, 2), np.nan))
    assert not list(tmp_path.iterdir())


def test_resizing_does_not_round(tmp_path):
    flat = np.full((1, 3, 4, 6), 0.12345, np.float32)
    assert images.resize(flat, 8, 9).shape == (1, 3, 8, 9)
    assert np.allclose(images.resize(flat, 8, 9), 0.12345, atol=1e-6)
    sharp = images.resize(np.rint(random_picture()), 20, 20)
    assert sharp.min() >= 0 and sharp.max() <= 1


def test_an_animation(tmp_path):
    images.save_gif([random_picture(seed=seed) for seed in range(3)], tmp_path / "x.gif", milliseconds=50)
    with Image.open(tmp_path / "x.gif") as image:
        assert image.n_frames == 3 and image.size == (7, 5) and image.info["loop"] == 0
        assert image.info["duration"] == 50
    with pytest.raises(ValueError, match="no frames"):
        images.save_gif([], tmp_path / "y.gif")
    with pytest.raises(ValueError, match="differ in size"):
        images.save_gif([random_picture(), random_picture(6)], tmp_path / "y.gif")
    with pytest.raises(ValueError, match=r"ends in \.gif"):
        images.save_gif([random_picture()], tmp_path / "y.png")


# ------------------------------------------------------------------------------------- colors


def test_original_colors_keep_the_new_brightness():
    stylized = random_picture(seed=1) * 0.2 + 0.4
    content = random_picture(seed=2) * 0.2 + 0.4
    kept = images.with_colors_of(stylized, content)
    assert np.allclose(images.luminance(kept), images.luminance(stylized), atol=1e-4)
    chroma = images.RGB_TO_YIQ[1:]
    assert np.allclose(np.einsum("dc,nchw->ndhw", chroma, kept), np.einsum("dc,nchw->ndhw", chroma, content), atol=1e-4)
    with pytest.raises(ValueError, match="differ in size"):
        images.with_colors_of(stylized, random_picture(6))


def test_a_gray_picture_has_no_chroma():
    gray = images.as_gray(random_picture())
    assert np.allclose(images.RGB_TO_YIQ[1:].sum(axis=1), 0, atol=2e-3)
    assert np.array_equal(gray[:, 0], gray[:, 1]) and np.array_equal(gray[:, 0], gray[:, 2])


def test_luminance_is_matched():
    style, content = random_picture(seed=1) * 0.3 + 0.1, random_picture(seed=2) * 0.2 + 0.5
    matched = images.luminance(images.match_luminance(style, content))
    goal = images.luminance(content)
    assert float(matched.mean()) == pytest.approx(float(goal.mean()), abs=1e-4)
    assert float(matched.std()) == pytest.approx(float(goal.std()), abs=1e-4)
    assert np.isfinite(images.match_luminance(np.full_like(style, 0.5), content)).all()


# ------------------------------------------------------------------------------------- several in one


def test_a_grid_puts_each_image_in_its_place():
    pictures = np.arange(5, dtype=np.float32).reshape(5, 1, 1, 1) / 10 * np.ones((5, 1, 3, 4), np.float32)
    sheet = images.grid(pictures, columns=2, gap=1)
    assert sheet.shape == (1, 3, 1 + 3 * 4, 1 + 2 * 5)
    for index in range(5):
        row, column = divmod(index, 2)
        tile = sheet[0, :, 1 + row * 4 : 4 + row * 4, 1 + column * 5 : 5 + column * 5]
        assert np.all(tile == pictures[index])
    assert sheet[0, 0, -2, -2] == 0.5 and sheet[0, 0, 0, 0] == 0.5
    assert images.grid(pictures).shape == (1, 3, 2 + 2 * 5, 2 + 3 * 6)
    with pytest.raises(ValueError, match=r"grid: images must be .* got \(0, 1, 3, 4\)"):
        images.grid(pictures[:0])


def test_a_labeled_strip_and_table_hold_the_pictures_unchanged():
    first, second = random_picture(20, 30), random_picture(40, 20)
    plain = images.strip([first, second])
    assert plain.mode == "RGB" and plain.height < 20 + 20
    labeled = images.strip([first, second], ["content", "a much longer label than the picture is wide"])
    assert labeled.width > plain.width and labeled.height > plain.height
    sheet = images.table([[first, first], [second]], columns=["a", "b"], names=["row one", "row two"])
    pixels, wanted = np.asarray(sheet), np.asarray(images.to_image(second))
    windows = np.lib.stride_tricks.sliding_window_view(pixels, wanted.shape).reshape(-1, wanted.size)
    assert (windows == wanted.reshape(-1)).all(axis=1).sum() == 1
    with pytest.raises(ValueError, match="no pictures"):
        images.strip([])


def test_labels_are_written_in_ink():
    font = images.label_font(14)
    assert font.getlength("content") > 20
    blank = np.ones((1, 3, 10, 80), np.float32)
    assert np.asarray(images.strip([blank])).min() == 255
    assert np.asarray(images.strip([blank], ["label"])).min() < 100


def test_a_real_photograph(shared_data):
    picture = images.load_picture(shared_data / "images" / "tubingen.jpg", size=128)
    assert max(picture.shape[2:]) == 128 and 0.2 < picture.mean() < 0.7 and picture.std() > 0.1
