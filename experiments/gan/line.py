"""The game on a line, where everything can be drawn: both densities, the discriminator, and the best one there is.

For a fixed generator with density q, the discriminator that plays best against data of density p is

    D*(x) = p(x) / (p(x) + q(x))

and the value of the game is then 2 JSD(p, q) - log 4, with the Jensen-Shannon divergence

    JSD(p, q) = (KL(p, m) + KL(q, m)) / 2,    m = (p + q) / 2,

which is 0 where q = p and log 2 where they do not overlap. (Goodfellow et al. 2014, propositions 1 and 2, theorem 1,
figure 1.) The generator here is G(z) = a z + b with normal z, so that q is known exactly: normal, of mean b and
deviation |a|.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

import minigrad as mg
from minigrad import nn, optim
from minigrad.devices import Device

from .losses import GanLoss
from .training import Players

LOW, HIGH, PLACES = -6.0, 6.0, 601  # the stretch of the line that is drawn and integrated over
DATA_MEAN, DATA_DEVIATION = 1.5, 0.6
START_MEAN, START_DEVIATION = -2.5, 1.2


def line() -> np.ndarray:
    """The places (PLACES,) at which densities and D are known."""
    return np.linspace(LOW, HIGH, PLACES)


def normal_density(x: np.ndarray, mean: float, deviation: float) -> np.ndarray:
    """exp(-(x - mean)^2 / (2 deviation^2)) / (deviation sqrt(2 pi))."""
    return np.exp(-0.5 * ((x - mean) / deviation) ** 2) / (deviation * np.sqrt(2 * np.pi))


def best_discriminator(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """D* = p / (p + q); 1/2 where both densities are 0."""
    total = p + q
    return np.where(total > 0, p / np.where(total > 0, total, 1.0), 0.5)


def jensen_shannon(x: np.ndarray, p: np.ndarray, q: np.ndarray) -> float:
    """JSD(p, q) in nats, by the trapezoidal rule over the places x."""
    middle = (p + q) / 2

    def divergence(density: np.ndarray) -> float:
        ratio = np.where(density > 0, density / np.where(middle > 0, middle, 1.0), 1.0)
        return float(np.trapezoid(density * np.log(ratio), x))

    return (divergence(p) + divergence(q)) / 2


def generator_losses(d: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Both generator losses at D(G(z)) = d in (0, 1), each with its slope by d: {name: (values, slopes)}.

    log(1 - d) with slope -1 / (1 - d), flat where the generator is worst (d near 0); -log d with slope -1 / d, steepest
    there. The slopes are computed by the engine.
    """
    found = {}
    for name, loss in (("log(1 - D)", lambda x: mg.log(1.0 - x)), ("-log D", lambda x: -mg.log(x))):
        x = mg.tensor(d, dtype=mg.float64, requires_grad=True)
        values = loss(x)
        values.sum().backward()
        assert x.grad is not None
        found[name] = values.detach().numpy(), x.grad.numpy()
    return found


class Affine(nn.Module):
    """G(z) = a z + b for z (N, 1): normal numbers of mean b and deviation |a|."""

    def __init__(self, mean: float = START_MEAN, deviation: float = START_DEVIATION) -> None:
        super().__init__()
        self.scale = nn.Parameter(mg.tensor([[deviation]]))
        self.shift = nn.Parameter(mg.tensor([[mean]]))

    def forward(self, z: mg.Tensor) -> mg.Tensor:
        return z * self.scale + self.shift


def make_line_players(loss: GanLoss, lr: float, hidden: int, device: Device) -> Players:
    """The affine generator against a discriminator with two hidden layers of tanh, so that D is smooth."""
    generator = Affine().to(device=device)
    discriminator = nn.Sequential(
        nn.Linear(1, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh(), nn.Linear(hidden, 1)
    ).to(device=device)
    d_optimizer = optim.Adam(discriminator.parameters(), lr=lr, betas=(0.5, 0.999))
    g_optimizer = optim.Adam(generator.parameters(), lr=lr, betas=(0.5, 0.999))
    return Players(
        generator, discriminator, g_optimizer, d_optimizer, loss, lambda count: mg.randn(count, 1, device=device),
        device=device,
    )  # fmt: skip


@dataclass
class Moment:
    """The game at one step. x, p, q, d, best: places, data density, generator density, D and D* there."""

    step: int
    p: np.ndarray
    q: np.ndarray
    d: np.ndarray
    mean: float
    deviation: float
    x: np.ndarray = field(default_factory=line)

    @property
    def best(self) -> np.ndarray:
        return best_discriminator(self.p, self.q)

    @property
    def jsd(self) -> float:
        return jensen_shannon(self.x, self.p, self.q)


def moment(players: Players) -> Moment:
    """What is to be seen of the game now."""
    x = line()
    with mg.no_grad():
        logits = players.D(mg.tensor(x.reshape(-1, 1), dtype=mg.float32, device=players.device))
        d = mg.sigmoid(logits).cpu().numpy()[:, 0]
    mean, deviation = players.G.shift.item(), abs(players.G.scale.item())
    p, q = normal_density(x, DATA_MEAN, DATA_DEVIATION), normal_density(x, mean, max(deviation, 1e-3))
    return Moment(players.step, p, q, d, mean, deviation)
