"""Questions about the GPU, under the names PyTorch users know."""

from .backend import cuda_is_available as is_available
from .backend import cuda_status as status

__all__ = ["is_available", "status"]
