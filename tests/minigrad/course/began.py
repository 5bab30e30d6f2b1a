"""BEGAN and EBGAN: autoencoders as discriminators, a balance k that is fed back, a pull-away term, ELU."""

import numpy as np
import torch
import torch.nn as nn


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(1, 4, 3, 2, 1), nn.ELU(True))
        self.down_size = 4
        down_dim = 4 * self.down_size**2
        self.embedding = nn.Linear(down_dim, 6)
        self.fc = nn.Sequential(
            nn.BatchNorm1d(6, 0.8), nn.ReLU(inplace=True), nn.Linear(6, down_dim), nn.BatchNorm1d(down_dim), nn.ELU()
        )
        self.up = nn.Sequential(nn.UpsamplingNearest2d(scale_factor=2), nn.Conv2d(4, 1, 3, 1, 1))

    def forward(self, img):
        out = self.down(img)
        embedding = self.embedding(out.view(out.size(0), -1))
        out = self.fc(embedding)
        return self.up(out.view(out.size(0), 4, self.down_size, self.down_size)), embedding


def pullaway_loss(embeddings):
    norm = torch.sqrt(torch.sum(embeddings**2, -1, keepdim=True))
    normalized_emb = embeddings / norm
    similarity = torch.matmul(normalized_emb, normalized_emb.transpose(1, 0))
    batch_size = embeddings.size(0)
    return (torch.sum(similarity) - batch_size) / (batch_size * (batch_size - 1))


def main(fill):
    generator = nn.Sequential(
        nn.Linear(5, 64), nn.Unflatten(1, (4, 4, 4)), nn.BatchNorm2d(4), nn.ELU(),
        nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True), nn.Conv2d(4, 1, 3, padding=1), nn.Tanh(),
    )  # fmt: skip
    generator, discriminator = fill(generator.double()), fill(Autoencoder().double(), 0.3)
    optimizer_G = torch.optim.Adam(generator.parameters(), lr=0.002, betas=(0.5, 0.999))
    optimizer_D = torch.optim.Adam(discriminator.parameters(), lr=0.002, betas=(0.5, 0.999))
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer_G, mode="min", factor=0.5, patience=0)
    gamma, lambda_k, k = 0.75, 0.01, 0.0
    numbers, history = np.random.default_rng(6), []
    for step in range(4):
        real_imgs = torch.as_tensor(numbers.uniform(-1, 1, (5, 1, 8, 8)))
        z = torch.as_tensor(numbers.standard_normal((5, 5)))
        optimizer_G.zero_grad()
        gen_imgs = generator(z)
        recon, embedding = discriminator(gen_imgs)
        g_loss = torch.mean(torch.abs(recon - gen_imgs)) + 0.1 * pullaway_loss(embedding)
        g_loss.backward()
        optimizer_G.step()

        optimizer_D.zero_grad()
        d_real, d_fake = discriminator(real_imgs)[0], discriminator(gen_imgs.detach())[0]
        d_loss_real = torch.mean(torch.abs(d_real - real_imgs))
        d_loss_fake = torch.mean(torch.abs(d_fake - gen_imgs.detach()))
        d_loss = d_loss_real - k * d_loss_fake
        d_loss.backward()
        optimizer_D.step()

        diff = torch.mean(gamma * d_loss_real - d_loss_fake)
        k = k + lambda_k * diff.item()
        k = min(max(k, 0), 1)
        M = (d_loss_real + torch.abs(diff)).data.item()
        plateau.step(M)
        history += [g_loss.item(), d_loss.item(), M, k, optimizer_G.param_groups[0]["lr"]]
    return history
