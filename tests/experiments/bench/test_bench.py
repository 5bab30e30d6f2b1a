"""The benchmark: both sides of each job compute the same, the report says what was measured, errors are sentences.

No test here times anything against a bound.
"""

import json

import numpy as np
import pytest

from experiments.bench import __main__ as bench
from experiments.bench import jobs, measure, report, shapes
from experiments.bench.libraries import load, make_job
from experiments.bench.table import GROWTH, ROWS
from experiments.common.cli import UserError

TIMINGS = {"minigrad": measure.Timing([0.2, 0.1, 0.3], 100.0), "torch": measure.Timing([0.4, 0.2, 0.6], 150.0)}


def test_figures_are_minima_and_medians():
    assert TIMINGS["minigrad"].minimum == 0.1 and TIMINGS["minigrad"].median == 0.2
    line = report.row("job", TIMINGS, "<= 1")
    assert line == ["job", "100.0 ms", "200.0 ms (torch)", "**0.50** (0.50)", "100 / 150 MiB", "<= 1"]
    assert report.markdown([line]).splitlines()[2].startswith("| job | 100.0 ms |")


def test_machine_and_blas_are_named():
    text = report.heading(["minigrad", "numpy"])
    assert f"numpy {np.__version__}" in text and "BLAS" in text and "cores" in text


def test_report_files(tmp_path):
    report.save_json(tmp_path / "jobs.json", {"job": TIMINGS}, ["minigrad"])
    data = json.loads((tmp_path / "jobs.json").read_text())
    assert data["jobs"]["job"]["torch"] == {"seconds": [0.4, 0.2, 0.6], "memory_mib": 150.0}
    report.plot_ratios(tmp_path / "jobs.png", {"job": TIMINGS})
    report.plot_growth(tmp_path / "growth.png", {"size": {64: TIMINGS, 128: TIMINGS}, "batch": {1: TIMINGS}})
    for name in ("jobs.png", "growth.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_a_worker_runs_a_job_and_counts_its_memory():
    timings = measure.compare(["minigrad"], ("small_operations", "single"), seconds=0, least=2)["minigrad"]
    assert len(timings.seconds) >= 2 and min(timings.seconds) > 0
    assert 10 < timings.memory < 10_000


def test_a_job_that_fails_is_named(capfd):
    with pytest.raises(RuntimeError, match="bench: minigrad could not run the job gatys nonsense"):
        measure.Worker("minigrad", ("gatys", "nonsense"))


def both():
    pytest.importorskip("torch", exc_type=ImportError)
    return [load("minigrad"), load("torch")]


@pytest.mark.parametrize("pooling", ["max", "avg"])
def test_the_gatys_job_is_pytorchs(pooling):
    ours, theirs = (jobs.gatys(library, 32, pooling)().numpy() for library in both())
    assert np.linalg.norm(ours - theirs) <= 1e-3 * np.linalg.norm(theirs)


@pytest.mark.parametrize("direction", ["forward", "input"])
def test_a_layers_job_is_pytorchs(direction):
    ours, theirs = (jobs.convolution(library, "conv5_1", direction)().numpy() for library in both())
    assert np.linalg.norm(ours - theirs) <= 1e-5 * np.linalg.norm(theirs)


NETWORKS = {
    "mlp": lambda networks: networks.gan("mlp"),
    "dcgan_lab": lambda networks: networks.gan("dcgan_lab"),
    "unet": lambda networks: [networks.UNet(halvings=4, width=4)],
    "patch": lambda networks: [networks.PatchDiscriminator(6, width=4)],
    "resnet generator": lambda networks: [networks.ResNetGenerator(blocks=2, width=4)],
    "transform net": lambda networks: [networks.TransformNet()],
    "srresnet": lambda networks: [networks.SRResNet(blocks=2, channels=8)],
    "style generator": lambda networks: [networks.StyleGenerator(16, width=8)],
    "style discriminator": lambda networks: [networks.StyleDiscriminator(16, width=8)],
    "stage two": lambda networks: [networks.StageTwo(8)],
    "text discriminator": lambda networks: [networks.TextDiscriminator(16, 8)],
}
INPUTS = {
    "unet": [(1, 3, 32, 32)], "patch": [(1, 6, 32, 32)], "mlp": [(2, 1, 28, 28)], "dcgan_lab": [(2, 1, 28, 28)],
    "style generator": [(3, 64)], "style discriminator": [(3, 1, 16, 16)],
    "stage two": [(3, 3, 16, 16), (3, 128)], "text discriminator": [(3, 3, 16, 16), (3, 128)],
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_in_pytorch_compute_what_ours_do(name):
    """With the same parameters, in the order in which both list them, on the same input."""
    library, other = both()
    ours, theirs = NETWORKS[name](library.networks)[0], NETWORKS[name](other.networks)[0]
    parameters = [list(net.parameters()) for net in (ours, theirs)]
    assert [tuple(p.shape) for p in parameters[0]] == [tuple(p.shape) for p in parameters[1]]
    with other.mg.no_grad():
        for mine, its in zip(*parameters):
            its.copy_(other.mg.from_numpy(mine.detach().numpy().copy()))
    ours.noise = theirs.noise = False  # the U-Net's dropout
    inputs = [shapes.normal(*shape) for shape in INPUTS.get(name, [(1, 3, 32, 32)])]
    y, expected = (
        net(*map(lib.mg.from_numpy, inputs)).detach().numpy() for net, lib in ((ours, library), (theirs, other))
    )
    assert np.linalg.norm(y - expected) <= 1e-3 * np.linalg.norm(expected)


SMALL = [
    ("fast_style_step", "16", "1"), ("fast_style_pass", "16"), ("pix2pix_step", "32"), ("cyclegan_generator", "16"),
    ("srresnet_pass", "8"), ("srresnet_step", "16", "1"), ("gan_step", "mlp"), ("wgan_gp_critic", "mlp"),
    ("small_operations", "chain"), ("stylegan_step", "8", "2"), ("stackgan_step", "2"),
]  # fmt: skip


@pytest.mark.parametrize("job", SMALL, ids=str)
def test_every_job_runs_in_every_library(job):
    for library in ("minigrad", "torch", "channels_last"):
        if library != "minigrad":
            pytest.importorskip("torch")
        result = make_job(library, job[0], list(job[1:]))()
        values = np.asarray(result if isinstance(result, float) else result.detach().numpy())
        assert np.isfinite(values).all()


def test_the_compiled_library_compiles_networks_and_features():
    torch = pytest.importorskip("torch", exc_type=ImportError)
    library = load("compiled")
    assert hasattr(library.network(torch.nn.Linear(2, 1)), "_orig_mod")
    assert hasattr(jobs._Features(library, [4]).found, "_torchdynamo_orig_callable")
    plain = load("torch")
    assert not hasattr(plain.network(torch.nn.Linear(2, 1)), "_orig_mod")


def test_torch_compile_is_left_out_without_a_compiler(monkeypatch, capsys):
    compared = []
    monkeypatch.setattr(measure, "compare", lambda libraries, *rest: compared.append(libraries) or TIMINGS)
    monkeypatch.setattr(measure.shutil, "which", lambda name: None)
    bench.main_jobs(False, 0, [])
    assert "it needs a C++ compiler" in capsys.readouterr().out and not any("compiled" in each for each in compared)
    monkeypatch.setattr(measure.shutil, "which", lambda name: name)
    bench.main_jobs(False, 0, [])
    by_job = dict(zip([line.job[0] for line in ROWS], compared[len(ROWS) :]))
    assert "compiled" in by_job["pix2pix_step"] and "compiled" not in by_job["wgan_gp_critic"]


def test_the_table_names_jobs_that_exist():
    for job in [line.job for line in ROWS] + [job for job, _ in GROWTH.values()]:
        assert callable(getattr(jobs, job[0]))


CONVENTIONS = [
    {"channel_order": "rgb", "range": 1.0, "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4]},
    {"channel_order": "bgr", "range": 255.0, "mean": [104.0, 117.0, 124.0], "std": [1.0, 1.0, 1.0]},
]


@pytest.mark.parametrize("convention", CONVENTIONS, ids=lambda convention: convention["channel_order"])
def test_pytorch_counterpart_of_the_command_has_its_losses(tmp_path, convention):
    """Gram losses, content loss and total variation of the first evaluation, in both, from one weights file."""
    style_torch = pytest.importorskip("experiments.bench.style_torch", exc_type=ImportError)
    import torch

    import minigrad as mg
    from experiments.style.presets import PRESETS
    from experiments.style.search import Targets
    from nets import vgg_file
    from nets.vgg import VGG19

    pictures = np.random.default_rng(0).random((2, 1, 3, 32, 32), dtype=np.float32)
    arrays = {
        f"{name}.{part}": getattr(layer, part).numpy()
        for name, layer in VGG19(None, "avg").convolutions.items()
        for part in ("weight", "bias")
    }
    weights = tmp_path / "weights.npz"
    with open(weights, "wb") as file:
        vgg_file.write(file, vgg_file.Weights("vgg19", vgg_file.InputConvention(**convention), arrays))
    net, other = VGG19(weights, "avg"), style_torch.Net(weights)
    content, style = (mg.from_numpy(picture) for picture in pictures)
    ours = float(Targets(net, PRESETS["default"], content, [(style, 1.0)], [None]).loss(content)[0])
    _, theirs = style_torch.optimize(other, *(torch.from_numpy(picture) for picture in pictures), steps=1)
    assert ours == pytest.approx(theirs[0], rel=1e-4)


def test_the_whole_command_runs_in_both(tmp_path):
    pytest.importorskip("torch")
    rows = []
    timings = bench.command_job(rows, repetitions=1, size=32, steps=2)
    assert all(len(timing.seconds) == 1 for pair in timings.values() for timing in pair.values())
    assert rows[0][0] == "style transfer, L-BFGS, 32 px, 2 steps, whole command"


def test_seeded_shapes_are_vgg19s():
    weights = shapes.vgg_weights(shapes.VGG19_TO_CONV5_1)
    assert len(weights) == 13 and weights[0][0].shape == (64, 3, 3, 3) and weights[-1][0].shape == (512, 512, 3, 3)


def test_without_pytorch_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(measure, "installed", lambda names: [])
    with pytest.raises(UserError, match="the benchmark compares with PyTorch"):
        bench.main(["--quick", "--out", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()
