"""How GANs fail, on purpose, with plots that explain it.

    python -m experiments.gan_failures --out out/failures

1. Saturation: how hard the generator's loss pulls, against what the discriminator says. The minimax loss hardly pulls
   where the generator is worst. (Goodfellow et al. 2014, section 3.)
2. An overpowering discriminator: trained twenty steps for each of the generator's. It ends up certain, and the pull on
   generated points under the minimax loss dies; the non-saturating and the Wasserstein loss keep pulling.
   (Arjovsky and Bottou 2017, section 2.)
3. Mode collapse: eight spots on a ring; the plain GAN covers few of them, WGAN-GP all. (Metz et al. 2017, section 3.1;
   Gulrajani et al. 2017.)
4. The game x y: one player moves x to make it small, the other y to make it large. Steps taken at the same time circle
   away from the only equilibrium, (0, 0); steps in turn circle around it; with a damping term they arrive. (Mescheder,
   Geiger and Nowozin 2018, section 2; Gidel et al. 2019, proposition 3.)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import minigrad as mg
from minigrad.devices import Device

from .common.cli import Parser, add_common, positive_int, run, start
from .common.html_page import Page
from .common.images import save_picture, strip
from .common.output_folder import OutputFolder
from .common.plots import plot_curves
from .common.report import REPORT, print_report, write_report
from .gan.losses import LOSSES
from .gan.plane import PLANE_LOSSES, Watcher, generated, make_players, play
from .gan.toy_data import ring
from .gan.training import Players, improve_discriminator, improve_generator
from .gan.zero_sum import RULES, play_product

FILES = ("saturation.png", "overpowering.png", "collapse.png", "zero_sum.png", REPORT, "index.html")
HIDDEN, BATCH, RATE = 64, 128, 1e-3
START = 5  # steps in which the discriminator comes to overpower
OVERPOWERED = {"saturating": "minimax", "ns": "non-saturating", "wgan-gp": "Wasserstein with gradient penalty"}


def saturation(folder: Path) -> dict[str, float]:
    """Plot |d g_loss / d logit| against the logit, and give it at a logit of -6."""
    scores = np.linspace(-8, 8, 161, dtype=np.float64)
    pulls = {}
    for name, title in (("saturating", "minimax: log(1 - D)"), ("ns", "non-saturating: -log D")):
        logits = mg.tensor(scores.reshape(-1, 1), requires_grad=True)
        LOSSES[name].generator(logits).backward()
        assert logits.grad is not None
        pulls[title] = np.abs(logits.grad.numpy()[:, 0]) * len(scores)
    plot_curves(pulls, folder / "saturation.png", scores, label="pull on the generator", title="x: what D says (logit)")
    at = int(np.argmin(np.abs(scores + 6)))
    return dict(zip(("minimax pull at logit -6", "non-saturating pull at logit -6"), (p[at] for p in pulls.values())))


def pull_on_samples(players: Players) -> float:
    """The mean length of the gradient of the generator's loss at generated points."""
    with mg.no_grad():
        made = players.generate(None, BATCH)
    made = made.detach().requires_grad_()
    (gradient,) = mg.grad(players.loss.generator(players.D(made)), [made])
    return float(np.linalg.norm(gradient.cpu().numpy() * BATCH, axis=1).mean())


def overpowering(folder: Path, steps: int, device: Device) -> dict[str, float]:
    """Train the discriminator 20 times as often, under three losses, and plot the pull on generated points."""
    curves: dict[str, list[float]] = {}
    found = {}
    for name, title in OVERPOWERED.items():
        mg.manual_seed(0)
        players, points = make_players(PLANE_LOSSES[name], RATE, HIDDEN, device), ring()
        batches = points.batches(BATCH, device)
        curves[title] = []
        for _ in range(steps):
            for _ in range(20):
                losses = improve_discriminator(players, *next(batches))
            curves[title].append(pull_on_samples(players))
            improve_generator(players, BATCH)
        found[f"smallest pull after {START} steps, {title}"] = min(curves[title][START:])
        found[f"D(x) - D(G(z)) at the end, {title}"] = (losses["d_real"] - losses["d_fake"]).item()
    plot_curves(curves, folder / "overpowering.png", label="mean pull on generated points", log=True)
    return found


def collapse(folder: Path, steps: int, device: Device) -> dict[str, Any]:
    """Train on the ring under two losses and draw the last frame of each."""
    frames, found = [], {}
    for name, length in (("ns", 4 * steps), ("wgan-gp", steps)):
        mg.manual_seed(0)
        players, points = make_players(PLANE_LOSSES[name], RATE, HIDDEN, device), ring()
        watcher: Watcher = play(players, points, length, BATCH)
        watcher.observe()
        frames.append(watcher.draw(watcher.moments[-1]))
        report = points.report(generated(players, 2000))
        found[f"modes of 8, {name}"], found[f"close to one, {name}"] = report["modes"], report["close"]
    save_picture(strip(frames, ["non-saturating GAN", "WGAN-GP"]), folder / "collapse.png")
    return found


def zero_sum(folder: Path) -> dict[str, float]:
    """Play x y under three rules and plot how far the players are from the equilibrium."""
    distances = {rule: np.hypot(*play_product(rule).T) for rule in RULES}
    plot_curves(distances, folder / "zero_sum.png", label="distance to (0, 0)", log=True)
    return {f"x y: distance after {len(d) - 1} steps, {rule}": float(d[-1]) for rule, d in distances.items()}


def write_page(folder: Path, found: dict[str, Any]) -> None:
    page = Page("How GANs fail", "Four failures, provoked where one can see through them.")
    page.heading("Saturation")
    page.paragraph(
        "At the start the discriminator rejects everything generated: its logits there are far below 0. The minimax "
        "loss log(1 - D) is flat there and pulls least when the generator is worst; -log D pulls most."
    )
    page.picture(folder / "saturation.png", width=560)
    page.heading("An overpowering discriminator")
    page.paragraph(
        "Twenty discriminator steps for each of the generator's. Real and generated points do not overlap, so the "
        "discriminator becomes certain. Under the minimax loss the generator is then left without a direction; a "
        "critic with a gradient penalty has gradient about 1 everywhere and keeps giving one."
    )
    page.picture(folder / "overpowering.png", width=560)
    page.heading("Mode collapse")
    page.paragraph(
        "Eight spots. The plain generator may put all its points on a few: no point is wrong, so no gradient asks for "
        "the missing ones. The Wasserstein loss compares the two distributions as wholes."
    )
    page.picture(folder / "collapse.png")
    page.heading("A game without a loss that falls")
    page.paragraph(
        "One player moves x to make x y small, the other y to make it large; at (0, 0) neither can gain. Each follows "
        "its own gradient, and yet together they circle: taken at the same time, every step of size r carries them "
        "outward by a factor sqrt(1 + r^2). A term that pulls each player's own variable down cures it, which is what "
        "penalties on the discriminator's gradient do for GANs."
    )
    page.picture(folder / "zero_sum.png", width=560)
    page.heading("Results")
    page.table(["metric", "value"], found.items())
    page.save(folder / "index.html")


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """The command line; returns the results."""
    parser = Parser("Make GANs fail on purpose and explain how.", prog="python -m experiments.gan_failures")
    parser.add_argument("--steps", type=positive_int, default=600, metavar="N", help="length of the longest part")
    parser.add_argument("--out", default="out/failures", metavar="DIR", help="the folder for the results")
    add_common(parser)
    options = parser.parse_args(arguments)
    device = start(options)
    with OutputFolder(options.out) as output:
        folder = output.claim(*FILES)
        found: dict[str, Any] = saturation(folder)
        found |= overpowering(folder, max(options.steps // 6, 10), device)
        found |= collapse(folder, options.steps, device)
        found |= zero_sum(folder)
        write_report(folder, found)
        write_page(folder, found)
    print_report(folder, found)
    return found


if __name__ == "__main__":
    run(main)
