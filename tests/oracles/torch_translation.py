"""The networks that make pictures of pictures, written out in PyTorch from their papers and reference programs.

Each function returns a module whose parameters come in the order of ours (`parameters_of` for the U-Net, which the
reference program builds block within block).
"""

from itertools import pairwise

import torch

T = torch.nn


def leaky():
    return T.LeakyReLU(0.2)


class UNetBlock(T.Module):
    def __init__(self, outer, inner, within=None, source=None, outermost=False):
        super().__init__()
        self.outermost, self.within = outermost, within
        down = T.Conv2d(source or outer, inner, 4, 2, 1, bias=False)
        if outermost:
            self.down, up = T.Sequential(down), T.ConvTranspose2d(inner * 2, outer, 4, 2, 1)
            self.up = T.Sequential(T.ReLU(), up, T.Tanh())
        else:
            inputs = inner if within is None else inner * 2
            norm = [] if within is None else [T.BatchNorm2d(inner)]
            self.down = T.Sequential(leaky(), down, *norm)
            up = T.ConvTranspose2d(inputs, outer, 4, 2, 1, bias=False)
            self.up = T.Sequential(T.ReLU(), up, T.BatchNorm2d(outer))

    def forward(self, x):
        y = self.down(x)
        y = self.up(y if self.within is None else self.within(y))
        return y if self.outermost else torch.cat([x, y], 1)


def unet(inputs, outputs, halvings, width):
    widths = [width * min(2**level, 8) for level in range(halvings)]
    block = None
    for outer, inner in zip(widths[-2::-1], widths[::-1]):
        block = UNetBlock(outer, inner, block)
    return UNetBlock(outputs, width, block, inputs, outermost=True)


def parameters_of(net):
    """A network's parameters in our order: all of the way down, then all of the way up."""
    if not isinstance(net, UNetBlock):
        return list(net.parameters())
    blocks = [net]
    while blocks[-1].within is not None:
        blocks.append(blocks[-1].within)
    down = [parameter for block in blocks for parameter in block.down.parameters()]
    return down + [parameter for block in reversed(blocks) for parameter in block.up.parameters()]


def patch_discriminator(channels, layers, width, affine=True):
    widths = [width * min(2**level, 8) for level in range(layers + 1)]
    parts = [T.Conv2d(channels, width, 4, 2, 1), leaky()]
    for level in range(1, layers + 1):
        stride = 2 if level < layers else 1
        parts.append(T.Conv2d(widths[level - 1], widths[level], 4, stride, 1, bias=not affine))
        parts += [T.InstanceNorm2d(widths[level], affine=affine), leaky()]
    return T.Sequential(*parts, T.Conv2d(widths[-1], 1, 4, 1, 1))


def reflected(before, after, kernel):
    return [T.ReflectionPad2d(kernel // 2), T.Conv2d(before, after, kernel)]


class Residual(T.Module):
    def __init__(self, channels):
        super().__init__()
        norms = T.InstanceNorm2d(channels), T.InstanceNorm2d(channels)
        first, second = reflected(channels, channels, 3), reflected(channels, channels, 3)
        self.parts = T.Sequential(*first, norms[0], T.ReLU(), *second, norms[1])

    def forward(self, x):
        return x + self.parts(x)


def resnet_generator(inputs, outputs, blocks, width):
    parts = [*reflected(inputs, width, 7), T.InstanceNorm2d(width), T.ReLU()]
    for before in (width, 2 * width):
        parts += [T.Conv2d(before, 2 * before, 3, 2, 1), T.InstanceNorm2d(2 * before), T.ReLU()]
    parts += [Residual(4 * width) for _ in range(blocks)]
    for before in (4 * width, 2 * width):
        parts += [T.ConvTranspose2d(before, before // 2, 3, 2, 1, 1), T.InstanceNorm2d(before // 2), T.ReLU()]
    return T.Sequential(*parts, *reflected(width, outputs, 7), T.Tanh())


def instance_norm(width):
    return T.InstanceNorm2d(width, affine=True)


def halvings(channels, widths, norm=T.BatchNorm2d):
    parts = [T.Conv2d(channels, widths[0], 4, 2, 1, bias=False), leaky()]
    for before, after in pairwise(widths):
        parts += [T.Conv2d(before, after, 4, 2, 1, bias=False), norm(after), leaky()]
    return parts


def doublings(channels, widths):
    parts = []
    for before, after in zip(widths[::-1], widths[-2::-1]):
        parts += [T.ConvTranspose2d(before, after, 4, 2, 1, bias=False), T.BatchNorm2d(after), T.ReLU()]
    return [*parts, T.ConvTranspose2d(widths[0], channels, 4, 2, 1, bias=False), T.Tanh()]


def widths_for(size, width):
    return [width * 2**level for level in range(size.bit_length() - 3)]


def discogan_generator(inputs, outputs, size, width):
    widths = widths_for(size, width)
    return T.Sequential(*halvings(inputs, widths), *doublings(outputs, widths))


def converter(channels, size, width, code):
    widths = widths_for(size, width)
    middle = [T.Conv2d(widths[-1], code, 4, bias=False), T.BatchNorm2d(code), leaky()]
    middle += [T.ConvTranspose2d(code, widths[-1], 4, bias=False), T.BatchNorm2d(widths[-1]), T.ReLU()]
    return T.Sequential(*halvings(channels, widths), *middle, *doublings(channels, widths))


class Discriminator(T.Module):
    """Halvings to 4 x 4 and one number; `features` also gives every LeakyReLU's output but the first's."""

    def __init__(self, channels, size, width, norm=T.BatchNorm2d):
        super().__init__()
        widths = widths_for(size, width)
        self.parts = T.Sequential(*halvings(channels, widths, norm))
        self.last = T.Conv2d(widths[-1], 1, 4, bias=False)

    def features(self, x):
        seen = []
        for part in self.parts:
            x = part(x)
            if isinstance(part, T.LeakyReLU):
                seen.append(x)
        return self.last(x).flatten(1), seen[1:]

    def forward(self, x):
        return self.features(x)[0]


# ------------------------------------------------------------------------- pytorch/examples, fast_neural_style


class ConvLayer(T.Module):
    def __init__(self, before, after, kernel, stride=1, upsample=None):
        super().__init__()
        self.upsample = T.Upsample(scale_factor=upsample, mode="nearest") if upsample else T.Identity()
        self.reflection_pad = T.ReflectionPad2d(kernel // 2)
        self.conv2d = T.Conv2d(before, after, kernel, stride)

    def forward(self, x):
        return self.conv2d(self.reflection_pad(self.upsample(x)))


class StyleResidual(T.Module):
    def __init__(self, norm):
        super().__init__()
        self.conv1, self.in1 = ConvLayer(128, 128, 3), norm(128)
        self.conv2, self.in2 = ConvLayer(128, 128, 3), norm(128)

    def forward(self, x):
        return x + self.in2(self.conv2(torch.relu(self.in1(self.conv1(x)))))


class TransformNet(T.Module):
    """Pixels are 0 to 255. old: norms with the running statistics that PyTorch 0.3 saved."""

    def __init__(self, old=False):
        super().__init__()

        def norm(channels):
            return T.InstanceNorm2d(channels, affine=True, track_running_stats=old)

        self.conv1, self.in1 = ConvLayer(3, 32, 9), norm(32)
        self.conv2, self.in2 = ConvLayer(32, 64, 3, 2), norm(64)
        self.conv3, self.in3 = ConvLayer(64, 128, 3, 2), norm(128)
        for number in range(1, 6):
            setattr(self, f"res{number}", StyleResidual(norm))
        self.deconv1, self.in4 = ConvLayer(128, 64, 3, 1, 2), norm(64)
        self.deconv2, self.in5 = ConvLayer(64, 32, 3, 1, 2), norm(32)
        self.deconv3 = ConvLayer(32, 3, 9)

    def forward(self, x):
        for number in range(1, 4):
            x = torch.relu(getattr(self, f"in{number}")(getattr(self, f"conv{number}")(x)))
        for number in range(1, 6):
            x = getattr(self, f"res{number}")(x)
        for number in range(1, 3):
            x = torch.relu(getattr(self, f"in{number + 3}")(getattr(self, f"deconv{number}")(x)))
        return self.deconv3(x)


def load(twin, ours):
    """Give a twin our parameters, in double precision; returns it."""
    twin = twin.double()
    for theirs, mine in zip(parameters_of(twin), ours.parameters(), strict=True):
        assert tuple(theirs.shape) == mine.shape
        theirs.data = torch.from_numpy(mine.detach().numpy().astype("float64").copy())
    return twin
