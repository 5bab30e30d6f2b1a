"""Checkpoints: bit for bit, whole or not at all, and never code."""

import copy
import errno
import io
import json
import os
import pickle
import zipfile

import numpy as np
import pytest

import minigrad as mg
from minigrad import checkpoint, nn, optim
from minigrad.files import atomic_write


def test_every_kind_of_value_comes_back_bit_for_bit(tmp_path):
    odd = np.array([0.1, -0.0, np.inf, -np.inf, 5e-324, 1e308])
    state = {
        "tensors": [mg.tensor(odd, dtype=mg.float64), mg.randn(2, 3), mg.arange(4), mg.tensor([True, False])],
        "empty": mg.zeros(0, 3),
        "scalar": mg.tensor(0.1),
        "transposed": mg.randn(3, 2).t(),
        "array": np.arange(6, dtype=np.uint8).reshape(2, 3),
        "plain": [None, True, 1, 2**200, 0.1, -0.0, float("inf"), 'text with \u00e9, \x00 and "quotes"', ()],
        "nested": {"pair": (1, [2.5, {"deep": "er"}])},
        3: {"kind": "tensor", "name": "an ordinary dictionary that looks like the format's own"},
    }
    mg.save(state, tmp_path / "a.npz")
    loaded = mg.load(tmp_path / "a.npz")
    assert list(loaded) == list(state)
    for key in ("plain", "nested", 3):
        assert loaded[key] == state[key] and repr(loaded[key]) == repr(state[key])
    for ours, given in zip(loaded["tensors"], state["tensors"]):
        same_tensor(ours, given)
    for key in ("empty", "scalar", "transposed"):
        same_tensor(loaded[key], state[key])
    assert isinstance(loaded["array"], np.ndarray)
    assert loaded["array"].tobytes() == state["array"].tobytes()


def test_a_buffer_takes_and_gives_a_checkpoint():
    buffer, state = io.BytesIO(), {"w": mg.randn(2, 3), "step": 7}
    mg.save(state, buffer)
    with pytest.raises(ValueError, match="not a whole minigrad checkpoint"):
        mg.load(buffer)  # it stands at its end
    for _ in range(2):
        buffer.seek(0)
        loaded = mg.load(buffer)
        assert loaded["step"] == 7 and np.array_equal(loaded["w"].numpy(), state["w"].numpy())
    with pytest.raises(ValueError, match="not a whole minigrad checkpoint"):
        mg.load(io.BytesIO(buffer.getvalue()[:-40]))


def same_tensor(a, b):
    assert isinstance(a, mg.Tensor) and a.dtype == b.dtype and a.shape == b.shape
    a, b = (np.ascontiguousarray(x.cpu().numpy()) for x in (a, b))
    assert a.tobytes() == b.tobytes()


def test_random_numbers_go_on_where_they_stopped(tmp_path):
    mg.manual_seed(3)
    mg.randn(7)
    mg.save(mg.get_rng_state(), tmp_path / "random.npz")
    expected = mg.randn(5).tolist(), mg.randperm(9).tolist()
    mg.manual_seed(99)
    mg.set_rng_state(mg.load(tmp_path / "random.npz"))
    assert (mg.randn(5).tolist(), mg.randperm(9).tolist()) == expected


def small_training(device):
    mg.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 1)).to(device)
    return net, optim.Adam(net.parameters(), lr=0.01)


def train(net, adam, steps):
    for _ in range(steps):
        adam.zero_grad()
        x = mg.randn(16, 3).to(next(net.parameters()).device)
        ((net(x) - x.sum(1, keepdim=True)) ** 2).mean().backward()
        adam.step()


def test_an_interrupted_training_ends_where_a_whole_one_ends(tmp_path, device):
    net, adam = small_training(device)
    train(net, adam, 6)
    whole = net.state_dict()

    net, adam = small_training(device)
    train(net, adam, 3)
    mg.save({"net": net.state_dict(), "adam": adam.state_dict(), "random": mg.get_rng_state()}, tmp_path / "c.npz")
    net, adam = small_training(device)
    saved = mg.load(tmp_path / "c.npz", device)
    net.load_state_dict(saved["net"])
    adam.load_state_dict(saved["adam"])
    mg.set_rng_state(saved["random"])
    train(net, adam, 3)
    for name, value in net.state_dict().items():
        same_tensor(value, whole[name])


def test_a_tensor_on_its_way_through_a_graph_is_saved_without_it(tmp_path):
    w = mg.tensor([1.0], requires_grad=True)
    mg.save({"y": w * 2}, tmp_path / "a.npz")
    loaded = mg.load(tmp_path / "a.npz")["y"]
    assert loaded.tolist() == [2.0] and not loaded.requires_grad and loaded.is_leaf


# ------------------------------------------------------------------------------ what cannot be read


def test_what_cannot_be_saved_is_named_and_the_old_file_stays(tmp_path):
    path = tmp_path / "a.npz"
    mg.save({"old": 1}, path)
    with pytest.raises(TypeError, match=r"state\['net'\]\[1\] is a object"):
        mg.save({"net": [1, object()]}, path)
    with pytest.raises(TypeError, match=r"key \(1, 2\) of state is a tuple"):
        mg.save({(1, 2): 3}, path)
    with pytest.raises(TypeError, match="ndarray"):
        mg.save({"objects": np.array([{}], dtype=object)}, path)
    assert mg.load(path) == {"old": 1}
    assert os.listdir(tmp_path) == ["a.npz"]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        mg.load(tmp_path / "nowhere.npz")


def test_every_truncation_is_one_sentence(tmp_path):
    path = tmp_path / "a.npz"
    mg.save({"w": mg.randn(30), "step": 3}, path)
    whole = path.read_bytes()
    for length in range(0, len(whole), 23):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"a\.npz: not a whole minigrad checkpoint"):
            mg.load(path)


def test_a_flipped_bit_never_passes_unnoticed(tmp_path):
    path = tmp_path / "a.npz"
    state = {"w": mg.randn(30), "step": 3}
    mg.save(state, path)
    whole = path.read_bytes()
    noticed = 0
    for position in range(0, len(whole), 7):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0x10]) + whole[position + 1 :])
        try:
            loaded = mg.load(path)
        except ValueError:
            noticed += 1
        else:  # bytes that carry no value: dates, attributes
            assert loaded["step"] == 3
            same_tensor(loaded["w"], state["w"])
    assert noticed > 50


class Bomb:
    """Pickled, it asks whoever unpickles it to make a folder."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


def test_pickles_are_never_opened(tmp_path):
    path, crater = tmp_path / "a.npz", tmp_path / "crater"
    path.write_bytes(pickle.dumps(Bomb(crater)))
    with pytest.raises(ValueError, match="not a whole minigrad checkpoint"):
        mg.load(path)
    np.savez(path, tree=np.array([Bomb(crater)], dtype=object))
    with pytest.raises(ValueError, match="not a whole minigrad checkpoint"):
        mg.load(path)
    assert not crater.exists()


@pytest.mark.parametrize(
    "tree, words",
    [
        ({"format": "another", "version": 1, "state": 0}, "another"),
        ({"format": "minigrad-checkpoint", "version": 2, "state": 0}, "version 2; this program reads"),
        ({"format": "minigrad-checkpoint", "version": 1, "state": {"kind": "tensor", "name": "gone"}}, "not a whole"),
        ({"format": "minigrad-checkpoint", "version": 1, "state": {"kind": "dict"}}, "not a whole"),
        ({"format": "minigrad-checkpoint", "version": 1, "state": {"kind": "dict", "items": [[[], 1]]}}, "not a whole"),
        ({"format": "minigrad-checkpoint", "version": 1}, "not a whole"),
        ([], "not a whole"),
    ],
)
def test_foreign_trees_are_refused(tree, words, tmp_path):
    np.savez(tmp_path / "a.npz", tree=np.asarray(json.dumps(tree)))
    with pytest.raises(ValueError, match=words):
        mg.load(tmp_path / "a.npz")


def test_an_array_where_the_archive_should_be_and_a_bottomless_tree(tmp_path):
    with open(tmp_path / "a.npz", "wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(ValueError, match="not a whole"):
        mg.load(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", tree=np.asarray("[" * 100_000))
    with pytest.raises(ValueError, match="not a whole"):
        mg.load(tmp_path / "b.npz")


def test_the_file_is_an_ordinary_archive(tmp_path):
    mg.save({"w": mg.ones(2)}, tmp_path / "a.npz")
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        assert sorted(archive.namelist()) == ["array_0.npy", "tree.npy"]
        assert {item.compress_type for item in archive.infolist()} == {zipfile.ZIP_STORED}


# ------------------------------------------------------------------------------------ atomic_write


def test_the_file_appears_whole_with_the_usual_rights(tmp_path):
    path = tmp_path / "a.txt"
    with atomic_write(path) as file:
        file.write(b"half")
        assert not path.exists()
        file.write(b" and half")
    assert path.read_bytes() == b"half and half"
    (tmp_path / "plain").write_bytes(b"")
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, ValueError("no"), OSError(errno.ENOSPC, "No space left")])
def test_an_interrupted_write_leaves_the_old_file(interruption, tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"old")
    with pytest.raises(BaseException) as caught, atomic_write(path) as file:
        file.write(b"new")
        raise interruption
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["a.txt"]
    if isinstance(interruption, OSError):
        assert str(path) in str(caught.value)


def test_a_disk_that_fills_up_at_the_very_end_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    mg.save({"step": 1}, path)

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint.os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left on device.*a\.npz"):
        mg.save({"step": 2}, path)
    assert mg.load(path) == {"step": 1} and os.listdir(tmp_path) == ["a.npz"]


def test_folders_that_take_no_file_are_named(tmp_path):
    with pytest.raises(OSError, match=r"cannot write there.*gone"):
        mg.save({}, tmp_path / "gone" / "a.npz")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="cannot write there"):
        mg.save({}, tmp_path / "file" / "a.npz")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        mg.save({}, tmp_path / "folder")
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


def test_an_archive_that_declares_more_than_it_holds_is_refused_before_it_is_read(tmp_path, monkeypatch):
    """Many entries of the directory that point to one array: each passes alone, together they are a bomb."""
    path = tmp_path / "a.npz"
    mg.save({"x": np.zeros(1000)}, path)
    original = zipfile.ZipFile.infolist

    def repeated(archive):
        entries = original(archive)
        copies = [copy.copy(entries[-1]) for _ in range(1000)]
        for number, entry in enumerate(copies):
            entry.filename = f"array_{number + 1}.npy"
        return entries + copies

    def untouched(*arguments, **options):
        raise AssertionError("an array was read")

    monkeypatch.setattr(zipfile.ZipFile, "infolist", repeated)
    monkeypatch.setattr(np.lib.format, "read_array", untouched)
    with pytest.raises(ValueError, match="not a whole minigrad checkpoint") as caught:
        mg.load(path)
    assert "more than it holds" in str(caught.value.__cause__)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipes_devices_and_folders_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.npz")
    for path in (tmp_path / "pipe.npz", "/dev/zero", tmp_path):
        with pytest.raises(FileNotFoundError, match="not a file"):
            mg.load(path)
