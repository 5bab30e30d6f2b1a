"""The cost model of data parallelism at its limits."""

import pytest

from experiments.bench.scaling import BUCKET, NETWORKS, Network, efficiency, limit, ring, step_time

SLOW, FAST = NETWORKS["Ethernet, 1 Gbit/s"], NETWORKS["NVLink 4"]


def test_a_ring_of_two_sends_everything_once_and_of_many_twice():
    network = Network(0.0, 1e9)
    assert ring(1, 1e9, network) == 0
    assert ring(2, 1e9, network) == pytest.approx(1.0)
    assert ring(1000, 1e9, network) == pytest.approx(2.0, rel=2e-3)
    assert ring(5, 0, Network(1e-3, 1e9)) == pytest.approx(8e-3)


def test_what_travels_while_backward_runs_costs_nothing():
    network = Network(0.0, 1e12)
    size = 4.0 * BUCKET
    assert step_time(8, 3.0, size, network) == pytest.approx(3.0 + ring(8, BUCKET, network))
    slow = Network(0.0, 1e6)
    assert step_time(8, 3.0, size, slow) == pytest.approx(1.0 + ring(8, size, slow))


def test_efficiency_falls_with_size_and_number():
    assert efficiency(1, 0.1, 1e8, SLOW) == 1
    values = [efficiency(n, 0.01, 1e7, SLOW) for n in (1, 8, 64, 512)]
    assert values == sorted(values, reverse=True)
    assert limit(0.001, 1e8, SLOW) == 1 and limit(1.0, 1e6, FAST) == 4096
