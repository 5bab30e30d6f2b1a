"""No command writes over one of its inputs, by whatever name, and options without an effect are errors."""

import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from experiments import gan_2d, gan_latent, gan_sample, paint, style_transfer, train_gan
from experiments.__main__ import commands
from minigrad.files import printable
from tests.helpers.old_checkpoints import write_first_version


@pytest.fixture
def files(tmp_path):
    """A folder with two pictures and a checkpoint."""
    for name, seed in (("photo.png", 0), ("painting.png", 1)):
        pixels = np.random.default_rng(seed).integers(0, 256, (40, 40, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / name)
    write_first_version(tmp_path / "old.npz")
    return tmp_path


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("case", ["content", "style", "link", "hard link", "twin", "panel", "step", "init", "mask"])
def test_style_transfer_keeps_its_inputs(files, case):
    photo, painting, out, more = files / "photo.png", files / "painting.png", files / "out.png", []
    if case in ("content", "style"):
        out = photo if case == "content" else painting
    elif case == "link":
        out.symlink_to(photo)
    elif case == "hard link":
        out.hardlink_to(photo)
    elif case == "twin":
        out = files / "PHOTO.png"
    else:
        name = {"panel": "out_panel.png", "step": "out_00002.png", "init": "out_losses.png", "mask": "out.png"}[case]
        extra = files / name
        shutil.copy(painting, extra)
        options = {"init": ["--init", str(extra)], "mask": ["--masks", str(extra)], "step": ["--save-every", "2"]}
        more = options.get(case, [])
        painting = extra if case in ("panel", "step") else painting
    before = contents(files)
    with pytest.raises(ValueError, match="would overwrite the input"):
        style_transfer.main([str(photo), str(painting), "-o", str(out), "--steps", "4", "--size", "32", *more])
    assert contents(files) == before


def test_gan_commands_keep_their_checkpoint(files):
    before = contents(files)
    shutil.copy(files / "old.npz", files / "old.npy")
    with pytest.raises(ValueError, match="would overwrite the input"):
        gan_sample.main([str(files / "old.npy"), "-o", str(files / "old.npy"), "--device", "cpu"])
    (files / "latent").mkdir()
    shutil.copy(files / "old.npz", files / "latent" / "walk.gif")
    with pytest.raises(ValueError, match=r"walk.gif is in the way"):
        gan_latent.main([str(files / "latent" / "walk.gif"), "--out", str(files / "latent"), "--device", "cpu"])
    assert before.items() <= contents(files).items()


def test_folders_of_results_take_nothing_that_is_not_theirs(tmp_path):
    (tmp_path / "final.png").write_text("mine")
    arguments = ["--steps", "3", "--frames", "2", "--hidden", "4", "--device", "cpu", "--out"]
    with pytest.raises(ValueError, match=r"final.png is in the way"):
        gan_2d.main([*arguments, str(tmp_path)])
    assert (tmp_path / "final.png").read_text() == "mine"
    gan_2d.main([*arguments, str(tmp_path / "new")])
    gan_2d.main([*arguments, str(tmp_path / "new")])


@pytest.mark.parametrize("steps", [1, 11, 19])
def test_the_plane_takes_any_number_of_steps(tmp_path, steps):
    arguments = ["--steps", str(steps), "--frames", "2", "--hidden", "4", "--device", "cpu", "--out", str(tmp_path)]
    assert gan_2d.main(arguments)["steps"] == steps


STYLE = ["{}/photo.png", "{}/painting.png", "-o", "{}/out.png", "--size", "32", "--steps", "2"]
EFFECTS = [
    (style_transfer, [*STYLE, "--lr", "0.1"], "--lr has no effect on lbfgs.*--optimizer adam or sgd"),
    (style_transfer, [*STYLE, "--blend", "2"], "--blend has an effect with several style pictures only"),
    (style_transfer, [*STYLE, "--style-layers", "conv1_1", "conv1_1=2"], "'conv1_1' is named twice"),
    (style_transfer, [*STYLE, "--style-layers", "conv1_1=-1"], "'conv1_1=-1' is not LAYER.*at least 0, got '-1'"),
    (style_transfer, [*STYLE, "--style-layers", "conv1_1="], "'conv1_1=' is not LAYER.*at least 0, got ''"),
    (style_transfer, [*STYLE, "--style-weight", "0", "--content-weight", "0"], "are all 0"),
    (train_gan, ["--data-dir", "{}"], "--data-dir has no effect with --dataset typeset"),
    (train_gan, ["--noise-steps", "5"], "--noise-steps has no effect without --instance-noise"),
    (train_gan, ["--net", "mlp", "--loss", "wgan", "--beta1", "0.5"], "--beta1 has no effect with --loss wgan"),
    (train_gan, ["--lr", "1", "--g-lr", "1", "--d-lr", "1"], "--lr has no effect when both"),
    (train_gan, ["--net", "mlp", "--noise-dim", "2147483647"], "noise_dim must lie in 1 to 65536"),
    (gan_2d, ["--penalty", "1", "--out", "{}/out"], "--penalty: the loss ns has no gradient penalty"),
    (gan_latent, ["{}/photo.png", "--out", "{}/out", "--a", "1,2,99"], "numbered 0 to 63"),
]


@pytest.mark.parametrize(("command", "arguments", "complaint"), EFFECTS)
def test_options_that_could_have_no_effect_are_errors(files, monkeypatch, command, arguments, complaint):
    monkeypatch.setenv("MINIGRAD_CACHE", str(files / "cache"))
    before = contents(files)
    with pytest.raises(ValueError, match=complaint):
        command.main([argument.format(files) for argument in arguments])
    assert contents(files) == before


@pytest.mark.parametrize("number", ["9" * 400, "4000000000", "nan", "1e400", "-1", ""])
def test_numbers_out_of_range_are_one_line(capsys, number):
    with pytest.raises(SystemExit) as left:
        paint.main(["--size", number])
    assert left.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("error: argument --size: must be ") and error.count("\n") == 1
    assert len(error) < 250


def test_huge_blends_are_still_a_blend(files, monkeypatch):
    monkeypatch.setenv("MINIGRAD_CACHE", str(files / "cache"))
    options = [str(files / "photo.png"), str(files / "painting.png"), str(files / "photo.png"), "--size", "32"]
    job = style_transfer.Run(style_transfer.parser().parse_args([*options, "--blend", "1e308", "1e308"]))
    assert job.blends == [0.5, 0.5]


def test_control_characters_do_not_reach_the_terminal():
    assert printable("a\x1b[31m\n\x9b\u202e\udc80\u00e9") == "a\\x1b[31m\\n\\x9b\\u202e\\udc80\u00e9"


def test_every_command_is_listed_with_a_line():
    listed = dict(commands())
    assert {"experiments.train_gan", "experiments.bench", "experiments.style_transfer"} <= set(listed)
    assert all(text and "\n" not in text for text in listed.values())


def test_every_command_explains_itself_without_docstrings():
    """python -OO (PYTHONOPTIMIZE=2) drops them."""
    program = (
        "import contextlib, importlib, importlib.util, sys\n"
        "for name in sys.argv[1:]:\n"
        "    package = importlib.util.find_spec(name).submodule_search_locations\n"
        "    name += '.__main__' if package else ''\n"
        "    with contextlib.suppress(SystemExit):\n"
        "        importlib.import_module(name).main(['--help'])\n"
    )
    modules = [name for name, _ in commands()]
    done = subprocess.run([sys.executable, "-OO", "-c", program, *modules], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("usage:") == len(modules)
