"""What a step of each job asks of a GPU: kernel launches, copies, waits, and the bytes that its operations move.

    python -m tests.gpu.launches              # or some of them: python -m tests.gpu.launches "MLP GAN"

Counted on the emulated GPU, without the products that cuBLAS launches itself, on small images and batches: launches do
not depend on their size, as long as a convolution is done in one piece; bytes do, and are given for the size shown. The
first two runs of a job compile and allocate.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

from tests.oracles import cuda_emulation

cuda_emulation.activate()
os.environ["MINIGRAD_DEVICE"] = "cuda"

import minigrad as mg  # noqa: E402
from experiments.bench import jobs, networks_minigrad, roofline  # noqa: E402


class Small(jobs.Library):
    """minigrad on the emulated GPU, with batches of at most two pictures."""

    def image(self, *shape: int) -> Any:
        return super().image(min(shape[0], 2), *shape[1:])


LIBRARY = Small(mg, networks_minigrad, lambda value: value.to("cuda"))
JOBS: dict[str, Callable[[], jobs.Job]] = {
    "MLP GAN step, batch 2": lambda: jobs.gan_step(LIBRARY, "mlp", 2),
    "DCGAN lab step, batch 2": lambda: jobs.gan_step(LIBRARY, "dcgan_lab", 2),
    "WGAN-GP critic step, MLP, batch 2": lambda: jobs.wgan_gp_critic(LIBRARY, "mlp"),
    "Gatys iteration, 16 px": lambda: jobs.gatys(LIBRARY, 16),
    "fast style step, 16 px, batch 1": lambda: jobs.fast_style_step(LIBRARY, 16, 1),
    "pix2pix step, 32 px": lambda: jobs.pix2pix_step(LIBRARY, 32),
}


def counted(job: jobs.Job) -> dict[str, int]:
    """What one run adds to the emulated device's counters, and the bytes that the operations move."""
    job()
    with roofline.counting() as work:
        job()
    before = cuda_emulation.counters()
    job()
    after = cuda_emulation.counters()
    return {**{name: after[name] - before[name] for name in after}, "bytes": work.bytes}


def table(names: list[str]) -> Iterator[str]:
    """The lines that are printed."""
    yield f"{'job':36} {'launches':>8} {'uploads':>8} {'downloads':>9} {'waits':>6} {'MB':>8}"
    for name in names:
        count = counted(JOBS[name]())
        figures = f"{count['launches']:8} {count['uploads']:8} {count['downloads']:9} {count['waits']:6}"
        yield f"{name:36} {figures} {count['bytes'] / 1e6:8.2f}"


if __name__ == "__main__":
    wanted = sys.argv[1:]
    for line in table([name for name in JOBS if not wanted or any(word in name for word in wanted)]):
        print(line, flush=True)
