"""CycleGAN's generator (Zhu, Park, Isola and Efros 2017, section 7.2), after Johnson et al.'s network."""

from __future__ import annotations

from minigrad import Tensor, nn

from .dcgan import paper_start


class ResNetGenerator(nn.Module):
    """Pictures (N, in_channels, H, W) in [-1, 1] to pictures (N, out_channels, H, W) in [-1, 1].

    c7s1-64, d128, d256, R256 x blocks, u128, u64, c7s1-3: reflected borders, instance norm and ReLU, tanh at the end;
    `width` is the 64. The paper takes 6 blocks for 128 pixels and 9 for 256: 7,837,699 and 11,378,179 parameters, as
    the reference implementation, which says 11.378 M for 9.
    Errors: ValueError for pictures of other channels, or sides that are no multiples of 4 of at least 8.
    """

    def __init__(self, in_channels: int = 3, out_channels: int = 3, blocks: int = 9, width: int = 64) -> None:
        super().__init__()
        self.in_channels = in_channels
        modules: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(in_channels, width, 7), *_norm_relu(width)]
        for channels in (width, 2 * width):
            modules += [nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1), *_norm_relu(2 * channels)]
        modules += [ResidualBlock(4 * width) for _ in range(blocks)]
        for channels in (4 * width, 2 * width):
            up = nn.ConvTranspose2d(channels, channels // 2, 3, stride=2, padding=1, output_padding=1)
            modules += [up, *_norm_relu(channels // 2)]
        modules += [nn.ReflectionPad2d(3), nn.Conv2d(width, out_channels, 7), nn.Tanh()]
        self.layers = nn.Sequential(*modules)
        self.apply(paper_start)

    def forward(self, x: Tensor) -> Tensor:
        sides = x.shape[2:] if x.dim() == 4 else (0,)
        if x.dim() != 4 or x.shape[1] != self.in_channels or min(sides) < 8 or any(side % 4 for side in sides):
            raise ValueError(
                f"ResNetGenerator: pictures must be (N, {self.in_channels}, H, W), H and W multiples of 4 of at least "
                f"8, got shape {x.shape}"
            )
        return self.layers(x)


class ResidualBlock(nn.Module):
    """x + norm(conv(relu(norm(conv(x))))), 3x3 with reflected borders."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), *_norm_relu(channels),
            nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), nn.InstanceNorm2d(channels),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


def _norm_relu(channels: int) -> list[nn.Module]:
    return [nn.InstanceNorm2d(channels), nn.ReLU()]
