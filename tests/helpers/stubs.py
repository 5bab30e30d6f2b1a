"""The stub of the methods that tensors get from functions: `python -m tests.helpers.stubs` writes it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

from minigrad.ops.public import declared
from tests.helpers.paths import ROOT

PATH = ROOT / "minigrad" / "bound_methods.pyi"
HEAD = '''"""Written by `python -m tests.helpers.stubs` from the functions declared with `@public`; not to be edited."""

# ruff: noqa: E501
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


def stub() -> str:
    """The whole text of the stub."""
    methods = {name: method_line(name, function) for name, function in declared["Tensor"].items()}
    for name, function in declared["in-place"].items():
        methods[f"{name}_"] = method_line(f"{name}_", function)
    lines = [methods[name] for name in sorted(methods)]
    words = set(re.findall(r"\w+", "\n".join(lines)))
    imports = [line for word, line in IMPORTS.items() if word in words]
    return "\n".join([HEAD + "\n".join(imports), "", "class BoundMethods:", "    __slots__ = ()", *lines, ""])


if __name__ == "__main__":
    PATH.write_text(stub())
    print(f"{PATH.relative_to(ROOT)} is written")
