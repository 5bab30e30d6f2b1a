"""The engine: tensors, the graph they leave behind, and the backward pass that walks it.

Read this file from top to bottom and you know how backpropagation works; everything else in minigrad is
operations (`ops/`) and conveniences.

1. A `Tensor` is an array plus a memory of where it came from.
2. An `Op` is one operation: `forward` computes an array from arrays; `backward` is handed the gradient of
   some loss with respect to its result and returns the gradients with respect to its inputs.
3. `apply` runs an operation's forward and, if a gradient may be wanted, hangs the Op on the result as its
   `node`. The nodes and their `parents` are the graph.
4. `run_backward` walks that graph from the loss to the leaves. A node is visited once all its users have
   handed it their share of the gradient (the chain rule sums over paths); its own `backward` then hands shares
   to its parents. What arrives at a leaf becomes the leaf's `grad`.

`backward` is itself written with differentiable operations on Tensors. Run it with the graph switched on
(`create_graph=True`) and the gradient is a tensor that can be differentiated again, to any order.

Source: Griewank and Walther, "Evaluating Derivatives", 2nd edition (2008), chapters 3 (reverse mode) and 5.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Union

import numpy as np

from .devices import Array, Device, device_of, xp_of
from .grad_mode import mode, observers
from .tensor_methods import Operators


class Version:
    """Counts the writes to a piece of memory; tensors that share memory share their Version.

    `memo` holds what kernels derived from the present contents (transformed convolution weights, say): the
    next write empties it, and it is freed with the tensor. It is None for memory that a NumPy array shares: writes
    through that array cannot be seen, so nothing may be kept.
    """

    __slots__ = ("count", "memo")

    def __init__(self) -> None:
        self.count = 0
        self.memo: dict[Any, Any] | None = {}

    def bump(self) -> None:
        """Note that the memory was written to."""
        self.count += 1
        if self.memo:
            self.memo.clear()


class Tensor(Operators):
    """An N-dimensional array that remembers how it was computed.

    array: the numbers, a NumPy or CuPy array (shared, not copied).
    requires_grad: whether gradients with respect to this tensor, or through it, are wanted.
    grad: after `backward()`, on leaves: the gradient, a Tensor of the same shape; None before.
    node: the Op that computed it; None for a leaf (a tensor that the user made).
    """

    __slots__ = ("array", "requires_grad", "grad", "node", "version", "is_view", "hooks", "__weakref__")

    def __init__(self, array: Array, requires_grad: bool = False) -> None:
        self.array = array
        self.requires_grad = requires_grad
        self.grad: Tensor | None = None
        self.node: Op | None = None
        self.version = Version()
        self.is_view = False
        self.hooks: dict[int, Hook] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    @property
    def dtype(self) -> np.dtype:
        return self.array.dtype

    @property
    def device(self) -> Device:
        return device_of(self.array)

    @property
    def is_leaf(self) -> bool:
        return self.node is None

    def backward(self, gradient: Tensor | None = None, retain_graph: bool = False, create_graph: bool = False) -> None:
        """Compute the gradient of this tensor with respect to every leaf behind it, and add it to their `grad`.

        gradient: the gradient of the final quantity with respect to this tensor; may be left out for a scalar,
            where it is 1. retain_graph: keep what the walk needs, for another walk. create_graph: record the
            walk itself, so that the gradients can be differentiated (keeps the graph too).
        Errors: RuntimeError if this tensor has no graph, is not a scalar and no gradient is given, or if the
            graph was already used up; ValueError if the gradient has another shape.
        """
        run_backward([self], [gradient], retain_graph or create_graph, create_graph)

    def register_hook(self, hook: Hook) -> Callable[[], None]:
        """Call `hook(grad)` whenever this tensor's gradient is complete; what it returns, if not None, replaces it.

        Returns a function that removes the hook again.
        """
        if not self.requires_grad:
            raise RuntimeError("register_hook: this tensor does not require a gradient, so none will arrive")
        holder: Tensor | Op = self if self.node is None else self.node
        if holder.hooks is None:
            holder.hooks = {}
        hooks, key = holder.hooks, max(holder.hooks, default=0) + 1
        hooks[key] = hook
        return lambda: hooks.pop(key, None) and None

    def retain_grad(self) -> None:
        """Ask that the gradient of this tensor, though it is no leaf, be kept in `grad` as well."""
        if self.node is not None:
            self.node.retained = (*self.node.retained, weakref.ref(self))


Hook = Callable[[Tensor], Tensor | None]
Edge = Union["Op", Tensor, None]  # what a gradient flows to: an operation, a leaf, or nothing


# ------------------------------------------------------------------------------------ operations

registry: dict[str, type[Op]] = {}  # every operation there is, by class name


class Op:
    """One differentiable operation: a function on arrays and its derivative. Each use makes one instance.

    A subclass defines
        forward(self, *arrays) -> array       computes; calls `self.save(...)` for what backward will need
        backward(self, grad) -> Tensor, or a tuple with one Tensor (or None) for each input
    `backward` must treat `grad` and the saved tensors as read-only and use differentiable operations.

    While `forward` runs, `self.needs[i]` says whether input i wants a gradient: save no more than that takes.
    """

    __slots__ = ("parents", "needs", "records", "shape", "hooks", "retained", "__dict__", "__weakref__")
    parents: Any  # where gradients go on to: an edge for each input; None once backward has used them up
    needs: list[bool]
    records: Any
    shape: tuple[int, ...]  # of the result
    hooks: dict[int, Hook] | None
    retained: tuple[weakref.ref[Tensor], ...]

    is_view = False  # whether the result may share memory with the first input

    def __init_subclass__(cls) -> None:
        registry[cls.__name__] = cls

    def forward(self, *arrays: Array) -> Array:
        raise TypeError(f"{type(self).__name__} defines no forward")

    def backward(self, grad: Tensor) -> Tensor | tuple[Tensor | None, ...]:
        raise RuntimeError(f"{type(self).__name__} has no derivative")

    def save(self, *arrays: Array) -> None:
        """Remember inputs, the result, or other arrays for backward. Call it in forward, at most once."""
        self.records = arrays

    @property
    def saved(self) -> tuple[Any, ...]:
        """What `save` was given, as Tensors that stand where they stood in the graph (None and scalars as is)."""
        return tuple([_unpack(record, self) for record in self.records])


class _Record:
    """A saved array, its place in the graph, and the version of its memory at the time it was saved.

    An Op must not hold its own result Tensor (Tensor -> Op -> Tensor would be a cycle, and memory would wait
    for the garbage collector), so the place is kept as an edge, not as a Tensor.
    """

    __slots__ = ("array", "edge", "version", "count")

    def __init__(self, array: Array, edge: Edge, version: Version) -> None:
        self.array, self.edge, self.version, self.count = array, edge, version, version.count


def _unpack(record: Any, op: Op) -> Any:
    if type(record) is not _Record:
        return record
    if record.version.count != record.count:
        raise RuntimeError(
            f"backward of {type(op).__name__}: a tensor of shape {record.array.shape} that it needs was changed "
            "in place after it was used; use an out-of-place operation (y = y + 1), or .clone() it first"
        )
    if isinstance(record.edge, Tensor):
        return record.edge
    tensor = Tensor(record.array, record.edge is not None)
    tensor.node, tensor.version = record.edge, record.version
    return tensor


def edge_of(tensor: Tensor) -> Edge:
    """Where gradients with respect to this tensor flow: its node, itself if it is a leaf, None if unwanted."""
    if not tensor.requires_grad:
        return None
    return tensor if tensor.node is None else tensor.node


def apply(op: Op, *inputs: Any) -> Tensor:
    """Run `op` on tensors (Python scalars pass through as constants) and record it if a gradient may be wanted."""
    arrays = [x.array if isinstance(x, Tensor) else x for x in inputs]
    recording = mode.recording
    if len(arrays) > 1:
        _check_devices(op, arrays)
    op.needs = needs = [recording and isinstance(x, Tensor) and x.requires_grad for x in inputs]
    op.records = ()
    try:
        if observers:
            result = observers[-1](op, "forward", lambda: op.forward(*arrays))
        else:
            result = op.forward(*arrays)
    except MemoryError as error:
        raise _out_of_memory(op, arrays, error) from error
    if isinstance(result, np.generic):  # NumPy turns 0-d results into scalars
        scalar, result = result, np.asarray(result)
        op.records = tuple([result if saved is scalar else saved for saved in op.records])
    output = Tensor(result)
    if op.is_view and result.base is not None and xp_of(result).may_share_memory(result, arrays[0]):
        output.version, output.is_view = inputs[0].version, True
    if True in needs:
        op.parents = [edge_of(x) if need else None for x, need in zip(inputs, needs)]
        op.shape, op.hooks, op.retained = result.shape, None, ()
        if op.records:
            op.records = tuple([_pack(saved, op, inputs, output) for saved in op.records])
        output.requires_grad, output.node = True, op
    else:
        op.records = ()
    return output


def _out_of_memory(op: Op, arrays: Sequence[Any], error: MemoryError) -> MemoryError:
    shapes = ", ".join(str(array.shape) for array in arrays if hasattr(array, "shape"))
    return MemoryError(
        f"{type(op).__name__}: out of memory on inputs of shapes {shapes} ({error}); use a smaller batch or picture"
    )


def _check_devices(op: Op, arrays: Sequence[Any]) -> None:
    kinds = [type(array) for array in arrays if hasattr(array, "dtype")]
    if any(kind is not kinds[0] for kind in kinds):
        places = ", ".join(str(device_of(array)) for array in arrays if hasattr(array, "dtype"))
        raise RuntimeError(
            f"{type(op).__name__}: the tensors are on different devices ({places}); move them together with .to()"
        )


def _pack(saved: Any, op: Op, inputs: Sequence[Any], output: Tensor) -> Any:
    if saved is None or isinstance(saved, (int, float)):
        return saved
    if saved is output.array:
        return _Record(saved, op, output.version)
    for x in inputs:
        if isinstance(x, Tensor) and saved is x.array:
            return _Record(saved, edge_of(x), x.version)
    return _Record(saved, None, Version())


# --------------------------------------------------------------------------------- backward pass


def run_backward(
    roots: Sequence[Tensor],
    gradients: Sequence[Tensor | None],
    retain_graph: bool,
    create_graph: bool,
    wanted: Sequence[Tensor] | None = None,
) -> dict[Any, Tensor]:
    """Walk the graph from the roots and return the gradients of `wanted`, or add to all leaves' `grad` if None.

    The order is topological, found by counting: a node is ready when every node that uses it has been visited
    (Kahn 1962), so each is visited once, and neither long chains nor many paths cost more than linear time.
    """
    pending: dict[Any, Tensor] = {}  # edge -> the gradient gathered so far
    for root, gradient in zip(roots, gradients):
        _gather(pending, _root_edge(root), _root_gradient(root, gradient))
    uses = _count_uses(pending)
    useful = None if wanted is None else _leading_to([edge_of(x) for x in wanted], uses)
    found: dict[Any, Tensor] = {}
    ready = [edge for edge in pending if uses[edge] == 0]
    recording, mode.recording = mode.recording, create_graph
    try:
        while ready:
            edge = ready.pop()
            grad = pending.pop(edge, None)
            if grad is not None:
                if edge.hooks:
                    grad = _run_hooks(edge, grad)
                if useful is None:
                    _keep(edge, grad)
                elif useful.get(edge):
                    found[edge] = grad
            if isinstance(edge, Tensor):
                continue
            parents, shares = edge.parents, _shares(edge, grad, useful)
            if not retain_graph:
                edge.parents = edge.records = None
            for parent, share in zip(parents, shares):
                if parent is None:
                    continue
                if share is not None:
                    _gather(pending, parent, share)
                uses[parent] -= 1
                if uses[parent] == 0:
                    ready.append(parent)
    finally:
        mode.recording = recording
    return found


def _root_edge(root: Tensor) -> Edge:
    """Where the walk starts. Errors: TypeError for what is no Tensor, RuntimeError for a Tensor without a graph."""
    if not isinstance(root, Tensor):
        raise TypeError(f"backward: a Tensor is needed, got {type(root).__name__}")
    if not root.requires_grad:
        raise RuntimeError(
            "backward: this tensor has no graph behind it: no input required a gradient, or it was computed "
            "under no_grad(); set requires_grad=True on what you want to differentiate by"
        )
    return edge_of(root)


def _root_gradient(root: Tensor, gradient: Tensor | None) -> Tensor:
    """The gradient that the walk starts with, checked; 1 for a scalar if none is given."""
    if gradient is None:
        if root.array.size != 1:
            raise RuntimeError(
                f"backward: the tensor has shape {root.shape}, not one number; reduce it (.sum(), .mean()) or pass "
                "a gradient of its shape"
            )
        return Tensor(xp_of(root.array).ones(root.array.shape, root.array.dtype))
    if not isinstance(gradient, Tensor):
        raise TypeError(f"backward: gradient must be a Tensor, got {type(gradient).__name__}")
    if gradient.shape != root.shape:
        raise ValueError(f"backward: gradient has shape {gradient.shape}, the tensor has {root.shape}")
    if gradient.dtype != root.dtype:
        raise TypeError(f"backward: gradient has dtype {gradient.dtype}, the tensor has {root.dtype}")
    return gradient.clone() if root.node is None else gradient  # a leaf's `grad` is nobody else's memory


def _count_uses(roots: Iterable[Edge]) -> dict[Any, int]:
    """How many edges of the graph behind the roots arrive at each node and leaf."""
    uses: dict[Any, int] = dict.fromkeys(roots, 0)
    stack = list(uses)
    while stack:
        edge = stack.pop()
        if isinstance(edge, Tensor):
            continue
        if edge.parents is None:
            raise RuntimeError(
                f"backward: the graph was used up by an earlier backward ({type(edge).__name__} has released what "
                "it had saved); pass retain_graph=True to the first call, or compute the loss anew"
            )
        for parent in edge.parents:
            if parent is None:
                continue
            if parent in uses:
                uses[parent] += 1
            else:
                uses[parent] = 1
                stack.append(parent)
    return uses


def _leading_to(targets: Iterable[Edge], uses: dict[Any, int]) -> dict[Any, bool]:
    """The targets, and every node from which a target can be reached (True for the targets themselves)."""
    users: dict[Any, list[Any]] = {}
    for edge in uses:
        for parent in () if isinstance(edge, Tensor) else edge.parents:
            users.setdefault(parent, []).append(edge)
    useful = {target: True for target in targets if target in uses}
    stack = list(useful)
    while stack:
        for user in users.get(stack.pop(), ()):
            if user not in useful:
                useful[user] = False
                stack.append(user)
    return useful


def _shares(op: Op, grad: Tensor | None, useful: dict[Any, bool] | None) -> Sequence[Tensor | None]:
    """What the node passes on to each parent, given the complete gradient of its own result."""
    if grad is None or (useful is not None and op not in useful):
        return [None] * len(op.parents)
    needs = op.needs
    if useful is not None:
        op.needs = [need and parent in useful for need, parent in zip(needs, op.parents)]
    try:
        shares = observers[-1](op, "backward", lambda: op.backward(grad)) if observers else op.backward(grad)
    finally:
        op.needs = needs
    if not isinstance(shares, tuple):
        shares = (shares,)
    return [_private(parent, share, grad, op) for parent, share in zip(op.parents, shares)]


def _private(parent: Edge, share: Tensor | None, grad: Tensor, op: Op) -> Tensor | None:
    """The share, checked; copied if it would leave a leaf's `grad` sharing memory with another gradient."""
    if parent is None or share is None:
        return None
    if share.shape != parent.shape:
        raise RuntimeError(
            f"backward of {type(op).__name__} returned a gradient of shape {share.shape} for an input of shape "
            f"{parent.shape}"
        )
    if isinstance(parent, Tensor) and (
        share is grad or (share.array.base is not None and xp_of(share.array).may_share_memory(share.array, grad.array))
    ):
        return share.clone()
    return share


def _gather(pending: dict[Any, Tensor], edge: Edge, share: Tensor) -> None:
    """Add a share to the gradient of `edge`; never in place, for somebody else may hold either array."""
    known = pending.get(edge)
    pending[edge] = share if known is None else known + share


def _run_hooks(edge: Any, grad: Tensor) -> Tensor:
    """The gradient after the user's hooks have seen, and perhaps replaced, it."""
    for hook in list(edge.hooks.values()):
        replacement = hook(grad)
        if replacement is not None:
            if not isinstance(replacement, Tensor):
                raise TypeError(f"hook: must return a Tensor or None, got {type(replacement).__name__}")
            if replacement.shape != grad.shape:
                raise ValueError(f"hook: returned shape {replacement.shape} for a gradient of shape {grad.shape}")
            grad = replacement
    return grad


def _keep(edge: Any, grad: Tensor) -> None:
    """Store a complete gradient where the user will look for it: on leaves and on tensors that asked for it."""
    holders = [edge] if isinstance(edge, Tensor) else [reference() for reference in edge.retained]
    for holder in holders:
        if holder is not None:
            kept = grad if mode.recording or not grad.requires_grad else grad.detach()
            holder.grad = kept if holder.grad is None else holder.grad + kept


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of the sum of `outputs` with respect to `inputs`, as a tuple; nobody's `grad` changes.

    grad_outputs: the gradient with respect to each output (None: 1, for scalars). retain_graph: as in
        `backward`; the value of create_graph if None. create_graph: make the result differentiable.
    Errors: RuntimeError if an input does not require a gradient, or plays no part in the outputs (with
        allow_unused it gets None).
    """
    for name, value in (("outputs", outputs), ("inputs", inputs)):
        if not isinstance(value, (Tensor, Iterable)):
            raise TypeError(f"grad: {name} must be a Tensor or a list of them, got {type(value).__name__}")
    outputs = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    inputs = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    if grad_outputs is None or isinstance(grad_outputs, Tensor):
        grad_outputs = [grad_outputs] * len(outputs) if grad_outputs is None else [grad_outputs]
    if len(grad_outputs) != len(outputs):
        raise ValueError(f"grad: {len(outputs)} outputs but {len(grad_outputs)} grad_outputs")
    for position, x in enumerate(inputs):
        if not isinstance(x, Tensor):
            raise TypeError(f"grad: inputs[{position}] must be a Tensor, got {type(x).__name__}")
        if not x.requires_grad:
            raise RuntimeError(f"grad: inputs[{position}] does not require a gradient")
    keep = create_graph if retain_graph is None else retain_graph
    found = run_backward(outputs, grad_outputs, keep, create_graph, inputs)
    results = tuple([found.get(edge_of(x)) for x in inputs])
    if not allow_unused and None in [None if r is None else 0 for r in results]:
        position = [r is None for r in results].index(True)
        raise RuntimeError(
            f"grad: inputs[{position}] of shape {inputs[position].shape} was not used to compute the outputs; "
            "pass allow_unused=True to get None for it"
        )
    return results
