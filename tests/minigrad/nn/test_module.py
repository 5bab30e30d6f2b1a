"""Modules as PyTorch's: the order of what is registered, replaced and shared; hooks; names that are refused."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn


def net_of(library):
    """One class, made on minigrad's Module or on PyTorch's."""
    n = library.nn

    class Net(n.Module):
        def __init__(self):
            super().__init__()
            self.body = n.Sequential(n.Linear(3, 4), n.BatchNorm1d(4), n.Linear(4, 3))
            self.scale = n.Parameter(library.ones(1))
            self.register_buffer("offset", library.zeros(3))
            self.register_buffer("scratch", library.zeros(3), persistent=False)
            self.tied = n.Linear(3, 4)
            self.tied.weight = self.body[0].weight
            self.again = self.body[2]

        def forward(self, x):
            return self.again(self.tied(self.body(x) * self.scale + self.offset))

    return Net()


def Net():
    return net_of(mg)


def listed(net):
    return {
        "state": list(net.state_dict()),
        "prefixed": list(net.state_dict(prefix="net.")),
        "parameters": [name for name, _ in net.named_parameters()],
        "own": [name for name, _ in net.named_parameters(prefix="p", recurse=False)],
        "all": [name for name, _ in net.named_parameters(remove_duplicate=False)],
        "buffers": [name for name, _ in net.named_buffers()],
        "modules": [name for name, _ in net.named_modules()],
        "every": [name for name, _ in net.named_modules(remove_duplicate=False)],
        "below": [name for name, _ in net.named_modules(None, "here")],
        "children": [name for name, _ in net.named_children()],
        "counts": (len(list(net.parameters())), len(list(net.buffers(recurse=False)))),
    }


def replaced(net, n, library):
    """Every way to put one thing in the place of another."""
    net.body.add_module("0", n.Linear(3, 4, bias=False))
    net.body[2].weight = n.Parameter(library.ones(3, 4))
    net.scale = n.Parameter(library.zeros(1))
    net.offset = library.ones(3)
    net.register_buffer("offset", library.ones(3))
    net.body.register_module("1", n.ReLU())
    setattr(net.body, "1", n.Tanh())
    net.tied.bias = None
    return net


def test_everything_is_listed_in_pytorchs_order():
    torch = pytest.importorskip("torch")
    assert listed(Net()) == listed(net_of(torch))


def test_what_replaces_another_takes_its_place():
    torch = pytest.importorskip("torch")
    assert listed(replaced(Net(), nn, mg)) == listed(replaced(net_of(torch), torch.nn, torch))
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    net.add_module("0", nn.Linear(2, 3))
    assert [type(m).__name__ for m in net] == ["Linear", "ReLU", "Linear"]
    assert net(mg.ones(1, 2)).shape == (1, 1)


def test_a_state_with_shared_parts_comes_back():
    a, b = Net(), Net()
    assert "tied.weight" in a.state_dict() and "again.weight" in a.state_dict() and "scratch" not in a.state_dict()
    result = b.load_state_dict(a.state_dict())
    assert result == ([], []) and result.missing_keys == []
    assert b.tied.weight is b.body[0].weight and b.tied.weight.tolist() == a.tied.weight.tolist()
    partly = b.load_state_dict({"scale": mg.ones(1), "more": mg.ones(1)}, strict=False)
    assert partly.unexpected_keys == ["more"] and "offset" in partly.missing_keys and "scale" not in partly.missing_keys


def test_a_parameter_shares_the_memory_it_was_made_of():
    weight = mg.ones(2, 2)
    parameter = nn.Parameter(weight)
    weight.fill_(3.0)
    assert parameter.tolist() == [[3.0, 3.0], [3.0, 3.0]]
    x = mg.ones(1, 1, 5, 5)
    kernel = mg.ones(1, 1, 3, 3)
    layer = nn.Conv2d(1, 1, 3, bias=False)
    layer.weight = nn.Parameter(kernel)
    with mg.no_grad():
        before = layer(x).sum().item()
        kernel.fill_(2.0)  # whatever was derived from the old weight is out of date
        assert layer(x).sum().item() == 2 * before


def test_hooks_see_and_change_what_passes_and_can_be_removed():
    for library in (mg, pytest.importorskip("torch")):
        layer, seen = library.nn.Linear(2, 2), []
        x = library.ones(1, 2)
        plain = layer(x).tolist()
        first = layer.register_forward_hook(lambda m, inputs, y, s=seen: s.append((len(inputs), tuple(y.shape))))
        second = layer.register_forward_hook(lambda m, inputs, y: y * 0)
        third = layer.register_forward_pre_hook(lambda m, inputs: inputs[0] * 2)
        assert layer(x).tolist() == [[0.0, 0.0]] and seen == [(1, (1, 2))]
        second.remove()
        second.remove()
        third.remove()
        with first:
            assert layer(x).tolist() == plain
        assert layer(x).tolist() == plain and len(seen) == 2


def test_features_are_collected_by_hooks_as_with_pytorch():
    torch = pytest.importorskip("torch")
    values = np.random.default_rng(0).standard_normal((1, 3, 8, 8))
    found = []
    weights = np.random.default_rng(1).standard_normal((4, 3, 3, 3)), np.random.default_rng(2).standard_normal(4)
    for library in (mg, torch):
        n = library.nn
        net = n.Sequential(n.Conv2d(3, 4, 3, padding=1), n.ReLU(), n.MaxPool2d(2)).double()
        net.load_state_dict({"0.weight": library.tensor(weights[0]), "0.bias": library.tensor(weights[1])})
        features = {}
        for name, module in net.named_children():
            module.register_forward_hook(lambda m, inputs, y, name=name, kept=features: kept.update({name: y}))
        net(library.tensor(values))
        found.append({name: y.detach().numpy() for name, y in features.items()})
    assert list(found[0]) == list(found[1]) == ["0", "1", "2"]
    for name, value in found[1].items():
        np.testing.assert_allclose(found[0][name], value, rtol=1e-9, atol=1e-12)


def test_submodules_are_found_by_dotted_name():
    net = Net()
    assert net.get_submodule("body.2") is net.body[2] and net.get_submodule("") is net
    with pytest.raises(AttributeError, match="'scale' in 'scale' is no Module"):
        net.get_submodule("scale")
    with pytest.raises(AttributeError, match="no attribute 'head'"):
        net.get_submodule("body.head")


@pytest.mark.parametrize(
    "action, error, words",
    [
        (lambda n: n.add_module("a.b", nn.ReLU()), KeyError, "must not be empty or contain a dot"),
        (lambda n: n.add_module("", nn.ReLU()), KeyError, "must not be empty"),
        (lambda n: n.add_module("forward", nn.ReLU()), KeyError, "has an attribute 'forward' already"),
        (lambda n: n.add_module("head", 3), TypeError, "must be a Module or None, got int"),
        (lambda n: n.register_buffer("scale", mg.ones(1)), KeyError, "has an attribute 'scale' already"),
        (lambda n: n.register_buffer("b", 3.0), TypeError, "must be a Tensor or None, got float"),
        (lambda n: n.register_parameter("w", mg.ones(1)), TypeError, "must be a Parameter or None, got Tensor"),
        (lambda n: n.register_parameter(3, None), TypeError, "name must be a string"),
        (lambda n: n.to(mg.int64), TypeError, "cannot be int64"),
        (lambda n: n.train("yes"), ValueError, "mode must be True or False"),
        (lambda n: delattr(n, "nonsense"), AttributeError, "nonsense"),
    ],
)
def test_what_cannot_be_registered_is_named(action, error, words):
    net = Net()
    before = listed(net)
    with pytest.raises(error, match=words):
        action(net)
    assert listed(net) == before


def test_gradients_are_forgotten_or_made_zero():
    layer = nn.Linear(2, 1)
    layer(mg.ones(1, 2)).sum().backward()
    layer.zero_grad(set_to_none=False)
    assert layer.weight.grad.tolist() == [[0.0, 0.0]]
    layer.zero_grad()
    assert layer.weight.grad is None


def test_module_lists_are_extended_filled_and_sliced_as_pytorchs():
    torch = pytest.importorskip("torch")
    for library in (mg, torch):
        layers = [library.nn.Linear(1, n + 1) for n in range(5)]
        held = library.nn.ModuleList(layers[:2]).extend(layers[2:4])
        held.insert(1, layers[4])
        assert list(held) == [layers[0], layers[4], *layers[1:4]]
        assert list(held.state_dict())[2:4] == ["1.weight", "1.bias"]
        assert isinstance(held[1:3], library.nn.ModuleList) and list(held[1:3]) == [layers[4], layers[1]]


def test_half_precision_is_refused():
    with pytest.raises(TypeError, match="float16 is not supported"):
        mg.nn.Linear(1, 1).half()
