"""Super-resolution by a GAN: residual blocks with PReLU, PixelShuffle, a perceptual loss from frozen features."""

import math
import os
from collections import OrderedDict

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class FeatureExtractor(nn.Module):
    def __init__(self, layers, last):
        super(FeatureExtractor, self).__init__()
        self.feature_extractor = nn.Sequential(*list(layers.children())[:last])

    def forward(self, img):
        return self.feature_extractor(img)


class ResidualBlock(nn.Module):
    def __init__(self, in_features):
        super(ResidualBlock, self).__init__()
        self.conv_block = nn.Sequential(
            nn.Conv2d(in_features, in_features, kernel_size=3, stride=1, padding=1),
            nn.BatchNorm2d(in_features, 0.8),
            nn.PReLU(),
            nn.Conv2d(in_features, in_features, kernel_size=3, stride=1, padding=1),
            nn.BatchNorm2d(in_features, 0.8),
        )

    def forward(self, x):
        return x + self.conv_block(x)


class GeneratorResNet(nn.Module):
    def __init__(self, in_channels=3, out_channels=3, n_residual_blocks=2, scale_factor=4, width=4):
        upsample_block_num = int(math.log(scale_factor, 2))
        super().__init__()
        self.conv1 = nn.Sequential(nn.Conv2d(in_channels, width, 9, padding=4), nn.PReLU())
        self.res_blocks = nn.Sequential(*[ResidualBlock(width) for _ in range(n_residual_blocks)])
        self.conv2 = nn.Sequential(nn.Conv2d(width, width, 3, 1, 1), nn.BatchNorm2d(width, 0.8))
        upsampling = []
        for out_features in range(upsample_block_num):
            upsampling += [
                nn.Conv2d(width, width * 4, 3, 1, 1),
                nn.BatchNorm2d(width * 4),
                nn.PixelShuffle(upscale_factor=2),
                nn.PReLU(),
            ]
        self.upsampling = nn.Sequential(*upsampling)
        self.conv3 = nn.Sequential(nn.Conv2d(width, out_channels, 9, 1, 4), nn.Tanh())

    def forward(self, x):
        out1 = self.conv1(x)
        out = self.res_blocks(out1)
        out = torch.add(out1, self.conv2(out))
        return self.conv3(self.upsampling(out))


class Discriminator(nn.Module):
    def __init__(self, input_shape):
        super().__init__()
        self.input_shape = input_shape
        in_channels, in_height, in_width = self.input_shape
        patch_h, patch_w = int(in_height / 2**2), int(in_width / 2**2)
        self.output_shape = (1, patch_h, patch_w)

        def discriminator_block(in_filters, out_filters, first_block=False):
            layers = []
            layers.append(nn.Conv2d(in_filters, out_filters, kernel_size=3, stride=1, padding=1))
            if not first_block:
                layers.append(nn.BatchNorm2d(out_filters))
            layers.append(nn.LeakyReLU(0.2, inplace=True))
            layers.append(nn.Conv2d(out_filters, out_filters, kernel_size=3, stride=2, padding=1))
            layers.append(nn.BatchNorm2d(out_filters))
            layers.append(nn.LeakyReLU(0.2, inplace=True))
            return layers

        layers = []
        in_filters = in_channels
        for i, out_filters in enumerate([4, 6]):
            layers.extend(discriminator_block(in_filters, out_filters, first_block=(i == 0)))
            in_filters = out_filters
        layers.append(nn.Conv2d(out_filters, 1, kernel_size=3, stride=1, padding=1))
        self.model = nn.Sequential(*layers)

    def forward(self, img):
        return self.model(img)


class ImageDataset(Dataset):
    """Photos in two sizes, as a dictionary."""

    def __init__(self, count, side):
        numbers = np.random.default_rng(4)
        self.files = [numbers.uniform(-1, 1, (3, side, side)) for _ in range(count)]

    def __getitem__(self, index):
        img = torch.from_numpy(self.files[index % len(self.files)])
        return {"lr": F.avg_pool2d(img, 4), "hr": img, "name": os.path.join("photos", f"{index:03d}.png")}

    def __len__(self):
        return len(self.files)


def psnr(a, b):
    return 10 * torch.log10(4.0 / F.mse_loss(a, b))


def main(fill):
    hr_shape = (16, 16)
    vgg = nn.Sequential(
        OrderedDict(
            conv1_1=nn.Conv2d(3, 4, 3, padding=1), relu1_1=nn.ReLU(inplace=True),
            pool1=nn.MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False),
            conv2_1=nn.Conv2d(4, 6, 3, padding=1), relu2_1=nn.ReLU(inplace=True),
        )
    )  # fmt: skip
    generator, discriminator = fill(GeneratorResNet().double(), 0.2), fill(Discriminator((3, *hr_shape)).double(), 0.2)
    feature_extractor = FeatureExtractor(fill(vgg.double()), 4)
    feature_extractor.eval()

    criterion_GAN, criterion_content = torch.nn.MSELoss(), torch.nn.L1Loss()
    optimizer_G = torch.optim.Adam(generator.parameters(), lr=0.002, betas=(0.5, 0.999))
    optimizer_D = torch.optim.Adam(discriminator.parameters(), lr=0.002, betas=(0.5, 0.999))
    dataloader = DataLoader(ImageDataset(5, 16), batch_size=2, shuffle=False, num_workers=0)
    history = []
    for epoch in range(2):
        for i, imgs in enumerate(dataloader):
            imgs_lr, imgs_hr = imgs["lr"], imgs["hr"]
            assert imgs["name"][0].endswith(".png")
            valid = torch.ones((imgs_lr.size(0), *discriminator.output_shape), dtype=imgs_hr.dtype, requires_grad=False)
            fake = torch.zeros((imgs_lr.size(0), *discriminator.output_shape), dtype=imgs_hr.dtype)

            optimizer_G.zero_grad()
            gen_hr = generator(imgs_lr)
            loss_GAN = criterion_GAN(discriminator(gen_hr), valid)
            gen_features = feature_extractor(gen_hr)
            real_features = feature_extractor(imgs_hr)
            loss_content = criterion_content(gen_features, real_features.detach())
            loss_G = loss_content + 1e-3 * loss_GAN
            loss_G.backward()
            optimizer_G.step()

            optimizer_D.zero_grad()
            loss_real = criterion_GAN(discriminator(imgs_hr), valid)
            loss_fake = criterion_GAN(discriminator(gen_hr.detach()), fake)
            loss_D = (loss_real + loss_fake) / 2
            loss_D.backward()
            optimizer_D.step()
            history += [loss_G.item(), loss_D.item(), psnr(gen_hr, imgs_hr).item()]
    with torch.no_grad():
        imgs_up = F.interpolate(imgs_lr, scale_factor=4)
        history.append(float(torch.cat((imgs_up, generator(imgs_lr)), -1).clamp(-1, 1).mean()))
    return history
