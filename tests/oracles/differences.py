"""What minigrad refuses where PyTorch accepts, with the reason: the one list that tests and documentation use.

Each entry: the operation's name in PyTorch ("*" for all), a pattern that the error's text matches, and the reason.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Refusal:
    """One thing that PyTorch accepts and minigrad answers with an error."""

    operation: str
    error: str
    reason: str


REFUSALS = [
    Refusal("cat", r"cat: ", "An empty vector among matrices, which PyTorch skips for old code, is an error."),
    Refusal(
        ".*",
        r"several entries of this tensor are the same number in memory",
        "Writing to an expanded tensor is an error at once; PyTorch allows it where its own loops do.",
    ),
    Refusal(
        r"nn\.functional\..*|sigmoid|tanh",
        r"must hold floating-point numbers, got (u?int|bool)",
        "Functions for networks take floating-point tensors; integers there are a forgotten .float().",
    ),
    Refusal(
        "pow|__rpow__",
        r"negative integer powers",
        "NumPy refuses an integer to a negative power; PyTorch rounds it to 0.",
    ),
    Refusal("einsum", r"equation must be a string", "The form with lists of numbers instead of letters is left out."),
    Refusal(
        "half", r"float16 is not supported", "NumPy computes float16 in software; float32 is faster and more exact."
    ),
    Refusal("norm", r"nuclear norm", "There is no singular value decomposition."),
    Refusal(
        "scatter",
        r"unexpected keyword argument 'reduce'",
        "scatter_add adds; PyTorch advises against reduce here, too.",
    ),
    Refusal(
        "normal",
        r"std must not be negative",
        "A negative standard deviation is an error also where it comes as a number.",
    ),
    Refusal("(log_)?softmax", r"unexpected keyword argument 'dtype'", "Convert first: softmax(x.double(), dim)."),
    Refusal(
        r"nn\.functional\.softplus",
        r"unexpected keyword argument 'threshold'",
        "softplus is exact for large inputs without a threshold.",
    ),
    Refusal(
        r"nn\.functional\.batch_norm", r"input must be \(N, C\)", "A batch needs its two axes, also where it is empty."
    ),
    Refusal(r"nn\.functional\.avg_pool2d", r"stride must be", "An empty stride for the kernel's size is spelled None."),
    Refusal(
        r"nn\.functional\.embedding",
        r"unexpected keyword argument",
        "Sparse gradients, and weights that the forward pass changes, are left out.",
    ),
    Refusal(r"nn\.functional\.grid_sample", r"grid_sample: ", "Pictures only, bilinear or nearest, zeros or border."),
    Refusal(
        r"nn\.functional\.interpolate",
        r"interpolate: |interpolate\(\)",
        "Pictures (N, C, H, W) only; nearest-exact and recompute_scale_factor are left out.",
    ),
    Refusal(
        r"nn\.functional\.pad",
        r"pad: ",
        "Borders are not negative; reflect and replicate pad the last two axes of pictures.",
    ),
    Refusal(
        r"nn\.functional\.conv_transpose[12]d",
        r"output_padding .* must be smaller|reduce padding",
        "PyTorch does not look at output_padding and sizes where the batch is empty.",
    ),
    Refusal(r"nn\.functional\.prelu", r"weight must be", "The weight is a vector, as the layer has it."),
]


def refusal_of(operation: str, error: str) -> Refusal | None:
    """The entry that covers this error, if any."""
    for entry in REFUSALS:
        if re.fullmatch(entry.operation, operation) and re.search(entry.error, error):
            return entry
    return None
