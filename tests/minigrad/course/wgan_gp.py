"""A Wasserstein GAN with gradient penalty: autograd.grad with every argument, spectral norm, instance norm."""

import numpy as np
import torch
import torch.autograd as autograd
import torch.nn as nn
from torch.nn.utils import spectral_norm


def compute_gradient_penalty(D, real_samples, fake_samples, alpha):
    interpolates = (alpha * real_samples + ((1 - alpha) * fake_samples)).requires_grad_(True)
    d_interpolates = D(interpolates)
    fake = torch.ones(real_samples.shape[0], 1).double()
    gradients = autograd.grad(
        outputs=d_interpolates,
        inputs=interpolates,
        grad_outputs=fake,
        create_graph=True,
        retain_graph=True,
        only_inputs=True,
    )[0]
    gradients = gradients.view(gradients.size(0), -1)
    return ((gradients.norm(2, dim=1) - 1) ** 2).mean()


def main(fill):
    critic = nn.Sequential(
        nn.Conv2d(2, 4, 3, 1, 1, padding_mode="reflect"), nn.InstanceNorm2d(4, affine=True), nn.PReLU(),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), spectral_norm(nn.Linear(16, 1)),
    )  # fmt: skip
    critic = fill(critic.double())
    optimizer = torch.optim.RMSprop(critic.parameters(), lr=0.001)
    numbers = np.random.default_rng(3)
    history = []
    for step in range(4):
        real, fake = (torch.tensor(numbers.standard_normal((3, 2, 5, 5))) for _ in range(2))
        alpha = torch.tensor(numbers.random((3, 1, 1, 1)))
        optimizer.zero_grad()
        penalty = compute_gradient_penalty(critic, real.data, fake.data, alpha)
        loss = -torch.mean(critic(real)) + torch.mean(critic(fake)) + 10 * penalty
        loss.backward()
        grad = torch.nn.utils.clip_grad_norm_(critic.parameters(), 1.0)
        optimizer.step()
        history += [penalty.item(), loss.item(), float(grad)]
    return history
