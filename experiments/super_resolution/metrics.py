"""PSNR and SSIM as super-resolution papers report them: on brightness alone, four pixels shaved off every side.

Pictures are arrays (3, H, W), RGB, 0 to 1, rounded to 8 bits as their files would be.
"""

from __future__ import annotations

import numpy as np

from .resampling import as_bytes

SHAVED = 4  # pixels at each border that do not count, the factor of enlargement


def brightness(picture: np.ndarray) -> np.ndarray:
    """Y of ITU-R BT.601, 16 to 235: (3, H, W) in [0, 1] to (H, W) float64, as MATLAB's rgb2ycbcr."""
    red, green, blue = as_bytes(picture).astype(np.float64) / 255
    return 16 + 65.481 * red + 128.553 * green + 24.966 * blue


def shaved(values: np.ndarray) -> np.ndarray:
    """(H, W) without its border of four pixels."""
    return values[SHAVED:-SHAVED, SHAVED:-SHAVED]


def psnr(picture: np.ndarray, original: np.ndarray) -> float:
    """10 log10(255^2 / mean squared difference of brightness), in dB."""
    error = np.mean((shaved(brightness(picture)) - shaved(brightness(original))) ** 2)
    return float(10 * np.log10(255**2 / error)) if error else float("inf")


def ssim(picture: np.ndarray, original: np.ndarray, sigma: float | None = None) -> float:
    """The mean of (2 m n + c1) (2 cov + c2) / ((m^2 + n^2 + c1) (var + var' + c2)) over all places, at most 1.

    Means m and n, variances and covariance are taken under a Gaussian window; c1 = (0.01 255)^2, c2 = (0.03 255)^2
    (Wang et al. 2004, equation 13). sigma: the window's deviation in pixels. None takes 1.5 pixels for every 256 of
    the picture's height and lets windows be cut off at the border, as the tool does with which Ledig et al.
    measured (dump_ssim of the codec Daala); 1.5 is Wang et al.'s own, and the value most later papers report.
    """
    a, b = shaved(brightness(picture)), shaved(brightness(original))
    windows = [_window(size, sigma or 1.5 * a.shape[0] / 256) for size in a.shape]

    def blurred(values: np.ndarray) -> np.ndarray:
        return windows[0] @ values @ windows[1].T

    mean_a, mean_b = blurred(a), blurred(b)
    var_a, var_b = blurred(a * a) - mean_a**2, blurred(b * b) - mean_b**2
    covariance = blurred(a * b) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    top = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    values = top / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
    margin = 0 if sigma is None else 5
    return float(values[margin : values.shape[0] - margin, margin : values.shape[1] - margin].mean())


def _window(size: int, sigma: float) -> np.ndarray:
    """The (size, size) matrix whose rows are Gaussians around each place, each of sum 1 within the picture."""
    apart = np.arange(size)[:, None] - np.arange(size)[None]
    weights = np.exp(-(apart**2) / (2 * sigma**2)) * (np.abs(apart) <= max(5, int(3.5 * sigma)))
    return weights / weights.sum(axis=1, keepdims=True)
