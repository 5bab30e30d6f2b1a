"""The server behind `experiments.watch`: what it shows of a run, and that nothing else can be had from it."""

import json
import os
import socket
import threading
import time
from http.client import HTTPConnection
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image

from experiments.common.plots import LossLog
from experiments.common.status import Status
from experiments.live import server as server_module
from experiments.live.runs import remaining
from experiments.live.server import Server
from minigrad.devices import CPU

SECRET = b"nobody outside may read this"


def picture(path, value=100):
    Image.fromarray(np.full((4, 4), value, np.uint8)).save(path)


@pytest.fixture
def folder(tmp_path):
    """A folder with a run of the frame, a style transfer beside it, and secrets beside the folder."""
    root = tmp_path / "root"
    run = root / "digits"
    run.mkdir(parents=True)
    with LossLog(run / "losses.csv") as log:
        for step in range(1, 1001):
            log.add(step, d_loss=1 / step, g_loss=None if step % 2 else 2.0)
    for name in ("samples_0000000.png", "samples_0000500.png", "losses.png"):
        picture(run / name)
    (run / "metrics.json").write_text('{"modes": 8, "cFID": NaN, "per class": [1, 2]}')
    with LossLog(root / "out_losses.csv") as log:
        log.add(1, total=3.0)
    picture(root / "out.png")
    picture(root / "other.png")
    (tmp_path / "secret.png").write_bytes(SECRET)
    (tmp_path / "secret_losses.csv").write_bytes(b"step,hidden_column\n1,42\n")
    (root / "notes.txt").write_bytes(SECRET)
    return root


@pytest.fixture
def server(folder):
    with Server(folder, 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def get(server, path, **headers):
    """(status, headers, body)."""
    connection = HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def raw(server, content, wait=True):
    """What comes back for these bytes; everything until the server closes."""
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=20) as connection:
        try:
            connection.sendall(content)
            parts = []
            while wait and (part := connection.recv(1 << 16)):
                parts.append(part)
            return b"".join(parts)
        except (ConnectionResetError, BrokenPipeError):
            return b""


def state(server, run=""):
    status, _, body = get(server, f"/state?run={quote(run)}")
    assert status == 200
    return json.loads(body)


# ---------------------------------------------------------------------------------------- what is shown


def test_the_state_of_a_run(server):
    found = state(server, "digits/losses.csv")
    assert sorted(found["runs"]) == ["digits/losses.csv", "out_losses.csv"] and found["folder"] == "root"
    run = found["run"]
    assert run["step"] == 1000 and run["steps"] is None and run["going_on"]
    assert [each["file"] for each in run["pictures"]] == ["samples_0000000.png", "samples_0000500.png", "losses.png"]
    assert [each["step"] for each in run["pictures"]] == [0, 500, None]
    assert run["metrics"] == {"modes": "8", "cFID": "nan"}
    curves = run["curves"]
    assert len(curves["d_loss"]) == len(run["steps_of_curves"]) == 300
    assert curves["g_loss"] == [2.0] * 300 and curves["d_loss"][0] == pytest.approx(np.mean(1 / np.arange(1, 5)))


def test_a_style_transfer_beside_other_pictures(server):
    run = state(server, "out_losses.csv")["run"]
    assert [each["file"] for each in run["pictures"]] == ["out.png"] and run["curves"] == {"total": [3.0]}


def test_rows_arrive_as_they_are_written_and_a_fresh_run_begins_anew(server, folder):
    table = folder / "digits" / "losses.csv"
    state(server, "digits/losses.csv")
    with open(table, "a") as file:
        file.write("1001,7,8\n1002,7")
        file.flush()
        assert state(server, "digits/losses.csv")["run"]["step"] == 1001
        file.write(",8\n")
        file.flush()
        assert state(server, "digits/losses.csv")["run"]["step"] == 1002
    with LossLog(table) as log:
        log.add(3, loss=1.0)
        log.add(4, loss=float("inf"))
        run = state(server, "digits/losses.csv")["run"]
    assert run["step"] == 4 and run["curves"] == {"loss": [1.0, None]}


def test_how_long_it_will_take(server, folder):
    path = folder / "digits" / "status.json"
    with Status(path, "Digits", 900, 2000, CPU, every=0.0) as status:
        assert status.at(950)
        run = state(server, "digits/losses.csv")["run"]
        assert (run["title"], run["steps"], run["step"], run["going_on"]) == ("Digits", 2000, 1000, True)
        assert run["device"].startswith("CPU, ") and run["remaining"] >= 0 and run["silent"] < 20
    assert not path.exists() and state(server, "digits/losses.csv")["run"]["steps"] is None
    told = {"first": 100, "steps": 300, "started": 1000.0, "updated": 1050.0}
    assert remaining(told, 150) == 150.0 and remaining(told, 100) is None


def test_a_run_that_was_killed_is_silent(server, folder):
    os.utime(folder / "digits" / "losses.csv", (1e9, 1e9))
    assert not state(server, "digits/losses.csv")["run"]["going_on"]
    told = {"format": "minigrad-status", "title": "x", "device": "CPU", "first": 0, "step": 5, "steps": 9}
    (folder / "digits" / "status.json").write_text(json.dumps({**told, "started": 1e9, "updated": 1e9 + 5}))
    run = state(server, "digits/losses.csv")["run"]
    assert run["going_on"] and run["silent"] > 1e6


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": "minigrad-status"}', b"\xff", b"[" * 100000])
def test_a_damaged_status_is_none(server, folder, content):
    (folder / "digits" / "status.json").write_bytes(content)
    assert state(server, "digits/losses.csv")["run"]["steps"] is None


@pytest.mark.parametrize(
    "content", [b"", b"\xff\x00\xfe", b"a", b"step,x\nnan,1\ninf,2\n1,2,3\nz,1\n", b"\n\n\n", b",\n1,2\n"]
)
def test_a_damaged_table_is_an_empty_one(server, folder, content):
    (folder / "bad_losses.csv").write_bytes(content)
    run = state(server, "bad_losses.csv")["run"]
    assert run["name"] == "bad_losses.csv" and run["step"] in (0, 1)


def test_an_empty_folder_and_one_that_is_gone(tmp_path):
    with Server(tmp_path, 0) as server:
        assert server.runs.state("") == {"folder": tmp_path.name, "runs": [], "run": None}
        tmp_path.rmdir()
        assert server.runs.state("")["run"] is None


# -------------------------------------------------------------------------------- and that it is all

OUTSIDE = [
    "../secret.png", "..%2fsecret.png", "%2e%2e%2fsecret.png", "..%252fsecret.png", "..\\secret.png", "..%5csecret.png",
    "{}", "/{}", "//{}", "file://{}", "digits/../../secret.png", "samples_0000000.png/../../../secret.png",
    "secret.png", ".", "..", "", "%00", "samples_0000000.png%00.png", "losses.csv", "notes.txt", ".minigrad-lock",
    "link.png", "folder.png/secret.png", "pipe.png", "folder.png", "%c0%ae%c0%ae/secret.png", "..;/secret.png",
    "A" * 30000,
]  # fmt: skip


@pytest.fixture
def traps(folder):
    """Links out of the folder, a pipe and a folder that have pictures' names."""
    run = folder / "digits"
    (run / "link.png").symlink_to(folder.parent / "secret.png")
    (run / "folder.png").symlink_to(folder.parent)
    os.mkfifo(run / "pipe.png")
    (folder / "linked").symlink_to(folder.parent)
    (folder / "linked_losses.csv").symlink_to(folder.parent / "secret_losses.csv")
    return folder


@pytest.mark.parametrize("name", OUTSIDE)
def test_nothing_outside_is_read(server, traps, name):
    """By any parameter or path, sent as it stands: no client straightens it."""
    name = name.format(traps.parent / "secret.png")
    run = quote("digits/losses.csv", safe="")
    targets = [
        f"/picture?run={run}&file={name}",
        f"/picture?run={name}&file=secret.png",
        f"/picture/{name}",
    ]
    for target in [*targets, f"/{name}", name]:
        if target not in ("", "/"):
            request = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
            answer = raw(server, request.encode())
            assert answer.split(b" ")[1] in (b"400", b"404", b"414"), (target, answer[:100])
            assert SECRET not in answer
    assert b"hidden_column" not in raw(server, f"GET /state?run={name} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())


def test_runs_behind_links_are_not_found(server, traps):
    assert sorted(state(server)["runs"]) == ["digits/losses.csv", "out_losses.csv"]
    for name in ("digits/link.png", "linked/secret.png", "../secret.png", "digits/pipe.png", "digits"):
        with pytest.raises(OSError):
            server.runs.open(name)
    inside = traps / "digits" / "inside.png"
    inside.symlink_to("samples_0000000.png")
    with server.runs.open("digits/inside.png") as file:
        assert file.read(4) == b"\x89PNG"


def test_a_folder_may_itself_be_reached_by_a_link(folder, tmp_path):
    (tmp_path / "way").symlink_to(folder)
    with Server(tmp_path / "way", 0) as server:
        assert server.runs.picture("digits/losses.csv", "samples_0000000.png")[1] == "image/png"


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "", "[", "a@b:c"]
)
def test_other_names_are_refused(server, host):
    """A page from elsewhere whose name was made to point here must not read from it (DNS rebinding)."""
    status, _, body = get(server, "/state", Host=host)
    assert status in (400, 403) and b"runs" not in body


@pytest.mark.parametrize("host", ["localhost", "localhost:9999", "127.0.0.1:8765", "[::1]:8765", "LOCALHOST"])
def test_this_machines_names_are_answered(server, host):
    assert get(server, "/", Host=host)[0] == 200


def test_every_answer_forbids_what_the_page_does_not_need(server):
    run = quote("digits/losses.csv", safe="")
    for path in ("/", "/page.js", "/page.css", "/state", f"/picture?run={run}&file=losses.png", "/nothing"):
        _, headers, _ = get(server, path)
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert headers["X-Content-Type-Options"] == "nosniff" and headers["Cache-Control"] == "no-store"
        assert "Access-Control-Allow-Origin" not in headers


def test_it_listens_to_this_machine_only(server):
    assert server.socket.getsockname()[0] == "127.0.0.1"


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 100_000 + b"\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\n" + b"X: 1\r\n" * 5000 + b"\r\n", b"431"),
        (b"POST /state HTTP/1.1\r\nHost: localhost\r\n\r\n", b"501"),
        (b"DELETE / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"501"),
        (b"GET /state?" + b"a=1&" * 500 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", b"400"),
        (b"GET http://[/ HTTP/1.1\r\nHost: localhost\r\n\r\n", b"400"),
        (b"GET / HTTP/9.9.9\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"400"),
    ],
    ids=["long address", "huge header", "many headers", "POST", "DELETE", "many fields", "brackets", "version", "TLS"],
)  # fmt: skip
def test_absurd_requests_cost_an_error_and_no_more(server, request_, code):
    answer = raw(server, request_)
    assert answer == b"" or code in answer.split(b"\r\n")[0] + answer[:400], answer[:200]
    assert get(server, "/")[0] == 200


def test_slow_and_silent_clients_are_closed(server, monkeypatch):
    monkeypatch.setattr(server_module, "SECONDS", 0.3)
    silent = socket.create_connection(("127.0.0.1", server.server_port))
    dripping = socket.create_connection(("127.0.0.1", server.server_port))
    with silent, dripping:
        begun = time.monotonic()
        closed = False
        while not closed:
            try:
                dripping.sendall(b"X")  # each byte comes in time, all of them together do not
                time.sleep(0.05)
            except OSError:
                closed = True
            assert closed or time.monotonic() - begun < 20
        silent.settimeout(20)
        assert silent.recv(10) == b""
    assert get(server, "/")[0] == 200


def test_many_connections_keep_nobody_out(server, monkeypatch):
    monkeypatch.setattr(server_module, "CONNECTIONS", 8)
    waiting = [socket.create_connection(("127.0.0.1", server.server_port)) for _ in range(40)]
    try:
        assert get(server, "/")[0] == 200 and len(server.opened) <= 8
        waiting[0].settimeout(20)
        assert waiting[0].recv(10) == b""
    finally:
        for connection in waiting:
            connection.close()
