"""Very large pictures: shrunk strip by strip, in little memory, to what they would be in one piece."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from minigrad.data import image
from minigrad.data.image import PictureError, open_picture, picture_size

PEAK = """
import resource, sys
from minigrad.data.image import open_picture
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert open_picture(sys.argv[1], longest=64).size == (64, 64)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


def write(path, mode, size=(300, 170), orientation=1):
    random = np.random.default_rng(3)
    coarse = random.integers(0, 255, (4, 6, 4), dtype=np.uint8)
    picture = Image.fromarray(coarse).resize(size)
    if mode in ("I;16", "F"):
        values = np.asarray(picture.convert("L"), np.float32) / 255
        picture = Image.fromarray(values if mode == "F" else (values * 65535).astype(np.uint16))
    else:
        picture = picture.convert(mode)
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture.save(path, **({} if mode in ("F", "I;16") else {"exif": exif}))
    return path


@pytest.mark.parametrize(
    ("name", "mode"), [("a.png", mode) for mode in ("RGB", "RGBA", "L", "LA", "P", "1", "I;16")] + [("a.tif", "F")]
)
def test_strips_give_what_one_piece_gives(tmp_path, monkeypatch, name, mode):
    path = write(tmp_path / name, mode)
    whole = np.asarray(open_picture(path, longest=20))
    monkeypatch.setattr(image, "STRIP_PIXELS", 1)
    np.testing.assert_array_equal(np.asarray(open_picture(path, longest=20)), whole)
    plain = open_picture(path)  # in its own size, then shrunk: the same but for the rounding of the first step
    assert np.abs(np.asarray(image.resize_longest(plain, 20), float) - whole).mean() < 2


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_shrunk_picture_is_upright_and_its_size_is_known_from_the_header(tmp_path, name, orientation):
    path = write(tmp_path / name, "RGB", orientation=orientation)
    picture = open_picture(path)
    assert picture.size == picture_size(path) == ((170, 300) if orientation > 4 else (300, 170))
    small = np.asarray(open_picture(path, longest=20), float)
    assert np.abs(np.asarray(image.resize_longest(picture, 20), float) - small).mean() < 4


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts the peak in Linux' units")
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_the_peak_is_the_decoded_picture_and_little_more(tmp_path, mode):
    path = tmp_path / "a.png"
    Image.new(mode, (5000, 5000)).save(path, compress_level=1)
    peak = int(subprocess.run([sys.executable, "-c", PEAK, str(path)], capture_output=True, check=True).stdout)
    assert peak < 5000 * 5000 * 4 + (80 << 20)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipes_are_no_pictures(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    for read in (open_picture, picture_size):
        with pytest.raises(PictureError, match="pipe or a device, not a picture"):
            read(tmp_path / "a.png")
