"""L-BFGS: Newton's method with the inverse Hessian guessed from the last few steps, and a line search.

Read `LBFGS.step` for the iteration, `_direction` for the two-loop recursion, `strong_wolfe` for the line search.
Sources: Nocedal and Wright, "Numerical Optimization", 2nd edition (2006), algorithms 7.4, 7.5, 3.5 and 3.6.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..autograd import Tensor
from ..devices import Array, device_of, to_device, xp_of
from ..grad_mode import enable_grad
from ..kernels import kernels_of
from .optimizer import Optimizer, check_options


def _dot(a: Array, b: Array) -> float:
    return float(kernels_of(a).dot(a, b))


Evaluation = Callable[[float], tuple[float, Array, float]]  # step length -> loss, gradient, slope


class LBFGS(Optimizer):
    """Limited-memory BFGS on the whole of `params`, whose loss `step(closure)` evaluates as often as it needs.

    lr: the step length (the first one tried, with a line search). max_iter: iterations in one `step`. max_eval:
    evaluations in one `step` (5/4 max_iter if None). tolerance_grad, tolerance_change: stop when the largest
    gradient entry, or the change of loss or parameters, or the slope along the direction falls below. history_size:
    how many steps the Hessian's guess remembers. line_search_fn: None or "strong_wolfe".
    A step to a loss or gradient that is not finite is taken back, and the search starts anew from steepest descent
    with a tenth of the length (`memory["caution"]` times lr). With a line search, where lr is only the first length
    tried, each good step doubles it again, up to lr; without one, a length that failed would fail again and stays cut.
    """

    def __init__(
        self, params: Iterable[Any], lr: float = 1.0, max_iter: int = 20, max_eval: int | None = None,
        tolerance_grad: float = 1e-7, tolerance_change: float = 1e-9, history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:  # fmt: skip
        check_options("LBFGS", lr=lr, tolerance_grad=tolerance_grad, tolerance_change=tolerance_change)
        if line_search_fn not in (None, "strong_wolfe"):
            raise ValueError(f"LBFGS: line_search_fn must be None or 'strong_wolfe', got {line_search_fn!r}")
        if max_iter < 1 or history_size < 1:
            raise ValueError(f"LBFGS: max_iter ({max_iter}) and history_size ({history_size}) must be at least 1")
        options = {"max_eval": max_iter * 5 // 4 if max_eval is None else max_eval, "history_size": history_size}
        tolerances = {"tolerance_grad": tolerance_grad, "tolerance_change": tolerance_change}
        search = {"line_search_fn": line_search_fn}
        super().__init__(params, {"lr": lr, "max_iter": max_iter, **options, **tolerances, **search})
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS: parameter groups are not supported; give one list of parameters")
        self._parameters: list[Tensor] = self.param_groups[0]["params"]
        numbers = {"scale": 1.0, "iterations": 0, "caution": 1.0}
        self.memory: dict[str, Any] = {"steps": [], "changes": [], "open": [], **numbers}

    # -------------------------------------------------------- all parameters as one long vector
    def _gather(self) -> Array:
        xp = xp_of(self._parameters[0].array)
        return xp.concatenate([p.array.reshape(-1) for p in self._parameters])

    def _gather_gradient(self) -> Array:
        xp = xp_of(self._parameters[0].array)
        zeros = [
            xp.zeros(p.array.size, p.dtype) if p.grad is None else p.grad.array.reshape(-1) for p in self._parameters
        ]
        return xp.concatenate(zeros)

    def _set(self, vector: Array) -> None:
        start = 0
        for p in self._parameters:
            p.array[...] = vector[start : start + p.array.size].reshape(p.array.shape)
            p.storage.bump_version()
            start += p.array.size

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Up to max_iter iterations; returns what the closure returned first.

        closure: zeroes the gradients, computes the loss, calls backward, and returns the loss.
        """
        if closure is None:
            raise TypeError("LBFGS.step: a closure that recomputes the loss and its gradients is needed")
        group, memory = self.param_groups[0], self.memory
        evaluations, first = 0, None

        def evaluate() -> tuple[float, Array]:
            nonlocal evaluations, first
            with enable_grad():
                result = closure()
            first = result if evaluations == 0 else first
            evaluations += 1
            return float(result), self._gather_gradient()

        loss, gradient, _ = self._checked(evaluate, *evaluate())
        for left in reversed(range(group["max_iter"])):
            if not np.isfinite(loss) or float(abs(gradient).max()) <= group["tolerance_grad"]:
                break
            self._remember(gradient)
            direction = self._direction(gradient)
            slope = _dot(gradient, direction)
            if slope > -group["tolerance_change"] or slope == 0:
                break
            length = group["lr"] * memory["caution"]
            if memory["iterations"] == 0:
                length *= min(1.0, 1.0 / float(abs(gradient).sum()))
            memory["iterations"] += 1
            before, previous_loss = self._gather(), loss
            if not left and group["line_search_fn"] is None:
                self._set(before + length * direction)
                memory["open"] = [before, length * direction, gradient]
                break
            start = (length, loss, gradient, slope)
            length, loss, new_gradient = self._move(
                evaluate, before, direction, *start, group["max_eval"] - evaluations
            )
            memory["open"] = [before, length * direction, gradient]
            loss, gradient, failed = self._checked(evaluate, loss, new_gradient)
            if evaluations >= group["max_eval"]:
                break
            moved, gained = abs(length) * float(abs(direction).max()), abs(loss - previous_loss)
            if not failed and (moved <= group["tolerance_change"] or gained < group["tolerance_change"]):
                break
        return first

    def _checked(
        self, evaluate: Callable[[], tuple[float, Array]], loss: float, gradient: Array
    ) -> tuple[float, Array, bool]:
        """Take the last move back, and evaluate anew, if the loss or gradient at its end is not finite.

        Without a line search the last move of a `step` is checked against the first evaluation of the next, which would
        otherwise be made twice. Returns (loss, gradient, whether the move was taken back).
        """
        if not self.memory["open"] or (np.isfinite(loss) and np.isfinite(_dot(gradient, gradient))):
            return loss, gradient, False
        self._recover(self.memory["open"][0])
        return *evaluate(), True

    def _move(
        self, evaluate: Callable[[], tuple[float, Array]], start: Array, direction: Array, length: float, loss: float,
        gradient: Array, slope: float, max_evaluations: int,
    ) -> tuple[float, float, Array]:  # fmt: skip
        """Go along the direction, by `length` or as far as the line search says; returns (length, loss, gradient)."""

        def at(t: float) -> tuple[float, Array, float]:
            self._set(start + t * direction)
            value, new_gradient = evaluate()
            return value, new_gradient, _dot(new_gradient, direction)

        if self.param_groups[0]["line_search_fn"] is None:
            loss, gradient, _ = at(length)
            return length, loss, gradient
        least = self.param_groups[0]["tolerance_change"] / float(abs(direction).max())
        length, loss, gradient = strong_wolfe(at, length, loss, gradient, slope, least, max_evaluations)
        self._set(start + length * direction)
        return length, loss, gradient

    def _direction(self, gradient: Array) -> Array:
        """-H g by the two-loop recursion (algorithm 7.4): H is never formed, only its products with vectors."""
        steps, changes = self.memory["steps"], self.memory["changes"]
        q = -gradient
        weights = []
        for s, y in zip(reversed(steps), reversed(changes)):
            rho = 1.0 / _dot(y, s)
            weights.append((rho, rho * _dot(s, q)))
            q = q - weights[-1][1] * y
        q = q * self.memory["scale"]
        for (s, y), (rho, alpha) in zip(zip(steps, changes), reversed(weights)):
            q = q + (alpha - rho * _dot(y, q)) * s
        return q

    def _remember(self, gradient: Array) -> None:
        """Keep the last move and the change of the gradient over it if the curvature along it is positive.

        gradient: at the end of the move, of the batch that the next direction is for.
        """
        memory, group = self.memory, self.param_groups[0]
        if not memory["open"]:
            return
        _, step, earlier_gradient = memory["open"]
        memory["open"] = []
        if group["line_search_fn"] is not None:
            memory["caution"] = min(1.0, 2 * memory["caution"])
        change = gradient - earlier_gradient
        curvature = _dot(change, step)
        if curvature > 1e-10:
            memory["steps"].append(step)
            memory["changes"].append(change)
            if len(memory["steps"]) > group["history_size"]:
                memory["steps"].pop(0)
                memory["changes"].pop(0)
            memory["scale"] = curvature / _dot(change, change)

    def _recover(self, before: Array) -> None:
        """Back to where the step began; the next direction is steepest descent with a tenth of the length."""
        self._set(before)
        self.memory.update(steps=[], changes=[], open=[], scale=1.0, iterations=0)
        self.memory["caution"] *= 0.1

    def state_dict(self) -> dict[str, Any]:
        """{"state": {0: the memory, which is common to all parameters}, "param_groups": [options and numbers]}."""
        return {**super().state_dict(), "state": {0: _copied_memory(self.memory)}}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Take over a state dict. Errors: ValueError if groups or sizes differ; nothing is changed then."""
        self._check_groups(saved)
        memory = _copied_memory(saved["state"][0])
        size, place = self._gather().shape, device_of(self._parameters[0].array)
        for key in ("steps", "changes", "open"):
            for vector in memory[key]:
                if vector.shape != size:
                    raise ValueError(f"LBFGS: the saved {key} have shape {vector.shape}, the parameters {size}")
            memory[key] = [to_device(vector, place) for vector in memory[key]]
        super().load_state_dict({**saved, "state": {}})
        self.memory = {"caution": 1.0, **memory}  # states saved by earlier versions have none


def _copied_memory(memory: dict[str, Any]) -> dict[str, Any]:
    """Lists of its own; the vectors in them are never changed in place."""
    return {key: list(value) if isinstance(value, list) else value for key, value in memory.items()}


def strong_wolfe(
    at: Evaluation, t: float, loss: float, gradient: Array, slope: float, least: float = 0.0,
    max_evaluations: int = 25, c1: float = 1e-4, c2: float = 0.9,
) -> tuple[float, float, Array]:  # fmt: skip
    """A step length t with  f(t) <= f(0) + c1 t f'(0)  and  |f'(t)| <= c2 |f'(0)|  (algorithm 3.5).

    Lengths are enlarged until a minimum is bracketed, then the bracket is shrunk (`_zoom`) until it is narrower than
    `least`. Returns the best (length, loss, gradient) found if the conditions cannot be met: after max_evaluations
    and the one at the first length, which PyTorch does not count.
    """
    start = before = (0.0, loss, gradient, slope)
    here = (t, *at(t))
    for left in reversed(range(max_evaluations)):
        t, value, _, new_slope = here
        failed = not (np.isfinite(value) and np.isfinite(new_slope))
        enlarged = left < max_evaluations - 2
        if failed or value > loss + c1 * t * slope or (enlarged and value >= before[1]):
            return _zoom(at, start, [before, here], least, left + 1, c1, c2)
        if abs(new_slope) <= -c2 * slope:
            return here[:3]
        if new_slope >= 0:
            return _zoom(at, start, [before, here], least, left + 1, c1, c2)
        t, before = _interpolated(before, here, t + 0.01 * (t - before[0]), 10 * t), here
        here = (t, *at(t))
    return here[:3] if here[1] < loss else start[:3]


def _zoom(at: Evaluation, start: Any, bracket: list[Any], least: float, evaluations: int, c1: float, c2: float) -> Any:
    """Shrink the bracket, two points; bracket[low] is the one with the smaller loss (algorithm 3.6)."""
    _, loss, _, slope = start
    low = 0 if bracket[0][1] <= bracket[1][1] else 1
    crowded = False
    for _ in range(evaluations):
        if abs(bracket[1][0] - bracket[0][0]) < least:
            break
        t, crowded = _inside(bracket[0], bracket[1], crowded)
        here = (t, *at(t))
        _, value, _, new_slope = here
        if not np.isfinite(value) or value > loss + c1 * t * slope or value >= bracket[low][1]:
            bracket[1 - low] = here
            low = 0 if bracket[0][1] <= bracket[1][1] else 1
            continue
        if abs(new_slope) <= -c2 * slope:
            return here[:3]
        if new_slope * (bracket[1 - low][0] - bracket[low][0]) >= 0:
            bracket[1 - low] = bracket[low]
        bracket[low] = here
    return bracket[low][:3]


def _inside(a: Any, b: Any, crowded: bool) -> tuple[float, bool]:
    """The cubic's minimum in a bracket, and whether it lies within a tenth of an end.

    Twice in a row, or on the end itself, it is moved a tenth inwards, so that the bracket does shrink.
    """
    left, right = min(a[0], b[0]), max(a[0], b[0])
    t, margin = _interpolated(a, b, left, right), 0.1 * (right - left)
    if min(right - t, t - left) >= margin:
        return t, False
    if not crowded and left < t < right:
        return t, True
    return (right - margin if right - t < t - left else left + margin), False


def _interpolated(a: Any, b: Any, least: float, most: float) -> float:
    """The minimum of the cubic through two points with slopes (equation 3.59), kept within [least, most]."""
    (t1, f1, _, g1), (t2, f2, _, g2) = (a, b) if a[0] <= b[0] else (b, a)
    if not all(np.isfinite(v) for v in (f1, g1, f2, g2)) or t1 == t2:
        return (least + most) / 2
    d1 = g1 + g2 - 3 * (f1 - f2) / (t1 - t2)
    square = d1 * d1 - g1 * g2
    if square < 0:
        return (least + most) / 2
    d2 = square**0.5
    denominator = g2 - g1 + 2 * d2
    t = t2 - (t2 - t1) * ((g2 + d2 - d1) / denominator) if denominator else (least + most) / 2
    return float(min(max(t, least), most))
