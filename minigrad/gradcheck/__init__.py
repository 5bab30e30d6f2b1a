"""Checking derivatives: `gradcheck` and `gradgradcheck` for any function, and a table of every operation.

    mg.gradcheck.gradcheck(lambda x: x.exp().sum(), mg.randn(3, dtype=mg.float64, requires_grad=True))

    python -m minigrad.gradcheck          # every operation, first and second order, on many inputs

How it works is told in `check.py`; what is checked, in `cases/`.
"""

from .check import gradcheck, gradgradcheck
from .report import Comparison, GradientError, Report

__all__ = ["Comparison", "GradientError", "Report", "gradcheck", "gradgradcheck"]
