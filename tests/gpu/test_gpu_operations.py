"""Every case of every operation on CuPy: values, first and second derivatives equal NumPy's.

NumPy's own are held to differences and to PyTorch by test_operations.py.
"""

import numpy as np
import pytest

from tests.helpers import gpu_device
from tests.helpers.gpu_device import CUDA
from tests.oracles import cuda_emulation

gpu_device.require_gpu()
pytestmark = pytest.mark.gpu

import minigrad as mg  # noqa: E402
from minigrad import Tensor, cuda, devices, float64, grad, ones_like, tensor  # noqa: E402
from minigrad.gradcheck.__main__ import check  # noqa: E402
from minigrad.gradcheck.cases import CASES  # noqa: E402
from minigrad.gradcheck.namespace import namespace, tensors_of  # noqa: E402

# What CuPy does in compiled device code (scans and sorts), which the emulation cannot run: only on a real GPU.
COMPILED = {"CumulativeSum", "masked_select", "sort", "topk"}
SHOWN = [case for case in CASES if not (cuda_emulation.is_wanted() and case.op in COMPILED)]
by_name = pytest.mark.parametrize("case", SHOWN, ids=str)


def weighted(outputs, device):
    """A number that depends on every output entry, each with a weight of its own."""
    random = np.random.default_rng(7)
    total = tensor(0.0, dtype=float64, device=device)
    for y in outputs:
        total = total + (y * tensor(random.standard_normal(y.shape), dtype=float64, device=device)).sum()
    return total


def values_and_derivatives(case, device):
    """The case's results, first derivatives, and derivatives of those, as NumPy arrays."""
    inputs = tensors_of(case, device)
    result = case.function(namespace, *inputs)
    outputs = [y for y in (result if isinstance(result, tuple) else (result,)) if isinstance(y, Tensor)]
    found = list(outputs)
    points = [x for x in inputs if x.requires_grad]
    tracked = [y for y in outputs if y.requires_grad]
    if tracked:
        first = [
            g for g in grad([weighted(tracked, device)], points, create_graph=True, allow_unused=True) if g is not None
        ]
        found += first
        bent = [g for g in first if g.requires_grad]
        if bent:
            second = grad([weighted([g * g for g in bent], device)], points, allow_unused=True)
            found += [g for g in second if g is not None]
    return found


@by_name
def test_values_and_both_derivatives_equal_numpys(case):
    expected, found = values_and_derivatives(case, devices.CPU), values_and_derivatives(case, CUDA)
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected):
        assert isinstance(ours.array, cuda.cupy().ndarray) and isinstance(theirs.array, np.ndarray)
        assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
        np.testing.assert_allclose(ours.detach().cpu().numpy(), theirs.detach().numpy(), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("name", ["stride 2, 4x4, padding 1", "overlapping, padded", "remainder kept"])
def test_derivatives_agree_with_differences(name, order):
    case = next(case for case in CASES if case.name == name)
    report = check(case, order, CUDA)
    assert report.status == "passed", str(report)


@by_name
def test_float32_stays_float32(case):
    y = case.function(namespace, *tensors_of(case, CUDA, np.float32))
    expected = case.function(namespace, *tensors_of(case, devices.CPU, np.float32))
    for ours, theirs in zip(*[r if isinstance(r, tuple) else (r,) for r in (y, expected)]):
        if isinstance(ours, Tensor):
            assert ours.dtype == theirs.dtype
            np.testing.assert_allclose(
                ours.detach().cpu().numpy(), theirs.detach().numpy(), rtol=2e-4, atol=2e-5, err_msg=str(case)
            )


def test_mixing_devices_is_an_error_that_says_how_to_fix_it():
    x = ones_like(tensor([1.0, 2.0]))
    with pytest.raises(RuntimeError, match=r"different devices \(cpu, cuda\).*\.to\(\)"):
        x + x.to("cuda")


def test_constructors_make_room_and_convert_on_the_gpu():
    x = mg.cuda.FloatTensor([[1, 2], [3, 4]])
    assert x.is_cuda and x.dtype == mg.float32 and isinstance(x, mg.cuda.FloatTensor)
    assert mg.cuda.LongTensor(x.size()).shape == (2, 2) and mg.cuda.LongTensor(3).is_cuda
    assert mg.Tensor(x).is_cuda and mg.Tensor([1], device="cuda").is_cuda
    assert x.new(np.ones(3)).is_cuda and x.new(x.shape[1:]).shape == (2,)
    valid = mg.autograd.Variable(mg.cuda.FloatTensor(2, 1).fill_(1.0), requires_grad=False)
    assert valid.cpu().tolist() == [[1.0], [1.0]]
    with pytest.raises(TypeError, match="on cuda"):
        mg.FloatTensor(x)


def test_shapes_change_in_place_on_the_gpu():
    x = mg.tensor([[1.0, 2.0, 3.0]], device="cuda")
    assert x.t_().unsqueeze_(0).squeeze_(0).tolist() == [[1.0], [2.0], [3.0]]


def test_full_backward_hooks_see_gradients_on_the_gpu():
    class Product(mg.nn.Module):
        def forward(self, a, b):
            return a * b

    net, seen = Product(), []
    net.register_full_backward_hook(lambda module, inputs, outputs: seen.extend([*inputs, *outputs]))
    a, b = (mg.tensor(v, device="cuda", requires_grad=True) for v in ([1.0, 2.0], [3.0, 4.0]))
    net(a, b).sum().backward()
    assert [g.tolist() for g in seen] == [[3.0, 4.0], [1.0, 2.0], [1.0, 1.0]] and all(g.is_cuda for g in seen)
