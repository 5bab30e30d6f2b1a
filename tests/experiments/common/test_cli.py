"""What every command does with bad arguments and errors: one sentence and exit code 2."""

import argparse
import os
import subprocess
import sys
import warnings

import pytest

from experiments.common import cli
from experiments.common.cli import Parser, UserError, add_common, run, start
from minigrad import cuda
from minigrad.random import generator
from tests.helpers.paths import ROOT


def outcome(capsys, main):
    """The exit code and what stands on stderr after `run(main)`."""
    shown = warnings.showwarning
    try:
        with pytest.raises(SystemExit) as caught:
            run(main)
    finally:
        warnings.showwarning = shown
    return caught.value.code, capsys.readouterr().err


@pytest.mark.parametrize(
    "error, text",
    [
        (UserError("--steps: must be at least 1"), "error: --steps: must be at least 1\n"),
        (ValueError("conv2d: wrong"), "error: conv2d: wrong\n"),
        (FileNotFoundError("x.png: there is no such picture"), "error: x.png: there is no such picture\n"),
        (FileNotFoundError(2, "No such file or directory", "x"), "error: x: no such file or directory\n"),
        (OSError(28, "No space left on device"), "error: no space left on device\n"),
        (RuntimeError("the losses are not finite"), "error: the losses are not finite\n"),
        (MemoryError(), "error: out of memory\n"),
    ],
)
def test_errors_a_user_can_mend(capsys, error, text):
    def main():
        raise error

    assert outcome(capsys, main) == (2, text)


def test_errors_of_our_own_keep_their_traceback():
    def main():
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        run(main)


def test_debugging_shows_the_traceback(monkeypatch):
    monkeypatch.setenv("MINIGRAD_DEBUG", "1")

    def main():
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        run(main)


def test_interrupts_and_success(capsys):
    def interrupted():
        raise KeyboardInterrupt

    assert outcome(capsys, interrupted) == (130, "\ninterrupted\n")
    assert outcome(capsys, lambda: None) == (0, "")


def test_warnings_are_plain_notes(capsys):
    assert outcome(capsys, lambda: warnings.warn("the first frame is used", stacklevel=1)) == (
        0,
        "note: the first frame is used\n",
    )


def test_a_program_has_no_traceback_and_survives_a_closed_pipe():
    program = "from experiments.common.cli import run\ndef main():\n    {}\nrun(main)"

    def result(body, shell=""):
        command = f'"{sys.executable}" -c "{program.format(body)}" {shell}'
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=environment)

    failed = result("open('/nowhere/x', 'w')")
    assert failed.returncode == 2 and failed.stderr == "error: /nowhere/x: no such file or directory\n"
    piped = result("print('line\\n' * 100000)", "| head -1; exit ${PIPESTATUS[0]}")
    assert piped.returncode == 0 and piped.stderr == "" and piped.stdout == "line\n"


# ------------------------------------------------------------------------------------- arguments


@pytest.mark.parametrize(
    "kind, good, bad",
    [
        (cli.positive_int, {"1": 1, "20": 20}, ["0", "-3", "1.5", "x", "", "nan", "inf"]),
        (cli.natural_number, {"0": 0, "7": 7}, ["-1", "0.5", "x"]),
        (cli.positive_float, {"0.5": 0.5, "1e-30": 1e-30}, ["0", "-1", "nan", "inf", "x"]),
        (cli.non_negative_float, {"0": 0.0, "2": 2.0}, ["-0.1", "nan", "x"]),
    ],
)
def test_numbers(kind, good, bad):
    for text, value in good.items():
        assert kind(text) == value
    for text in bad:
        with pytest.raises(argparse.ArgumentTypeError, match=r"must be .*, got "):
            kind(text)


def test_paths(tmp_path):
    (tmp_path / "x").write_text("")
    assert cli.existing_file(str(tmp_path / "x")) == tmp_path / "x"
    assert cli.existing_folder(str(tmp_path)) == tmp_path
    for kind, name, words in [
        (cli.existing_file, "y", "no such file"),
        (cli.existing_file, ".", "this is a folder"),
        (cli.existing_folder, "x", "no such folder"),
    ]:
        with pytest.raises(argparse.ArgumentTypeError, match=words):
            kind(str(tmp_path / name))


def test_output_places_are_tried_before_the_work(tmp_path):
    assert cli.writable_folder(tmp_path / "a" / "b").is_dir()
    assert cli.writable_file(tmp_path / "c" / "x.png") == tmp_path / "c" / "x.png"
    assert not list((tmp_path / "c").iterdir())
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write there"):
        cli.writable_folder(tmp_path / "file" / "below")
    with pytest.raises(UserError, match="this is a folder"):
        cli.writable_file(tmp_path)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="permission denied"):
        cli.writable_folder(tmp_path)


def parser():
    made = Parser("does something")
    made.add_argument("--steps", type=cli.positive_int, default=200, help="how long")
    made.add_argument("--gif", action="store_true", help="an animation too")
    made.add_argument("source", help="what to read")
    add_common(made)
    return made


def test_the_help_tells_defaults_where_there_are_any(capsys, monkeypatch):
    monkeypatch.delenv("MINIGRAD_DEVICE", raising=False)
    with pytest.raises(SystemExit):
        parser().parse_args(["--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "how long (default: 200)" in text and "else the CPU (default: auto)" in text
    assert "an animation too -" not in text and "None" not in text and "False" not in text


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["x", "--steps", "0"], "argument --steps: must be a whole number of at least 1, got '0'"),
        (["x", "--ste", "3"], "unrecognized arguments: --ste 3"),
        ([], "source"),
    ],
)
def test_wrong_arguments_are_one_line_and_exit_code_2(capsys, arguments, words):
    with pytest.raises(SystemExit) as caught:
        parser().parse_args(arguments)
    text = capsys.readouterr().err
    assert caught.value.code == 2 and text.startswith("error: ") and words in text and text.count("\n") == 1


def test_devices_and_seeds(monkeypatch):
    def started(*arguments):
        return start(parser().parse_args(["x", *arguments]))

    assert str(started("--device", "cpu", "--seed", "5")) == "cpu"
    first = generator().random()
    started("--device", "cpu", "--seed", "5")
    assert generator().random() == first
    with pytest.raises(ValueError, match="'tpu' is not a device"):
        started("--device", "tpu")
    monkeypatch.setattr(cuda, "status", lambda: (False, "no CUDA device was found"))
    with pytest.raises(UserError, match="--device cuda: the GPU cannot be used: no CUDA device was found"):
        started("--device", "cuda")
    assert str(started("--device", "auto")) == "cpu"
