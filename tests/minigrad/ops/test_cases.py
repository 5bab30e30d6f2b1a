"""Every case of every operation: derivatives against differences, and values and derivatives against PyTorch."""

import sys

import numpy as np
import pytest

from minigrad import devices, float64, grad
from minigrad.autograd import Tensor, registry
from minigrad.gradcheck.__main__ import check, main
from minigrad.gradcheck.cases import CASES
from minigrad.gradcheck.namespace import namespace, tensors_of
from minigrad.ops.public import declared

CPU = devices.CPU
by_name = pytest.mark.parametrize("case", CASES, ids=str)
NEEDS_NO_CASE: set[str] = set()


def test_every_registered_operation_has_cases_of_each_order():
    package = {name for name, op in registry.items() if op.__module__.startswith("minigrad.")}
    assert package - {case.op for case in CASES} == NEEDS_NO_CASE


WITHOUT_GRADIENT = {  # public functions whose results, or arguments, have none
    "questions": "all allclose any eq equal ge gt is_contiguous is_tensor isclose isfinite isinf isnan le logical_and "
    "logical_not is_floating_point logical_or logical_xor lt ne nonzero numel",
    "new tensors": "arange as_tensor empty empty_like eye from_numpy full full_like linspace new new_empty new_full "
    "new_ones new_tensor new_zeros one_hot ones ones_like tensor zeros zeros_like",
    "random numbers": "bernoulli multinomial normal normal_ rand rand_like randint randn randn_like random_ randperm "
    "uniform_",
    "the graph itself": "detach_ requires_grad_",
    "composed of Cast and Move, which have cases": "to",
}


def test_every_public_function_is_differentiated_by_some_case():
    """Composed functions, too: each is called by a case with a tensor that requires a gradient."""
    functions = {f.__code__: name for place in declared.values() for name, f in place.items()}
    differentiated = set()

    def see(frame, event, _):
        name = functions.get(frame.f_code) if event == "call" else None
        if name is not None and name not in differentiated and any(map(_requires_grad, frame.f_locals.values())):
            differentiated.add(name)

    with np.errstate(all="ignore"):
        sys.setprofile(see)
        try:
            for case in CASES:
                case.function(namespace, *tensors_of(case, CPU))
        finally:
            sys.setprofile(None)
    exempt = {name for names in WITHOUT_GRADIENT.values() for name in names.split()}
    without = set(functions.values()) - differentiated - exempt
    assert not without, f"no case in minigrad/gradcheck/cases/ differentiates {sorted(without)}"


def _requires_grad(value):
    if isinstance(value, (tuple, list)):
        return any(map(_requires_grad, value))
    return isinstance(value, Tensor) and value.requires_grad


@by_name
@pytest.mark.parametrize("order", [1, 2])
def test_derivatives_agree_with_differences(case, order):
    report = check(case, order, CPU)
    assert report.status != "wrong", str(report)


@by_name
def test_float32_stays_float32(case):
    tensors = tensors_of(case, CPU, np.float32)
    y = case.function(namespace, *tensors)
    if y.dtype == float64:
        pytest.skip("the case asks for float64 itself")
    assert y.dtype.kind != "f" or y.dtype == np.float32


def torch_tensors(torch, case):
    return [
        torch.tensor(values, requires_grad=source.differentiable and values.dtype.kind == "f")
        for source, values in zip(case.inputs, case.values())
    ]


def torch_result(torch, case, tensors):
    """The case run on PyTorch, which lacks the operations that only derivatives use."""
    try:
        return case.function(torch, *tensors)
    except (AttributeError, TypeError, NotImplementedError) as error:
        pytest.skip(f"PyTorch has no such function under this name: {error}")
    except (RuntimeError, ValueError) as error:
        pytest.skip(f"PyTorch refuses this case: {str(error).splitlines()[0]}")


@by_name
def test_values_and_both_derivatives_agree_with_pytorch(case):
    torch = pytest.importorskip("torch", reason="PyTorch, an oracle of these tests, is not installed")
    theirs = torch_tensors(torch, case)
    expected = torch_result(torch, case, theirs)
    ours = tensors_of(case, CPU)
    y = case.function(namespace, *ours)
    assert y.shape == tuple(expected.shape)
    tolerance = tolerance_of(case)
    compare(y, expected, tolerance)
    if not y.requires_grad:
        return
    random = np.random.default_rng(0)
    weights = random.standard_normal(y.shape)
    points, their_points = [x for x in ours if x.requires_grad], [x for x in theirs if x.requires_grad]
    first = grad(y, points, namespace.tensor(weights), create_graph=True, allow_unused=True)
    try:
        their_first = torch.autograd.grad(
            expected, their_points, torch.tensor(weights), create_graph=True, allow_unused=True
        )
    except RuntimeError as error:
        if "is not implemented" not in str(error):
            raise
        pytest.skip(f"values agree; PyTorch has no {error}")
    compare_all(first, their_first, tolerance)
    total = sum((g * g).sum() for g in first if g is not None and g.requires_grad)
    their_total = sum((g * g).sum() for g in their_first if g is not None and g.requires_grad)
    if isinstance(total, int) or isinstance(their_total, int):
        return
    second = grad(total, points, allow_unused=True)
    their_second = torch.autograd.grad(their_total, their_points, allow_unused=True)
    compare_all(second, their_second, tolerance)


def compare(ours, theirs, tolerance=1e-9):
    values = ours.detach().numpy(), theirs.detach().numpy(force=True)
    np.testing.assert_allclose(*values, rtol=tolerance, atol=tolerance)


def tolerance_of(case):
    """PyTorch's own rounding: its softplus is the identity above 20."""
    return {"Softplus": 1e-5}.get(case.op, 1e-9)


def compare_all(ours, theirs, tolerance):
    """Gradients that one side leaves out must be zero on the other."""
    for a, b in zip(ours, theirs):
        if a is None or b is None:
            left = a.detach().numpy() if b is None and a is not None else b.numpy(force=True) if b is not None else 0.0
            assert not np.any(left)
        else:
            compare(a, b, tolerance)


def test_the_table_passes_and_says_so(capsys):
    assert main(["--operation", "Add", "Conv2d"]) == 0
    printed = capsys.readouterr().out
    assert "Conv2d" in printed and "0 wrong" in printed


def test_the_table_refuses_an_unknown_operation(capsys):
    assert main(["--operation", "Nonsense"]) == 2
    assert "Nonsense" in capsys.readouterr().err
