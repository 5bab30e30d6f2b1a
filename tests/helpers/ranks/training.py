"""Data parallelism in several processes against one process that sees all the data."""

from itertools import count

import numpy as np

import minigrad as mg
import minigrad.distributed as dist
from minigrad import nn, optim
from minigrad.autograd import tensor_of
from minigrad.nn import functional as F
from minigrad.nn.parallel import DistributedDataParallel
from minigrad.ops.collective import sync_batch_norm
from minigrad.utils.data import DataLoader, DistributedSampler, TensorDataset

dist.init_process_group()
RANK, SIZE = dist.get_rank(), dist.get_world_size()
BATCH, STEPS = 12, 20  # 12 can be divided among 1, 2, 3 and 4
SMALL = 1e-4  # MiB: so that there are several buckets


def make_net(seed=0):
    """Convolution, batch norm, linear. No bias before the batch norm: its gradient is rounding noise, and Adam would
    make steps of it."""
    mg.manual_seed(seed)
    convolution = nn.Conv2d(2, 4, 3, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 5)).double()


def examples(steps=STEPS):
    random = np.random.default_rng(1)
    return random.standard_normal((steps, BATCH, 2, 4, 4)), random.integers(0, 5, (steps, BATCH))


def own(values):
    """This rank's part of a batch."""
    return values[RANK::SIZE]


def trained(net, parts, optimizer=None):
    optimizer = optimizer or optim.Adam(net.parameters(), lr=1e-2)
    for x, y in zip(*examples()):
        optimizer.zero_grad()
        F.cross_entropy(net(mg.tensor(parts(x))), mg.tensor(parts(y))).backward()
        optimizer.step()
    return net


def assert_same_everywhere(net):
    states = [None] * SIZE
    dist.all_gather_object(states, {name: value.numpy().tobytes() for name, value in net.state_dict().items()})
    assert all(state == states[0] for state in states), "ranks have different weights"


def assert_close(net, expected, tolerance=1e-12):
    for (name, a), b in zip(net.state_dict().items(), expected.state_dict().values(), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=0, atol=tolerance, err_msg=name)


def check_parts_of_a_batch_train_as_the_whole():
    net = nn.SyncBatchNorm.convert_sync_batchnorm(make_net(seed=RANK))  # rank 0's weights count
    parallel = DistributedDataParallel(net, bucket_cap_mb=SMALL)
    assert len(parallel.reducer.buckets) > 2
    trained(parallel, own)
    assert_same_everywhere(net)
    assert_close(net, trained(make_net(), lambda values: values))


def check_buckets_leave_while_backward_runs():
    parallel = DistributedDataParallel(make_net(), bucket_cap_mb=SMALL)
    left = []
    parallel.module[0].weight.register_hook(lambda grad: left.append(parallel.reducer.left))
    x, y = (part[0] for part in examples(1))
    F.cross_entropy(parallel(mg.tensor(own(x))), mg.tensor(own(y))).backward()
    assert left[0] >= (2 if SIZE > 1 else 0), f"{left} buckets had left when the first layer's gradient came"


def check_gradients_accumulate_and_average():
    """no_sync, and a second backward onto gradients that are averages already, against sums over all ranks."""
    net = make_net()
    parallel = DistributedDataParallel(net, bucket_cap_mb=SMALL)
    batches = examples(3)

    def backward(step):
        x, y = (mg.tensor(own(part[step])) for part in batches)
        F.cross_entropy(parallel(x), y).backward()

    def gradients():
        return [p.grad.numpy().copy() for p in net.parameters()]

    separate = []
    for step in range(3):
        net.zero_grad()
        with parallel.no_sync():
            backward(step)
        mine = gradients()
        found = [None] * SIZE
        dist.all_gather_object(found, mine)
        separate.append([sum(parts) / SIZE for parts in zip(*found)])
        assert SIZE == 1 or any(not np.allclose(a, b) for a, b in zip(mine, separate[-1])), "no_sync averaged"
    net.zero_grad()
    with parallel.no_sync():
        backward(0)
    backward(1)
    for a, b, c in zip(gradients(), separate[0], separate[1], strict=True):
        np.testing.assert_allclose(a, b + c, atol=1e-14)
    backward(2)
    for a, *parts in zip(gradients(), *separate, strict=True):
        np.testing.assert_allclose(a, sum(parts), atol=1e-14)


def check_a_part_that_only_some_ranks_use():
    """Gradients of 0 count where a rank has none; what nobody uses keeps its grad."""
    layers = nn.ModuleList([nn.Linear(3, 2) for _ in range(3)]).double()
    parallel = DistributedDataParallel(layers, bucket_cap_mb=SMALL)
    layers[2].weight.grad = mg.ones(2, 3, dtype=mg.float64)
    x = mg.ones(4, 3, dtype=mg.float64)
    loss = layers[0](x).sum() + (layers[1](x).sum() if RANK == 0 else 0.0)
    loss.backward()
    assert layers[0].bias.grad.tolist() == [4.0, 4.0] and layers[1].bias.grad.tolist() == [4.0 / SIZE] * 2
    assert layers[2].bias.grad is None and layers[2].weight.grad.tolist() == [[1.0] * 3] * 2
    (alone,) = mg.grad(layers[0](x * (RANK + 1)).sum(), layers[0].bias)
    assert alone.tolist() == [4.0, 4.0] and layers[0].bias.grad.tolist() == [4.0, 4.0], "grad() changes nothing"
    assert not parallel.reducer.running


def check_buffers_follow_rank_0():
    parallel = DistributedDataParallel(make_net())
    x = mg.tensor(own(examples(1)[0][0]) + RANK)
    parallel(x)
    parallel(x)
    means = [None] * SIZE
    first = parallel.module[1].running_mean.numpy().copy()
    dist.all_gather_object(means, first)
    parallel.eval()
    parallel(x)
    assert np.array_equal(parallel.module[1].running_mean.numpy(), first), "evaluation sends nothing"
    parallel.train()
    parallel(x)
    moved = parallel.module[1].running_mean.numpy()
    assert RANK == 0 or not np.allclose(first, means[0])
    batch = parallel.module[0](x).detach().numpy().mean((0, 2, 3))
    np.testing.assert_allclose(moved, 0.9 * means[0] + 0.1 * batch, atol=1e-13)


def check_batch_norm_over_all_ranks():
    """Values, first and second derivatives of SyncBatchNorm on unequal parts, against batch_norm on all of it."""
    random = np.random.default_rng(5)
    sizes = [rank + 1 for rank in range(SIZE)]
    x, g = random.standard_normal((2, sum(sizes) + 1, 3, 2, 2))
    sizes[-1] += 1
    start = sum(sizes[:RANK])
    part = slice(start, start + sizes[RANK])
    weight, bias = random.standard_normal((2, 3))

    def penalty(function, rows, total):
        """(y, d(sum g y)/dx, and derivatives of the sum of its squares)."""
        point = [mg.tensor(each, requires_grad=True) for each in (x[rows], weight, bias)]
        y = function(point[0], None, None, point[1], point[2], True)
        plain = mg.grad((y * mg.tensor(g[rows])).sum(), point, retain_graph=True)
        (slope,) = mg.grad((y * mg.tensor(g[rows])).sum(), point[:1], create_graph=True)
        second = mg.grad((slope * slope).sum(), point[:2])
        shares = [total(each.numpy()) for each in (plain[1], plain[2], second[1])]
        return [y.detach().numpy(), plain[0].numpy(), slope.detach().numpy(), second[0].numpy()], shares

    def summed(share):
        tensor = tensor_of(share.copy())
        dist.all_reduce(tensor)
        return tensor.numpy()

    rows, shares = penalty(sync_batch_norm, part, summed)
    expected_rows, expected = penalty(F.batch_norm, slice(None), lambda share: share)
    for a, b in zip([*rows, *shares], [*[each[part] for each in expected_rows], *expected], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-11)


def check_samplers_share_the_data_out():
    for size, drop_last in ((10, False), (10, True), (12, False)):
        sampler = DistributedSampler(range(size), drop_last=drop_last, seed=3)
        orders = []
        for epoch in range(2):
            sampler.set_epoch(epoch)
            found = [None] * SIZE
            dist.all_gather_object(found, list(sampler))
            assert {len(part) for part in found} == {len(sampler)}
            given = [number for part in found for number in part]
            missing = set(range(size)) - set(given)
            assert len(missing) == (size % SIZE if drop_last else 0) and len(given) - len(set(given)) < SIZE
            orders.append(found)
        assert orders[0] != orders[1]


def check_a_sharded_loader_gives_the_same_batches():
    data = TensorDataset(mg.arange(30))
    whole, shard = (DataLoader(data, 12, shuffle=True, drop_last=drop) for drop in (True, True))
    mg.manual_seed(7)
    batches = whole.forever()
    expected = [next(batches)[0].tolist() for _ in range(5)]
    mg.manual_seed(7 if RANK == 0 else 1000 + RANK)
    shard.shard(SIZE, RANK)
    batches, found = shard.forever(), [None] * SIZE
    for batch in expected:
        dist.all_gather_object(found, next(batches)[0].tolist())
        assert [part[i] for i in range(12 // SIZE) for part in found] == batch
    assert shard.state_dict() == whole.state_dict(), "where it stands does not depend on the number of ranks"


def check_ranks_with_unequal_data_end_together():
    """Rank r has 2 + r batches; against the same sums formed by hand in one process."""
    for by_all in (True, False):
        net, twin = make_net(), make_net()
        for each in (net, twin):
            each.eval()  # running statistics: the twin below knows no batches of other ranks
        parallel = DistributedDataParallel(net, bucket_cap_mb=SMALL).eval()
        optimizer, theirs = (optim.SGD(each.parameters(), lr=0.1, momentum=0.9) for each in (net, twin))
        data = examples(2 + SIZE)
        with parallel.join(divide_by_initial_world_size=by_all):
            for step in range(2 + RANK):
                optimizer.zero_grad()
                F.cross_entropy(parallel(mg.tensor(own(data[0][step]))), mg.tensor(own(data[1][step]))).backward()
                optimizer.step()
        for step in range(2 + SIZE - 1):
            theirs.zero_grad()
            at_work = [rank for rank in range(SIZE) if step < 2 + rank]
            for rank in at_work:
                x, y = (mg.tensor(part[step][rank::SIZE]) for part in data)
                (F.cross_entropy(twin(x), y) / (SIZE if by_all else len(at_work))).backward()
            theirs.step()
        assert_close(net, twin)
        assert_same_everywhere(net)


def check_join_with_buffers_and_no_sync():
    parallel = DistributedDataParallel(make_net(), bucket_cap_mb=SMALL)
    with parallel.join():
        for step in range(2 + 2 * RANK):
            x, y = (mg.tensor(own(part[0])) for part in examples(1))
            if step % 2:
                with parallel.no_sync():
                    F.cross_entropy(parallel(x), y).backward()
            else:
                F.cross_entropy(parallel(x), y).backward()
    assert_same_everywhere(parallel.module)


def check_join_may_end_all_with_an_error():
    if SIZE == 1:
        return
    parallel = DistributedDataParallel(make_net())
    steps = 0
    try:
        with parallel.join(throw_on_early_termination=True):
            for steps in count():
                if steps == 2 and RANK == 1:
                    break
                parallel(mg.tensor(own(examples(1)[0][0])))
    except RuntimeError as error:
        assert "no more data" in str(error) and steps == 2
    else:
        raise AssertionError("no error")


for name, check in list(globals().items()):
    if name.startswith("check_"):
        check()
        if RANK == 0:
            print(name, flush=True)
dist.destroy_process_group()
