"""Learning-rate schedules give PyTorch's rates, alone and combined, and go on from a saved state."""

import warnings

import numpy as np
import pytest

import minigrad as mg
from minigrad.optim import lr_scheduler

ALONE = {
    "constant": lambda S, o: S.ConstantLR(o, factor=0.25, total_iters=4),
    "linear": lambda S, o: S.LinearLR(o, start_factor=0.5, end_factor=0.1, total_iters=6),
    "linear to zero": lambda S, o: S.LinearLR(o, start_factor=1.0, end_factor=0.0, total_iters=3),
    "polynomial": lambda S, o: S.PolynomialLR(o, total_iters=7, power=2.0),
    "step": lambda S, o: S.StepLR(o, 3, 0.5),
    "cosine, past its minimum": lambda S, o: S.CosineAnnealingLR(o, 4, 0.02),
    "lambdas": lambda S, o: S.LambdaLR(o, [lambda e: 0.9**e, lambda e: 1 / (1 + e)]),
    "multiplicative": lambda S, o: S.MultiplicativeLR(o, lambda e: 0.95 if e % 2 else 0.8),
    "one cycle": lambda S, o: S.OneCycleLR(o, 0.5, total_steps=14),
    "one cycle, linear": lambda S, o: S.OneCycleLR(
        o, [0.5, 0.2], epochs=7, steps_per_epoch=2, anneal_strategy="linear", pct_start=0.4
    ),
    "one cycle, three phases": lambda S, o: S.OneCycleLR(
        o, 0.5, total_steps=14, three_phase=True, base_momentum=0.7, div_factor=10, final_div_factor=50
    ),
}
ALONE |= {
    "cyclic": lambda S, o: S.CyclicLR(o, 0.1, 0.5, step_size_up=3),
    "cyclic, halved": lambda S, o: S.CyclicLR(o, [0.1, 0.2], [0.5, 0.9], 2, 3, mode="triangular2", max_momentum=0.95),
    "cyclic, shrinking": lambda S, o: S.CyclicLR(o, 0.1, 0.5, 4, 2, "exp_range", 0.9, cycle_momentum=False),
}
COMBINED = {
    "chained": lambda S, o: S.ChainedScheduler([S.ConstantLR(o, 0.1, 3), S.ExponentialLR(o, 0.9), S.StepLR(o, 4)]),
    "chained cosine": lambda S, o: S.ChainedScheduler([S.LinearLR(o, 0.2), S.CosineAnnealingLR(o, 5, 0.01)], o),
    "sequential": lambda S, o: S.SequentialLR(
        o, [S.LinearLR(o, 0.1, total_iters=4), S.ExponentialLR(o, 0.8), S.CosineAnnealingLR(o, 5)], [4, 8]
    ),
}
CASES = ALONE | COMBINED


class Warmup(lr_scheduler.LRScheduler):
    """A schedule as users write their own: on PyTorch's base class, with get_lr."""

    def get_lr(self):
        return [first * min(1.0, (self.last_epoch + 1) / 4) for first in self.base_lrs]


def optimizer_of(library, kind="SGD"):
    groups = [{"params": [library.zeros(1, requires_grad=True)], "lr": lr} for lr in (0.3, 0.05)]
    return getattr(library.optim, kind)(groups, lr=0.1, **({"momentum": 0.9} if kind == "SGD" else {}))


def states(optimizer):
    return [
        number
        for group in optimizer.param_groups
        for number in (group["lr"], group["momentum"] if "momentum" in group else group["betas"][0])
    ]


def path(optimizer, schedule, steps=14):
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch warns of SequentialLR's own steps
        for _ in range(steps):
            found += states(optimizer)
            assert schedule.get_last_lr() == [group["lr"] for group in optimizer.param_groups]
            optimizer.step()
            schedule.step()
    return found


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize("case", CASES)
def test_rates_and_momenta_are_pytorchs(case, kind):
    torch = pytest.importorskip("torch")
    found = []
    for library in (mg, torch):
        optimizer = optimizer_of(library, kind)
        found.append(path(optimizer, CASES[case](library.optim.lr_scheduler, optimizer)))
    np.testing.assert_allclose(*found, rtol=1e-11, atol=1e-16)
    assert len(set(found[0])) > 3


EPOCHS = {
    "factor": lambda S, o: S.StepLR(o, 3, 0.5),
    "cosine": lambda S, o: S.CosineAnnealingLR(o, 4, 0.02),
    "lambda": lambda S, o: S.LambdaLR(o, lambda e: 0.9**e),
    "restarts": lambda S, o: S.CosineAnnealingWarmRestarts(o, 2, 2, 0.01),
}


@pytest.mark.parametrize("case", EPOCHS)
def test_an_epoch_may_be_named(case):
    torch = pytest.importorskip("torch")
    found = []
    for library in (mg, torch):
        optimizer = optimizer_of(library)
        schedule = EPOCHS[case](library.optim.lr_scheduler, optimizer)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for epoch in (None, 5, 6, None, 2, *((0.25, 3.5, None, 7.75) if case == "restarts" else ())):
                optimizer.step()
                schedule.step(epoch)
                found.append([*schedule.get_last_lr(), schedule.last_epoch])
    np.testing.assert_allclose(found[: len(found) // 2], found[len(found) // 2 :], rtol=1e-12)


def test_a_rate_that_somebody_else_changes_is_the_one_that_goes_on():
    torch = pytest.importorskip("torch")
    found = []
    for library in (mg, torch):
        optimizer = optimizer_of(library)
        schedule, rates = library.optim.lr_scheduler.ExponentialLR(optimizer, 0.5), []
        for epoch in range(4):
            if epoch == 2:
                optimizer.param_groups[0]["lr"] = 7.0
            optimizer.step()
            schedule.step()
            rates.append(optimizer.param_groups[0]["lr"])
        found.append(rates)
    assert found[0] == found[1] == [0.15, 0.075, 3.5, 1.75]


@pytest.mark.parametrize("case", [*CASES, "of one's own"])
def test_a_saved_schedule_goes_on(case, tmp_path):
    make = CASES.get(case, lambda S, o: Warmup(o))
    optimizer = optimizer_of(mg)
    schedule = make(lr_scheduler, optimizer)
    path(optimizer, schedule, 6)
    mg.save({"optimizer": optimizer.state_dict(), "schedule": schedule.state_dict()}, tmp_path / "state")
    again = optimizer_of(mg)
    schedule_again = make(lr_scheduler, again)
    saved = mg.load(tmp_path / "state")
    again.load_state_dict(saved["optimizer"])
    schedule_again.load_state_dict(saved["schedule"])
    assert path(again, schedule_again, 7) == path(optimizer, schedule, 7)


def test_a_schedule_goes_on_from_last_epoch():
    torch = pytest.importorskip("torch")
    found = []
    for library in (mg, torch):
        optimizer = optimizer_of(library)
        path(optimizer, library.optim.lr_scheduler.ExponentialLR(optimizer, 0.5), 3)
        again = optimizer_of(library)
        again.load_state_dict(optimizer.state_dict())
        schedule = library.optim.lr_scheduler.ExponentialLR(again, 0.5, last_epoch=2)
        found.append((path(again, schedule, 3), schedule.last_epoch))
        with pytest.raises(KeyError):
            library.optim.lr_scheduler.StepLR(optimizer_of(library), 3, last_epoch=4)
    assert found[0] == found[1]


def test_bad_arguments_cost_one_sentence():
    optimizer = optimizer_of(mg)
    for error, words, make in (
        (TypeError, "must be an Optimizer", lambda: lr_scheduler.StepLR([0.1], 3)),
        (ValueError, "total_steps", lambda: lr_scheduler.OneCycleLR(optimizer, 0.1)),
        (ValueError, "max_lr has 3 entries", lambda: lr_scheduler.OneCycleLR(optimizer, [1, 2, 3], 9)),
        (ValueError, "neither momentum", lambda: lr_scheduler.OneCycleLR(optimizer_of(mg, "Adagrad"), 1.0, 9)),
        (ValueError, "is empty", lambda: lr_scheduler.ChainedScheduler([])),
        (ValueError, "one fewer", lambda: lr_scheduler.SequentialLR(optimizer, [Warmup(optimizer)], [3])),
        (ValueError, r"schedulers\[0\]", lambda: lr_scheduler.ChainedScheduler([Warmup(optimizer)], optimizer_of(mg))),
        (
            ValueError,
            "single",
            lambda: lr_scheduler.SequentialLR(optimizer, [COMBINED["chained"](lr_scheduler, optimizer)], []),
        ),
        (ValueError, "between 0 and 1", lambda: lr_scheduler.ConstantLR(optimizer, 2.0)),
    ):
        with pytest.raises(error, match=words):
            make()
    schedule = lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=2)
    path(optimizer, schedule, 2)
    with pytest.raises(ValueError, match="the schedule has 2"):
        schedule.step()
