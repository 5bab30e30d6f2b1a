"""The PatchGAN discriminator of pix2pix and CycleGAN (Isola et al. 2017, section 3.2.2): a verdict a patch."""

from __future__ import annotations

from itertools import pairwise

from minigrad import Tensor, nn

from .dcgan import paper_start


class PatchDiscriminator(nn.Module):
    """Pictures (N, in_channels, H, W) to logits (N, 1, h, w), one for each overlapping patch.

    C64-C128-C256-C512: `layers` convolutions 4x4 with stride 2, another with stride 1, LeakyReLU 0.2, a norm over
    each picture's pixels on all but the first; then 4x4 to one number. 3 layers see patches of 70 x 70 pixels, 2 of
    34, 1 of 16 (`field`). affine: the norm scales and shifts, as pix2pix' batch norm does; else, as in CycleGAN, the
    convolutions before it have biases. With 3 layers and width 64: 2,768,705 parameters for pairs of color pictures
    (6 channels, affine), 2,764,737 for single ones (3 channels, not affine), as the reference implementation, which
    says 2.769 M and 2.765 M. Errors: ValueError for pictures of other channels or too small for the layers.
    """

    def __init__(self, in_channels: int, layers: int = 3, width: int = 64, affine: bool = True) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.smallest = 2 ** (layers + 1) + 2**layers  # at least 3 x 3 places must reach the last two convolutions
        widths = [width * min(2**level, 8) for level in range(layers + 1)]
        modules: list[nn.Module] = [nn.Conv2d(in_channels, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        for level, (before, after) in enumerate(pairwise(widths), start=1):
            stride = 2 if level < layers else 1
            modules.append(nn.Conv2d(before, after, 4, stride=stride, padding=1, bias=not affine))
            modules += [nn.InstanceNorm2d(after, affine=affine), nn.LeakyReLU(0.2)]
        modules.append(nn.Conv2d(widths[-1], 1, 4, padding=1))
        self.layers = nn.Sequential(*modules)
        self.apply(paper_start)

    @property
    def field(self) -> int:
        """The side in pixels of the patch that one logit sees."""
        side = 1
        for module in reversed(list(self.layers)):
            if isinstance(module, nn.Conv2d):
                side = (side - 1) * module.stride[0] + module.kernel_size[0]
        return side

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() != 4 or x.shape[1] != self.in_channels or min(x.shape[2:]) < self.smallest:
            raise ValueError(
                f"PatchDiscriminator: pictures must be (N, {self.in_channels}, H, W), H and W at least "
                f"{self.smallest}, got shape {x.shape}"
            )
        return self.layers(x)
