"""The adaptive optimizers and the schedules that PyTorch has too, step by step."""

import numpy as np
import pytest

import minigrad as mg

OPTIMIZERS = {
    "adagrad": ("Adagrad", {}),
    "adagrad all": ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.5}),
    "adadelta": ("Adadelta", {}),
    "adadelta all": ("Adadelta", {"lr": 0.5, "rho": 0.7, "eps": 1e-3, "weight_decay": 0.1}),
    "nadam": ("NAdam", {}),
    "nadam all": ("NAdam", {"lr": 0.1, "betas": (0.7, 0.9), "weight_decay": 0.1, "momentum_decay": 0.1}),
    "radam": ("RAdam", {}),
    "radam all": ("RAdam", {"lr": 0.1, "betas": (0.7, 0.9), "weight_decay": 0.1, "decoupled_weight_decay": True}),
    "adamax": ("Adamax", {}),
    "adamax all": ("Adamax", {"lr": 0.1, "betas": (0.7, 0.9), "eps": 1e-3, "weight_decay": 0.1}),
    "asgd": ("ASGD", {}),
    "asgd all": ("ASGD", {"lr": 0.1, "lambd": 0.05, "alpha": 0.6, "t0": 2, "weight_decay": 0.1}),
    "rprop": ("Rprop", {}),
    "rprop all": ("Rprop", {"lr": 0.4, "etas": (0.3, 1.9), "step_sizes": (0.1, 0.9)}),
}


@pytest.mark.parametrize("case", OPTIMIZERS)
def test_optimizers_take_pytorchs_steps(case):
    torch = pytest.importorskip("torch")
    name, options = OPTIMIZERS[case]
    start, paths = np.random.default_rng(0).standard_normal((3, 2)), []
    for library in (mg, torch):
        w, path = library.tensor(start, requires_grad=True), []
        solver = getattr(library.optim, name)([w], **options)
        for step in range(6):
            if step == 3:
                saved = solver.state_dict()
                solver = getattr(library.optim, name)([w], **options)
                solver.load_state_dict(saved)
            solver.zero_grad()
            ((w - 1) ** 4).sum().backward()
            solver.step()
            path.append(w.detach().numpy().copy())
        paths.append(path)
    # PyTorch keeps the product of NAdam's momenta, and ASGD's rate, as a float32
    np.testing.assert_allclose(paths[0], paths[1], rtol=1e-6 if name in ("NAdam", "ASGD") else 1e-10)


SCHEDULES = {
    "multi step": ("MultiStepLR", {"milestones": [2, 5, 5], "gamma": 0.5}),
    "warm restarts": ("CosineAnnealingWarmRestarts", {"T_0": 3, "eta_min": 0.01}),
    "longer restarts": ("CosineAnnealingWarmRestarts", {"T_0": 2, "T_mult": 2}),
}


@pytest.mark.parametrize("case", SCHEDULES)
def test_schedules_are_pytorchs(case):
    torch = pytest.importorskip("torch")
    name, options = SCHEDULES[case]
    found = []
    for library in (mg, torch):
        solver = library.optim.SGD([library.zeros(1, requires_grad=True)], lr=0.3)
        schedule, rates = getattr(library.optim.lr_scheduler, name)(solver, **options), []
        for _ in range(12):
            rates.append(solver.param_groups[0]["lr"])
            solver.step()
            schedule.step()
        found.append(rates)
    np.testing.assert_allclose(*found, rtol=1e-12)


@pytest.mark.parametrize(
    "options",
    [
        {"patience": 1},
        {"mode": "max", "patience": 0, "cooldown": 2},
        {"patience": 0, "threshold": 0.3, "threshold_mode": "abs", "min_lr": 0.01},
    ],
)
def test_the_plateau_is_noticed_when_pytorch_notices_it(options):
    torch = pytest.importorskip("torch")
    metrics, found = [3.0, 2.0, 2.0, 1.9, 2.5, 2.4, 2.3, 1.0, 0.99999, 0.9, 5.0, 5.0, 5.0, 5.0], []
    for library in (mg, torch):
        solver = library.optim.SGD([library.zeros(1, requires_grad=True)], lr=0.3)
        schedule, rates = library.optim.lr_scheduler.ReduceLROnPlateau(solver, factor=0.5, **options), []
        for metric in metrics:
            schedule.step(metric)
            rates.append(solver.param_groups[0]["lr"])
        found.append(rates)
    assert found[0] == pytest.approx(found[1]) and len(set(found[0])) > 1
