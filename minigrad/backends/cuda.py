"""PyTorch's `torch.backends.cuda`: how a GPU computes matrix products.

    minigrad.backends.cuda.matmul.allow_tf32 = True

TF32 keeps the range of float32 and 10 of its 23 bits; tensor cores multiply it several times as fast. The products are
still added up in float32. Cards before Ampere have no TF32 and compute in float32. What is asked of cuBLAS is tested;
the speed and the accuracy on real hardware are not.
"""

from __future__ import annotations

from .. import cuda


class MatMul:
    """The settings of matrix products."""

    __slots__ = ()

    @property
    def allow_tf32(self) -> bool:
        """Whether products of float32, and convolutions, may use TF32. False unless set, or CUPY_TF32=1.

        Errors: TypeError when set to what is no bool.
        """
        return cuda.tf32_allowed()

    @allow_tf32.setter
    def allow_tf32(self, allowed: bool) -> None:
        cuda.allow_tf32(allowed)


matmul = MatMul()
