"""Autoencoders of a course: noisy inputs, tied weights by F.linear, a sparsity penalty, skip connections, a report."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import BatchSampler, DataLoader, SequentialSampler, SubsetRandomSampler, TensorDataset

torch.manual_seed(0)


class TiedAutoencoder(nn.Module):
    """The decoder is the encoder transposed."""

    def __init__(self, inp, hidden):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(hidden, inp) * 0.1)
        self.encoder_bias = nn.Parameter(torch.zeros(hidden))
        self.register_parameter("decoder_bias", nn.Parameter(torch.zeros(inp)))
        self.register_buffer("usage", torch.full((hidden,), 0.05))

    def forward(self, x):
        code = torch.sigmoid(F.linear(x, self.weight, self.encoder_bias))
        if self.training:
            with torch.no_grad():
                self.usage.mul_(0.9).add_(code.mean(0), alpha=0.1)
        return F.linear(code, self.weight.t(), self.decoder_bias), code


class ConvAutoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoders = nn.ModuleList([nn.Conv2d(i, o, 3, padding=1) for i, o in [(1, 4), (4, 8)]])
        self.decoders = nn.ModuleDict({"up": nn.ConvTranspose2d(8, 4, 2, stride=2), "out": nn.Conv2d(8, 1, 1)})

    def forward(self, x):
        skips = []
        for conv in self.encoders:
            x = F.relu(conv(x))
            skips.append(x)
            x = F.max_pool2d(x, 2) if len(skips) == 1 else x
        up = self.decoders["up"](x)
        y = self.decoders["out"](torch.cat([up, skips[0]], dim=-3))
        return torch.sigmoid(y), up


def kl_divergence(p, q):
    return (p * torch.log(p / q) + (1 - p) * torch.log((1 - p) / (1 - q))).sum()


def batches(data, size):
    sampler = BatchSampler(SequentialSampler(range(len(data))), batch_size=size, drop_last=False)
    return [torch.stack([data[i] for i in indices]) for indices in sampler]


def count_parameters(model):
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def main(fill):
    numbers = np.random.default_rng(11)
    data = torch.tensor(numbers.random((10, 16)))
    history = []
    tied = fill(TiedAutoencoder(16, 5).double(), 0.3)
    opt = torch.optim.Adagrad(tied.parameters(), lr=0.05)
    for epoch in range(3):
        for x in batches(data, 4):
            noisy = x + 0.1 * torch.tensor(numbers.standard_normal(tuple(x.shape)))
            noisy = torch.where(torch.tensor(numbers.random(tuple(x.shape)) < 0.2), torch.zeros_like(noisy), noisy)
            recon, code = tied(noisy)
            loss = F.mse_loss(recon, x) + 1e-2 * kl_divergence(torch.tensor(0.05).double(), code.mean(dim=0))
            opt.zero_grad()
            loss.backward()
            opt.step()
            history.append(loss.item())
    history += [tied.usage.sum().item(), count_parameters(tied)]

    pictures = data.view(-1, 1, 4, 4)
    net = fill(ConvAutoencoder().double(), 0.3)
    weights = [p for name, p in net.named_parameters() if name.endswith("weight")]
    biases = [p for name, p in net.named_parameters() if name.endswith("bias")]
    opt = torch.optim.SGD([{"params": weights, "weight_decay": 1e-3}, {"params": biases}], lr=0.1, momentum=0.9)
    sched = torch.optim.lr_scheduler.SequentialLR(
        opt,
        schedulers=[
            torch.optim.lr_scheduler.LinearLR(opt, start_factor=0.1, total_iters=2),
            torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=6, eta_min=1e-3),
        ],
        milestones=[2],
    )
    loader = DataLoader(TensorDataset(pictures), batch_size=5, sampler=SubsetRandomSampler([4]))
    assert len(loader) == 1
    for epoch in range(5):
        opt.zero_grad(set_to_none=True)
        for (x,) in DataLoader(TensorDataset(pictures), batch_size=5):  # gradients are accumulated
            recon, _ = net(x)
            (F.binary_cross_entropy(recon, x) / 2).backward()
        norm = torch.sqrt(sum(p.grad.pow(2).sum() for p in net.parameters()))
        opt.step()
        sched.step()
        history += [norm.item(), opt.param_groups[0]["lr"]]
    (x,) = next(iter(loader))
    recon, up = net(x)
    up.retain_grad()
    F.l1_loss(recon, x).backward()
    return history + [up.grad.abs().sum().item(), x.squeeze().tolist()[0][1], *net(x[0])[0].flatten()[:2].tolist()]
