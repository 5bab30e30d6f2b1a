"""minigrad's networks, under the names that `jobs` asks for."""

from __future__ import annotations

from minigrad import nn
from nets import dcgan, mlp_gan, stackgan, stylegan
from nets.patch_discriminator import PatchDiscriminator
from nets.resnet_generator import ResNetGenerator
from nets.srresnet import SRResNet
from nets.stylegan import Discriminator as StyleDiscriminator
from nets.text_gan import TextDiscriminator
from nets.transform_net import TransformNet
from nets.unet import UNet

__all__ = [
    "PatchDiscriminator", "ResNetGenerator", "SRResNet", "StageTwo", "StyleDiscriminator", "StyleGenerator",
    "TextDiscriminator", "TransformNet", "UNet", "gan",
]  # fmt: skip


def gan(name: str) -> tuple[nn.Module, nn.Module]:
    """(discriminator, generator) of document 000: "mlp" or "dcgan_lab"."""
    module = {"mlp": mlp_gan, "dcgan_lab": dcgan}[name]
    return module.Discriminator(), module.Generator()


class StyleGenerator(stylegan.Generator):
    """In evaluation mode: the same noise each time, no mixing of styles."""

    def __init__(self, image_size: int = 32, width: int = 64) -> None:
        super().__init__(64, image_size, width=width)
        self.eval()


class StageTwo(stackgan.StageTwo):
    """StackGAN's second stage, at 64 pixels."""

    def __init__(self, width: int = 32) -> None:
        super().__init__(64, width)
