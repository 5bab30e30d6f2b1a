"""The house's own rules, read from its source: imports go downward, no circles, files and functions stay readable."""

import ast
from pathlib import Path

import pytest

from tests.helpers.imports import Import, imports, module_of, source_files
from tests.helpers.paths import ROOT

# The floors of `minigrad`, from the ground up. A module imports from its own floor or from below.
FLOORS = [
    {"cuda", "files", "npz", "safetensors", "hooks", "storage", "size"},
    {"devices", "random"},
    {"autograd_errors"},
    {"kernels", "hub"},
    {"grad_mode"},
    {"bound_methods"},
    {"tensor_methods"},
    {"autograd"},
    {"views", "distributed"},
    {"ops"},
    {"functions"},
    {"nn"},
    {"optim", "data", "utils", "checkpoint", "gradcheck", "trace", "summary", "compat", "backends", "accelerator"},
]
FLOOR_OF = {name: floor for floor, names in enumerate(FLOORS) for name in names}
PACKAGE_FLOOR = {"minigrad": 0, "nets": 1, "experiments": 2, "weights_converter": 2}
LONGEST_FILE, LONGEST_FUNCTION, LONGEST_ENGINE = 400, 60, 380

IMPORTS = imports()


def listed(found: list[Import]) -> str:
    return "\n".join(f"{i.source}:{i.line} imports {i.target}" for i in found)


def lines_of(path: Path) -> int:
    return path.read_text().count("\n")


def test_packages_import_downward():
    """minigrad knows no nets, nets know no experiments; experiments and weights_converter stand side by side."""
    upward = [
        i
        for i in IMPORTS
        if i.source.split(".")[0] != i.target.split(".")[0]
        and PACKAGE_FLOOR[i.source.split(".")[0]] <= PACKAGE_FLOOR[i.target.split(".")[0]]
    ]
    assert not upward, listed(upward)


def test_the_floors_of_the_engine():
    upward = []
    for i in IMPORTS:
        source, target = i.source.split("."), i.target.split(".")
        if source[0] == target[0] == "minigrad" and len(source) > 1 and len(target) > 1:
            assert source[1] in FLOOR_OF, f"minigrad/{source[1]} has no floor: name it in FLOORS"
            if FLOOR_OF[source[1]] < FLOOR_OF[target[1]]:
                upward.append(i)
    assert not upward, listed(upward)


def test_no_module_reaches_itself_through_its_imports():
    edges: dict[str, set[str]] = {}
    for i in IMPORTS:
        if not i.deferred:
            edges.setdefault(i.source, set()).add(i.target)
    finished: set[str] = set()

    def visit(module: str, path: list[str]) -> None:
        assert module not in path, "circle: " + " -> ".join([*path[path.index(module) :], module])
        if module not in finished:
            for target in sorted(edges.get(module, ())):
                visit(target, [*path, module])
            finished.add(module)

    for module in sorted(edges):
        visit(module, [])


def test_commands_share_through_folders_and_import_no_other_command():
    commands = {module_of(path) for path in (ROOT / "experiments").glob("*.py") if not path.name.startswith("__")}
    wrong = [i for i in IMPORTS if i.target in commands and i.source.startswith("experiments.")]
    assert not wrong, listed(wrong)


def test_what_is_common_knows_no_family():
    wrong = [
        i
        for i in IMPORTS
        if i.source.startswith("experiments.common")
        and i.target.startswith("experiments.")
        and not i.target.startswith("experiments.common")
    ]
    assert not wrong, listed(wrong)


def test_test_files_are_short():
    long = [str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("*.py") if lines_of(path) > LONGEST_FILE]
    assert not long


@pytest.mark.parametrize("path", source_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_are_short(path):
    text = path.read_text()
    assert lines_of(path) <= LONGEST_FILE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            lines = node.end_lineno - node.lineno
            assert lines <= LONGEST_FUNCTION, f"{node.name} has {lines} lines"


def test_the_engine_is_read_in_one_sitting():
    assert lines_of(ROOT / "minigrad" / "autograd.py") <= LONGEST_ENGINE


def test_tensors_are_made_by_tensor_of():
    """`Tensor(array)` is PyTorch's constructor, for users: it copies, and converts to float32."""
    calls = [
        f"{path}:{node.lineno}"
        for path in source_files()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "Tensor"
    ]
    assert not calls, f"use autograd.tensor_of or from_numpy: {calls}"


def test_no_test_imports_another():
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            for name in names:
                assert "test_" not in name, f"{path.relative_to(ROOT)}:{node.lineno} imports {name}: use tests/helpers"
