"""Captioned digits: endless pictures of one digit, each with a sentence that describes it.

    data = CaptionedDigits(MNIST(folder), size=32)
    scenes = data.draw(64)          # pictures (64, 3, 32, 32) in [-1, 1], 64 captions, and the facts behind them
    scenes.captions[0]              # "a small red seven, tilted left, on a blue ground"

A picture has six facts: digit, color, size, tilt, position and ground (the background's color). The captions say each
in several ways; what is usual (medium size, upright, in the center) is often left out. The strokes are MNIST's where
its files are at hand, else those of `TypesetDigits`. Of the pairs of a digit and a color, one in five is never shown
in training: a network that draws them has understood both words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.autograd import Tensor, tensor_of
from minigrad.data.synthetic_digits import sample_bilinear

DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
COLORS = {
    "red": (0.88, 0.12, 0.12), "orange": (0.98, 0.55, 0.08), "yellow": (0.96, 0.92, 0.15), "green": (0.10, 0.65, 0.20),
    "blue": (0.12, 0.30, 0.90), "purple": (0.50, 0.12, 0.62), "pink": (0.98, 0.55, 0.78), "brown": (0.45, 0.26, 0.10),
}  # fmt: skip
GROUNDS = {
    "black": (0.05, 0.05, 0.05), "white": (0.97, 0.97, 0.97), "gray": (0.55, 0.55, 0.55),
    "blue": (0.12, 0.30, 0.90), "green": (0.10, 0.65, 0.20),
}  # fmt: skip
SIZES = {"small": (0.36, 0.44), "medium": (0.52, 0.60), "large": (0.70, 0.80)}  # the digit's height in the picture's
TILTS = {"left": (20.0, 35.0), "upright": (-5.0, 5.0), "right": (-35.0, -20.0)}  # degrees, counterclockwise
POSITIONS = {"center": (0, 0), "left": (0, -1), "right": (0, 1), "top": (-1, 0), "bottom": (1, 0)}  # down, right
FACTS = {
    "digit": DIGITS, "color": list(COLORS), "size": list(SIZES), "tilt": list(TILTS), "position": list(POSITIONS),
    "ground": list(GROUNDS),
}  # fmt: skip

# How a fact may be said; an empty phrase leaves it out.
SIZE_WORDS = {"small": ["small", "little", "tiny"], "medium": ["", "medium"], "large": ["large", "big", "huge"]}
TILT_WORDS = {
    "left": ["tilted left", "leaning to the left"], "upright": ["", "", "upright"],
    "right": ["tilted right", "leaning to the right"],
}  # fmt: skip
POSITION_WORDS = {
    "center": ["", "in the center", "in the middle"], "left": ["at the left", "on the left side"],
    "right": ["at the right", "on the right side"], "top": ["at the top", "in the upper part"],
    "bottom": ["at the bottom", "in the lower part"],
}  # fmt: skip
GROUND_WORDS = ["on a {} ground", "on a {} background", "against {}"]
NUMERALS = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]
OTHER_WORDS = ["a", "the", "digit", "number", "and", "in", "on", "an"]

ALIKE = 8  # digits that every color is shown with in training
OVERSAMPLING = 2  # samples along each side of a pixel
INK = 20.0  # pixels of a stroke image's 28 that the digit's longer side takes


def unseen(digit: np.ndarray | int, color: np.ndarray | int) -> Any:
    """Whether a digit in a color (numbers in `DIGITS` and `COLORS`) is kept out of training: 16 of the 80 pairs."""
    return (digit + 3 * color) % 5 == 0


def missing_digits(strokes: Any) -> list[str]:
    """The digits of which there are no strokes, in words."""
    return [name for digit, name in enumerate(DIGITS) if not (strokes.targets == digit).any()]


@dataclass
class Scenes:
    """Pictures with what is known of them. pictures: Tensor (N, 3, size, size) in [-1, 1]. captions: N sentences.
    facts: for each name in `FACTS` an array (N,) of numbers into its list."""

    pictures: Tensor
    captions: list[str]
    facts: dict[str, np.ndarray]


class CaptionedDigits:
    """Scenes without end. Batch number i depends on the seed, the split and i alone.

    strokes: images of digits with labels (`MNIST`, `TypesetDigits`). size: side of the pictures in pixels. pairs:
    "seen" in training, "unseen", or "all". Errors: ValueError for another word, a size below 8, or strokes that lack a
    digit.
    """

    def __init__(self, strokes: Any, size: int = 32, pairs: str = "seen", seed: int = 0) -> None:
        if pairs not in ("seen", "unseen", "all"):
            raise ValueError(f"CaptionedDigits: pairs must be seen, unseen or all, got {pairs!r}")
        if size < 8:
            raise ValueError(f"CaptionedDigits: size must be at least 8 pixels, got {size}")
        if missing := missing_digits(strokes):
            raise ValueError(f"CaptionedDigits: strokes must show every digit, there is no {' and no '.join(missing)}")
        self.size, self.pairs, self.seed, self.position = size, pairs, seed, 0
        self.num_replicas, self.rank = 1, 0
        self.pixels, self.labels = strokes.pixels, strokes.targets
        self.by_digit = [np.flatnonzero(self.labels == digit) for digit in range(10)]

    def state_dict(self) -> dict[str, int]:
        """Where in its batches a run stands."""
        return {"seed": self.seed, "position": self.position}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on where the state was taken. Errors: ValueError if that was with another seed."""
        if state["seed"] != self.seed:
            raise ValueError(f"CaptionedDigits: the saved state has seed {state['seed']}, this one {self.seed}")
        self.position = state["position"]

    def shard(self, num_replicas: int, rank: int) -> None:
        """From now on draw this rank's part of each batch: other scenes on each rank, from the same seed."""
        self.num_replicas, self.rank = num_replicas, rank

    def draw(self, count: int, alike: int = 1) -> Scenes:
        """The next batch. alike: so many scenes in a row have all facts but the digit in common, and differ in it.

        Errors: ValueError if the batch cannot be divided among the ranks, or there are fewer digits than `alike`.
        """
        if count % self.num_replicas:
            raise ValueError(f"CaptionedDigits: {count} scenes cannot be divided among {self.num_replicas} ranks")
        count //= self.num_replicas
        kinds = ["seen", "unseen", "all"]
        own = [self.rank] if self.rank else []
        random = np.random.default_rng([self.seed, kinds.index(self.pairs), self.position, *own])
        self.position += 1
        facts = self._facts(count, random) if alike == 1 else self._alike(count, alike, random)
        captions = [
            caption({name: FACTS[name][values[i]] for name, values in facts.items()}, random) for i in range(count)
        ]
        return Scenes(self.render(facts, random), captions, facts)

    def _is_shown(self, digit: int, color: int) -> bool:
        return self.pairs in ("all", "unseen" if unseen(digit, color) else "seen")

    def _facts(self, count: int, random: np.random.Generator) -> dict[str, np.ndarray]:
        """Facts drawn evenly among those allowed: a ground of another color than the digit's, and pairs as asked."""
        allowed = [
            (digit, color, ground)
            for digit in range(10) for color, name in enumerate(COLORS) for ground, other in enumerate(GROUNDS)
            if name != other and self._is_shown(digit, color)
        ]  # fmt: skip
        chosen = np.array(allowed)[random.integers(len(allowed), size=count)]
        facts = {"digit": chosen[:, 0], "color": chosen[:, 1]}
        for name in ("size", "tilt", "position"):
            facts[name] = random.integers(len(FACTS[name]), size=count)
        return {**facts, "ground": chosen[:, 2]}

    def _alike(self, count: int, alike: int, random: np.random.Generator) -> dict[str, np.ndarray]:
        """Facts in groups that differ in the digit alone."""
        groups = self._facts(-(-count // alike), random)
        digits = []
        for color in groups["color"]:
            allowed = [digit for digit in range(10) if self._is_shown(digit, color)]
            if len(allowed) < alike:
                raise ValueError(
                    f"CaptionedDigits: {alike} alike: {self.pairs} pairs have {len(allowed)} digits a color"
                )
            digits.append(random.permutation(allowed)[:alike])
        facts = {name: np.repeat(values, alike) for name, values in groups.items()}
        return {name: values[:count] for name, values in {**facts, "digit": np.concatenate(digits)}.items()}

    def render(self, facts: dict[str, np.ndarray], random: np.random.Generator) -> Tensor:
        """Pictures of these facts: strokes, exact size, angle, place and shade are drawn at random."""
        count = len(facts["digit"])
        numbers = [self.by_digit[digit][random.integers(len(self.by_digit[digit]))] for digit in facts["digit"]]
        heights = _between(random, list(SIZES.values()), facts["size"])
        angles = np.deg2rad(_between(random, list(TILTS.values()), facts["tilt"]))
        room = (1.0 - heights) / 2 + 0.04
        offsets = (
            np.array(list(POSITIONS.values()))[facts["position"]] * (room * random.uniform(0.75, 1.0, count))[:, None]
        )
        offsets = offsets + random.uniform(-0.03, 0.03, (count, 2))
        ink = self._ink(self.pixels[numbers], heights, angles, offsets)
        color, ground = (
            np.array(list(table.values()))[facts[name]] + random.uniform(-0.06, 0.06, (count, 3))
            for table, name in ((COLORS, "color"), (GROUNDS, "ground"))
        )
        pictures = ground[:, :, None, None] * (1 - ink) + color[:, :, None, None] * ink
        return tensor_of((2 * np.clip(pictures, 0, 1) - 1).astype(np.float32))

    def _ink(self, strokes: np.ndarray, heights: np.ndarray, angles: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        """How much of each pixel is ink: (N, 1, size, size) in [0, 1]. strokes: (N, 28, 28) bytes."""
        side = self.size * OVERSAMPLING
        along = (np.arange(side) + 0.5) / side - 0.5  # in the picture's side, from its center
        y = along[None, :, None] - offsets[:, :1, None]
        x = along[None, None, :] - offsets[:, 1:, None]
        scale = (INK / heights)[:, None, None]
        cos, sin = np.cos(angles)[:, None, None], np.sin(angles)[:, None, None]
        rows, columns = (cos * y + sin * x) * scale, (cos * x - sin * y) * scale
        framed = np.pad(strokes.astype(np.float32) / 255, ((0, 0), (1, 1), (1, 1)))
        values = sample_bilinear(framed, rows, columns)
        values = values.reshape(len(values), self.size, OVERSAMPLING, self.size, OVERSAMPLING).mean(axis=(2, 4))
        return values[:, None]


def _between(random: np.random.Generator, ranges: list[tuple[float, float]], chosen: np.ndarray) -> np.ndarray:
    """A number from each chosen range."""
    low, high = np.array(ranges)[chosen].T
    return random.uniform(low, high)


# ------------------------------------------------------------------------------------- sentences


def caption(facts: dict[str, str], random: np.random.Generator) -> str:
    """A sentence that says these facts."""

    def one_of(phrases: Sequence[str]) -> str:
        return phrases[int(random.integers(len(phrases)))]

    size, color = one_of(SIZE_WORDS[facts["size"]]), facts["color"]
    number = DIGITS.index(facts["digit"])
    digit = one_of([facts["digit"], facts["digit"], NUMERALS[number]])
    start = one_of(
        [
            f"a {size} {color} {digit}",
            f"a {size} {color} {digit}",
            f"the {size} digit {digit} in {color}",
            f"a {color} number {digit}, {size}",
            f"{digit}, {size} and {color}" if size else f"{digit} in {color}",
        ]
    )
    ground = one_of(GROUND_WORDS).format(facts["ground"])
    parts = [start, one_of(TILT_WORDS[facts["tilt"]]), one_of(POSITION_WORDS[facts["position"]]), ground]
    text = ", ".join(" ".join(part.split()).strip(" ,") for part in parts if part.strip(" ,"))
    return re.sub(r"\ba (?=orange)", "an ", text)


def _all_words() -> list[str]:
    phrases = [*DIGITS, *NUMERALS, *COLORS, *GROUNDS, *OTHER_WORDS, *GROUND_WORDS]
    for table in (SIZE_WORDS, TILT_WORDS, POSITION_WORDS):
        phrases += [phrase for several in table.values() for phrase in several]
    return sorted(set(re.findall(r"[a-z0-9]+", " ".join(phrases))))


WORDS = _all_words()
LONGEST = 24  # words that are read of a sentence; no caption has more


def tokens(sentences: Sequence[str]) -> np.ndarray:
    """Sentences as numbers: (N, 24) int64, 1 + the place in `WORDS`, and 0 after the end.

    Errors: ValueError naming the words that are not known, and all that are, or a sentence without words or too long.
    """
    table = np.zeros((len(sentences), LONGEST), np.int64)
    for row, sentence in enumerate(sentences):
        words = re.findall(r"\w+", sentence.lower())
        strange = sorted({word for word in words if word not in WORDS})
        if strange:
            raise ValueError(f"{sentence!r}: unknown: {', '.join(strange)}; {known_words()}")
        if not 1 <= len(words) <= LONGEST:
            raise ValueError(
                f"{sentence!r}: a sentence has 1 to {LONGEST} words, this one {len(words)}; {known_words()}"
            )
        table[row, : len(words)] = [1 + WORDS.index(word) for word in words]
    return table


def known_words() -> str:
    """What sentences can be about, for error messages."""
    sizes = [word for several in SIZE_WORDS.values() for word in several if word]
    return (
        f"known are the digits {', '.join(DIGITS)} (or 0 to 9), the colors {', '.join(COLORS)}, the sizes "
        f"{', '.join(sizes)}, tilted left or right, upright, at the left, right, top, bottom, in the center, and the "
        f"grounds {', '.join(GROUNDS)}; for example 'a small red seven, tilted left, on a blue ground'"
    )
