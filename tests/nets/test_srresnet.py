"""SRResNet and SRGAN's discriminator: parameter counts, shapes, reach, errors."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.nn import functional as F
from nets.srresnet import Discriminator, SRResNet


def test_parameter_counts():
    # 16 blocks of 64 channels, one slope for each PReLU: 15,616 + 1 at the entry; 74,113 a block; 37,056 after them;
    # 2 (147,712 + 1) in the doublings; 15,555 at the exit
    assert SRResNet().parameter_count() == 15_617 + 16 * 74_113 + 37_056 + 2 * 147_713 + 15_555 == 1_549_462
    assert SRResNet(5, 32).parameter_count() == 7_809 + 5 * 18_625 + 9_312 + 2 * 36_993 + 7_779


def test_the_discriminators_parameter_count():
    convolutions = [(3, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 512), (512, 512)]
    expected = sum(9 * a * b + b for a, b in convolutions) + sum(2 * b for _, b in convolutions[1:])
    expected += 512 * 6 * 6 * 1024 + 1024 + 1024 + 1
    with mg.nn.init.skip_init():
        assert Discriminator().parameter_count() == expected == 23_565_505


def test_pictures_come_out_four_times_as_large_and_may_have_any_size():
    net = SRResNet(1, 4).eval()
    with mg.no_grad():
        assert net(mg.rand(2, 3, 5, 7)).shape == (2, 3, 20, 28)
        assert net(mg.rand(1, 3, 1, 1)).shape == (1, 3, 4, 4)


def test_untrained_it_interpolates():
    mg.manual_seed(0)
    net, pictures = SRResNet(2, 5), mg.rand(2, 3, 6, 7)
    twice = F.interpolate(F.interpolate(pictures, scale_factor=2, mode="bilinear"), scale_factor=2, mode="bilinear")
    for mode in (net.train(), net.eval()):
        with mg.no_grad():
            made = mode(pictures) * 0.5 + 0.5
        inside = (slice(None), slice(None), slice(6, -6), slice(6, -6))  # beyond the border all is dark
        np.testing.assert_allclose(made[inside].numpy(), twice[inside].numpy(), atol=1e-6)


def test_every_parameter_learns_from_the_second_step_on():
    mg.manual_seed(0)
    net = SRResNet(2, 5)
    optimizer, small, large = mg.optim.SGD(net.parameters(), lr=0.1), mg.rand(2, 3, 6, 6), mg.rand(2, 3, 24, 24)
    for _ in range(2):
        optimizer.zero_grad()
        F.mse_loss(net(small), large).backward()
        optimizer.step()
    still = [name for name, p in net.named_parameters() if not float((p.grad**2).sum()) > 0]
    assert still == []


def test_a_pixel_depends_on_no_more_than_the_reach():
    mg.manual_seed(0)
    net = SRResNet(2, 4).eval()
    for name, parameter in net.named_parameters():
        if parameter.dim() > 1 or name == "body.3.weight":  # as if trained: what begins at 0 is not
            mg.nn.init.normal_(parameter, 0.0, 0.3)
    size, place = 2 * net.reach + 5, net.reach + 2
    picture = np.random.default_rng(0).random((1, 3, size, size), dtype=np.float32)
    touched = picture.copy()
    touched[:, :, place, place] += 1
    with mg.no_grad():
        difference = (net(mg.tensor(touched)) - net(mg.tensor(picture))).abs().numpy().max(axis=(0, 1))
    rows = np.flatnonzero(difference.max(axis=1) > 0) // 4
    assert place - net.reach <= rows.min() and rows.max() <= place + net.reach
    assert rows.max() - rows.min() >= 2 * net.reach - 2  # the reach is no overestimate by more than a pixel


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"SRResNet: pictures must be \(N, 3, H, W\), got shape \(2, 1, 8, 8\)"):
        SRResNet(1, 4)(mg.rand(2, 1, 8, 8))
    with pytest.raises(
        ValueError, match=r"Discriminator: pictures must be \(N, 3, 32, 32\), got shape \(1, 3, 16, 16\)"
    ):
        Discriminator(32, 2)(mg.rand(1, 3, 16, 16))
    with pytest.raises(ValueError, match="multiple of 16"):
        Discriminator(40)
    with pytest.raises(ValueError, match="SRResNet: channels must be at least 3, got 2"):
        SRResNet(1, 2)
