"""WGAN-div and the clipped WGAN: gradients of norms to a power, clamp_ on data, n_critic, a function of one's own."""

import numpy as np
import torch
from torch import autograd, nn, optim
from torch.nn.utils import clip_grad_value_, parameters_to_vector, vector_to_parameters


class GradientReversal(autograd.Function):
    @staticmethod
    def forward(ctx, x, scale):
        ctx.scale = scale
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output.neg() * ctx.scale, None


def divergence(critic, real_imgs, fake_imgs, p=6, k=2):
    real_imgs.requires_grad_(True)
    real_validity, fake_validity = critic(real_imgs), critic(fake_imgs)
    real_grad_out = torch.full((real_imgs.size(0), 1), 1.0, dtype=torch.float64, requires_grad=False)
    real_grad = autograd.grad(
        real_validity, real_imgs, real_grad_out, create_graph=True, retain_graph=True, only_inputs=True
    )[0]
    real_grad_norm = real_grad.view(real_grad.size(0), -1).pow(2).sum(1) ** (p / 2)
    fake_grad = autograd.grad(
        fake_validity, fake_imgs, torch.ones_like(fake_validity), create_graph=True, retain_graph=True
    )[0]
    fake_grad_norm = fake_grad.reshape(fake_grad.shape[0], -1).norm(2, dim=1).pow(p)
    return real_validity, fake_validity, torch.mean(real_grad_norm + fake_grad_norm) * k / 2


def main(fill):
    block = lambda i, o, normalize=True: [
        nn.Linear(i, o), *([nn.BatchNorm1d(o, 0.8)] if normalize else []), nn.LeakyReLU(0.2, inplace=True)
    ]  # fmt: skip
    generator = nn.Sequential(
        *block(4, 8, normalize=False), *block(8, 8), nn.Linear(8, int(np.prod((1, 3, 3)))), nn.Tanh()
    )
    critic = nn.Sequential(*block(9, 8, False), nn.Dropout(p=0.0), *block(8, 8, False), nn.Linear(8, 1))
    generator, critic = fill(generator.double(), 0.4), fill(critic.double(), 0.4)
    optimizer_G = optim.Adam(generator.parameters(), lr=0.002, betas=(0.5, 0.999))
    optimizer_D = optim.RMSprop(critic.parameters(), lr=0.001, alpha=0.9, weight_decay=1e-4)
    numbers, history = np.random.default_rng(7), []
    for i in range(6):
        real = torch.from_numpy(numbers.uniform(-1, 1, (6, 9)))
        z = torch.from_numpy(numbers.normal(0, 1, (6, 4)))
        fake = generator(z)
        optimizer_D.zero_grad()
        real_validity, fake_validity, div_gp = divergence(critic, real, fake)
        d_loss = -torch.mean(real_validity) + torch.mean(fake_validity) + div_gp
        d_loss.backward()
        clip_grad_value_(critic.parameters(), clip_value=0.5)
        optimizer_D.step()
        for p in critic.parameters():
            p.data.clamp_(-0.9, 0.9)
        optimizer_G.zero_grad()
        if i % 2 == 0:
            g_loss = -torch.mean(critic(generator(z)))
            g_loss.backward()
        else:  # the same by a gradient that is turned round
            g_loss = torch.mean(critic(GradientReversal.apply(generator(z), 1.0)))
            g_loss.backward()
        optimizer_G.step()
        history += [d_loss.item(), div_gp.item(), g_loss.item()]
    vector = parameters_to_vector(critic.parameters())
    vector_to_parameters(vector * 0.5, critic.parameters())
    return history + [vector.norm().item(), critic(real).mean().item()]
