"""Two operands of any dtypes, with axes or without, or numbers: dtype, values and gradients are PyTorch's.

MINIGRAD_FUZZ_EXAMPLES sets how many examples each test tries (`tests/oracles/against_torch.py`).
"""

import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg

pytest.importorskip("torch", reason="PyTorch, the oracle of these tests, is not installed")

import torch

from tests.oracles.against_torch import fuzzed, outcome
from tests.oracles.differences import refusal_of

DTYPES = ["bool", "uint8", "int32", "int64", "float32", "float64"]
TOLERANCE = {"float32": 2e-6, "float64": 1e-12}
OPERATORS = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "true_divide": operator.truediv,
    "floor_divide": operator.floordiv, "remainder": operator.mod, "pow": operator.pow, "eq": operator.eq,
    "ne": operator.ne, "lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge,
    "bitwise_and": operator.and_, "bitwise_or": operator.or_, "bitwise_xor": operator.xor,
}  # fmt: skip
IN_PLACE = {
    "add": operator.iadd, "sub": operator.isub, "mul": operator.imul, "true_divide": operator.itruediv,
    "floor_divide": operator.ifloordiv, "remainder": operator.imod, "pow": operator.ipow,
    "bitwise_and": operator.iand, "bitwise_or": operator.ior, "bitwise_xor": operator.ixor,
}  # fmt: skip
FUNCTIONS = {
    "add": lambda m, a, b: m.add(a, b, alpha=2),
    "sub": lambda m, a, b: m.sub(a, b, alpha=3),
    "div, floor": lambda m, a, b: m.div(a, b, rounding_mode="floor"),
    "div, trunc": lambda m, a, b: m.div(a, b, rounding_mode="trunc"),
    "maximum": lambda m, a, b: m.maximum(a, b),
    "minimum": lambda m, a, b: m.minimum(a, b),
    "where": lambda m, a, b: m.where(m.tensor([True, False, True]), a, b),
    "clamp": lambda m, a, b: m.clamp(a, min=b),
    "clamp, both": lambda m, a, b: m.clamp(a, b, b),
    "lerp": lambda m, a, b: m.lerp(a, b, 0.25),
    "logical_and": lambda m, a, b: m.logical_and(a, b),
    "logical_or": lambda m, a, b: m.logical_or(a, b),
    "logical_xor": lambda m, a, b: m.logical_xor(a, b),
    "dot": lambda m, a, b: m.dot(a, b),
    "outer": lambda m, a, b: m.outer(a, b),
    "matmul": lambda m, a, b: m.matmul(a, b),
    "cat": lambda m, a, b: m.cat([a, b]),
    "stack": lambda m, a, b: m.stack([a, b]),
    "pow": lambda m, a, b: m.pow(a, b),
    "isclose": lambda m, a, b: m.isclose(a, b),
    "masked_fill": lambda m, a, b: m.masked_fill(a, m.tensor([True, False, True]), b),
}
METHODS = {
    "add_": lambda m, a, b: a.add_(b, alpha=2),
    "sub_": lambda m, a, b: a.sub_(b),
    "mul_": lambda m, a, b: a.mul_(b),
    "div_": lambda m, a, b: a.div_(b),
    "pow_": lambda m, a, b: a.pow_(b),
    "remainder_": lambda m, a, b: a.remainder_(b),
    "floor_divide_": lambda m, a, b: a.floor_divide_(b),
    "clamp_": lambda m, a, b: a.clamp_(b),
    "copy_": lambda m, a, b: a.copy_(b),
    "fill_": lambda m, a, b: a.fill_(b),
    "lerp_": lambda m, a, b: a.lerp_(b, 0.5),
    "setitem": lambda m, a, b: a.__setitem__(slice(1, None), b) or a,
    "masked_fill_": lambda m, a, b: a.masked_fill_(m.tensor([True, False, True]), b),
}


def values(dtype):
    if dtype == "bool":
        return st.booleans()
    if dtype.startswith("float"):
        return st.sampled_from([0.0, -0.0, 0.5, -1.5, 2.0, 3.0, 7.25, -4.0, float("inf"), float("-inf"), float("nan")])
    return st.sampled_from([0, 1, 2, 3, 5, 7] + ([250] if dtype == "uint8" else [-1, -2, -7, 100]))


@st.composite
def tensors(draw, shapes=((), (3,), (3,), (1,), (2, 3))):
    """An array that becomes a tensor on either side; whether it requires a gradient."""
    dtype, shape = draw(st.sampled_from(DTYPES)), draw(st.sampled_from(shapes))
    numbers = [draw(values(dtype)) for _ in range(int(np.prod(shape)))]
    return np.array(numbers, dtype).reshape(shape), dtype.startswith("float") and draw(st.booleans())


@st.composite
def scalars(draw):
    """A number of Python's or of NumPy's; not np.bool_, which PyTorch takes for a float (docs/differences.md)."""
    dtype = draw(st.sampled_from(DTYPES))
    number = draw(values(dtype))
    return (np.dtype(dtype).type(number) if dtype != "bool" and draw(st.booleans()) else number), False


def on(library, operand):
    """The operand as the library's tensor, if it is an array."""
    value, differentiable = operand
    if not isinstance(value, np.ndarray):
        return value
    x = library.tensor(value.copy()) if library is mg else torch.from_numpy(value.copy())
    return x.requires_grad_() if differentiable else x


def run(library, call, operands, used_up=False):
    """What the call gives, and the gradients of the operands, as arrays. used_up: it writes into the first operand."""
    leaves = [on(library, operand) for operand in operands]
    given = [x * 1 if used_up and i == 0 and operands[0][1] else x for i, x in enumerate(leaves)]
    y = call(library, *given)
    assert not used_up or y is given[0]
    found = [y]
    if getattr(y, "requires_grad", False):
        y.backward(library.ones_like(y))
        found += [x.grad if needed else None for x, (_, needed) in zip(leaves, operands)]
    return [None if x is None else x.detach().numpy() if hasattr(x, "detach") else x for x in found]


def compare(name, call, operands, used_up=False):
    theirs = outcome(lambda: run(torch, call, operands, used_up))
    ours = outcome(lambda: run(mg, call, operands, used_up))
    where = f"{name} {operands}: minigrad {ours!r}, PyTorch {theirs!r}"
    if isinstance(theirs, Exception):
        return
    if isinstance(ours, Exception):
        assert refusal_of(name.split(",")[0].rstrip("_"), str(ours)), where
        return
    assert len(ours) == len(theirs), where
    for a, b in zip(ours, theirs):
        if a is None or b is None:
            assert not np.any(a if b is None else b), where
            continue
        a, b = np.asarray(a), np.asarray(b)
        assert a.dtype == b.dtype and a.shape == b.shape, where
        tolerance = TOLERANCE.get(str(a.dtype), 0)
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance, err_msg=where)


operand = tensors() | scalars()


@fuzzed(3)
@given(st.sampled_from(list(OPERATORS)), operand, operand, st.booleans())
def test_operators(name, a, b, exchanged):
    a, b = (b, a) if exchanged else (a, b)
    if not any(isinstance(x, np.ndarray) for x, _ in (a, b)) or isinstance(a[0], np.generic):
        return  # NumPy's scalars decide by themselves what they do with what stands on their right
    if name == "pow" and isinstance(b[0], bool):
        b = int(b[0]), False  # PyTorch's derivative at nan is nan for the power False, and 0 for the power 0
    compare(name, lambda m, a, b: OPERATORS[name](a, b), [a, b])


@fuzzed(2)
@given(st.sampled_from(list(IN_PLACE)), tensors(), operand)
def test_operators_in_place(name, a, b):
    if name == "pow" and isinstance(b[0], bool):
        b = int(b[0]), False
    compare(name, lambda m, a, b: IN_PLACE[name](a, b), [a, b], used_up=True)


@fuzzed(2)
@given(st.sampled_from(list(FUNCTIONS)), tensors(), operand)
def test_functions(name, a, b):
    compare(name, FUNCTIONS[name], [a, b])


@fuzzed(2)
@given(st.sampled_from(list(METHODS)), tensors(), operand)
def test_methods_in_place(name, a, b):
    compare(name, METHODS[name], [a, b], used_up=True)
