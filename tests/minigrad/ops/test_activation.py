"""Activations beyond the table of cases: integers and bools, in place too, and softmax without dim, as in PyTorch."""

import warnings
from inspect import signature

import numpy as np
import pytest

import minigrad as mg

NAMES = [
    "relu", "leaky_relu", "elu", "softplus", "sigmoid", "logsigmoid", "tanh", "gelu", "silu", "selu", "hardtanh",
    "relu6", "softsign", "dropout",
]  # fmt: skip
CALLS = [
    *(f"F.{name}(x)" for name in NAMES),
    "torch.relu(x)", "x.relu_()", "x.sigmoid_()", "torch.sigmoid(x)", "F.relu(x, inplace=True)", "F.hardtanh(x, -1, 2)",
    "F.relu6(x, inplace=True)", "F.dropout(x, 0.0)", "F.dropout(x, 0.5, False)", "F.softmax(x, 1)",
    "F.log_softmax(x, 1)", "F.softmax(x, 1, dtype=torch.float32)", "torch.log_softmax(x, 0, dtype=torch.float64)",
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["int64", "int32", "bool"])
@pytest.mark.parametrize("call", CALLS)
def test_integers_and_bools_are_taken_or_refused_as_by_pytorch(call, dtype):
    torch = pytest.importorskip("torch")
    found = []
    for library in (mg, torch):
        x = library.tensor(np.array([[-2, 3, 0], [1, 2, 7]]).astype(dtype))
        try:
            y = eval(call, {"torch": library, "F": library.nn.functional, "x": x})
            found.append((str(y.dtype).removeprefix("torch."), y.tolist()))
        except (TypeError, RuntimeError):
            found.append(("refused", []))
    assert found[0][0] == found[1][0]
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-6)


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in sorted(mg.nn.functional.__all__)
        if "inplace" in signature(getattr(mg.nn.functional, name)).parameters
    ],
)
def test_in_place_the_input_becomes_the_result_and_gradients_stay(name):
    """Of a result, also one that other operations have seen, and of composed functions."""
    function, gradients = getattr(mg.nn.functional, name), []
    for inplace in (False, True):
        mg.manual_seed(0)
        x = mg.tensor(np.linspace(-4, 7.5, 24).reshape(1, 2, 3, 4), requires_grad=True)
        before = x * 1.5
        y = function(before, inplace=inplace)
        assert (y is before) == inplace
        gradients.append((y.tolist(), mg.grad((y * y).sum(), x)[0].tolist()))
    assert gradients[0] == gradients[1]


@pytest.mark.parametrize("shape", [(), (4,), (2, 3), (2, 3, 4), (2, 3, 2, 2)])
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_without_dim_chooses_pytorchs_axis_and_warns(name, shape):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).standard_normal(shape)
    for as_layer in (False, True):
        found = []
        for library in (mg, torch):
            layer = {"softmax": library.nn.Softmax, "log_softmax": library.nn.LogSoftmax}[name]()
            function = layer if as_layer else getattr(library.nn.functional, name)
            with pytest.warns(UserWarning, match="dim"):
                found.append(function(library.tensor(x)).numpy())
        np.testing.assert_allclose(*found, rtol=1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        getattr(mg.nn.functional, name)(mg.tensor(x), dim=-1)
