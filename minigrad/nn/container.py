"""Modules that hold modules: in a row, in a list, by name; and those that hold parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

from ..autograd import Tensor
from .module import Module
from .parameter import Parameter


class _Row(Module):
    """What Sequential and ModuleList have in common: modules in a row, which can be changed like a list."""

    def append(self, module: Module) -> Self:
        """Add a module at the end, under the next number."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add modules at the end."""
        for module in list(modules):
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> Any:
        """Put a module before the one at `index`; those after it move up by one, also in the state dict."""
        modules = list(self)
        modules.insert(index, module)
        self._renumber(modules)

    def pop(self, index: int | slice) -> Any:
        """Take a module out; those after it move down by one."""
        taken = self[index]
        del self[index]
        return taken

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules.values())

    def __len__(self) -> int:
        return len(self._modules)

    def __getitem__(self, index: int | slice) -> Any:
        raise NotImplementedError(f"{type(self).__name__} defines no __getitem__")

    def __setitem__(self, index: int, module: Module) -> None:
        self.add_module(list(self._modules)[index], module)

    def __delitem__(self, index: int | slice) -> None:
        modules = list(self)
        del modules[index]
        self._renumber(modules)

    def _renumber(self, modules: Iterable[Module]) -> None:
        """Hold these modules, under the numbers 0, 1, ..."""
        self._modules.clear()
        for position, module in enumerate(modules):
            self.add_module(str(position), module)


class Sequential(_Row):
    """Modules applied one after the other: `Sequential(Linear(4, 2), ReLU())`, or from a dict of named ones."""

    def __init__(self, *modules: Any) -> None:
        super().__init__()
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            named = list(modules[0].items())
        else:
            named = [(str(position), module) for position, module in enumerate(modules)]
        for name, module in named:
            if not isinstance(module, Module):
                raise TypeError(f"Sequential: item {name} must be a Module, got {type(module).__name__}")
            self.add_module(name, module)

    def forward(self, input: Any) -> Any:
        for module in self:
            input = module(input)
        return input

    def extend(self, sequential: Iterable[Module]) -> Self:
        """Add modules at the end."""
        return super().extend(sequential)

    def __getitem__(self, index: int | slice) -> Any:
        named = list(self._modules.items())
        return type(self)(dict(named[index])) if isinstance(index, slice) else named[index][1]

    def insert(self, index: int, module: Module) -> Self:
        super().insert(index, module)
        return self


class ModuleList(_Row):
    """A list whose modules are registered; what to do with them is up to the module that holds it."""

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        super().__init__()
        for module in modules:
            self.append(module)

    def __getitem__(self, index: int | slice) -> Any:
        modules = list(self)
        return ModuleList(modules[index]) if isinstance(index, slice) else modules[index]


class ModuleDict(Module):
    """A dictionary whose modules are registered."""

    def __init__(self, modules: Mapping[str, Module] | None = None) -> None:
        super().__init__()
        for name, module in (modules or {}).items():
            self[name] = module

    def __setitem__(self, name: str, module: Module) -> None:
        self.add_module(name, module)

    def __getitem__(self, name: str) -> Module:
        return self._modules[name]

    def __contains__(self, name: str) -> bool:
        return name in self._modules

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)

    def keys(self) -> Iterable[str]:
        return self._modules.keys()

    def values(self) -> Iterable[Module]:
        return self._modules.values()

    def items(self) -> Iterable[tuple[str, Module]]:
        return self._modules.items()


class ParameterList(Module):
    """A list of parameters, which are registered; Tensors become Parameters."""

    def __init__(self, values: Iterable[Tensor] = ()) -> None:
        super().__init__()
        self.extend(values)

    def append(self, value: Tensor) -> ParameterList:
        self.register_parameter(str(len(self)), _as_parameter("ParameterList", value))
        return self

    def extend(self, values: Iterable[Tensor]) -> ParameterList:
        for value in values:
            self.append(value)
        return self

    def __iter__(self) -> Iterator[Any]:
        return iter(self._parameters.values())

    def __len__(self) -> int:
        return len(self._parameters)

    def __getitem__(self, index: int | slice) -> Any:
        values = list(self)
        return ParameterList(values[index]) if isinstance(index, slice) else values[index]

    def __setitem__(self, index: int, value: Tensor) -> None:
        self.register_parameter(str(range(len(self))[index]), _as_parameter("ParameterList", value))


class ParameterDict(Module):
    """A dictionary of parameters, which are registered; Tensors become Parameters."""

    def __init__(self, parameters: Mapping[str, Tensor] | None = None) -> None:
        super().__init__()
        for name, value in (parameters or {}).items():
            self[name] = value

    def __setitem__(self, name: str, value: Tensor) -> None:
        self.register_parameter(name, _as_parameter("ParameterDict", value))

    def __getitem__(self, name: str) -> Any:
        return self._parameters[name]

    def __contains__(self, name: str) -> bool:
        return name in self._parameters

    def __iter__(self) -> Iterator[str]:
        return iter(self._parameters)

    def __len__(self) -> int:
        return len(self._parameters)

    def keys(self) -> Iterable[str]:
        return self._parameters.keys()

    def values(self) -> Iterable[Any]:
        return self._parameters.values()

    def items(self) -> Iterable[tuple[str, Any]]:
        return self._parameters.items()


def _as_parameter(what: str, value: Any) -> Parameter:
    """The value, if it is a Parameter, or one on its memory. Errors: TypeError for what is no Tensor."""
    if not isinstance(value, Tensor):
        raise TypeError(f"{what}: values must be Tensors, got {type(value).__name__}")
    return value if isinstance(value, Parameter) else Parameter(value)
