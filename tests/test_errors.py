"""Bad input ends at the operation's entrance, in one sentence that names the argument and says what would be right."""

import pytest

import minigrad as mg
from minigrad.nn import functional as F


def x():
    return mg.ones(2, 3, requires_grad=True)


def hooked():
    y = x() * 2
    y.register_hook(lambda gradient: 3)
    y.sum().backward()


BAD = {
    "bias dtype": (lambda: F.linear(x(), mg.ones(4, 3), mg.ones(4, dtype=mg.float64)), TypeError, "bias is float64"),
    "bias no tensor": (lambda: F.linear(x(), mg.ones(4, 3), [1, 2, 3, 4]), TypeError, "bias must be a Tensor"),
    "expand": (lambda: x().expand(-1, 2, 3), ValueError, "negative sizes"),
    "clamp": (lambda: x().clamp(min=mg.tensor(0.1)), TypeError, "min must be a number"),
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
