"""PyTorch's own samples of every operation that both libraries have: equal, or refused with a reason, never wrong.

Values in four dtypes, first and second derivatives in float64, as functions, methods and in place. Each operation
is tried on a few samples; with MINIGRAD_OPINFO=all in the environment, on all of them.
"""

import os

import pytest

pytest.importorskip("torch", reason="PyTorch, the oracle of these tests, is not installed")
pytest.importorskip("expecttest", reason="PyTorch's own test samples need expecttest")

from tests.oracles import opinfo
from tests.oracles.differences import REFUSALS

LIMIT = None if os.environ.get("MINIGRAD_OPINFO") == "all" else 2


@pytest.mark.parametrize("name", opinfo.OPERATIONS)
def test_no_sample_is_silently_different(name):
    op = opinfo.OPERATIONS[name]
    problems = [
        problem
        for dtype in opinfo.DTYPES
        for sample in opinfo.samples(op, dtype, LIMIT)
        for form in opinfo.forms(op)  # in place last: that changes the sample
        if (problem := opinfo.check(name, op, form, sample, dtype)) is not None
    ]
    assert not problems, f"{len(problems)} samples; first: " + "\n".join(problems[:3])


def test_hundreds_of_operations_are_compared():
    assert len(opinfo.OPERATIONS) > 200


def test_every_refusal_has_a_reason():
    for entry in REFUSALS:
        assert entry.reason.endswith(".") and len(entry.reason) > 20
