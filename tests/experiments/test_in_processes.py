"""Trainings and commands on folders in two real MPI processes: equal results, resumed, and bad pictures left out.

One mpiexec runs them all. `common/test_ranks.py` and `common/test_picture_files.py` test what they share.
"""

import json

import numpy as np
import pytest
from PIL import Image

import minigrad as mg
from experiments import fast_style, translate
from experiments.super_resolution import __main__ as super_resolution
from tests.helpers import mpi
from tests.helpers.same_crops import same_crops
from tests.helpers.small_commands import Inputs

COMMON = "--pictures-every 9 --checkpoint-every 9 --device cpu"
GAMES = {
    "domain transfer": ("train_translation",
        "--game domain_transfer --data-dir {inputs.digits} --count 24 --batch-size 4 --width 2"),
    "fast style": ("fast_style",
        "train {inputs.pictures}/style.png --content {inputs.photos} --weights {inputs.weights} --size 16 "
        "--style-size 32 --batch-size 2"),
    "super-resolution": ("super_resolution.__main__",
        "train --photos {inputs.photos} --blocks 1 --channels 4 --crop 32 --batch-size 2"),
}  # fmt: skip
FOLDERS = {
    "translate": (translate, "save_picture", "edges {photos} -o {out} --device cpu"),
    "fast_style": (fast_style, "stylize_file", "apply starry {photos} -o {out} --size 48 --device cpu"),
    "super_resolution": (super_resolution, "save_picture", "enlarge srresnet {photos} -o {out} --device cpu"),
}
STEPS, HALF = 4, 2


def training(name, inputs, out, steps, *more):
    module, line = GAMES[name]
    words = f"{line} {COMMON} --steps {steps} --out {{out}}".split()
    return [f"experiments.{module}", [*[word.format(inputs=inputs, out=out) for word in words], *more]]


def on_folder(name, photos, out):
    module, _, line = FOLDERS[name]
    return [module.__name__, [word.format(photos=photos, out=out) for word in line.split()]]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """The inputs of all commands; among the photographs of `holiday` one is damaged."""
    inputs = Inputs(tmp_path_factory.mktemp("inputs"), None)
    inputs.holiday = inputs.folder / "holiday"
    inputs.holiday.mkdir()
    for number in range(5):
        content = (inputs.photos / f"{number}.png").read_bytes()
        (inputs.holiday / f"{number}.png").write_bytes(content[:300] if number == 3 else content)
    return inputs


@pytest.fixture(scope="module")
def together(inputs, tmp_path_factory):
    """(the folder with all results of two processes, what they printed)."""
    mpi.require_mpi()
    folder, commands = tmp_path_factory.mktemp("together"), []
    for name in GAMES:
        commands.append([*training(name, inputs, folder / name / "once", STEPS), False])
        commands.append([*training(name, inputs, folder / name / "again", HALF), False])
        commands.append([*training(name, inputs, folder / name / "again", STEPS, "--resume"), False])
        commands.append([*training(name, inputs, folder / name / "same", STEPS), True])
    for name in FOLDERS:
        begin_and_fail(name, inputs.holiday, folder / name)
        commands.append([*on_folder(name, inputs.holiday, folder / name), False])
    (folder / "commands.json").write_text(json.dumps(commands))
    process = mpi.start(2, "tests.helpers.ranks.several", folder / "commands.json")
    out, err = process.communicate(timeout=mpi.TIMEOUT)
    assert process.returncode == 0, out + err
    return folder, out + err


def begin_and_fail(name, photos, out):
    """The command in this process, on a disk that is full at the third picture."""
    module, write, _ = FOLDERS[name]
    whole, done = getattr(module, write), []

    def failing(*given):
        done.append(whole(*given) if len(done) < 2 else full())

    def full():
        raise OSError(28, "No space left on device")

    with pytest.MonkeyPatch.context() as patch, pytest.raises(OSError, match="space"):
        patch.setattr(module, write, failing)
        module.main(on_folder(name, photos, out)[1])


def plain(value):
    """A checkpoint's content with arrays as bytes, to be compared."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    array = value.numpy() if isinstance(value, mg.Tensor) else value
    return array.tobytes() if isinstance(array, np.ndarray) else value


@pytest.mark.parametrize("name", GAMES)
def test_a_training_in_two_processes_is_resumed_bit_for_bit(together, name):
    once, again = (mg.load(together[0] / name / way / "checkpoint.npz") for way in ("once", "again"))
    assert once["step"] == STEPS and len(once["others"]) == 1
    assert plain(once) == plain(again)


@pytest.mark.parametrize("name", ["fast style", "super-resolution"])
def test_a_training_in_two_processes_is_that_of_one_with_the_whole_batch(together, inputs, tmp_path, name):
    """With the same crops: the same losses, up to the rounding of float32."""
    module = {"fast style": fast_style, "super-resolution": super_resolution}[name]
    with same_crops():
        module.main(training(name, inputs, tmp_path / "alone", STEPS)[1])
    alone, two = (mg.load(folder / "checkpoint.npz") for folder in (tmp_path / "alone", together[0] / name / "same"))
    # Adam makes whole steps of the rounding noise in biases before a normalization; terms of 1e-5 of the loss feel that
    np.testing.assert_allclose(two["rows"][:2], alone["rows"][:2], rtol=1e-4)
    np.testing.assert_allclose(two["rows"], alone["rows"], rtol=2e-3, atol=1e-6)


def pixels_of(folder):
    """The pictures of a folder by name, as integers."""
    return {path.name: np.asarray(Image.open(path), np.int32) for path in folder.glob("*.png")}


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_is_shared_out_and_gone_on_with(together, inputs, tmp_path, name):
    folder, printed = together
    module = FOLDERS[name][0]
    module.main(on_folder(name, inputs.holiday, tmp_path / "alone")[1])
    expected, found = (pixels_of(each) for each in (tmp_path / "alone", folder / name))
    assert set(expected) == {f"{number}.png" for number in (0, 1, 2, 4)}
    assert found.keys() == expected.keys()
    for file, pixels in found.items():  # to the last of 256 levels: the tests' process has other threads
        assert np.abs(pixels - expected[file]).max() <= 1, file
    assert not (folder / name / "unfinished.jsonl").exists()
    assert printed.count("going on: 2 of 5 pictures are there already") == len(FOLDERS)
    assert printed.count("left out: ") == len(FOLDERS) and printed.count(f"{inputs.holiday / '3.png'}") == len(FOLDERS)
