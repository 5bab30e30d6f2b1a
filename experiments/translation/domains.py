"""The two domains that a game translates between."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from minigrad import Tensor

from .pictures import Pictures


@dataclass(frozen=True)
class Source:
    """What the user said about the data. task: the name of a task or a folder. count: digits of a built-in task."""

    task: str
    data_dir: str | None = None
    photos: str | None = None
    paintings: str | None = None
    count: int = 10000


@dataclass(frozen=True)
class Domains:
    """The data of a task. a_channels, b_channels: 1 or 3.

    Unpaired: `a` and `b`, `test_a` and `test_b` are pictures of each domain. Paired: `a` and `test_a` are pictures
    with the channels of A and then those of B, and `b` is None. labels, test_labels: the digits of a built-in task, for
    unpaired data those of A and of B.
    """

    a: Pictures
    b: Pictures | None
    test_a: Pictures
    test_b: Pictures | None
    a_channels: int
    b_channels: int
    labels: tuple[np.ndarray, ...] = ()
    test_labels: tuple[np.ndarray, ...] = ()
    source: Source | None = None
    exchanged: bool = False

    def reversed(self) -> Domains:
        """The same data with A and B exchanged."""
        if self.b is not None and self.test_b is not None:
            return replace(
                self, a=self.b, b=self.a, test_a=self.test_b, test_b=self.test_a, a_channels=self.b_channels,
                b_channels=self.a_channels, labels=self.labels[::-1], test_labels=self.test_labels[::-1],
                exchanged=not self.exchanged,
            )  # fmt: skip
        a, test_a = (pictures.rolled(self.a_channels) for pictures in (self.a, self.test_a))
        return replace(
            self,
            a=a,
            test_a=test_a,
            a_channels=self.b_channels,
            b_channels=self.a_channels,
            exchanged=not self.exchanged,
        )


def halves(pairs: Tensor, a_channels: int) -> tuple[Tensor, Tensor]:
    """Aligned pairs (N, C_a + C_b, H, W) as pictures of A and of B."""
    return pairs[:, :a_channels], pairs[:, a_channels:]
