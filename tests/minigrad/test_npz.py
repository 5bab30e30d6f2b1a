"""Archives are listed by their headers: nothing is read, unpickled or waited for before it has been checked."""

import os
import tracemalloc
import zipfile

import numpy as np
import pytest

from minigrad.npz import NpzError, list_npz, open_regular, read_text


class Ran(Exception):
    pass


class Hostile:
    def __reduce__(self):
        return (exec, ("raise Ran",))


def test_names_shapes_types_and_numbers(tmp_path):
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b.weight": np.float16(3), "c": np.zeros((0, 4), np.int8)}
    np.savez_compressed(tmp_path / "x.npz", **arrays, text=np.array("words"))
    members = list_npz(tmp_path / "x.npz")
    assert read_text(members.pop("text"), 10) == "words"
    for name, array in arrays.items():
        assert members[name].shape == array.shape and members[name].dtype == array.dtype
        np.testing.assert_array_equal(members[name].read(), array)


def test_listing_a_bomb_costs_nothing(tmp_path):
    """200 MB of zeros in an archive of 200 kB: listed without being expanded."""
    np.savez_compressed(tmp_path / "x.npz", big=np.zeros(50_000_000, np.float32))
    tracemalloc.start()
    members = list_npz(tmp_path / "x.npz")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert members["big"].shape == (50_000_000,) and peak < 2_000_000


def test_a_header_that_disagrees_with_the_archive(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive, archive.open("a.npy", "w") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (10**12,)})
    with pytest.raises(NpzError, match="another length than its header"):
        list_npz(tmp_path / "x.npz")


def test_objects_are_refused_unread(tmp_path):
    np.savez(tmp_path / "x.npz", a=np.array([Hostile()], dtype=object))
    with pytest.raises(NpzError, match="pickled objects"):
        list_npz(tmp_path / "x.npz")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_array_stored_twice(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        for _ in range(2):
            with archive.open("a.npy", "w") as file:
                np.save(file, np.zeros(3))
    with pytest.raises(NpzError, match="twice"):
        list_npz(tmp_path / "x.npz")


def test_every_cut_is_damage(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, a=np.arange(40.0), b=np.arange(5))
    whole = path.read_bytes()
    for size in range(0, len(whole) - 1, 41):
        path.write_bytes(whole[:size])
        with pytest.raises(NpzError):
            list_npz(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipes_devices_and_folders_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path, reason in ((tmp_path / "pipe", "not a regular file"), (tmp_path, "a folder"), ("/dev/zero", "device")):
        with pytest.raises(OSError, match=reason):
            open_regular(path)
        with pytest.raises(OSError, match=reason):
            list_npz(path)


def test_texts_are_bounded(tmp_path):
    np.savez(tmp_path / "x.npz", long=np.array("x" * 100), numbers=np.arange(3))
    members = list_npz(tmp_path / "x.npz")
    with pytest.raises(NpzError, match="exceeds 50"):
        read_text(members["long"], 50)
    with pytest.raises(NpzError, match="a text is expected"):
        read_text(members["numbers"], 50)
