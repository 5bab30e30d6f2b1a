"""`.safetensors`: state dicts out and in, bit for bit; a damaged or hostile file costs one sentence and no memory."""

import json
import os
import random
import tracemalloc

import numpy as np
import pytest

import minigrad as mg
from minigrad.safetensors import MAX_HEADER_BYTES, SafetensorsError, list_safetensors, write_safetensors

PATH = "x.safetensors"


@pytest.fixture
def path(tmp_path):
    return tmp_path / PATH


def written(path, header, numbers=b""):
    """A file with this header, a dictionary or a text."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + numbers)
    return path


def entry(shape, start, stop, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, stop]}


STATE = {
    "a.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "flag": np.array([True, False, True]),
    "count": np.array(7, np.int64),
    "empty": np.zeros((0, 4), np.float32),
    "double": np.array([5e-324, -0.0, np.inf]),
    "byte": np.arange(5, dtype=np.uint8),
    "turned": np.arange(24, dtype=np.float32).reshape(2, 3, 4).transpose(2, 0, 1),
}


def test_a_state_dict_comes_back_bit_for_bit(path):
    state = {name: mg.tensor(array, dtype=array.dtype) for name, array in STATE.items()}
    mg.save(state, path)
    loaded = mg.load(path)
    assert list(loaded) == list(STATE)
    for name, array in STATE.items():
        assert loaded[name].dtype == array.dtype and loaded[name].shape == array.shape
        np.testing.assert_array_equal(loaded[name].numpy(), array)
        loaded[name].fill_(1)  # its own memory, and writable


def test_a_network_is_saved_and_loaded(path):
    net, other = mg.nn.Sequential(mg.nn.Linear(3, 4), mg.nn.BatchNorm1d(4)), None
    mg.save(net.state_dict(), path)
    other = mg.nn.Sequential(mg.nn.Linear(3, 4), mg.nn.BatchNorm1d(4))
    other.load_state_dict(mg.load(path))
    x = mg.randn(5, 3)
    np.testing.assert_array_equal(net(x).detach().numpy(), other(x).detach().numpy())


def test_hugging_faces_package_reads_ours_and_we_read_its(path, tmp_path):
    package = pytest.importorskip("safetensors.numpy")
    mg.save(STATE, path)
    theirs = package.load_file(path)
    more = {**STATE, "half": np.arange(4, dtype=np.float16), "short": np.arange(3, dtype=np.int16)}
    package.save_file({name: np.ascontiguousarray(array) for name, array in more.items()}, tmp_path / "y.safetensors")
    ours = mg.load(tmp_path / "y.safetensors")
    for name, array in STATE.items():
        np.testing.assert_array_equal(theirs[name], array)
        np.testing.assert_array_equal(ours[name].numpy(), array)
    assert ours["half"].dtype == np.float32 and ours["half"].tolist() == [0, 1, 2, 3]
    assert ours["short"].dtype == np.int64 and ours["short"].tolist() == [0, 1, 2]


def test_the_metadata_name_pytorch(path):
    """Hugging Face's transformers refuses files without it."""
    mg.save(STATE, path)
    assert list_safetensors(path)[1] == {"format": "pt"}


def test_numbers_are_aligned(path):
    with open(path, "wb") as file:
        write_safetensors(file, STATE, {})
    whole = path.read_bytes()
    length = int.from_bytes(whole[:8], "little")
    assert length % 8 == 0
    for name, described in json.loads(whole[8 : 8 + length]).items():
        if name != "__metadata__":
            assert described["data_offsets"][0] % STATE[name].dtype.itemsize == 0


def test_bfloat16_is_widened(path):
    values = np.array([1.5, -2.0, 3.140625], np.float32)
    halves = (values.view(np.uint32) >> 16).astype("<u2").tobytes()
    written(path, {"x": entry([3], 0, 6, "BF16")}, halves)
    np.testing.assert_array_equal(mg.load(path)["x"].numpy(), values)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"a": 1}, "holds tensors by name, but 'a' is a int"),
        ({1: mg.zeros(2)}, "holds tensors by name, but 1 is a Tensor"),
        ({"net": {"a": mg.zeros(2)}}, "save an .npz file instead"),
        ([mg.zeros(2)], "holds a state dict, got a list"),
        ({"a": np.array(["text"])}, "the format does not have"),
        ({"__metadata__": mg.zeros(2)}, "no array can be called"),
    ],
)
def test_what_is_no_state_dict_is_refused_and_the_old_file_stays(path, state, words):
    path.write_bytes(b"old")
    with pytest.raises((TypeError, ValueError), match=words):
        mg.save(state, path)
    assert path.read_bytes() == b"old" and os.listdir(path.parent) == [PATH]


@pytest.mark.parametrize(
    ("header", "numbers", "words"),
    [
        (b"{", b"", "not a JSON text"),
        (b"[" * 100_000, b"", "not a JSON text"),
        (b"[]", b"", "not a JSON object"),
        (b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, "a": 1}', b"1234", "names something twice"),
        ({"__metadata__": {"a": 1}}, b"", "not a table of texts"),
        ({"a": 1}, b"", "does not describe the array 'a'"),
        ({"a": {"dtype": "F32", "shape": [1]}}, b"1234", "does not describe the array 'a'"),
        ({"a": entry([1], 0, 4, "F8_E4M3")}, b"1234", "'F8_E4M3', which NumPy does not have"),
        ({"a": entry([2], 0, 4)}, b"1234", "another length than its shape"),
        ({"a": entry([-1], 0, 4)}, b"1234", "sizes that make no sense"),
        ({"a": entry([True], 0, 4)}, b"1234", "sizes that make no sense"),
        ({"a": entry([2**30, 2**30, 2**30], 0, 4)}, b"1234", "another length than its shape"),
        ({"a": entry([1] * 40, 0, 4)}, b"1234", "sizes that make no sense"),
        ({"a": entry([1], 0, 4), "b": entry([1], 0, 4)}, b"1234", "overlaps another"),
        ({"a": entry([1], 0, 4), "b": entry([1], 8, 12)}, bytes(12), "leaves a gap"),
        ({"a": entry([1], 0, 4)}, b"12345", "damaged or cut short"),
        ({"a": entry([10**12], 0, 4 * 10**12)}, b"1234", "damaged or cut short"),
    ],
)  # fmt: skip
def test_damaged_and_hostile_headers(path, header, numbers, words):
    written(path, header, numbers)
    with pytest.raises(SafetensorsError, match=words):
        list_safetensors(path)
    with pytest.raises(ValueError, match=PATH):
        mg.load(path)


def test_absurd_lengths_cost_nothing(path):
    with open(path, "wb") as file:
        file.write((MAX_HEADER_BYTES + 1).to_bytes(8, "little"))
        file.truncate(1 << 30)
    tracemalloc.start()
    with pytest.raises(SafetensorsError, match="which exceeds"):
        list_safetensors(path)
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


def test_every_cut_and_most_flips_are_told(path):
    mg.save(STATE, path)
    whole, numbers = path.read_bytes(), random.Random(0)
    for size in range(0, len(whole), 7):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=PATH):
            mg.load(path)
    for _ in range(300):
        damaged = bytearray(whole)
        damaged[numbers.randrange(len(whole))] = numbers.randrange(256)
        path.write_bytes(damaged)
        try:
            mg.load(path)
        except ValueError as error:
            assert PATH in str(error) and "\n" not in str(error)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipes_and_folders_are_refused_at_once(path):
    os.mkfifo(path)
    with pytest.raises(FileNotFoundError):
        mg.load(path)
    with pytest.raises(OSError, match="not a regular file"):
        list_safetensors(path)
