"""The optimization of one picture: targets from content and style, the loss, and the loop.

`optimise` is the loop that a learner should read; `Targets` holds what the picture is compared with.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy

import minigrad as mg
from minigrad import Tensor, optim
from nets.vgg import VGG16, VGG19

from .style_losses import content_loss, style_loss, style_target, tv_loss
from .style_presets import Preset

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


def optimise(
    targets: Targets, start: numpy.ndarray, steps: int, watch: Callable[[int, Losses, numpy.ndarray], bool]
) -> numpy.ndarray:
    """Change the picture `start` (1, 3, H, W), RGB in [0, 1], for `steps` evaluations of the loss; returns the best.

    watch: called after each evaluation with (step, losses, picture); returns True to stop. The optimizer sees the
    pixels in the preset's range; what leaves [0, 1] is clipped only in the result.
    """
    preset, device = targets.preset, targets.net.mean.device
    image = mg.tensor(start * preset.range, dtype=mg.float32, device=device, requires_grad=True)
    optimizer = make_optimizer(preset, image)
    best: tuple[float, numpy.ndarray] = (math.inf, start)
    step = 0

    def closure() -> Tensor:
        nonlocal best, step
        optimizer.zero_grad()
        loss, terms = targets.loss(image / preset.range)
        loss.backward()
        losses = {name: float(term) for name, term in terms.items()}
        step += 1
        picture = image.detach().cpu().numpy() / preset.range
        if losses["total"] < best[0]:
            best = (losses["total"], picture.copy())
        if watch(step, losses, picture) or step >= steps:
            raise Enough
        return loss

    try:
        while True:
            if preset.optimizer == "sgd":
                optimizer.param_groups[0]["lr"] = preset.lr * preset.lr_decay ** (step / 100)
            before = step
            optimizer.step(closure)
            if step - before == 1 and preset.optimizer == "lbfgs":  # a flat spot: begin anew instead of stopping
                optimizer = make_optimizer(preset, image)
    except Enough:
        pass
    if math.isinf(best[0]):
        raise RuntimeError("style transfer: the loss was never finite; use a smaller --lr, or --optimizer lbfgs")
    return best[1]
