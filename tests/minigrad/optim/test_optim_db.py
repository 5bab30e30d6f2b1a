"""PyTorch's own list of optimizers and their options: the same steps, or a clear refusal."""

import numpy as np
import pytest

import minigrad as mg

pytest.importorskip("torch")

# What PyTorch has and minigrad has not, by name.
ABSENT = {"Adafactor", "Muon", "SparseAdam"}
# Options that are refused, as docs/differences.md says.
REFUSED = {"capturable", "differentiable", "foreach", "fused", "decoupled_weight_decay in Adam"}


def database():
    pytest.importorskip("torch")
    return pytest.importorskip("torch.testing._internal.common_optimizers").optim_db


def path(library, name, options):
    """Where 6 steps lead two parameters; the options, with a Tensor lr as a number."""
    numbers = np.random.default_rng(1)
    parameters = [library.tensor(numbers.standard_normal(shape), requires_grad=True) for shape in ((3, 2), (4,))]
    solver, found = getattr(library.optim, name)(parameters, **options), []

    def closure():
        solver.zero_grad()
        loss = sum(((p - 0.7) ** 4).sum() + (p * p).sum() for p in parameters)
        loss.backward()
        return loss

    for _ in range(6):
        solver.step(closure)
        found.append(np.concatenate([p.detach().numpy().reshape(-1) for p in parameters]))
    return np.array(found)


def test_every_optimizer_of_pytorchs_list_takes_its_steps_or_is_refused():
    import torch

    compared, refused, absent = 0, set(), set()
    for info in database():
        name = info.optim_cls.__name__
        if not hasattr(mg.optim, name):
            absent.add(name)
            continue
        for sample in info.optim_inputs_func(device="cpu"):
            options = {
                key: value.item() if isinstance(value, torch.Tensor) else value for key, value in sample.kwargs.items()
            }
            if isinstance(options.get("betas"), tuple):
                options["betas"] = tuple(float(beta) for beta in options["betas"])
            try:
                ours = path(mg, name, options)
            except TypeError as error:
                assert "unexpected keyword argument" in str(error), (name, options)
                option = str(error).split("'")[1]
                refused.add(f"{option} in {name}" if option == "decoupled_weight_decay" else option)
                continue
            # PyTorch keeps the product of NAdam's momenta, and ASGD's rate, as a float32
            theirs, rtol = path(torch, name, options), 1e-6 if name in ("NAdam", "ASGD") else 1e-9
            np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=1e-12, err_msg=f"{name} {options}")
            compared += 1
    assert compared > 40 and absent == ABSENT and refused <= REFUSED


@pytest.mark.parametrize("options", [{"foreach": False}, {"foreach": True}])
def test_implementations_to_choose_from_are_refused(options):
    with pytest.raises(TypeError, match="foreach"):
        mg.optim.Adam([mg.ones(1, requires_grad=True)], **options)
