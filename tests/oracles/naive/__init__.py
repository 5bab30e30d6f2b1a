"""A second, slow implementation of every operation, for comparison: plain loops over numbers that carry their
own derivatives.

There is no graph and no backward pass here, so nothing that minigrad could share a mistake with: a loop runs
forward on hyper-dual numbers, and its first and second derivatives come out exact. `namespace` is the `m` of
the gradient-check cases.
"""

from types import SimpleNamespace
from typing import Any

from . import array, extra, loops, losses


class Functions(SimpleNamespace):
    """Functions by name; one that is missing is asked for in words."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"there is no naive form of {name}: write it in tests/oracles/naive")


namespace = Functions(
    **array.FUNCTIONS,
    erf=lambda x: array.each(extra.erf, x),
    nn=SimpleNamespace(functional=Functions(**loops.FUNCTIONS, **losses.FUNCTIONS, **extra.FUNCTIONS)),
    adjoint=Functions(**loops.ADJOINTS),
)
