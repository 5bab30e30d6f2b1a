"""A second, slow implementation of every operation, for comparison: plain loops over numbers that carry their
own derivatives.

There is no graph and no backward pass here, so nothing that minigrad could share a mistake with: a loop runs
forward on hyper-dual numbers, and its first and second derivatives come out exact. `namespace` is the `m` of
the gradient-check cases.
"""

from types import SimpleNamespace

from . import array, extra, loops, losses

namespace = SimpleNamespace(
    **array.FUNCTIONS,
    erf=lambda x: array.each(extra.erf, x),
    nn=SimpleNamespace(functional=SimpleNamespace(**loops.FUNCTIONS, **losses.FUNCTIONS, **extra.FUNCTIONS)),
    adjoint=SimpleNamespace(**loops.ADJOINTS),
)
