"""Random numbers: generators of one's own decide what is drawn, wherever they are accepted."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.utils import data

DRAWN = {
    "rand": lambda g: mg.rand(5, generator=g),
    "randn": lambda g: mg.randn(5, generator=g),
    "randint": lambda g: mg.randint(100, (5,), generator=g),
    "randperm": lambda g: mg.randperm(9, generator=g),
    "normal": lambda g: mg.normal(0.0, 1.0, (5,), generator=g),
    "bernoulli": lambda g: mg.bernoulli(mg.full((20,), 0.5), generator=g),
    "multinomial": lambda g: mg.multinomial(mg.ones(9), 5, generator=g),
    "uniform_": lambda g: mg.zeros(5).uniform_(-1, 1, generator=g),
    "normal_": lambda g: mg.zeros(5).normal_(2, 3, generator=g),
    "random_": lambda g: mg.zeros(5).random_(0, 100, generator=g),
    "init.uniform_": lambda g: mg.nn.init.uniform_(mg.zeros(5), -1, 1, generator=g),
    "init.normal_": lambda g: mg.nn.init.normal_(mg.zeros(5), generator=g),
    "init.xavier_uniform_": lambda g: mg.nn.init.xavier_uniform_(mg.zeros(2, 3), generator=g),
    "init.xavier_normal_": lambda g: mg.nn.init.xavier_normal_(mg.zeros(2, 3), generator=g),
    "init.kaiming_uniform_": lambda g: mg.nn.init.kaiming_uniform_(mg.zeros(2, 3), generator=g),
    "init.kaiming_normal_": lambda g: mg.nn.init.kaiming_normal_(mg.zeros(2, 3), generator=g),
    "init.orthogonal_": lambda g: mg.nn.init.orthogonal_(mg.zeros(3, 3), generator=g),
    "RandomSampler": lambda g: list(data.RandomSampler(range(20), generator=g)),
    "RandomSampler with replacement": lambda g: list(data.RandomSampler(range(20), True, generator=g)),
    "SubsetRandomSampler": lambda g: list(data.SubsetRandomSampler(range(20), generator=g)),
    "WeightedRandomSampler": lambda g: list(data.WeightedRandomSampler([1.0] * 20, 9, generator=g)),
    "random_split": lambda g: [list(part) for part in data.random_split(range(20), [5, 15], generator=g)],
    "DataLoader": lambda g: [b.tolist() for b in data.DataLoader(range(20), 3, shuffle=True, generator=g)],
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_generator_decides_what_is_drawn_and_leaves_the_common_one_alone(name):
    def drawn(seed):
        value = DRAWN[name](mg.Generator().manual_seed(seed))
        return value.tolist() if isinstance(value, mg.Tensor) else value

    before = mg.get_rng_state()
    assert drawn(3) == drawn(3) != drawn(4)
    assert mg.get_rng_state() == before


def test_generators_take_a_device_and_know_their_seed():
    generator = mg.Generator(device="cpu")
    assert generator.device == "cpu" and generator.manual_seed(7).initial_seed() == 7
    mg.manual_seed(5)
    assert mg.initial_seed() == 5
    with pytest.raises(ValueError, match="is not a device"):
        mg.Generator(device="tpu")
    with pytest.raises(TypeError, match=r"minigrad\.Generator"):
        mg.rand(2, generator=np.random.default_rng(0))
