"""Operations that all processes of a group carry out together, differentiable across them.

What one process computes from a sum over all has an effect on the loss of all; so the gradient of a sum over processes
is the sum of their gradients. Without a process group a process is alone, and its sum is its own number.
"""

from __future__ import annotations

from .. import distributed as dist
from ..autograd import Op, Tensor, apply, tensor_of
from ..devices import Array, xp_of
from ..kernels import kernels_of
from .arithmetic import sqrt
from .norm import BatchNorm, batch_norm, check_norm, follow, normalize_gradients
from .shape import reshape


class AllReduce(Op):
    """y = the sum of x over all processes; dx = the sum of dy over all processes."""

    def forward(self, x: Array) -> Array:
        return _total(x)

    def backward(self, grad: Tensor) -> Tensor:
        return all_reduce(grad)


def all_reduce(x: Tensor) -> Tensor:
    """The sum of the tensors of all processes, with a derivative; x itself stays as it is."""
    return apply(AllReduce(), x)


def _total(x: Array) -> Array:
    total = tensor_of(xp_of(x).array(x, order="C"))
    if dist.is_initialized():
        dist.all_reduce(total)
    return total.array


class SyncBatchNorm(BatchNorm):
    """Batch normalization whose mean and variance are those of the batches of all processes together.

    With M the number of entries a channel has in all processes, and sums over them, it is `BatchNorm`. The gradients of
    weight and bias are this process's part; averaging them is not this operation's work.
    """

    def moments(self, x: Array) -> tuple[Array, Array]:
        self.count, mean, var = _moments_of_all(x)
        return mean, var

    def recorded(self, grad: Tensor, x: Tensor, weight: Tensor | None) -> tuple[Tensor, ...]:
        return _recorded(grad, x, weight, self.eps, self.count)

    def unrecorded(self, grad: Array, x: Array, weight: Array | None) -> tuple[Tensor, ...]:
        """By the kernel, which takes this process's sums in place of everybody's: what it should have taken less or
        more is added afterwards, and is itself a scaled and shifted xhat."""
        kernels, own = kernels_of(x), max(1, x.size // max(1, x.shape[1]))
        grad_x, weights, biases = kernels.normalize_backward(grad, x, self.mean, self.rstd, weight)
        all_weights, all_biases = _total(xp_of(x).stack([weights, biases]))
        scale = self.rstd if weight is None else self.rstd * weight
        slope = scale * (weights / own - all_weights / self.count)
        shift = scale * (biases / own - all_biases / self.count)
        grad_x += kernels.normalize(x, self.mean, self.rstd, slope, shift)
        return tensor_of(grad_x), tensor_of(weights), tensor_of(biases)


def _moments_of_all(x: Array) -> tuple[int, Array, Array]:
    """(number of entries, mean, biased variance) of each channel over all processes, from those of each."""
    xp, channels = xp_of(x), x.shape[1]
    mean, var = kernels_of(x).moments(x) if x.size else (xp.zeros(channels, x.dtype), xp.zeros(channels, x.dtype))
    own = tensor_of(xp.concatenate([xp.full(1, x.size // max(1, channels), x.dtype), mean, var]))
    if not dist.is_initialized():
        return x.size // max(1, channels), mean, var
    parts = [tensor_of(xp.empty_like(own.array)) for _ in range(dist.get_world_size())]
    dist.all_gather(parts, own)
    table = xp.stack([part.array for part in parts])
    counts, means, variances = table[:, :1], table[:, 1 : 1 + channels], table[:, 1 + channels :]
    count = counts.sum()
    mean = (counts * means).sum(0) / count
    var = (counts * (variances + (means - mean) ** 2)).sum(0) / count
    return int(count), mean, var


def _recorded(grad: Tensor, x: Tensor, weight: Tensor | None, eps: float, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """The three gradients written with differentiable operations, for gradients of gradients."""
    dims = (0, *range(2, x.array.ndim))
    centered = x - all_reduce(x.sum(dims, keepdim=True)) / count
    rstd = 1.0 / sqrt(all_reduce((centered * centered).sum(dims, keepdim=True)) / count + eps)
    shares = normalize_gradients(grad, centered * rstd, rstd, weight, dims, count, all_reduce)
    return shares[0], reshape(shares[1], (-1,)), reshape(shares[2], (-1,))


def sync_batch_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """`batch_norm` over the batches of all processes together; its arguments, results and errors are that one's."""
    if not training:
        return batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)
    x = check_norm("sync_batch_norm", input, running_mean, running_var, weight, bias)
    op = SyncBatchNorm(eps)
    y = apply(op, x, weight, bias)
    if op.count < 2:
        raise ValueError(f"sync_batch_norm: training needs more than one value per channel, got input {x.shape}")
    follow(running_mean, op.mean, momentum)
    follow(running_var, op.var * (op.count / (op.count - 1)), momentum)
    return y
