"""One call made on minigrad and on PyTorch: results and derivatives of both orders must be the same numbers."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from hypothesis import HealthCheck, settings

import minigrad as mg
from tests.oracles.differences import refusal_of

torch.set_num_threads(1)  # on tensors this small, threads only wait for one another

REFUSALS = (TypeError, ValueError, RuntimeError, IndexError, NotImplementedError, OverflowError, ZeroDivisionError)

# Random tests are the same each time; MINIGRAD_FUZZ_EXAMPLES says how many examples each of them tries.
EXAMPLES = int(os.environ.get("MINIGRAD_FUZZ_EXAMPLES", "100"))


def fuzzed(share: float = 1.0) -> settings:
    """The settings of a random test that tries this share of EXAMPLES."""
    return settings(
        derandomize=True,
        deadline=None,
        max_examples=max(1, int(EXAMPLES * share)),
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )


def outcome(call: Callable[[], Any]) -> Any:
    """What the call returns, or the error with which it refuses."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return call()
        except REFUSALS as error:
            return error


def in_memory(values: np.ndarray, layout: str) -> np.ndarray:
    """The same numbers, stored row by row, with the axes reversed, or as every second of a larger array."""
    if layout == "transposed":
        return np.ascontiguousarray(values.T).T
    if layout == "strided" and values.ndim:
        buffer = np.zeros((*values.shape[:-1], 2 * values.shape[-1]), values.dtype)
        buffer[..., ::2] = values
        return buffer[..., ::2]
    return values


def same_numbers(ours: Any, theirs: torch.Tensor | None, tolerance: float, what: str) -> None:
    """Errors: AssertionError unless both hold the same; a gradient that one side leaves out must be zero."""
    if ours is None or theirs is None:
        for left in (ours, theirs):
            assert left is None or not np.any(left.detach().numpy()), f"{what}: only one side has any"
        return
    expected = theirs.detach().numpy()
    got = ours.detach().numpy()
    assert got.shape == expected.shape, (what, got.shape, expected.shape)
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance, err_msg=what)


def weights_like(y: torch.Tensor, number: int) -> np.ndarray:
    """Numbers to weigh the entries of a result with, the same each time; 0 for infinite ones, which have no slope."""
    weights = np.cos(np.arange(1.0, 1.0 + y.numel()) * (number + 1)).reshape(tuple(y.shape))
    return np.where(np.isfinite(y.detach().numpy()), weights, 0.0)


def same_call(
    call: Callable[..., Any],
    arrays: Sequence[np.ndarray],
    layout: str = "plain",
    tolerance: float = 1e-9,
    operation: str = "",
    their_dtype: Any = None,
) -> None:
    """`call(library, *tensors)` on both: refused by both, or equal with its first and second derivatives.

    call: returns a tensor, or a tuple of one that is differentiable and others. operation: its name in the list of what
    minigrad refuses and PyTorch accepts. their_dtype: what PyTorch computes in, if not in the arrays' own dtype.
    """
    ours = [mg.autograd.tensor_of(in_memory(x, layout)) for x in arrays]
    theirs = [torch.from_numpy(x.copy()).to(their_dtype) for x in arrays]
    for x in [*ours, *theirs]:
        x.requires_grad_()
    expected, y = outcome(lambda: call(torch, *theirs)), outcome(lambda: call(mg, *ours))
    if isinstance(y, Exception) and not isinstance(expected, Exception) and refusal_of(operation, str(y)):
        return
    assert isinstance(y, Exception) == isinstance(expected, Exception), f"minigrad: {y!r}; PyTorch: {expected!r}"
    if isinstance(y, Exception):
        return
    if isinstance(expected, tuple):
        for a, b in zip(y[1:], expected[1:], strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())
        y, expected = y[0], expected[0]
    assert their_dtype is not None or str(y.dtype) == str(expected.dtype).removeprefix("torch."), (
        y.dtype,
        expected.dtype,
    )
    same_numbers(y, expected, tolerance, "value")
    if not expected.requires_grad:
        return
    same_derivatives((y, ours), (expected, theirs), tolerance)


def same_derivatives(ours: tuple[Any, list[Any]], theirs: tuple[Any, list[Any]], tolerance: float) -> None:
    """Compare derivatives of both orders, given as (result, inputs), also by the gradient that comes in."""
    (y, points), (expected, their_points) = ours, theirs
    weights = weights_like(expected, 0)
    u = mg.tensor(weights, dtype=y.dtype, requires_grad=True)
    v = torch.tensor(weights, dtype=expected.dtype, requires_grad=True)
    first = mg.grad([y], points, [u], create_graph=True, allow_unused=True)
    their_first = torch.autograd.grad([expected], their_points, [v], create_graph=True, allow_unused=True)
    for number, (g, t) in enumerate(zip(first, their_first)):
        same_numbers(g, t, tolerance, f"gradient {number}")
    terms = [(g, t, weights_like(t, n + 1)) for n, (g, t) in enumerate(zip(first, their_first)) if t is not None]
    our_terms = [(g, w) for g, _, w in terms if g is not None and g.requires_grad]
    their_terms = [(t, w) for _, t, w in terms if t.requires_grad]
    if not their_terms:
        return
    assert our_terms, "the gradient cannot be differentiated again"
    second = mg.grad(
        [g for g, _ in our_terms],
        [*points, u],
        [mg.tensor(w, dtype=y.dtype) for _, w in our_terms],
        allow_unused=True,
    )
    their_second = torch.autograd.grad(
        [t for t, _ in their_terms],
        [*their_points, v],
        [torch.tensor(w, dtype=expected.dtype) for _, w in their_terms],
        allow_unused=True,
    )
    for number, (g, t) in enumerate(zip(second, their_second)):
        same_numbers(g, t, 10 * tolerance, f"second derivative {number}")
