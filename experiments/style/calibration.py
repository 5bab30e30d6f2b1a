"""Making an untrained network see: weights scaled layer by layer to the data, so that every channel is alive.

LSUV (Mishkin and Matas 2016, "All you need is a good init", algorithm 1), per channel: each convolution's outputs on
the given pictures are brought to mean zero and variance one by rescaling its weights and setting its bias. Random
features prepared so carry texture (Ustyuzhaninov et al. 2016; He, Wang and Hopcroft 2016).
"""

from __future__ import annotations

from collections.abc import Sequence

import minigrad as mg
from minigrad import Tensor
from nets.vgg import VGG16, VGG19


@mg.no_grad()
def calibrate(net: VGG16 | VGG19, pictures: Sequence[Tensor]) -> None:
    """Scale the net's convolutions on pictures (1, 3, H, W), RGB in [0, 1]; channels that see nothing are left."""
    shown = [net.normalized(picture) for picture in pictures]
    last = list(net.convolutions)[-1]
    for name in net.layer_names[: net.layer_names.index(last) + 1]:
        if name in net.convolutions:
            _scale(net.convolutions[name], [net.step(name, h) for h in shown])
        shown = [net.step(name, h) for h in shown]


def _scale(layer: mg.nn.Module, outputs: Sequence[Tensor]) -> None:
    """Bring each channel of a layer with these outputs, (1, C, H, W) each, to mean zero and variance one."""
    flat = mg.cat([output.permute(1, 0, 2, 3).flatten(1) for output in outputs], dim=1)
    deviation, mean = flat.std(1, correction=0), flat.mean(1)
    scale = 1.0 / (deviation + (deviation < 1e-8))
    layer.weight.copy_(layer.weight * scale.reshape(-1, 1, 1, 1))
    layer.bias.copy_((layer.bias - mean) * scale)
