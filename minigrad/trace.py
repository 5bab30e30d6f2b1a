"""Look at the engine while it works: draw a graph, follow a backward pass, profile a program, list a network.

    python -m minigrad.trace draw -o graph.svg      a small network's graph as a picture
    python -m minigrad.trace backward               the same network's backward pass, step by step
    python -m minigrad.trace profile                where the time of a training step goes
    python -m minigrad.trace summary                its layers, their shapes, parameters and memory
    python -m minigrad.trace summary nets.dcgan.Generator --input-size 64,96        the same of any network

In a program of your own:

    draw(loss, "graph.svg")
    with trace():      # prints one line for each operation
        loss.backward()
    with profile() as times:
        step()
    print(times)
    print(summary(net, input_size=(64, 96)))
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .autograd import Node, Op, Tensor, node_of, topological_order
from .grad_mode import observe
from .nn import Module
from .summary import Summary, summary

# --------------------------------------------------------------------------------------- drawing


def graph(root: Tensor) -> tuple[list[Node], list[tuple[Node, Node]]]:
    """(nodes, edges) of the graph behind a tensor: operations and leaves, each before its users; edges (from, to)."""
    if not root.requires_grad:
        return [], []
    nodes = list(topological_order([node_of(root)]))
    return nodes, [(parent, node) for node in nodes for parent in node.parents if parent is not None]


def label(node: Any, names: dict[int, str] | None = None) -> str:
    """What to write on a node: the operation or the leaf's name, and its shape."""
    name = (names or {}).get(id(node), "leaf") if isinstance(node, Tensor) else type(node).__name__
    return f"{name}\n{tuple(node.shape)}"


def draw(root: Tensor, path: str | Path, names: dict[int, str] | None = None) -> None:
    """Draw the graph behind a tensor, leaves at the top, as PNG, SVG or PDF by the path's suffix.

    names: what to call the leaves, by `id(tensor)`. Errors: ValueError for a tensor without a graph.
    """
    from matplotlib.figure import Figure

    nodes, edges = graph(root)
    if not nodes:
        raise ValueError("draw: this tensor has no graph; set requires_grad=True on what it is computed from")
    places = _layout(nodes, edges)
    width = max(x for x, _ in places.values()) + 1
    height = max(y for _, y in places.values()) + 1
    figure = Figure(figsize=(1.6 * width + 0.6, 0.75 * height + 0.6))
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.axis("off")
    axes.set_xlim(-0.7, width - 0.3)
    axes.set_ylim(height - 0.3, -0.7)
    for start, end in edges:
        axes.annotate("", places[end], places[start], arrowprops={"arrowstyle": "->", "color": "0.6", "shrinkA": 14})
    for node in nodes:
        color = "#cfe3f7" if isinstance(node, Tensor) else "#fbe6c3"
        box = {"boxstyle": "round,pad=0.35", "facecolor": color, "edgecolor": "0.5"}
        axes.text(*places[node], label(node, names), ha="center", va="center", fontsize=8, bbox=box)
    figure.savefig(path, dpi=150)


def _layout(nodes: list[Any], edges: list[tuple[Any, Any]]) -> dict[Any, tuple[float, float]]:
    """Rows by distance to the root, leaves just above their first user; columns in order of appearance."""
    users: dict[Any, list[Any]] = {}
    for start, end in edges:
        users.setdefault(start, []).append(end)
    height: dict[Any, int] = {}
    for node in reversed(nodes):
        height[node] = 1 + max((height[user] for user in users.get(node, ())), default=-1)
    top = max(height.values())
    rows: dict[int, list[Any]] = {}
    for node in nodes:
        rows.setdefault(top - height[node], []).append(node)
    widest = max(len(row) for row in rows.values())
    return {
        node: (column + (widest - len(row)) / 2, depth)
        for depth, row in rows.items()
        for column, node in enumerate(row)
    }


# ---------------------------------------------------------------------- following and profiling


@contextmanager
def trace(write: Callable[[str], Any] = print) -> Iterator[None]:
    """Within it each operation says what it does: direction, name, shape of its result, and its size."""

    def observer(op: Op, direction: str, run: Callable[[], Any]) -> Any:
        result = run()
        if direction == "forward":
            write(f"forward   {type(op).__name__:20} -> {getattr(result, 'shape', ())}")
        else:
            shares = result if isinstance(result, tuple) else (result,)
            shapes = ", ".join("-" if share is None else str(share.shape) for share in shares)
            write(f"backward  {type(op).__name__:20} {op.shape} -> {shapes}")
        return result

    with observe(observer):
        yield


class Profile:
    """How often each operation ran and for how long, forward and backward apart; `str()` is a table.

    A backward's time includes that of the operations it is made of, which are also counted by themselves.
    """

    def __init__(self) -> None:
        self.seconds: dict[tuple[str, str], float] = {}
        self.calls: dict[tuple[str, str], int] = {}

    def observer(self, op: Op, direction: str, run: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = run()
        key = type(op).__name__, direction
        self.seconds[key] = self.seconds.get(key, 0.0) + time.perf_counter() - start
        self.calls[key] = self.calls.get(key, 0) + 1
        return result

    def __str__(self) -> str:
        rows = sorted(self.seconds.items(), key=lambda item: -item[1])
        lines = [f"{'operation':24} {'direction':9} {'calls':>7} {'ms':>10}"]
        lines += [f"{name:24} {way:9} {self.calls[name, way]:7} {1e3 * s:10.2f}" for (name, way), s in rows]
        return "\n".join(lines)


@contextmanager
def profile() -> Iterator[Profile]:
    """Within it every operation is timed (wall clock; on a GPU kernels run on after the call returns)."""
    result = Profile()
    with observe(result.observer):
        yield result


# ---------------------------------------------------------------------------------- command line


def _example_network() -> Module:
    from minigrad import nn

    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))


def _example() -> tuple[Tensor, dict[int, str]]:
    """The loss of a small convolutional network on random data, and its leaves' names."""
    import minigrad as mg

    mg.manual_seed(0)
    x, target = mg.randn(4, 1, 8, 8), mg.randint(0, 3, (4,))
    net = _example_network()
    loss = mg.nn.functional.cross_entropy(net(x), target)
    return loss, {id(p): name for name, p in net.named_parameters()}


def _summary_of(name: str | None, size: str | None, depth: int) -> Summary:
    """The summary of a network made without arguments. Errors: ValueError that names what is wrong."""
    if name is None:
        return summary(_example_network(), _sizes(size or "4,1,8,8"), depth=depth)
    if size is None:
        raise ValueError("--input-size: say what the network is given, such as 64,96 for 64 rows of 96 numbers")
    module, _, kind = name.rpartition(".")
    try:
        network = getattr(importlib.import_module(module), kind)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(
            f"{name}: there is no such network; name a module and a class, as in nets.unet.UNet"
        ) from error
    if not (isinstance(network, type) and issubclass(network, Module)):
        raise ValueError(f"{name}: is no network (a class derived from minigrad.nn.Module)")
    try:
        return summary(network(), _sizes(size), depth=depth)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from error


def _sizes(text: str) -> list[tuple[int, ...]]:
    """ "64,96" or, for several inputs, "64,1,28,28 64"."""
    try:
        return [tuple(int(number) for number in size.split(",")) for size in text.split()]
    except ValueError:
        raise ValueError(f"--input-size must be whole numbers with commas, such as 64,1,28,28, got {text!r}") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m minigrad.trace", description="Look at the engine while it works.")
    commands = parser.add_subparsers(dest="command", required=True)
    drawing = commands.add_parser("draw", help="draw the graph of a small network")
    drawing.add_argument("-o", "--output", default="graph.svg", help="the picture's path (default: %(default)s)")
    commands.add_parser("backward", help="print a small network's backward pass, step by step")
    commands.add_parser("profile", help="print where the time of its forward and backward pass goes")
    listing = commands.add_parser("summary", help="print a network's layers, their shapes, parameters and memory")
    listing.add_argument("network", nargs="?", metavar="MODULE.CLASS", help="such as nets.dcgan.Generator")
    listing.add_argument("--input-size", metavar="N,N,..", help="the input's shape, with the batch: 64,96")
    listing.add_argument("--depth", type=int, default=3, help="how deep to list layers in layers (default: 3)")
    commands.add_parser("roofline", help="moved to python -m experiments.bench.roofline")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """The command line; see the module's docstring."""
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if options.command == "roofline":
        print("error: roofline has moved: run python -m experiments.bench.roofline", file=sys.stderr)
        return 2
    if rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if options.command == "draw":
        if not options.output:
            print("error: --output must name a file, such as graph.svg", file=sys.stderr)
            return 2
        loss, names = _example()
        try:
            draw(loss, options.output, names)
        except (OSError, ValueError) as error:
            print(f"error: --output {options.output}: {error}", file=sys.stderr)
            return 2
        print(f"wrote {options.output}")
    elif options.command == "backward":
        loss, _ = _example()
        with trace():
            loss.backward()
    elif options.command == "summary":
        try:
            print(_summary_of(options.network, options.input_size, options.depth))
        except ValueError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
    else:
        with profile() as times:
            _example()[0].backward()
        print(times)
    return 0


if __name__ == "__main__":
    sys.exit(main())
