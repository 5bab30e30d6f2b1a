"""A text classifier: embedding, 1-d convolution, weighted cross-entropy, a plateau schedule, a Function, L-BFGS."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torch.utils.data import DataLoader, Dataset, Subset


class Clip(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, limit):
        ctx.save_for_backward(x)
        ctx.limit = limit
        return x.clamp(-limit, limit)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * (x.abs() < ctx.limit).double(), None


class Sentences(Dataset):
    def __init__(self):
        numbers = np.random.default_rng(4)
        self.words, self.labels = numbers.integers(0, 9, (14, 6)), numbers.integers(0, 3, 14)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, idx):
        return {"words": torch.from_numpy(self.words[idx]), "label": int(self.labels[idx])}


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(9, 4, padding_idx=0)
        self.conv = nn.Conv1d(4, 6, 3, padding=1)
        self.norm = nn.GroupNorm(2, 6)
        self.fc = nn.Linear(6, 3)

    def forward(self, words):
        x = self.embedding(words).permute(0, 2, 1)
        x = F.gelu(self.norm(self.conv(x)))
        x = F.max_pool1d(x, kernel_size=x.size(2)).squeeze(2)
        return self.fc(Clip.apply(x, 1.5))


def main(fill):
    model = fill(nn.DataParallel(Net().double()))
    criterion = nn.CrossEntropyLoss(torch.tensor([0.5, 1.0, 2.0]).double(), label_smoothing=0.1)
    optimizer = optim.Adagrad(model.parameters(), lr=0.1)
    scheduler = ReduceLROnPlateau(optimizer, "min", patience=0)
    loader = DataLoader(Subset(Sentences(), list(range(12))), batch_size=5, collate_fn=None)
    history = []
    for epoch in range(3):
        model.train()
        for batch in loader:
            optimizer.zero_grad(set_to_none=True)
            loss = criterion(model(batch["words"]), batch["label"])
            loss.backward()
            nn.utils.clip_grad_value_(model.parameters(), 0.5)
            optimizer.step()
            history.append(loss.item())
        scheduler.step(loss.item())
        history.append(optimizer.param_groups[0]["lr"])
    words = torch.from_numpy(Sentences().words)
    target = F.one_hot(torch.from_numpy(Sentences().labels), 3).double()
    solver = optim.LBFGS(model.parameters(), lr=0.5, max_iter=4)

    def closure():
        solver.zero_grad()
        loss = F.mse_loss(F.softmax(model(words), dim=1), target)
        loss.backward()
        return loss

    for _ in range(2):
        history.append(solver.step(closure).item())
    return history
