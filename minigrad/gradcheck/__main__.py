"""The table of all derivatives: `python -m minigrad.gradcheck`.

Every case of every operation is compared with finite differences, first its derivative, then its derivative's
derivative. A row sums up an operation: its cases, the inputs compared, and the largest error of each order.
"""

from __future__ import annotations

import argparse
import difflib
import sys
import warnings
from dataclasses import dataclass, field

from .. import devices
from ..autograd import registry
from .case import Case
from .cases import CASES
from .check import gradcheck, gradgradcheck
from .namespace import namespace, tensors_of
from .report import Report


@dataclass
class Row:
    """What was found about one operation: the reports of each order, and what went wrong."""

    cases: int = 0
    inputs: int = 0
    kinks: int = 0
    errors: dict[int, float] = field(default_factory=lambda: {1: 0.0, 2: 0.0})
    failures: list[str] = field(default_factory=list)

    def add(self, case: Case, order: int, report: Report) -> None:
        self.errors[order] = max(self.errors[order], report.error)
        self.inputs += len(report.comparisons) if order == 1 else 0
        self.kinks += report.status == "kink"
        if report.status == "wrong":
            self.failures.append(f"{case}, order {order}: {report}")

    @property
    def verdict(self) -> str:
        return "WRONG" if self.failures else "kink" if self.kinks else "ok"


def check(case: Case, order: int, device: devices.Device) -> Report:
    """The report on one case, for its first or second derivatives. Cases without gradients give an empty one."""
    tensors = tensors_of(case, device)
    if not any(tensor.requires_grad for tensor in tensors):
        return Report()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        function = gradcheck if order == 1 else gradgradcheck
        return function(lambda *inputs: case.function(namespace, *inputs), tensors, raise_exception=False)


def table(names: list[str], device: devices.Device) -> dict[str, Row]:
    """A row for each named operation, in the order of the cases."""
    rows: dict[str, Row] = {}
    for case in CASES:
        if case.op in names:
            row = rows.setdefault(case.op, Row())
            row.cases += 1
            for order in (1, 2):
                row.add(case, order, check(case, order, device))
    return rows


def show(rows: dict[str, Row]) -> None:
    """Print the table."""
    print(f"{'operation':22} {'cases':>5} {'inputs':>6}  {'1st order':>9}  {'2nd order':>9}")
    for name, row in rows.items():
        errors = f"{row.errors[1]:9.1e}  {row.errors[2]:9.1e}"
        print(f"{name:22} {row.cases:5} {row.inputs:6}  {errors}  {row.verdict}")
    for row in rows.values():
        for failure in row.failures:
            print(f"\n{failure}")


def _why_unknown(name: str, known: list[str]) -> str:
    if name in registry:
        file = registry[name].__module__.rpartition(".")[2]
        return f"this operation is registered but has no case; write one in minigrad/gradcheck/cases/{file}.py"
    close = difflib.get_close_matches(name.lower(), [each.lower() for each in known], n=1)
    meant = [each for each in known if close and each.lower() == close[0]]
    return f"no such operation; {f'did you mean {meant[0]}? There' if meant else 'there'} are {', '.join(known)}"


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code, 1 if a derivative is wrong or an operation has no case."""
    known = list(dict.fromkeys(case.op for case in CASES))
    parser = argparse.ArgumentParser(
        prog="python -m minigrad.gradcheck",
        description="Compare the first and second derivatives of every operation with finite differences, in double "
        "precision. The errors shown are the largest differences found; a kink is a point without a derivative.",
    )
    parser.add_argument("--operation", nargs="+", metavar="NAME", default=known, help="only these (default: all)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.operation if name not in known]
    if unknown:
        print(f"error: --operation {unknown[0]}: {_why_unknown(unknown[0], known)}", file=sys.stderr)
        return 2
    try:
        device = devices.device(options.device)
        rows = table(options.operation, device)
    except (ValueError, RuntimeError) as error:
        print(f"error: --device {options.device}: {error}", file=sys.stderr)
        return 2
    show(rows)
    unchecked = sorted(set(registry) - set(known)) if options.operation == known else []
    if unchecked:
        print(f"\nwithout a case: {', '.join(unchecked)}")
    wrong = [name for name, row in rows.items() if row.failures]
    total = sum(row.cases for row in rows.values())
    print(f"\n{len(rows)} operations, {total} cases, first and second order: {len(wrong)} wrong")
    return 1 if wrong or unchecked else 0


if __name__ == "__main__":
    sys.exit(main())
