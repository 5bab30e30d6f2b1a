"""List the commands, one line each.

python -m experiments
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from .common.cli import Parser, run


def commands() -> Iterator[tuple[str, str]]:
    """(module, what it does) of each command, read from its source: nothing is imported."""
    folder = Path(__file__).parent
    files = {path.stem: path for path in folder.glob("[!_]*.py")}
    files |= {path.parent.name: path for path in folder.glob("*/__main__.py")}
    for name in sorted(files):
        text = ast.get_docstring(ast.parse(files[name].read_text(encoding="utf-8"))) or ""
        yield f"experiments.{name}", " ".join(text.split("\n\n")[0].split())


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = Parser("List the commands. Each one explains its options: python -m COMMAND --help")
    parser.parse_args(arguments)
    print(parser.description)
    for module, text in commands():
        print(f"  {module:30} {text}")


if __name__ == "__main__":
    run(main)
