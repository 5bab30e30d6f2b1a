"""What all optimizers share: parameter groups, state, saving."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..autograd import Tensor
from ..devices import Array, device_of, to_device
from ..grad_mode import enable_grad


class Optimizer:
    """The base: a subclass defines `update(parameter, state, group)`, which changes one parameter in place, or
    `update_group(parameters, group)`, which changes several.

    params: an iterable of tensors, or of dicts {"params": [...], "lr": ..., ...}: groups with options of their own.
    state: for each parameter the numbers and arrays that the next step needs.
    """

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        name = type(self).__name__
        if isinstance(params, Tensor):
            raise TypeError(f"{name}: params must be a list of tensors, got one Tensor; wrap it in a list")
        groups = list(params)
        if not groups:
            raise ValueError(f"{name}: params is empty; there is nothing to optimize")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        self.state: dict[Tensor, dict[str, Any]] = {}
        for group in groups:
            self.add_param_group(group)

    def add_param_group(self, group: dict[str, Any]) -> None:
        """Add parameters with options of their own. Errors: naming what is no leaf tensor or was added before."""
        name = type(self).__name__
        given = group["params"]
        parameters = [given] if isinstance(given, Tensor) else list(given)
        known = {id(p) for other in self.param_groups for p in other["params"]}
        for position, parameter in enumerate(parameters):
            if not isinstance(parameter, Tensor):
                raise TypeError(f"{name}: params[{position}] must be a Tensor, got {type(parameter).__name__}")
            if not parameter.is_leaf:
                raise ValueError(
                    f"{name}: params[{position}] is the result of an operation; only leaves can be optimized"
                )
            if id(parameter) in known:
                raise ValueError(f"{name}: params[{position}] appears twice")
            known.add(id(parameter))
        self.param_groups.append({**self.defaults, **group, "params": parameters})

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if set_to_none or parameter.grad is None:
                    parameter.grad = None
                else:
                    parameter.grad = parameter.grad * 0.0

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient. closure: computes the loss and its gradients anew first."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for group in self.param_groups:
            parameters = [parameter for parameter in group["params"] if parameter.grad is not None]
            self.update_group(parameters, group)
            for parameter in parameters:
                parameter.storage.bump_version()
        return loss

    def update_group(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        """One step of a group's parameters, all of which have a gradient."""
        for parameter in parameters:
            self.update(parameter, self.state.setdefault(parameter, {}), group)

    def update(self, parameter: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        """One step of one parameter, in place on its array."""
        raise TypeError(f"{type(self).__name__} defines no update")

    # ------------------------------------------------------------------------------------- saving
    def state_dict(self) -> dict[str, Any]:
        """{"state": {parameter number: its state}, "param_groups": [options and parameter numbers]}."""
        numbers = {id(p): i for i, p in enumerate(p for group in self.param_groups for p in group["params"])}
        groups = [{**group, "params": [numbers[id(p)] for p in group["params"]]} for group in self.param_groups]
        return {"state": {numbers[id(p)]: dict(state) for p, state in self.state.items()}, "param_groups": groups}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Take over a state dict. Errors: ValueError if groups or shapes differ; nothing is changed then."""
        name = type(self).__name__
        self._check_groups(saved)
        parameters = [p for group in self.param_groups for p in group["params"]]
        for number, entries in saved["state"].items():
            for key, value in entries.items():
                if hasattr(value, "shape") and value.shape not in ((), parameters[int(number)].shape):
                    shape = parameters[int(number)].shape
                    raise ValueError(f"{name}: saved {key} has shape {value.shape}, its parameter {shape}")
        self.state = {parameters[int(n)]: _copied(entries, parameters[int(n)]) for n, entries in saved["state"].items()}
        for group, options in zip(self.param_groups, saved["param_groups"]):
            group.update({key: value for key, value in options.items() if key != "params"})

    def _check_groups(self, saved: dict[str, Any]) -> None:
        sizes = [len(group["params"]) for group in self.param_groups]
        if [len(group["params"]) for group in saved["param_groups"]] != sizes:
            raise ValueError(f"{type(self).__name__}: the saved state has other parameter groups than this optimizer")


def _copied(entries: dict[str, Any], parameter: Tensor) -> dict[str, Any]:
    """State entries as own copies on the parameter's device."""
    device = device_of(parameter.array)
    return {
        key: to_device(value, device).copy() if hasattr(value, "shape") else value for key, value in entries.items()
    }


def check_options(name: str, **options: float) -> None:
    """Errors: ValueError naming an option that is negative."""
    for option, value in options.items():
        if not value >= 0:
            raise ValueError(f"{name}: {option} must be at least 0, got {value}")


def check_betas(name: str, betas: tuple[float, float]) -> None:
    """Errors: ValueError unless both lie in [0, 1)."""
    if len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
        raise ValueError(f"{name}: betas must be two numbers in [0, 1), got {betas}")


def decayed_gradient(parameter: Tensor, group: dict[str, Any], decoupled: bool = False) -> Array:
    """g, or -g to maximize, plus the gradient of (weight_decay / 2) |theta|^2 unless the decay is decoupled."""
    grad = parameter.grad.array  # type: ignore[union-attr]
    grad = -grad if group["maximize"] else grad
    weight_decay = 0.0 if decoupled else group["weight_decay"]
    return grad + weight_decay * parameter.array if weight_decay else grad
