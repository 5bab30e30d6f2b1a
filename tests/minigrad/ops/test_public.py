"""Every function stands where its declaration says that users find it."""

import inspect
import pkgutil
import re

import pytest

import minigrad as mg
from minigrad import ops
from minigrad.ops.public import declared, public
from tests.helpers import stubs

PLACE = mg.tensor([1])
ARGUMENTS = {  # of those that do not take numbers only
    "clamp": [0.0, 1.0],
    "clip": [0.0, 1.0],
    "lerp": [mg.tensor([1.0, 2.0]), 0.5],
    "masked_fill": [mg.tensor([True, False]), 2.0],
    "scatter": [0, PLACE, 2.0],
    "scatter_add": [0, PLACE, mg.tensor([2.0])],
}


@pytest.mark.parametrize("name", declared["minigrad"])
def test_functions_of_the_package(name):
    assert getattr(mg, name, None) is declared["minigrad"][name], f"{name} is hidden by another"


@pytest.mark.parametrize("name", declared["nn.functional"])
def test_functions_of_nn_functional(name):
    function = getattr(mg.nn.functional, name, None)
    assert function is declared["nn.functional"][name], f"{name} is hidden by another"


@pytest.mark.parametrize("name", declared["Tensor"])
def test_methods_of_tensors(name):
    method = getattr(mg.Tensor, name, None)
    assert method is not None, f"{name} was declared after minigrad.ops had bound the methods"
    ours, theirs = (list(inspect.signature(f).parameters)[1:] for f in (method, declared["Tensor"][name]))
    assert ours == theirs[: len(ours)], f"{name}: the method's arguments are {ours}, the function's {theirs}"


@pytest.mark.parametrize("name", declared["in-place"])
def test_methods_that_write_in_place(name):
    """Called on a result, they change it and return it."""
    function = declared["in-place"][name]
    required = [
        p
        for p in list(inspect.signature(function).parameters.values())[1:]
        if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
    ]
    arguments = ARGUMENTS.get(name, [2.0] * len(required))
    x = mg.tensor([0.25, 3.0], requires_grad=True)
    y = x * 1
    result = getattr(y, f"{name}_")(*arguments)
    assert result is y and y.tolist() == function(x, *arguments).tolist()
    (expected,) = mg.grad(function(x, *arguments).sum(), x)
    (found,) = mg.grad(y.sum(), x)
    assert found.tolist() == expected.tolist()


@pytest.mark.parametrize("path", stubs.STUBS, ids=lambda path: path.name)
def test_the_stubs_are_up_to_date(path):
    assert path.read_text() == stubs.STUBS[path](), "run `python -m tests.helpers.stubs`"


def test_layers_find_every_function_in_ops():
    """`from .file import *` in ops/__init__.py hands all of them on; a file without a line is named here."""
    files = {info.name for info in pkgutil.iter_modules(ops.__path__)}
    assert files == set(re.findall(r"^from \.(\w+) import \*$", inspect.getsource(ops), re.M))
    for functions in declared.values():
        for name, function in functions.items():
            assert getattr(ops, name) is function, f"ops.{name} is another"


def test_an_unknown_place_is_refused():
    with pytest.raises(ValueError, match="'torch' is not a place"):
        public("torch")
