"""Is a derivative right? Ask the function itself: move an input a little and see how much the result moves.

For a function f of tensors with Jacobian J, the central difference

    (f(x + eps v) - f(x - eps v)) / (2 eps)  =  J v + O(eps^2)

needs no derivative at all, so it can check the one that `backward` computes, which gives u^T J for any u.
Both sides are compared as numbers u^T J v: for every entry of J (u and v are unit vectors) when it is small,
else along random directions.

Three outcomes, not two: where the slopes to the left and to the right of x differ, f has a kink there (relu
at 0), no derivative exists, and neither number is right or wrong: such entries are counted and left out.

float64 is required: with eps = 1e-6, float32 has no digits left for the difference.
Source: Nocedal and Wright, "Numerical Optimization", 2nd edition (2006), section 8.1 (differences and their eps).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..autograd import Tensor, grad, tensor_of
from ..devices import to_device, to_numpy
from ..grad_mode import enable_grad, no_grad
from ..ops import zeros_like
from .report import Comparison, GradientError, Report, compare

FULL_JACOBIAN = 20_000  # entries up to which every one is checked, unless told otherwise
PROJECTIONS = 6  # random directions of input and of output otherwise
RECORDED = 1e-9  # by how much of its largest number a gradient may change when it is recorded: rounding

Function = Callable[..., Any]


def gradcheck(
    f: Function,
    inputs: Any,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    projections: int | None = None,
) -> Report:
    """Check the derivatives of f at `inputs` against central differences.

    f: takes the inputs, returns a Tensor or a tuple of them. inputs: a Tensor or a sequence; those Tensors that
        require a gradient are checked and must be float64. eps: the step. A derivative a is accepted beside a
        difference d if |a - d| <= atol + rtol |d|. projections: how many random directions to check instead
        of every entry of the Jacobian (None: every entry, unless it has more than 20,000).
    Returns a Report, true only if everything passed; print it for one line an input. Kinks are neither passed
        nor failed: the report is then false, `report.status` is "kink", and a warning says where.
    Errors: GradientError (an AssertionError) with the report if something is wrong and raise_exception is set;
        TypeError for inputs that are not float64; ValueError if nothing requires a gradient.
    """
    report = examine(f, inputs, eps, atol, rtol, projections)
    report.failures += _needed_alone(f, _as_tuple(inputs))
    return _raise_if_wrong(report, raise_exception)


def gradgradcheck(
    f: Function,
    inputs: Any,
    grad_outputs: Any = None,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    projections: int | None = None,
) -> Report:
    """Check second derivatives: `gradcheck` of the gradient of f, in the inputs and in the gradient it is given.

    grad_outputs: the gradient with respect to each result of f (None: random numbers). The rest is as in
    `gradcheck`.
    """
    gradient, arguments = gradient_of(f, inputs, grad_outputs)
    return _raise_if_wrong(examine(gradient, arguments, eps, atol, rtol, projections), raise_exception)


def _raise_if_wrong(report: Report, raise_exception: bool) -> Report:
    if report.status == "wrong" and raise_exception:
        raise GradientError(str(report))
    if report.status == "kink":
        warnings.warn(str(report), stacklevel=3)
    return report


def gradient_of(f: Function, inputs: Any, grad_outputs: Any = None) -> tuple[Function, tuple[Any, ...]]:
    """The function (inputs, grad_outputs) -> gradients of f by the inputs, differentiable, and where to check it."""
    given = _as_tuple(inputs)
    chosen = _checked(given)
    with enable_grad():
        results = _outputs(f, given)
    if grad_outputs is None:
        random = np.random.default_rng(1)
        weights = tuple([_like(y, random.standard_normal(y.shape)) for y in results])
    else:
        weights = _as_tuple(grad_outputs)
    for weight in weights:
        weight.requires_grad_()

    def gradient(*arguments: Any) -> tuple[Tensor, ...]:
        points = [arguments[i] for i in chosen]
        with enable_grad():
            outputs = _outputs(f, arguments[: len(given)])
            pairs = [(y, w) for y, w in zip(outputs, arguments[len(given) :]) if y.requires_grad]
            if not pairs:
                return tuple([zeros_like(x) for x in points])
            found = grad([y for y, _ in pairs], points, [w for _, w in pairs], create_graph=True, allow_unused=True)
        return tuple([zeros_like(x) if g is None else g for x, g in zip(points, found)])

    return gradient, (*given, *weights)


def examine(
    f: Function, inputs: Any, eps: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3, projections: int | None = None
) -> Report:
    """The report of `gradcheck`, without raising or warning."""
    given = _as_tuple(inputs)
    chosen = _checked(given)
    random = np.random.default_rng(0)
    with enable_grad():
        outputs = _outputs(f, given)
    report = Report(_obstacles(f, given, chosen, outputs, random))
    if report.failures:
        return report
    entries = max([given[i].numel() * y.numel() for i in chosen for y in outputs], default=0)
    full = projections is None and entries <= FULL_JACOBIAN
    count = projections or PROJECTIONS
    lefts = [_output_directions(y.numel(), full, count, random) for y in outputs]
    computed = [_computed(y, [given[i] for i in chosen], u) for y, u in zip(outputs, lefts)]
    shapes = [y.shape for y in outputs]  # `_measured` moves the inputs, and an output may refuse to be read after that
    for order, position in enumerate(chosen):
        x = given[position]
        rights = np.eye(x.numel()) if full else random.standard_normal((count, x.numel()))
        measured = _measured(f, given, x, rights, eps, atol, rtol)
        for number, (shape, u) in enumerate(zip(shapes, lefts)):
            columns, kinks = measured[number]
            comparison = Comparison(position, number, x.shape, shape, len(u) * len(rights))
            compare(
                computed[number][order] @ rights.T,
                u @ np.where(kinks, 0.0, columns),
                np.abs(u) @ kinks > 0,
                atol,
                rtol,
                _entry_namer(x.shape, shape, full),
                comparison,
            )
            report.comparisons.append(comparison)
    return report


def _output_directions(size: int, full: bool, count: int, random: np.random.Generator) -> np.ndarray:
    """The vectors u, one a row. A random one goes along with the unit vectors: those alone would not notice a
    backward that, say, squares the gradient it is given, for 1 squared is 1."""
    if full:
        return np.vstack([np.eye(size), random.standard_normal((1, size))])
    return random.standard_normal((count, size))


def _computed(y: Tensor, points: Sequence[Tensor], directions: np.ndarray) -> list[np.ndarray]:
    """For each input the matrix whose rows are u^T J, by backward passes through y's graph."""
    rows = [np.zeros((len(directions), x.numel())) for x in points]
    if not y.requires_grad:
        return rows
    for k, u in enumerate(directions):
        found = grad([y], points, [_like(y, u.reshape(y.shape))], retain_graph=True, allow_unused=True)
        for row, share in zip(rows, found):
            if share is not None:
                row[k] = to_numpy(share.array).reshape(-1)
    return rows


def _measured(
    f: Function, given: Sequence[Any], x: Tensor, directions: np.ndarray, eps: float, atol: float, rtol: float
) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each output the matrix whose columns are J v, by differences, and which entries have no derivative."""
    base = to_numpy(x.array).copy()

    def values(step: float, v: np.ndarray) -> list[np.ndarray]:
        x.array[...] = to_device(base + step * v.reshape(base.shape), x.device)
        x.storage.bump_version()
        return [to_numpy(y.array).astype(np.float64).reshape(-1) for y in _outputs(f, given)]

    columns: list[list[np.ndarray]] = []
    kinks: list[list[np.ndarray]] = []
    try:
        with no_grad(), np.errstate(all="ignore"):
            here = values(0.0, np.zeros(base.size))
            for v in directions:
                near = zip(values(eps, v), values(-eps, v), values(eps / 4, v), values(-eps / 4, v))
                columns.append([])
                kinks.append([])
                for value, (ahead, behind, ahead_short, behind_short) in zip(here, near):
                    slope, gap = _slopes(value, ahead, behind, eps)
                    slope_short, gap_short = _slopes(value, ahead_short, behind_short, eps / 4)
                    tolerance = atol + rtol * np.abs(slope)
                    bent = (gap > tolerance) & ~_curved(gap, gap_short)
                    unsteady = ~(np.abs(slope - slope_short) <= tolerance)
                    columns[-1].append(slope)
                    kinks[-1].append(bent | unsteady)
    finally:
        x.array[...] = to_device(base, x.device)
        x.storage.bump_version()
    return [(_stack(columns, i, y.size), _stack(kinks, i, y.size).astype(bool)) for i, y in enumerate(here)]


def _slopes(here: np.ndarray, ahead: np.ndarray, behind: np.ndarray, eps: float) -> tuple[Any, Any]:
    """The central slope, and how far the slopes to both sides are apart; an undefined neighbor is infinitely far."""
    gap = np.abs(ahead - 2 * here + behind) / eps
    return (ahead - behind) / (2 * eps), np.where(np.isfinite(gap), gap, np.inf)


def _curved(gap: np.ndarray, gap_at_quarter: np.ndarray) -> np.ndarray:
    """Whether two slopes differ from mere curvature: then their gap shrinks with the step, to a quarter here;
    at a kink it stays, at a jump it grows, and beside a kink it vanishes."""
    return (gap_at_quarter > 0.15 * gap) & (gap_at_quarter < 0.4 * gap)


def _stack(rows: list[list[np.ndarray]], output: int, size: int) -> np.ndarray:
    return np.stack([row[output] for row in rows], axis=1) if rows else np.zeros((size, 0))


def _entry_namer(input_shape: tuple[int, ...], output_shape: tuple[int, ...], full: bool) -> Callable[[int, int], str]:
    def entry_name(row: int, column: int) -> str:
        size = int(np.prod(output_shape))
        if not full:
            return f"random directions {row} and {column}"
        source = tuple(map(int, np.unravel_index(column, input_shape)))
        if row == size:
            return f"a random combination of outputs by input entry {source}"
        return f"output entry {tuple(map(int, np.unravel_index(row, output_shape)))} by input entry {source}"

    return entry_name


def _obstacles(
    f: Function,
    given: Sequence[Any],
    chosen: Sequence[int],
    outputs: Sequence[Tensor],
    random: np.random.Generator,
) -> list[str]:
    """Why f cannot be checked at this point: values that are not finite, results that differ from run to run, inputs
    that it changes; and gradients that differ when the backward pass is recorded. An operation may use a fused kernel
    while nothing is recorded and a formula of differentiable operations while something is: the differences below
    check the first, those of second order the second, and neither would notice that the two are not one."""
    found = []
    before = [to_numpy(given[i].array).copy() for i in chosen]
    points = [given[i] for i in chosen]
    with enable_grad():
        again = _outputs(f, given)
    for number, (y, z) in enumerate(zip(outputs, again)):
        first, second = to_numpy(y.array), to_numpy(z.array)
        if not np.isfinite(first).all():
            found.append(f"output {number} is not finite at the given inputs; check the function elsewhere")
        elif not np.array_equal(first, second):
            found.append(f"output {number} is not deterministic: two calls gave different numbers")
        elif y.requires_grad:
            u = _like(y, random.standard_normal(y.shape))
            pulls = [grad([r], points, [u], retain_graph=True, allow_unused=True) for r in (y, y, z)]
            if any(not _same(pulls[0], other) for other in pulls[1:]):
                found.append(f"the backward pass of output {number} is not deterministic")
            recorded = grad([y], points, [u], retain_graph=True, create_graph=True, allow_unused=True)
            if not _same(pulls[0], recorded, RECORDED):
                found.append(f"the backward pass of output {number} gives other numbers while it is recorded")
    for i, array in zip(chosen, before):
        if not np.array_equal(array, to_numpy(given[i].array)):
            found.append(f"input {i} was changed by the function")
    return found


def _needed_alone(f: Function, given: Sequence[Any]) -> list[str]:
    """Inputs whose gradient is another one where no other input requires any: operations compute only what is needed,
    and may take one for the other."""
    chosen, found = _checked(given), []
    points = [given[i] for i in chosen]
    random = np.random.default_rng(0)
    with enable_grad():
        outputs = _outputs(f, given)
    weights = [_like(y, random.standard_normal(y.shape)) for y in outputs]
    together = [_gradients(y, points, u) for y, u in zip(outputs, weights)]
    for order, i in enumerate(chosen) if len(chosen) > 1 else ():
        arguments = [x.detach() if j in chosen and j != i else x for j, x in enumerate(given)]
        with enable_grad():
            outputs = _outputs(f, arguments)
        for y, u, shares in zip(outputs, weights, together):
            if not _same(shares[order : order + 1], _gradients(y, [given[i]], u), RECORDED):
                found.append(f"the gradient of input {i} is another one if no other input requires a gradient")
    return found


def _gradients(y: Tensor, points: Sequence[Tensor], u: Tensor) -> list[Tensor]:
    """The gradients of y by the points, zeros where it does not depend on them."""
    found = grad([y], points, [u], allow_unused=True) if y.requires_grad else [None] * len(points)
    return [zeros_like(x) if share is None else share for x, share in zip(points, found)]


def _same(first: Sequence[Tensor | None], second: Sequence[Tensor | None], tolerance: float = 0.0) -> bool:
    """Whether gradients are equal, up to tolerance times the largest number of each."""
    return all(
        a is b if a is None or b is None else _equal(to_numpy(a.array), to_numpy(b.array), tolerance)
        for a, b in zip(first, second)
    )


def _equal(a: np.ndarray, b: np.ndarray, tolerance: float) -> bool:
    scale = np.abs(a).max(initial=0.0)
    return a.shape == b.shape and np.allclose(a, b, rtol=0.0, atol=tolerance * scale, equal_nan=True)


def _as_tuple(inputs: Any) -> tuple[Any, ...]:
    return (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)


def _checked(given: Sequence[Any]) -> list[int]:
    """The positions of the inputs that require a gradient. Errors: see `gradcheck`."""
    chosen = [i for i, x in enumerate(given) if isinstance(x, Tensor) and x.requires_grad]
    if not chosen:
        raise ValueError("gradcheck: no input requires a gradient; set requires_grad=True on what is to be checked")
    for i in chosen:
        if given[i].dtype != np.float64:
            raise TypeError(
                f"gradcheck: inputs[{i}] is {given[i].dtype}, but differences need float64 to mean anything; "
                "use .double()"
            )
    return chosen


def _outputs(f: Function, arguments: Sequence[Any]) -> list[Tensor]:
    """The results of f that may have derivatives: the floating-point ones."""
    results = f(*arguments)
    results = [results] if isinstance(results, Tensor) else list(results)
    for y in results:
        if not isinstance(y, Tensor):
            raise TypeError(f"gradcheck: the function must return Tensors, got {type(y).__name__}")
    return [y for y in results if y.dtype.kind == "f"]


def _like(y: Tensor, values: np.ndarray) -> Tensor:
    """A tensor of these values with y's dtype and device."""
    return tensor_of(to_device(np.asarray(values).astype(y.dtype), y.device))
