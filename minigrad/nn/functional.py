"""The public list of functions for building networks; each is defined, with formula and shapes, in `minigrad.ops`.

A function declares itself part of it with `@public("nn.functional")` (`ops/public.py`). `functional.pyi` lists them for
editors and type checkers:

    python -m tests.helpers.stubs        # writes it anew; a test says when that is due
"""

from .. import ops

__all__ = sorted(ops.declared["nn.functional"])

globals().update(ops.declared["nn.functional"])
