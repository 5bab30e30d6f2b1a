"""How long would a training step take on a GPU? An estimate from counted work (`python -m experiments.bench.roofline`).

Every operation of a real step, forward and backward, is watched as it runs on the CPU, and its work is counted from
the shapes it meets: the bytes it must read and write, and its floating-point operations. A GPU of given memory
bandwidth and arithmetic rate needs at least

    time = max(bytes / bandwidth, operations / rate)      for each operation, plus a constant for each launch.

(Williams, Waterman and Patterson 2009, "Roofline".) Real GPUs reach a half to nine tenths of either figure; small
steps are bound by Python and the launches. Convolutions are counted as `kernels/gpu/conv.py` does them: the
column matrix is written once and read once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import minigrad as mg
from minigrad.autograd import Op, Tensor
from minigrad.devices import Array
from minigrad.grad_mode import observe
from minigrad.nn import functional as F
from minigrad.views import ViewOp
from nets import dcgan, mlp_gan
from nets.vgg import VGG19

from ..common.cli import Parser, non_negative_float, positive_float, run


@dataclass
class Work:
    """What one kind of operation did: how often it ran, bytes moved, floating-point operations."""

    calls: int = 0
    bytes: int = 0
    flops: int = 0


@dataclass
class Count:
    """The work of a step: by operation, and each single run for the estimate."""

    kinds: dict[str, Work] = field(default_factory=dict)
    runs: list[tuple[int, int]] = field(default_factory=list)

    def add(self, name: str, moved: int, flops: int) -> None:
        work = self.kinds.setdefault(name, Work())
        work.calls += 1
        work.bytes += moved
        work.flops += flops
        self.runs.append((moved, flops))

    @property
    def bytes(self) -> int:
        """Moved in all."""
        return sum(moved for moved, _ in self.runs)

    @property
    def flops(self) -> int:
        """Floating-point operations in all."""
        return sum(flops for _, flops in self.runs)

    def seconds(self, bandwidth: float, rate: float, launch: float) -> float:
        """The estimate. bandwidth: bytes a second; rate: operations a second; launch: seconds for each operation."""
        return sum(max(moved / bandwidth, flops / rate) + launch for moved, flops in self.runs)

    def observer(self, op: Op, direction: str, run: Callable[[], Any]) -> Any:
        """Counts a forward by its arguments, which it sees by standing in for the op's `forward` for once."""
        if direction == "backward":
            if type(op).__name__ == "BatchNorm":  # fused: reads x and the gradient twice, writes one
                self.add("BatchNorm backward", 5 * op.saved[0].array.nbytes, 10 * op.saved[0].array.size)
            return run()
        forward = op.forward

        def watched(*arrays: Any) -> Array:
            result = forward(*arrays)
            self.add(type(op).__name__, _bytes(op, arrays, result), _flops(op, arrays, result))
            return result

        op.forward = watched  # type: ignore[method-assign]
        try:
            return run()
        finally:
            del op.__dict__["forward"]


@contextmanager
def counting() -> Iterator[Count]:
    """Within it the work of every operation is counted."""
    count = Count()
    with observe(count.observer):
        yield count


def _arrays(values: Any) -> list[Array]:
    return [value for value in values if hasattr(value, "nbytes")]


def _bytes(op: Op, arrays: Any, result: Array) -> int:
    if isinstance(op, ViewOp) and getattr(result, "base", None) is not None:
        return 0
    moved = sum(array.nbytes for array in _arrays(arrays)) + result.nbytes
    return moved + 2 * _column_bytes(op, arrays, result)


def _column_bytes(op: Op, arrays: Any, result: Array) -> int:
    """The size of a convolution's column matrix: C kH kW numbers for each pixel of the smaller picture."""
    name = type(op).__name__
    if name == "Conv2d":
        return arrays[0].shape[1] * arrays[1][0, 0].size * result[:, 0].nbytes
    if name == "ConvTranspose2d":
        return result.shape[1] * arrays[1][0, 0].size * arrays[0][:, 0].nbytes
    if name == "Conv2dWeight":
        return arrays[0].shape[1] * result[0, 0].size * arrays[1][:, 0].nbytes
    return 0


def _flops(op: Op, arrays: Any, result: Array) -> int:
    name = type(op).__name__
    if isinstance(op, ViewOp):
        return 0
    if name == "Conv2d":
        return 2 * result.size * arrays[1][0].size
    if name == "ConvTranspose2d":
        return 2 * arrays[0].size * arrays[1][0].size
    if name == "Conv2dWeight":
        return 2 * arrays[1].size * result[0].size
    if name in ("MatMul", "Gram", "Linear"):
        return 2 * result.size * arrays[0].shape[-1]
    return max([result.size, *[array.size for array in _arrays(arrays)]])


# -------------------------------------------------------------------------------- the networks' steps


@dataclass
class Step:
    """A training step that can be watched, and the parameters that Adam changes after it, in one launch."""

    run: Callable[[], None]
    parameters: list[Tensor] = field(default_factory=list)

    def counted(self) -> Count:
        """Run it once; the work of its operations and of Adam, which reads four arrays and writes three."""
        with counting() as count:
            self.run()
        if self.parameters:
            arrays = [parameter.array for parameter in self.parameters]
            count.add("Adam", 7 * sum(array.nbytes for array in arrays), 12 * sum(array.size for array in arrays))
        return count


def _gan_step(networks: ModuleType) -> Step:
    """A step of document 000's loop: the discriminator on real and fake, the generator through it; batch 128."""
    generator, discriminator = networks.Generator(noise_dim=96), networks.Discriminator()
    softplus = mg.nn.functional.softplus

    def step() -> None:
        real, fake = mg.rand(128, 784), generator(mg.randn(128, 96))
        loss = softplus(discriminator(fake.detach())).mean() + softplus(-discriminator(real)).mean()
        loss.backward()
        softplus(-discriminator(fake)).mean().backward()

    return Step(step, [*discriminator.parameters(), *generator.parameters()])


def _style_step(size: int) -> Step:
    """One evaluation of Gatys et al.: VGG19 to conv5_1, Gram matrices of five layers, the gradient to the picture.

    L-BFGS itself is not counted: its sums over one small picture are nothing beside the network's.
    """
    net = VGG19()
    layers = [f"conv{block}_1" for block in range(1, 6)]

    def step() -> None:
        picture = mg.rand(1, 3, size, size).requires_grad_()
        total: Tensor = mg.tensor(0.0)
        for features in net.features(picture, layers).values():
            flat = features.reshape(features.shape[1], -1)
            gram = F.gram(flat)
            total = total + (gram * gram).sum()
        total.backward()

    return Step(step)


STEPS: dict[str, Callable[[], Step]] = {
    "MLP GAN, batch 128": lambda: _gan_step(mlp_gan),
    "DCGAN lab, batch 128": lambda: _gan_step(dcgan),
    "style transfer, VGG19, 256 px": lambda: _style_step(256),
}


def table(bandwidth: float, rate: float, launch: float, details: bool) -> Iterator[str]:
    """Lines of text: each step's counted work and estimate. bandwidth in GB/s, rate in TFLOP/s, launch in us."""
    yield f"estimates for {bandwidth:g} GB/s, {rate:g} TFLOP/s, {launch:g} us a launch"
    yield f"{'step':32} {'operations':>10} {'GB':>8} {'GFLOP':>9} {'ms':>9}"
    for name, make in STEPS.items():
        count = make().counted()
        seconds = count.seconds(bandwidth * 1e9, rate * 1e12, launch * 1e-6)
        yield f"{name:32} {len(count.runs):10} {count.bytes / 1e9:8.3f} {count.flops / 1e9:9.2f} {1e3 * seconds:9.3f}"
        if details:
            for kind, work in sorted(count.kinds.items(), key=lambda item: -item[1].bytes):
                yield f"    {kind:28} {work.calls:10} {work.bytes / 1e9:8.3f} {work.flops / 1e9:9.2f}"


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = Parser("Estimate each network's time on a GPU.", prog="python -m experiments.bench.roofline")
    parser.add_argument("--bandwidth", type=positive_float, default=900.0, metavar="GB/S", help="of its memory")
    parser.add_argument("--rate", type=positive_float, default=15.0, metavar="TFLOP/S", help="in float32")
    parser.add_argument("--launch", type=non_negative_float, default=10.0, metavar="US", help="time of a launch")
    parser.add_argument("--details", action="store_true", help="list the work of every kind of operation")
    options = parser.parse_args(arguments)
    for line in table(options.bandwidth, options.rate, options.launch, options.details):
        print(line)


if __name__ == "__main__":
    run(main)
