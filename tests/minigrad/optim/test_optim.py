"""Optimizers, held step by step to PyTorch's and to the formulas in their docstrings."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.autograd import tensor_of

SHAPES = [(3, 4), (4,)]

FIRST_ORDER = {
    "sgd": ("SGD", {"lr": 0.1}),
    "sgd momentum": ("SGD", {"lr": 0.05, "momentum": 0.9}),
    "sgd dampening": ("SGD", {"lr": 0.05, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1}),
    "sgd nesterov": ("SGD", {"lr": 0.05, "momentum": 0.8, "nesterov": True, "weight_decay": 0.01}),
    "rmsprop": ("RMSprop", {"lr": 0.01}),
    "rmsprop momentum": ("RMSprop", {"lr": 0.01, "alpha": 0.9, "momentum": 0.5, "weight_decay": 0.1, "eps": 1e-6}),
    "adam": ("Adam", {"lr": 0.01}),
    "adam gan": ("Adam", {"lr": 0.01, "betas": (0.5, 0.999), "weight_decay": 0.1}),
    "adamw": ("AdamW", {"lr": 0.01, "betas": (0.9, 0.99), "eps": 1e-7, "weight_decay": 0.2}),
}


def starts(seed: int = 0) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [random.standard_normal(shape) for shape in SHAPES]


def parameters(library, values, device="cpu"):
    return [library.tensor(value, dtype=library.float64, requires_grad=True, device=device) for value in values]


def loss_of(library, w, b):
    """Not convex, no symmetry, and every entry has a gradient of its own."""
    x = library.tensor(np.linspace(-1, 2, 15).reshape(5, 3), dtype=library.float64, device=w.device)
    y = library.tanh(library.matmul(x, w) + b)
    return (y * y * y - y).sum() + ((w - 0.5) ** 2).sum() + ((b + 1) ** 2).mean()


def trained(library, optimizer, tensors, steps):
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = loss_of(library, *tensors)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("name", FIRST_ORDER)
def test_each_step_is_pytorchs(name, device):
    torch = pytest.importorskip("torch")
    kind, options = FIRST_ORDER[name]
    ours, theirs = parameters(mg, starts(), device), parameters(torch, starts())
    our_optimizer, their_optimizer = (
        getattr(optim, kind)(ours, **options),
        getattr(torch.optim, kind)(theirs, **options),
    )
    for step in range(30):
        ours_loss = trained(mg, our_optimizer, ours, 1)
        assert ours_loss == pytest.approx(trained(torch, their_optimizer, theirs, 1), rel=1e-11), f"step {step}"
        for a, b in zip(ours, theirs):
            np.testing.assert_allclose(a.detach().cpu().numpy(), b.detach().numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
@pytest.mark.parametrize("history", [2, 100])
def test_lbfgs_losses_are_pytorchs(search, history, device):
    torch = pytest.importorskip("torch")
    options = {"lr": 0.5 if search is None else 1.0, "max_iter": 4, "history_size": history, "line_search_fn": search}
    ours, theirs = parameters(mg, starts(1), device), parameters(torch, starts(1))
    found = lbfgs_losses(mg, optim.LBFGS(ours, **options), ours, 5, every=True)
    expected = lbfgs_losses(torch, torch.optim.LBFGS(theirs, **options), theirs, 5, every=True)
    assert len(found) == len(expected)
    assert found == pytest.approx(expected, rel=1e-6)


def lbfgs_losses(library, optimizer, tensors, steps, every=False):
    """The loss that each step returns, or that every evaluation gave."""
    evaluated = []

    def closure():
        optimizer.zero_grad()
        loss = loss_of(library, *tensors)
        loss.backward()
        evaluated.append(loss.item())
        return loss

    returned = [optimizer.step(closure).item() for _ in range(steps)]
    return evaluated if every else returned


def rosenbrock(p):
    return ((1 - p[:-1]) ** 2).sum() + 100 * ((p[1:] - p[:-1] ** 2) ** 2).sum()


def test_lbfgs_finds_the_end_of_rosenbrocks_valley():
    p = mg.tensor(np.array([-1.2, 1.0, -0.5, 0.8]), dtype=mg.float64, requires_grad=True)
    optimizer = optim.LBFGS([p], max_iter=200, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = rosenbrock(p)
        loss.backward()
        return loss

    optimizer.step(closure)
    np.testing.assert_allclose(p.detach().numpy(), 1.0, atol=1e-5)


@pytest.mark.parametrize("max_iter", [1, 200])
def test_lbfgs_takes_back_a_step_that_is_not_finite(max_iter):
    p = mg.tensor(np.array([0.5, 0.2]), dtype=mg.float64, requires_grad=True)
    optimizer = optim.LBFGS([p], lr=20.0, max_iter=max_iter)

    def closure():
        optimizer.zero_grad()
        loss = (p - 1).sum() - mg.log(p).sum()  # log of a negative number: steps of this length fail
        loss.backward()
        return loss

    with np.errstate(invalid="ignore"):
        for _ in range(200 // max_iter):
            optimizer.step(closure)
    assert optimizer.memory["caution"] < 1
    np.testing.assert_allclose(p.detach().numpy(), 1.0, atol=0.03)


def test_lbfgs_with_a_line_search_regains_its_step_length():
    """One gradient that is not finite makes the next steps short; good steps make them as long as before."""
    p = mg.tensor(np.array([-1.2, 1.0]), dtype=mg.float64, requires_grad=True)
    optimizer = optim.LBFGS([p], max_iter=1, max_eval=25, line_search_fn="strong_wolfe")
    cautions, evaluated = [], []

    def closure():
        optimizer.zero_grad()
        loss = rosenbrock(p)
        loss.backward()
        if len(cautions) == 5 and evaluated[-1] == 5:  # the sixth step, from its second evaluation on
            p.grad = p.grad * float("nan")
        evaluated.append(len(cautions))
        return loss

    for _ in range(40):
        optimizer.step(closure)
        cautions.append(optimizer.memory["caution"])
    assert min(cautions) == 0.1 and cautions[-1] == 1.0
    np.testing.assert_allclose(p.detach().numpy(), 1.0, atol=1e-3)


def test_lbfgs_with_zero_tolerances_crosses_a_flat_stretch():
    """Losses that change by less than the usual tolerance: stops by default, goes on when told to."""
    assert flat_iterations() <= 1
    assert flat_iterations(tolerance_grad=0.0, tolerance_change=0.0) == 50


def flat_iterations(**tolerances):
    p = mg.tensor(np.array([3.0, -2.0]), dtype=mg.float64, requires_grad=True)
    optimizer = optim.LBFGS([p], lr=0.1, max_iter=50, **tolerances)

    def closure():
        optimizer.zero_grad()
        loss = 1e-9 * (p**2).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return optimizer.memory["iterations"]


@pytest.mark.parametrize("name", [*FIRST_ORDER, "lbfgs"])
def test_a_saved_optimizer_goes_on_bit_for_bit(name, tmp_path):
    kind, options = FIRST_ORDER.get(name, ("LBFGS", {"max_iter": 3}))
    run = lbfgs_losses if name == "lbfgs" else trained
    tensors = parameters(mg, starts(2))
    optimizer = getattr(optim, kind)(tensors, **options)
    run(mg, optimizer, tensors, 4)
    mg.save({"optimizer": optimizer.state_dict(), "tensors": [t.detach() for t in tensors]}, tmp_path / "state.npz")
    expected = run(mg, optimizer, tensors, 4)

    loaded = mg.load(tmp_path / "state.npz")
    again = [value.clone().requires_grad_() for value in loaded["tensors"]]
    resumed = getattr(optim, kind)(again, **{**options, "lr": 123.0})
    resumed.load_state_dict(loaded["optimizer"])
    assert run(mg, resumed, again, 4) == expected
    for a, b in zip(again, tensors):
        assert a.detach().numpy().tobytes() == b.detach().numpy().tobytes()


@pytest.mark.parametrize("kind", ["SGD", "Adam", "LBFGS"])
def test_state_dicts_have_pytorchs_shape_and_are_checked(kind):
    tensors = parameters(mg, starts())
    optimizer = getattr(optim, kind)(tensors)
    (lbfgs_losses if kind == "LBFGS" else trained)(mg, optimizer, tensors, 1)
    saved = optimizer.state_dict()
    assert set(saved) == {"state", "param_groups"}
    assert saved["param_groups"][0]["params"] == [0, 1]
    other = getattr(optim, kind)(tensors[:1])
    with pytest.raises(ValueError, match="parameter groups"):
        other.load_state_dict(saved)


def test_a_saved_state_of_other_shapes_is_refused():
    tensors = parameters(mg, starts())
    optimizer = optim.Adam(tensors)
    trained(mg, optimizer, tensors, 1)
    swapped = optim.Adam(list(reversed(tensors)))
    with pytest.raises(ValueError, match=r"exp_avg has shape \(3, 4\)"):
        swapped.load_state_dict(optimizer.state_dict())
    assert swapped.state == {}


def test_groups_have_options_of_their_own():
    a, b = parameters(mg, starts())
    optimizer = optim.SGD([{"params": [a], "lr": 0.0}, {"params": b}], lr=0.5)
    before = a.detach().numpy().copy(), b.detach().numpy().copy()
    trained(mg, optimizer, [a, b], 1)
    assert (a.detach().numpy() == before[0]).all() and not (b.detach().numpy() == before[1]).any()


def test_parameters_without_gradient_stay_and_float32_stays_float32():
    for kind, options in FIRST_ORDER.values():
        used = mg.tensor([1.0, 2.0], requires_grad=True)
        unused = mg.tensor([1.0], requires_grad=True)
        optimizer = getattr(optim, kind)([used, unused], **options)
        for _ in range(2):
            optimizer.zero_grad()
            (used * used).sum().backward()
            optimizer.step()
        assert unused.item() == 1.0
        assert used.dtype == mg.float32
        arrays = [v for state in optimizer.state.values() for v in state.values() if hasattr(v, "dtype")]
        assert all(array.dtype == mg.float32 for array in arrays)


def test_a_step_between_forward_and_backward_is_noticed():
    w = mg.tensor([1.0, 2.0], requires_grad=True)
    loss = (w * w).sum()
    w.grad = mg.ones(2)
    optim.SGD([w], lr=0.1).step()
    with pytest.raises(RuntimeError, match="changed in place"):
        loss.backward()


@pytest.mark.parametrize(
    "make, error, words",
    [
        (lambda w: optim.Adam(w), TypeError, "wrap it in a list"),
        (lambda w: optim.Adam([]), ValueError, "empty"),
        (lambda w: optim.Adam([w, w]), ValueError, "twice"),
        (lambda w: optim.Adam([w * 2]), ValueError, "only leaves"),
        (lambda w: optim.Adam([3.0]), TypeError, "must be a Tensor"),
        (lambda w: optim.Adam([w], lr=-1.0), ValueError, "lr must be at least 0"),
        (lambda w: optim.Adam([w], betas=(0.9, 1.0)), ValueError, "betas"),
        (lambda w: optim.SGD([w], nesterov=True), ValueError, "nesterov"),
        (lambda w: optim.LBFGS([w], line_search_fn="wolfe"), ValueError, "strong_wolfe"),
        (lambda w: optim.LBFGS([w]).step(), TypeError, "closure"),
    ],
)
def test_mistakes_are_named(make, error, words):
    with pytest.raises(error, match=words):
        make(mg.tensor([1.0], requires_grad=True))


# ---------------------------------------------------------------------------------- schedules

SCHEDULES = {
    "StepLR": {"step_size": 3, "gamma": 0.5},
    "ExponentialLR": {"gamma": 0.9},
    "LinearLR": {"start_factor": 0.25, "end_factor": 1.0, "total_iters": 4},
    "CosineAnnealingLR": {"T_max": 8, "eta_min": 0.01},
    "LambdaLR": {"lr_lambda": lambda epoch: 1 / (1 + epoch)},
}


def rates(library, optimizer, schedule, epochs):
    """The rate of each epoch; the parameters do not matter."""
    found = []
    for _ in range(epochs):
        found.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    return found


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_are_pytorchs(name):
    torch = pytest.importorskip("torch")
    found = []
    for library in (mg, torch):
        tensors = parameters(library, starts())
        optimizer = library.optim.SGD(tensors, lr=0.3)
        schedule = getattr(library.optim.lr_scheduler, name)(optimizer, **SCHEDULES[name])
        found.append(rates(library, optimizer, schedule, 8))
    assert found[0] == pytest.approx(found[1], rel=1e-12)


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_saved_schedule_goes_on(name):
    made = []
    for _ in range(2):
        optimizer = optim.SGD(parameters(mg, starts()), lr=0.3)
        made.append((optimizer, getattr(optim.lr_scheduler, name)(optimizer, **SCHEDULES[name])))
    rates(mg, *made[0], 3)
    made[1][0].load_state_dict(made[0][0].state_dict())
    made[1][1].load_state_dict(made[0][1].state_dict())
    assert rates(mg, *made[1], 4) == rates(mg, *made[0], 4)


# ----------------------------------------------------------------------------------- clipping


@pytest.mark.parametrize("limit", [0.1, 1e6])
def test_clipping_by_norm_is_pytorchs(limit):
    torch = pytest.importorskip("torch")
    norms, grads = [], []
    for library in (mg, torch):
        tensors = parameters(library, starts())
        loss_of(library, *tensors).backward()
        norms.append(float(library.nn.utils.clip_grad_norm_(tensors, limit)))
        grads.append([t.grad.numpy() for t in tensors])
    assert norms[0] == pytest.approx(norms[1], rel=1e-12)
    for a, b in zip(*grads):
        np.testing.assert_allclose(a, b, rtol=1e-11)


def test_clipping_by_value_and_without_gradients():
    w = mg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    assert float(nn.utils.clip_grad_norm_([w], 1.0)) == 0.0
    (w * mg.tensor([-5.0, 0.5, 5.0])).sum().backward()
    nn.utils.clip_grad_value_([w], 1.0)
    assert w.grad.tolist() == [-1.0, 0.5, 1.0]


@pytest.mark.parametrize("kind", ["SGD", "RMSprop", "Adam", "AdamW", "LBFGS"])
def test_scalars_and_other_memory_orders_are_trained_in_place_and_alike(kind):
    start = np.random.default_rng(0).standard_normal((3, 2)).astype(np.float32)
    strided = np.asfortranarray(np.zeros((3, 4), np.float32))[:, ::2]
    strided[...] = start
    found = []
    for scalar_array, matrix_array in ((np.float32([3.0]), start.copy()), (np.array(3.0, "f"), strided)):
        scalar, matrix = (tensor_of(array, requires_grad=True) for array in (scalar_array, matrix_array))
        optimizer = getattr(optim, kind)([scalar, matrix], lr=0.01)
        three_steps(lambda: (scalar * scalar).sum() + (matrix**2 + matrix).sum(), optimizer)  # noqa: B023
        assert scalar.array is scalar_array and matrix.array is matrix_array
        found.append([scalar_array.item(), *matrix_array.ravel().tolist()])
    assert found[0] == pytest.approx(found[1], rel=1e-6) and found[0][0] < 3.0


def three_steps(loss_function, optimizer):
    def closure():
        optimizer.zero_grad()
        loss = loss_function()
        loss.backward()
        return loss

    for _ in range(3):
        optimizer.step(closure)
