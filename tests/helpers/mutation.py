"""Bugs planted mechanically in every derivative: does the table of `python -m minigrad.gradcheck` see each of them?

    python -m tests.helpers.mutation                    # every backward of ops/ and every backward kernel
    python -m tests.helpers.mutation --only norm --sample 20

A mutant is one change in the source of one function: a sign, a factor, a term that is dropped, a product that becomes a
quotient, a number (an axis, an index, an offset) that is one larger, two things exchanged. The mutant's code takes the
place of the function's; the cases that run the function are checked one after another; the first report that says
"wrong", or an error, catches it. What no case catches is a hole in the table, or means the same as before.
Source of the idea: DeMillo, Lipton and Sayward, "Hints on Test Data Selection" (1978).
"""

from __future__ import annotations

import argparse
import ast
import copy
import functools
import importlib
import inspect
import pkgutil
import random
import re
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

import minigrad.ops
from minigrad import devices, grad
from minigrad.autograd import Tensor
from minigrad.gradcheck.__main__ import check
from minigrad.gradcheck.case import Case
from minigrad.gradcheck.cases import CASES
from minigrad.gradcheck.namespace import namespace, tensors_of
from minigrad.ops.elementwise import Elementwise

KERNELS = {  # the adjoints among the CPU's kernels, with what only they use; float64 takes the plain path through them
    "conv": r"conv2d_weight|conv_transpose2d",
    "im2col": r"adjoint|weight_gradient|col2im",
    "elementwise": r"leaky_relu_backward|index_add|channel_sum",
    "norm": r"normalize_backward",
    "pool": r"max_pool2d_scatter|max_pool2d_gather|avg_pool2d_scatter",
    "resize": r"pad2d_sum|upsample_nearest2d_sum",
}
DERIVATIVE = re.compile(r"backward|derivative")
EQUIVALENT = {  # mutants that mean the same, or that small arrays in float64 cannot show; by how their text begins
    "ops.activation.ELU.dx: another number: 0.0": "where it stands, the result is not taken from there",
    "ops.arithmetic.Maximum.da: product and quotient exchanged: dy * 0.5": "at ties, which are kinks",
    "ops.arithmetic.Maximum.da: only the first factor: dy * 0.5": "at ties, which are kinks",
    "ops.arithmetic.Maximum.da: only the second factor: dy * 0.5": "at ties, which are kinks",
    "ops.arithmetic.Maximum.da: another number: 0.5": "at ties, which are kinks",
    "ops.arithmetic.Maximum.db: product and quotient exchanged: dy * 0.5": "at ties, which are kinks",
    "ops.arithmetic.Maximum.db: only the first factor: dy * 0.5": "at ties, which are kinks",
    "ops.arithmetic.Maximum.db: only the second factor: dy * 0.5": "at ties, which are kinks",
    "ops.arithmetic.Maximum.db: another number: 0.5": "at ties, which are kinks",
    "ops.arithmetic.Abs.dx: product and quotient exchanged": "1 / sign(x) = sign(x)",
    "ops.arithmetic.Power.da: another number: ": "where the power is 0, so is the factor beside it",
    "ops.arithmetic.Power.db: another number: ": "where it stands, the result is replaced by 0",
    "ops.arithmetic.Power.db: one more: 0 (line 3)": "the base 0 is a kink of real powers; tests/minigrad/ops",
    "ops.arithmetic.Power.da: exchanged: (int, float)": "isinstance does not mind",
    "ops.arithmetic.Power.db: exchanged: (int, float)": "isinstance does not mind",
    "ops.collective.AllReduce.backward: call left out": "one process alone; seen with several, tests/helpers/ranks",
    "ops.common.Cast.backward: call left out": "all cases are float64; tests/minigrad/test_dtype.py",
    "ops.loss.BinaryCrossEntropy.backward: call left out: clamp": "only at probabilities 0 and 1; tests/minigrad/ops",
    "ops.loss.BinaryCrossEntropy.backward: another number: 100.0": "only at probabilities 0 and 1; tests/minigrad/ops",
    "ops.norm._batch_norm_backward: exchanged": "a sum does not mind the order of its axes",
    "ops.norm._batch_norm_backward: call left out: max(": "only for empty channels",
    "ops.norm._batch_norm_backward: one more: 1 (line 9)": "only for empty channels",
    "ops.reduction.Norm.backward: ": "only where the norm is 0, a kink; tests/minigrad/ops",
    "kernels.cpu.conv.conv2d_weight: ": "only for empty arrays",
    "kernels.cpu.elementwise.channel_sum: ": "only for large arrays; tests/minigrad/kernels",
    "kernels.cpu.elementwise.leaky_relu_backward: call left out: y.dtype": "all cases are float64",
    "kernels.cpu.norm.normalize_backward: call left out": "a dtype, or an order in memory",
    "kernels.cpu.norm.normalize_backward: one more: 1 (line 12)": "only for empty channels",
    "kernels.cpu.resize.pad2d_sum: other sign": "the offset of a piece, 0 in small arrays; tests/minigrad/kernels",
    "kernels.cpu.resize.pad2d_sum: only the first": "the offset of a piece, 0 in small arrays; tests/minigrad/kernels",
    "ops.matrix.MatMul.backward: call left out: all(": "half the work, the same numbers",
    "kernels.cpu.pool.max_pool2d_gather: another number: 0.0": "no window chooses a place in the border",
    "kernels.cpu.resize.upsample_nearest2d_sum: exchanged: (:, rows)": "only large arrays are cut into rows",
}
SECONDS = 60  # a mutant that runs longer hangs, which somebody would notice


@dataclass(frozen=True)
class Mutant:
    """A function, what compiles the code that takes the place of its own, and what was changed."""

    function: FunctionType
    code: Callable[[], CodeType]
    place: str  # module.function
    change: str

    def __str__(self) -> str:
        return f"{self.place}: {self.change}"


# ----------------------------------------------------------------------------------- what is changed


def changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """What may stand in a node's place, each with its name."""
    match node:
        case ast.BinOp(left, ast.Add() | ast.Sub() as op, right):
            other = ast.Sub() if isinstance(op, ast.Add) else ast.Add()
            yield "other sign", ast.BinOp(left, other, right)
            yield "only the first term", left
            yield "only the second term", right
        case ast.BinOp(left, ast.Mult() | ast.Div() as op, right):
            other = ast.Div() if isinstance(op, ast.Mult) else ast.Mult()
            yield "product and quotient exchanged", ast.BinOp(left, other, right)
            yield "only the first factor", left
            yield "only the second factor", right
        case ast.BinOp(left, ast.MatMult(), right):
            yield "factors exchanged", ast.BinOp(right, ast.MatMult(), left)
        case ast.UnaryOp(ast.USub(), operand) if not isinstance(operand, ast.Constant):
            yield "no minus", operand
        case ast.Call(_, [ast.Name() | ast.BinOp() | ast.Call() as first, *_]):
            yield "call left out", first
        case ast.Constant(bool() as value):
            yield "other truth", ast.Constant(not value)
        case ast.Constant(int() as value):
            yield "one more", ast.Constant(value + 1)
        case ast.Constant(float() as value):
            yield "another number", ast.Constant(2 * value + 1)
        case ast.Compare(left, [ast.Gt() | ast.Lt() as op], right):
            yield "other side", ast.Compare(left, [ast.Lt() if isinstance(op, ast.Gt) else ast.Gt()], right)
        case ast.Compare(left, [ast.Eq() | ast.NotEq() as op], right):
            yield "other condition", ast.Compare(left, [ast.NotEq() if isinstance(op, ast.Eq) else ast.Eq()], right)
        case ast.Tuple([first, second, *rest], ast.Load()) if ast.dump(first) != ast.dump(second):
            yield "exchanged", ast.Tuple([second, first, *rest], ast.Load())


def results(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """A returned value with another sign and another factor, where nothing in the expression would do that; zeros stay
    zeros."""
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "zeros_like":
        return
    yield "negative", ast.UnaryOp(ast.USub(), node)
    yield "twice", ast.BinOp(ast.Constant(2.0), ast.Mult(), node)


def returned(node: ast.AST) -> Iterator[ast.AST]:
    """The expressions that a function returns: of a tuple each, of `x if needed else None` x."""
    if isinstance(node, ast.IfExp):
        yield from returned(node.body)
        yield from returned(node.orelse)
    elif isinstance(node, (ast.Tuple, ast.List)):
        for element in node.elts:
            yield from returned(element)
    elif isinstance(node, ast.ListComp):
        yield from returned(node.elt)
    elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "tuple":
        yield from returned(node.args[0])
    elif isinstance(node, (ast.BinOp, ast.Call, ast.Name)):
        yield node


def _spots(function: ast.FunctionDef) -> Iterator[tuple[ast.AST, str, ast.AST]]:
    """(node, name, replacement) for all changes of a function; errors and annotations are left alone."""
    todo: list[ast.AST] = list(function.body)
    while todo:
        node = todo.pop(0)
        if isinstance(node, ast.Return) and node.value is not None:
            for expression in returned(node.value):
                for name, replacement in results(expression):
                    yield expression, name, replacement
        for name, replacement in changes(node):
            yield node, name, replacement
        if isinstance(node, ast.AnnAssign):
            todo.extend([] if node.value is None else [node.value])
        elif isinstance(node, ast.FunctionDef):
            todo.extend(node.body)
        elif not isinstance(node, ast.Raise):
            todo.extend(ast.iter_child_nodes(node))


# ---------------------------------------------------------------------------------------- the targets


def functions_of(module: ModuleType, tree: ast.Module) -> dict[str, tuple[FunctionType, ast.FunctionDef]]:
    """The module's functions and methods by qualified name, each with its source."""
    found = {}
    for node in tree.body:
        inside = node.body if isinstance(node, ast.ClassDef) else [node]
        owner = getattr(module, node.name) if isinstance(node, ast.ClassDef) else module
        for part in inside:
            if isinstance(part, ast.FunctionDef):
                function = vars(owner).get(part.name)
                if isinstance(function, FunctionType) and function.__module__ == module.__name__:
                    found[function.__qualname__] = (function, part)
    return found


def targets(module: ModuleType, functions: dict[str, tuple[FunctionType, ast.FunctionDef]]) -> list[str]:
    """The functions that compute derivatives (backward, and elementwise operations' dx, da, ...), and private ones that
    nothing else uses."""
    stem = module.__name__.rpartition(".")[2]
    if ".kernels." in module.__name__:
        return [name for name in functions if re.fullmatch(KERNELS[stem], name)]
    elementwise = {
        f"{owner.__qualname__}.{name}"
        for owner in vars(module).values()
        if isinstance(owner, type) and issubclass(owner, Elementwise)
        for name in (f"d{argument}" for argument in inspect.signature(owner.formula).parameters)
        if name in vars(owner)
    }
    chosen = {name for name in functions if DERIVATIVE.search(name.rpartition(".")[2]) or name in elementwise}
    uses = {name: {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} for name, (_, node) in functions.items()}
    for _ in functions:
        chosen |= {
            name
            for name in functions
            if name.startswith("_") and any(name in uses[user] for user in chosen)
            and not any(name in uses[user] for user in functions if user not in chosen)
        }  # fmt: skip
    return [name for name in functions if name in chosen]


def modules() -> list[ModuleType]:
    """All of ops/, and the kernels with adjoints."""
    names = [f"minigrad.ops.{info.name}" for info in pkgutil.iter_modules(minigrad.ops.__path__)]
    return [importlib.import_module(name) for name in [*names, *(f"minigrad.kernels.cpu.{stem}" for stem in KERNELS)]]


def mutants_of(module: ModuleType) -> Iterator[Mutant]:
    """All mutants of a module's derivatives."""
    assert module.__file__
    source = Path(module.__file__).read_text(encoding="utf-8")
    tree = ast.parse(source)
    functions = functions_of(module, tree)
    for name in targets(module, functions):
        function, node = functions[name]
        for old, what, new in _spots(node):
            text = f"{what}: {ast.unparse(old)} (line {getattr(old, 'lineno', 0) - node.lineno})"
            yield Mutant(
                function,
                functools.partial(_compiled, tree, old, new, name),
                f"{module.__name__.removeprefix('minigrad.')}.{name}",
                text,
            )


def _compiled(tree: ast.Module, old: ast.AST, new: ast.AST, name: str) -> CodeType:
    return _code(compile(_replaced(tree, old, new), "<mutant>", "exec"), name)


def _replaced(tree: ast.Module, old: ast.AST, new: ast.AST) -> ast.Module:
    """A copy of the tree in which one node is another."""
    copies: dict[int, Any] = {}
    result = copy.deepcopy(tree, copies)
    spot, replacement = copies[id(old)], copy.deepcopy(new)
    for parent in ast.walk(result):
        for name, value in ast.iter_fields(parent):
            if value is spot:
                setattr(parent, name, replacement)
            elif isinstance(value, list):
                value[:] = [replacement if item is spot else item for item in value]
    return ast.fix_missing_locations(result)


def _code(module: CodeType, qualname: str) -> CodeType:
    """The code of a function within a module's."""
    for constant in module.co_consts:
        if isinstance(constant, CodeType):
            if constant.co_qualname == qualname:
                return constant
            if qualname.startswith(f"{constant.co_qualname}."):
                return _code(constant, qualname)
    raise LookupError(qualname)


# ------------------------------------------------------------------------------------- who catches it


def cases_by_code(codes: set[CodeType]) -> dict[CodeType, list[Case]]:
    """For each function's code the cases that run it, forward or backward, the quickest first."""
    found: dict[CodeType, list[Case]] = {code: [] for code in codes}
    for case in sorted(CASES, key=lambda case: sum(np.prod(source.shape) for source in case.inputs)):
        called: set[CodeType] = set()

        def see(frame: Any, event: str, _: Any, called: set[CodeType] = called) -> None:
            if event == "call":
                called.add(frame.f_code)

        sys.setprofile(see)
        try:
            _run(case)
        finally:
            sys.setprofile(None)
        for code in called & codes:
            found[code].append(case)
    return found


def _run(case: Case) -> None:
    """The case's value and its derivatives of both orders."""
    with np.errstate(all="ignore"):
        tensors = tensors_of(case, devices.CPU)
        points = [x for x in tensors if x.requires_grad]
        y = case.function(namespace, *tensors)
        if not (isinstance(y, Tensor) and y.requires_grad):
            return
        u = namespace.ones_like(y)
        grad([y], points, [u], retain_graph=True, allow_unused=True)
        first = [g for g in grad([y], points, [u], create_graph=True, allow_unused=True) if g is not None]
        first = [g for g in first if g.requires_grad]
        if first:
            grad(first, points, [namespace.ones_like(g) for g in first], allow_unused=True)


def caught_by(mutant: Mutant, cases: list[Case]) -> str | None:
    """What catches the mutant: a case and its order; None if all pass."""
    original = mutant.function.__code__
    mutant.function.__code__ = mutant.code()
    try:
        for order in (1, 2):
            for case in cases:
                if not _passes(case, order):
                    return f"{case}, order {order}"
    finally:
        mutant.function.__code__ = original
    return None


def _passes(case: Case, order: int) -> bool:
    def stop(*_: Any) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        return check(case, order, devices.CPU).status != "wrong"
    except Exception:
        return False
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def survivors(chosen: list[Mutant], progress: Callable[[Mutant, str | None], None] = lambda *_: None) -> list[Mutant]:
    """The mutants that no case catches."""
    cases = cases_by_code({mutant.function.__code__ for mutant in chosen})
    alive = []
    for mutant in chosen:
        found = caught_by(mutant, cases[mutant.function.__code__])
        progress(mutant, found)
        if found is None:
            alive.append(mutant)
    return alive


def equivalent(mutant: Mutant) -> bool:
    """Whether the mutant is known to mean the same as the original."""
    return any(str(mutant).startswith(text) for text in EQUIVALENT)


def main() -> int:
    """The command line: 1 if a mutant survives that is not known to mean the same as the original."""
    parser = argparse.ArgumentParser(prog="python -m tests.helpers.mutation", description=__doc__.split("\n")[0])  # type: ignore[union-attr]
    parser.add_argument("--only", default="", help="functions whose full name contains this")
    parser.add_argument("--sample", type=int, help="this many of them, drawn with --seed")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chosen = [mutant for module in modules() for mutant in mutants_of(module) if options.only in mutant.place]
    if options.sample is not None:
        chosen = random.Random(options.seed).sample(chosen, min(options.sample, len(chosen)))
    counts: dict[str, list[int]] = {}

    def progress(mutant: Mutant, found: str | None) -> None:
        count = counts.setdefault(mutant.place, [0, 0])
        count[0] += 1
        count[1] += found is not None
        if found is None:
            print(f"{'equivalent' if equivalent(mutant) else 'NOT CAUGHT'}  {mutant}", flush=True)

    alive = survivors(chosen, progress)
    for place, (planted, caught) in counts.items():
        print(f"{place:60} {caught:4} of {planted:4}")
    print(f"{len(chosen)} bugs planted, {len(chosen) - len(alive)} caught")
    return 1 if any(not equivalent(mutant) for mutant in alive) else 0


if __name__ == "__main__":
    sys.exit(main())
