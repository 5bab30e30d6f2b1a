"""From numbers to vectors: one-hot codes and rows of a table."""

from __future__ import annotations

import numpy as np

from ..autograd import Tensor, tensor_of
from ..devices import xp_of
from .arithmetic import where
from .common import INT64, require_float, require_tensor
from .public import public


@public("nn.functional")
def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """y[..., c] = 1 where tensor[...] == c, else 0; int64. num_classes: -1 takes the largest number plus one.

    Errors: ValueError for numbers below 0 or not below num_classes.
    """
    x = require_tensor("one_hot", "tensor", tensor).array
    if x.dtype.kind not in "iu":
        raise TypeError(f"one_hot: tensor must hold integers, got {tensor.dtype}")
    low, high = (int(x.min()), int(x.max())) if x.size else (0, num_classes - 1)
    count = high + 1 if num_classes == -1 else num_classes
    if low < 0 or high >= count or count < 1:
        raise ValueError(f"one_hot: numbers from 0 to {count - 1} are needed, got {low} to {high}")
    return tensor_of((x[..., None] == xp_of(x).arange(count)).astype(INT64))


@public("nn.functional")
def embedding(input: Tensor, weight: Tensor, padding_idx: int | None = None) -> Tensor:
    """weight[input]: rows of a table (num_embeddings, embedding_dim); the gradients of repeated rows add up.

    padding_idx: a row that gets no gradient. Errors: IndexError for a number that is no row (on a CPU).
    """
    require_float("embedding", weight, "weight")
    x = require_tensor("embedding", "input", input)
    if weight.array.ndim != 2:
        raise ValueError(f"embedding: weight must be (num_embeddings, embedding_dim), got shape {weight.shape}")
    if x.dtype.kind not in "iu":
        raise TypeError(f"embedding: the indices must hold integers, got {x.dtype}")
    if isinstance(x.array, np.ndarray) and x.array.size and not 0 <= x.array.min() <= x.array.max() < weight.shape[0]:
        raise IndexError(
            f"embedding: indices from {x.array.min()} to {x.array.max()}, but weight has {weight.shape[0]} rows"
        )
    rows = weight[x]
    if padding_idx is None:
        return rows
    padding = tensor_of((x.array == padding_idx % weight.shape[0])[..., None])
    return where(padding, rows.detach(), rows)
