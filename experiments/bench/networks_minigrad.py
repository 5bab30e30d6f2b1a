"""minigrad's networks, under the names that `jobs` asks for."""

from __future__ import annotations

from minigrad import nn
from nets import dcgan, mlp_gan
from nets.patch_discriminator import PatchDiscriminator
from nets.resnet_generator import ResNetGenerator
from nets.srresnet import SRResNet
from nets.transform_net import TransformNet
from nets.unet import UNet

__all__ = ["PatchDiscriminator", "ResNetGenerator", "SRResNet", "TransformNet", "UNet", "gan"]


def gan(name: str) -> tuple[nn.Module, nn.Module]:
    """(discriminator, generator) of document 000: "mlp" or "dcgan_lab"."""
    module = {"mlp": mlp_gan, "dcgan_lab": dcgan}[name]
    return module.Discriminator(), module.Generator()
