"""InfoGAN: categorical and continuous codes, static samples, one optimizer over both networks for the codes."""

import itertools

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.autograd import Variable

FloatTensor, LongTensor = torch.FloatTensor, torch.LongTensor
N_CLASSES, CODE_DIM, LATENT_DIM = 3, 2, 5


def to_categorical(y, num_columns):
    """Returns one-hot encoded Variable"""
    y_cat = np.zeros((y.shape[0], num_columns))
    y_cat[range(y.shape[0]), y] = 1.0
    return Variable(FloatTensor(y_cat))


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        input_dim = LATENT_DIM + N_CLASSES + CODE_DIM
        self.init_size = 4
        self.l1 = nn.Sequential(nn.Linear(input_dim, 6 * self.init_size**2))
        self.conv_blocks = nn.Sequential(
            nn.BatchNorm2d(6), nn.Upsample(scale_factor=2), nn.Conv2d(6, 4, 3, stride=1, padding=1),
            nn.BatchNorm2d(4, 0.8), nn.LeakyReLU(0.2, inplace=True), nn.Conv2d(4, 1, 3, 1, 1), nn.Tanh(),
        )  # fmt: skip

    def forward(self, noise, labels, code):
        gen_input = torch.cat((noise, labels, code), -1)
        out = self.l1(gen_input)
        out = out.view(out.shape[0], 6, self.init_size, self.init_size)
        return self.conv_blocks(out)


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 3, 2, 1)
        self.bn1 = nn.BatchNorm2d(4)
        self.adv_layer = nn.Sequential(nn.Linear(4 * 4 * 4, 1))
        self.aux_layer = nn.Sequential(nn.Linear(4 * 4 * 4, N_CLASSES), nn.Softmax(dim=-1))
        self.latent_layer = nn.Sequential(nn.Linear(4 * 4 * 4, CODE_DIM))

    def forward(self, img):
        out = F.leaky_relu(self.bn1(self.conv1(img)), 0.1, inplace=True)
        out = torch.flatten(out, 1)
        return self.adv_layer(out), self.aux_layer(out), self.latent_layer(out)


class NormalNLLLoss:
    """The negative log-likelihood of a factored normal distribution."""

    def __call__(self, x, mu, var):
        logli = -0.5 * (var.mul(2 * np.pi) + 1e-6).log() - (x - mu).pow(2).div(var.mul(2.0) + 1e-6)
        return -(logli.sum(1).mean())


def main(fill):
    adversarial_loss, categorical_loss, continuous_loss = nn.MSELoss(), nn.CrossEntropyLoss(), nn.MSELoss()
    lambda_cat, lambda_con = 1, 0.1
    generator, discriminator = fill(Generator()), fill(Discriminator(), 0.3)
    optimizer_G = torch.optim.Adam(generator.parameters(), lr=0.0002, betas=(0.5, 0.999))
    optimizer_D = torch.optim.Adam(discriminator.parameters(), lr=0.0002, betas=(0.5, 0.999))
    optimizer_info = torch.optim.Adam(
        itertools.chain(generator.parameters(), discriminator.parameters()), lr=0.0002, betas=(0.5, 0.999)
    )
    static_z = Variable(FloatTensor(np.zeros((N_CLASSES**2, LATENT_DIM))))
    static_label = to_categorical(np.array([num for _ in range(N_CLASSES) for num in range(N_CLASSES)]), N_CLASSES)
    static_code = Variable(FloatTensor(np.zeros((N_CLASSES**2, CODE_DIM))))
    np.random.seed(0)
    likelihood, history = NormalNLLLoss(), []
    for step in range(4):
        real_imgs = FloatTensor(np.random.uniform(-1, 1, (6, 1, 8, 8)))
        batch_size = real_imgs.shape[0]
        valid, fake = FloatTensor(batch_size, 1).fill_(1.0), FloatTensor(batch_size, 1).fill_(0.0)

        optimizer_G.zero_grad()
        z = Variable(FloatTensor(np.random.normal(0, 1, (batch_size, LATENT_DIM))))
        label_input = to_categorical(np.random.randint(0, N_CLASSES, batch_size), num_columns=N_CLASSES)
        code_input = Variable(FloatTensor(np.random.uniform(-1, 1, (batch_size, CODE_DIM))))
        gen_imgs = generator(z, label_input, code_input)
        validity, _, _ = discriminator(gen_imgs)
        g_loss = adversarial_loss(validity, valid)
        g_loss.backward()
        optimizer_G.step()

        optimizer_D.zero_grad()
        d_loss = adversarial_loss(discriminator(real_imgs)[0], valid)
        d_loss = (d_loss + adversarial_loss(discriminator(gen_imgs.detach())[0], fake)) / 2
        d_loss.backward()
        optimizer_D.step()

        optimizer_info.zero_grad()
        sampled_labels = np.random.randint(0, N_CLASSES, batch_size)
        gt_labels = Variable(LongTensor(sampled_labels), requires_grad=False)
        gen_imgs = generator(z, to_categorical(sampled_labels, N_CLASSES), code_input)
        _, pred_label, pred_code = discriminator(gen_imgs)
        info_loss = lambda_cat * categorical_loss(pred_label, gt_labels)
        info_loss = info_loss + lambda_con * continuous_loss(pred_code, code_input)
        info_loss += 0.01 * likelihood(code_input, pred_code, torch.exp(pred_code.detach()))
        info_loss.backward()
        optimizer_info.step()
        history += [g_loss.item(), d_loss.item(), info_loss.item()]
    generator.eval()
    c_varied = np.repeat(np.linspace(-1, 1, N_CLASSES)[:, np.newaxis], N_CLASSES, 0)
    c1 = Variable(FloatTensor(np.concatenate((c_varied, np.zeros((N_CLASSES**2, 1))), -1)))
    sample, sample1 = (generator(static_z, static_label, code).data for code in (static_code, c1))
    return history + [sample.mean().item(), sample1.std().item(), sample1.min().item()]
