"""PyTorch's own samples of every module that both libraries have: equal values and gradients, or a listed refusal."""

import numpy as np
import pytest

import minigrad as mg

torch = pytest.importorskip("torch", reason="PyTorch, the oracle of these tests, is not installed")
pytest.importorskip("expecttest", reason="PyTorch's own test samples need expecttest")
module_db = pytest.importorskip("torch.testing._internal.common_modules").module_db

MODULES = [info for info in module_db if hasattr(mg.nn, info.module_cls.__name__)]
LIMIT = 12  # samples of a module, in training and in evaluation each

# Module: what the error of a refused sample says, and why it is refused.
REFUSALS = {
    "BatchNorm1d": ("more than one value per channel", "An empty batch has no mean; PyTorch returns it as it is."),
    "BatchNorm2d": ("more than one value per channel", "An empty batch has no mean; PyTorch returns it as it is."),
    "Softplus": ("positional arguments", "There is no threshold: log(1 + e^x) is computed exactly for every x."),
}


def ours(value):
    if isinstance(value, torch.Tensor):
        return mg.tensor(value.detach().numpy(), requires_grad=value.requires_grad)
    return value


def samples(info, training):
    kinds = {"device": "cpu", "dtype": torch.float64, "requires_grad": True, "training": training}
    torch.manual_seed(0)
    found = info.module_inputs_func(info, **kinds)
    step = max(1, len(found) // LIMIT)
    return found[::step]


def built(library, name, sample, convert):
    call = sample.constructor_input
    args, kwargs = [convert(a) for a in call.args], {k: convert(v) for k, v in call.kwargs.items()}
    return getattr(library.nn, name)(*args, **kwargs)


def results(module, args, kwargs):
    """The result and the gradients of all inputs and parameters, as arrays."""
    result = module(*args, **kwargs)
    first = result[0] if isinstance(result, tuple) else result
    (first * first).sum().backward()
    inputs = [a for a in (*args, *kwargs.values()) if hasattr(a, "requires_grad") and a.requires_grad]
    gradients = [t.grad for t in (*inputs, *module.parameters())]
    arrays = [first.detach(), *(g for g in gradients if g is not None), *module.buffers()]
    return [a.numpy() for a in arrays], [g is not None for g in gradients]


def check(name, sample, training):
    """None where both agree, "refused: ..." or "wrong: ..."."""
    call = sample.forward_input
    if call is None:
        return None
    theirs = built(torch, name, sample, lambda value: value).double()
    theirs.train(training)
    state = {key: ours(value) for key, value in theirs.state_dict().items()}
    args, kwargs = call.args, call.kwargs
    copies = [ours(a) for a in args], {k: ours(v) for k, v in kwargs.items()}
    try:
        module = built(mg, name, sample, ours).double()
        module.train(training)
        module.load_state_dict(state)
        found, has = results(module, *copies)
    except (TypeError, ValueError, NotImplementedError) as error:
        return f"refused: {error}"
    fresh = [a.detach().clone().requires_grad_(a.requires_grad) if isinstance(a, torch.Tensor) else a for a in args]
    expected, has_theirs = results(theirs, fresh, kwargs)
    if has != has_theirs:
        return f"wrong: gradients {has} instead of {has_theirs}"
    for a, b in zip(found, expected, strict=True):
        if a.shape != b.shape or not np.allclose(a, b, rtol=1e-8, atol=1e-10, equal_nan=True):
            return f"wrong: {a} instead of {b}"
    return None


@pytest.mark.parametrize("info", MODULES, ids=lambda info: info.name)
def test_no_sample_is_silently_different(info):
    name, compared = info.module_cls.__name__, 0
    for training in (True, False):
        for sample in samples(info, training):
            problem = check(name, sample, training)
            compared += problem is None
            if problem and not (name in REFUSALS and REFUSALS[name][0] in problem and problem.startswith("refused")):
                pytest.fail(f"{sample.constructor_input.args} {sample.constructor_input.kwargs}: {problem}")
    assert compared
