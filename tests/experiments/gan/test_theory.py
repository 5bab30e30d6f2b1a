"""The game on a line and the game x y: what is drawn is what the closed forms say."""

import math

import numpy as np
import pytest

from experiments import gan_1d
from experiments.common.cli import UserError
from experiments.gan import line
from experiments.gan.losses import LOSSES
from experiments.gan.training import improve_discriminator
from experiments.gan.zero_sum import DAMPING, RATE, RULES, play_product
from minigrad import manual_seed
from minigrad.devices import CPU


def test_jsd_lies_between_equal_and_disjoint_densities():
    x = line.line()
    p, far = line.normal_density(x, 0, 0.3), line.normal_density(x, 4, 0.3)
    assert np.trapezoid(p, x) == pytest.approx(1, abs=1e-6)
    assert line.jensen_shannon(x, p, p) == pytest.approx(0, abs=1e-12)
    assert line.jensen_shannon(x, p, far) == pytest.approx(math.log(2), abs=1e-6)


def test_the_value_of_the_game_at_the_best_discriminator():
    """E_p log D* + E_q log(1 - D*) = 2 JSD - log 4 (Goodfellow et al. 2014, theorem 1)."""
    x = line.line()
    p, q = line.normal_density(x, 0.5, 0.8), line.normal_density(x, -0.7, 1.1)
    best = line.best_discriminator(p, q)
    value = np.trapezoid(p * np.log(best) + q * np.log(1 - best), x)
    assert value == pytest.approx(2 * line.jensen_shannon(x, p, q) - math.log(4), abs=1e-5)


def test_the_slopes_of_both_generator_losses():
    d = np.array([0.01, 0.5, 0.9])
    losses = line.generator_losses(d)
    np.testing.assert_allclose(losses["log(1 - D)"], [np.log(1 - d), -1 / (1 - d)])
    np.testing.assert_allclose(losses["-log D"], [-np.log(d), -1 / d])


def test_a_discriminator_that_trains_against_a_fixed_generator_becomes_the_best_one():
    manual_seed(0)
    players = line.make_line_players(LOSSES["ns"], 0.01, 32, CPU)
    data = gan_1d.batches(512, CPU)
    for _ in range(400):
        improve_discriminator(players, *next(data))
    now = line.moment(players)
    seen = now.p + now.q > 0.05  # elsewhere nothing is drawn from, so nothing is learned
    assert np.abs(now.d - now.best)[seen].max() < 0.12


def test_the_command_leaves_a_page_and_ends_nearer_to_the_data(tmp_path):
    found = gan_1d.main(["--steps", "60", "--frames", "3", "--batch-size", "64", "--out", str(tmp_path)])
    for name in ("ns", "saturating"):
        assert found[f"{name}: JSD at the end"] < found[f"{name}: JSD at the start"]
        assert (tmp_path / f"{name}.gif").is_file()
    assert "The game on a line" in (tmp_path / "index.html").read_text()


def test_the_game_x_y():
    paths = {rule: play_product(rule, 100) for rule in RULES}
    away = np.hypot(*paths["simultaneous"].T)
    np.testing.assert_allclose(away[1:] / away[:-1], math.sqrt(1 + RATE**2), rtol=1e-12)
    x, y = paths["alternating"].T
    np.testing.assert_allclose(x**2 + y**2 - RATE * x * y, 2 - RATE, rtol=1e-12)
    inward = np.hypot(*paths["damped"].T)
    np.testing.assert_allclose(inward[1:] / inward[:-1], math.hypot(1 - RATE * DAMPING, RATE), rtol=1e-12)
    with pytest.raises(ValueError, match="rule must be one of"):
        play_product("in turns")


def test_a_file_of_the_users_is_not_overwritten(tmp_path):
    (tmp_path / "jsd.png").write_bytes(b"mine")
    with pytest.raises(UserError, match=r"jsd\.png is in the way"):
        gan_1d.main(["--steps", "2", "--out", str(tmp_path)])
    assert (tmp_path / "jsd.png").read_bytes() == b"mine"
    assert not (tmp_path / "report.json").exists()
