"""Bad input ends at the operation's entrance, in one sentence that names the argument and says what would be right."""

import inspect

import pytest

import minigrad as mg
from minigrad.nn import functional as F
from minigrad.ops.public import declared


def x():
    return mg.ones(2, 3, requires_grad=True)


def hooked():
    y = x() * 2
    y.register_hook(lambda gradient: 3)
    y.sum().backward()


BAD = {
    "bits of floats": (lambda: x() & x(), TypeError, "bitwise_and: bools or integers are needed, got float32"),
    "inverted floats": (lambda: ~x(), TypeError, "invert: bools or integers are needed"),
    "a size that is not there": (lambda: x().size(5), IndexError, "size: dim 5 is out of range for 2 axes"),
    "cat of None": (lambda: mg.cat(None), TypeError, "cat: a list of tensors is needed, got NoneType"),
    "grad of no outputs": (lambda: mg.grad(None, x()), TypeError, "grad: outputs must be a Tensor or a list of them"),
    "half a size": (lambda: x().reshape(1.5), TypeError, "reshape: sizes must be ints, got"),
    "no size": (lambda: x().view(None), TypeError, "reshape: sizes must be ints, got"),
    "arange of text": (lambda: mg.arange("a"), TypeError, "arange: end must be a number, got 'a'"),
    "bias dtype": (lambda: F.linear(x(), mg.ones(4, 3), mg.ones(4, dtype=mg.float64)), TypeError, "bias is float64"),
    "bias no tensor": (lambda: F.linear(x(), mg.ones(4, 3), [1, 2, 3, 4]), TypeError, "bias must be a Tensor"),
    "expand": (lambda: x().expand(-1, 2, 3), ValueError, "negative sizes"),
    "clamp": (lambda: x().clamp(min="0.1"), TypeError, "min must be a number or a Tensor, got str"),
    "float index": (lambda: [1, 2, 3][mg.tensor(1.7)], TypeError, "is no index"),
    "hook": (hooked, TypeError, "must return a Tensor or None"),
    "where": (lambda: mg.where(mg.tensor([True, False]), x(), 0.0), ValueError, "do not broadcast"),
    "grad of None": (lambda: mg.grad(x().sum(), [None]), TypeError, r"inputs\[0\] must be a Tensor"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_sentence(name):
    call, error, said = BAD[name]
    with pytest.raises(error, match=said) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_writing_to_one_entry_reaches_the_tensor():
    x = mg.zeros(3)
    x[0].fill_(5.0)
    assert x.tolist() == [5.0, 0.0, 0.0]


@pytest.mark.parametrize("function", [F.softmax, F.log_softmax])
def test_the_softmax_of_nothing_is_nothing(function):
    empty = mg.zeros(2, 0, requires_grad=True)
    y = function(empty, 1)
    y.sum().backward()
    assert y.shape == empty.grad.shape == (2, 0)


def test_recording_is_switched_by_a_statement_too():
    with mg.enable_grad():
        mg.set_grad_enabled(False)
        assert not mg.is_grad_enabled() and not (x() * 2).requires_grad
        with mg.set_grad_enabled(True):
            assert mg.is_grad_enabled()
        assert not mg.is_grad_enabled()
        mg.set_grad_enabled(True)

        @mg.set_grad_enabled(False)
        def quiet():
            return mg.is_grad_enabled()

        assert mg.is_grad_enabled() and not quiet() and mg.is_grad_enabled()
    assert mg.is_grad_enabled()


def first_arguments():
    """Every public function by name, with its first argument's, where that is one tensor."""
    for place in ("minigrad", "nn.functional"):
        for name, function in declared[place].items():
            first = next(iter(inspect.signature(function).parameters.values()), None)
            if first is not None and first.annotation == "Tensor":
                yield pytest.param(function, first.name, id=f"{place}.{name}")


@pytest.mark.parametrize("function, argument", first_arguments())
def test_what_is_no_tensor_is_called_by_the_arguments_name(function, argument):
    others = list(inspect.signature(function).parameters.values())[1:]
    rest = [1 if other.annotation == "int" else mg.ones(2) for other in others if other.default is other.empty]
    with pytest.raises(TypeError, match=rf"(\b{argument} must be a Tensor|a Tensor (or a number )?is needed)"):
        function("text", *rest)
