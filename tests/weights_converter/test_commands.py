"""The command line of `weights_converter`: exit codes, sentences, files whole or not at all, and the download."""

import contextlib
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nets.vgg import VGG16_LAYERS as VGG16
from tests.helpers.paths import ROOT
from tests.helpers.weights_samples import random_layers, renamed, torchvision_names
from weights_converter import __main__ as command_line
from weights_converter.__main__ import main
from weights_converter.registry import KNOWN_FILES, TORCHVISION_FILES, Checksums, checksum_mismatch, identify


@pytest.fixture(scope="module")
def vgg16_file(tmp_path_factory):
    """A real-sized VGG16 without classifier, as a plain .npz."""
    path = tmp_path_factory.mktemp("weights") / "source.npz"
    np.savez(path, **random_layers(VGG16, head=False))
    return path


def run(*words):
    return main([str(word) for word in words])


def failed(capsys, *words, code=2):
    """Runs a command that must fail and returns its one line on stderr."""
    try:
        result = run(*words)
    except SystemExit as error:  # argparse's way
        result = error.code
    captured = capsys.readouterr()
    assert result == code
    assert re.fullmatch(r"error: .+\n", captured.err)
    assert captured.out == ""
    return captured.err


def test_a_conversion_and_what_it_writes(vgg16_file, tmp_path, capsys):
    output = tmp_path / "out.npz"
    assert run(vgg16_file, "-o", output, "--input-convention", "caffe-bgr", "--arch", "vgg16") == 0
    assert "14,714,688 parameters" in capsys.readouterr().out
    with np.load(output, allow_pickle=False) as written, np.load(vgg16_file) as source:
        metadata = json.loads(str(written["metadata"]))
        assert written["metadata"].shape == ()
        assert set(written.files) == {*source.files, "metadata"}
        for name in source.files:
            np.testing.assert_array_equal(written[name], source[name])
            assert written[name].dtype == np.float32
    assert metadata.pop("converter").startswith("minigrad")
    assert metadata == {
        "format": "minigrad-vgg",
        "version": 1,
        "architecture": "vgg16",
        "channel_order": "bgr",
        "range": 255.0,
        "mean": [103.939, 116.779, 123.68],
        "std": [1.0, 1.0, 1.0],
        "source": "source.npz",
        "source_sha256": hashlib.sha256(vgg16_file.read_bytes()).hexdigest(),
        "note": "",
    }


def test_half_of_a_converted_file(vgg16_file, tmp_path, capsys):
    """Our own files are sources too: their metadata say what the input looks like."""
    assert run(vgg16_file, "-o", tmp_path / "full.npz", "--input-convention", "torchvision") == 0
    assert run(tmp_path / "full.npz", "-o", tmp_path / "half.npz", "--half") == 0
    with np.load(tmp_path / "half.npz") as half:
        assert half["conv3_1.weight"].dtype == np.float16
        assert json.loads(str(half["metadata"]))["channel_order"] == "rgb"
    assert (tmp_path / "half.npz").stat().st_size < 0.51 * (tmp_path / "full.npz").stat().st_size


def test_info_and_verify(vgg16_file, tmp_path, capsys):
    assert run("info", vgg16_file) == 0
    text = capsys.readouterr().out
    for words in (
        "conv1_1.weight",
        "(64, 3, 3, 3)",
        "network: VGG16, without classifier",
        "14,714,688",
        "does not tell",
    ):
        assert words in text
    assert run("verify", vgg16_file) == 0
    assert "26 arrays, shapes right, all values finite" in capsys.readouterr().out


def test_the_licence_is_named(capsys):
    for words in (["--help"], ["info", "--help"]):
        with pytest.raises(SystemExit) as caught:
            main(words)
        assert caught.value.code == 0
        assert "CC BY 4.0" in capsys.readouterr().out


def test_verify_finds_what_is_wrong(tmp_path, capsys):
    layers = random_layers(VGG16, head=False)
    layers["conv4_2.weight"][0, 0, 0, 0] = np.inf
    np.savez(tmp_path / "a.npz", **layers)
    assert "conv4_2.weight has 1 values that are not finite" in failed(capsys, "verify", tmp_path / "a.npz")
    (tmp_path / "vgg19-dcbb9e9d.pth").write_bytes(b"\x80\x02not it")
    assert "another checksum than the published" in failed(capsys, "verify", tmp_path / "vgg19-dcbb9e9d.pth")
    (tmp_path / "mine-01234567.pth").write_bytes(b"\x80\x02not it")
    assert "not 01234567 as its name says" in failed(capsys, "verify", tmp_path / "mine-01234567.pth")


def test_known_files_are_identified_by_their_checksums():
    for known in KNOWN_FILES:
        digits = known.checksum
        sums = Checksums("0" * 64, digits) if len(digits) == 32 else Checksums(digits.ljust(64, "0"), "0" * 32)
        assert identify(sums) is known
        assert checksum_mismatch(Path(known.name), sums) is None
    assert identify(Checksums("0" * 64, "0" * 32)) is None


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "required: SOURCE"),
        (["SOURCE"], "required: -o"),
        (["SOURCE", "-o", "OUT.txt"], "must end in .npz"),
        (["SOURCE", "-o", "nowhere/OUT.npz"], "does not exist"),
        (["SOURCE", "-o", "SOURCE"], "would overwrite the input"),
        (["SOURCE", "-o", "OUT.npz", "--arch", "vgg13"], "invalid choice: 'vgg13'"),
        (["SOURCE", "-o", "OUT.npz", "--arch", "vgg19", "--input-convention", "caffe-bgr"], "holds VGG16, not VGG19"),
        (["SOURCE", "-o", "OUT.npz", "--input-convention", "opencv"], "invalid choice: 'opencv'"),
        (["SOURCE", "-o", "OUT.npz"], "does not tell what its network's input must look like"),
        (["missing.pth", "-o", "OUT.npz"], "cannot be read: No such file"),
        (["info"], "required: FILE"),
        (["info", "missing.pth"], "cannot be read: No such file"),
        (["verify", "missing.pth"], "cannot be read: No such file"),
        (["download", "vgg13"], "invalid choice: 'vgg13'"),
        (["download", "vgg19", "--url", "ftp://x/y"], "http:// or https://"),
        (["download", "vgg19", "--sha256", "xyz"], "hexadecimal"),
    ],
)
def test_bad_arguments(vgg16_file, tmp_path, monkeypatch, capsys, words, sentence):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINIGRAD_CACHE", str(tmp_path / "cache"))
    words = [str(vgg16_file) if word == "SOURCE" else word for word in words]
    assert sentence in failed(capsys, *words)
    assert not list(tmp_path.glob("*.npz"))


@pytest.mark.parametrize("command", [(), ("export",), ("download", "vgg16")], ids=["convert", "export", "download"])
@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("folder.npz", "this is a folder, a file's name is needed"),
        ("x" * 300 + ".npz", "File name too long"),
        ("x" * 300 + "/out.npz", "File name too long"),
        ("nowhere/out.npz", "does not exist"),
        ("file/out.npz", "does not exist"),
        ("locked/out.npz", "cannot be written: Permission denied"),
    ],
)
def test_an_output_that_cannot_be_is_refused_before_any_work(tmp_path, monkeypatch, capsys, command, output, sentence):
    def work(*_):
        raise AssertionError("at work")

    def refuse(*_, dir, **__):
        raise PermissionError(13, "Permission denied")

    for name in ("read_foreign", "export", "download"):
        monkeypatch.setattr(command_line, name, work)
    if output.startswith("locked"):  # a real one would not hold back root, who may run the tests
        monkeypatch.setattr("minigrad.files.tempfile.TemporaryFile", refuse)
    for folder in ("folder.npz", "folder.safetensors", "locked"):
        (tmp_path / folder).mkdir()
    (tmp_path / "file").touch()
    if command == ("export",):
        output = output.replace(".npz", ".safetensors")
    source = () if "download" in command else ("source.pth",)
    monkeypatch.chdir(tmp_path)
    message = failed(capsys, *command, *source, "-o", output)
    assert message.startswith("error: -o ") and sentence in message


def test_the_longest_name_that_a_file_can_have_is_written(vgg16_file, tmp_path):
    """The temporary name, which would be longer, must not stand in the way."""
    output = tmp_path / ("x" * 251 + ".npz")
    assert run(vgg16_file, "-o", output, "--input-convention", "torchvision") == 0
    assert [path.name for path in tmp_path.iterdir()] == [output.name]


@pytest.mark.parametrize("size", [(1, 1), (15, 400), (4000, 60)])
def test_a_picture_too_small_to_normalize_by_is_one_sentence(vgg16_file, tmp_path, capsys, size):
    Image.new("RGB", size).save(tmp_path / "small.png")
    words = [vgg16_file, "-o", tmp_path / "out.npz", "--input-convention", "torchvision"]
    message = failed(capsys, *words, "--normalize", tmp_path / "small.png")
    assert "small.png" in message and "at least 16 on each side" in message
    assert not (tmp_path / "out.npz").exists()


def test_a_long_cache_folder_is_one_sentence(monkeypatch, capsys):
    monkeypatch.setenv("MINIGRAD_CACHE", "x" * 5000)
    assert "MINIGRAD_CACHE is too long" in failed(capsys, "download", "vgg19")


def test_a_failed_write_leaves_the_old_file(vgg16_file, tmp_path, monkeypatch, capsys):
    output = tmp_path / "out.npz"
    output.write_bytes(b"the old one")

    def fail(file, weights):
        file.write(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("weights_converter.convert.vgg_file.write", fail)
    sentence = failed(capsys, vgg16_file, "-o", output, "--input-convention", "torchvision")
    assert "cannot be written: No space left on device" in sentence
    assert [path.name for path in tmp_path.iterdir()] == ["out.npz"]
    assert output.read_bytes() == b"the old one"


def test_as_a_program(tmp_path):
    """The real thing, in a process of its own: exit code 2, a sentence and no traceback."""
    (tmp_path / "a.pth").write_bytes(b"\x80\x02cos\nsystem\n.")
    words = [sys.executable, "-m", "weights_converter", str(tmp_path / "a.pth"), "-o", str(tmp_path / "a.npz")]
    root = ROOT
    result = subprocess.run(words, capture_output=True, text=True, cwd=root, timeout=60)
    assert result.returncode == 2
    assert result.stderr.startswith("error: ") and "Traceback" not in result.stderr
    assert result.stdout == ""


# --- download -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def torch_bytes():
    """A real-sized VGG16 without classifier as PyTorch's legacy file."""
    torch = pytest.importorskip("torch")
    layers = random_layers(VGG16, head=False)
    state = {name: torch.from_numpy(array) for name, array in renamed(layers, torchvision_names(VGG16)).items()}
    file = io.BytesIO()
    torch.save(state, file, _use_new_zipfile_serialization=False)
    return file.getvalue()


@pytest.fixture
def mirror(monkeypatch, torch_bytes, tmp_path):
    """A loopback server: /good serves the file, /breaks only half of it the first time, /lies another, /403 refuses."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("MINIGRAD_CACHE", str(tmp_path / "cache"))
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            behaviour = self.path.strip("/")
            asked.append(behaviour)
            if behaviour == "403":
                self.send_error(403)
                return
            start = int((self.headers.get("Range") or "bytes=0-")[6:-1])
            body = torch_bytes[start:] if behaviour != "lies" else b"?" * len(torch_bytes)
            self.send_response(206 if start and behaviour != "lies" else 200)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Range", f"bytes {start}-{len(torch_bytes) - 1}/{len(torch_bytes)}")
            self.end_headers()
            broken = behaviour == "breaks" and asked.count("breaks") == 1
            with contextlib.suppress(ConnectionError):  # the client hangs up on a wrong length
                self.wfile.write(body[: len(body) // 2] if broken else body)

        def log_message(self, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        server.asked = asked
        server.url = lambda behaviour: f"http://127.0.0.1:{server.server_port}/{behaviour}"
        yield server
        server.shutdown()
        thread.join()


def test_download_converts_into_the_cache_and_resumes(mirror, torch_bytes, tmp_path, capsys):
    sha256 = hashlib.sha256(torch_bytes).hexdigest()
    urls = [part for name in ("403", "lies", "breaks") for part in ("--url", mirror.url(name))]
    assert run("download", "vgg16", *urls, "--sha256", sha256, "--quiet") == 0
    assert mirror.asked == ["403", "lies", "breaks", "breaks"]
    folder = tmp_path / "cache" / "weights"
    assert sorted(path.name for path in folder.iterdir()) == [f"vgg16-{sha256[:8]}.pth", "vgg16.npz"]
    with np.load(folder / "vgg16.npz") as written:
        assert json.loads(str(written["metadata"]))["std"] == [0.229, 0.224, 0.225]
    assert run("download", "vgg16", *urls, "--sha256", sha256, "--quiet", "-o", tmp_path / "mine.npz", "--half") == 0
    assert len(mirror.asked) == 4  # the cache had it
    assert (tmp_path / "mine.npz").is_file()


def test_download_believes_only_the_published_checksum(mirror, tmp_path, capsys):
    sentence = failed(capsys, "download", "vgg16", "--url", mirror.url("good"), "--url", mirror.url("403"), "--quiet")
    assert "where 553,433,881 are expected" in sentence
    assert "403 Forbidden" in sentence
    assert not list((tmp_path / "cache" / "weights").iterdir())


def test_an_interrupted_command_says_so(vgg16_file, tmp_path, monkeypatch, capsys):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(command_line, "convert", interrupt)
    failed(capsys, vgg16_file, "-o", tmp_path / "a.npz", code=130)


def test_the_published_files_have_whole_checksums():
    for known in TORCHVISION_FILES.values():
        assert len(known.checksum) == 64
        assert known.checksum[:8] in known.name
        assert all(url.endswith(known.name) for url in known.urls)


# --- special files ------------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("command", [["info"], ["verify"], ["-o", "OUT"]], ids=["info", "verify", "convert"])
def test_pipes_and_devices_are_refused_at_once(tmp_path, capsys, command):
    os.mkfifo(tmp_path / "weights.pth")
    words = [str(tmp_path / "out.npz") if word == "OUT" else word for word in command]
    for source in (tmp_path / "weights.pth", "/dev/zero"):
        assert "not a regular file" in failed(capsys, *words, source)


def test_a_source_named_like_a_command(vgg16_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "info").write_bytes(vgg16_file.read_bytes())
    assert main(["convert", "info", "-o", "out.npz", "--input-convention", "torchvision"]) == 0
    assert (tmp_path / "out.npz").is_file()
