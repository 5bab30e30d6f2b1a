"""The benchmark: both sides of each job compute the same, the report says what was measured, errors are sentences.

No test here times anything against a bound.
"""

import json

import numpy as np
import pytest

from experiments.bench import __main__ as bench
from experiments.bench import jobs_minigrad, measure, report, shapes

TIMINGS = {"minigrad": measure.Timing([0.2, 0.1, 0.3], 100.0), "torch": measure.Timing([0.4, 0.2, 0.6], 150.0)}


def test_figures_are_minima_and_medians():
    assert TIMINGS["minigrad"].minimum == 0.1 and TIMINGS["minigrad"].median == 0.2
    line = report.row("job", TIMINGS, "torch", "<= 1")
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
    timings = measure.compare(["minigrad"], ("small_operation",), seconds=0, least=2)["minigrad"]
    assert len(timings.seconds) >= 2 and min(timings.seconds) > 0
    assert 10 < timings.memory < 10_000


def test_a_job_that_fails_is_named(capfd):
    with pytest.raises(RuntimeError, match="bench: minigrad could not run the job gatys nonsense"):
        measure.Worker("minigrad", ("gatys", "nonsense"))


@pytest.mark.parametrize("pooling", ["max", "avg"])
def test_the_gatys_job_is_pytorchs(pooling):
    jobs_torch = pytest.importorskip("experiments.bench.jobs_torch", exc_type=ImportError)
    ours, theirs = jobs_minigrad.gatys(32, pooling)().numpy(), jobs_torch.gatys(32, pooling)().numpy()
    assert np.linalg.norm(ours - theirs) <= 1e-3 * np.linalg.norm(theirs)


@pytest.mark.parametrize("direction", ["forward", "input"])
def test_a_layers_job_is_pytorchs(direction):
    jobs_torch = pytest.importorskip("experiments.bench.jobs_torch", exc_type=ImportError)
    ours, theirs = (jobs.convolution("conv5_1", direction)().numpy() for jobs in (jobs_minigrad, jobs_torch))
    assert np.linalg.norm(ours - theirs) <= 1e-5 * np.linalg.norm(theirs)


@pytest.mark.parametrize("net", ["mlp", "dcgan_lab"])
def test_gan_networks_have_pytorchs_shapes(net):
    jobs_torch = pytest.importorskip("experiments.bench.jobs_torch", exc_type=ImportError)
    from nets import dcgan, mlp_gan

    module, made = {"mlp": (mlp_gan, jobs_torch._mlp), "dcgan_lab": (dcgan, jobs_torch._dcgan_lab)}[net]
    for ours, theirs in zip((module.Discriminator(), module.Generator()), made()):
        assert sorted(p.shape for p in ours.parameters()) == sorted(tuple(p.shape) for p in theirs.parameters())
    assert np.isfinite(jobs_minigrad.gan_step(net)())


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
    _, theirs = style_torch.optimise(other, *(torch.from_numpy(picture) for picture in pictures), steps=1)
    assert ours == pytest.approx(theirs[0], rel=1e-4)


def test_the_whole_command_runs_in_both(tmp_path):
    pytest.importorskip("torch")
    rows = []
    timings = bench.command_job(rows, repetitions=1, size=32, steps=2)
    assert all(len(timing.seconds) == 1 for pair in timings.values() for timing in pair.values())
    assert rows[0][0] == "style transfer, L-BFGS, 32 px, 2 steps, whole command"


def test_seeded_shapes_are_vgg19s():
    weights = shapes.vgg19_weights()
    assert len(weights) == 13 and weights[0][0].shape == (64, 3, 3, 3) and weights[-1][0].shape == (512, 512, 3, 3)


def test_without_pytorch_one_sentence(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(measure, "installed", lambda names: [])
    assert bench.main(["--quick", "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.startswith("error: the benchmark compares with PyTorch")
    assert not (tmp_path / "out").exists()
