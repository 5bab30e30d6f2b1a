"""Super-resolution with sub-pixel convolution, and a variational autoencoder, in the way of PyTorch's examples."""

from math import log10

import numpy as np
import torch
import torch.nn as nn
import torch.nn.init as init
import torch.utils.data
from torch import optim
from torch.nn import functional as F
from torch.utils.data import DataLoader


class Net(nn.Module):
    def __init__(self, upscale_factor):
        super().__init__()
        self.relu = nn.ReLU()
        self.conv1 = nn.Conv2d(1, 8, (5, 5), (1, 1), (2, 2))
        self.conv2 = nn.Conv2d(8, 8, (3, 3), (1, 1), (1, 1))
        self.conv3 = nn.Conv2d(8, 4, (3, 3), (1, 1), (1, 1))
        self.conv4 = nn.Conv2d(4, upscale_factor**2, (3, 3), (1, 1), (1, 1))
        self.pixel_shuffle = nn.PixelShuffle(upscale_factor)
        self._initialize_weights()

    def forward(self, x):
        x = self.relu(self.conv1(x))
        x = self.relu(self.conv2(x))
        x = self.relu(self.conv3(x))
        x = self.pixel_shuffle(self.conv4(x))
        return x

    def _initialize_weights(self):
        init.orthogonal_(self.conv1.weight, init.calculate_gain("relu"))
        init.orthogonal_(self.conv2.weight, init.calculate_gain("relu"))
        init.orthogonal_(self.conv3.weight, init.calculate_gain("relu"))
        init.orthogonal_(self.conv4.weight)


class Crops(torch.utils.data.Dataset):
    def __init__(self):
        self.pictures = torch.from_numpy(np.random.default_rng(3).random((8, 1, 12, 12)))

    def __getitem__(self, index):
        target = self.pictures[index]
        input = F.interpolate(target.unsqueeze(0), scale_factor=0.5, mode="bilinear", align_corners=False)
        return input.squeeze_(0), target

    def __len__(self):
        return self.pictures.size(0)


def super_resolution(fill):
    loader = DataLoader(dataset=Crops(), num_workers=0, batch_size=4, shuffle=False)
    model = fill(Net(upscale_factor=2).double())
    criterion = nn.MSELoss()
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    history = []
    for _ in range(2):
        epoch_loss = 0
        for batch in loader:
            input, target = batch[0], batch[1]
            optimizer.zero_grad()
            loss = criterion(model(input), target)
            epoch_loss += loss.item()
            loss.backward()
            optimizer.step()
        history.append(epoch_loss / len(loader))
        avg_psnr = 0
        with torch.no_grad():
            for batch in loader:
                mse = criterion(model(batch[0]), batch[1])
                avg_psnr += 10 * log10(1 / mse.item())
        history.append(avg_psnr / len(loader))
    return history


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(36, 12)
        self.fc21 = nn.Linear(12, 3)
        self.fc22 = nn.Linear(12, 3)
        self.fc3 = nn.Linear(3, 12)
        self.fc4 = nn.Linear(12, 36)

    def encode(self, x):
        h1 = F.relu(self.fc1(x))
        return self.fc21(h1), self.fc22(h1)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        eps = torch.randn_like(std).copy_(torch.from_numpy(np.random.normal(size=std.size())))
        return mu + eps * std

    def decode(self, z):
        h3 = F.relu(self.fc3(z))
        return torch.sigmoid(self.fc4(h3))

    def forward(self, x):
        mu, logvar = self.encode(x.view(-1, 36))
        z = self.reparameterize(mu, logvar)
        return self.decode(z), mu, logvar


def loss_function(recon_x, x, mu, logvar):
    BCE = F.binary_cross_entropy(recon_x, x.view(-1, 36), reduction="sum")
    KLD = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return BCE + KLD


def vae(fill):
    np.random.seed(2)
    model = fill(VAE().double())
    optimizer = optim.Adam(model.parameters(), lr=1e-2)
    pictures = torch.from_numpy(np.random.random((12, 1, 6, 6)))
    history = []
    for _ in range(3):
        model.train()
        train_loss = 0
        for data in pictures.split(5):
            optimizer.zero_grad()
            recon_batch, mu, logvar = model(data)
            loss = loss_function(recon_batch, data, mu, logvar)
            loss.backward()
            train_loss += loss.item()
            optimizer.step()
            history.append(loss.item() / len(data))
        history.append(train_loss / len(pictures))
    with torch.no_grad():
        sample = torch.from_numpy(np.random.normal(size=(4, 3)))
        sample = model.decode(sample).cpu()
        comparison = torch.cat([pictures[:4], sample.view(4, 1, 6, 6)])
    return [*history, comparison.mean().item(), comparison.std().item()]


def main(fill):
    return super_resolution(fill) + vae(fill)
