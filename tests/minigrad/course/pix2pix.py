"""Picture to picture: a U-Net and a patch discriminator as in pix2pix, and CycleGAN's two losses with a buffer."""

import itertools
import random

import numpy as np
import torch
import torch.nn as nn
from torch.autograd import Variable


class UNetDown(nn.Module):
    def __init__(self, in_size, out_size, normalize=True):
        super().__init__()
        layers = [nn.Conv2d(in_size, out_size, 4, 2, 1, bias=False)]
        if normalize:
            layers.append(nn.InstanceNorm2d(out_size))
        layers.append(nn.LeakyReLU(0.2, inplace=True))
        self.model = nn.Sequential(*layers)

    def forward(self, x):
        return self.model(x)


class UNetUp(nn.Module):
    def __init__(self, in_size, out_size):
        super().__init__()
        self.model = nn.Sequential(
            nn.ConvTranspose2d(in_size, out_size, 4, 2, 1, bias=False),
            nn.InstanceNorm2d(out_size),
            nn.ReLU(inplace=True),
        )

    def forward(self, x, skip_input):
        return torch.cat((self.model(x), skip_input), 1)


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.down1 = UNetDown(3, 4, normalize=False)
        self.down2 = UNetDown(4, 6)
        self.up1 = UNetUp(6, 4)
        self.final = nn.Sequential(nn.Upsample(scale_factor=2), nn.ReflectionPad2d(1), nn.Conv2d(8, 3, 3), nn.Tanh())

    def forward(self, x):
        d1 = self.down1(x)
        return self.final(self.up1(self.down2(d1), d1))


class Discriminator(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.model = nn.Sequential(
            nn.Conv2d(channels, 4, 4, stride=2, padding=1), nn.LeakyReLU(0.2, inplace=True),
            nn.ZeroPad2d((1, 0, 1, 0)), nn.Conv2d(4, 1, 4, padding=1, bias=False),
        )  # fmt: skip

    def forward(self, *pictures):
        return self.model(torch.cat(pictures, 1))


class ReplayBuffer:
    def __init__(self, max_size=2):
        self.max_size, self.data = max_size, []

    def push_and_pop(self, data):
        to_return = []
        for element in data.data:
            element = torch.unsqueeze(element, 0)
            if len(self.data) < self.max_size:
                self.data.append(element)
                to_return.append(element)
            elif random.uniform(0, 1) > 0.5:
                i = random.randint(0, self.max_size - 1)
                to_return.append(self.data[i].clone())
                self.data[i] = element
            else:
                to_return.append(element)
        return Variable(torch.cat(to_return))


def pix2pix(fill, A, B):
    generator, discriminator = fill(Generator().double()), fill(Discriminator(6).double())
    criterion_GAN, criterion_pixelwise = nn.MSELoss(), nn.L1Loss()
    optimizer_G = torch.optim.Adam(generator.parameters(), lr=0.002, betas=(0.5, 0.999))
    optimizer_D = torch.optim.Adam(discriminator.parameters(), lr=0.002, betas=(0.5, 0.999))
    history = []
    for _ in range(4):
        for p in discriminator.parameters():
            p.requires_grad = False
        optimizer_G.zero_grad()
        fake_B = generator(A)
        pred_fake = discriminator(fake_B, A)
        valid = Variable(torch.ones_like(pred_fake), requires_grad=False)
        loss_G = criterion_GAN(pred_fake, valid) + 100 * criterion_pixelwise(fake_B, B)
        loss_G.backward()
        optimizer_G.step()

        for p in discriminator.parameters():
            p.requires_grad = True
        optimizer_D.zero_grad()
        loss_real = criterion_GAN(discriminator(B, A), valid)
        loss_fake = criterion_GAN(discriminator(fake_B.detach(), A), torch.zeros_like(valid))
        loss_D = 0.5 * (loss_real + loss_fake)
        loss_D.backward()
        optimizer_D.step()
        history += [loss_G.item(), loss_D.item()]
    return history


def cyclegan(fill, A, B):
    random.seed(0)
    G_AB, G_BA = fill(Generator().double()), fill(Generator().double())
    D_A, buffer = fill(Discriminator(3).double()), ReplayBuffer()
    optimizer_G = torch.optim.Adam(itertools.chain(G_AB.parameters(), G_BA.parameters()), lr=0.002, betas=(0.5, 0.999))
    optimizer_D = torch.optim.Adam(D_A.parameters(), lr=0.002, betas=(0.5, 0.999))
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer_G, lr_lambda=lambda epoch: 1.0 - max(0, epoch - 1) / 4)
    criterion_GAN, criterion_cycle = nn.MSELoss(), nn.L1Loss()
    history = []
    for _ in range(4):
        optimizer_G.zero_grad()
        fake_B, fake_A = G_AB(A), G_BA(B)
        pred = D_A(fake_A)
        loss_identity = (criterion_cycle(G_BA(A), A) + criterion_cycle(G_AB(B), B)) / 2
        loss_cycle = (criterion_cycle(G_BA(fake_B), A) + criterion_cycle(G_AB(fake_A), B)) / 2
        loss_G = criterion_GAN(pred, torch.ones_like(pred)) + 10.0 * loss_cycle + 5.0 * loss_identity
        loss_G.backward()
        optimizer_G.step()

        optimizer_D.zero_grad()
        pred_real, pred_fake = D_A(A), D_A(buffer.push_and_pop(fake_A).detach())
        loss_D = criterion_GAN(pred_real, torch.ones_like(pred_real))
        loss_D = (loss_D + criterion_GAN(pred_fake, torch.zeros_like(pred_fake))) / 2
        loss_D.backward()
        optimizer_D.step()
        scheduler.step()
        history += [loss_G.item(), loss_D.item(), scheduler.get_last_lr()[0]]
    return history


def main(fill):
    numbers = np.random.default_rng(1)
    A, B = (torch.from_numpy(numbers.uniform(-1, 1, (2, 3, 16, 16))) for _ in range(2))
    return pix2pix(fill, A, B) + cyclegan(fill, A, B)
