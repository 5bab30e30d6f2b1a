"""What imports what in the four packages, read from the source: also imports inside functions and behind strings."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.helpers.paths import ROOT

PACKAGES = ("minigrad", "nets", "experiments", "weights_converter")


@dataclass(frozen=True)
class Import:
    """One import: module `source` takes `target` at a line; deferred: inside a function or behind a string."""

    source: str
    target: str
    line: int
    deferred: bool


def source_files() -> list[Path]:
    """Every Python file of the four packages."""
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def module_of(path: Path) -> str:
    """The dotted name of the module in a file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports() -> list[Import]:
    """All imports of the project's own modules by the project's own modules."""
    modules = {module_of(path) for path in source_files()}
    return [found for path in source_files() for found in _imports_of(path, modules)]


def _imports_of(path: Path, modules: set[str]) -> Iterator[Import]:
    source = module_of(path)
    package = source.split(".") if path.name == "__init__.py" else source.split(".")[:-1]
    tree = ast.parse(path.read_text())
    top = {id(statement) for statement in tree.body}
    for node in _run(tree):
        for name in _names(node, package):
            target = name if name in modules else name.rpartition(".")[0]
            if target in modules and target != source and name.split(".")[0] in PACKAGES:
                yield Import(source, target, node.lineno, id(node) not in top)


def _run(tree: ast.Module) -> Iterator[ast.AST]:
    """Every node but those below `if TYPE_CHECKING:`, which only type checkers read."""
    stack: list[ast.AST] = [tree]
    while stack:
        node = stack.pop()
        if not (isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"):
            yield node
            stack.extend(ast.iter_child_nodes(node))


def _names(node: ast.AST, package: list[str]) -> list[str]:
    """The dotted names that a node imports, absolute."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        base = package[: len(package) - node.level + 1] if node.level else []
        prefix = ".".join([*base, *([node.module] if node.module else [])])
        return [f"{prefix}.{alias.name}" for alias in node.names]
    if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in (
        "import_module",
        "__import__",
    ):
        texts = [
            part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)
        ]
        return [text.rstrip(".") for text in texts[:1]]
    return []
