"""The optimization of one picture: targets from content and style, the loss, and the loop.

    search = Search(Targets(...), picture, steps=200)
    for evaluation in search:                  # ends after 200 evaluations of the loss
        print(evaluation.step, evaluation.losses)
    result = search.best

`Search.__iter__` is the loop that a learner should read; `Targets` holds what the picture is compared with.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

import minigrad as mg
from minigrad import Tensor, optim
from minigrad.random import generator
from nets.vgg import VGG16, VGG19

from .losses import content_loss, style_loss, style_target, tv_loss
from .presets import Preset

Losses = dict[str, float]


def noise_picture(height: int, width: int) -> np.ndarray:
    """A gray picture with normal noise of deviation 0.1, (1, 3, height, width), to start from."""
    values = generator().standard_normal((1, 3, height, width), dtype=np.float32)
    return np.clip(0.5 + 0.1 * values, 0, 1).astype(np.float32)


class Goal(Protocol):
    """What a search needs to know: the network that looks, how to optimize, and the loss of a picture with its terms,
    among them "total"."""

    net: VGG16 | VGG19
    preset: Preset

    def loss(self, image: Tensor) -> tuple[Tensor, Losses]: ...


class Targets:
    """The content's features, and each style's Gram matrices, in the layers that the preset names.

    styles: pictures (1, 3, H, W) with blend weights. masks: for each style where it applies, (1, 1, H, W), or None.
    """

    def __init__(
        self,
        net: VGG16 | VGG19,
        preset: Preset,
        content: Tensor,
        styles: Sequence[tuple[Tensor, float]],
        masks: Sequence[Tensor | None],
    ) -> None:
        self.net, self.preset, self.masks = net, preset, masks
        self.layers = [*preset.content_layers, *preset.style_layers]
        with mg.no_grad():
            own = net.features(content, self.layers)
            self.content = {name: own[name] for name in preset.content_layers}
            self.weights = [weight for _, weight in styles]
            self.styles = []
            for picture, _ in styles:
                seen = net.features(picture, list(preset.style_layers))
                self.styles.append(
                    {n: style_target(seen[n], preset.normalization, own[n]) for n in preset.style_layers}
                )

    def loss(self, image: Tensor) -> tuple[Tensor, Losses]:
        """The loss of a picture, RGB in [0, 1], and its terms."""
        preset = self.preset
        features = self.net.features(image, self.layers)
        content = style = mg.zeros((), device=image.device)
        for name, weight in preset.content_layers.items():
            content = content + weight * content_loss(features[name], self.content[name], preset.normalization)
        pixels, layers = image.shape[2] * image.shape[3], len(preset.style_layers)
        for blend, mask, grams in zip(self.weights, self.masks, self.styles):
            for name, weight in preset.style_layers.items():
                here = None if mask is None else resized_mask(mask, features[name])
                term = style_loss(features[name], grams[name], preset.normalization, pixels, layers, here)
                style = style + (blend * weight) * term
        smooth = tv_loss(image * preset.range, preset.tv_power) * preset.tv_weight
        total = content + style + smooth
        return total, {"total": total, "content": content, "style": style, "tv": smooth}  # type: ignore[dict-item]


def resized_mask(mask: Tensor, features: Tensor) -> Tensor:
    """A mask (1, 1, H, W) averaged down to the features' height and width."""
    return mg.nn.functional.adaptive_avg_pool2d(mask, features.shape[2:])


def make_optimizer(preset: Preset, image: Tensor) -> optim.Optimizer:
    """The preset's optimizer of one tensor. L-BFGS makes one iteration a step, and never stops by itself."""
    if preset.optimizer == "lbfgs":
        never = {"tolerance_grad": 0.0, "tolerance_change": 0.0}
        return optim.LBFGS([image], max_iter=1, max_eval=25, **never, history_size=20, line_search_fn="strong_wolfe")
    kind = {"adam": optim.Adam, "sgd": optim.SGD}[preset.optimizer]
    return kind([image], preset.lr)


@dataclass(frozen=True)
class Evaluation:
    """One evaluation of the loss. step: its number, from 1. picture: (1, 3, H, W), not clipped to [0, 1]."""

    step: int
    losses: Losses
    picture: np.ndarray


class Search:
    """The search for a picture from `start`, (1, 3, H, W), RGB in [0, 1], in `steps` evaluations of the loss.

    Iterating over it runs the search; `best` is the picture of the smallest loss so far. Pixels are in the preset's
    range; what leaves [0, 1] is clipped only in the result.
    """

    def __init__(self, targets: Goal, start: np.ndarray, steps: int) -> None:
        self.targets, self.preset, self.steps, self.step = targets, targets.preset, steps, 0
        self.image = mg.tensor(
            start * self.preset.range, dtype=mg.float32, device=targets.net.mean.device, requires_grad=True
        )
        self.best, self.best_loss = start, math.inf
        self.lr_scale = 1.0  # times the preset's lr
        self.is_finite = True  # whether the last loss and gradient were
        self.optimizer = make_optimizer(self.preset, self.image)
        self._evaluated: tuple[Tensor, Tensor] | None = None  # the last place and its loss; image.grad belongs to it
        self._new: list[Evaluation] = []

    def __iter__(self) -> Iterator[Evaluation]:
        """Every evaluation, in order; L-BFGS may make several in an iteration.

        Errors: RuntimeError if the loss of the first picture is not finite.
        """
        while self.step < self.steps:
            self.set_step_length()
            with np.errstate(over="ignore", invalid="ignore"):
                self.optimizer.step(self.closure)
            if not self._new:  # L-BFGS is on a flat spot: begin anew instead of stopping
                self.optimizer, self._evaluated = make_optimizer(self.preset, self.image), None
            if self.preset.optimizer != "lbfgs" and not self.is_finite:
                self.go_back()
            yield from self._new
            self._new.clear()

    def closure(self) -> Tensor:
        """The loss, with its gradient, for the optimizer.

        Where L-BFGS was last it need not be evaluated again. Beyond the last step every place counts as infinitely
        bad, which ends a line search at the best place that it has seen.
        """
        if self._evaluated and bool((self._evaluated[0] == self.image.detach()).all()):
            return self._evaluated[1]
        if self.step >= self.steps:
            return mg.tensor(math.inf)
        self.optimizer.zero_grad()
        loss, terms = self.targets.loss(self.image / self.preset.range)
        loss.backward()
        self.step += 1
        self._evaluated = self.image.detach().clone(), loss.detach()
        self._record({name: float(term) for name, term in terms.items()})
        return self._evaluated[1]

    def _record(self, losses: Losses) -> None:
        """Note an evaluation, and the picture if it is the best so far."""
        picture = self.image.detach().cpu().numpy() / self.preset.range
        gradient = float(self.image.grad.abs().sum())  # type: ignore[union-attr]
        self.is_finite = math.isfinite(losses["total"]) and math.isfinite(gradient)
        if not self.is_finite and math.isinf(self.best_loss):
            raise RuntimeError(
                "style transfer: the loss was never finite, not even for the first picture; check the weights file, "
                "and the weights given to losses and layers"
            )
        if self.is_finite and losses["total"] < self.best_loss:
            self.best, self.best_loss = picture, losses["total"]
        self._new.append(Evaluation(self.step, losses, picture))

    def set_step_length(self) -> None:
        """lr times lr_decay for each hundred steps, for Adam and SGD; L-BFGS finds its own."""
        if self.preset.optimizer != "lbfgs":
            decay = self.preset.lr_decay ** (self.step / 100)
            self.optimizer.param_groups[0]["lr"] = self.preset.lr * decay * self.lr_scale

    def go_back(self) -> None:
        """After a step to NaN: to the best picture, without the averages that the NaN spoiled, at half the lr.

        The lr stays cut: where the step was too long once, it would be again. (L-BFGS goes back by itself.)
        """
        self.lr_scale /= 2
        with mg.no_grad():
            self.image.copy_(mg.tensor(self.best * self.preset.range, dtype=mg.float32, device=self.image.device))
        self.optimizer, self._evaluated = make_optimizer(self.preset, self.image), None
        warnings.warn(
            f"step {self.step}: the loss was not finite; going on from the best picture with {self.lr_scale:g} times "
            "the lr",
            stacklevel=2,
        )
