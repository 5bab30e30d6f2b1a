"""The jobs, in minigrad. Each function prepares a job and returns a function that runs it once."""

from __future__ import annotations

from collections.abc import Callable

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn, optim
from nets import dcgan, mlp_gan

from . import shapes

Job = Callable[[], object]


def gatys(size: int, pooling: str = "max", batch: int = 1) -> Job:
    """One evaluation of Gram losses on conv1_1 .. conv5_1 of VGG19 and their gradient to the image."""
    weights = [(mg.tensor(w), mg.tensor(b)) for w, b in shapes.vgg19_weights()]
    pool = F.max_pool2d if pooling == "max" else F.avg_pool2d
    start = mg.from_numpy(shapes.image(size, batch))

    def run() -> object:
        x = start.clone().requires_grad_()
        h, loss, position = x, 0.0, 0
        for layer in shapes.VGG19_TO_CONV5_1:
            if layer == "P":
                h = pool(h, 2)
                continue
            h = F.relu(F.conv2d(h, *weights[position], padding=1))
            if position in shapes.STYLE_CONVOLUTIONS:
                features = h.flatten(2)
                gram = F.gram(features) / (features.numel() / batch)
                loss = loss + (gram * gram).sum()
            position += 1
        loss.backward()
        return x.grad

    return run


def convolution(layer: str, direction: str) -> Job:
    """One convolution of VGG19 at 256 pixels: forward, or the gradient to its input."""
    channels, out, size = shapes.VGG19_LAYERS[layer]
    weight = mg.tensor(shapes.normal(out, channels, 3, 3))
    x = mg.from_numpy(shapes.normal(1, channels, size, size))
    if direction == "forward":
        return lambda: F.conv2d(x, weight, padding=1)
    grad = mg.from_numpy(shapes.normal(1, out, size, size))
    return lambda: F.conv_transpose2d(grad, weight, padding=1)


def gan_step(net: str) -> Job:
    """One training step of document 000's GAN: forward, backward and Adam of both networks, batch 128."""
    mg.manual_seed(0)
    module = {"mlp": mlp_gan, "dcgan_lab": dcgan}[net]
    discriminator, generator = module.Discriminator(), module.Generator()
    adams = [optim.Adam(n.parameters(), 1e-3, betas=(0.5, 0.999)) for n in (discriminator, generator)]
    loss = nn.BCEWithLogitsLoss()
    real = mg.from_numpy(shapes.normal(128, 1, 28, 28))
    ones, zeros = mg.ones(128, 1), mg.zeros(128, 1)

    def run() -> object:
        adams[0].zero_grad()
        fake = generator(mg.rand(128, 96) * 2 - 1).detach()
        total = loss(discriminator(real), ones) + loss(discriminator(fake), zeros)
        total.backward()
        adams[0].step()
        adams[1].zero_grad()
        loss(discriminator(generator(mg.rand(128, 96) * 2 - 1)), ones).backward()
        adams[1].step()
        return total.item()

    return run


def small_operation() -> Job:
    """One small operation, a sum, and the way back: a hundred times."""
    x = mg.ones(10, requires_grad=True)

    def run() -> object:
        for _ in range(100):
            x.grad = None
            (x * x).sum().backward()
        return x.grad

    return run
