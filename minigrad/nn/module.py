"""Module: a thing with parameters, made of things with parameters.

Assign a Parameter, a buffer or another Module to an attribute and it is registered; everything else (moving,
saving, listing, switching between training and evaluation) walks that tree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ..autograd import Tensor, tensor_of
from ..devices import Device, device_of, to_device
from ..grad_mode import no_grad
from ..hooks import RemovableHandle
from ..ops.creation import as_dtype
from ..ops.creation import to as convert
from .backward_hooks import ModuleWatch
from .parameter import Parameter

M = TypeVar("M", bound="Module")


class LoadResult(NamedTuple):
    """What `load_state_dict` with strict=False skipped: names the state lacks, and names the module lacks."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        return f"LoadResult{tuple(self)}" if any(self) else "<All keys matched successfully>"


class Module:
    """The base of all layers and networks. A subclass defines `forward`; calling the module calls it.

    Parameters, buffers and submodules are listed in the order in which their names were first registered; one that
    replaces another takes its place.
    """

    training: bool

    def __init__(self) -> None:
        hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
        for registry in ("_parameters", "_buffers", "_modules", *hooks):
            object.__setattr__(self, registry, {})
        object.__setattr__(self, "_not_persistent", set())  # buffers that a state dict leaves out
        self.training = True

    def forward(self, *inputs: Any) -> Any:
        raise TypeError(f"{type(self).__name__} defines no forward")

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        for before in tuple(self._forward_pre_hooks.values()):
            changed = before(self, inputs)
            if changed is not None:
                inputs = changed if isinstance(changed, tuple) else (changed,)
        watch = ModuleWatch(self) if self._backward_hooks or self._backward_pre_hooks else None
        output = self.forward(*(inputs if watch is None else watch.inputs(inputs)), **options)
        for after in tuple(self._forward_hooks.values()):
            changed = after(self, inputs, output)
            output = output if changed is None else changed
        return output if watch is None else watch.outputs(output)

    def register_forward_pre_hook(self, hook: Callable[[Any, tuple[Any, ...]], Any]) -> RemovableHandle:
        """Call `hook(module, inputs)` before each forward; what it returns, if not None, replaces the inputs."""
        return RemovableHandle(self._forward_pre_hooks, hook)

    def register_forward_hook(self, hook: Callable[[Any, tuple[Any, ...], Any], Any]) -> RemovableHandle:
        """Call `hook(module, inputs, output)` after each forward; what it returns, if not None, replaces the output."""
        return RemovableHandle(self._forward_hooks, hook)

    def register_full_backward_hook(self, hook: Callable[[Any, Any, Any], Any]) -> RemovableHandle:
        """Call `hook(module, grad_input, grad_output)`, with tuples, when the gradients of the inputs are complete.

        What it returns, if not None, replaces grad_input. Inputs without a gradient, and those by name, count as None.
        """
        return RemovableHandle(self._backward_hooks, hook)

    def register_full_backward_pre_hook(self, hook: Callable[[Any, Any], Any]) -> RemovableHandle:
        """Call `hook(module, grad_output)` when the gradients of the outputs are complete; it may replace them."""
        return RemovableHandle(self._backward_pre_hooks, hook)

    # ------------------------------------------------------------------------------ registration
    def __setattr__(self, name: str, value: Any) -> None:
        if "_parameters" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__}: call super().__init__() before setting {name!r}")
        for kind, registry in ((Parameter, self._parameters), (Module, self._modules)):
            if isinstance(value, kind):
                self._register(registry, name, value)
                return
        for registry in (self._parameters, self._buffers, self._modules):
            if name in registry:
                if value is not None and not (registry is self._buffers and isinstance(value, Tensor)):
                    raise TypeError(f"{type(self).__name__}.{name} cannot become a {type(value).__name__}")
                registry[name] = value
                return
        object.__setattr__(self, name, value)

    def _register(self, registry: dict[str, Any], name: str, value: Any) -> None:
        """Put a value under a name: at the end, or in the place of what the registry has under it."""
        for other in (self.__dict__, self._parameters, self._buffers, self._modules):
            if other is not registry:
                other.pop(name, None)
        registry[name] = value

    def __getattr__(self, name: str) -> Any:
        for registry in ("_parameters", "_buffers", "_modules"):
            entries = self.__dict__.get(registry, {})
            if name in entries:
                return entries[name]
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def __delattr__(self, name: str) -> None:
        for registry in (self._parameters, self._buffers, self._modules):
            if name in registry:
                del registry[name]
                return
        super().__delattr__(name)

    def _check_name(self, what: str, name: Any, registry: dict[str, Any]) -> None:
        if not isinstance(name, str):
            raise TypeError(f"{type(self).__name__}.{what}: name must be a string, got {type(name).__name__}")
        if "." in name or not name:
            raise KeyError(f"{type(self).__name__}.{what}: name {name!r} must not be empty or contain a dot")
        if name not in registry and hasattr(self, name):
            raise KeyError(f"{type(self).__name__}.{what}: the module has an attribute {name!r} already")

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Keep a tensor that is moved with the module, and saved if `persistent`, but not trained (running means).

        Errors: TypeError, or KeyError for a name that is taken, here and in the two methods below.
        """
        self._check_name("register_buffer", name, self._buffers)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"register_buffer: {name!r} must be a Tensor or None, got {type(tensor).__name__}")
        self._buffers[name] = tensor
        (self._not_persistent.discard if persistent else self._not_persistent.add)(name)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Register a parameter by name; None keeps the name free (`bias=False`)."""
        self._check_name("register_parameter", name, self._parameters)
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(f"register_parameter: {name!r} must be a Parameter or None, got {type(param).__name__}")
        self._parameters[name] = param

    def add_module(self, name: str, module: Module | None) -> None:
        """Register a submodule by name; one that is registered under it already is replaced in its place."""
        self._check_name("add_module", name, self._modules)
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"add_module: {name!r} must be a Module or None, got {type(module).__name__}")
        self._modules[name] = module

    register_module = add_module

    # ---------------------------------------------------------------------------------- listing
    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """This module and all below it, with dotted names; each object once, unless remove_duplicate is False."""
        memo = set() if memo is None else memo
        stack: list[tuple[str, Module]] = [(prefix, self)]
        while stack:
            name, module = stack.pop()
            if remove_duplicate and module in memo:
                continue
            memo.add(module)
            yield name, module
            children = [
                (f"{name}.{key}" if name else key, child) for key, child in module._modules.items() if child is not None
            ]
            stack.extend(reversed(children))

    def modules(self) -> Iterator[Module]:
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules right below this one, each once."""
        seen: set[Module] = set()
        for name, child in self._modules.items():
            if child is not None and child not in seen:
                seen.add(child)
                yield name, child

    def children(self) -> Iterator[Module]:
        return (child for _, child in self.named_children())

    def _named(self, registry: str, prefix: str, recurse: bool, remove_duplicate: bool) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        modules = self.named_modules(None, prefix, remove_duplicate) if recurse else [(prefix, self)]
        for place, module in modules:
            for name, value in getattr(module, registry).items():
                if value is not None and not (remove_duplicate and id(value) in seen):
                    seen.add(id(value))
                    yield f"{place}.{name}" if place else name, value

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Parameters with dotted names; one that is shared appears once. recurse: also those of modules below."""
        return self._named("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        return self._named("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def get_submodule(self, target: str) -> Module:
        """The module of a dotted name; "" is this one. Errors: AttributeError naming the part that is missing."""
        module: Any = self
        for name in target.split(".") if target else ():
            module = getattr(module, name)
            if not isinstance(module, Module):
                raise AttributeError(f"get_submodule: {name!r} in {target!r} is no Module")
        return module

    def get_parameter(self, target: str) -> Any:
        """The parameter of a dotted name. Errors: AttributeError naming the part that is missing."""
        place, _, name = target.rpartition(".")
        return getattr(self.get_submodule(place), name)

    def parameter_count(self) -> int:
        """How many numbers training can change or could change: the sizes of all parameters added up."""
        return sum(parameter.numel() for parameter in self.parameters())

    # --------------------------------------------------------------------------------- switching
    def train(self: M, mode: bool = True) -> M:
        """Training mode: dropout drops, batch norm uses the batch."""
        if not isinstance(mode, bool):
            raise ValueError(f"train: mode must be True or False, got {mode!r}")
        self.training = mode
        for child in self.children():
            child.train(mode)
        return self

    def eval(self: M) -> M:
        """Evaluation mode."""
        return self.train(False)

    def apply(self: M, fn: Callable[[Module], Any]) -> M:
        """Call `fn` on every module below this one, then on this one."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def requires_grad_(self: M, requires_grad: bool = True) -> M:
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients, or with set_to_none=False make them zero."""
        for parameter in self.parameters():
            if parameter.grad is not None:
                parameter.grad = None if set_to_none else parameter.grad.detach() * 0.0

    # ----------------------------------------------------------------------- moving and converting
    def to(self: M, *targets: Any, dtype: Any = None, device: Any = None, non_blocking: bool = False) -> M:
        """Move to a device, convert floating-point parameters to a dtype; the Parameter objects stay the same.

        non_blocking: changes nothing, transfers are synchronous. Errors: TypeError for an integer dtype.
        """
        probe = convert(tensor_of(_probe(self)), *targets, dtype=dtype, device=device)
        if probe.dtype.kind != "f":
            raise TypeError(f"to: the parameters of a module are floating-point numbers, they cannot be {probe.dtype}")
        for tensor in [*self.parameters(), *self.buffers()]:
            for part in (tensor, tensor.grad):
                if part is not None:
                    wanted = probe.dtype if part.dtype.kind == "f" else part.dtype
                    part.array = to_device(part.array, probe.device).astype(wanted, copy=False)
                    part.storage.bump_version()
        return self

    def type(self: M, dst_type: Any) -> M:
        return self.to(as_dtype("type", dst_type))

    def float(self: M) -> M:
        return self.to("float32")

    def double(self: M) -> M:
        return self.to("float64")

    def half(self: M) -> M:
        """Refused, as for tensors."""
        raise TypeError("half: float16 is not supported; float32 is as fast here, and more exact")

    def cpu(self: M) -> M:
        return self.to(device="cpu")

    def cuda(self: M, device: int | str | Device | None = None) -> M:
        return self.to(device="cuda" if device is None else f"cuda:{device}" if isinstance(device, int) else device)

    # --------------------------------------------------------------------------------- state dict
    def state_dict(self, *, prefix: str = "", keep_vars: bool = False) -> dict[str, Tensor]:
        """All parameters and buffers by dotted name, as tensors that share the module's memory.

        Each module's parameters, then its buffers, then the modules below it; what is shared appears under each of
        its names. keep_vars: the parameters themselves instead.
        """
        state: dict[str, Tensor] = {}
        for place, module in self.named_modules(prefix=prefix.removesuffix("."), remove_duplicate=False):
            saved = {name: value for name, value in module._buffers.items() if name not in module._not_persistent}
            for name, value in (module._parameters | saved).items():
                if value is not None:
                    state[f"{place}.{name}" if place else name] = value if keep_vars else value.detach()
        return state

    def load_state_dict(self, state_dict: Mapping[str, Tensor], strict: bool = True) -> LoadResult:
        """Copy a state dict into the module; returns (missing_keys, unexpected_keys).

        Errors: TypeError for an entry that is no Tensor; ValueError naming every missing, unexpected and misshapen
        entry (with strict=False only misshapen ones). Nothing is changed then.
        """
        own = self.state_dict(keep_vars=True)
        for name, value in state_dict.items():
            if not isinstance(value, Tensor):
                raise TypeError(f"load_state_dict: {name} must be a Tensor, got {type(value).__name__}")
        missing = [name for name in own if name not in state_dict]
        unexpected = [name for name in state_dict if name not in own]
        problems = [
            f"{title}: {', '.join(names)}"
            for title, names in (("missing", missing), ("unexpected", unexpected))
            if names and strict
        ]
        shared = [name for name in own if name in state_dict]
        for name in shared:
            if own[name].shape != state_dict[name].shape:
                problems.append(f"{name} has shape {state_dict[name].shape}, expected {own[name].shape}")
        if problems:
            raise ValueError(f"load_state_dict: {type(self).__name__} does not fit the state: {'; '.join(problems)}")
        with no_grad():
            for name in shared:
                value = state_dict[name].array
                own[name].array[...] = to_device(value, device_of(own[name].array))
                own[name].storage.bump_version()
        return LoadResult(missing, unexpected)

    # --------------------------------------------------------------------------------------- repr
    def extra_repr(self) -> str:
        """What stands in the parentheses of `repr`: a layer's sizes and options."""
        return ""

    def __repr__(self) -> str:
        lines = [f"({name}): " + repr(child).replace("\n", "\n  ") for name, child in self.named_children()]
        if not lines:
            return f"{type(self).__name__}({self.extra_repr()})"
        return f"{type(self).__name__}({self.extra_repr()}\n  " + "\n  ".join(lines) + "\n)"


def _probe(module: Module) -> Any:
    """An empty array with the dtype and on the device of the module's first parameter (float32, CPU if none)."""
    for tensor in [*module.parameters(), *module.buffers()]:
        if tensor.dtype.kind == "f":
            return tensor.array[..., :0] if tensor.array.ndim else tensor.array.reshape(1)[:0]
    return np.empty(0, np.float32)


def check_sizes(layer: str, **values: int) -> None:
    """Errors: ValueError naming the layer and the argument for a size that is not an int of at least 1."""
    for name, value in values.items():
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"{layer}: {name} must be an int of at least 1, got {value!r}")


class StatelessModule(Module):
    """A module that is a function with its options kept as attributes, which may be changed later."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self._names = tuple(options)
        for name, value in options.items():
            setattr(self, name, value)

    @property
    def options(self) -> dict[str, Any]:
        """The options by name, as they stand."""
        return {name: getattr(self, name) for name in self._names}

    def extra_repr(self) -> str:
        shown = {name: value for name, value in self.options.items() if name != "inplace" or value}
        return ", ".join(f"{name}={value}" for name, value in shown.items())
