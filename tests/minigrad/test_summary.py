"""A network's table: what ran, in which order, what it gave, what it costs; and nothing changed by looking."""

import re

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.summary import summary
from minigrad.trace import main


class Twice(nn.Module):
    """One layer used two times, and dropout, batch norm and randomness."""

    def __init__(self):
        super().__init__()
        self.inner = nn.ModuleList([nn.Linear(4, 4)])
        self.norm, self.drop = nn.BatchNorm1d(4), nn.Dropout(0.5)

    def forward(self, x):
        return self.drop(self.norm(self.inner[0](self.inner[0](x)))) + mg.randn_like(x)


def test_rows_come_in_the_order_of_the_calls():
    made = summary(Twice(), (3, 4))
    assert [(row.name, row.depth, row.number, row.again) for row in made.rows] == [
        ("", 0, 1, False), ("inner.0", 1, 1, False), ("inner.0", 1, 2, True), ("norm", 1, 3, False),
        ("drop", 1, 4, False),
    ]  # fmt: skip
    assert all(row.output == [(3, 4)] for row in made.rows)
    assert made.parameters == made.trainable == 20 + 8
    assert re.search(r"inner\.0 \(Linear: 1-1\) +\[3, 4\] +20\n", str(made))
    assert re.search(r"inner\.0 \(Linear: 1-2\) +\[3, 4\] +\(again\)\n", str(made))


def test_nothing_is_changed():
    net = Twice()
    net.norm.eval()
    before = {name: value.numpy().copy() for name, value in net.state_dict().items()}
    state = mg.get_rng_state()
    summary(net, (3, 4))
    assert net.training and net.drop.training and not net.norm.training
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in net.modules())
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[name])
    drawn = mg.randn(3).numpy()
    mg.set_rng_state(state)
    np.testing.assert_array_equal(drawn, mg.randn(3).numpy())


def test_modes_and_hooks_are_put_back_after_an_error():
    net = Twice()
    with pytest.raises(ValueError):
        summary(net, (3, 5))
    assert net.training and not net.norm._forward_hooks


def test_memory_is_what_the_graph_keeps():
    linear = nn.Linear(3, 5)
    made = summary(linear, (7, 3))
    assert (made.input_bytes, made.kept_bytes, made.parameter_bytes) == (7 * 3 * 4, 7 * 3 * 4, 20 * 4)
    made = summary(nn.Sequential(linear, nn.Tanh(), nn.Tanh()), (7, 3))
    assert made.kept_bytes == 7 * 3 * 4 + 2 * 7 * 5 * 4  # the input, and both results of tanh
    assert summary(linear.requires_grad_(False), (7, 3)).kept_bytes == 0
    assert summary(nn.BatchNorm1d(3), (7, 3)).parameter_bytes == 3 * 4 * 4 + 8  # num_batches_tracked is int64


def test_depth_gathers_what_lies_below():
    net = nn.Sequential(nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 2)), nn.Linear(2, 1))
    shallow = str(summary(net, (1, 2), depth=1))
    assert re.search(r"0 \(Sequential: 1-1\) +\[1, 2\] +17\n", shallow) and "2-1" not in shallow
    assert re.search(r"0 \(Sequential: 1-1\) +\[1, 2\] +--\n", str(summary(net, (1, 2))))


def test_several_inputs_and_whole_numbers():
    made = summary(nn.Embedding(5, 3), input_data=mg.tensor([[0, 4]]))
    assert made.rows[0].output == [(1, 2, 3)]

    class Sum(nn.Module):
        def forward(self, a, b):
            return a + b, a

    assert summary(Sum(), [(2, 3), (1, 3)]).rows[0].output == [(2, 3), (2, 3)]


def test_parameters_counted_as_torchs():
    torch = pytest.importorskip("torch")
    ours = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8 * 36, 10))
    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.Flatten(), torch.nn.Linear(8 * 36, 10)
    )
    made = summary(ours, (2, 3, 8, 8))
    assert made.parameters == sum(p.numel() for p in theirs.parameters())
    for row, part in zip(made.rows[1:], theirs, strict=True):
        assert sum(p.numel() for p in row.module.parameters()) == sum(p.numel() for p in part.parameters())


@pytest.mark.parametrize(
    ("options", "words"),
    [({}, "either"), ({"input_size": (1,), "input_data": mg.zeros(1)}, "either"),
     ({"input_size": (1, 2), "depth": 0}, "depth must be at least 1")],
)  # fmt: skip
def test_wrong_arguments(options, words):
    with pytest.raises(ValueError, match=words):
        summary(nn.Linear(2, 1), **options)


def test_the_command(capsys):
    assert main(["summary"]) == 0
    assert "Parameters: 475" in capsys.readouterr().out
    assert main(["summary", "nets.mlp_gan.Generator", "--input-size", "2,96"]) == 0
    assert "Parameters: 1,952,528" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nets.mlp_gan.Generator"], "--input-size: say what"),
        (["nets.mlp_gan.Nothing", "--input-size", "1,2"], "there is no such network"),
        (["Generator", "--input-size", "1,2"], "there is no such network"),
        (["minigrad.Tensor", "--input-size", "1,2"], "is no network"),
        (["minigrad.nn.Linear", "--input-size", "1,2"], "minigrad.nn.Linear: "),
        (["nets.mlp_gan.Generator", "--input-size", "1,x"], "must be whole numbers"),
        (["nets.mlp_gan.Generator", "--input-size", "1,2"], "noise must be"),
    ],
)
def test_wrong_commands_cost_one_sentence(capsys, words, said):
    assert main(["summary", *words]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
