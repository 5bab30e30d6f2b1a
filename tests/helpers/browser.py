"""A real browser for the tests: headless Chromium, driven over a pipe by the Chrome DevTools Protocol.

with Browser(folder) as browser:
    page = browser.page(width=380, height=720, touch=True)
    page.open("file:///tmp/page.html")
    page.value("document.title")
"""

import base64
import itertools
import json
import os
import select
import shutil
import subprocess
import time

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome", "headless_shell")
PATIENCE = 60.0  # seconds for any answer
KEYS = {" ": ("Space", 32), "ArrowLeft": ("ArrowLeft", 37), "ArrowRight": ("ArrowRight", 39), "Home": ("Home", 36),
        "End": ("End", 35)}  # fmt: skip


def find_browser():
    """The path of a Chromium, or None. MINIGRAD_CHROMIUM names another one."""
    return os.environ.get("MINIGRAD_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """A Chromium process with a profile of its own in `folder`."""

    def __init__(self, folder):
        path = find_browser()
        if path is None:
            pytest.skip("no Chromium: install it, or name one in MINIGRAD_CHROMIUM")
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        command = [
            path, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars",
            "--force-device-scale-factor=1", f"--user-data-dir={folder}", "--remote-debugging-pipe", "about:blank",
        ]  # fmt: skip

        def pipes():
            """The protocol's ends are file descriptors 3 and 4."""
            high = [os.dup(descriptor) for descriptor in (theirs_in, theirs_out)]
            while min(high) < 5:
                high = [os.dup(descriptor) for descriptor in high]
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        self._process = subprocess.Popen(
            command, preexec_fn=pipes, close_fds=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        os.close(theirs_in)
        os.close(theirs_out)
        self._numbers, self._buffer, self.events = itertools.count(1), b"", []

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        try:
            self.ask("Browser.close")
        except (OSError, TimeoutError):
            self._process.kill()
        self._process.wait(PATIENCE)
        os.close(self._out)
        os.close(self._in)

    def ask(self, method, session=None, **parameters):
        """Send a command and wait for its result; events that come in between are kept in `events`."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = self._read(deadline)
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def _read(self, deadline):
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._in], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError("the browser does not answer")
            content = os.read(self._in, 1 << 20)
            if not content:
                raise OSError("the browser has ended")
            self._buffer += content
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    def page(self, width=1280, height=900, touch=False):
        """A new page in a window of this size, in CSS pixels."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        return Page(self, session, width, height, touch)


class Page:
    """One page. requests, problems: the addresses it asked for, and what went wrong in it (scripts, refused loads)."""

    def __init__(self, browser, session, width, height, touch):
        self.browser, self.session, self.touch = browser, session, touch
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.ask(f"{domain}.enable")
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=touch)
        self.ask("Emulation.setTouchEmulationEnabled", enabled=touch)

    def ask(self, method, **parameters):
        return self.browser.ask(method, self.session, **parameters)

    def open(self, address):
        """Go to an address and wait until it is loaded."""
        self.ask("Page.navigate", url=address)
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")

    def value(self, expression):
        """What a JavaScript expression gives; promises are awaited."""
        found = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, expression, seconds=30.0):
        """Wait until an expression is true."""
        deadline = time.monotonic() + seconds
        while not self.value(expression):
            assert time.monotonic() < deadline, f"not true within {seconds} s: {expression}"
            time.sleep(0.05)

    def press(self, key):
        """A key: a letter, a digit, " ", "ArrowLeft", ..."""
        code, number = KEYS[key] if key in KEYS else (f"Key{key.upper()}", ord(key.upper()))
        common = {"key": key, "code": code, "windowsVirtualKeyCode": number}
        text = {"text": key} if len(key) == 1 else {}
        self.ask("Input.dispatchKeyEvent", type="keyDown", **common, **text)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **common)

    def tap(self, selector):
        """Touch, or click, the middle of an element, after scrolling it into view."""
        x, y = self.value(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            " e.scrollIntoView({block: 'center'}); const r = e.getBoundingClientRect();"
            " return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        if self.touch:
            self.ask("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
            self.ask("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
            return
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def _events(self, *methods):
        own = [event for event in self.browser.events if event.get("sessionId") == self.session]
        return [event["params"] for event in own if event["method"] in methods]

    @property
    def requests(self):
        return [event["request"]["url"] for event in self._events("Network.requestWillBeSent")]

    @property
    def problems(self):
        thrown = [event["exceptionDetails"]["text"] for event in self._events("Runtime.exceptionThrown")]
        logged = [event["entry"] for event in self._events("Log.entryAdded")]
        return thrown + [entry["text"] for entry in logged if entry["level"] == "error"]

    def overflow(self):
        """By how many pixels the page is wider than its window."""
        return self.value("document.documentElement.scrollWidth - document.documentElement.clientWidth")

    def screenshot(self, path, whole=True):
        """Save a picture of the page, as PNG."""
        found = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(found["data"]))
