"""The functions that stand in `minigrad` itself, such as `minigrad.exp`; each is defined in `minigrad.ops`.

A function declares itself one with `@public("minigrad")` (`ops/public.py`). `functions.pyi` lists them for editors and
type checkers:

    python -m tests.helpers.stubs        # writes it anew; a test says when that is due
"""

from . import ops

__all__ = sorted(ops.declared["minigrad"])

globals().update(ops.declared["minigrad"])
