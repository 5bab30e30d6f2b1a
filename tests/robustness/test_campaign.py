"""Thousands of damaged files and absurd command lines: each is read, or refused in one sentence; nothing else happens.

Seeded. The suite runs a small part; `make robustness` runs it large. MINIGRAD_ROBUSTNESS sets how many cases of each
kind there are (40 by default); MINIGRAD_CRAFTED likewise for the crafted checkpoints of
tests/experiments/gan/test_crafted_checkpoints.py.
"""

import argparse
import importlib
import importlib.util
import io
import os
import random
import signal

import numpy as np
import pytest
from PIL import Image

from experiments.__main__ import commands
from experiments.common.cli import sentence
from minigrad.data.image import PictureError, open_picture
from tests.helpers.weights_samples import (
    SMALL,
    caffemodel,
    convert_small,
    matconvnet,
    onnx_graph,
    random_layers,
    renamed,
    torchvision_names,
)
from weights_converter.readers.base import WeightsError

COUNT = int(os.environ.get("MINIGRAD_ROBUSTNESS", "40"))
SECONDS = 0.3  # how long an accepted command may work before the next one's turn


def mutated(content, numbers):
    """The bytes with one to four things wrong: flipped, cut, doubled, blanked, exchanged, or a length made absurd."""
    content = bytearray(content)
    for _ in range(numbers.randint(1, 4)):
        # half of the time near the beginning or the end, where formats keep their headers and directories
        place = numbers.choice([numbers.randrange(len(content)), numbers.randrange(min(600, len(content)))])
        place = numbers.choice([place, place, len(content) - 1 - place])
        kind = numbers.choice(["flip", "flip", "byte", "cut", "double", "blank", "length", "exchange"])
        span = numbers.randint(1, 64)
        if kind == "flip":
            content[place] ^= 1 << numbers.randrange(8)
        elif kind == "byte":
            content[place] = numbers.choice([0, 1, 0x7F, 0x80, 0xFF])
        elif kind == "cut":
            del content[place : numbers.choice([place + span, len(content)])]
        elif kind == "double":
            content[place:place] = content[place : place + span]
        elif kind == "blank":
            content[place : place + span] = bytes(len(content[place : place + span]))
        elif kind == "length":
            content[place : place + 4] = numbers.choice([b"\xff" * 4, b"\xff\xff\xff\x7f", b"\0\0\0\x80"])
        else:
            other = numbers.randrange(len(content))
            content[place], content[other] = content[other], content[place]
        if not content:
            return b""
    return bytes(content)


# ------------------------------------------------------------------------------------------- files of weights


def write_weights(kind, path):
    """A whole file of weights of a small VGG16 in one of the formats; skips where its package is not installed."""
    layers = random_layers(SMALL["vgg16"])
    theirs = renamed(layers, torchvision_names(SMALL["vgg16"]))
    if kind == "npz":
        np.savez(path, **theirs)
    elif kind == "safetensors":
        pytest.importorskip("safetensors.numpy").save_file(theirs, path)
    elif kind in ("pth", "legacy.pth"):
        torch = pytest.importorskip("torch")
        tensors = {name: torch.tensor(array) for name, array in theirs.items()}
        torch.save(tensors, path, _use_new_zipfile_serialization=kind == "pth")
    elif kind == "caffemodel":
        path.write_bytes(caffemodel(layers))
    elif kind == "mat":
        pytest.importorskip("scipy.io").savemat(path, matconvnet(layers))
    elif kind == "onnx":
        onnx = pytest.importorskip("onnx")
        onnx.save(onnx_graph(onnx, layers), path)
    else:
        with pytest.importorskip("h5py").File(path, "w") as file:
            for name, array in layers.items():
                layer, part = name.split(".")
                ours = f"block{layer[4]}_{layer[:4]}{layer[6]}" if layer.startswith("conv") else layer
                group = file.require_group(ours).require_group(ours)
                group.create_dataset("kernel:0" if part == "weight" else "bias:0", data=array.T)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["npz", "safetensors", "pth", "legacy.pth", "caffemodel", "mat", "onnx", "h5"])
def test_mutated_weight_files_are_read_or_refused_in_one_sentence(tmp_path, kind):
    path = tmp_path / f"whole.{kind}"
    write_weights(kind, path)
    whole, refused, numbers = path.read_bytes(), 0, random.Random(kind)
    hostile = tmp_path / f"mutated.{kind}"
    for number in range(COUNT):
        hostile.write_bytes(mutated(whole, numbers))
        try:
            convert_small(hostile, convention="torchvision")
        except WeightsError as error:
            refused += 1
            assert hostile.name in str(error) and "\n" not in str(error), (number, str(error))
            assert len(str(error)) < 700, (number, str(error))
    assert refused > COUNT // 10


# ------------------------------------------------------------------------------------------- pictures


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "PPM", "TGA"])
def test_mutated_pictures_are_read_or_refused_in_one_sentence(tmp_path, kind):
    values = np.random.default_rng(0).integers(0, 255, (30, 41, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, kind)
    whole, numbers = buffer.getvalue(), random.Random(kind)
    path = tmp_path / f"mutated.{kind.lower()}"
    for number in range(COUNT):
        path.write_bytes(mutated(whole, numbers))
        try:
            picture = open_picture(path, longest=numbers.choice([None, 8, 64]))
            assert picture.mode == "RGB" and max(picture.size) <= 4096
        except PictureError as error:
            assert str(path) in str(error) and "\n" not in str(error), (number, str(error))


# ------------------------------------------------------------------------------------------- command lines


class Captured(BaseException):
    """Carries a command's parser out of its main()."""


class Enough(BaseException):
    """The command was accepted and is at work."""


def module_of(name):
    package = importlib.util.find_spec(name).submodule_search_locations
    return importlib.import_module(f"{name}.__main__" if package else name)


def parser_of(main, monkeypatch):
    def capture(parser, *arguments, **options):
        raise Captured(parser)

    with monkeypatch.context() as patch, pytest.raises(Captured) as caught:
        patch.setattr(argparse.ArgumentParser, "parse_args", capture)
        main([])
    return caught.value.args[0]


ABSURD = [
    "", " ", "0", "-1", "nan", "inf", "-inf", "1e400", "1e308", "9" * 400, "4000000000", "0.5", "x" * 300, "\x1b[31m",
    "../..", "/dev/zero", "/dev/null", "folder", "pipe", "missing/deep/file.png", "photo.png", "empty.npz", "a=b=c",
    "cuda:99", "--", "\u202e", "1,2,99", "-" * 50,
]  # fmt: skip


def usual(action, numbers):
    """What a required argument is given."""
    if action.choices:
        return [str(numbers.choice(list(action.choices)))]
    return ["photo.png"] * (2 if action.nargs == 2 else 1)


def command_line(parser, numbers):
    """Required arguments, one option with an absurd value, and sometimes a second one."""
    actions = [action for action in parser._actions if not isinstance(action, argparse._HelpAction)]
    words = []
    for action in actions:
        if action.required:
            words += [*action.option_strings[:1], *usual(action, numbers)]
    options = [action for action in actions if action.option_strings]
    for action in numbers.sample(options, min(len(options), numbers.choice([1, 1, 2]))):
        words += [action.option_strings[0]] + [numbers.choice(ABSURD) for _ in range(action.nargs != 0)]
    return words


def outcome(main, words, capsys):
    """How the command ends: "accepted", or the one sentence of its refusal. Any other exception is a traceback."""

    def stop(*_):
        raise Enough

    previous = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        main(words)
        return "accepted"
    except Enough:
        return "accepted"
    except (ValueError, OSError, RuntimeError, MemoryError, OverflowError) as error:  # what cli.run turns into a line
        return sentence(error)
    except SystemExit as left:
        assert left.code in (0, 2), left.code
        return capsys.readouterr().err.strip() or "accepted"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timers to stop a command with")
def test_absurd_command_lines_are_accepted_or_refused_in_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MINIGRAD_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (40, 30), "gray").save("photo.png")
    (tmp_path / "empty.npz").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine.txt").write_text("keep me")
    os.mkfifo("pipe")
    inputs = {name: (tmp_path / name).read_bytes() for name in ("photo.png", "empty.npz", "folder/mine.txt")}
    skipped = ("experiments.demo", "experiments.bench")  # they only start other commands
    mains = [module_of(name).main for name, _ in commands() if name not in skipped]
    parsers = [(main, parser_of(main, monkeypatch)) for main in mains]
    numbers, refused = random.Random("command lines"), 0
    for number in range(2 * COUNT):
        main, parser = parsers[number % len(parsers)]
        words = command_line(parser, numbers)
        answer = outcome(main, words, capsys)
        capsys.readouterr()
        assert "\n" not in answer and "\x1b" not in answer and len(answer) < 900, (parser.prog, words, answer)
        refused += answer != "accepted"
        for name, content in inputs.items():
            assert (tmp_path / name).read_bytes() == content, (parser.prog, words, name)
    assert refused > COUNT // 2
