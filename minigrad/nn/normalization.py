"""Normalisation layers: scale and shift what has been made zero-mean and unit-variance."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..autograd import Tensor
from .module import Module, Parameter


class _BatchNorm(Module):
    """Batch normalisation with running statistics. (Ioffe and Szegedy 2015.)

    In training the batch's own mean and variance are used, and the running ones follow them with `momentum`; in
    evaluation the running ones are used.
    """

    axes: tuple[int, ...] = ()

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = True,
        track_running_stats: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.register_parameter("weight", Parameter(ops.ones(num_features)) if affine else None)
        self.register_parameter("bias", Parameter(ops.zeros(num_features)) if affine else None)
        self.register_buffer("running_mean", ops.zeros(num_features) if track_running_stats else None)
        self.register_buffer("running_var", ops.ones(num_features) if track_running_stats else None)
        self.register_buffer("num_batches_tracked", ops.tensor(0) if track_running_stats else None)

    def forward(self, x: Tensor) -> Tensor:
        if not isinstance(x, Tensor) or x.dim() not in self.axes or x.shape[1] != self.num_features:
            shape = getattr(x, "shape", type(x).__name__)
            raise ValueError(f"{type(self).__name__}: input must have {self.num_features} channels, got {shape}")
        if self.training and self.num_batches_tracked is not None:
            self.num_batches_tracked.array += 1
        batch_statistics = self.training or self.running_mean is None
        return ops.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, batch_statistics, self.momentum, self.eps
        )

    def extra_repr(self) -> str:
        return f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.weight is not None}"


class BatchNorm1d(_BatchNorm):
    """Batch normalisation of (N, C) or (N, C, L)."""

    axes = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Batch normalisation of (N, C, H, W)."""

    axes = (4,)


class InstanceNorm2d(Module):
    """Each channel of each image normalised over its own pixels; (N, C, H, W). (Ulyanov et al. 2016.)"""

    def __init__(self, num_features: int, eps: float = 1e-5, affine: bool = False) -> None:
        super().__init__()
        self.num_features, self.eps = num_features, eps
        self.register_parameter("weight", Parameter(ops.ones(num_features)) if affine else None)
        self.register_parameter("bias", Parameter(ops.zeros(num_features)) if affine else None)

    def forward(self, x: Tensor) -> Tensor:
        return ops.instance_norm(x, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.num_features}, eps={self.eps}, affine={self.weight is not None}"


class LayerNorm(Module):
    """Normalisation over the last axes, of sizes `normalized_shape`. (Ba, Kiros and Hinton 2016.)"""

    def __init__(self, normalized_shape: Any, eps: float = 1e-5, elementwise_affine: bool = True) -> None:
        super().__init__()
        sizes = tuple(normalized_shape) if isinstance(normalized_shape, (tuple, list)) else (normalized_shape,)
        self.normalized_shape, self.eps = sizes, eps
        self.register_parameter("weight", Parameter(ops.ones(*sizes)) if elementwise_affine else None)
        self.register_parameter("bias", Parameter(ops.zeros(*sizes)) if elementwise_affine else None)

    def forward(self, x: Tensor) -> Tensor:
        return ops.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.weight is not None}"
