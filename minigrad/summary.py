"""A module's table: its layers in the order in which they run, what each gives, and how many parameters it has.

    print(summary(net, input_size=(16, 1, 28, 28)))

The columns are torchinfo's. (`minigrad.trace` has it as a command.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from .autograd import SavedTensor, Tensor, node_of, topological_order
from .nn import Module
from .ops import rand
from .random import get_rng_state, set_rng_state

WIDTHS = 44, 26  # characters of the first two columns


@dataclass
class Row:
    """One call of a module. depth: 0 for the whole; number: among those of its depth; again: it ran before."""

    module: Module
    name: str
    depth: int
    number: int
    again: bool
    output: list[tuple[int, ...]] = field(default_factory=list)


@dataclass
class Summary:
    """rows: the calls of modules; depth: down to which they are shown. Sizes in bytes.

    parameters, trainable: how many numbers; parameter_bytes: with the buffers; kept_bytes: of the tensors that one
    forward pass keeps for the backward pass (of the network's parameters no copy is kept).
    """

    rows: list[Row]
    depth: int
    parameters: int
    trainable: int
    input_bytes: int
    kept_bytes: int
    parameter_bytes: int

    def __str__(self) -> str:
        width = sum(WIDTHS) + 14
        lines = ["=" * width, _line("Layer (type:depth-number)", "Output shape", "Parameters"), "=" * width]
        lines += [_line(*self._cells(row)) for row in self.rows if row.depth <= self.depth]
        total = self.input_bytes + self.kept_bytes + self.parameter_bytes
        lines += [
            "=" * width,
            f"Parameters: {self.parameters:,}",
            f"Trainable: {self.trainable:,}",
            "-" * width,
            f"Input (MB): {self.input_bytes / 1e6:.2f}",
            f"Kept for the backward pass (MB): {self.kept_bytes / 1e6:.2f}",
            f"Parameters and buffers (MB): {self.parameter_bytes / 1e6:.2f}",
            f"Together (MB): {total / 1e6:.2f}",
            "=" * width,
        ]
        return "\n".join(lines)

    __repr__ = __str__

    def _cells(self, row: Row) -> tuple[str, str, str]:
        kind = type(row.module).__name__
        place = f": {row.depth}-{row.number}" if row.depth else ""
        name = f"{'│    ' * (row.depth - 1)}├─{row.name} ({kind}{place})" if row.depth else kind
        shapes = ", ".join(str(list(shape)) for shape in row.output) or "--"
        whole = row.depth == self.depth  # what is below is not shown, so it is counted here
        count = sum(p.numel() for p in row.module.parameters(recurse=whole))
        return name, shapes, "(again)" if row.again and count else f"{count:,}" if count else "--"


def _line(name: str, shape: str, count: str) -> str:
    first, second = WIDTHS
    return f"{name[: first - 1]:<{first}}{shape:<{second}}{count:>14}".rstrip()


def summary(
    module: Module,
    input_size: Sequence[Any] | None = None,
    input_data: Tensor | Sequence[Tensor] | None = None,
    depth: int = 3,
) -> Summary:
    """Run the module once, in evaluation mode, and list what ran. Nothing is changed by it, no random number used up.

    input_size: the input's shape, batch included, or a list of several; they are filled with numbers in [0, 1).
    input_data: a tensor or several instead, where the module wants whole numbers. depth: how deep to list.
    Errors: ValueError unless exactly one of them is given, or for depth below 1.
    """
    if (input_size is None) == (input_data is None):
        raise ValueError("summary: give either input_size or input_data")
    if depth < 1:
        raise ValueError(f"summary: depth must be at least 1, got {depth}")
    modes = [(part, part.training) for part in module.modules()]
    state = get_rng_state()
    try:
        inputs = _inputs(module, input_size, input_data)
        module.eval()
        with _recorded(module) as rows:
            output = module(*inputs)
        kept = _kept_bytes(output, module)
    finally:
        for part, mode in modes:
            part.training = mode
        set_rng_state(state)
    parameters = list(module.parameters())
    return Summary(
        rows,
        depth,
        sum(p.numel() for p in parameters),
        sum(p.numel() for p in parameters if p.requires_grad),
        sum(x.array.nbytes for x in inputs),
        kept,
        sum(x.array.nbytes for x in [*parameters, *module.buffers()]),
    )


def _inputs(module: Module, input_size: Sequence[Any] | None, input_data: Any) -> list[Tensor]:
    if input_data is not None:
        return [input_data] if isinstance(input_data, Tensor) else list(input_data)
    sizes: list[Any] = list(input_size or ())
    if all(isinstance(size, int) for size in sizes):
        sizes = [tuple(sizes)]
    first = next(module.parameters(), None)
    options: dict[str, Any] = {} if first is None else {"dtype": first.dtype, "device": first.device}
    return [rand(*size, **options) for size in sizes]


@contextmanager
def _recorded(module: Module) -> Iterator[list[Row]]:
    """Inside, every call of the module and of those in it becomes a row, in order of their beginning."""
    names = {id(part): name for name, part in module.named_modules()}
    rows: list[Row] = []
    running: list[Row] = []

    def before(part: Module, inputs: Any) -> None:
        level = len(running)
        number = 1 + sum(row.depth == level for row in rows)
        again = any(row.module is part for row in rows)
        name = names[id(part)].removeprefix(f"{names[id(running[-1].module)]}." if running else "")
        rows.append(Row(part, name, level, number, again))
        running.append(rows[-1])

    def after(part: Module, inputs: Any, output: Any) -> None:
        found = output if isinstance(output, (tuple, list)) else [output]
        running.pop().output = [tuple(x.shape) for x in found if isinstance(x, Tensor)]

    handles = []
    for part in module.modules():
        handles += [part.register_forward_pre_hook(before), part.register_forward_hook(after)]
    try:
        yield rows
    finally:
        for handle in handles:
            handle.remove()


def _kept_bytes(output: Any, module: Module) -> int:
    """The bytes of all that the graph behind the output keeps, each piece of memory once, parameters left out."""
    found = output if isinstance(output, (tuple, list)) else [output]
    roots = [node_of(x) for x in found if isinstance(x, Tensor) and x.requires_grad]
    own = {id(x.storage) for x in [*module.parameters(), *module.buffers()]}
    kept: dict[int, int] = {}
    for node in topological_order(roots):
        for record in getattr(node, "records", ()):
            if isinstance(record, SavedTensor) and id(record.storage) not in own:
                memory = record.array if record.array.base is None else record.array.base
                kept[id(memory)] = getattr(memory, "nbytes", record.array.nbytes)
    return sum(kept.values())
