"""What the engine refuses, and the sentences in which it says so: each names the operation and what would be right.

Kept beside `autograd.py` so that the engine's own text is the engine. Tensors are told by their attribute `array`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .devices import device_of


def explain(op: Any, arrays: Sequence[Any], error: Exception) -> None:
    """Raise an error that says more than the one that an operation's forward ended with, if there is more to say."""
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


def not_savable(op: Any, value: Any) -> TypeError:
    return TypeError(
        f"{type(op).__name__}.save: a {type(value).__name__} that is neither an input nor the result would be a "
        "constant to second derivatives; wrap it in tensor_of(...) if it is one, else compute it again in backward"
    )


def changed_in_place(op: Any, array: Any) -> RuntimeError:
    return RuntimeError(
        f"backward of {type(op).__name__}: a tensor of shape {array.shape} that it needs was changed in place after "
        "it was used; use an out-of-place operation (y = y + 1), or .clone() it first"
    )


def used_up(op: Any) -> RuntimeError:
    return RuntimeError(
        f"backward: the graph was used up by an earlier backward ({type(op).__name__} has released what it had "
        "saved); pass retain_graph=True to the first call, or compute the loss anew"
    )


def wrong_gradient(op: Any, gradient: Any, shape: tuple[int, ...]) -> RuntimeError:
    return RuntimeError(
        f"backward of {type(op).__name__} returned a gradient of shape {gradient.shape} for an input of shape {shape}"
    )


def unused(position: int, tensor: Any) -> RuntimeError:
    return RuntimeError(
        f"grad: inputs[{position}] of shape {tensor.shape} was not used to compute the outputs; pass "
        "allow_unused=True to get None for it"
    )


def check_root(root: Any, gradient: Any) -> None:
    """Errors: TypeError for what is no Tensor, or for another dtype; RuntimeError for a tensor without a graph, and
    for one of several numbers without a gradient; ValueError for a gradient of another shape."""
    if not hasattr(root, "array"):
        raise TypeError(f"backward: a Tensor is needed, got {type(root).__name__}")
    if not root.requires_grad:
        raise RuntimeError(
            "backward: this tensor has no graph behind it: no input required a gradient, or it was computed "
            "under no_grad(); set requires_grad=True on what you want to differentiate by"
        )
    if gradient is None:
        if root.array.size != 1:
            raise RuntimeError(
                f"backward: the tensor has shape {root.shape}, not one number; reduce it (.sum(), .mean()) or pass "
                "a gradient of its shape"
            )
    elif not hasattr(gradient, "array"):
        raise TypeError(f"backward: gradient must be a Tensor, got {type(gradient).__name__}")
    elif gradient.shape != root.shape:
        raise ValueError(f"backward: gradient has shape {gradient.shape}, the tensor has {root.shape}")
    elif gradient.dtype != root.dtype:
        raise TypeError(f"backward: gradient has dtype {gradient.dtype}, the tensor has {root.dtype}")


def as_list(argument: str, value: Any) -> list[Any]:
    """A tensor, or several, as a list. Errors: TypeError naming the argument of `grad`."""
    if hasattr(value, "array"):
        return [value]
    if not isinstance(value, Iterable):
        raise TypeError(f"grad: {argument} must be a Tensor or a list of them, got {type(value).__name__}")
    return list(value)


def check_inputs(inputs: Sequence[Any]) -> None:
    """Errors: TypeError or RuntimeError naming the first input of `grad` that is no Tensor or wants no gradient."""
    for i, x in enumerate(inputs):
        if not hasattr(x, "array"):
            raise TypeError(f"grad: inputs[{i}] must be a Tensor, got {type(x).__name__}")
        if not x.requires_grad:
            raise RuntimeError(f"grad: inputs[{i}] does not require a gradient")


def checked_arguments(outputs: Any, inputs: Any, grad_outputs: Any, only_inputs: bool) -> tuple[list[Any], ...]:
    """`grad`'s outputs, inputs and grad_outputs as lists. Errors: as `as_list` and `check_inputs`; ValueError for
    another number of grad_outputs than outputs, and for only_inputs=False."""
    if not only_inputs:
        raise ValueError("grad: only_inputs=False is not supported; use backward to accumulate into all leaves")
    outputs, inputs = as_list("outputs", outputs), as_list("inputs", inputs)
    gradients = [None] * len(outputs) if grad_outputs is None else as_list("grad_outputs", grad_outputs)
    if len(gradients) != len(outputs):
        raise ValueError(f"grad: {len(outputs)} outputs but {len(gradients)} grad_outputs")
    check_inputs(inputs)
    return outputs, inputs, gradients
