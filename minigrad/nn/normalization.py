"""Normalization layers: scale and shift what has been made zero-mean and unit-variance."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..autograd import Tensor
from .module import Module
from .parameter import Parameter


class _Norm(Module):
    """What batch and instance normalization share: scale and shift, and running statistics if they are tracked."""

    axes: tuple[int, ...] = ()  # how many the input may have

    def __init__(
        self, num_features: int, eps: float, momentum: float | None, affine: bool, track_running_stats: bool,
        device: Any, dtype: Any, bias: bool,
    ) -> None:  # fmt: skip
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        place = {"device": device, "dtype": dtype}
        self.register_parameter("weight", Parameter(ops.ones(num_features, **place)) if affine else None)
        self.register_parameter("bias", Parameter(ops.zeros(num_features, **place)) if affine and bias else None)
        tracked = track_running_stats
        self.register_buffer("running_mean", ops.zeros(num_features, **place) if tracked else None)
        self.register_buffer("running_var", ops.ones(num_features, **place) if tracked else None)
        self.register_buffer("num_batches_tracked", ops.tensor(0, device=device) if tracked else None)

    def check(self, x: Tensor) -> None:
        """Errors: ValueError naming the layer for an input with another number of axes or channels."""
        if not isinstance(x, Tensor) or x.dim() not in self.axes:
            counts = " or ".join(str(n) for n in self.axes)
            given = f"shape {x.shape}" if isinstance(x, Tensor) else type(x).__name__
            raise ValueError(f"{type(self).__name__}: input must have {counts} axes, got {given}")

    def extra_repr(self) -> str:
        text = f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}"
        return f"{text}, track_running_stats={self.track_running_stats}"


class _BatchNorm(_Norm):
    """Batch normalization with running statistics. (Ioffe and Szegedy 2015.)

    In training the batch's own mean and variance are used, and the running ones follow them with `momentum` (None:
    they are the average over all batches so far); in evaluation the running ones are used.
    """

    function = staticmethod(ops.batch_norm)

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
        track_running_stats: bool = True, device: Any = None, dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias)

    def forward(self, input: Tensor) -> Tensor:
        self.check(input)
        if input.shape[1] != self.num_features:
            raise ValueError(f"{type(self).__name__}: input must have {self.num_features} channels, got {input.shape}")
        share = 0.0 if self.momentum is None else self.momentum
        if self.training and self.num_batches_tracked is not None:
            self.num_batches_tracked.array += 1
            if self.momentum is None:
                share = 1.0 / float(self.num_batches_tracked.array)
        batch_statistics = self.training or self.running_mean is None
        return self.function(
            input, self.running_mean, self.running_var, self.weight, self.bias, batch_statistics, share, self.eps
        )


class BatchNorm1d(_BatchNorm):
    """Batch normalization of (N, C) or (N, C, L)."""

    axes = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Batch normalization of (N, C, H, W)."""

    axes = (4,)


class SyncBatchNorm(_BatchNorm):
    """Batch normalization over the batches of all processes together; (N, C), (N, C, L) or (N, C, H, W).

    For small batches a process. Every forward and backward is a message to all and from all, so that every process
    must take part. Without a process group it is ordinary batch normalization.
    """

    axes = (2, 3, 4)
    function = staticmethod(ops.sync_batch_norm)

    @classmethod
    def convert_sync_batchnorm(cls, module: Module) -> Module:
        """The module with a SyncBatchNorm, of the same parameters and buffers, in place of each batch normalization.

        Layers inside a module are replaced in it; the result is another object only if it is itself such a layer.
        """
        for name, child in module.named_children():
            setattr(module, name, cls.convert_sync_batchnorm(child))
        if not isinstance(module, _BatchNorm) or isinstance(module, cls):
            return module
        converted = cls.__new__(cls)
        converted.__dict__.update(module.__dict__)
        return converted


class _InstanceNorm(_Norm):
    """Each channel of each example normalized over its own pixels. (Ulyanov et al. 2016.)

    With track_running_stats, running statistics are followed in training and used in evaluation, as in batch norm.
    """

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = False,
        track_running_stats: bool = False, device: Any = None, dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias)

    def forward(self, input: Tensor) -> Tensor:
        self.check(input)
        single = input.dim() == self.axes[0]
        batch = input.unsqueeze(0) if single else input
        if batch.shape[1] != self.num_features:
            raise ValueError(f"{type(self).__name__}: input must have {self.num_features} channels, got {input.shape}")
        own, share = self.training or self.running_mean is None, self.momentum or 0.0
        y = ops.instance_norm(batch, self.running_mean, self.running_var, self.weight, self.bias, own, share, self.eps)
        return y.squeeze(0) if single else y


class InstanceNorm1d(_InstanceNorm):
    """Instance normalization of (C, L) or (N, C, L)."""

    axes = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """Instance normalization of (C, H, W) or (N, C, H, W)."""

    axes = (3, 4)


class GroupNorm(Module):
    """Each example normalized over each group of C / num_groups channels; (N, C, ...). (Wu and He 2018.)"""

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, device: Any = None,
        dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        if num_groups < 1 or num_channels % num_groups:
            raise ValueError(f"GroupNorm: num_groups {num_groups} must divide num_channels {num_channels}")
        self.num_groups, self.num_channels, self.eps = num_groups, num_channels, eps
        place = {"device": device, "dtype": dtype}
        self.register_parameter("weight", Parameter(ops.ones(num_channels, **place)) if affine else None)
        self.register_parameter("bias", Parameter(ops.zeros(num_channels, **place)) if affine and bias else None)

    def forward(self, input: Tensor) -> Tensor:
        return ops.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.weight is not None}"


class LayerNorm(Module):
    """Normalization over the last axes, of sizes `normalized_shape`. (Ba, Kiros and Hinton 2016.)"""

    def __init__(
        self, normalized_shape: Any, eps: float = 1e-5, elementwise_affine: bool = True, bias: bool = True,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        sizes = tuple(normalized_shape) if isinstance(normalized_shape, (tuple, list)) else (normalized_shape,)
        self.normalized_shape, self.eps = sizes, eps
        place = {"device": device, "dtype": dtype}
        self.register_parameter("weight", Parameter(ops.ones(*sizes, **place)) if elementwise_affine else None)
        shifted = elementwise_affine and bias
        self.register_parameter("bias", Parameter(ops.zeros(*sizes, **place)) if shifted else None)

    def forward(self, input: Tensor) -> Tensor:
        return ops.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.weight is not None}"
