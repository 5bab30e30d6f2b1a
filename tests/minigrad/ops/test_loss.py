"""Losses called the way old PyTorch code calls them: positional order, size_average and reduce, weights."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.nn import functional as F

torch = pytest.importorskip("torch", reason="PyTorch, the oracle of these tests, is not installed")
random = np.random.default_rng(0)
X, T, W = (random.uniform(0.1, 0.9, (3, 4)) for _ in range(3))
CLASSES, CLASS_WEIGHT = np.array([1, 3, 0]), np.array([0.5, 1.0, 2.0, 0.1])
ELEMENTWISE = ["mse_loss", "l1_loss", "smooth_l1_loss", "kl_div"]
WEIGHTED = ["binary_cross_entropy", "binary_cross_entropy_with_logits"]


def both(name, *arrays, **options):
    ours, theirs = (
        getattr(f, name)(*[library.tensor(a) if isinstance(a, np.ndarray) else a for a in arrays], **options)
        for f, library in ((F, mg), (torch.nn.functional, torch))
    )
    assert tuple(ours.shape) == tuple(theirs.shape)
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-12)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("size_average", [None, True, False])
@pytest.mark.parametrize("reduce", [None, True, False])
def test_the_old_arguments_choose_the_reduction(name, size_average, reduce):
    both(name, X, T, size_average, reduce)
    both(name, X, T, size_average, reduce, "sum")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", WEIGHTED)
def test_the_third_argument_is_the_weight(name):
    both(name, X, T, W)
    both(name, X, T, W[0], None, False)
    both(name, X, T, W, None, None, "sum")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["nll_loss", "cross_entropy"])
def test_class_weights_ignored_classes_and_reductions_in_order(name):
    for reduction in ("mean", "sum", "none"):
        both(name, X, CLASSES, CLASS_WEIGHT, None, 3, None, reduction)
    both(name, X, CLASSES, CLASS_WEIGHT, False)
    both(name, X[0], np.array(2), CLASS_WEIGHT)
    both(name, X, np.array([-100, -100, 1]))


def test_a_reduction_in_the_place_of_size_average_is_refused():
    with pytest.raises(TypeError, match=r"mse_loss: size_average must be a bool or None, got 'sum'"):
        F.mse_loss(mg.ones(2), mg.ones(2), "sum")


def test_dtypes_promote_as_in_pytorch():
    single, double = mg.ones(2) / 2, mg.ones(2, dtype=mg.float64) / 2
    assert F.mse_loss(single, double).dtype == mg.float64
    for target in (single, double):  # PyTorch computes it in target's memory
        assert F.binary_cross_entropy_with_logits(double, target).dtype == target.dtype
        assert F.binary_cross_entropy_with_logits(single, target, pos_weight=double).dtype == target.dtype
    with pytest.raises(TypeError, match="binary_cross_entropy: input is float32, target is float64"):
        F.binary_cross_entropy(single, double)


def test_errors_name_the_loss():
    with pytest.raises(IndexError, match="cross_entropy: class 7 is out of range; there are 4"):
        F.cross_entropy(mg.zeros(1, 4), mg.tensor([7]))
    with pytest.raises(ValueError, match=r"nll_loss: weight must be \(4,\) of float32, got \(3,\)"):
        F.nll_loss(mg.zeros(1, 4), mg.tensor([1]), mg.ones(3))
    with pytest.raises(ValueError, match="delta must be positive"):
        F.huber_loss(mg.ones(2), mg.ones(2), delta=0)
