"""Clipping, parameters as a vector, and weight normalization, held to PyTorch's."""

import math

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn


def pair_of_nets(torch):
    theirs, ours = (n.Sequential(n.Linear(4, 5), n.Linear(5, 2)).double() for n in (torch.nn, nn))
    ours.load_state_dict({key: mg.tensor(value.numpy()) for key, value in theirs.state_dict().items()})
    x = np.random.default_rng(0).standard_normal((3, 4))
    for library, net in ((torch, theirs), (mg, ours)):
        (net(library.tensor(x)) ** 2).sum().backward()
    return theirs, ours


@pytest.mark.parametrize("norm_type", [2.0, 1, 3.0, math.inf])
@pytest.mark.parametrize("max_norm", [0.5, 1e6])
def test_norms_are_clipped_as_pytorch_clips(max_norm, norm_type):
    torch = pytest.importorskip("torch")
    theirs, ours = pair_of_nets(torch)
    expected = torch.nn.utils.clip_grad_norm_(theirs.parameters(), max_norm, norm_type)
    assert nn.utils.clip_grad_norm_(ours.parameters(), max_norm, norm_type).item() == pytest.approx(expected.item())
    for a, b in zip(ours.parameters(), theirs.parameters()):
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=1e-12)


def test_a_norm_that_is_not_finite_is_an_error_if_asked_for():
    parameter = nn.Parameter(mg.ones(2))
    parameter.grad = mg.tensor([math.inf, 1.0])
    with pytest.raises(RuntimeError, match="norm is inf"):
        nn.utils.clip_grad_norm_(parameter, 1.0, error_if_nonfinite=True)
    assert parameter.grad.tolist() == [math.inf, 1.0]
    nn.utils.clip_grad_value_(parameter, 0.5)
    assert parameter.grad.tolist() == [0.5, 0.5]
    assert nn.utils.clip_grad_norm_([], 1.0).item() == 0


def test_parameters_become_a_vector_and_come_back():
    torch = pytest.importorskip("torch")
    theirs, ours = pair_of_nets(torch)
    vector = nn.utils.parameters_to_vector(ours.parameters())
    expected = torch.nn.utils.parameters_to_vector(theirs.parameters())
    assert vector.tolist() == expected.tolist() and vector.requires_grad
    nn.utils.vector_to_parameters(mg.arange(0.0, float(vector.numel())), ours.parameters())
    torch.nn.utils.vector_to_parameters(torch.arange(0.0, float(vector.numel())), theirs.parameters())
    assert [p.tolist() for p in ours.parameters()] == [p.tolist() for p in theirs.parameters()]
    with pytest.raises(ValueError, match=r"vec has shape \(3,\), the parameters need \(37,\)"):
        nn.utils.vector_to_parameters(mg.ones(3), ours.parameters())


@pytest.mark.parametrize(
    "make, shape, dim",
    [
        (lambda n: n.Linear(4, 3), (2, 4), 0),
        (lambda n: n.Conv2d(2, 3, 3), (2, 2, 5, 5), 1),
        (lambda n: n.ConvTranspose2d(2, 3, 3), (2, 2, 5, 5), None),
    ],
)
def test_weight_norm_is_pytorchs(make, shape, dim):
    torch = pytest.importorskip("torch")
    with pytest.warns(FutureWarning):
        theirs = torch.nn.utils.weight_norm(make(torch.nn).double(), dim=dim)
    ours = nn.utils.weight_norm(make(nn).double(), dim=dim)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({key: mg.tensor(value.numpy()) for key, value in theirs.state_dict().items()})
    x = np.random.default_rng(0).standard_normal(shape)
    for library, layer in ((torch, theirs), (mg, ours)):
        (layer(library.tensor(x)) ** 2).sum().backward()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=1e-9)
    nn.utils.remove_weight_norm(ours)
    torch.nn.utils.remove_weight_norm(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    np.testing.assert_allclose(ours.weight.detach().numpy(), theirs.weight.detach().numpy(), rtol=1e-12)
    with pytest.raises(ValueError, match="is not normalized"):
        nn.utils.remove_weight_norm(ours)
    with pytest.raises(ValueError, match="ReLU has no parameter 'weight'"):
        nn.utils.weight_norm(nn.ReLU())
