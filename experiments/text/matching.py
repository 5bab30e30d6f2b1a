"""Sentences matched to pictures: how the text encoder learns what words mean before the game begins.

Both encoders give vectors of length 1; in a batch, each picture's vector shall be nearest to its own sentence's and
the other way round: cross-entropy over the batch, on inner products times a scale. (Reed et al. 2016, section 3.2,
match them by a margin; this symmetric form is Zhang et al. 2020's, "ConVIRT", and CLIP's.)
"""

from __future__ import annotations

import minigrad as mg
from minigrad import nn, optim
from minigrad.autograd import Tensor
from minigrad.data.captioned_digits import ALIKE, CaptionedDigits, tokens
from minigrad.devices import Device
from minigrad.nn import functional as F

from ..common.progress import progress_bar, show

SCALE = 10.0


def matching_loss(pictures: Tensor, sentences: Tensor) -> Tensor:
    """(N, F) and (N, F), of which equal rows belong together, to a scalar."""
    logits = SCALE * (unit(pictures) @ unit(sentences).t())
    own = mg.arange(len(pictures), device=pictures.device)
    return 0.5 * (F.cross_entropy(logits, own) + F.cross_entropy(logits.t(), own))


def unit(vectors: Tensor) -> Tensor:
    """Rows at length 1."""
    return vectors / mg.sqrt((vectors * vectors).sum(1, keepdim=True) + 1e-8)


def match(
    text: nn.Module, pictures: nn.Module, data: CaptionedDigits, steps: int, device: Device, batch_size: int = 64
) -> float:
    """Train both encoders on the data's next batches; returns the last loss. Adam, learning rate 1e-3.

    The batches are groups of scenes that differ in the digit alone. In batches of any scenes color, ground and position
    tell almost all pictures apart, and digits are not learned.
    """
    adam = optim.Adam([*text.parameters(), *pictures.parameters()], lr=1e-3)
    loss = 0.0
    with progress_bar(steps, "matching sentences and pictures") as bar:
        for step in range(steps):
            scenes = data.draw(batch_size, ALIKE)
            seen = pictures(scenes.pictures.to(device))
            value = matching_loss(seen, text(mg.tensor(tokens(scenes.captions), device=device)))
            adam.zero_grad()
            value.backward()
            adam.step()
            bar.update()
            if step % 20 == 0 or step == steps - 1:
                loss = value.item()
                show(bar, loss=loss)
    return loss
