"""The engine: tensors, the graph they leave behind, and the backward pass that walks it.

Read this file from top to bottom and you know how backpropagation works; everything else in minigrad is
operations (`ops/`) and conveniences.

1. A `Tensor` is an array plus a memory of where it came from.
2. An `Op` is one operation: `forward` computes an array from arrays; `backward` is handed the gradient of
   some loss with respect to its result and returns the gradients with respect to its inputs.
3. `apply` runs an operation's forward and, if a gradient may be wanted, stores the Op as the result's `node`.
   The nodes of the graph are operations, and leaves: tensors that the user made. `parents` are the inputs' nodes.
4. `run_backward` visits the nodes from the last made to the first, so each after every operation that used it. By
   then its gradient is complete, for the chain rule sums over all uses. An operation turns the gradient of its
   result into shares for its parents; a leaf adds it to its `grad`.

`backward` is itself written with differentiable operations on Tensors. Run it while operations are recorded
(`create_graph=True`) and the gradient is a tensor that can be differentiated again, to any order.

Source: Griewank and Walther, "Evaluating Derivatives", 2nd edition (2008), chapters 3 (reverse mode) and 5.
"""

from __future__ import annotations

import inspect
import itertools
import threading
import weakref
from collections.abc import Container, Iterable, Sequence
from operator import attrgetter
from typing import Any, Union

import numpy as np

from . import autograd_errors as errors
from .devices import Array, as_array, xp_of
from .grad_mode import mode, observers, set_grad_enabled
from .hooks import Hook, RemovableHandle, backward_walk, run_hooks
from .kernels import kernels_of
from .tensor_methods import Operators

# --------------------------------------------------------------------------------------- tensors


class Tensor(Operators):
    """An N-dimensional array that remembers how it was computed.

    array: the numbers, a NumPy or CuPy array (shared, not copied).
    requires_grad: whether gradients with respect to this tensor, or through it, are wanted.
    grad: after `backward()`, on leaves: the gradient, a Tensor of the same shape; None before.
    node: the Op that computed it; None for a leaf, a tensor that the user made.
    storage: the memory that it shares with its views, see `Storage`.
    """

    __slots__ = ("array", "requires_grad", "grad", "node", "_storage", "hooks", "__weakref__")
    parents = ()  # as a node of the graph a leaf is where paths end
    grad: Tensor | None
    node: Op | None
    hooks: dict[int, Hook] | None

    def backward(self, gradient: Tensor | None = None, retain_graph: bool = False, create_graph: bool = False) -> None:
        """Compute the gradient of this tensor with respect to every leaf behind it, and add it to their `grad`.

        gradient: that of the final quantity with respect to this tensor; may be left out for a scalar, where it is 1.
        retain_graph: keep what another walk needs. create_graph: record this walk too, for gradients of gradients.
        Errors: RuntimeError if this tensor has no graph, is not a scalar and no gradient is given, or if the
            graph was already used up; ValueError if the gradient has another shape.
        """
        run_backward([self], [gradient], retain_graph or create_graph, create_graph)

    def register_hook(self, hook: Hook) -> RemovableHandle:
        """Call `hook(grad)` whenever this tensor's gradient is complete; what it returns, if not None, replaces it.
        The handle's `remove()` removes the hook again."""
        if not self.requires_grad:
            raise RuntimeError("register_hook: this tensor does not require a gradient, so none will arrive")
        node = node_of(self)
        if node.hooks is None:
            node.hooks = {}
        return RemovableHandle(node.hooks, hook)

    def retain_grad(self) -> None:
        """Ask that the gradient of this tensor, though it is no leaf, be kept in `grad` as well."""
        if self.node is not None:
            self.node.retained = (*self.node.retained, weakref.ref(self))


def tensor_of(array: Array, requires_grad: bool = False) -> Tensor:
    """A leaf that holds this array (shared, not copied). `Tensor(...)` itself is PyTorch's constructor, for users."""
    tensor = _new(Tensor)
    tensor.array = array
    tensor.requires_grad = requires_grad
    tensor.grad = tensor.node = tensor.hooks = tensor._storage = None
    return tensor


_new = Tensor.__new__

Node = Union["Op", Tensor]  # of the graph: an operation, or a leaf


def node_of(tensor: Tensor) -> Node:
    """Where gradients with respect to a tensor that requires them go: to its operation, or to itself if a leaf."""
    return tensor.node or tensor


# ------------------------------------------------------------------------------------ operations

registry: dict[str, type[Op]] = {}  # every operation there is, by class name
_numbers = itertools.count()


class Op:
    """One differentiable operation: a function on arrays and its derivative. Each use makes one instance.

    A subclass defines
        forward(self, *arrays) -> array       computes; calls `self.save(...)` for what backward will need
        backward(self, grad) -> Tensor        the gradient of the input, given that of the result
    or, for several inputs,
        backward(self, grad, needed) -> tuple with a Tensor for each input i, or None where not needed[i]
    `backward` must treat `grad` and the saved tensors as read-only and use differentiable operations.

    While `forward` runs, `self.needs[i]` says whether input i wants a gradient: save no more than that takes.
    """

    parents: Any = ()  # the node of each input that needs a gradient, else None; None once backward has used them up
    needs: Sequence[bool] = ()
    records: Any = ()  # what `save` was given, ready for `saved`
    number: int  # operations are numbered as they are recorded: parents have smaller numbers than their users
    shape: tuple[int, ...]  # of the result
    hooks: dict[int, Hook] | None = None
    retained: tuple[weakref.ref[Tensor], ...] = ()  # results that asked to keep their gradient
    takes_needed = False  # whether backward has the argument `needed`

    def __init_subclass__(cls, abstract: bool = False) -> None:
        if not abstract:
            registry[cls.__name__] = cls
        cls.takes_needed = len(inspect.signature(cls.backward).parameters) > 2

    def forward(self, *arrays: Array) -> Array:
        raise TypeError(f"{type(self).__name__} defines no forward")

    def backward(self, *grad_and_needed: Any) -> Any:
        raise RuntimeError(f"{type(self).__name__} has no derivative")

    def wrap(self, array: Array, inputs: Sequence[Any]) -> Tensor:
        """The result as a Tensor; operations that make views (`views.py`) share the input's storage here."""
        return tensor_of(array)

    def fit(self, share: Tensor, shape: tuple[int, ...]) -> Tensor:
        """A share of another shape than the input's: elementwise operations sum it (`Elementwise`), others may not."""
        raise errors.wrong_gradient(self, share, shape)

    def save(self, *values: Any) -> None:
        """Remember inputs or the result for backward (or None, or numbers). Call it in forward, at most once.

        Any other array would be a constant to second derivatives, though it depends on the inputs; where that
        is right (a mask, indices) say so by wrapping it: `self.save(tensor_of(mask))`. Errors: TypeError if not.
        """
        self.records = values

    def packed(self, inputs: Sequence[Any], result: Array, output: Tensor) -> Sequence[Any]:
        """What to keep in `records`: the values that `save` was given, arrays as SavedTensors."""
        return [_packed(self, value, inputs, result, output) for value in self.records] if self.records else ()

    @property
    def saved(self) -> tuple[Any, ...]:
        """What `save` was given, the arrays as Tensors that stand where they stood in the graph."""
        return tuple([record.tensor(self) if type(record) is SavedTensor else record for record in self.records])


class SavedTensor:
    """An array that backward needs, its node in the graph, and the version of its memory when it was saved.

    It is not a Tensor, for an Op must not hold its own result (Tensor -> Op -> Tensor would be a cycle, and
    memory would wait for the garbage collector).
    """

    __slots__ = ("array", "node", "storage", "version")

    def __init__(self, tensor: Tensor) -> None:
        self.array, self.storage, self.version = tensor.array, tensor.storage, tensor.storage.version
        self.node = node_of(tensor) if tensor.requires_grad else None

    def tensor(self, op: Op) -> Tensor:
        """The Tensor it was. Errors: RuntimeError, naming the operation, if its memory was written to since."""
        if self.version != self.storage.version:
            raise errors.changed_in_place(op, self.array)
        if isinstance(self.node, Tensor):
            return self.node
        tensor = tensor_of(self.array, self.node is not None)
        tensor.node, tensor.storage = self.node, self.storage
        return tensor


def apply(op: Op, *inputs: Any) -> Tensor:
    """Run `op` on tensors (Python scalars pass through as constants) and record it if a gradient may be wanted."""
    recording = mode.recording
    arrays, parents, needs = [], [], []
    for x in inputs:
        node = None
        if isinstance(x, Tensor):
            if recording and x.requires_grad:
                node = x.node or x
            x = x.array
        arrays.append(x)
        parents.append(node)
        needs.append(node is not None)
    op.needs = needs
    try:
        result = op.forward(*arrays) if not observers else _observed(op, "forward", arrays)
    except Exception as error:
        errors.explain(op, arrays, error)
        raise
    array = result if type(result) is np.ndarray else as_array(result)
    output = op.wrap(array, inputs)
    if True in needs:
        output.requires_grad, output.node = True, op
        op.number, op.parents, op.shape = next(_numbers), parents, array.shape
        op.records = op.packed(inputs, result, output)
    elif op.records:
        op.records = ()
    return output


def _packed(op: Op, value: Any, inputs: Sequence[Any], result: Array, output: Tensor) -> Any:
    """A value that `save` was given, as a SavedTensor if it is the array of an input or the result."""
    if value is result:
        return SavedTensor(output)
    if value is None or isinstance(value, (float, int, Tensor)):
        return value
    for x in inputs:
        if isinstance(x, Tensor) and value is x.array:
            return SavedTensor(x)
    raise errors.not_savable(op, value)


def _observed(op: Op, direction: str, arguments: Sequence[Any]) -> Any:
    """Let the newest observer run an operation's forward or backward."""
    return observers[-1](op, direction, lambda: getattr(op, direction)(*arguments))


# --------------------------------------------------------------------------------- backward pass


def topological_order(roots: Iterable[Node], wanted: Container[Node] | None = None) -> dict[Node, None]:
    """The nodes behind the roots, each after all its parents; a dict, for quick look-up and in order.

    Operations stand as they were made, and a leaf just before the first that used it: backward, which goes the other
    way, comes by a weight right after that one, so that its hooks run early. wanted: leave out the nodes from which
    none of these can be reached. Errors: RuntimeError if a node was used up by an earlier backward.
    """
    nodes = list(roots)
    met = {None, *nodes}
    for node in nodes:  # which grows meanwhile
        if node.parents is None:
            raise errors.used_up(node)
        for parent in node.parents:
            if parent not in met:
                met.add(parent)
                nodes.append(parent)
    order: dict[Node, None] = {}
    operations = [node for node in nodes if isinstance(node, Op)]
    for node in [*sorted(operations, key=attrgetter("number")), *roots]:
        for leaf in node.parents:
            if isinstance(leaf, Tensor) and (wanted is None or leaf in wanted):
                order.setdefault(leaf)
        if wanted is None or node in wanted or any(parent in order for parent in node.parents):
            order.setdefault(node)
    return order


def run_backward(
    roots: Sequence[Tensor],
    gradients: Sequence[Tensor | None],
    retain_graph: bool,
    create_graph: bool,
    wanted: Container[Node] | None = None,
) -> dict[Node, Tensor]:
    """Walk from the roots and return the gradients of the wanted nodes, or, if None, add to all leaves' `grad`."""
    grads: dict[Node, Tensor] = {}  # what each node has received so far
    for root, gradient in zip(roots, gradients):
        errors.check_root(root, gradient)
        if gradient is None:
            gradient = tensor_of(xp_of(root.array).ones(root.array.shape, root.array.dtype))
        elif root.node is None:
            gradient = gradient.clone()  # a leaf's `grad` is nobody else's memory
        node = node_of(root)
        grads[node] = _sum(grads[node], gradient) if node in grads else gradient
    order = topological_order(grads, wanted)
    visited = None if wanted is None else set(order)
    found: dict[Node, Tensor] = {}
    with backward_walk(accumulated=wanted is None), set_grad_enabled(create_graph):
        while order:
            node, _ = order.popitem()  # the last: no operation still to be visited uses it
            grad = grads.pop(node, None)
            if grad is not None:
                grad = run_hooks(node.hooks, grad) if node.hooks else grad
                if wanted is not None and node in wanted:
                    found[node] = grad
                if isinstance(node, Op):
                    _pass_on(node, grad, grads, visited)
                elif wanted is None:
                    _accumulate(node, grad)
            if isinstance(node, Op) and not retain_graph:
                node.parents, node.records = None, ()
    return found


def _pass_on(op: Op, grad: Tensor, grads: dict[Node, Tensor], visited: Container[Node] | None) -> None:
    """Run one operation's backward and add what it returns to the gradients of its parents.

    visited: the nodes that the walk visits, if not all; nothing is computed for others.
    """
    needed = op.needs if visited is None else [parent in visited for parent in op.parents]
    if observers:
        shares = _observed(op, "backward", (grad, needed) if op.takes_needed else (grad,))
    else:
        shares = op.backward(grad, needed) if op.takes_needed else op.backward(grad)
    if type(shares) is not tuple:
        shares = (shares,)
    for parent, share, need in zip(op.parents, shares, needed):
        if need and share is not None:
            shape = parent.shape if isinstance(parent, Op) else parent.array.shape
            if share.array.shape != shape:
                share = op.fit(share, shape)
            if parent in grads:
                share = _sum(grads[parent], share)
            elif isinstance(parent, Tensor) and _is_aliased(share, (grad, *shares)):
                share = share.clone()
            grads[parent] = share
    for result in op.retained:
        holder = result()
        if holder is not None:
            _accumulate(holder, grad.clone())


def _sum(a: Tensor, b: Tensor) -> Tensor:
    """a + b; never in place, for somebody else may hold either array."""
    return a + b if mode.recording else tensor_of(as_array(kernels_of(a.array).add(a.array, b.array)))


def _is_aliased(share: Tensor, gradients: Sequence[Tensor | None]) -> bool:
    """Whether a share, itself one of the gradients, has memory in common with another: a leaf needs its own."""
    overlap = xp_of(share.array).may_share_memory
    return sum([other is not None and overlap(share.array, other.array) for other in gradients]) > 1


_accumulating = threading.Lock()  # several threads may run backward onto one leaf


def _accumulate(tensor: Tensor, grad: Tensor) -> None:
    """Add a complete gradient to `tensor.grad`; as a constant, unless the walk is recorded."""
    kept = grad if mode.recording or not grad.requires_grad else grad.detach()
    with _accumulating:
        tensor.grad = kept if tensor.grad is None else tensor.grad + kept


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool = False,
) -> tuple[Any, ...]:
    """The gradients of the sum of `outputs` with respect to `inputs`, as a tuple; nobody's `grad` changes.

    grad_outputs: the gradient with respect to each output (None: 1, for scalars). retain_graph: as in
        `backward`; the value of create_graph if None. create_graph: make the result differentiable.
    Errors: RuntimeError if an input does not require a gradient, or plays no part in the outputs (with
        allow_unused it gets None).
    """
    outputs, inputs, gradients = errors.checked_arguments(outputs, inputs, grad_outputs, only_inputs)
    nodes = [node_of(x) for x in inputs]
    keep = create_graph if retain_graph is None else retain_graph
    found = run_backward(outputs, gradients, keep, create_graph, set(nodes))
    for i, node in enumerate(nodes):
        if node not in found and not allow_unused:
            raise errors.unused(i, inputs[i])
    return tuple([found.get(node) for node in nodes])
