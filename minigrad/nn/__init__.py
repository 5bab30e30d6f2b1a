"""Building blocks of networks.

`module` (what a Module is), `containers`, `layers` (with weights), `normalization`, `stateless` (activations,
pooling, dropout), `losses`, `init` (starting values), `utils` (gradient clipping), `functional` (all as functions).
"""

from . import functional, init, utils
from .containers import ModuleDict, ModuleList, Sequential
from .layers import Conv2d, ConvTranspose2d, Embedding, Linear
from .losses import BCELoss, BCEWithLogitsLoss, CrossEntropyLoss, L1Loss, MSELoss, NLLLoss
from .module import Module, Parameter
from .normalization import BatchNorm1d, BatchNorm2d, InstanceNorm2d, LayerNorm
from .stateless import (
    ELU,
    AdaptiveAvgPool2d,
    AvgPool2d,
    Dropout,
    Dropout2d,
    Flatten,
    Identity,
    LeakyReLU,
    LogSigmoid,
    LogSoftmax,
    MaxPool2d,
    PixelShuffle,
    ReflectionPad2d,
    ReLU,
    Sigmoid,
    Softmax,
    Softplus,
    Tanh,
    Unflatten,
    Upsample,
)
