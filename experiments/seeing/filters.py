"""What the features of a discriminator respond to: guided backpropagation, to random filters and to trained ones.

The gradient of one neuron with respect to the picture says which pixels would excite it more. Guided backpropagation
lets through, at each ReLU, only what both excites (a positive gradient) and was active (a positive input): what is
left is the pattern that the neuron found in the picture. (Springenberg et al. 2015; Radford, Metz and Chintala 2016,
figure 5.)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

import minigrad as mg
from minigrad import Tensor, nn

ACTIVATIONS = (nn.ReLU, nn.LeakyReLU)


@contextmanager
def recorded(network: nn.Module, guide: bool) -> Iterator[list[Tensor]]:
    """Inside, the feature maps (N, C, h, w) behind every ReLU and LeakyReLU of a pass are noted, in order.

    guide: gradients that come back to them are those of guided backpropagation.
    """
    maps: list[Tensor] = []

    def note(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if output.dim() == 4:
            maps.append(output)
        if guide:
            was_active = (inputs[0].detach() > 0).to(output.dtype)
            output.register_hook(lambda gradient: gradient.clamp(min=0) * was_active)

    handles = [m.register_forward_hook(note) for m in network.modules() if isinstance(m, ACTIVATIONS)]
    try:
        yield maps
    finally:
        for handle in handles:
            handle.remove()


def last_features(network: nn.Module, pictures: Tensor) -> np.ndarray:
    """The activations (N, C, h, w) behind the network's last convolution that has a ReLU."""
    with mg.no_grad(), recorded(network, guide=False) as maps:
        network(pictures)
    if not maps:
        raise ValueError("filters: this discriminator has no convolutions, so it has no filters to look at")
    return maps[-1].cpu().numpy()


@dataclass(frozen=True)
class Response:
    """Where one feature responds most: picture by picture, strongest first. gradients: (count, C, H, W)."""

    feature: int
    pictures: np.ndarray
    gradients: np.ndarray


def responses(network: nn.Module, pictures: Tensor, features: int, count: int) -> list[Response]:
    """For each of the first `features` last features, the `count` pictures that excite it most, and the guided
    gradients of its strongest neuron in each. The network must be in evaluation mode."""
    activations = last_features(network, pictures)
    found = []
    for feature in range(min(features, activations.shape[1])):
        maps = activations[:, feature]
        strongest = np.argsort(-maps.reshape(len(maps), -1).max(1), kind="stable")[:count]
        places = [np.unravel_index(int(maps[n].argmax()), maps[n].shape) for n in strongest]
        chosen = pictures[strongest.tolist()]
        gradients = guided_gradients(network, chosen, feature, places)
        found.append(Response(feature, chosen.cpu().numpy(), gradients))
    return found


def guided_gradients(network: nn.Module, pictures: Tensor, feature: int, places: list[Any]) -> np.ndarray:
    """For each picture, the guided gradient (C, H, W) of the neuron of a feature at its place (row, column)."""
    x = pictures.detach().clone().requires_grad_()
    with recorded(network, guide=True) as maps:
        network(x)
    rows, columns = ([int(place[axis]) for place in places] for axis in (0, 1))
    maps[-1][list(range(len(places))), [feature] * len(places), rows, columns].sum().backward()
    return x.grad.cpu().numpy()  # type: ignore[union-attr]


def as_picture(gradients: np.ndarray) -> np.ndarray:
    """Gradients (N, C, H, W) as pictures in [0, 1]: gray is 0, each scaled by its own largest size."""
    largest = np.abs(gradients).max((1, 2, 3), keepdims=True)
    return 0.5 + 0.5 * gradients / np.maximum(largest, 1e-12)
