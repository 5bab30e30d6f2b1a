"""The image pool: the discriminator also sees pictures of earlier steps (Shrivastava et al. 2017, section 2.3)."""

from __future__ import annotations

from typing import Any

import numpy as np

import minigrad as mg
from minigrad import Tensor
from minigrad.random import generator


class ImagePool:
    """Keeps `size` generated pictures. While it fills, it gives back what it is given; from then on each picture is
    with probability 1/2 exchanged for a random one of those kept. Size 0 gives everything back."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.pictures: list[Tensor] = []

    def query(self, pictures: Tensor) -> Tensor:
        """(N, C, H, W) without a graph: as many, new and old ones mixed."""
        given = []
        for number in range(pictures.shape[0] if self.size else 0):
            picture = pictures[number : number + 1]
            if len(self.pictures) < self.size:
                self.pictures.append(picture)
            elif generator().random() < 0.5:
                place = int(generator().integers(self.size))
                picture, self.pictures[place] = self.pictures[place], picture
            given.append(picture)
        return mg.cat(given, 0) if given else pictures

    def state_dict(self) -> dict[str, Any]:
        """All kept pictures as one tensor (n, C, H, W); None while there are none."""
        return {"size": self.size, "pictures": mg.cat(self.pictures, 0) if self.pictures else None}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a saved pool. Errors: ValueError for one of another size, or with more pictures than fit."""
        pictures = state["pictures"]
        if state["size"] != self.size:
            raise ValueError(f"the pool holds {self.size} pictures, the saved one {state['size']}")
        if pictures is not None and (
            not isinstance(pictures, Tensor) or len(pictures.shape) != 4 or pictures.dtype.kind != "f"
            or pictures.shape[0] > self.size or not np.isfinite(pictures.cpu().numpy()).all()
        ):  # fmt: skip
            raise ValueError(f"pictures must be a tensor of at most {self.size} finite pictures (n, C, H, W)")
        self.pictures = [] if pictures is None else [pictures[i : i + 1] for i in range(len(pictures))]
