"""Full backward hooks see and replace the gradients that PyTorch's see and replace."""

import numpy as np
import pytest

import minigrad as mg

NUMBERS = np.random.default_rng(0).standard_normal((2, 3, 4))


def pair_module(library):
    """Two inputs and a number in, two outputs out."""

    class Pair(library.nn.Module):
        def forward(self, a, b, factor):
            a = library.nn.functional.relu(a * 1.0, inplace=True)
            return a * b * factor, (a + b).sum()

    return Pair()


def run(library, inputs, hooks, needed=(True, True)):
    a, b = (library.tensor(x, requires_grad=need) for x, need in zip(inputs, needed))
    net, seen = pair_module(library), []
    for kind, change in hooks:

        def hook(module, *gradients, change=change):
            assert module is net
            seen.append([[None if g is None else g.tolist() for g in part] for part in gradients])
            return change(gradients[0])

        getattr(net, f"register_full_backward_{kind}hook")(hook)
    first, second = net(a, b, 3.0)
    loss = (first**2).sum() + (second if needed[0] else 0.0 * second)
    if loss.requires_grad:
        loss.backward()
    return seen, [None if x.grad is None else x.grad.tolist() for x in (a, b)]


def unchanged(gradients):
    return None


def doubled(gradients):
    return tuple(None if g is None else g * 2 for g in gradients)


def clipped(gradients):
    return tuple(None if g is None else g.clamp(-0.5, 0.5) for g in gradients)


@pytest.mark.parametrize("needed", [(True, True), (True, False), (False, True)])
@pytest.mark.parametrize(
    "hooks",
    [
        [("", unchanged)],
        [("", doubled), ("", clipped)],
        [("pre_", doubled)],
        [("pre_", clipped), ("", doubled), ("", unchanged)],
    ],
    ids=["seen", "replaced twice", "before", "before and after"],
)
def test_hooks_see_and_replace_what_pytorchs_do(hooks, needed):
    torch = pytest.importorskip("torch")
    inputs = NUMBERS[0], NUMBERS[1]
    found = [run(library, inputs, hooks, needed) for library in (mg, torch)]
    assert len(found[0][0]) == len(found[1][0]) == len(hooks)
    flat = [[x for call in seen for part in call for x in part] for seen, _ in found]
    for a, b in zip(*flat):
        assert (a is None) == (b is None)
        if a is not None:
            np.testing.assert_allclose(a, b, rtol=1e-12)
    for a, b in zip(found[0][1], found[1][1]):
        assert (a is None) == (b is None)
        if a is not None:
            np.testing.assert_allclose(a, b, rtol=1e-12)


def test_a_layers_hook_in_a_network_that_needs_no_gradient_of_its_input():
    torch = pytest.importorskip("torch")
    found = []
    for library in (mg, torch):
        net = library.nn.Sequential(library.nn.Linear(4, 3), library.nn.ReLU(), library.nn.Linear(3, 1))
        for i, parameter in enumerate(net.double().parameters()):
            parameter.data.copy_(library.from_numpy(np.random.default_rng(i).standard_normal(tuple(parameter.shape))))
        seen = []
        for layer in net:
            layer.register_full_backward_hook(lambda m, i, o: seen.append((i[0], o[0])))  # noqa: B023
        net(library.from_numpy(NUMBERS[0])).sum().backward()
        found.append([None if x is None else x.detach().numpy() for pair in seen for x in pair])
        assert len(seen) == 3
    for a, b in zip(*found):
        assert (a is None) == (b is None)
        if a is not None:
            np.testing.assert_allclose(a, b, rtol=1e-12)


def test_hooks_are_differentiable_and_removed():
    torch = pytest.importorskip("torch")
    found = []
    for library in (mg, torch):
        net, seen = library.nn.Tanh(), []
        handle = net.register_full_backward_hook(lambda m, i, o: (seen.append(1), (i[0] * 2,))[1])  # noqa: B023
        x = library.tensor([0.3, -0.2], dtype=library.float64, requires_grad=True)
        (g,) = library.autograd.grad(net(x).sum(), x, create_graph=True)
        (h,) = library.autograd.grad(g.sum(), x)
        handle.remove()
        seen.clear()
        net(x).sum().backward()
        assert not seen
        found.append([g.detach().numpy(), h.numpy(), x.grad.numpy()])
    np.testing.assert_allclose(*found, rtol=1e-12)


def test_an_output_that_is_no_tensor_is_refused():
    class Named(mg.nn.Module):
        def forward(self, x):
            return {"x": x}

    net = Named()
    net.register_full_backward_hook(lambda m, i, o: None)
    with pytest.raises(TypeError, match="must return a Tensor"):
        net(mg.ones(2, requires_grad=True))
