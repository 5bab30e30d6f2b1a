"""The counted work is the work: against counts by hand."""

import pytest

import minigrad as mg
from experiments.bench.roofline import STEPS, Step, Work, counting, main
from minigrad import nn, trace


def test_a_convolutions_work_by_hand():
    x, weight = mg.randn(2, 3, 6, 5), mg.randn(4, 3, 3, 3, requires_grad=True)
    with counting() as count:
        y = nn.functional.conv2d(x, weight, padding=1)
        y.backward(mg.ones_like(y))
    forward, backward = count.kinds["Conv2d"], count.kinds["Conv2dWeight"]
    assert forward.flops == backward.flops == 2 * (2 * 4 * 6 * 5) * 27
    columns = 2 * (27 * 2 * 6 * 5) * 4
    assert forward.bytes == 4 * (2 * 3 * 30 + 4 * 27 + 2 * 4 * 30) + columns
    assert backward.bytes == forward.bytes


def test_a_transposed_convolution_and_a_product():
    x, weight = mg.randn(2, 4, 3, 3), mg.randn(4, 5, 2, 2)
    with counting() as count:
        nn.functional.conv_transpose2d(x, weight, stride=2)
        mg.randn(7, 3) @ mg.randn(3, 2)
    assert count.kinds["ConvTranspose2d"].flops == 2 * (2 * 4 * 9) * 20
    assert count.kinds["MatMul"].flops == 2 * 7 * 3 * 2
    slow, fast = count.seconds(1e9, 1e12, 0), count.seconds(2e9, 2e12, 0)
    assert slow == pytest.approx(2 * fast) and count.seconds(1e9, 1e12, 1.0) == pytest.approx(slow + len(count.runs))


def test_the_command_refuses_a_gpu_without_bandwidth(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--bandwidth", "0"])
    assert stopped.value.code == 2 and "--bandwidth" in capsys.readouterr().err


def test_the_old_command_says_where_it_moved(capsys):
    assert trace.main(["roofline", "--bandwidth", "900"]) == 2
    assert "python -m experiments.bench.roofline" in capsys.readouterr().err
    assert trace.main(["draw", "-o", ""]) == 2


def test_adam_reads_four_arrays_and_writes_three():
    weight = mg.randn(3, 5, requires_grad=True)
    count = Step(lambda: None, [weight]).counted()
    assert count.kinds == {"Adam": Work(calls=1, bytes=7 * 4 * 15, flops=12 * 15)}
    assert STEPS["MLP GAN, batch 128"]().counted().kinds["Adam"].bytes == 7 * 4 * (267_009 + 1_952_528)
