"""A GAN as public scripts write it: Variable, Tensor types, BCELoss, weights_init by class name, Adam."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.autograd import Variable
from torch.utils.data import DataLoader, TensorDataset


class Generator(nn.Module):
    def __init__(self):
        super().__init__()

        def block(in_feat, out_feat, normalize=True):
            layers = [nn.Linear(in_feat, out_feat)]
            if normalize:
                layers.append(nn.BatchNorm1d(out_feat, 0.8))
            layers.append(nn.LeakyReLU(0.2, inplace=True))
            return layers

        self.model = nn.Sequential(*block(5, 8, normalize=False), *block(8, 16), nn.Linear(16, 16), nn.Tanh())

    def forward(self, z):
        img = self.model(z)
        img = img.view(img.size(0), 1, 4, 4)
        return img


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = nn.Sequential(
            nn.ZeroPad2d((1, 0, 1, 0)),
            nn.Conv2d(1, 4, 3, 2, 1),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Flatten(),
            nn.Linear(36, 1),
            nn.Sigmoid(),
        )

    def forward(self, img):
        validity = self.model(img)
        return validity


def main(fill):
    generator, discriminator = fill(Generator().double()), fill(Discriminator().double())
    adversarial_loss = torch.nn.BCELoss()
    images = torch.from_numpy(np.random.default_rng(1).uniform(-1, 1, (12, 1, 4, 4)))
    dataloader = DataLoader(TensorDataset(images, torch.zeros(12)), batch_size=4, shuffle=False, num_workers=0)
    optimizer_G = torch.optim.Adam(generator.parameters(), lr=0.002, betas=(0.5, 0.999))
    optimizer_D = torch.optim.Adam(discriminator.parameters(), lr=0.002, betas=(0.5, 0.999))
    noise = np.random.default_rng(2)
    history = []
    for epoch in range(2):
        for i, (imgs, _) in enumerate(dataloader):
            valid = Variable(torch.ones(imgs.size(0), 1).double(), requires_grad=False)
            fake = Variable(torch.zeros(imgs.size(0), 1).double(), requires_grad=False)
            real_imgs = Variable(imgs.type(torch.DoubleTensor))
            optimizer_G.zero_grad()
            z = Variable(torch.from_numpy(noise.normal(0, 1, (imgs.shape[0], 5))))
            gen_imgs = generator(z)
            g_loss = adversarial_loss(discriminator(gen_imgs), valid)
            g_loss.backward()
            optimizer_G.step()
            optimizer_D.zero_grad()
            real_loss = adversarial_loss(discriminator(real_imgs), valid)
            fake_loss = adversarial_loss(discriminator(gen_imgs.detach()), fake)
            d_loss = (real_loss + fake_loss) / 2
            d_loss.backward()
            optimizer_D.step()
            history += [g_loss.item(), d_loss.item(), F.l1_loss(gen_imgs, real_imgs).item()]
    return history
