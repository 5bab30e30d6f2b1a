"""Matrix products: in pieces, on every path, and with the own transpose."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.kernels import cpu
from minigrad.kernels.cpu.blas import multiply
from tests.helpers.arrays import random, relative_rms


@pytest.mark.parametrize("rows", [16, 300, 2_001])
@pytest.mark.parametrize(("inner", "columns"), [(36, 1600), (36, 900), (64, 64), (128, 128), (300, 300), (1, 5)])
def test_products_in_pieces_are_the_whole_product(rows, inner, columns):
    for a, b in (
        (random(rows, inner, dtype=np.float32), random(inner, columns, dtype=np.float32)),
        (
            random(inner, 2 * inner, dtype=np.float32)[:, inner:],
            random(inner, rows + 16, dtype=np.float32)[:, 16:],
        ),
    ):
        out = np.full((len(a), b.shape[1] + 3), np.nan, np.float32)[:, 1:-2]
        assert multiply(a, b, out) is out
        np.testing.assert_allclose(out, a.astype(float) @ b.astype(float), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", [(3, 5), (1, 64, 5000), (2, 3, 8, 300), (70, 2000), (1, 512, 16), (4, 0), (0, 4)])
@pytest.mark.parametrize("columns_first", [False, True])
def test_gram_is_the_product_with_the_transpose(shape, columns_first):
    x = random(*shape, dtype=np.float32)
    if columns_first:
        x = np.ascontiguousarray(x.swapaxes(-1, -2)).swapaxes(-1, -2)
    exact = x.astype(float)
    np.testing.assert_allclose(cpu.gram(x), exact @ exact.swapaxes(-1, -2), rtol=1e-4, atol=2e-3)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("rows, inner, columns", [(64, 9000, 32), (300, 70, 200), (5, 400, 900), (3, 4, 5)])
def test_matrix_products_on_every_path(rows, inner, columns, order):
    a, b = random(rows, inner), random(inner, columns)
    truth = np.einsum("ik,kj->ij", a, b)
    a, b = np.array(a, order=order), np.array(b, order=order)
    np.testing.assert_allclose(cpu.matmul(a, b), truth, atol=1e-9)
    for batch in (1, 3):
        many = np.stack([a] * batch).swapaxes(1, 2).copy().swapaxes(1, 2) if order == "F" else np.stack([a] * batch)
        others = np.arange(1, batch + 1)[:, None, None] * b
        expected = np.arange(1, batch + 1)[:, None, None] * truth
        np.testing.assert_allclose(cpu.matmul(many, others), expected, atol=1e-9)
    single = cpu.matmul(a.astype(np.float32), b.astype(np.float32))
    assert single.dtype == np.float32 and relative_rms(single, truth) < 1e-5


def test_a_product_with_its_own_transpose_is_a_gram_matrix_both_ways():
    torch = pytest.importorskip("torch")
    x = random(2, 40, 700, dtype=np.float32)
    for views in ((x, x.swapaxes(1, 2)), (x[0], x[0].T), (x[:, ::2], x[:, ::2].swapaxes(1, 2))):
        assert cpu.is_own_transpose(*views)
    others = [
        (x, x.copy().swapaxes(1, 2)),
        (x, x),
        (x[:, :, :40], x[:, :, 1:41].swapaxes(1, 2)),
        (x[0, :1], x[0, :1].T),
    ]
    assert not any(cpu.is_own_transpose(*views) for views in others)
    for factor in (np.ones((40, 40), np.float32), random(40, 40, dtype=np.float32)):  # a symmetric gradient, and not
        ours, theirs = mg.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        turned, other = ours.transpose(1, 2), theirs.transpose(1, 2)
        for tensor in (turned, other):
            tensor.retain_grad()
        (((ours @ turned) ** 2) * mg.tensor(factor)).sum().backward()
        (((theirs @ other) ** 2) * torch.tensor(factor)).sum().backward()
        assert relative_rms(ours.grad.numpy(), theirs.grad.numpy()) < 1e-5
        assert relative_rms(turned.grad.numpy(), other.grad.numpy()) < 1e-5
