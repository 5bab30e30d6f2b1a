"""Two generators, two discriminators and a cycle: CycleGAN (Zhu et al. 2017) and DiscoGAN (Kim et al. 2017).

Both run the same loop on unpaired pictures x of A and y of B: G makes B of A, F makes A of B, and F(G(x)) should be x
again, G(F(y)) y. They differ in networks and losses:

                  CycleGAN                             DiscoGAN
    networks      residual, instance norm; PatchGAN    encoder-decoder, batch norm; DCGAN's
    game          least squares, an image pool         cross-entropy, and feature matching
    cycle         L1                                   mean square
    identity      |G(y) - y| + |F(x) - x|              -
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

import minigrad as mg
import minigrad.nn.functional as functional
from minigrad import Tensor, nn, optim
from minigrad.data import DataLoader
from minigrad.devices import Device
from nets import discogan
from nets.patch_discriminator import PatchDiscriminator
from nets.resnet_generator import ResNetGenerator

from ..common.images import Picture
from ..common.losses import bce
from ..common.run_page import About, Plot
from ..common.run_parts import Part
from ..common.training_run import Game
from . import metrics
from .domains import Domains
from .image_pool import ImagePool
from .losses import feature_matching, squares
from .panel import ROWS, fixed_noise, panel
from .players import parts_of
from .settings import CycleSettings

EXPLANATION = (
    "Each discriminator learns to tell one domain's pictures from what its generator makes; each generator learns to "
    "deceive it, and the other generator must get the input back from the output. Without that cycle a generator may "
    "give any picture of the other domain, whatever it is shown."
)
PLOTS = (
    Plot("losses", {"D of A": "d_a", "D of B": "d_b", "G, GAN": "g_gan", "F, GAN": "f_gan"}, "loss", "the game"),
    Plot("cycles", {"F(G(x)) - x": "cycle_a", "G(F(y)) - y": "cycle_b"}, "distance", "what the cycles lose"),
)


class Cycle:
    """The four networks of one variant, their optimizers, schedules and pools. G: A to B; F: B to A."""

    def __init__(self, game: type[CycleGame], settings: CycleSettings, lambda_cycle: float, device: Device) -> None:
        self.game, self.settings, self.lambda_cycle = game, settings, lambda_cycle
        self.G, self.F = (network.to(device=device) for network in game.generators(settings))
        self.D_A, self.D_B = (network.to(device=device) for network in game.discriminators(settings))
        options: dict[str, Any] = {
            "lr": settings.lr,
            "betas": (settings.beta1, 0.999),
            "weight_decay": settings.weight_decay,
        }
        self.g_optimizer = optim.Adam([*self.G.parameters(), *self.F.parameters()], **options)
        self.d_optimizer = optim.Adam([*self.D_A.parameters(), *self.D_B.parameters()], **options)
        self.g_schedule, self.d_schedule = (
            optim.lr_scheduler.LambdaLR(optimizer, self.lr_factor) for optimizer in (self.g_optimizer, self.d_optimizer)
        )
        self.pool_a, self.pool_b = ImagePool(settings.pool), ImagePool(settings.pool)

    def lr_factor(self, step: int) -> float:
        """1 for constant_steps, then falling to 0 within decay_steps."""
        late = step - self.settings.constant_steps
        return 1.0 if late <= 0 else max(0.0, 1.0 - late / self.settings.decay_steps)

    def step(self, x: Tensor, y: Tensor, number: int) -> dict[str, Tensor]:
        """One step of both generators, then one of both discriminators."""
        fake_b, fake_a = self.G(x), self.F(y)
        losses = self.improve_generators(x, y, fake_b, fake_a)
        if number % self.settings.d_interval == 0:
            self.d_optimizer.zero_grad()
            d_a = self.discriminator_loss(self.D_A, x, self.pool_a.query(fake_a.detach()))
            d_b = self.discriminator_loss(self.D_B, y, self.pool_b.query(fake_b.detach()))
            (d_a + d_b).backward()
            self.d_optimizer.step()
            losses |= {"d_a": d_a.detach(), "d_b": d_b.detach()}
        self.g_schedule.step()
        self.d_schedule.step()
        return losses

    def improve_generators(self, x: Tensor, y: Tensor, fake_b: Tensor, fake_a: Tensor) -> dict[str, Tensor]:
        """GAN + cycle + identity, for both directions in one step."""
        settings, game = self.settings, self.game
        self.g_optimizer.zero_grad()
        for network in (self.D_A, self.D_B):
            network.requires_grad_(False)
        g_gan, f_gan = self.deceive(self.D_B, y, fake_b), self.deceive(self.D_A, x, fake_a)
        loss = g_gan + f_gan
        cycle_a, cycle_b = game.distance(self.F(fake_b), x), game.distance(self.G(fake_a), y)
        loss = loss + self.lambda_cycle * (cycle_a + cycle_b)
        if settings.lambda_identity:
            identity = functional.l1_loss(self.G(y), y) + functional.l1_loss(self.F(x), x)
            loss = loss + settings.lambda_identity * identity
        loss.backward()
        for network in (self.D_A, self.D_B):
            network.requires_grad_(True)
        self.g_optimizer.step()
        losses = {"g_gan": g_gan, "f_gan": f_gan, "cycle_a": cycle_a, "cycle_b": cycle_b}
        return {name: value.detach() for name, value in losses.items()}

    def deceive(self, D: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        """What a generator is told by a discriminator: look real and, if asked for, match features."""
        logits, features = self.game.discriminate(D, fake)
        loss = self.settings.lambda_gan * self.game.verdict(logits, True)
        if self.settings.lambda_features:
            with mg.no_grad():
                wanted = self.game.discriminate(D, real)[1]
            loss = loss + self.settings.lambda_features * feature_matching(wanted, features)
        return loss

    def discriminator_loss(self, D: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        """Real and generated pictures, half each: the objective is halved while optimizing D."""
        verdict, discriminate = self.game.verdict, self.game.discriminate
        return 0.5 * (verdict(discriminate(D, real)[0], True) + verdict(discriminate(D, fake)[0], False))


class CycleGame(Game):
    """The game on unpaired pictures; the subclasses say what its networks and losses are."""

    columns = ("d_a", "d_b", "g_gan", "f_gan", "cycle_a", "cycle_b")
    title: ClassVar[str]

    def __init__(self, settings: CycleSettings, domains: Domains, device: Device) -> None:
        self.settings, self.domains, self.device = settings, domains, device
        self.about = About(self.title, "x, G(x), F(G(x)) and y, F(y), G(F(y)), held-out pictures.", EXPLANATION, PLOTS)
        variants = {"cycle": settings.lambda_cycle, **({"no cycle": 0.0} if settings.compare else {})}
        self.variants = {name: Cycle(type(self), settings, weight, device) for name, weight in variants.items()}
        assert domains.b is not None and domains.test_b is not None
        self.loaders = [
            DataLoader(each, settings.batch_size, shuffle=True, drop_last=True) for each in (domains.a, domains.b)
        ]
        self.test_a, self.test_b = domains.test_a, domains.test_b
        parts = {"data_a": self.loaders[0], "data_b": self.loaders[1]}
        self.parts: Mapping[str, Part] = {**parts, **parts_of(self.variants)}

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Pictures of A and of B that have nothing to do with each other."""
        for x, y in zip(*(loader.forever() for loader in self.loaders)):
            yield x.to(self.device), y.to(self.device)

    def step(self, batches: Iterator[tuple[Tensor, Tensor]], number: int) -> Mapping[str, Tensor]:
        """One step of every variant on the same batch; the losses are those with the cycle."""
        x, y = next(batches)
        losses = [variant.step(x, y, number) for variant in self.variants.values()]
        return losses[0]

    def draw(self) -> Picture:
        """x, G(x), F(G(x)), and y, F(y), G(F(y))."""
        columns: dict[str, Tensor] = {}
        x, y = (pictures.first(ROWS).to(self.device) for pictures in (self.test_a, self.test_b))
        count = min(len(x), len(y))
        x, y = x[:count], y[:count]
        with fixed_noise():
            for name, variant in self.variants.items():
                note = "" if name == "cycle" else f", {name}"
                for network in (variant.G, variant.F):
                    network.eval()
                fake_b, fake_a = variant.G(x), variant.F(y)
                made = {f"G(x){note}": fake_b, f"F(G(x)){note}": variant.F(fake_b)}
                back = {f"F(y){note}": fake_a, f"G(F(y)){note}": variant.G(fake_a)}
                columns |= {"x": x, **made, "y": y, **back} if not note else {**made, **back}
                for network in (variant.G, variant.F):
                    network.train()
        return panel(columns)

    def metrics(self) -> Mapping[str, Any]:
        """What is kept of a picture and of its digit, with the cycle and, if compared, without."""
        found: dict[str, Any] = {}
        for name, variant in self.variants.items():
            note = "" if name == "cycle" else f" ({name})"
            measured = metrics.of_cycle(self.domains, self.settings.task, variant.G, variant.F, self.device)
            found |= {f"{key}{note}": value for key, value in measured.items()}
        return found

    @classmethod
    def translators(cls, settings: CycleSettings) -> dict[str, tuple[str, nn.Module]]:
        """By direction the generator's part in a checkpoint, and a network for its state."""
        G, F = cls.generators(settings)
        return {"AtoB": ("cycle.G", G), "BtoA": ("cycle.F", F)}

    # ------------------------------------------------------------------------ what the recipes differ in
    @staticmethod
    def generators(settings: CycleSettings) -> tuple[nn.Module, nn.Module]:
        """(G from A to B, F from B to A)."""
        raise NotImplementedError

    @staticmethod
    def discriminators(settings: CycleSettings) -> tuple[nn.Module, nn.Module]:
        """(of A, of B)."""
        raise NotImplementedError

    @staticmethod
    def discriminate(D: nn.Module, pictures: Tensor) -> tuple[Tensor, list[Tensor]]:
        """(logits, features to match)."""
        raise NotImplementedError

    verdict: Callable[[Tensor, bool], Tensor]  # the loss of logits that should say real or fake
    distance: Callable[[Tensor, Tensor], Tensor]  # how far a picture is from itself after the cycle


class CycleGAN(CycleGame):
    """Least squares, L1 cycles, an image pool, identity. (Zhu, Park, Isola and Efros 2017, sections 3 and 4.)"""

    name, title = "cyclegan", "CycleGAN"
    verdict, distance = staticmethod(squares), staticmethod(functional.l1_loss)

    @staticmethod
    def generators(settings: CycleSettings) -> tuple[nn.Module, nn.Module]:
        a, b, size = settings.a_channels, settings.b_channels, {"blocks": settings.blocks, "width": settings.width}
        return ResNetGenerator(a, b, **size), ResNetGenerator(b, a, **size)

    @staticmethod
    def discriminators(settings: CycleSettings) -> tuple[nn.Module, nn.Module]:
        channels = settings.a_channels, settings.b_channels
        d_a, d_b = (PatchDiscriminator(each, settings.layers, settings.width, affine=False) for each in channels)
        return d_a, d_b

    @staticmethod
    def discriminate(D: nn.Module, pictures: Tensor) -> tuple[Tensor, list[Tensor]]:
        return D(pictures), []


class DiscoGAN(CycleGame):
    """Cross-entropy, mean square cycles, feature matching. (Kim, Cha, Kim, Lee and Kim 2017, section 3.)"""

    name, title = "discogan", "DiscoGAN"
    verdict, distance = staticmethod(bce), staticmethod(functional.mse_loss)

    @staticmethod
    def generators(settings: CycleSettings) -> tuple[nn.Module, nn.Module]:
        a, b, size = settings.a_channels, settings.b_channels, (settings.size, settings.width)
        return discogan.Generator(a, b, *size), discogan.Generator(b, a, *size)

    @staticmethod
    def discriminators(settings: CycleSettings) -> tuple[nn.Module, nn.Module]:
        size = settings.size, settings.width
        return discogan.Discriminator(settings.a_channels, *size), discogan.Discriminator(settings.b_channels, *size)

    @staticmethod
    def discriminate(D: Any, pictures: Tensor) -> tuple[Tensor, list[Tensor]]:
        return D.features(pictures)
