"""The way out: what `weights_converter export` writes is read by PyTorch, without trusting it, and by the converter."""

import pickletools
import re
import zipfile

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from nets.vgg_file import CAFFE_BGR, TORCHVISION
from tests.helpers.weights_samples import (
    SMALL,
    assert_same_layers,
    convert_small,
    random_layers,
    renamed,
    torch_vgg,
    torchvision_names,
)
from weights_converter import naming
from weights_converter.__main__ import main
from weights_converter.convert import write
from weights_converter.export import export
from weights_converter.readers.base import WeightsError

ENDINGS = pytest.mark.parametrize("ending", [".safetensors", ".pth"])
ARCHITECTURES = list(SMALL.values())


def read_by_torch(path):
    torch = pytest.importorskip("torch")
    if path.suffix == ".pth":
        return torch.load(path, weights_only=True)
    return pytest.importorskip("safetensors.torch").load_file(path)


def converted_file(folder, convention, head=True):
    """A small VGG16 in the project's own file, and its arrays."""
    layers = random_layers(SMALL["vgg16"], head=head)
    np.savez(folder / "source.npz", **layers)
    write(convert_small(folder / "source.npz", convention=convention), folder / "vgg16.npz")
    return folder / "vgg16.npz", layers


def run_file(folder):
    """A checkpoint as a training run writes it, with two networks and an optimizer."""
    mg.manual_seed(0)
    nets = {name: nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)) for name in ("G", "D")}
    adam = mg.optim.Adam(nets["G"].parameters())
    nets["G"](mg.randn(2, 1, 5, 5)).sum().backward()
    adam.step()
    parts = {**{name: net.state_dict() for name, net in nets.items()}, "adam": adam.state_dict()}
    mg.save({"kind": "minigrad-run", "parts": {**parts, "noise": mg.randn(3)}, "step": 7}, folder / "checkpoint.npz")
    return folder / "checkpoint.npz", nets


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=list(SMALL))
def test_torchvisions_names(architecture):
    ours = {name: theirs for theirs, name in torchvision_names(architecture).items()}
    assert naming.torchvision_names(architecture) == ours


@ENDINGS
@pytest.mark.parametrize("head", [True, False], ids=["head", "features"])
def test_a_vgg_fits_torchvisions_and_gives_the_same_logits(tmp_path, ending, head):
    torch = pytest.importorskip("torch")
    source, layers = converted_file(tmp_path, "torchvision", head)
    export(source, tmp_path / f"out{ending}", architectures=ARCHITECTURES)
    model = torch_vgg(torch, SMALL["vgg16"], head)
    model.load_state_dict(read_by_torch(tmp_path / f"out{ending}"))
    for name, value in renamed(layers, torchvision_names(SMALL["vgg16"])).items():
        np.testing.assert_array_equal(model.state_dict()[name].numpy(), value)


@ENDINGS
@pytest.mark.parametrize(("convention", "meant"), [("caffe-bgr", CAFFE_BGR), ("torchvision", TORCHVISION)])
def test_the_way_back_keeps_numbers_and_input(tmp_path, ending, convention, meant):
    """Though both have torchvision's names: the metadata says what the input must look like."""
    source, layers = converted_file(tmp_path, convention)
    notes = export(source, tmp_path / f"out{ending}", architectures=ARCHITECTURES)
    assert any(str(meant) in note for note in notes)
    back = convert_small(tmp_path / f"out{ending}")
    assert_same_layers(back, layers)
    assert back.weights.convention == meant


@ENDINGS
def test_a_network_out_of_a_run(tmp_path, ending):
    torch = pytest.importorskip("torch")
    source, nets = run_file(tmp_path)
    notes = export(source, tmp_path / f"G{ending}", "G")
    assert notes[0] == "network: G"
    theirs = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2)).eval()
    theirs.load_state_dict(read_by_torch(tmp_path / f"G{ending}"))
    x = np.random.default_rng(0).random((1, 1, 5, 5), dtype=np.float32)
    ours = nets["G"].eval()(mg.tensor(x)).detach().numpy()
    np.testing.assert_allclose(theirs(torch.tensor(x)).detach().numpy(), ours, rtol=1e-5, atol=1e-6)


@ENDINGS
def test_half_is_half(tmp_path, ending):
    source, layers = converted_file(tmp_path, "torchvision")
    export(source, tmp_path / f"out{ending}", half=True, architectures=ARCHITECTURES)
    export(source, tmp_path / f"full{ending}", architectures=ARCHITECTURES)
    sizes = [(tmp_path / f"{name}{ending}").stat().st_size for name in ("out", "full")]
    assert sizes[0] < 0.75 * sizes[1]  # the names stay
    halves = {name: array.astype(np.float16).astype(np.float32) for name, array in layers.items()}
    assert_same_layers(convert_small(tmp_path / f"out{ending}"), halves)


def test_values_too_large_for_half_are_refused(tmp_path):
    mg.save({"a": mg.tensor([1e6])}, tmp_path / "x.npz")
    with pytest.raises(WeightsError, match="a has values too large for float16"):
        export(tmp_path / "x.npz", tmp_path / "out.pth", half=True)
    assert not (tmp_path / "out.pth").exists()


def test_every_number_type_of_tensors(tmp_path):
    torch = pytest.importorskip("torch")
    state = {
        "float": mg.randn(2, 3), "double": mg.randn(4).double(), "long": mg.tensor([2**40]), "bool": mg.tensor([True]),
        "int": mg.tensor([3]).int(), "scalar": mg.tensor(0.5), "empty": mg.zeros(0, 2), "turned": mg.randn(2, 3).t(),
    }  # fmt: skip
    mg.save(state, tmp_path / "x.npz")
    export(tmp_path / "x.npz", tmp_path / "x.pth")
    for options in ({}, {"mmap": True}):
        loaded = torch.load(tmp_path / "x.pth", weights_only=True, **options)
        assert list(loaded) == list(state) and type(loaded).__name__ == "OrderedDict"
        for name, value in state.items():
            assert loaded[name].is_contiguous()
            np.testing.assert_array_equal(loaded[name].numpy(), value.numpy())
            assert loaded[name].numpy().dtype == value.dtype


def test_the_pickle_names_nothing_but_tensors_and_blocks_are_aligned(tmp_path):
    source, _ = run_file(tmp_path)
    export(source, tmp_path / "G.pth", "G")
    with zipfile.ZipFile(tmp_path / "G.pth") as archive:
        assert archive.testzip() is None
        names = {
            argument
            for opcode, argument, _ in pickletools.genops(archive.read("archive/data.pkl"))
            if opcode.name == "GLOBAL"
        }
        blocks = [member for member in archive.infolist() if "/data/" in member.filename]
        for member in blocks:
            start = member.header_offset + 30 + len(member.filename) + len(member.extra)
            assert start % 64 == 0
    assert len(blocks) == 7
    assert names == {
        "collections OrderedDict", "torch._utils _rebuild_tensor_v2", "torch FloatStorage", "torch LongStorage"
    }  # fmt: skip


def test_the_same_bytes_every_time(tmp_path):
    source, _ = run_file(tmp_path)
    for name in ("a.pth", "b.pth", "a.safetensors", "b.safetensors"):
        export(source, tmp_path / name, "G")
    assert (tmp_path / "a.pth").read_bytes() == (tmp_path / "b.pth").read_bytes()
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_metadata_that_lie_are_refused(tmp_path):
    source, _ = converted_file(tmp_path, "torchvision")
    export(source, tmp_path / "out.pth", architectures=ARCHITECTURES)
    for text, words in ((b"{}", "not the converter's"), (b"x" * (1 << 19), "which exceeds")):
        with zipfile.ZipFile(tmp_path / "out.pth") as old, zipfile.ZipFile(tmp_path / "lie.pth", "w") as new:
            for member in old.infolist():
                own = member.filename.endswith("minigrad-vgg")
                new.writestr(member.filename, text if own else old.read(member))
        with pytest.raises(WeightsError, match=words):
            convert_small(tmp_path / "lie.pth")


# ---------------------------------------------------------------------------------- the command line


def failed(capsys, *words):
    try:
        result = main([str(word) for word in words])
    except SystemExit as error:
        result = error.code
    captured = capsys.readouterr()
    assert result == 2 and re.fullmatch(r"error: .+\n", captured.err)
    return captured.err


def test_the_command(tmp_path, capsys):
    source, _ = run_file(tmp_path)
    assert main(["export", str(source), "--part", "D", "-o", str(tmp_path / "D.safetensors")]) == 0
    assert "7 arrays" in capsys.readouterr().out
    assert mg.load(tmp_path / "D.safetensors").keys() == mg.load(source)["parts"]["D"].keys()


def test_what_is_wrong_is_one_sentence(tmp_path, capsys):
    source, _ = run_file(tmp_path)
    out = tmp_path / "out.pth"
    assert "say which with --part (G, D)" in failed(capsys, "export", source, "-o", out)
    assert "holds no network 'X'; there are G, D" in failed(capsys, "export", source, "-o", out, "--part", "X")
    assert "does not apply" in failed(capsys, "export", source, "-o", out, "--input-convention", "caffe-bgr")
    assert "must end in .safetensors or .pth" in failed(capsys, "export", source, "-o", tmp_path / "out.npz")
    assert "would overwrite the input" in failed(capsys, "export", tmp_path / "a.pth", "-o", tmp_path / "a.pth")
    (tmp_path / "noise.npz").write_bytes(b"PK\x03\x04 and then nothing")
    assert "noise.npz is damaged" in failed(capsys, "export", tmp_path / "noise.npz", "-o", out)
    assert "a.pth" in failed(capsys, "export", tmp_path / "a.pth", "-o", out)
    mg.save({"step": 3}, tmp_path / "empty.npz")
    assert "holds no network" in failed(capsys, "export", tmp_path / "empty.npz", "-o", out)
    assert not out.exists()
