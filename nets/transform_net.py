"""The transformation network of fast style transfer (Johnson, Alahi and Fei-Fei 2016, supplementary material), with
instance norm (Ulyanov, Vedaldi and Lempitsky 2016) and nearest-neighbor upsampling (Odena, Dumoulin and Olah 2016).

    net = TransformNet()
    net(pictures)                 # (N, 3, H, W) in [0, 1] to the same shape

Parameters have the names of pytorch/examples' `fast_neural_style`, so models that were trained there fit.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import Tensor, nn

KIND, VERSION = "minigrad-transform-net", 1
SMALLEST = 16  # pixels: below, the reflected borders of the innermost layers would not fit
REACH = 60  # pixels: how far from a place the input can still change the output there, rounded up to whole cells
CELL = 4  # pixels: the side of what one place of the innermost layers stands for


class TransformNet(nn.Module):
    """Pictures (N, 3, H, W), RGB in [0, 1], to stylized ones of the same shape; 1,679,235 parameters.

    9x9-32, 3x3-64 stride 2, 3x3-128 stride 2; five residual blocks of 128; twice upsampled and convolved, 3x3-64 and
    3x3-32; 9x9-3. Instance norm and ReLU after all but the last; reflected borders. Inside, pixels are 0 to 255.
    Values may leave [0, 1] a little. Errors: ValueError for other shapes, and for sides below 16 pixels.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.in1 = ConvLayer(3, 32, 9), InstanceNorm(32)
        self.conv2, self.in2 = ConvLayer(32, 64, 3, stride=2), InstanceNorm(64)
        self.conv3, self.in3 = ConvLayer(64, 128, 3, stride=2), InstanceNorm(128)
        self.res1, self.res2, self.res3, self.res4, self.res5 = (ResidualBlock(128) for _ in range(5))
        self.deconv1, self.in4 = ConvLayer(128, 64, 3, upsample=2), InstanceNorm(64)
        self.deconv2, self.in5 = ConvLayer(64, 32, 3, upsample=2), InstanceNorm(32)
        self.deconv3 = ConvLayer(32, 3, 9)
        nn.init.constant_(self.deconv3.conv2d.bias, 127.5)  # start from gray, which is nearer to pictures than black

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() != 4 or x.shape[1] != 3 or min(x.shape[2:]) < SMALLEST:
            raise ValueError(
                f"TransformNet: pictures must be (N, 3, H, W), H and W at least {SMALLEST}, got shape {x.shape}"
            )
        h = F.relu(self.in1(self.conv1(x * 255.0)))
        h = F.relu(self.in2(self.conv2(h)))
        h = F.relu(self.in3(self.conv3(h)))
        for block in (self.res1, self.res2, self.res3, self.res4, self.res5):
            h = block(h)
        h = F.relu(self.in4(self.deconv1(h)))
        h = F.relu(self.in5(self.deconv2(h)))
        y = self.deconv3(h)
        return y[:, :, : x.shape[2], : x.shape[3]] / 255.0  # sides were rounded up to multiples of 4

    @contextmanager
    def statistics_of(self, picture: Tensor) -> Iterator[None]:
        """Inside, all instance norms use the means and variances that they find in `picture`, (1, 3, H, W).

        With fixed statistics the network is a stack of convolutions, so that the tiles of a large picture fit
        together; a smaller version of it gives the statistics. (Chen et al. 2022, "Towards Ultra-Resolution Neural
        Style Transfer via Thumbnail Instance Normalization".)
        """
        norms = [module for module in self.modules() if isinstance(module, InstanceNorm)]
        for norm in norms:
            norm.recording = True
        try:
            with mg.no_grad():
                self(picture)
            yield
        finally:
            for norm in norms:
                norm.recording, norm.statistics = False, None


class ConvLayer(nn.Module):
    """Upsampling (nearest, by `upsample`), a reflected border of half the kernel, and a convolution."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, upsample: int = 1
    ) -> None:
        super().__init__()
        self.upsample, self.border = upsample, (kernel_size // 2,) * 4
        self.conv2d = nn.Conv2d(in_channels, out_channels, kernel_size, stride)

    def forward(self, x: Tensor) -> Tensor:
        if self.upsample > 1:
            x = F.interpolate(x, scale_factor=self.upsample, mode="nearest")
        return self.conv2d(F.pad(x, self.border, mode="reflect"))


class ResidualBlock(nn.Module):
    """x + norm(conv(relu(norm(conv(x))))), 3x3. (He et al. 2016, no ReLU after the sum: Gross and Wilber 2016.)"""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.in1 = ConvLayer(channels, channels, 3), InstanceNorm(channels)
        self.conv2, self.in2 = ConvLayer(channels, channels, 3), InstanceNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.in2(self.conv2(F.relu(self.in1(self.conv1(x)))))


class InstanceNorm(nn.InstanceNorm2d):
    """Instance norm with scale and shift, which can also use the statistics of another picture (`statistics_of`)."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, affine=True)
        self.recording = False  # the next input's statistics are kept
        self.statistics: tuple[Tensor, Tensor] | None = None  # mean and variance, (1, C, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        if self.recording:
            mean = x.mean((2, 3), keepdim=True)
            self.recording, self.statistics = False, (mean, ((x - mean) ** 2).mean((2, 3), keepdim=True))
        if self.statistics is None:
            return super().forward(x)
        mean, variance = self.statistics
        scale = self.weight.reshape(1, -1, 1, 1) / mg.sqrt(variance + self.eps)
        return (x - mean) * scale + self.bias.reshape(1, -1, 1, 1)


# ------------------------------------------------------------------------------------------ its file


def save(state: dict[str, Tensor], path: str | os.PathLike[str], source: str, sha256: str, converter: str) -> None:
    """Write a state dict as a file of its own, a minigrad checkpoint with what is known of its origin."""
    origin = {"source": source, "source_sha256": sha256, "converter": converter}
    mg.save({"kind": KIND, "version": VERSION, **origin, "net": state}, path)


def load(path: str | os.PathLike[str]) -> TransformNet:
    """The network in a file that `save` wrote. Errors: ValueError naming the file if it is damaged or another's."""
    content: Any = mg.load(path)
    if not isinstance(content, dict) or content.get("kind") != KIND or content.get("version") != VERSION:
        raise ValueError(f"{path}: not a converted model of fast style transfer of version {VERSION}")
    with nn.init.skip_init():
        net = TransformNet()
    try:
        net.load_state_dict(content["net"])
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise ValueError(f"{path}: {error}") from error
    return net
