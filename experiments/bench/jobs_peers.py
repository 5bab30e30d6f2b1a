"""One job, the Gatys iteration, in two other NumPy frameworks: Chainer 7.8 and DeZero 0.0.13.

Both predate NumPy 2 and look for names that it removed; `_restore_numpy_names` gives them back to them, in a
process that runs nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import shapes

Job = Callable[[], object]


def _restore_numpy_names() -> None:
    old: Any = {
        "int": int, "float": float, "bool": bool, "object": object,
        "sctypes": {
            "int": [np.int8, np.int16, np.int32, np.int64],
            "uint": [np.uint8, np.uint16, np.uint32, np.uint64],
            "float": [np.float16, np.float32, np.float64],
            "complex": [np.complex64, np.complex128],
            "others": [bool, object, bytes, str],
        },
    }  # fmt: skip
    for name, value in old.items():
        if name not in vars(np):
            setattr(np, name, value)


def gatys(framework: str, size: int) -> Job:
    """As `jobs.gatys` with max pooling and batch 1, for framework "chainer" or "dezero"."""
    _restore_numpy_names()
    if framework == "chainer":
        import chainer.functions as F
        from chainer import Variable

        convolve, pool = lambda h, w, b: F.convolution_2d(h, w, b, 1, 1), lambda h: F.max_pooling_2d(h, 2, 2)
    else:
        import dezero.functions as F
        from dezero import Variable

        convolve, pool = lambda h, w, b: F.conv2d(h, w, b, 1, 1), lambda h: F.pooling(h, 2, 2)
    weights, start = shapes.vgg_weights(shapes.VGG19_TO_CONV5_1), shapes.image(size)

    def run() -> object:
        x = Variable(start)
        h, position = x, 0
        loss: Any = 0
        for layer in shapes.VGG19_TO_CONV5_1:
            if layer == "P":
                h = pool(h)
                continue
            h = F.relu(convolve(h, *weights[position]))
            if position in shapes.STYLE_CONVOLUTIONS:
                features = F.reshape(h, (layer, -1))
                gram = F.matmul(features, F.transpose(features)) * (1 / features.data.size)
                loss = loss + F.sum(gram * gram)
            position += 1
        loss.backward()
        return x.grad

    return run
