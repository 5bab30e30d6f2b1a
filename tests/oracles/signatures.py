"""The arguments of PyTorch's built-in functions, which `inspect` cannot see: read from what heads their help."""

from __future__ import annotations

import inspect
import re
from typing import Any


def arguments_of(function: Any) -> dict[str, str | None]:
    """{name: default as written, or None} of the arguments in order, those of all forms of a function together; empty
    where neither `inspect` nor the help tells."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return _from_help(function)
    named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return {p.name: None if p.default is p.empty else str(p.default) for p in named}


def _from_help(function: Any) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for form in forms_in_help(function):
        for part in form:
            match = re.match(r"(\w+)(?:: [^=]*)?(?:\s*=\s*(.*))?$", part)
            if match and match.group(1) not in found:
                found[match.group(1)] = match.group(2)
    return found


def forms_in_help(function: Any) -> list[list[str]]:
    """The argument lists that the help of a function begins its forms with; "*" before those that need their name."""
    name = re.escape(getattr(function, "__name__", "?"))
    written = re.findall(rf"^(?:\.\. (?:function|method):: )?{name}\((.*)\)", function.__doc__ or "", re.M)
    return [_parts(form.split(") ->")[0].replace("\\*", "*")) for form in written]


def _parts(written: str) -> list[str]:
    """An argument list cut at its commas, but not inside brackets."""
    parts, depth = [""], 0
    for letter in written:
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part.strip()]
