"""The stubs of what is filled in from the functions declared `@public`: `python -m tests.helpers.stubs` writes them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from minigrad.ops.public import declared
from tests.helpers.paths import ROOT

HEAD = '''"""Written by `python -m tests.helpers.stubs` from the functions declared with `@public`; not to be edited."""

# fmt: off
'''
IMPORTS = {  # what annotations may name, beside the builtins
    "Callable": "from collections.abc import Callable",
    "Iterable": "from collections.abc import Iterable",
    "Sequence": "from collections.abc import Sequence",
    "Any": "from typing import Any",
    "np": "import numpy as np",
    "Tensor": "\nfrom .autograd import Tensor",
    "Device": "from .devices import Device",
    "Generator": "from .random import Generator",
    "ValuesAndIndices": "from .ops.reduction import ValuesAndIndices",
}


def method_line(name: str, function: Callable[..., Any]) -> str:
    """`def name(self, ...) -> ...: ...` for a function whose first argument is the tensor."""
    signature = inspect.signature(function)
    first, *rest = signature.parameters.values()
    self = first.replace(name="self", annotation=first.empty, kind=inspect.Parameter.POSITIONAL_ONLY)
    text = str(inspect.Signature([self, *rest], return_annotation=signature.return_annotation))
    text = re.sub(r"(: |-> )'([^']*)'", r"\1\2", text.replace("(self, /", "(self"))  # annotations are strings
    return f"    def {name}{text}: ..."


def methods_stub() -> str:
    """The text of `bound_methods.pyi`."""
    methods = {name: method_line(name, function) for name, function in declared["Tensor"].items()}
    for name, function in {**declared["in-place"], **declared["in-place shape"]}.items():
        methods[f"{name}_"] = method_line(f"{name}_", function)
    lines = [methods[name] for name in sorted(methods)]
    words = set(re.findall(r"\w+", "\n".join(lines)))
    imports = [line for word, line in IMPORTS.items() if word in words]
    return "\n".join([HEAD + "\n".join(imports), "", "class BoundMethods:", "    __slots__ = ()", *lines, ""])


def functions_stub(place: str, ops: str) -> str:
    """The text of a stub that hands on the functions of a place. ops: where `minigrad.ops` is, seen from there."""
    functions = sorted(declared[place].items(), key=lambda item: (item[1].__module__, item[0]))
    lines = [
        f"from {function.__module__.replace('minigrad.ops', ops)} import {name} as {name}"
        for name, function in functions
    ]
    names = "".join(f'    "{name}",\n' for name in sorted(declared[place]))
    return "\n".join([HEAD + "\n".join(lines), "", f"__all__ = [\n{names}]", ""])


STUBS: dict[Path, Callable[[], str]] = {
    ROOT / "minigrad" / "bound_methods.pyi": methods_stub,
    ROOT / "minigrad" / "functions.pyi": lambda: functions_stub("minigrad", ".ops"),
    ROOT / "minigrad" / "nn" / "functional.pyi": lambda: functions_stub("nn.functional", "..ops"),
}

if __name__ == "__main__":
    for path, text in STUBS.items():
        path.write_text(text())
        print(f"{path.relative_to(ROOT)} is written")
