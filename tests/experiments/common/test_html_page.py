"""HTML pages: whole, escaped, and with their pictures inside."""

import base64
import html.parser
import io
import re

import pytest
from PIL import Image

from experiments.common.html_page import Page
from tests.helpers.browser import Browser
from tests.helpers.paths import ROOT


class Checker(html.parser.HTMLParser):
    """Notes which elements are open, and fails on one that closes another."""

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.text = [], [], []

    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def parsed(path):
    checker = Checker()
    checker.feed(path.read_text(encoding="utf-8"))
    assert checker.open == []
    return checker


def test_a_page_with_everything_is_well_formed_and_escaped(tmp_path):
    Image.new("RGB", (3, 2), "red").save(tmp_path / "x.png")
    page = Page("A <run>", "What & why")
    page.heading("1 < 2")
    page.paragraph("<script>alert(1)</script>")
    page.code("a\n  b")
    page.pictures([(tmp_path / "x.png", 'a "caption"'), (Image.new("L", (4, 4)), "made here")], width=90, pixels=True)
    page.table(["step", "loss"], [[100, 0.123456], ["<b>", None]], caption="figures")
    page.save(tmp_path / "index.html")
    checker = parsed(tmp_path / "index.html")
    tags = [tag for tag, _ in checker.seen]
    assert "script" not in tags and "b" not in tags and tags.count("img") == 2 and tags.count("figcaption") == 2
    text = "".join(checker.text)
    for part in ("A <run>", "What & why", "<script>alert(1)</script>", "a\n  b", "0.1235", 'a "caption"', "figures"):
        assert part in text
    images = [attributes for tag, attributes in checker.seen if tag == "img"]
    assert all(image["width"] == "90" and image["class"] == "pixels" for image in images)


def test_pictures_lie_inside_the_page(tmp_path):
    Image.new("RGB", (3, 2), "red").save(tmp_path / "x.png")
    page = Page("t")
    page.picture(tmp_path / "x.png")
    page.save(tmp_path / "index.html")
    (tmp_path / "x.png").unlink()
    address = next(attributes["src"] for tag, attributes in parsed(tmp_path / "index.html").seen if tag == "img")
    content = base64.b64decode(re.fullmatch(r"data:image/png;base64,(.*)", address).group(1))
    with Image.open(io.BytesIO(content)) as image:
        assert image.size == (3, 2)


def test_or_beside_it(tmp_path):
    (tmp_path / "pictures").mkdir()
    Image.new("RGB", (3, 2), "red").save(tmp_path / "pictures" / "x.png")
    page = Page("t")
    page.picture(tmp_path / "pictures" / "x.png")
    page.save(tmp_path / "index.html", embed=False)
    assert 'src="pictures/x.png"' in (tmp_path / "index.html").read_text()


def test_small_pictures_are_enlarged_by_whole_numbers(tmp_path):
    Image.new("L", (130, 20)).save(tmp_path / "x.png")
    page = Page("t")
    page.pictures([(tmp_path / "x.png", ""), (Image.new("L", (90, 9)), ""), (Image.new("L", (700, 9)), "")], 290, True)
    page.save(tmp_path / "index.html")
    images = [attributes for tag, attributes in parsed(tmp_path / "index.html").seen if tag == "img"]
    assert [image["width"] for image in images] == ["260", "270", "700"]


def test_long_tables_are_folded_and_sources_linked(tmp_path):
    page = Page("t")
    page.code("a < b", folded="1 < 2 lines")
    page.sources(["minigrad/autograd.py", "minigrad/<gone>.py"])
    page.save(tmp_path / "index.html")
    checker = parsed(tmp_path / "index.html")
    tags = [tag for tag, _ in checker.seen]
    assert tags.count("details") == tags.count("summary") == 1 and {"1 < 2 lines", "a < b"} <= set(checker.text)
    (link,) = [attributes["href"] for tag, attributes in checker.seen if tag == "a"]
    assert (tmp_path / link).resolve() == (ROOT / "minigrad" / "autograd.py")
    assert "minigrad/<gone>.py" in checker.text


@pytest.mark.parametrize("width", [1280, 380])
def test_in_a_browser_nothing_goes_sideways_and_small_pictures_are_sharp(tmp_path, width):
    page = Page("A title that is long enough to need several lines on a phone", "x" * 60 + " " + "words " * 60)
    page.pictures([(Image.effect_noise((100, 100), 60), f"picture {i}") for i in range(3)], width=290, pixels=True)
    page.picture(Image.effect_noise((2000, 300), 60), "wide")
    page.code("python -m experiments." + "long" * 80)
    page.code("row " * 200, folded="a table")
    page.table([f"column {i}" for i in range(20)], [[f"{i}" * 9 for i in range(20)]])
    page.sources(["experiments/common/html_page.py"] * 5)
    page.save(tmp_path / "index.html")
    with Browser(tmp_path / "profile") as browser:
        shown = browser.page(width, 800, touch=width < 500)
        shown.open((tmp_path / "index.html").as_uri())
        assert shown.overflow() <= 0 and shown.problems == []
        sizes = shown.value("[...document.images].map((e) => [e.clientWidth, e.clientHeight])")
        assert sizes[0] == [300, 300] and sizes[3][0] <= width
        assert shown.value("getComputedStyle(document.images[0]).imageRendering") == "pixelated"
        assert shown.value("document.querySelector('details').open") is False
        shown.tap("summary")
        assert shown.value("document.querySelector('details').open") is True and shown.overflow() <= 0


def test_pictures_that_cannot_be_shown(tmp_path):
    page = Page("t")
    page.picture(tmp_path / "gone.png")
    with pytest.raises(ValueError, match="is not there"):
        page.save(tmp_path / "index.html")
    page = Page("t")
    page.picture(tmp_path / "x.tiff")
    with pytest.raises(ValueError, match="not a picture that browsers show"):
        page.save(tmp_path / "index.html")
    assert not list(tmp_path.iterdir())
