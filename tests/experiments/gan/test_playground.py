"""The recorded game in the plane: what is in the page, and a learner playing it in a real browser."""

import base64
import json
import re

import numpy as np
import pytest

from experiments import gan_2d
from experiments.gan.plane import NODES, RANGE
from experiments.gan.playground import POINTS, places
from tests.helpers.browser import Browser


@pytest.fixture(scope="module")
def playground(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plane")
    sizes = ["--steps", "40", "--frames", "5", "--hidden", "8", "--batch-size", "16", "--device", "cpu"]
    gan_2d.main(["--loss", "wgan-gp", "--page", "ns", "--out", str(folder), *sizes])
    return folder / "play.html"


def recording(path):
    return json.loads(re.search(r'id="recording">(.*?)</script>', path.read_text(), re.DOTALL)[1])


def test_both_losses_are_recorded_from_the_same_start(playground):
    found = recording(playground)
    first, second = found["runs"]
    assert (first["name"], second["name"]) == ("wgan-gp", "ns")
    assert first["steps"] == second["steps"] == [0, 10, 20, 30, 40] and first["rows"] == [20, 40]
    assert first["data"] == second["data"]
    made = [np.frombuffer(base64.b64decode(run["made"]), "<u2").reshape(5, POINTS, 2) for run in (first, second)]
    assert (made[0][0] == made[1][0]).all() and (made[0][-1] != made[1][-1]).any()
    assert len(base64.b64decode(first["map"])) == 5 * found["cells"] ** 2
    assert len(base64.b64decode(first["manifold"])) == 5 * NODES**2 * 2 * 2
    force = np.frombuffer(base64.b64decode(first["force"]), np.int8).reshape(5, POINTS, 2)
    assert (np.abs(force).max((1, 2)) == 127).all()
    assert set(first["losses"]) == {"d_loss", "d_real", "d_fake", "g_loss"} and first["report"]["steps"] == 40


def test_places_are_kept_to_what_a_screen_shows():
    points = np.random.default_rng(0).uniform(-RANGE, RANGE, (100, 2))
    back = (np.frombuffer(base64.b64decode(places(points)), "<u2").reshape(100, 2) / 32767.5 - 1) * RANGE
    assert np.abs(back - points).max() <= RANGE / 32767
    assert np.frombuffer(base64.b64decode(places(np.array([[-9.0, 9.0]]))), "<u2").tolist() == [0, 65535]


def test_the_page_stays_small_and_loads_nothing(playground):
    text = playground.read_text()
    assert "default-src 'none'" in text and not re.search(r"https?://|@import|url\(", text)
    found = recording(playground)
    a_moment = sum(len(found["runs"][0][part]) for part in ("made", "manifold", "map", "force")) / 5
    assert 4 * 40 * a_moment < 2_000_000  # four losses, forty moments


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_a_learner_plays_it(browser, playground, phone, tmp_path):
    page = browser.page(380, 760, touch=True) if phone else browser.page()
    page.open(playground.as_uri())
    assert page.value("document.querySelectorAll('canvas.plane').length") == 2 and page.overflow() <= 0
    assert page.value("document.querySelector('#step').textContent") == "step 0"
    picture = "document.querySelector('canvas.plane').toDataURL()"
    chart = "document.querySelector('canvas.losses').toDataURL()"
    pictures = [page.value(picture)]

    page.press("End")
    assert page.value("state.step") == 40
    pictures.append(page.value(picture))
    page.press("ArrowLeft")
    assert page.value("state.step") == 30
    page.press("Home")
    assert page.value("state.step") == 0 and page.value(picture) == pictures[0] != pictures[1]

    page.press("End")  # at the start G puts all noise in one place
    page.value("['data', 'made'].forEach((name) => switchLayer(name, false))")
    before = page.value(picture)
    page.press("4")
    assert page.value(picture) != before and page.value("$('layer-manifold').checked") is True
    page.value("['data', 'made'].forEach((name) => switchLayer(name, true))")
    for layer, key in (("data", "1"), ("made", "2"), ("map", "3"), ("force", "5")):
        before = page.value(picture)
        page.tap(f"#layer-{layer}")
        assert page.value(f"state.on.{layer}") is False and page.value(picture) != before, layer
        page.press(key)
        assert page.value(f"state.on.{layer}") is True and page.value(picture) == before, layer
    page.press("6")
    assert page.value("document.querySelector('canvas.losses').hidden") is True
    page.press("6")
    page.press("Home")
    before = page.value(chart)
    page.value("(() => { const e = $('clock'); e.value = 500; e.oninput(); })()")
    assert page.value("state.step") == 20 and page.value(chart) != before

    page.press("Home")
    page.press("+")
    assert page.value("$('speed').value") == "2"
    page.tap("#play")
    assert page.value("$('play').textContent") == "Pause"
    page.wait("state.step > 1")
    page.tap("#play")
    stopped = page.value("state.step")
    assert 1 < stopped <= 40 and page.value("$('play').textContent") == "Play"
    assert page.value("new Promise((done) => setTimeout(() => done(state.step), 150))") == stopped
    assert page.overflow() <= 0 and page.problems == [] and page.requests[0].startswith("file:")
    assert all(address.startswith(("file:", "data:")) for address in page.requests)
    page.screenshot(tmp_path / "page.png")
