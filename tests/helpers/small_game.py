"""The smallest game for the training frame: a line fitted to points, with every kind of part a game can have."""

from dataclasses import dataclass

import numpy as np

import minigrad as mg
from experiments.common.run_page import About
from experiments.common.training_run import Game
from minigrad import nn, optim
from minigrad.data import DataLoader


@dataclass(frozen=True)
class LineSettings:
    lr: float = 0.05
    seed: int = 0


class Points:
    """Twenty pairs (x, 3 x + 1)."""

    def __len__(self):
        return 20

    def __getitem__(self, index):
        return np.float32(index / 20), np.float32(3 * index / 20 + 1)


class Pool:
    """A part of the game's own, whose state grows."""

    def __init__(self):
        self.kept = []

    def state_dict(self):
        return {"kept": list(self.kept)}

    def load_state_dict(self, state):
        self.kept = list(state["kept"])


class Line(Game):
    name, columns = "line", ("loss", "penalty")

    def __init__(self, settings, device):
        self.settings, self.about, self.device = settings, About("A line", "Fitted to points."), device
        self.net = nn.Linear(1, 1).to(device=device)
        self.optimizer = optim.Adam(self.net.parameters(), lr=settings.lr)
        self.schedule = optim.lr_scheduler.ExponentialLR(self.optimizer, 0.99)
        self.loader = DataLoader(Points(), 4, shuffle=True)
        self.pool, self.fixed = Pool(), mg.rand(16, 1, device=device)
        self.parts = {
            "net": self.net, "optimizer": self.optimizer, "schedule": self.schedule, "data": self.loader,
            "pool": self.pool, "fixed": self.fixed,
        }  # fmt: skip

    def batches(self):
        for x, y in self.loader.forever():
            yield x.reshape(-1, 1).to(self.device), y.reshape(-1, 1).to(self.device)

    def step(self, batches, number):
        x, y = next(batches)
        error = self.net(x + 0.01 * mg.randn_like(x)) - y
        loss = (error * error).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        self.pool.kept = [*self.pool.kept, loss.detach()][-5:]
        losses = {"loss": loss.detach()}
        return losses if number % 3 else {**losses, "penalty": loss.detach() * 0.5}

    def draw(self):
        return mg.sigmoid(self.net(self.fixed)).reshape(1, 1, 4, 4).expand(1, 3, 4, 4).cpu().numpy()

    def metrics(self):
        return {"slope": self.net.weight.item()}
