"""The engine: tensors, the graph they leave behind, and the backward pass that walks it.

Read this file from top to bottom and you know how backpropagation works; everything else in minigrad is
operations (`ops/`) and conveniences.

1. A `Tensor` is an array plus a memory of where it came from.
2. An `Op` is one operation: `forward` computes an array from arrays; `backward` is handed the gradient of
   some loss with respect to its result and returns the gradients with respect to its inputs.
3. `apply` runs an operation's forward and, if a gradient may be wanted, stores the Op as the result's `node`.
   The nodes of the graph are operations and, where its paths end, leaves: tensors that the user made. Each
   operation's `parents` are the nodes of its inputs.
4. `run_backward` visits the nodes in topological order, each after every operation that used it. By then its
   gradient is complete, for the chain rule sums over all uses. An operation turns the gradient of its result
   into shares for its parents; a leaf adds it to its `grad`.

`backward` is itself written with differentiable operations on Tensors. Run it while operations are recorded
(`create_graph=True`) and the gradient is a tensor that can be differentiated again, to any order.

Source: Griewank and Walther, "Evaluating Derivatives", 2nd edition (2008), chapters 3 (reverse mode) and 5.
"""

from __future__ import annotations

import copy
import inspect
import threading
import weakref
from collections.abc import Callable, Container, Iterable, Sequence
from typing import Any, Union

import numpy as np

from .devices import Array, Device, device_of, xp_of
from .grad_mode import enable_grad, mode, observers
from .hooks import RemovableHandle
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

    __slots__ = ("array", "requires_grad", "grad", "node", "storage", "hooks", "__weakref__")
    parents = ()  # as a node of the graph a leaf is where paths end

    def __init__(self, array: Array, requires_grad: bool = False) -> None:
        self.array = array
        self.requires_grad = requires_grad
        self.grad: Tensor | None = None
        self.node: Op | None = None
        self.storage = Storage()
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

    def register_hook(self, hook: Hook) -> RemovableHandle:
        """Call `hook(grad)` whenever this tensor's gradient is complete; what it returns, if not None, replaces it.

        The handle's `remove()` removes the hook again.
        """
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


class Storage:
    """The memory that a tensor shares with its views.

    version: the number of writes so far. cache: what kernels derived from the present contents and may use again
    (transformed convolution weights, say); None for memory that a NumPy array shares, whose writes go unnoticed.
    """

    __slots__ = ("version", "cache")

    def __init__(self) -> None:
        self.version = 0
        self.cache: dict[Any, Any] | None = {}

    def bump_version(self) -> None:
        """Note that the memory was written to."""
        self.version += 1
        if self.cache:
            self.cache.clear()


class View(Tensor):
    """A tensor that shares the memory of its `base`: what the view operations `steps`, one after the other, make of it.

    A write through either changes both, and their derivatives too. The base is then given its new node
    (`ops/inplace.py`); a view finds its own, when next asked for it, by taking its steps from the base anew.
    """

    __slots__ = ("base", "steps", "version", "recorded", "_node", "_requires_grad")

    def __init__(self, array: Array, source: Tensor, step: Op) -> None:
        self.array, self.storage, self.version = array, source.storage, source.storage.version
        self.grad, self.hooks = None, None
        self._node: Op | None = None
        self.base: Tensor = source
        self.steps: tuple[Op, ...] = (step,)
        self.recorded = mode.recording
        self._requires_grad = False
        if isinstance(source, View):
            self.base, self.steps = source.base, (*source.steps, step)
            self.recorded = self.recorded and source.recorded

    @property
    def node(self) -> Op | None:  # type: ignore[override]
        if self.version != self.storage.version and self.base.requires_grad and self.recorded:
            with enable_grad():
                self._node = replay(self.steps, self.base).node
            self.version = self.storage.version
        return self._node

    @node.setter
    def node(self, node: Op | None) -> None:
        self._node, self.version = node, self.storage.version

    @property
    def requires_grad(self) -> bool:  # type: ignore[override]
        return self._requires_grad or (self.recorded and self.base.requires_grad)

    @requires_grad.setter
    def requires_grad(self, requires_grad: bool) -> None:
        self._requires_grad = requires_grad


def replay(steps: Iterable[Op], x: Tensor) -> Tensor:
    """Apply operations once more, one after the other, to another tensor."""
    for step in steps:
        again = copy.copy(step)
        again.records, again.hooks, again.retained = (), None, ()
        x = apply(again, x)
    return x


Hook = Callable[[Tensor], Tensor | None]
Node = Union["Op", Tensor]  # of the graph: an operation, or a leaf


def node_of(tensor: Tensor) -> Node:
    """Where gradients with respect to a tensor that requires them go: to its operation, or to itself if a leaf."""
    node = tensor.node
    return tensor if node is None else node


# ------------------------------------------------------------------------------------ operations

registry: dict[str, type[Op]] = {}  # every operation there is, by class name


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
    shape: tuple[int, ...]  # of the result
    hooks: dict[int, Hook] | None = None
    retained: tuple[weakref.ref[Tensor], ...] = ()  # results that asked to keep their gradient
    is_view = False  # whether the result may share memory with the first input
    takes_needed = False  # whether backward has the argument `needed`

    def __init_subclass__(cls, abstract: bool = False) -> None:
        if not abstract:
            registry[cls.__name__] = cls
        cls.takes_needed = len(inspect.signature(cls.backward).parameters) > 2

    def forward(self, *arrays: Array) -> Array:
        raise TypeError(f"{type(self).__name__} defines no forward")

    def backward(self, *grad_and_needed: Any) -> Any:
        raise RuntimeError(f"{type(self).__name__} has no derivative")

    def save(self, *values: Any) -> None:
        """Remember inputs or the result for backward (or None, or numbers). Call it in forward, at most once.

        Any other array would be a constant to second derivatives, though it depends on the inputs; where that
        is right (a mask, indices) say so by wrapping it: `self.save(Tensor(mask))`. Errors: TypeError if not.
        """
        self.records = values

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

    def __init__(self, array: Array, node: Node | None, storage: Storage) -> None:
        self.array, self.node, self.storage, self.version = array, node, storage, storage.version

    def tensor(self, op: Op) -> Tensor:
        """The Tensor it was. Errors: RuntimeError, naming the operation, if its memory was written to since."""
        if self.version != self.storage.version:
            raise RuntimeError(
                f"backward of {type(op).__name__}: a tensor of shape {self.array.shape} that it needs was changed "
                "in place after it was used; use an out-of-place operation (y = y + 1), or .clone() it first"
            )
        if isinstance(self.node, Tensor):
            return self.node
        tensor = Tensor(self.array, self.node is not None)
        tensor.node, tensor.storage = self.node, self.storage
        return tensor


def apply(op: Op, *inputs: Any) -> Tensor:
    """Run `op` on tensors (Python scalars pass through as constants) and record it if a gradient may be wanted."""
    recording = mode.recording
    arrays, needs = [], []
    for x in inputs:
        is_tensor = isinstance(x, Tensor)
        arrays.append(x.array if is_tensor else x)
        needs.append(recording and is_tensor and x.requires_grad)
    op.needs = needs
    try:
        result = op.forward(*arrays) if not observers else _observed(op, "forward", arrays)
    except Exception as error:
        _explain(op, arrays, error)
        raise
    array = _as_array(result)
    if op.is_view and array.base is not None and xp_of(array).may_share_memory(array, arrays[0]):
        output: Tensor = View(array, inputs[0], op)
    else:
        output = Tensor(array)
    if True in needs:
        output.requires_grad, output.node = True, op
        op.shape = array.shape
        op.parents = [node_of(x) if need else None for x, need in zip(inputs, needs)]
        op.records = [None if value is None else _packed(value, op, inputs, result, output) for value in op.records]
    else:
        op.records = ()
    return output


def _observed(op: Op, direction: str, arguments: Sequence[Any]) -> Any:
    """Let the newest observer run an operation's forward or backward."""
    return observers[-1](op, direction, lambda: getattr(op, direction)(*arguments))


def _as_array(result: Any) -> Array:
    """The result of a function of arrays; NumPy turns those without axes into scalars."""
    return np.asarray(result) if isinstance(result, np.generic) else result


def _packed(value: Any, op: Op, inputs: Sequence[Any], result: Array, output: Tensor) -> Any:
    """A value that `save` was given, as a SavedTensor if it is the array of an input or the result."""
    if value is result:
        return SavedTensor(output.array, op, output.storage)
    if isinstance(value, (float, int, Tensor)):
        return value
    for x in inputs:
        if isinstance(x, Tensor) and value is x.array:
            return SavedTensor(value, node_of(x) if x.requires_grad else None, x.storage)
    raise TypeError(
        f"{type(op).__name__}.save: a {type(value).__name__} that is neither an input nor the result would be a "
        "constant to second derivatives; wrap it in Tensor(...) if it is one, else compute it again in backward"
    )


def _explain(op: Op, arrays: Sequence[Any], error: Exception) -> None:
    """Raise an error that says more than the one that forward ended with, if there is more to say."""
    given = [array for array in arrays if hasattr(array, "dtype")]
    if isinstance(error, MemoryError):
        shapes = ", ".join(str(array.shape) for array in given)
        raise MemoryError(
            f"{type(op).__name__}: out of memory on inputs of shapes {shapes} ({error}); use a smaller batch or picture"
        ) from error
    places = [str(device_of(array)) for array in given]
    if len(set(places)) > 1:
        raise RuntimeError(
            f"{type(op).__name__}: the tensors are on different devices ({', '.join(places)}); move them together "
            "with .to()"
        ) from error


# --------------------------------------------------------------------------------- backward pass


def topological_order(roots: Iterable[Node], wanted: Container[Node] | None = None) -> dict[Node, None]:
    """The nodes behind the roots, each after all its parents; a dict, for quick look-up and in order.

    wanted: leave out the nodes from which none of these can be reached. (A depth-first walk, without recursion,
    for chains may be long: a node that is met for the first time waits on the stack until its parents are done.)
    Errors: RuntimeError if a node was used up by an earlier backward.
    """
    order: dict[Node, None] = {}
    met: set[Node] = set()
    stack = list(roots)
    while stack:
        node = stack[-1]
        if node not in met:
            met.add(node)
            if node.parents is None:
                raise RuntimeError(
                    f"backward: the graph was used up by an earlier backward ({type(node).__name__} has released "
                    "what it had saved); pass retain_graph=True to the first call, or compute the loss anew"
                )
            stack.extend([parent for parent in node.parents if parent is not None and parent not in met])
        else:
            stack.pop()
            if wanted is None or node in wanted or any(parent in order for parent in node.parents):
                order[node] = None
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
        _add_share(grads, _root_node(root), _root_gradient(root, gradient))
    order = topological_order(grads, wanted)
    found: dict[Node, Tensor] = {}
    recording, mode.recording = mode.recording, create_graph
    try:
        while order:
            node, _ = order.popitem()  # the last: no operation still to be visited uses it
            grad = grads.pop(node, None)
            if grad is not None and node.hooks:
                grad = _run_hooks(node.hooks, grad)
            if grad is not None and wanted is not None and node in wanted:
                found[node] = grad
            if isinstance(node, Tensor):
                if grad is not None and wanted is None:
                    _accumulate(node, grad)
                continue
            if grad is not None:
                _pass_on(node, grad, grads, order, wanted is not None)
            if not retain_graph:
                node.parents, node.records = None, ()
    finally:
        mode.recording = recording
    return found


def _pass_on(op: Op, grad: Tensor, grads: dict[Node, Tensor], order: dict[Node, None], partial: bool) -> None:
    """Run one operation's backward and add what it returns to the gradients of its parents.

    partial: some parents may have been left out of the order, so that nothing is to be computed for them.
    """
    needed = [parent in order for parent in op.parents] if partial else op.needs
    arguments = (grad, needed) if op.takes_needed else (grad,)
    shares = op.backward(*arguments) if not observers else _observed(op, "backward", arguments)
    if type(shares) is not tuple:
        shares = (shares,)
    for parent, share, need in zip(op.parents, shares, needed):
        if need and share is not None:
            if share.array.shape != parent.shape:
                raise RuntimeError(
                    f"backward of {type(op).__name__} returned a gradient of shape {share.shape} for an input of "
                    f"shape {parent.shape}"
                )
            if isinstance(parent, Tensor) and parent not in grads and _is_aliased(share, (grad, *shares)):
                share = share.clone()
            _add_share(grads, parent, share)
    for result in op.retained:
        holder = result()
        if holder is not None:
            _accumulate(holder, grad.clone())


def _add_share(grads: dict[Node, Tensor], node: Node, share: Tensor) -> None:
    """Add to what a node has received; never in place, for somebody else may hold either array."""
    known = grads.get(node)
    if known is not None and not mode.recording:
        share = Tensor(_as_array(kernels_of(share.array).add(known.array, share.array)))
    elif known is not None:
        share = known + share
    grads[node] = share


def _is_aliased(share: Tensor, gradients: Sequence[Tensor | None]) -> bool:
    """Whether a share, itself one of the gradients, has memory in common with another: a leaf needs its own."""
    overlap = xp_of(share.array).may_share_memory
    return sum([other is not None and overlap(share.array, other.array) for other in gradients]) > 1


def _root_node(root: Tensor) -> Node:
    """Where the walk starts. Errors: TypeError for what is no Tensor, RuntimeError for a Tensor without a graph."""
    if not isinstance(root, Tensor):
        raise TypeError(f"backward: a Tensor is needed, got {type(root).__name__}")
    if not root.requires_grad:
        raise RuntimeError(
            "backward: this tensor has no graph behind it: no input required a gradient, or it was computed "
            "under no_grad(); set requires_grad=True on what you want to differentiate by"
        )
    return node_of(root)


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


def _run_hooks(hooks: dict[int, Hook], grad: Tensor) -> Tensor:
    """The gradient after the user's hooks have seen, and perhaps replaced, it."""
    for hook in list(hooks.values()):
        replacement = hook(grad)
        if replacement is not None:
            if not isinstance(replacement, Tensor):
                raise TypeError(f"hook: must return a Tensor or None, got {type(replacement).__name__}")
            if replacement.shape != grad.shape:
                raise ValueError(f"hook: returned shape {replacement.shape} for a gradient of shape {grad.shape}")
            grad = replacement
    return grad


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
) -> tuple[Tensor | None, ...]:
    """The gradients of the sum of `outputs` with respect to `inputs`, as a tuple; nobody's `grad` changes.

    grad_outputs: the gradient with respect to each output (None: 1, for scalars). retain_graph: as in
        `backward`; the value of create_graph if None. create_graph: make the result differentiable.
        only_inputs: always True, as in PyTorch, where False once meant `backward`.
    Errors: RuntimeError if an input does not require a gradient, or plays no part in the outputs (with
        allow_unused it gets None).
    """
    for name, value in (("outputs", outputs), ("inputs", inputs)):
        if not isinstance(value, (Tensor, Iterable)):
            raise TypeError(f"grad: {name} must be a Tensor or a list of them, got {type(value).__name__}")
    if not only_inputs:
        raise ValueError("grad: only_inputs=False is not supported; use backward to accumulate into all leaves")
    outputs = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    inputs = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    if grad_outputs is None or isinstance(grad_outputs, Tensor):
        grad_outputs = [grad_outputs] * len(outputs) if grad_outputs is None else [grad_outputs]
    if len(grad_outputs) != len(outputs):
        raise ValueError(f"grad: {len(outputs)} outputs but {len(grad_outputs)} grad_outputs")
    for i, x in enumerate(inputs):
        if not isinstance(x, Tensor):
            raise TypeError(f"grad: inputs[{i}] must be a Tensor, got {type(x).__name__}")
        if not x.requires_grad:
            raise RuntimeError(f"grad: inputs[{i}] does not require a gradient")
    nodes = [node_of(x) for x in inputs]
    keep = create_graph if retain_graph is None else retain_graph
    found = run_backward(outputs, grad_outputs, keep, create_graph, set(nodes))
    for i, node in enumerate(nodes):
        if node not in found and not allow_unused:
            raise RuntimeError(
                f"grad: inputs[{i}] of shape {inputs[i].shape} was not used to compute the outputs; pass "
                "allow_unused=True to get None for it"
            )
    return tuple([found.get(node) for node in nodes])
