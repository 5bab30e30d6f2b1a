"""The scripts in `course/`, written for PyTorch, run on it and on minigrad with only their import lines changed."""

import re
from pathlib import Path

import numpy as np
import pytest

SCRIPTS = sorted((Path(__file__).parent / "course").glob("*.py"))

SINGLE_PRECISION = (
    "acgan",
    "dcgan",
    "infogan",
    "mnist",
    "wgan_gp_types",
)  # as such scripts are; others compute in float64


def on_minigrad(source):
    """The script with its import lines changed, and nothing else."""
    source = re.sub(r"^import torch$", "import minigrad as torch", source, flags=re.M)
    return re.sub(r"^(import|from) torch\b", r"\1 minigrad", source, flags=re.M)


def run(source, name):
    scope = {"__name__": name}
    exec(compile(source, name, "exec"), scope)

    def fill(net, scale=0.5):
        """The same starting values in both runs."""
        numbers = np.random.default_rng(0)
        for parameter in net.parameters():
            parameter.data.copy_(scope["torch"].from_numpy(numbers.standard_normal(tuple(parameter.shape)) * scale))
        for key, buffer in net.named_buffers():
            if key.endswith(("weight_u", "weight_v")):
                vector = numbers.standard_normal(tuple(buffer.shape))
                buffer.copy_(scope["torch"].from_numpy(vector / np.linalg.norm(vector)))
        return net

    return scope["main"](fill)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_gives_the_same_numbers_step_by_step(script):
    pytest.importorskip("torch")
    source = script.read_text()
    expected, found = run(source, f"{script.stem}_torch"), run(on_minigrad(source), f"{script.stem}_minigrad")
    assert len(expected) > 8 and len(set(expected)) > 4
    rtol, atol = (2e-5, 1e-4) if script.stem in SINGLE_PRECISION else (1e-7, 1e-10)
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=atol)
