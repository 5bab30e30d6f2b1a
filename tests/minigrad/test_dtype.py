"""A float32 network stays float32: every array that a full training step makes, forward, backward and update."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.autograd import Tensor
from minigrad.grad_mode import observe


def network():
    """One of everything that trains: convolutions both ways, pooling, norms, activations, dropout, resizing."""
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.LeakyReLU(0.2),
        nn.MaxPool2d(2),
        nn.ConvTranspose2d(4, 4, 4, stride=2, padding=1),
        nn.InstanceNorm2d(4, affine=True),
        nn.ELU(0.7),
        nn.ReflectionPad2d(1),
        nn.Upsample(scale_factor=2),
        nn.AvgPool2d(2),
        nn.AdaptiveAvgPool2d(3),
        nn.Dropout(0.5),
        nn.Flatten(),
        nn.Linear(36, 8),
        nn.LayerNorm(8),
        nn.Softplus(),
        nn.Linear(8, 3),
    )


def arrays_of(result):
    """The arrays in what an operation's forward (an array) or backward (Tensors) returned."""
    parts = result if isinstance(result, tuple) else (result,)
    return [part.array if isinstance(part, Tensor) else part for part in parts if part is not None]


OPTIMIZERS = {
    "SGD": lambda p: mg.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=1e-3),
    "RMSprop": lambda p: mg.optim.RMSprop(p, lr=1e-3),
    "Adam": lambda p: mg.optim.Adam(p, lr=1e-3),
    "AdamW": lambda p: mg.optim.AdamW(p, lr=1e-3),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("penalty", [False, True], ids=["first order", "with gradient penalty"])
def test_nothing_drifts_to_float64_in_a_training_step(name, penalty):
    mg.manual_seed(0)
    model = network()
    optimizer = OPTIMIZERS[name](model.parameters())
    seen = []

    def watch(op, direction, run):
        result = run()
        seen.extend((type(op).__name__, direction, array.dtype) for array in arrays_of(result))
        return result

    with observe(watch):
        for _ in range(2):
            x = mg.rand(4, 1, 8, 8, requires_grad=penalty)
            scores = model(x)
            loss = nn.functional.cross_entropy(scores, mg.randint(3, (4,))) + scores.std() * 0.1 + (scores**2).mean()
            if penalty:
                (by_input,) = mg.grad(loss, x, create_graph=True)
                loss = loss + ((by_input**2).sum() + 1e-3).sqrt()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    drifted = {entry for entry in seen if entry[2].kind == "f" and entry[2] != np.float32}
    assert not drifted and len(seen) > 100
    assert {p.dtype for p in model.parameters()} | {p.grad.dtype for p in model.parameters()} == {mg.float32}
    assert {b.dtype for b in model.buffers() if b.dtype.kind == "f"} == {mg.float32}
    assert {v.dtype for v in model.state_dict().values() if v.dtype.kind == "f"} == {mg.float32}
