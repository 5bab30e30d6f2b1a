"""PyTorch's own samples of every operation (`torch.testing._internal`), run on PyTorch and on minigrad in turn.

A sample is *equal* (dtype, shape, values and derivatives), *refused* (minigrad raises an error that names the
operation), or *wrong*. What may be refused is listed, with the reason, in `tests/oracles/differences.py`.
"""

from __future__ import annotations

import itertools
import random
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch.testing._internal import common_utils
from torch.testing._internal.common_methods_invocations import op_db

import minigrad as mg
from tests.oracles.differences import refusal_of

DTYPES = {"float64": torch.float64, "float32": torch.float32, "int64": torch.int64, "bool": torch.bool}
TOLERANCE = {"float64": (1e-8, 1e-10), "float32": (2e-4, 2e-5)}
RANDOM = {  # their numbers differ by design: shape and dtype are compared
    "bernoulli", "multinomial", "nn.functional.dropout", "nn.functional.dropout2d", "normal", "rand_like", "randint",
    "randint_like", "randn", "randn_like", "rand", "randperm", "empty", "empty_like", "new_empty", "normal_", "uniform",
    "nn.functional.alpha_dropout", "nn.functional.dropout3d", "nn.functional.feature_alpha_dropout_with_train",
    "nn.functional.rrelu",
}  # fmt: skip


TIES = {
    "sort",
    "argsort",
    "topk",
    "msort",
}  # the order of equal entries is undefined: indices are compared without ties


@dataclass(frozen=True)
class Form:
    """One way to call an operation: as a function, as a method, or in place, on either side."""

    kind: str
    ours: Callable[..., Any]
    theirs: Callable[..., Any]


def resolve(root: Any, path: str) -> Any:
    """`nn.functional.relu` looked up from root, or None."""
    for name in path.split("."):
        root = getattr(root, name, None)
    return root


def forms(op: Any) -> list[Form]:
    """How both libraries can call the operation."""
    found = []
    function, short = resolve(mg, op.name), op.name.rsplit(".", 1)[-1]
    if op.name == "where":  # whose samples name the input before the condition
        return [Form("function", lambda input, condition, other: mg.where(condition, input, other), op.op)]
    if callable(function) and op.op is not None:
        found.append(Form("function", function, op.op))
    for kind, variant, name in (("method", op.method_variant, short), ("in place", op.inplace_variant, short + "_")):
        method = getattr(mg.Tensor, name, None)
        if callable(variant) and callable(method):
            found.append(Form(kind, method, variant))
    return found


OPERATIONS = {op.name + (f".{op.variant_test_name}" if op.variant_test_name else ""): op for op in op_db if forms(op)}


def seed_cpu(seed: int | None = None) -> None:
    """In place of PyTorch's own, which is called for each sample and notes the whole stack for every absent kind of
    GPU: under pytest that took most of these tests' time."""
    seed = common_utils.SEED if seed is None else seed
    torch.default_generator.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed)


def samples(op: Any, dtype: str, limit: int | None) -> Iterator[Any]:
    """PyTorch's samples of one operation, the same each time; at most `limit`, spread over all of them."""
    seed_cpu(0)
    if DTYPES[dtype] not in op.supported_dtypes("cpu"):
        return iter(())
    most = 2000 if limit is None else 20 * limit  # making samples costs more than running them
    with patch.object(common_utils, "set_rng_seed", seed_cpu):
        found = list(itertools.islice(op.sample_inputs("cpu", DTYPES[dtype]), most))
    step = 1 if limit is None else max(1, -(-len(found) // limit))
    return iter(found[::step])


def converted(value: Any) -> Any:
    """An argument of PyTorch's as minigrad's: tensors, dtypes and devices, also inside lists and slices."""
    if isinstance(value, torch.Tensor):
        if value.is_sparse or value.layout != torch.strided:
            raise NotImplementedError("layout")
        array = value.detach().numpy(force=True)
        return mg.tensor(array.copy(), requires_grad=value.requires_grad)
    if isinstance(value, torch.dtype):
        name = str(value).removeprefix("torch.")
        return getattr(mg, name, name)
    if isinstance(value, torch.device):
        return str(value)
    if isinstance(value, torch.Size):
        return tuple(value)
    if isinstance(value, (tuple, list)):
        return type(value)(converted(part) for part in value)
    if isinstance(value, dict):
        return {key: converted(part) for key, part in value.items()}
    if isinstance(value, slice):
        return slice(*(converted(part) for part in (value.start, value.stop, value.step)))
    if isinstance(value, (torch.memory_format, torch.layout, torch.Generator)):
        raise NotImplementedError(type(value).__name__)
    return value


def leaves(value: Any) -> list[torch.Tensor]:
    """The floating-point tensors among arguments, in order."""
    if isinstance(value, torch.Tensor):
        return [value] if value.is_floating_point() else []
    if isinstance(value, (tuple, list)):
        return [x for part in value for x in leaves(part)]
    return [x for part in value.values() for x in leaves(part)] if isinstance(value, dict) else []


def our_leaves(value: Any) -> list[mg.Tensor]:
    """As `leaves`, of minigrad's tensors."""
    if isinstance(value, mg.Tensor):
        return [value] if value.dtype.kind == "f" else []
    if isinstance(value, (tuple, list)):
        return [x for part in value for x in our_leaves(part)]
    return [x for part in value.values() for x in our_leaves(part)] if isinstance(value, dict) else []


def results(value: Any) -> list[Any]:
    """What an operation returned, as a flat list."""
    if isinstance(value, (tuple, list)):
        return [x for part in value for x in results(part)]
    return [value]


class Mismatch(AssertionError):
    """A silently different result."""


def compare(where: str, ours: Any, theirs: Any, values: bool = True) -> None:
    """Errors: Mismatch unless dtype, shape and values agree."""
    if not isinstance(theirs, torch.Tensor):
        if not (ours == theirs or (ours != ours and theirs != theirs)):
            raise Mismatch(f"{where}: {ours!r}, PyTorch {theirs!r}")
        return
    expected = theirs.detach().numpy(force=True)
    if not isinstance(ours, mg.Tensor):
        raise Mismatch(f"{where}: {type(ours).__name__}, PyTorch a tensor")
    if ours.dtype != expected.dtype or tuple(ours.shape) != expected.shape:
        raise Mismatch(f"{where}: {ours.dtype} {tuple(ours.shape)}, PyTorch {expected.dtype} {expected.shape}")
    if values:
        rtol, atol = TOLERANCE.get(str(expected.dtype), (0, 0))
        got = ours.detach().numpy()
        with np.errstate(all="ignore"):
            if not np.allclose(got, expected, rtol, atol, equal_nan=True):
                raise Mismatch(f"{where}: {describe(got)}, PyTorch {describe(expected)}")


def describe(array: np.ndarray) -> str:
    return np.array2string(array, threshold=12, precision=6).replace("\n", "")[:160]


def derivatives(where: str, ours: Any, theirs: Any, points: list[Any], their_points: list[torch.Tensor]) -> None:
    """Compare first and second derivatives of all differentiable results. Errors: Mismatch; NotImplementedError
    (RuntimeError) where PyTorch has none."""
    pairs = [(y, t) for y, t in zip(results(ours), results(theirs)) if isinstance(t, torch.Tensor) and t.requires_grad]
    for y, _ in pairs:
        if not y.requires_grad:
            raise Mismatch(f"{where}: the result does not require a gradient, PyTorch's does")
    if not pairs:
        return
    numbers = np.random.default_rng(0)
    weights = [numbers.standard_normal(tuple(t.shape)) for _, t in pairs]
    try:
        first_theirs = torch.autograd.grad(
            [t for _, t in pairs],
            their_points,
            [torch.as_tensor(w, dtype=t.dtype) for w, (_, t) in zip(weights, pairs)],
            create_graph=True,
            allow_unused=True,
        )
    except (RuntimeError, NotImplementedError):
        return
    first = mg.grad(
        [y for y, _ in pairs],
        points,
        [mg.tensor(np.asarray(w), dtype=y.dtype) for w, (y, _) in zip(weights, pairs)],
        create_graph=True,
        allow_unused=True,
    )
    for i, (g, t) in enumerate(zip(first, first_theirs)):
        compare_gradients(f"{where}, gradient {i}", g, t)
    theirs_again = [t for t in first_theirs if t is not None and t.requires_grad]
    if not theirs_again:
        return
    directions = [numbers.standard_normal(tuple(t.shape)) for t in first_theirs if t is not None]
    total = sum((t * torch.as_tensor(w)).sum() for t, w in zip((t for t in first_theirs if t is not None), directions))
    try:
        second_theirs = torch.autograd.grad(total, their_points, allow_unused=True)
    except (RuntimeError, NotImplementedError):
        return
    ours_again = [g for g, t in zip(first, first_theirs) if t is not None]
    terms = [
        (g * mg.tensor(np.asarray(w))).sum()
        for g, w in zip(ours_again, directions)
        if g is not None and g.requires_grad
    ]
    second = mg.grad(terms, points, allow_unused=True) if terms else [None] * len(points)
    for i, (g, t) in enumerate(zip(second, second_theirs)):
        compare_gradients(f"{where}, second derivative {i}", g, t)


def compare_gradients(where: str, ours: Any, theirs: Any) -> None:
    """A gradient that one side leaves out must be zero on the other."""
    if ours is None or theirs is None:
        left = theirs.numpy(force=True) if theirs is not None else 0.0 if ours is None else ours.detach().numpy()
        if np.any(left):
            raise Mismatch(f"{where}: {ours}, PyTorch {theirs}")
        return
    compare(where, ours, theirs)


OURS = (TypeError, ValueError, RuntimeError, IndexError, NotImplementedError, MemoryError, ZeroDivisionError)


def check(name: str, op: Any, form: Form, sample: Any, dtype: str) -> str | None:
    """Run one sample both ways: None where equal (or where PyTorch itself refuses), else what is different."""
    differentiable = dtype == "float64" and op.supports_autograd and form.kind != "in place"
    arguments = (sample.input, *sample.args)
    for x in leaves((arguments, sample.kwargs)):
        x.requires_grad_(differentiable)
    try:
        ours_in, ours_options = converted(arguments), converted(sample.kwargs)
    except (NotImplementedError, TypeError):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            theirs = form.theirs(*arguments, **sample.kwargs)
        except Exception:
            return None
        if any(isinstance(t, torch.Tensor) and (t.is_complex() or t.is_sparse) for t in results(theirs)):
            return None
        text = f"{form.kind} {name}({shown(ours_in)}, {shown(ours_options)})"
        try:
            ours = form.ours(*ours_in, **ours_options)
            ours_all, theirs_all = results(ours), results(theirs)
            if len(ours_all) != len(theirs_all):
                raise Mismatch(f"{len(ours_all)} results, PyTorch {len(theirs_all)}")
            for y, t in zip(ours_all, theirs_all):
                tied = op.name in TIES and t.dtype == torch.int64 and sample.input.unique().numel() < t.numel()
                compare("value", y, t, op.name not in RANDOM and (not tied or y is ours_all[0] is not ours_all[-1]))
            if differentiable and op.name not in RANDOM:
                derivatives(
                    "value", ours, theirs, our_leaves((ours_in, ours_options)), leaves((arguments, sample.kwargs))
                )
        except Mismatch as error:
            return f"WRONG {text}: {error}"
        except OURS as error:
            if refusal_of(op.name, str(error)) is None:
                return f"REFUSED {text}: {type(error).__name__}: {error}"
        except Exception as error:
            return f"BROKEN {text}: {type(error).__name__}: {error}"
    return None


def shown(value: Any) -> str:
    """Arguments in one short line."""
    if isinstance(value, mg.Tensor):
        return f"{value.dtype}{list(value.shape)}"
    if isinstance(value, (tuple, list)):
        return "(" + ", ".join(shown(part) for part in value) + ")"
    if isinstance(value, dict):
        return ", ".join(f"{key}={shown(part)}" for key, part in value.items())
    return re.sub(r"\s+", " ", repr(value))[:80]
