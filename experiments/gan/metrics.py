"""How good generated pictures are, measured on features: arrays (N, F), one row a picture.

No single one of these can be trusted. Fifty memorised pictures have an excellent Frechet distance (the nearest
neighbors give them away), and an untrained generator can have a precision of 1 (its recall is 0).
"""

from __future__ import annotations

import numpy as np


def frechet_distance(real: np.ndarray, made: np.ndarray) -> float:
    """|m_r - m_g|^2 + tr(C_r + C_g - 2 (C_r C_g)^(1/2)) between normal distributions fitted to both sets.

    On Inception features this is the FID (Heusel et al. 2017, section 2); on a digit classifier's, "cFID".
    tr (C_r C_g)^(1/2) is the sum of the square roots of the eigenvalues of S C_g S with S = C_r^(1/2).
    """
    mean_real, mean_made = real.mean(0, dtype=np.float64), made.mean(0, dtype=np.float64)
    cov_real, cov_made = (np.cov(x.astype(np.float64), rowvar=False) for x in (real, made))
    values, vectors = np.linalg.eigh(cov_real)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ cov_made @ root), 0)).sum()
    return float(((mean_real - mean_made) ** 2).sum() + np.trace(cov_real) + np.trace(cov_made) - 2 * shared)


def histogram(classes: np.ndarray, count: int = 10) -> np.ndarray:
    """The share of each class 0 .. count - 1."""
    return np.bincount(classes, minlength=count)[:count] / max(len(classes), 1)


def kl_divergence(shares: np.ndarray, reference: np.ndarray) -> float:
    """sum p log(p / q) in nats, for p the generated classes' shares and q the reference's."""
    present = shares > 0
    return float((shares[present] * np.log(shares[present] / np.maximum(reference[present], 1e-12))).sum())


def squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """|a_i - b_j|^2: (N, F) and (M, F) to (N, M)."""
    products = a @ b.T
    squares = (a * a).sum(1)[:, None] + (b * b).sum(1)[None]
    return np.maximum(squares - 2 * products, 0)


def nearest(a: np.ndarray, b: np.ndarray, chunk: int = 500) -> tuple[np.ndarray, np.ndarray]:
    """For each row of a (N, F) its nearest row of b: (distances (N,), their numbers (N,))."""
    distances, numbers = [], []
    for start in range(0, len(a), chunk):
        block = squared_distances(a[start : start + chunk], b)
        chosen = block.argmin(1)
        numbers.append(chosen)
        distances.append(np.sqrt(block[np.arange(len(block)), chosen]))
    return np.concatenate(distances), np.concatenate(numbers)


def _radii(features: np.ndarray, k: int, chunk: int = 500) -> np.ndarray:
    """The squared distance from each row to its k-th nearest other row."""
    parts = []
    for start in range(0, len(features), chunk):
        block = squared_distances(features[start : start + chunk], features)
        parts.append(np.partition(block, k, axis=1)[:, k])  # the row itself is among them, at distance 0
    return np.concatenate(parts)


def _covered(points: np.ndarray, centers: np.ndarray, radii: np.ndarray, chunk: int = 500) -> float:
    """The share of points that lie in at least one ball around a center."""
    inside = [
        (squared_distances(points[start : start + chunk], centers) <= radii[None]).any(1)
        for start in range(0, len(points), chunk)
    ]
    return float(np.concatenate(inside).mean())


def precision_recall(real: np.ndarray, made: np.ndarray, k: int = 3) -> tuple[float, float]:
    """(precision, recall): the share of made points within the real ones' reach, and the other way round.

    A set's reach is the union of balls around its points, each as large as the distance to the k-th neighbor.
    (Kynkaanniemi et al. 2019, equations 1 and 2.) Errors: ValueError for fewer than k + 1 points.
    """
    if min(len(real), len(made)) <= k:
        raise ValueError(f"precision_recall: more than {k} points are needed in each set, got {len(real)}, {len(made)}")
    return _covered(made, real, _radii(real, k)), _covered(real, made, _radii(made, k))
