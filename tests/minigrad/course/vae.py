"""A variational autoencoder on pictures in [0, 1], its noise fed in, with KL annealing and warm restarts."""

import numpy as np
import torch
import torch.utils.data
from torch import nn, optim
from torch.nn import functional as F


class VAE(nn.Module):
    def __init__(self):
        super(VAE, self).__init__()
        self.fc1 = nn.Linear(36, 16)
        self.fc21 = nn.Linear(16, 4)
        self.fc22 = nn.Linear(16, 4)
        self.fc3 = nn.Linear(4, 16)
        self.fc4 = nn.Linear(16, 36)

    def encode(self, x):
        h1 = F.relu(self.fc1(x))
        return self.fc21(h1), self.fc22(h1)

    def reparameterize(self, mu, logvar, noise):
        std = torch.exp(0.5 * logvar)
        eps = torch.empty_like(std).copy_(torch.from_numpy(noise.standard_normal(tuple(std.shape))))
        return mu + eps * std

    def decode(self, z):
        h3 = F.relu(self.fc3(z))
        return torch.sigmoid(self.fc4(h3))

    def forward(self, x, noise):
        mu, logvar = self.encode(x.view(-1, 36))
        z = self.reparameterize(mu, logvar, noise)
        return self.decode(z), mu, logvar


def loss_function(recon_x, x, mu, logvar, beta=1.0):
    BCE = F.binary_cross_entropy(recon_x, x.view(-1, 36), reduction="sum")
    KLD = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return BCE + beta * KLD


def two_gaussians(mu, logvar):
    """KL(N(mu, sigma) || N(0, 1)) once more, by hand, and a kernel mean discrepancy."""
    kl = 0.5 * (logvar.exp() + mu**2 - 1.0 - logvar)
    x = mu.unsqueeze(1).expand(-1, mu.size(0), -1)
    kernel = torch.exp(-(x - x.transpose(0, 1)).pow(2).mean(2) / mu.size(1))
    return kl.sum(dim=1).mean() + kernel.triu(diagonal=1).sum()


def main(fill):
    noise = np.random.default_rng(10)
    images = torch.from_numpy((noise.random((10, 1, 6, 6)) > 0.5) * 0.9 + 0.05)
    train_loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(images, torch.zeros(10)), batch_size=4, shuffle=False
    )
    model = fill(VAE().double(), 0.3)
    others = [p for n, p in model.named_parameters() if not n.startswith("fc1")]
    groups = [{"params": model.fc1.parameters(), "lr": 3e-3}, {"params": others}]
    optimizer = optim.Adam(groups, lr=1e-2, eps=1e-6, amsgrad=True)
    scheduler = optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=2, T_mult=2)
    history = []
    for epoch in range(1, 4):
        model.train()
        train_loss = 0
        for batch_idx, (data, _) in enumerate(train_loader):
            optimizer.zero_grad()
            recon_batch, mu, logvar = model(data, noise)
            loss = loss_function(recon_batch, data, mu, logvar, beta=min(1.0, epoch / 2))
            loss = loss + 0.1 * two_gaussians(mu, logvar)
            loss.backward()
            train_loss += loss.item()
            optimizer.step()
            scheduler.step(epoch + batch_idx / len(train_loader))
            history.append(loss.item() / len(data))
        history += [train_loss / len(train_loader.dataset), *scheduler.get_last_lr()]
    model.eval()
    with torch.no_grad():
        sample = torch.from_numpy(noise.standard_normal((6, 4)))
        sample = model.decode(sample).cpu().view(6, 1, 6, 6)
        n = min(data.size(0), 8)
        comparison = torch.cat([data[:n], recon_batch.view(-1, 1, 6, 6)[:n]])
        history += [sample.sum().item(), comparison.mean().item(), comparison.size(0)]
    return history
