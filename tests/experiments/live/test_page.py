"""The page of `experiments.watch` in a real browser, while a run goes on, ends, and begins anew."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from PIL import Image

from experiments.common.plots import LossLog
from experiments.common.status import Status
from experiments.live.server import Server
from minigrad.devices import CPU
from tests.helpers.browser import Browser
from tests.helpers.paths import ROOT


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


def draw(path, value):
    Image.fromarray(np.full((28, 28), value, np.uint8)).save(path)


def serve(folder, port=0):
    server = Server(folder, port)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server


def text(page, selector):
    return page.value(f"document.querySelector('{selector}').textContent")


def waits_for(page, words, selector="#state"):
    page.wait(f"document.querySelector('{selector}').textContent.includes('{words}')")


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_a_run_from_before_its_start_to_its_next_start(browser, tmp_path, phone):
    page = browser.page(380, 720, touch=True) if phone else browser.page()
    server = serve(tmp_path)
    page.open(f"http://127.0.0.1:{server.server_port}/")
    waits_for(page, "There is none yet")

    log = LossLog(tmp_path / "losses.csv")
    with Status(tmp_path / "status.json", "Digits <b>&", 0, 100, CPU, every=0.0) as status:
        for step in range(1, 51):
            log.add(step, d_loss=1 / step, g_loss=step / 10, unused=None)
        draw(tmp_path / "samples_0000000.png", 0)
        draw(tmp_path / "samples_0000050.png", 200)
        status.at(50)
        waits_for(page, "step 50 of 100")
        waits_for(page, "CPU, ")
        waits_for(page, "step 50 (2 of 2)", "#caption")
        assert text(page, "#title") == "Digits <b>&"
        image = "document.querySelector('#picture')"
        page.wait(f"{image}.complete && {image}.naturalWidth === 28")
        assert page.value(f"getComputedStyle({image}).imageRendering") == "pixelated"
        assert page.value(f"{image}.clientWidth") > 300
        names = "[...document.querySelectorAll('#legend label')].filter((e) => !e.hidden).map((e) => e.textContent)"
        assert page.value(names) == ["d_loss 0.02", "g_loss 5"]

        page.press("ArrowLeft")
        waits_for(page, "step 0 (1 of 2)", "#caption")
        draw(tmp_path / "samples_0000060.png", 250)
        waits_for(page, "step 0 (1 of 3)", "#caption")  # whoever looks back is left where he is
        page.tap("#newest")
        waits_for(page, "step 60 (3 of 3)", "#caption")
        page.tap("#earlier")
        waits_for(page, "step 50 (2 of 3)", "#caption")
        page.tap("#legend input")
        assert page.value("document.querySelector('#legend input').checked") is False
    log.close()
    os.utime(tmp_path / "losses.csv", (1e9, 1e9))
    waits_for(page, "the run has ended")

    port = server.server_port
    server.shutdown()
    server.server_close()
    waits_for(page, "has ended; once it is started again")
    server = serve(tmp_path, port)
    with LossLog(tmp_path / "losses.csv") as log:
        log.add(3, loss=1.0)
        waits_for(page, "step 3")
    assert page.overflow() <= 0
    assert all(address.startswith(("http://127.0.0.1:", "data:")) for address in page.requests)
    assert [problem for problem in page.problems if "ERR_CONNECTION" not in problem] == []
    page.screenshot(tmp_path / "page.png")
    server.shutdown()
    server.server_close()


def test_one_of_several_runs_is_chosen(browser, tmp_path):
    for name, column in (("a", "alpha"), ("b", "beta")):
        (tmp_path / name).mkdir()
        with LossLog(tmp_path / name / "losses.csv") as log:
            log.add(1, **{column: 1.0})
    server = serve(tmp_path)
    page = browser.page()
    page.open(f"http://127.0.0.1:{server.server_port}/")
    page.wait("document.querySelectorAll('#runs option').length === 2")
    for name, column in (("a", "alpha"), ("b", "beta")):
        page.value(
            f"(() => {{ const e = document.querySelector('#runs'); e.value = '{name}/losses.csv'; e.onchange(); }})()"
        )
        waits_for(page, f"{column} 1", "#legend")
        assert text(page, "#title") == name
    server.shutdown()
    server.server_close()


def test_the_command_says_where_it_listens_and_ends_with_ctrl_c(tmp_path):
    command = [sys.executable, "-m", "experiments.watch", str(tmp_path), "--port", "0"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert "http://127.0.0.1:" in process.stdout.readline()
    process.send_signal(2)
    rest, _ = process.communicate(timeout=60)
    assert process.returncode == 0 and "the runs go on" in rest


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["gone"], "gone: there is no such folder"),
        ([".", "--port", "65536"], "must be a number from 0 to 65535"),
        ([".", "--port", "{}"], "choose another one, or 0 for any"),
    ],
)
def test_bad_arguments_cost_a_sentence(tmp_path, arguments, complaint):
    with Server(tmp_path, 0) as other:
        arguments = [argument.format(other.server_port) for argument in arguments]
        command = [sys.executable, "-m", "experiments.watch", *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and complaint in done.stderr
