"""The optimization of one picture: targets from content and style, the loss, and the loop.

`optimise` is the loop that a learner should read; `Targets` holds what the picture is compared with.
"""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Callable, Sequence

import numpy as np

import minigrad as mg
from minigrad import Tensor, optim
from nets.vgg import VGG16, VGG19

from .losses import content_loss, style_loss, style_target, tv_loss
from .presets import Preset

Losses = dict[str, float]
LBFGS_ITERATIONS = 10  # in each call of step, between looks at the clock


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
                    {n: style_target(seen[n], preset.normalisation, own[n]) for n in preset.style_layers}
                )

    def loss(self, image: Tensor) -> tuple[Tensor, Losses]:
        """The loss of a picture, RGB in [0, 1], and its terms."""
        preset = self.preset
        features = self.net.features(image, self.layers)
        content = style = mg.zeros((), device=image.device)
        for name, weight in preset.content_layers.items():
            content = content + weight * content_loss(features[name], self.content[name], preset.normalisation)
        pixels, layers = image.shape[2] * image.shape[3], len(preset.style_layers)
        for blend, mask, grams in zip(self.weights, self.masks, self.styles):
            for name, weight in preset.style_layers.items():
                here = None if mask is None else resized_mask(mask, features[name])
                term = style_loss(features[name], grams[name], preset.normalisation, pixels, layers, here)
                style = style + (blend * weight) * term
        smooth = tv_loss(image * preset.range, preset.tv_power) * preset.tv_weight
        total = content + style + smooth
        return total, {"total": total, "content": content, "style": style, "tv": smooth}  # type: ignore[dict-item]


def resized_mask(mask: Tensor, features: Tensor) -> Tensor:
    """A mask (1, 1, H, W) averaged down to the features' height and width."""
    return mg.nn.functional.adaptive_avg_pool2d(mask, features.shape[2:])


def make_optimizer(preset: Preset, image: Tensor) -> optim.Optimizer:
    """The preset's optimizer of one tensor."""
    if preset.optimizer == "lbfgs":
        return optim.LBFGS(
            [image],
            max_iter=LBFGS_ITERATIONS,
            tolerance_grad=0,
            tolerance_change=0,
            history_size=20,
            line_search_fn="strong_wolfe",
        )
    kind = {"adam": optim.Adam, "sgd": optim.SGD}[preset.optimizer]
    return kind([image], preset.lr)


class Enough(Exception):
    """Raised inside the closure when the steps are used up or the user wants to stop."""


class Search:
    """The picture that is changed, the best one so far, and the optimizer with its step length.

    Pixels are in the preset's range; what leaves [0, 1] is clipped only in the result.
    """

    def __init__(self, targets: Targets, start: np.ndarray) -> None:
        self.targets, self.preset = targets, targets.preset
        self.image = mg.tensor(
            start * self.preset.range, dtype=mg.float32, device=targets.net.mean.device, requires_grad=True
        )
        self.best: tuple[float, np.ndarray] = (math.inf, start)
        self.caution = 1.0  # times the preset's lr
        self.healthy = True  # whether the last loss and gradient were finite
        self.optimizer = make_optimizer(self.preset, self.image)

    def evaluate(self) -> tuple[Tensor, Losses, np.ndarray]:
        """The loss with its gradient, the terms, and the picture (1, 3, H, W) in terms of [0, 1].

        Errors: RuntimeError if not even the first picture's loss is finite.
        """
        self.optimizer.zero_grad()
        loss, terms = self.targets.loss(self.image / self.preset.range)
        loss.backward()
        losses = {name: float(term) for name, term in terms.items()}
        slope = float(self.image.grad.abs().sum())  # type: ignore[union-attr]
        picture = self.image.detach().cpu().numpy() / self.preset.range
        self.healthy = math.isfinite(losses["total"]) and math.isfinite(slope)
        if not self.healthy and math.isinf(self.best[0]):
            raise RuntimeError(
                "style transfer: the loss was never finite, not even for the first picture; check the weights file, "
                "and the weights given to losses and layers"
            )
        if self.healthy and losses["total"] < self.best[0]:
            self.best = (losses["total"], picture.copy())
        return loss, losses, picture

    def set_step_length(self, step: int) -> None:
        """lr times lr_decay for each hundred steps, for Adam and SGD; L-BFGS finds its own."""
        if self.preset.optimizer != "lbfgs":
            decay = self.preset.lr_decay ** (step / 100)
            self.optimizer.param_groups[0]["lr"] = self.preset.lr * decay * self.caution

    def go_back(self, step: int) -> None:
        """After a step to NaN: to the best picture, without the averages that the NaN spoiled, at half the lr.

        The lr stays cut: where the step was too long once, it would be again. (L-BFGS goes back by itself.)
        """
        self.caution /= 2
        with mg.no_grad():
            self.image.copy_(mg.tensor(self.best[1] * self.preset.range, dtype=mg.float32, device=self.image.device))
        self.optimizer = make_optimizer(self.preset, self.image)
        warnings.warn(
            f"step {step}: the loss was not finite; going on from the best picture with {self.caution:g} times the lr",
            stacklevel=2,
        )


def optimise(
    targets: Targets, start: np.ndarray, steps: int, watch: Callable[[int, Losses, np.ndarray], bool]
) -> np.ndarray:
    """Change the picture `start` (1, 3, H, W), RGB in [0, 1], for `steps` evaluations of the loss; returns the best.

    watch: called after each evaluation with (step, losses, picture); returns True to stop.
    Errors: RuntimeError if the loss of `start` is not finite.
    """
    search, step = Search(targets, start), 0

    def closure() -> Tensor:
        nonlocal step
        loss, losses, picture = search.evaluate()
        step += 1
        if watch(step, losses, picture) or step >= steps:
            raise Enough
        return loss

    with contextlib.suppress(Enough), np.errstate(over="ignore", invalid="ignore"):
        while True:
            before = step
            search.set_step_length(step)
            search.optimizer.step(closure)
            if targets.preset.optimizer != "lbfgs":
                if not search.healthy:
                    search.go_back(step)
            elif step - before == 1:  # a flat spot: begin anew instead of stopping
                search.optimizer = make_optimizer(targets.preset, search.image)
    return search.best[1]
