"""PyTorch's `torch.utils`, as far as minigrad has it: `data`."""

from . import data
