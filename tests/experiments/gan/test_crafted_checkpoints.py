"""Crafted checkpoints: whatever is missing or wrong in one costs one sentence that names the file, never a traceback.

MINIGRAD_CRAFTED sets how many are made (480 by default).
"""

import json
import os
import random
import zipfile

import numpy as np
import pytest

import minigrad as mg
from experiments import gan_sample
from experiments.common.cli import UserError
from experiments.common.output_folder import OutputFolder
from experiments.common.run_checkpoints import read
from experiments.common.training_run import TrainingRun
from experiments.gan.checkpoints import UPGRADES, Trained
from experiments.gan.game import Gan
from experiments.gan.settings import GanSettings
from tests.helpers.old_checkpoints import first_version_state, write_first_version
from tests.helpers.structural_mutations import mutated

COUNT = int(os.environ.get("MINIGRAD_CRAFTED", "480"))
BATCHES = 8  # test cases that the mutations are spread over


class Digits:
    """Twelve random pictures with labels."""

    def __init__(self):
        self.images = np.random.default_rng(0).random((12, 1, 28, 28)).astype(np.float32)

    def __len__(self):
        return 12

    def __getitem__(self, index):
        return self.images[index], np.int64(index % 10)


def make_run(folder):
    settings = GanSettings(
        net="mlp", loss="ns", dataset="typeset", noise="uniform", noise_dim=3, batch_size=4, d_steps=1, g_lr=1e-3,
        d_lr=1e-3, betas=(0.5, 0.999), classes=10, hidden=(4,), ema=0.9,
    )  # fmt: skip
    return TrainingRun(Gan(settings, Digits(), mg.devices.CPU), folder, 100, 100, 100)


@pytest.fixture(scope="module")
def present_state(tmp_path_factory):
    """The state in a checkpoint of the present version after three steps."""
    with OutputFolder(tmp_path_factory.mktemp("run")) as folder:
        run = make_run(folder)
        run.begin()
        run.steps = 3
        run.train()
        return mg.load(folder.path / "checkpoint.npz")


@pytest.fixture(scope="module")
def old_state():
    state = first_version_state()
    state["data"] |= {"items": 12, "position": 2}
    return state


def consume(path, folder):
    """All that reads a checkpoint: going on with the run for two steps, and drawing. Returns the sentences."""
    sentences = []
    try:
        run = make_run(folder)
        run.resume(read(path, mg.devices.CPU, UPGRADES))
        batches = run.game.batches()
        for number in range(2):
            run.game.step(batches, run.step + number)
    except UserError as error:
        sentences.append(str(error))
    try:
        Trained(path).images(3)
    except UserError as error:
        sentences.append(str(error))
    return sentences


def check(sentences, path, what):
    for sentence in sentences:
        assert str(path) in sentence, (what, sentence)
        assert "\n" not in sentence and "\x1b" not in sentence and len(sentence) < 600, (what, sentence)


@pytest.mark.parametrize("version", ["present", "old"])
def test_sound_checkpoints_are_gone_on_with(tmp_path, present_state, old_state, version):
    """Those of the first version too, whose optimizers had fewer options. The test below can so find something."""
    mg.save(present_state if version == "present" else old_state, tmp_path / "sound.npz")
    with OutputFolder(tmp_path / "run") as folder:
        assert consume(tmp_path / "sound.npz", folder) == []


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # nonsense numbers may overflow; that is their business
@pytest.mark.parametrize("version", ["present", "old"])
@pytest.mark.parametrize("batch", range(BATCHES // 2))
def test_structural_mutations_are_refused_in_one_sentence(tmp_path, present_state, old_state, version, batch):
    numbers, refused = random.Random(f"{version} {batch}"), 0
    path = tmp_path / "crafted.npz"
    with OutputFolder(tmp_path / "run") as folder:
        for _ in range(COUNT // BATCHES):
            state, what = mutated(present_state if version == "present" else old_state, numbers)
            mg.save(state, path)
            sentences = consume(path, folder)
            check(sentences, path, what)
            refused += bool(sentences)
    assert refused > 0.7 * (COUNT // BATCHES)


def crafted_tree(source, path, change):
    """Copy a checkpoint with another JSON text in its member `tree`."""
    with np.load(source, allow_pickle=False) as archive:
        members = {name: archive[name] for name in archive.files}
    members["tree"] = np.asarray(change(str(members["tree"])))
    np.savez(path, **members)


TREES = {
    "not JSON": lambda text: text[:-2],
    "empty": lambda text: "",
    "a number": lambda text: "5",
    "no state": lambda text: json.dumps({"format": "minigrad-checkpoint", "version": 1}),
    "bottomless": lambda text: '{"format": "minigrad-checkpoint", "version": 1, "state": ' + "[" * 20000,
    "unknown part": lambda text: text.replace("array_1", "array_999999"),
    "unhashable key": lambda text: text.replace('["step", 20]', '[["step"], 20]'),
    "pairs of three": lambda text: text.replace('["step", 20]', '["step", 20, 1]'),
    "items that are no list": lambda text: text.replace('"items": [[', '"items": 7, "more": [['),
    "unknown kind": lambda text: text.replace('"kind": "tensor"', '"kind": "pickle"'),
    "huge number": lambda text: text.replace('["step", 20]', f'["step", {"9" * 5000}]'),
}


@pytest.mark.parametrize("name", TREES)
def test_crafted_trees_are_refused_in_one_sentence(tmp_path, name):
    write_first_version(tmp_path / "good.npz")
    crafted_tree(tmp_path / "good.npz", tmp_path / "bad.npz", TREES[name])
    with pytest.raises(UserError, match=r"bad.npz") as caught:
        Trained(tmp_path / "bad.npz")
    check([str(caught.value)], tmp_path / "bad.npz", name)


def test_texts_and_objects_are_no_tensors(tmp_path):
    write_first_version(tmp_path / "good.npz")
    with np.load(tmp_path / "good.npz", allow_pickle=False) as archive:
        members = {name: archive[name] for name in archive.files}
    for array in (np.array(["text"]), np.array([1 + 2j]), np.zeros(2, "datetime64[s]")):
        np.savez(tmp_path / "bad.npz", **{**members, "array_0": array})
        with pytest.raises(UserError, match=r"bad.npz"):
            Trained(tmp_path / "bad.npz")


def test_compressed_members_are_refused_before_they_are_unpacked(tmp_path):
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("tree.npy", b"\0" * (1 << 26))
    with pytest.raises(UserError, match=r"bomb.npz"):
        Trained(path)


def test_a_checkpoint_of_the_first_version_draws(tmp_path):
    write_first_version(tmp_path / "old.npz")
    target = tmp_path / "drawn.npy"
    gan_sample.main([str(tmp_path / "old.npz"), "-n", "20", "-o", str(target), "--labels", "--device", "cpu"])
    assert np.load(target).shape == (20, 28, 28)
    assert Trained(tmp_path / "old.npz").step == 20
