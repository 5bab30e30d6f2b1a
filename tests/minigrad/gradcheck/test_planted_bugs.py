"""The checker itself: derivatives made wrong on purpose must be caught, and kinks must be told apart from errors."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.autograd import Op, apply, registry, tensor_of
from minigrad.gradcheck import GradientError, gradcheck, gradgradcheck
from minigrad.gradcheck.__main__ import main


@pytest.fixture(autouse=True)
def clean_registry():
    """Operations made in these tests do not stay registered."""
    before = dict(registry)
    yield
    registry.clear()
    registry.update(before)


def operation(forward, backward):
    """An Op from two functions, for planting."""

    class Planted(Op):
        def forward(self, *arrays):
            self.save(*arrays)
            return forward(*arrays)

        def backward(self, grad):
            return backward(grad, *self.saved)

    return lambda *inputs: apply(Planted(), *inputs)


def point(*shape, seed=0):
    values = np.random.default_rng(seed).uniform(0.5, 1.5, shape)
    return mg.tensor(values, requires_grad=True)


FIRST_ORDER = {
    "sign": operation(np.sin, lambda g, x: -g * tensor_of(np.cos(x.array))),
    "factor": operation(lambda x: x * x, lambda g, x: g * x),
    "missing term": operation(lambda x: x * np.exp(x), lambda g, x: g * x.exp()),
    "wrong axis": operation(
        lambda x: x.sum(axis=0), lambda g, x: g.reshape(3, 1).expand(3, 3) if g.shape == (3,) else g
    ),
    "constant that is none": operation(lambda x: x / np.sqrt((x * x).sum()), lambda g, x: g / x.norm().item()),
    "zero gradient": operation(lambda x: x**3, lambda g, x: g * 0.0),
    "transposed": operation(lambda x: x @ np.ones((3, 3)) + x.T, lambda g, x: g @ mg.ones(3, 3, dtype=mg.float64) + g),
    "off by a little": operation(lambda x: x * x, lambda g, x: g * x * 2.02),
    "one entry": operation(lambda x: x * 2, lambda g, x: g * tensor_of(2 - (np.arange(9).reshape(3, 3) == 4) * 0.5)),
}

SECOND_ORDER = {
    "detached": operation(lambda x: x**3, lambda g, x: g * (x * x).detach() * 3.0),
    "constant grad": operation(lambda x: x * x, lambda g, x: g.detach() * x * 2.0),
    "half detached": operation(lambda x: x**3, lambda g, x: g * x * x.detach() * 3.0),
}


class TwoWays(Op):
    """x^2, whose derivative is one formula while it is recorded and another while it is not."""

    def __init__(self, recorded, unrecorded):
        self.recorded, self.unrecorded = recorded, unrecorded

    def forward(self, x):
        self.save(x)
        return x * x

    def backward(self, grad):
        (x,) = self.saved
        return grad * x * (self.recorded if mg.is_grad_enabled() else self.unrecorded)


@pytest.mark.parametrize(("recorded", "unrecorded"), [(-2.0, 2.0), (2.0, -2.0), (2.0001, 2.0)])
def test_a_gradient_that_differs_when_it_is_recorded_is_caught(recorded, unrecorded):
    assert gradcheck(lambda x: apply(TwoWays(2.0, 2.0), x), point(3))
    with pytest.raises(GradientError):
        gradcheck(lambda x: apply(TwoWays(recorded, unrecorded), x), point(3))


def test_a_gradient_that_is_missing_when_it_alone_is_needed_is_caught():
    class Product(Op):
        def forward(self, a, b):
            self.save(a, b)
            return a * b

        def backward(self, grad):
            a, b = self.saved
            return grad * b if self.needs[1] else None, grad * a if self.needs[1] else None

    with pytest.raises(GradientError, match="input 0 is another one if no other input requires a gradient"):
        gradcheck(lambda a, b: apply(Product(), a, b), [point(3), point(3, seed=1)])


def test_an_operation_without_a_case_is_told_from_one_that_does_not_exist(capsys):
    class GELU(Op):
        pass

    assert registry["GELU"] is GELU
    assert main(["--operation", "GELU"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: --operation GELU: this operation is registered but has no case; write one in ")
    assert main(["--operation", "Qqq"]) == 2
    assert "error: --operation Qqq: no such operation; there are " in capsys.readouterr().err
    assert main(["--operation", "subtrakt"]) == 2
    assert "no such operation; did you mean Subtract? There are " in capsys.readouterr().err


@pytest.mark.parametrize("bug", FIRST_ORDER)
def test_a_wrong_first_derivative_is_caught(bug):
    with pytest.raises(GradientError):
        gradcheck(FIRST_ORDER[bug], point(3, 3))
    assert gradcheck(FIRST_ORDER[bug], point(3, 3), raise_exception=False).status == "wrong"


@pytest.mark.parametrize("bug", FIRST_ORDER)
def test_random_projections_catch_it_as_well(bug):
    with pytest.raises(GradientError):
        gradcheck(FIRST_ORDER[bug], point(3, 3), projections=12)


@pytest.mark.parametrize("bug", SECOND_ORDER)
def test_a_wrong_second_derivative_is_caught_and_its_first_is_not_blamed(bug):
    assert gradcheck(SECOND_ORDER[bug], point(3, 3)).status == "passed"
    with pytest.raises(GradientError):
        gradgradcheck(SECOND_ORDER[bug], point(3, 3))


def test_right_derivatives_pass():
    x = point(3, 3)
    assert gradcheck(lambda x: (x * x).exp().sum(1), x)
    assert gradgradcheck(lambda x: (x * x).exp().sum(1), x)


def test_a_kink_is_neither_passed_nor_failed():
    x = mg.tensor([-1.0, 0.0, 2.0], dtype=mg.float64, requires_grad=True)
    with pytest.warns(UserWarning):
        report = gradcheck(mg.relu, x)
    assert report.status == "kink" and not report
    assert "kink" in str(report)


def test_a_function_that_changes_between_calls_is_noticed():
    random = np.random.default_rng(0)
    with pytest.raises(GradientError, match="determin"):
        gradcheck(lambda x: x * float(random.random()), point(2))


def test_what_cannot_be_checked_is_refused():
    with pytest.raises(TypeError, match="float64"):
        gradcheck(mg.exp, mg.ones(2, requires_grad=True))
    with pytest.raises(ValueError, match="require"):
        gradcheck(mg.exp, mg.ones(2, dtype=mg.float64))


def test_the_report_names_the_input_and_the_entry():
    bug = operation(lambda a, b: a * b, lambda g, a, b: (g * b, g * a * 2.0))
    report = gradcheck(bug, [point(2), point(2, seed=1)], raise_exception=False)
    assert [comparison.status for comparison in report.comparisons] == ["passed", "wrong"]
    assert "input 1" in str(report) and "backward computed" in str(report)


def test_a_symmetric_jump_of_the_gradient_is_a_kink():
    x = mg.tensor(np.array([2.0, -2.0, 0.5]), requires_grad=True)  # |x| ties: the gradient jumps from 0 to 1 past 1/2
    with pytest.warns(UserWarning, match="not differentiable"):
        assert gradgradcheck(lambda x: x.abs().max(), [x]).status == "kink"


def test_a_result_that_may_not_be_read_after_its_input_moved():
    """The checker moves inputs in place; a reshaped copy refuses to be read after that, and need not be."""
    assert gradcheck(lambda x: x.T.reshape(6), point(2, 3))
    assert gradgradcheck(lambda x: x.T.reshape(6) ** 3, point(2, 3))
