"""Bugs planted mechanically in the derivatives are seen by the table; `make mutate` plants all of them."""

import random
import signal

import pytest

from minigrad.gradcheck.cases import CASES
from tests.helpers import mutation

SAMPLE = 12
CERTAIN = ("negative", "twice", "other sign", "only the first factor", "only the second factor")


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="what hangs is stopped by SIGALRM")
def test_a_sample_of_signs_and_factors_is_caught(monkeypatch):
    monkeypatch.setattr(mutation, "CASES", [case for case in CASES if "Conv" not in case.op])
    planted = [mutant for module in mutation.modules() for mutant in mutation.mutants_of(module)]
    chosen = [
        mutant
        for mutant in planted
        if mutant.change.startswith(CERTAIN) and not mutation.equivalent(mutant) and "conv" not in mutant.place
        and mutant.place.startswith("ops.")
    ]  # fmt: skip
    chosen = random.Random(5).sample(chosen, SAMPLE)
    before = [mutant.function.__code__ for mutant in chosen]
    assert [str(mutant) for mutant in mutation.survivors(chosen)] == []
    assert [mutant.function.__code__ for mutant in chosen] == before


def test_every_module_with_adjoints_is_mutated():
    for module in mutation.modules():
        if ".kernels." in module.__name__:
            assert list(mutation.mutants_of(module)), module.__name__
