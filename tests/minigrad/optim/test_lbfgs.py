"""L-BFGS goes where PyTorch's goes, stops where it stops, and evaluates the loss as often."""

import numpy as np
import pytest

import minigrad as mg


def rosenbrock(p, _):
    return (100 * (p[1:] - p[:-1] ** 2) ** 2 + (1 - p[:-1]) ** 2).sum()


def quadratic(p, matrix):
    return 0.5 * (p * (matrix @ p)).sum() - p.sum()


def waves(p, _):
    """Has negative curvature, so that the line search brackets and zooms."""
    return (p**2 / 20 - (3 * p).cos()).sum()


def flat(p, _):
    return (p**4).sum() * 1e-3


LOSSES = {"rosenbrock": rosenbrock, "quadratic": quadratic, "waves": waves, "flat": flat}
OPTIONS = {
    "default": {},
    "small steps": {"lr": 0.1, "max_iter": 7},
    "short memory": {"history_size": 2, "max_iter": 9, "lr": 0.5},
    "few evaluations": {"max_iter": 9, "max_eval": 4},
    "coarse": {"tolerance_change": 1e-3},
    "rough gradient": {"tolerance_grad": 0.05},
}


def path(library, loss_of, options):
    """For each step: evaluations so far, iterations so far, the loss it returns, and where it ends."""
    numbers = np.random.default_rng(3)
    half = numbers.standard_normal((4, 4))
    matrix = library.tensor(half @ half.T + 0.3 * np.eye(4))
    start = numbers.standard_normal(4) * (0.7 if loss_of is not waves else 3)
    p = library.tensor(start, requires_grad=True)
    solver, count, found = library.optim.LBFGS([p], **options), 0, []

    def closure():
        nonlocal count
        count += 1
        solver.zero_grad()
        loss = loss_of(p, matrix)
        loss.backward()
        return loss

    for _ in range(5):
        loss = solver.step(closure).item()
        found.append([count, loss, *p.detach().numpy()])
    return np.array(found)


# Without a line search the waves throw it about: a difference in the last bit grows until nothing is alike.
CASES = [(loss, None) for loss in LOSSES if loss != "waves"] + [(loss, "strong_wolfe") for loss in LOSSES]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize(("loss", "search"), CASES)
def test_each_step_and_its_evaluations_are_pytorchs(loss, options, search):
    torch = pytest.importorskip("torch")
    options = {**OPTIONS[options], "line_search_fn": search}
    ours, theirs = (path(library, LOSSES[loss], options) for library in (mg, torch))
    finite = np.isfinite(theirs).all(1) & (abs(theirs[:, 1]) < 1e8)  # without a search some run away
    sound = len(finite) if finite.all() else int(np.argmin(finite))
    assert sound or search is None
    assert list(ours[:sound, 0]) == list(theirs[:sound, 0])
    np.testing.assert_allclose(ours[:sound, 1:], theirs[:sound, 1:], rtol=1e-5, atol=1e-8)


def test_a_move_is_remembered_with_the_gradient_of_the_next_batch():
    torch, found = pytest.importorskip("torch"), []
    for library in (mg, torch):
        p = library.tensor(np.array([1.0, -2.0, 0.5]), requires_grad=True)
        solver = library.optim.LBFGS([p], lr=0.2, max_iter=2, line_search_fn="strong_wolfe")
        for batch in range(5):

            def closure(batch=batch, solver=solver, p=p):
                solver.zero_grad()
                loss = ((p - batch / 3) ** 4).sum() + (p**2).sum() * (1 + batch % 2)
                loss.backward()
                return loss

            solver.step(closure)
            found.append(p.detach().numpy().copy())
    np.testing.assert_allclose(found[:5], found[5:], rtol=1e-9)
