"""Linear layers and embeddings. They start as PyTorch's do."""

from __future__ import annotations

from .. import ops
from ..autograd import Tensor
from .init import layer_start_, normal_
from .module import Module, Parameter, check_sizes


class Linear(Module):
    """y = x W^T + b. x: (..., in_features), y: (..., out_features), W: (out_features, in_features)."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        check_sizes("Linear", in_features=in_features, out_features=out_features)
        self.in_features, self.out_features = in_features, out_features
        self.weight = Parameter(ops.empty(out_features, in_features))
        self.register_parameter("bias", Parameter(ops.empty(out_features)) if bias else None)
        layer_start_(self.weight, self.bias, in_features)

    def forward(self, x: Tensor) -> Tensor:
        return ops.linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"{self.in_features}, {self.out_features}, bias={self.bias is not None}"


class Embedding(Module):
    """A table of vectors, looked up by number. indices: int64 of any shape; result: shape + (embedding_dim,)."""

    def __init__(self, num_embeddings: int, embedding_dim: int) -> None:
        super().__init__()
        check_sizes("Embedding", num_embeddings=num_embeddings, embedding_dim=embedding_dim)
        self.weight = Parameter(ops.empty(num_embeddings, embedding_dim))
        normal_(self.weight)

    def forward(self, indices: Tensor) -> Tensor:
        if indices.dtype.kind not in "iu":
            raise TypeError(f"Embedding: indices must hold integers, got {indices.dtype}")
        return self.weight[indices]

    def extra_repr(self) -> str:
        return f"{self.weight.shape[0]}, {self.weight.shape[1]}"
