"""What the games of words and pictures have in common: captioned digits, a text encoder, and how they are measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import minigrad as mg
from minigrad import nn
from minigrad.autograd import Tensor
from minigrad.data.captioned_digits import ALIKE, CaptionedDigits, Scenes, tokens
from minigrad.devices import Device
from nets.text_gan import PictureEncoder

from ..common import ranks
from ..common.training_run import Game
from .fact_reader import kept_reader, measured, ranking
from .matching import match

SHOWN = 8  # sentences in the pictures of a run
MATCHED = 32  # the largest pictures, in pixels, with which sentences are matched


class TextGame(Game):
    """A game whose batches are scenes of captioned digits.

    settings: has strokes ("mnist" or "typeset"), image_size, batch_size, matching and seed. test: strokes that are not
    trained on, with which the result is measured at the end; None measures nothing.
    """

    text: nn.Module  # the text encoder

    def __init__(self, settings: Any, strokes: Any, device: Device, test: Any = None) -> None:
        self.settings, self.device, self.strokes, self.test = settings, device, strokes, test
        self.data = CaptionedDigits(strokes, settings.image_size, seed=settings.seed)
        self.shown = self.data.draw(SHOWN)

    def encoded(self, captions: list[str]) -> Tensor:
        """h of sentences: (N, 128)."""
        with mg.no_grad():
            return self.text(mg.tensor(tokens(captions), device=self.device))

    def match_sentences(self, *learners: Any) -> None:
        """Train the text encoder, which is kept as it is from then on; of several processes, in rank 0.

        learners: discriminators of pictures of at most `MATCHED` pixels, which begin with the features that the
        picture encoder found.
        """
        if ranks.rank() == 0:
            self.data.shard(1, 0)
            found = self.match_whole_batches()
            for network in learners if self.settings.matching else ():
                network.body.load_state_dict(found.body.state_dict())
        self.data.load_state_dict(ranks.from_first(self.data.state_dict))
        self.data.shard(ranks.count(), ranks.rank())
        for network in (self.text, *learners):
            ranks.broadcast_network(network)

    def match_whole_batches(self) -> PictureEncoder:
        """Train the text encoder in this process; returns the picture encoder."""
        size = min(self.settings.image_size, MATCHED)
        data = self.data if size == self.data.size else CaptionedDigits(self.strokes, size, seed=self.settings.seed)
        pictures = PictureEncoder(size, self.settings.width).to(device=self.device)
        self.text.requires_grad_(True)
        match(self.text, pictures, data, self.settings.matching, self.device)
        self.text.requires_grad_(False)
        return pictures

    def batches(self) -> Iterator[Scenes]:
        """Scenes without end.

        In every second batch most neighbors, and so most wrong sentences, differ in the digit alone: a discriminator
        that only ever sees sentences of another color or ground learns nothing from them about digits.
        """
        while True:
            yield self.data.draw(self.settings.batch_size, ALIKE if self.data.position % 2 else 1)

    def facts_shown(self, draw: Callable[[Tensor], Tensor], size: int) -> dict[str, float]:
        """How often pictures of `size` pixels that `draw` makes of h (N, 128) show their sentence's facts."""
        reader = kept_reader(self.strokes, self.settings.strokes, size, self.device)

        def drawn(sentences: list[str]) -> Tensor:
            with mg.no_grad():
                return draw(self.encoded(sentences))

        return measured(reader, self.test, size, drawn)

    def ranked(self, discriminator: nn.Module) -> float:
        """How often D ranks a test picture's own sentence above another's."""
        scenes = CaptionedDigits(self.test, self.data.size, seed=self.settings.seed + 1).draw(256)
        discriminator.eval()
        with mg.no_grad():
            share = ranking(discriminator, scenes.pictures.to(self.device), self.encoded(scenes.captions))
        discriminator.train()
        return share
