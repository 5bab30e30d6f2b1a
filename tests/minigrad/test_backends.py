"""PyTorch's switches, under their names."""

import pytest

import minigrad as mg
from minigrad import cuda


def test_tf32_is_off_until_allowed(monkeypatch):
    monkeypatch.setattr(cuda, "_tf32", None)
    monkeypatch.delenv("CUPY_TF32", raising=False)
    assert mg.backends.cuda.matmul.allow_tf32 is False
    mg.backends.cuda.matmul.allow_tf32 = True
    assert mg.backends.cuda.matmul.allow_tf32 is True


def test_the_environment_decides_until_it_is_set(monkeypatch):
    monkeypatch.setattr(cuda, "_tf32", None)
    monkeypatch.setenv("CUPY_TF32", "1")
    assert mg.backends.cuda.matmul.allow_tf32 is True
    mg.backends.cuda.matmul.allow_tf32 = False
    assert mg.backends.cuda.matmul.allow_tf32 is False


def test_what_it_does_not_know_is_refused():
    with pytest.raises(TypeError, match="allow_tf32: must be True or False, got 1"):
        mg.backends.cuda.matmul.allow_tf32 = 1
    with pytest.raises(AttributeError):
        mg.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = True
