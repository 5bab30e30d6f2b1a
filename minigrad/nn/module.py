"""Module: a thing with parameters, made of things with parameters.

Assign a Parameter, a buffer or another Module to an attribute and it is registered; everything else (moving,
saving, listing, switching between training and evaluation) walks that tree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np

from ..autograd import Tensor
from ..devices import device_of, to_device
from ..grad_mode import no_grad
from ..ops.creation import as_dtype
from ..ops.creation import to as convert

M = TypeVar("M", bound="Module")


class Parameter(Tensor):
    """A tensor that a Module lists among its parameters: what training changes."""

    __slots__ = ()

    def __init__(self, data: Tensor, requires_grad: bool = True) -> None:
        if not isinstance(data, Tensor):
            raise TypeError(f"Parameter: data must be a Tensor, got {type(data).__name__}")
        super().__init__(data.array, requires_grad)


class Module:
    """The base of all layers and networks. A subclass defines `forward`; calling the module calls it."""

    training: bool

    def __init__(self) -> None:
        object.__setattr__(self, "_parameters", {})
        object.__setattr__(self, "_buffers", {})
        object.__setattr__(self, "_modules", {})
        self.training = True

    def forward(self, *inputs: Any) -> Any:
        raise TypeError(f"{type(self).__name__} defines no forward")

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        return self.forward(*inputs, **options)

    # ------------------------------------------------------------------------------ registration
    def __setattr__(self, name: str, value: Any) -> None:
        if "_parameters" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__}: call super().__init__() before setting {name!r}")
        for kind, registry in ((Parameter, self._parameters), (Module, self._modules)):
            if isinstance(value, kind):
                self._forget(name)
                registry[name] = value
                return
        for registry in (self._parameters, self._buffers, self._modules):
            if name in registry:
                if value is not None and not (registry is self._buffers and isinstance(value, Tensor)):
                    raise TypeError(f"{type(self).__name__}.{name} cannot become a {type(value).__name__}")
                registry[name] = value
                return
        object.__setattr__(self, name, value)

    def _forget(self, name: str) -> None:
        for registry in (self.__dict__, self._parameters, self._buffers, self._modules):
            registry.pop(name, None)

    def __getattr__(self, name: str) -> Any:
        for registry in ("_parameters", "_buffers", "_modules"):
            entries = self.__dict__.get(registry, {})
            if name in entries:
                return entries[name]
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def __delattr__(self, name: str) -> None:
        self._forget(name)

    def register_buffer(self, name: str, tensor: Tensor | None) -> None:
        """Keep a tensor that is saved and moved with the module but not trained (running means, say)."""
        self._forget(name)
        self._buffers[name] = tensor

    def register_parameter(self, name: str, parameter: Parameter | None) -> None:
        """Register a parameter by name; None keeps the name free (`bias=False`)."""
        self._forget(name)
        self._parameters[name] = parameter

    def add_module(self, name: str, module: Module) -> None:
        """Register a submodule by name."""
        self._forget(name)
        self._modules[name] = module

    # ---------------------------------------------------------------------------------- listing
    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module and all below it, with dotted names; each object once."""
        seen: set[int] = set()
        stack = [(prefix, self)]
        while stack:
            name, module = stack.pop()
            if id(module) in seen:
                continue
            seen.add(id(module))
            yield name, module
            children = [
                (f"{name}.{key}" if name else key, child) for key, child in module._modules.items() if child is not None
            ]
            stack.extend(reversed(children))

    def modules(self) -> Iterator[Module]:
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        return iter([(name, child) for name, child in self._modules.items() if child is not None])

    def children(self) -> Iterator[Module]:
        return (child for _, child in self.named_children())

    def _named(self, registry: str) -> Iterator[tuple[str, Any]]:
        for prefix, module in self.named_modules():
            for name, value in getattr(module, registry).items():
                if value is not None:
                    yield f"{prefix}.{name}" if prefix else name, value

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Parameters with dotted names; one that is shared appears once."""
        seen: set[int] = set()
        for name, parameter in self._named("_parameters"):
            if id(parameter) not in seen:
                seen.add(id(parameter))
                yield name, parameter

    def parameters(self) -> Iterator[Parameter]:
        return (parameter for _, parameter in self.named_parameters())

    def named_buffers(self) -> Iterator[tuple[str, Tensor]]:
        return self._named("_buffers")

    def buffers(self) -> Iterator[Tensor]:
        return (buffer for _, buffer in self.named_buffers())

    def parameter_count(self) -> int:
        """How many numbers training can change or could change: the sizes of all parameters added up."""
        return sum(parameter.numel() for parameter in self.parameters())

    # --------------------------------------------------------------------------------- switching
    def train(self: M, mode: bool = True) -> M:
        """Training mode: dropout drops, batch norm uses the batch."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self: M) -> M:
        """Evaluation mode."""
        return self.train(False)

    def apply(self: M, function: Callable[[Module], Any]) -> M:
        """Call `function` on every module below this one, then on this one."""
        for child in self.children():
            child.apply(function)
        function(self)
        return self

    def requires_grad_(self: M, requires_grad: bool = True) -> M:
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for parameter in self.parameters():
            parameter.grad = None

    # ----------------------------------------------------------------------- moving and converting
    def to(self: M, *targets: Any, dtype: Any = None, device: Any = None) -> M:
        """Move to a device, convert floating-point parameters to a dtype; the Parameter objects stay the same."""
        probe = convert(Tensor(_probe(self)), *targets, dtype=dtype, device=device)
        for tensor in [*self.parameters(), *self.buffers()]:
            for part in (tensor, tensor.grad):
                if part is not None:
                    wanted = probe.dtype if part.dtype.kind == "f" else part.dtype
                    part.array = to_device(part.array, probe.device).astype(wanted, copy=False)
                    part.version.bump()
        return self

    def type(self: M, dtype: Any) -> M:
        return self.to(as_dtype("type", dtype))

    def float(self: M) -> M:
        return self.to("float32")

    def double(self: M) -> M:
        return self.to("float64")

    def cpu(self: M) -> M:
        return self.to(device="cpu")

    def cuda(self: M) -> M:
        return self.to(device="cuda")

    # --------------------------------------------------------------------------------- state dict
    def state_dict(self) -> dict[str, Tensor]:
        """All parameters and buffers by dotted name, as tensors that share the module's memory."""
        return {
            name: value.detach() for registry in ("_parameters", "_buffers") for name, value in self._named(registry)
        }

    def load_state_dict(self, state: dict[str, Tensor], strict: bool = True) -> None:
        """Copy a state dict into the module.

        Errors: TypeError for an entry that is no Tensor; ValueError naming every missing, unexpected and misshapen
        entry (with strict=False only misshapen ones). Nothing is changed then.
        """
        own = {name: value for registry in ("_parameters", "_buffers") for name, value in self._named(registry)}
        for name, value in state.items():
            if not isinstance(value, Tensor):
                raise TypeError(f"load_state_dict: {name} must be a Tensor, got {type(value).__name__}")
        problems = []
        for title, names in (("missing", own.keys() - state.keys()), ("unexpected", state.keys() - own.keys())):
            if names and strict:
                problems.append(f"{title}: {', '.join(sorted(names))}")
        for name in own.keys() & state.keys():
            if own[name].shape != state[name].shape:
                problems.append(f"{name} has shape {state[name].shape}, expected {own[name].shape}")
        if problems:
            raise ValueError(f"load_state_dict: {type(self).__name__} does not fit the state: {'; '.join(problems)}")
        with no_grad():
            for name in own.keys() & state.keys():
                value = state[name].array
                own[name].array[...] = to_device(value, device_of(own[name].array))
                own[name].version.bump()

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
        return ", ".join(f"{name}={value}" for name, value in self.options.items())
