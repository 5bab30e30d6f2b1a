"""Spectral normalisation: every layer's weight divided by its largest singular value.

A layer then stretches no direction by more than 1, and a network of such layers and 1-Lipschitz activations is
1-Lipschitz, which keeps a discriminator from growing cliffs. The singular value is followed by one power iteration a
step: u <- W v / |W v|, v <- W^T u / |W^T u|, sigma = u^T W v, with the weight seen as a matrix (out, everything else).
(Miyato, Kataoka, Koyama and Yoshida 2018, "Spectral normalization for GANs", algorithm 1.)
"""

from __future__ import annotations

from typing import Any

import minigrad as mg
from minigrad import nn
from minigrad.autograd import Tensor
from minigrad.nn import functional as F


class SpectralNorm(nn.Module):
    """A Linear or Conv2d whose weight is normalised anew in each call; gradients flow through sigma as well."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        if not isinstance(layer, (nn.Linear, nn.Conv2d)):
            raise TypeError(f"SpectralNorm: layer must be Linear or Conv2d, got {type(layer).__name__}")
        self.layer = layer
        self.register_buffer("u", _unit(mg.randn(layer.weight.shape[0], 1)))

    def weight(self) -> Tensor:
        """W / sigma; in training the estimate of sigma makes one more power iteration."""
        matrix = self.layer.weight.reshape(self.layer.weight.shape[0], -1)
        with mg.no_grad():
            v = _unit(matrix.t() @ self.u)
            u = _unit(matrix @ v)
            if self.training:
                self.u.copy_(u)
        sigma = (u * (matrix @ v)).sum()
        return self.layer.weight / sigma

    def forward(self, x: Tensor) -> Tensor:
        layer: Any = self.layer
        if isinstance(layer, nn.Linear):
            return F.linear(x, self.weight(), layer.bias)
        return F.conv2d(x, self.weight(), layer.bias, layer.stride, layer.padding, layer.dilation, layer.groups)


def _unit(vector: Tensor) -> Tensor:
    return vector / (vector.norm() + 1e-12)


def spectral_norm(module: nn.Module) -> nn.Module:
    """Put every Linear and Conv2d inside `module` into a SpectralNorm; returns the module."""
    for name, child in list(module.named_children()):
        if isinstance(child, (nn.Linear, nn.Conv2d)):
            module.add_module(name, SpectralNorm(child))
        else:
            spectral_norm(child)
    return module
