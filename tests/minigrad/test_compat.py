"""PyTorch's other namespaces: Function, Variable, questions about GPUs, DataParallel."""

import gc
import weakref

import numpy as np
import pytest

import minigrad as mg
from minigrad.autograd import Function, Variable


def functions(library):
    class Exp(library.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = x.exp()
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, grad):
            (y,) = ctx.saved_tensors
            return grad * y

    class ScaledProduct(library.autograd.Function):
        @staticmethod
        def forward(ctx, a, b, factor):
            ctx.save_for_backward(a, b)
            ctx.factor = factor
            return a * b * factor

        @staticmethod
        def backward(ctx, grad):
            a, b = ctx.saved_tensors
            left = grad * b * ctx.factor if ctx.needs_input_grad[0] else None
            return left, grad * a * ctx.factor if ctx.needs_input_grad[1] else None, None

    class Reversed(library.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.view(x.shape)

        @staticmethod
        def backward(ctx, grad):
            return -grad

    return Exp, ScaledProduct, Reversed


def test_functions_have_pytorchs_first_and_second_derivatives():
    torch = pytest.importorskip("torch")
    values, found = np.random.default_rng(0).standard_normal((2, 3)), []
    for library in (mg, torch):
        exp, product, reverse = functions(library)
        a, b = (library.tensor(row, requires_grad=True) for row in values)
        y = product.apply(exp.apply(a), reverse.apply(b), 3.0) + product.apply(a.detach(), b, 2.0)
        first = library.autograd.grad(y.sum(), [a, b], create_graph=True)
        second = library.autograd.grad((first[0] ** 2).sum() + (first[1] ** 3).sum(), [a, b])
        found.append([part.detach().numpy() for part in (y, *first, *second)])
    for ours, theirs in zip(*found):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_a_function_that_returns_the_wrong_things_is_told():
    class Wrong(Function):
        @staticmethod
        def forward(ctx, x, y):
            return x + y if ctx.needs_input_grad[0] else (x, y)

        @staticmethod
        def backward(ctx, grad):
            return grad

    x = mg.ones(2, requires_grad=True)
    with pytest.raises(TypeError, match="one Tensor is needed, got tuple"):
        Wrong.apply(mg.ones(2), mg.ones(2))
    with pytest.raises(RuntimeError, match="returned 1 gradients for 2 inputs"):
        Wrong.apply(x, mg.ones(2)).sum().backward()


def test_a_function_is_freed_by_reference_counting():
    exp, _, _ = functions(mg)
    gc.disable()
    try:
        y = exp.apply(mg.ones(3, requires_grad=True) * 1)
        watched = weakref.ref(y.node)
        y.sum().backward()
        del y
        assert watched() is None
    finally:
        gc.enable()


def test_a_variable_is_a_new_leaf_on_the_same_memory():
    x = mg.ones(2)
    v = Variable(x, requires_grad=True)
    x.fill_(3.0)
    (v * v).sum().backward()
    assert v.is_leaf and v.grad.tolist() == [6.0, 6.0] and not x.requires_grad
    assert not Variable(v * 2).requires_grad


def test_questions_about_gpus_have_answers(monkeypatch):
    if mg.cuda.is_available():
        assert mg.cuda.device_count() >= 1 and mg.accelerator.current_accelerator() == "cuda"
    else:
        assert mg.cuda.device_count() == 0 and mg.cuda.memory_allocated() == 0
        assert mg.accelerator.current_accelerator() is None and not mg.accelerator.is_available()
        with pytest.raises(RuntimeError, match="the GPU cannot be used"):
            mg.cuda.get_device_name()
    mg.cuda.synchronize()
    mg.cuda.empty_cache()
    mg.manual_seed(1)
    first = mg.rand(3).tolist()
    mg.manual_seed(1)
    mg.cuda.manual_seed_all(7)
    assert mg.rand(3).tolist() == first
    monkeypatch.setattr(mg.backends.cudnn, "benchmark", True)
    assert not mg.backends.cudnn.is_available() and not mg.backends.mps.is_available()


def test_data_parallel_wraps_a_module():
    net = mg.nn.DataParallel(mg.nn.Linear(2, 1), device_ids=[0])
    assert list(net.state_dict()) == ["module.weight", "module.bias"] and net(mg.ones(3, 2)).shape == (3, 1)
    assert mg.nn.parallel.DataParallel is mg.nn.DataParallel
    with pytest.raises(ValueError, match="one device is supported"):
        mg.nn.DataParallel(net, device_ids=[0, 1])
