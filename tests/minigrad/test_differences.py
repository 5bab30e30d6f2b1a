"""docs/differences.md is true: every signature that differs from PyTorch's is on it, with exactly what is missing."""

import inspect
import re
from pathlib import Path

import pytest

import minigrad as mg
from minigrad.ops.public import declared

PAGE = Path(__file__).parents[2] / "docs" / "differences.md"
PLACES = ("nn", "nn.functional", "nn.utils", "nn.init", "optim", "optim.lr_scheduler", "utils.data")


def found(library, place):
    for part in place.split("."):
        library = getattr(library, part)
    return library


def arguments(thing):
    """The names of what a function takes, or a class' `__init__`; None where nobody can tell."""
    try:
        names = inspect.signature(thing.__init__ if isinstance(thing, type) else thing).parameters
    except (TypeError, ValueError):
        return None
    return [name for name in names if name not in ("self", "args", "kwargs")]


def differing(torch):
    """{place.name: what PyTorch takes and minigrad does not}, and {place.name: what only minigrad takes}."""
    missing, extra = {}, {}
    for place in PLACES:
        ours, theirs = found(mg, place), found(torch, place)
        for name in (n for n in vars(ours) if not n.startswith("_") and callable(getattr(ours, n))):
            a, b = arguments(getattr(ours, name)), arguments(getattr(theirs, name, None))
            if not hasattr(theirs, name) or not a or not b:
                continue
            if set(b) - set(a):
                missing[f"{place}.{name}"] = [argument for argument in b if argument not in a]
            if set(a) - set(b):
                extra[f"{place}.{name}"] = [argument for argument in a if argument not in b]
    return missing, extra


def test_every_missing_argument_is_on_the_page_and_nothing_else():
    torch = pytest.importorskip("torch")
    listed = {
        name: arguments.split()
        for name, arguments in re.findall(r"^\| `([\w.]+)` \| ([\w ]+) \|", PAGE.read_text(), re.M)
    }
    missing, extra = differing(torch)
    missing.update(missing_in_functions(torch))
    assert listed == missing
    assert extra == {"utils.data.default_collate": ["items"]}


def functions(torch):
    """(place.name, ours, PyTorch's) of the functions of both libraries, and of the methods that are none of them."""
    methods = {name for name in dir(mg.Tensor) if not name.startswith("_") and callable(getattr(mg.Tensor, name))}
    as_functions = {name.rstrip("_") for name in declared["minigrad"]}
    chosen = [("minigrad", mg, torch, name) for name in declared["minigrad"]]
    chosen += [
        ("Tensor", mg.Tensor, torch.Tensor, name) for name in sorted(methods) if name.rstrip("_") not in as_functions
    ]
    return [
        (f"{place}.{name}", getattr(ours, name), getattr(theirs, name))
        for place, ours, theirs, name in chosen
        if hasattr(theirs, name)
    ]


def missing_in_functions(torch):
    """{place.name: what PyTorch's help names and minigrad's function does not take}."""
    from tests.oracles.signatures import arguments_of

    nowhere = re.findall(r"`(\w+)`", re.search(r"^Nowhere: (.*?)\.$", PAGE.read_text(), re.M | re.S).group(1))
    missing = {}
    for name, ours, theirs in functions(torch):
        taken, wanted = arguments_of(ours), arguments_of(theirs)
        found = [argument for argument in wanted if argument not in taken and argument not in ("self", *nowhere)]
        if found and taken.keys() - {"self"}:
            missing[name] = found
    return missing


def test_defaults_of_functions_are_pytorchs():
    torch = pytest.importorskip("torch")
    from tests.oracles.signatures import arguments_of

    listed = set(re.findall(r"^\| `([\w.]+)` \| `(\w+)=", PAGE.read_text(), re.M))
    different = set()
    for name, ours, theirs in functions(torch):
        taken, wanted = arguments_of(ours), arguments_of(theirs)
        for argument in taken.keys() & wanted.keys():
            a, b = taken[argument], wanted[argument]
            if b is not None and str(a).strip("'\"") not in (b, f"{b}.0"):
                different.add((name, argument))
    assert different == listed


def test_positions_of_functions_are_pytorchs():
    """In some form of PyTorch's, what stands before the first argument that needs its name."""
    torch = pytest.importorskip("torch")
    from tests.oracles.signatures import arguments_of, forms_in_help

    for name, ours, theirs in functions(torch):
        if name == "Tensor.to":
            continue  # takes dtype and device in any order, as PyTorch's does
        taken = [argument for argument in arguments_of(ours) if argument not in ("self", "input")]
        for form in forms_in_help(theirs):
            names = [re.match(r"\**\w*", part).group() for part in form]
            names = names[: names.index("*")] if "*" in names else names
            shared = [argument for argument in names if argument in taken]
            assert shared == [argument for argument in taken if argument in shared], (name, names, taken)


def test_the_shared_arguments_stand_in_pytorchs_order():
    torch = pytest.importorskip("torch")
    for place in PLACES:
        ours, theirs = found(mg, place), found(torch, place)
        for name in (n for n in vars(ours) if not n.startswith("_") and callable(getattr(ours, n))):
            a, b = arguments(getattr(ours, name)), arguments(getattr(theirs, name, None))
            if hasattr(theirs, name) and a and b:
                assert [n for n in a if n in b] == [n for n in b if n in a], f"{place}.{name}"


def test_what_differs_on_purpose_does():
    with pytest.raises(ValueError, match="they must be equal"):
        mg.nn.functional.mse_loss(mg.ones(2, 1), mg.ones(2))
    with pytest.raises(ValueError, match="the data set is empty"):
        mg.utils.data.DataLoader([])
    assert len(mg.nn.Sequential({"a": mg.nn.ReLU()})) == 1
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        mg.optim.SGD([mg.ones(1, requires_grad=True)], lr=0.1, foreach=True)


def test_what_is_left_out_is_not_there():
    section = PAGE.read_text().split("## Left out")[1]
    names = set(re.findall(r"`(\w+)`", section)) - {"Function", "register_full_backward_hook"}
    places = [mg, mg.nn, mg.nn.Module, mg.optim, mg.optim.lr_scheduler, mg.utils.data, mg.Tensor]
    there = {name for name in names for place in places if hasattr(place, name)}
    assert len(names) > 10 and not there
