"""Model files: made from runs, taken by name, and remade bit for bit."""

import hashlib
import json
import re
import shlex

import numpy as np
import pytest
from PIL import Image

import minigrad as mg
from experiments import fast_style, gan_latent, gan_sample, ship, train_gan, translate
from experiments.common.trained import LARGEST, MODELS, Shipped, trained_file
from experiments.gan.checkpoints import Trained
from experiments.super_resolution.__main__ import main as enlarge
from tests.helpers.paths import ROOT

TINY = "python -m experiments.train_gan --net mlp --hidden 8 --noise-dim 4 --batch-size 16 --steps 3 --seed 7"
WORDS = ["--about", "tiny digits", "--source", "typeset digits"]


def play(command, out):
    """Run a model's command, into a folder."""
    words = shlex.split(command)
    assert words[:4] == ["python", "-m", "experiments.train_gan", "--net"]
    train_gan.main([*words[3:], "--out", str(out), "--device", "cpu"])


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A folder of models with one in it."""
    folder = tmp_path_factory.mktemp("models")
    play(TINY, folder / "run")
    pack(folder / "run", "tiny", folder / "models")
    return folder


def pack(run, name, models, *more):
    ship.main(["pack", str(run), name, *WORDS, "--command", TINY, "--models", str(models), *more])


def test_a_model_is_remade_bit_for_bit_by_its_own_command(tiny, tmp_path):
    model = Shipped(tiny / "models").models["tiny"]
    assert (model.seed, model.steps, model.game) == (7, 3, "gan")
    play(model.command, tmp_path / "again")
    pack(tmp_path / "again", "tiny", tmp_path)
    assert (tmp_path / "tiny.npz").read_bytes() == (tiny / "models" / "tiny.npz").read_bytes()
    assert hashlib.sha256((tmp_path / "tiny.npz").read_bytes()).hexdigest() == model.sha256


def test_a_model_draws_what_its_run_draws_to_half_precision(tiny):
    noise = mg.rand(5, 4) * 2 - 1
    whole, half = (Trained(path).pictures(noise).numpy() for path in (tiny / "run", tiny / "models" / "tiny.npz"))
    assert np.abs(whole - half).max() < 2e-3 and np.abs(whole - half).max() > 0
    assert (tiny / "models" / "tiny.npz").stat().st_size < 0.3 * (tiny / "run" / "checkpoint.npz").stat().st_size


def test_nothing_of_the_machine_that_made_it_is_in_a_model(tiny):
    content = (tiny / "models" / "tiny.npz").read_bytes()
    assert (
        str(tiny).encode() not in content and b"/" not in content.partition(b"PK\x01\x02")[0].split(b"state")[-1][:200]
    )


def test_by_name(tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(Shipped.__init__, "__defaults__", (tiny / "models", *Shipped.__init__.__defaults__[1:]))
    gan_sample.main(["tiny", "-n", "3", "-o", str(tmp_path / "a.npy"), "--device", "cpu"])
    assert np.load(tmp_path / "a.npy").shape == (3, 28, 28)
    gan_latent.main(["tiny", "--samples", "9", "--out", str(tmp_path / "latent"), "--device", "cpu"])
    with pytest.raises(SystemExit):
        gan_sample.main(["--help"])
    assert "shipped models by name: tiny" in " ".join(capsys.readouterr().out.split())
    for given, complaint in (
        ("absent", "no such file or folder"),
        (str(tmp_path), "checkpoint.npz: there is no such checkpoint"),
    ):
        with pytest.raises(SystemExit):
            gan_sample.main([given, "-o", str(tmp_path / "b.npy")])
        assert complaint in capsys.readouterr().err
    other = trained_file(["fast_style"])
    with pytest.raises(Exception, match=r"the model tiny is one of gan; no model is shipped for this command"):
        other("tiny")


def test_a_changed_model_is_refused(tiny, tmp_path):
    content = bytearray((tiny / "models" / "tiny.npz").read_bytes())
    content[-200] ^= 1
    (tmp_path / "tiny.npz").write_bytes(content)
    (tmp_path / "index.json").write_bytes((tiny / "models" / "index.json").read_bytes())
    with pytest.raises(ValueError, match=r"tiny.npz: its checksum is not the one in index.json"):
        Shipped(tmp_path).file("tiny")


def test_what_cannot_be_packed(tiny, tmp_path):
    (tmp_path / "mine.npz").write_bytes(b"mine")
    with pytest.raises(ValueError, match=r"mine.npz is in the way"):
        pack(tiny / "run", "mine", tmp_path)
    with pytest.raises(ValueError, match="is no name for a model"):
        pack(tiny / "run", "../x", tmp_path)
    state = mg.load(tiny / "run" / "checkpoint.npz")
    name = next(iter(state["parts"]["G"]))
    state["parts"]["G"][name] = state["parts"]["G"][name] * 1e9
    (tmp_path / "large").mkdir()
    mg.save(state, tmp_path / "large" / "checkpoint.npz")
    with pytest.raises(ValueError, match=rf"parts.G.{re.escape(name)}: numbers are too large for half precision"):
        pack(tmp_path / "large", "large", tmp_path)
    assert not (tmp_path / "large.npz").exists()
    assert (tmp_path / "mine.npz").read_bytes() == b"mine"


@pytest.mark.parametrize("change", [{"version": 9}, {"parts": []}, {"settings": None}, {"game": 3}, {"step": "1"}])
def test_a_damaged_model_costs_a_sentence(tiny, tmp_path, change):
    mg.save({**mg.load(tiny / "models" / "tiny.npz"), **change}, tmp_path / "x.npz")
    with pytest.raises(ValueError, match=r"x.npz: "):
        Trained(tmp_path / "x.npz")


# ------------------------------------------------------------------------------- what is shipped


def test_the_shipped_models_are_those_of_the_index_and_small():
    shipped = Shipped()
    assert {path.stem for path in MODELS.glob("*.npz")} == set(shipped.models)
    assert sum(path.stat().st_size for path in MODELS.glob("*.npz")) <= LARGEST
    for name, model in shipped.models.items():
        assert shipped.file(name).stat().st_size == model.bytes
        assert "/work" not in json.dumps(vars(model)) and model.command.startswith("python -m experiments.")


def test_the_readme_names_every_shipped_model():
    text = (ROOT / "README.md").read_text()
    assert all(f"`{name}`" in text for name in Shipped().models)


def test_every_shipped_model_of_pictures_works(tmp_path):
    shipped = Shipped()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)).save(tmp_path / "in.png")
    commands = {
        "fast_style": lambda name, out: fast_style.main(["apply", name, str(tmp_path / "in.png"), "-o", out]),
        "super_resolution": lambda name, out: enlarge(["enlarge", name, str(tmp_path / "in.png"), "-o", out]),
        "pix2pix": lambda name, out: translate.main([name, str(tmp_path / "in.png"), "-o", out]),
    }
    for name, model in shipped.models.items():
        if model.game in commands:
            commands[model.game](name, str(tmp_path / f"{name}.png"))
            with Image.open(tmp_path / f"{name}.png") as image:
                assert np.asarray(image).std() > 5
