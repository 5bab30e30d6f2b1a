"""Downloads against a server on this machine that also breaks off, lies, refuses and ignores Range."""

import errno
import hashlib
import random
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from minigrad import hub as download_module
from minigrad.hub import cache_folder, download

CONTENT = random.Random(0).randbytes(700_001)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
SIZE = len(CONTENT)


class Handler(BaseHTTPRequestHandler):
    """Serves CONTENT; the first part of the path names the way in which it misbehaves."""

    def do_GET(self):
        self.server.log.append((self.path, self.headers.get("Range")))
        behavior = self.path.split("/")[1]
        if behavior.isdigit():
            self.send_error(int(behavior))
            return
        if behavior in ("drips", "endless", "absurd", "mute", "odd-range", "trickles"):
            self._hostile(behavior)
            return
        body = CONTENT[::-1] if behavior == "lies" else CONTENT
        start = self._range_start(behavior, len(body))
        if start is None:
            return
        rest = body[start:]
        if behavior != "silent":
            self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        if behavior in ("breaks", "deaf-breaks") and len(self.server.log) < self.server.healthy_after:
            rest = rest[: len(rest) // 2]
        if behavior == "short":
            rest = rest[: min(len(rest), 1000)] if start == 0 else b""
        self.wfile.write(rest)

    def _hostile(self, behavior):
        """Answers that never end, or whose headers nobody can believe. They end when the test does."""
        if behavior == "mute":
            self.server.over.wait(20)
            return
        self.send_response(206 if behavior == "odd-range" else 200)
        if behavior == "odd-range":
            self.send_header("Content-Range", f"bytes {'9' * 5000}-1/*")
        if behavior == "absurd":
            self.send_header("Content-Length", "9" * 5000)
        while behavior == "drips" and not self.server.over.wait(0.05):
            self.send_header("X", "y")
            self.flush_headers()
        self.end_headers()
        while behavior in ("endless", "trickles") and not self.server.over.is_set():
            try:
                self.wfile.write(bytes(1 if behavior == "trickles" else 1 << 16))
            except OSError:
                return
            if behavior == "trickles":
                self.server.over.wait(0.05)

    def _range_start(self, behavior, length):
        """Sends the status line and the range headers; None where there is nothing more to send."""
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        if match is None or behavior.startswith("deaf"):
            self.send_response(200)
            return 0
        start = int(match[1])
        if start >= length:
            self.send_error(416)
            return None
        self.send_response(206)
        claimed = start + 7 if behavior == "shifted" else start
        self.send_header("Content-Range", f"bytes {claimed}-{length - 1}/{length}")
        return start

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        httpd.log, httpd.healthy_after, httpd.over = [], 4, threading.Event()
        thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
        thread.start()
        httpd.url = lambda behavior: f"http://127.0.0.1:{httpd.server_port}/{behavior}/file.bin"
        yield httpd
        httpd.over.set()
        httpd.shutdown()
        thread.join()


def fetch(server, tmp_path, *behaviors, sha256=SHA256, size=SIZE):
    urls = [server.url(behavior) for behavior in behaviors]
    return download(urls, tmp_path / "file.bin", sha256=sha256, size=size, progress=False)


def leftovers(tmp_path):
    return sorted(path.name for path in tmp_path.iterdir())


def test_a_whole_file_arrives_and_is_not_fetched_twice(server, tmp_path):
    path = fetch(server, tmp_path, "good")
    assert path.read_bytes() == CONTENT
    assert leftovers(tmp_path) == ["file.bin"]
    fetch(server, tmp_path, "good")
    assert len(server.log) == 1


def test_a_damaged_file_with_the_final_name_is_fetched_again(server, tmp_path):
    (tmp_path / "file.bin").write_bytes(CONTENT[:-1] + b"?")
    assert fetch(server, tmp_path, "good").read_bytes() == CONTENT


def test_the_folder_is_made(server, tmp_path):
    path = download([server.url("good")], tmp_path / "a" / "b" / "file.bin", progress=False)
    assert path.read_bytes() == CONTENT


def test_a_broken_connection_is_resumed_where_it_broke(server, tmp_path):
    assert fetch(server, tmp_path, "breaks").read_bytes() == CONTENT
    ranges = [asked for _, asked in server.log]
    assert ranges[0] is None
    assert ranges[1] == f"bytes={len(CONTENT) // 2}-"
    assert len(ranges) == 4


def test_a_later_call_resumes_and_another_mirror_may_finish(server, tmp_path):
    with pytest.raises(RuntimeError, match="broke off after 1,000 of 700,001 bytes"):
        fetch(server, tmp_path, "short")
    assert leftovers(tmp_path) == ["file.bin.part"]
    server.log.clear()
    assert fetch(server, tmp_path, "good").read_bytes() == CONTENT
    assert server.log == [("/good/file.bin", "bytes=1000-")]


def test_a_server_that_ignores_range_sends_all_again(server, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(CONTENT[:5000])
    assert fetch(server, tmp_path, "deaf").read_bytes() == CONTENT


def test_a_server_that_ignores_range_and_breaks_ends_in_a_sentence(server, tmp_path):
    server.healthy_after = 1000
    with pytest.raises(RuntimeError, match="broke off after 350,000"):
        fetch(server, tmp_path, "deaf-breaks")


def test_a_complete_part_is_only_checked(server, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(CONTENT)
    assert fetch(server, tmp_path, "good").read_bytes() == CONTENT


@pytest.mark.parametrize("junk", [b"x" * 5000, b"x" * (len(CONTENT) + 5)])
def test_a_part_of_something_else_is_thrown_away(server, tmp_path, junk):
    (tmp_path / "file.bin.part").write_bytes(junk)
    assert fetch(server, tmp_path, "good").read_bytes() == CONTENT


def test_without_a_checksum_an_old_part_is_not_trusted(server, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(b"x" * 5000)
    assert fetch(server, tmp_path, "good", sha256=None).read_bytes() == CONTENT


def test_mirrors_are_tried_in_order(server, tmp_path):
    assert fetch(server, tmp_path, "403", "lies", "404", "good").read_bytes() == CONTENT
    assert [path.split("/")[1] for path, _ in server.log] == ["403", "lies", "404", "good"]
    assert leftovers(tmp_path) == ["file.bin"]


def test_the_sentence_names_what_went_wrong_with_each_mirror(server, tmp_path):
    with pytest.raises(RuntimeError) as caught:
        fetch(server, tmp_path, "403", "404", "500", "lies")
    message = str(caught.value)
    for part in ("403 Forbidden", "404 Not Found", "HTTP 500", "sha256", SHA256[:16], "file.bin could not be"):
        assert part in message
    assert "\n" not in message
    assert leftovers(tmp_path) == []


def test_a_wrong_length_is_noticed_before_the_transfer(server, tmp_path):
    with pytest.raises(RuntimeError, match="offers 700,001 bytes where 700,000 are expected"):
        fetch(server, tmp_path, "good", sha256=None, size=len(CONTENT) - 1)


def test_a_server_that_names_no_length_is_held_to_the_expected_one(server, tmp_path):
    assert fetch(server, tmp_path, "silent").read_bytes() == CONTENT
    (tmp_path / "file.bin").unlink()
    with pytest.raises(RuntimeError, match="more than the expected 699,999 bytes"):
        fetch(server, tmp_path, "silent", size=699_999)


def test_the_wrong_range_is_refused(server, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(CONTENT[:5000])
    with pytest.raises(RuntimeError, match="another part of the file"):
        fetch(server, tmp_path, "shifted")


def test_an_unreachable_server(server, tmp_path):
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as closed:
        url = f"http://127.0.0.1:{closed.server_port}/x"
    with pytest.raises(RuntimeError, match="cannot be reached"):
        download([url], tmp_path / "x", progress=False)


def test_the_first_digits_of_a_checksum_are_enough(server, tmp_path):
    assert fetch(server, tmp_path, "good", sha256=SHA256[:8].upper(), size=None).read_bytes() == CONTENT
    with pytest.raises(RuntimeError, match="sha256"):
        fetch(server, tmp_path, "good", sha256="00000000", size=None)


def test_a_full_disk_is_not_blamed_on_the_mirror(server, tmp_path, monkeypatch):
    class Full:
        name = "file.bin.part"

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

        def write(self, chunk):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(download_module, "_open_part", lambda part, start: Full())
    with pytest.raises(RuntimeError, match="cannot be written: No space left on device"):
        fetch(server, tmp_path, "good", "good")
    assert len(server.log) == 1


def test_no_room_is_said_before_the_transfer(server, tmp_path):
    with pytest.raises(RuntimeError, match="make room or set MINIGRAD_CACHE"):
        fetch(server, tmp_path, "good", size=10**18)
    assert server.log == []


def test_a_folder_that_cannot_be_made(server, tmp_path):
    (tmp_path / "plain").write_text("a file, not a folder")
    with pytest.raises(RuntimeError, match="cannot be used"):
        download([server.url("good")], tmp_path / "plain" / "file.bin", progress=False)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"urls": []}, "one or more addresses"),
        ({"urls": "http://one.string/x"}, "one or more addresses"),
        ({"urls": ["file:///etc/passwd"]}, "http:// or https://"),
        ({"urls": ["http://x/y"], "sha256": "abc"}, "8 to 64 hexadecimal digits"),
        ({"urls": ["http://x/y"], "size": 0}, "positive number of bytes"),
    ],
)
def test_bad_arguments(tmp_path, arguments, words):
    with pytest.raises(ValueError, match=words):
        download(path=tmp_path / "x", **arguments)


def test_the_cache_folder_can_be_chosen(monkeypatch, tmp_path):
    monkeypatch.setenv("MINIGRAD_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("MINIGRAD_CACHE")
    assert "minigrad" in cache_folder().name


@pytest.mark.parametrize("text", ["x" * 300, "/tmp" + "/folder" * 800], ids=["a long name", "a long path"])
def test_a_cache_folder_with_too_long_a_name_is_one_sentence(monkeypatch, text):
    monkeypatch.setenv("MINIGRAD_CACHE", text)
    with pytest.raises(RuntimeError, match=r"^MINIGRAD_CACHE is too long for a folder's name: .{60}\.\.\.$"):
        cache_folder()


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(download_module, "RESPONSE_SECONDS", 0.5)
    monkeypatch.setattr(download_module, "PACE_SECONDS", 0.5)
    monkeypatch.setattr(download_module, "MAX_BYTES", 2_000_000)


@pytest.mark.parametrize("size", [None, SIZE])
def test_hostile_servers_are_left_for_the_next_mirror(server, impatient, tmp_path, size):
    hostile = ["endless", "absurd", "mute", "drips", "trickles", "odd-range"]
    assert fetch(server, tmp_path, *hostile, "good", size=size).read_bytes() == CONTENT
    assert list(dict.fromkeys(path.split("/")[1] for path, _ in server.log)) == [*hostile, "good"]
    assert leftovers(tmp_path) == ["file.bin"]


@pytest.mark.parametrize(
    ("behavior", "words"),
    [
        ("endless", "more than the expected 2,000,000 bytes"),
        ("absurd", "no file has"),
        ("mute", r"did not answer within 0\.5 seconds"),
        ("drips", r"did not answer within 0\.5 seconds"),
        ("trickles", "is too slow"),
        ("odd-range", "no proper HTTP|another part"),
    ],
)
def test_hostile_servers_are_named(server, impatient, tmp_path, behavior, words):
    (tmp_path / "file.bin.part").write_bytes(CONTENT[:50])
    with pytest.raises(RuntimeError, match=words):
        fetch(server, tmp_path, behavior, size=None)
    part = tmp_path / "file.bin.part"
    assert not part.exists() or part.stat().st_size <= 2_000_000


def test_a_length_beyond_the_cap_is_refused(server, monkeypatch, tmp_path):
    monkeypatch.setattr(download_module, "MAX_BYTES", SIZE - 1)
    with pytest.raises(RuntimeError, match="is the most that is taken"):
        fetch(server, tmp_path, "good", size=None)
    assert fetch(server, tmp_path, "good").read_bytes() == CONTENT  # a size that is known may be any


@pytest.mark.parametrize("link", ["symlink_to", "hardlink_to"])
def test_a_part_that_is_a_link_is_not_followed(server, tmp_path, link):
    mine = tmp_path / "mine.txt"
    mine.write_bytes(b"keep me")
    getattr(tmp_path / "file.bin.part", link)(mine)
    assert fetch(server, tmp_path, "good").read_bytes() == CONTENT
    assert mine.read_bytes() == b"keep me"
    assert leftovers(tmp_path) == ["file.bin", "mine.txt"]


def test_several_at_once_fetch_one_file_once(server, tmp_path):
    program = (
        "import sys; from minigrad.hub import download; "
        f"download([sys.argv[1]], sys.argv[2], sha256={SHA256!r}, progress=False)"
    )
    command = [sys.executable, "-c", program, server.url("good"), str(tmp_path / "file.bin")]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(4)]
    assert [process.communicate(timeout=60)[1] for process in processes] == [b""] * 4
    assert [process.returncode for process in processes] == [0] * 4
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert len(server.log) == 1
    assert leftovers(tmp_path) == ["file.bin"]


@pytest.mark.parametrize("name", ["x" * 300, "folder"])
def test_a_path_that_can_be_no_file_is_refused_before_the_transfer(server, tmp_path, name):
    (tmp_path / "folder").mkdir()
    with pytest.raises(RuntimeError, match="cannot be used"):
        download([server.url("good")], tmp_path / name, progress=False)
    assert server.log == []
