"""The jobs, in PyTorch on the CPU, eager, default layouts; the same arithmetic as in `jobs_minigrad`."""

from __future__ import annotations

import os
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn, optim

from . import shapes

Job = Callable[[], object]
torch.set_num_threads(int(os.environ.get("MINIGRAD_NUM_THREADS") or os.cpu_count() or 1))


def gatys(size: int, pooling: str = "max", batch: int = 1) -> Job:
    weights = [(torch.from_numpy(w), torch.from_numpy(b)) for w, b in shapes.vgg19_weights()]
    pool = F.max_pool2d if pooling == "max" else F.avg_pool2d
    start = torch.from_numpy(shapes.image(size, batch))

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
                gram = features @ features.transpose(1, 2) / (features.numel() / batch)
                loss = loss + (gram * gram).sum()
            position += 1
        loss.backward()
        return x.grad

    return run


def convolution(layer: str, direction: str) -> Job:
    channels, out, size = shapes.VGG19_LAYERS[layer]
    weight = torch.from_numpy(shapes.normal(out, channels, 3, 3))
    x = torch.from_numpy(shapes.normal(1, channels, size, size))
    if direction == "forward":
        return lambda: F.conv2d(x, weight, padding=1)
    grad = torch.from_numpy(shapes.normal(1, out, size, size))
    return lambda: torch.nn.grad.conv2d_input(x.shape, weight, grad, padding=1)


def _mlp() -> tuple[nn.Module, nn.Module]:
    discriminator = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 256), nn.LeakyReLU(0.01), nn.Linear(256, 256), nn.LeakyReLU(0.01),
        nn.Linear(256, 1),
    )  # fmt: skip
    generator = nn.Sequential(
        nn.Linear(96, 1024), nn.ReLU(), nn.Linear(1024, 1024), nn.ReLU(), nn.Linear(1024, 784), nn.Tanh()
    )
    return discriminator, generator


def _dcgan_lab() -> tuple[nn.Module, nn.Module]:
    discriminator = nn.Sequential(
        nn.Conv2d(1, 32, 5), nn.LeakyReLU(0.01), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 5), nn.LeakyReLU(0.01), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(1024, 1024), nn.LeakyReLU(0.01), nn.Linear(1024, 1),
    )  # fmt: skip
    generator = nn.Sequential(
        nn.Linear(96, 1024), nn.ReLU(), nn.BatchNorm1d(1024), nn.Linear(1024, 6272), nn.ReLU(), nn.BatchNorm1d(6272),
        nn.Unflatten(1, (128, 7, 7)), nn.ConvTranspose2d(128, 64, 4, 2, 1), nn.BatchNorm2d(64),
        nn.ConvTranspose2d(64, 1, 4, 2, 1), nn.Tanh(),
    )  # fmt: skip
    return discriminator, generator


def gan_step(net: str) -> Job:
    torch.manual_seed(0)
    discriminator, generator = {"mlp": _mlp, "dcgan_lab": _dcgan_lab}[net]()
    adams = [optim.Adam(n.parameters(), 1e-3, betas=(0.5, 0.999)) for n in (discriminator, generator)]
    loss = nn.BCEWithLogitsLoss()
    real = torch.from_numpy(shapes.normal(128, 1, 28, 28))
    ones, zeros = torch.ones(128, 1), torch.zeros(128, 1)

    def run() -> object:
        adams[0].zero_grad()
        fake = generator(torch.rand(128, 96) * 2 - 1).detach()
        total = loss(discriminator(real), ones) + loss(discriminator(fake.view(128, 1, 28, 28)), zeros)
        total.backward()
        adams[0].step()
        adams[1].zero_grad()
        fake = generator(torch.rand(128, 96) * 2 - 1)
        loss(discriminator(fake.view(128, 1, 28, 28)), ones).backward()
        adams[1].step()
        return total.item()

    return run


def small_operation() -> Job:
    x = torch.ones(10, requires_grad=True)

    def run() -> object:
        for _ in range(100):
            x.grad = None
            (x * x).sum().backward()
        return x.grad

    return run
