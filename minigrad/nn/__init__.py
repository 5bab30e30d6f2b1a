"""Building blocks of networks.

`module` (what a Module is), `containers`, `layers` (with weights), `normalization`, `stateless` (activations,
pooling, dropout), `losses`, `init` (starting values), `utils` (gradient clipping), `functional` (all as functions).
"""

from . import functional, init, utils
from .activation import (
    ELU,
    Dropout,
    Dropout2d,
    LeakyReLU,
    LogSigmoid,
    LogSoftmax,
    PReLU,
    ReLU,
    Sigmoid,
    Softmax,
    Softplus,
    Tanh,
)
from .container import ModuleDict, ModuleList, Sequential
from .conv import Conv2d, ConvTranspose2d
from .linear import Embedding, Linear
from .loss import BCELoss, BCEWithLogitsLoss, CrossEntropyLoss, L1Loss, MSELoss, NLLLoss
from .module import Module, Parameter
from .normalization import BatchNorm1d, BatchNorm2d, InstanceNorm2d, LayerNorm
from .pooling import AdaptiveAvgPool2d, AvgPool2d, MaxPool2d
from .reshape import Flatten, Identity, PixelShuffle, ReflectionPad2d, Unflatten, Upsample
