"""Containers edited as lists and dictionaries are: the same modules under the same names as in PyTorch."""

import pytest

import minigrad as mg
from minigrad import nn

EDITS = {
    "replace": lambda n, c: c.__setitem__(1, n.Identity()),
    "replace the last": lambda n, c: c.__setitem__(-1, n.Identity()),
    "delete": lambda n, c: c.__delitem__(0),
    "delete several": lambda n, c: c.__delitem__(slice(1, 3)),
    "insert": lambda n, c: c.insert(1, n.Identity()),
    "pop": lambda n, c: c.pop(1),
    "append": lambda n, c: c.append(n.Identity()),
    "extend": lambda n, c: c.extend([n.Identity(), n.Softplus()]),
}


@pytest.mark.parametrize("kind", ["Sequential", "ModuleList"])
@pytest.mark.parametrize("edit", EDITS)
def test_modules_are_exchanged_and_numbered_as_in_pytorch(edit, kind):
    torch = pytest.importorskip("torch")
    found = []
    for library in (nn, torch.nn):
        layers = [library.ReLU(), library.Tanh(), library.Sigmoid(), library.ELU()]
        held = library.Sequential(*layers) if kind == "Sequential" else library.ModuleList(layers)
        result = EDITS[edit](library, held)
        found.append(([(name, type(m).__name__) for name, m in held.named_children()], type(result).__name__))
    assert found[0] == found[1]


def test_a_slice_of_a_sequential_keeps_the_names():
    torch = pytest.importorskip("torch")
    found = []
    for library in (nn, torch.nn):
        part = library.Sequential(*[library.Linear(2, 2) for _ in range(4)])[2:]
        found.append((list(part.state_dict()), repr(part)))
    assert found[0] == found[1]


def test_parameters_in_lists_and_dictionaries_are_registered():
    torch = pytest.importorskip("torch")
    found = []
    for library in (mg, torch):
        n = library.nn
        net = n.Module()
        net.scales = n.ParameterList([n.Parameter(library.ones(2)), library.zeros(3)])
        net.scales.append(n.Parameter(library.ones(1), requires_grad=False)).extend([library.ones(4)])
        net.scales[1] = n.Parameter(library.ones(5))
        net.named = n.ParameterDict({"a": n.Parameter(library.zeros(2)), "b": library.ones(1)})
        net.named["c"] = n.Parameter(library.ones(6))
        part = [tuple(p.shape) for p in net.scales[1:3]]
        names = [(name, tuple(p.shape), p.requires_grad) for name, p in net.named_parameters()]
        kinds = {type(p).__name__ for p in (*net.scales, *net.named.values())}
        keys = [*net.named, *net.named.keys(), "b" in net.named, len(net.named), len(net.scales)]
        found.append((names, part, kinds, keys, [tuple(p.shape) for _, p in net.named.items()]))
        assert net.get_parameter("named.c") is net.named["c"]
    assert found[0] == found[1]
    with pytest.raises(TypeError, match="ParameterList: values must be Tensors, got int"):
        nn.ParameterList([3])


def test_what_a_convolution_keeps_of_its_options():
    torch = pytest.importorskip("torch")
    for make in (
        lambda n: n.Conv2d(1, 2, 3, padding=1),
        lambda n: n.Conv1d(1, 2, 3, padding=2, dilation=2),
        lambda n: n.ConvTranspose2d(2, 4, 4, 2, 1, output_padding=1, groups=2),
        lambda n: n.Conv2d(1, 2, 3, padding="same", bias=False, padding_mode="circular"),
    ):
        ours, theirs = make(nn), make(torch.nn)
        for name in ("kernel_size", "stride", "padding", "dilation", "groups", "output_padding", "padding_mode"):
            if hasattr(ours, name):
                assert getattr(ours, name) == getattr(theirs, name), name
    assert repr(nn.Conv2d(1, 2, 3, padding=1)) == repr(torch.nn.Conv2d(1, 2, 3, padding=1))
    assert repr(nn.Linear(1, 2)) == repr(torch.nn.Linear(1, 2))
    assert repr(nn.Linear(1, 2).load_state_dict(nn.Linear(1, 2).state_dict())) == "<All keys matched successfully>"
