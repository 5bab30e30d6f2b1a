"""The smallest game that gradient descent cannot play: min over x, max over y, of x y.

The gradients are y for the first player and -x for the second. With steps of size r

    simultaneous   (x, y) <- (x - r y, y + r x)              the distance to (0, 0) grows by sqrt(1 + r^2) a step
    alternating    x <- x - r y, then y <- y + r x           stays on a closed curve: x^2 + y^2 - r x y is constant
    damped         simultaneous, each player also descending damping / 2 of its own square: by hypot(1 - r damping, r)

(Gidel, Hemmat, Pezeshki, Le Priol, Huang, Lacoste-Julien and Mitliagkas 2019, "Negative momentum for improved game
dynamics", section 3.)
"""

from __future__ import annotations

import numpy as np

import minigrad as mg

RULES = ("simultaneous", "alternating", "damped")
RATE, DAMPING = 0.1, 0.3


def play_product(rule: str, steps: int = 200, rate: float = RATE, damping: float = DAMPING) -> np.ndarray:
    """The positions (steps + 1, 2) of both players from (1, 1) on, moved by gradients of x y that the engine computes.

    rule: one of RULES. Errors: ValueError for another one.
    """
    if rule not in RULES:
        raise ValueError(f"play_product: rule must be one of {', '.join(RULES)}, got {rule!r}")
    x, y = (mg.tensor(1.0, dtype=mg.float64, requires_grad=True) for _ in range(2))
    positions = [(x.item(), y.item())]
    pull = damping if rule == "damped" else 0.0
    for _ in range(steps):
        (dx,) = mg.grad(x * y + pull / 2 * x**2, [x])
        new_x = (x - rate * dx).detach().requires_grad_()
        against = new_x if rule == "alternating" else x
        (dy,) = mg.grad(-(against * y) + pull / 2 * y**2, [y])
        x, y = new_x, (y - rate * dy).detach().requires_grad_()
        positions.append((x.item(), y.item()))
    return np.array(positions)
