"""Pickles that call, and tensors that do not fit their storages: one sentence, and nothing is executed."""

import io
import os
import pickle
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.helpers.hostile_files import (
    Call,
    full_state,
    legacy_blocks,
    refused,
    tensor_pickle,
    write_legacy,
    write_zip,
)
from tests.helpers.weights_samples import (
    SMALL,
    assert_same_layers,
    convert_small,
    random_layers,
)
from weights_converter.readers.base import WeightsError
from weights_converter.readers.torch_pickle import read_pickle, rebuild_tensor


def mark_file(tmp_path):
    return tmp_path / "executed"


def attacks(tmp_path):
    """Pickles that would leave a file behind, each by another way."""
    marker = mark_file(tmp_path)
    command = f"touch {marker}"
    code = f"open({str(marker)!r}, 'w')"
    hidden_in_state = b"\x80\x02ccollections\nOrderedDict\n)R" + pickle.dumps(Call(eval, code), 2)[2:-1] + b"b."
    yield "os.system", pickle.dumps({"a": Call(os.system, command)}, 2)
    yield "protocol 4", pickle.dumps({"a": Call(os.system, command)}, 4)
    yield "protocol 0", pickle.dumps({"a": Call(os.system, command)}, 0)
    yield "eval", pickle.dumps({"a": Call(eval, code)}, 2)
    yield "exec", pickle.dumps({"a": Call(exec, code)}, 2)
    yield "as a key", pickle.dumps({1: 2}, 2)[:-1] + pickle.dumps(Call(eval, code), 2)[2:-1] + b"0."
    yield "in the state", hidden_in_state
    yield "getattr", pickle.dumps({"a": Call(getattr, "x", "upper")}, 2)
    yield "INST", b"(S'" + command.encode() + b"'\nios\nsystem\n."
    yield "OBJ", b"(cos\nsystem\nS'" + command.encode() + b"'\no."
    yield "NEWOBJ", b"\x80\x02cos\nsystem\nS'" + command.encode() + b"'\n\x85\x81."
    yield "persistent id", b"\x80\x02cos\nsystem\nQ."
    yield "text persistent id", b"\x80\x02Pos.system\n."
    yield "extension registry", b"\x80\x02\x82\x01."
    yield "stack global of odd things", b"\x80\x04K\x01K\x02\x93."
    yield "reduce a number", b"\x80\x02K\x01)R."
    yield "reduce with no tuple", b"\x80\x02ccollections\nOrderedDict\nK\x01R."
    yield "build on a number", b"\x80\x02K\x01}b."
    yield "torch's own loader", b"\x80\x02ctorch\nload\nX\x01\x00\x00\x00a\x85R."
    yield "a class of torch", b"\x80\x02ctorch.nn.modules.container\nSequential\n)\x81."
    yield "codecs", b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x06\x00\x00\x00latin1\x86R."
    yield "storage type called", b"\x80\x02ctorch\nFloatStorage\nK\x05\x85R."


@pytest.mark.parametrize("write", [write_zip, write_legacy])
def test_pickles_that_call_are_refused_and_nothing_runs(tmp_path, write):
    for name, pickled in attacks(tmp_path):
        message = refused(write(tmp_path / "hostile.pth", pickled))
        assert not mark_file(tmp_path).exists(), name
        assert "pickle" in message or "state dict" in message or "tensors" in message, (name, message)
        assert "damaged" not in message, (name, message)


def test_the_attacks_are_real(tmp_path):
    """The first of them does leave its mark when pickle itself loads it: the test above can fail."""
    _, pickled = next(attacks(tmp_path))
    pickle.loads(pickled)
    assert mark_file(tmp_path).exists()


def test_the_forbidden_name_is_told(tmp_path):
    assert "posix.system" in refused(write_zip(tmp_path / "a.pth", pickle.dumps(Call(os.system, "true"), 2)))
    whole_model = b"\x80\x02ctorchvision.models.vgg\nVGG\n)\x81."
    message = refused(write_zip(tmp_path / "a.pth", whole_model))
    assert "torchvision.models.vgg.VGG" in message and "model.state_dict()" in message


def test_a_plain_tensor_of_that_kind_is_read():
    value, storages = read_pickle(io.BytesIO(tensor_pickle()))
    assert value["features.0.weight"].shape == (2, 3, 4)
    assert storages["0"].count == 24


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"count": 23}, "reaches beyond its storage of 23 numbers"),
        ({"offset": 1}, "reaches beyond"),
        ({"offset": -1}, "make no sense"),
        ({"offset": 2**40}, "reaches beyond"),
        ({"shape": (2, 3, 5)}, "overlap"),
        ({"shape": (3, 3, 4)}, "reaches beyond"),
        ({"shape": (10**9, 10**9, 4)}, "overlap|reaches beyond"),
        ({"shape": (2**62, 3, 4)}, "make no sense"),
        ({"shape": (-2, 3, 4)}, "make no sense"),
        ({"shape": (2, 3)}, "do not fit together"),
        ({"shape": (1,) * 20, "strides": (1,) * 20}, "do not fit together"),
        ({"shape": (2, 3, 4.0)}, "make no sense"),
        ({"shape": [2, 3, 4]}, "unknown way"),
        ({"strides": (0, 0, 0)}, "overlap"),
        ({"strides": (4, 4, 1)}, "overlap"),
        ({"strides": (12, 3, 1)}, "overlap"),
        ({"strides": (-12, 4, 1)}, "make no sense"),
        ({"strides": (10**12, 4, 1)}, "reaches beyond"),
        ({"strides": (2**70, 4, 1)}, "make no sense"),
        ({"count": 2**70}, "make no sense"),
        ({"count": True}, "make no sense"),
        ({"key": 0}, "unknown way"),
        ({"kind": "ComplexFloatStorage"}, "asks for torch.ComplexFloatStorage"),
    ],
)
def test_views_that_do_not_fit_are_refused(tmp_path, changes, words):
    pickled = tensor_pickle(**changes)
    refused(write_zip(tmp_path / "zip.pth", pickled, {"0": bytes(96)}), words)
    refused(write_legacy(tmp_path / "legacy.pth", pickled, ["0"], [struct.pack("<q", 24), bytes(96)]), words)


def test_the_hand_made_state_dict_is_a_good_one(tmp_path):
    layers = random_layers(SMALL["vgg16"])
    pickled, blocks = full_state(layers)
    assert_same_layers(convert_small(write_zip(tmp_path / "zip.pth", pickled, blocks)), layers)
    legacy = write_legacy(tmp_path / "legacy.pth", pickled, blocks, legacy_blocks(blocks))
    assert_same_layers(convert_small(legacy), layers)


@pytest.mark.parametrize("change", [lambda b: b[:-4], lambda b: b + bytes(4), lambda b: b""])
def test_blocks_of_the_wrong_length_are_refused(tmp_path, change):
    pickled, blocks = full_state(random_layers(SMALL["vgg16"]))
    blocks["3"] = change(blocks["3"])
    refused(write_zip(tmp_path / "zip.pth", pickled, blocks), "is damaged")
    refused(write_legacy(tmp_path / "legacy.pth", pickled, blocks, legacy_blocks(blocks)), "is damaged|is cut short")


def test_missing_and_foreign_blocks_are_refused(tmp_path):
    pickled, blocks = full_state(random_layers(SMALL["vgg16"]))
    del blocks["3"]
    refused(write_zip(tmp_path / "zip.pth", pickled, blocks), "not in the archive")
    refused(write_legacy(tmp_path / "legacy.pth", pickled, blocks, legacy_blocks(blocks)), "list of storages")
    pickled, blocks = full_state(random_layers(SMALL["vgg16"]), key="../../etc/passwd")
    refused(write_zip(tmp_path / "zip.pth", pickled, blocks), "not in the archive")
    refused(write_legacy(tmp_path / "legacy.pth", pickled, blocks, legacy_blocks(blocks)), "list of storages")


def test_one_storage_described_twice_is_refused(tmp_path):
    pickled, blocks = full_state(random_layers(SMALL["vgg16"]), key="1")
    refused(write_zip(tmp_path / "zip.pth", pickled, blocks), "one storage in two ways")


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 40)), max_size=4), st.integers(0, 20), st.integers(0, 120))
def test_a_view_is_accepted_only_when_no_element_lies_outside_or_twice(dims, offset, count):
    """Against the plain definition: list every element's place."""
    from weights_converter.readers.torch_pickle import StorageReference

    shape, strides = tuple(d for d, _ in dims), tuple(s for _, s in dims)
    places = [offset + sum(i * s for i, s in zip(index, strides)) for index in np.ndindex(*shape)]
    try:
        rebuild_tensor(StorageReference("float32", "0", count), offset, shape, strides)
    except WeightsError:
        return
    assert len(set(places)) == len(places)
    assert all(place < count for place in places)


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes_as_a_pickle(noise):
    for content in (noise, b"\x80\x02" + noise, b"\x80\x04" + noise):
        try:
            read_pickle(io.BytesIO(content))
        except WeightsError as error:
            assert str(error)


INSTRUCTIONS = st.sampled_from(
    [
        b"}",
        b"]",
        b")",
        b"(",
        b"t",
        b"\x85",
        b"\x86",
        b"\x87",
        b"s",
        b"u",
        b"a",
        b"e",
        b"N",
        b"K\x05",
        b"X\x01\x00\x00\x00k",
    ]
    + [b"q\x00", b"h\x00", b"q\x01", b"h\x01", b"\x94", b"R", b"b", b"Q", b"0", b"G" + bytes(8), b"\x8a\x01\x05", b"."]
    + [b"ccollections\nOrderedDict\n", b"ctorch._utils\n_rebuild_tensor_v2\n", b"ctorch\nFloatStorage\n"]
    + [b"ctorch._utils\n_rebuild_parameter\n", b"cos\nsystem\n", b"X\x07\x00\x00\x00storage"]
)


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(INSTRUCTIONS, max_size=40))
def test_random_programs(instructions):
    try:
        read_pickle(io.BytesIO(b"\x80\x02" + b"".join(instructions) + b"."))
    except WeightsError as error:
        assert str(error)


def test_pickles_that_announce_or_build_too_much(tmp_path):
    doubling = b"\x80\x02" + b")" + b"q\x00h\x00\x86" * 5000 + b"."
    deep_key = b"\x80\x02})" + b"q\x00h\x00\x86" * 60 + b"K\x01s."
    bombs = {
        "announces 4 GB of text": b"\x80\x02X\xff\xff\xff\xff",
        "announces 2^62 bytes": b"\x80\x04\x8d" + struct.pack("<Q", 2**62),
        "a bytearray of 2^40": b"\x80\x05\x96" + struct.pack("<Q", 2**40),
        "a long of 2 GB": b"\x80\x02\x8b\xff\xff\xff\x7f",
        "a huge place in the memo": b"\x80\x02Nr\xff\xff\xff\xff.",
        "tuples of tuples": doubling,
        "a tuple as a key": deep_key,
        "too many instructions": b"\x80\x02" + b"N0" * 400_000 + b"N.",
        "deep lists": b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".",
    }
    for content in bombs.values():
        refused(write_zip(tmp_path / "bomb.pth", content))
        refused(write_legacy(tmp_path / "bomb.pth", content))
