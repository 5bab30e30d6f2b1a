"""PyTorch's `torch.backends`, for code that asks what there is: cuDNN and MPS are not."""

from . import cuda, cudnn, mps
