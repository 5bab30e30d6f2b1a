"""Several real MPI processes: collectives against mpi4py's, and training against one process with all the data."""

import numpy as np
import pytest

import minigrad as mg
import minigrad.distributed as dist
from minigrad import nn
from minigrad.utils.data import DataLoader, DistributedSampler, TensorDataset
from tests.helpers import mpi
from tests.helpers.paths import TESTS
from tests.oracles import cuda_emulation


def checks_of(program):
    text = (TESTS / "helpers" / "ranks" / f"{program}.py").read_text()
    return [line[4:].partition("(")[0] for line in text.splitlines() if line.startswith("def check_")]


@pytest.mark.parametrize("ranks", [1, 2, 3, 4])
@pytest.mark.parametrize("program", ["collectives", "training"])
def test_in_processes(program, ranks):
    mpi.require_mpi()
    printed = mpi.launch(ranks, program, "cpu")
    assert printed.split() == checks_of(program)


@pytest.mark.parametrize("backend", ["mpi", "nccl"])
def test_collectives_of_arrays_on_the_emulated_gpu(backend):
    """Over MPI by way of the host's memory; over NCCL's interface, behind which stands `nccl_stand_in`."""
    mpi.require_mpi()
    if why_not := cuda_emulation.missing():
        pytest.skip(f"no emulated GPU: {why_not}")
    printed = mpi.launch(2, "collectives", "cuda", backend, **{cuda_emulation.SWITCH: "1"})
    assert printed.split() == checks_of("collectives")


def test_without_a_group():
    assert not dist.is_initialized() and dist.launched_processes() == 1
    for call in (dist.get_rank, dist.get_world_size, dist.barrier, lambda: dist.all_reduce(mg.ones(1))):
        with pytest.raises(ValueError, match="has not been initialized"):
            call()
    with pytest.raises(ValueError, match="has not been initialized"):
        nn.parallel.DistributedDataParallel(nn.Linear(1, 1))
    with pytest.raises(ValueError, match="'mpi' or 'nccl', got 'gloo'"):
        dist.init_process_group("gloo")


def test_the_engine_imports_no_mpi():
    """mpi4py starts MPI when it is imported: that must be the user's wish."""
    import subprocess
    import sys

    code = "import sys, minigrad.distributed; assert 'mpi4py' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_sampler_with_numbers_of_ones_own():
    parts = [list(DistributedSampler(range(7), 3, rank, shuffle=False)) for rank in range(3)]
    assert parts == [[0, 3, 6], [1, 4, 0], [2, 5, 1]]
    parts = [list(DistributedSampler(range(7), 3, rank, shuffle=False, drop_last=True)) for rank in range(3)]
    assert parts == [[0, 3], [1, 4], [2, 5]]
    with pytest.raises(ValueError, match="rank 3 must be in 0 to 2"):
        DistributedSampler(range(7), 3, 3)
    with pytest.raises(ValueError, match="too few"):
        DistributedSampler(range(2), 3, 0, drop_last=True)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("size", [1, 7, 12, 13])
def test_a_sampler_gives_what_pytorchs_gives(size, drop_last, shuffle):
    """The numbers, in order; with shuffle, whose orders differ, how many there are and how they are shared out."""
    torch = pytest.importorskip("torch")
    for rank in range(3 if size >= 3 else 0):
        options = {"num_replicas": 3, "rank": rank, "shuffle": shuffle, "drop_last": drop_last}
        theirs = torch.utils.data.DistributedSampler(range(size), **options)
        ours = DistributedSampler(range(size), **options)
        assert len(ours) == len(theirs) == len(list(ours))
        if not shuffle:
            assert list(ours) == list(theirs)


def test_a_sharded_loader():
    loader = DataLoader(TensorDataset(mg.arange(10)), 4)
    loader.shard(2, 1)
    assert [batch[0].tolist() for batch in loader] == [[1, 3], [5, 7], [9]]
    loader = DataLoader(TensorDataset(mg.arange(9)), 4)
    loader.shard(2, 1)
    assert [batch[0].tolist() for batch in loader][-1] == [8], "the incomplete batch is filled up from its beginning"
    with pytest.raises(ValueError, match="batch_size 4 cannot be divided among 3 ranks"):
        loader.shard(3, 0)


def test_batch_norms_become_synchronized_and_keep_their_state():
    net = nn.Sequential(nn.BatchNorm2d(3, eps=1e-3), nn.Sequential(nn.BatchNorm1d(2)), nn.InstanceNorm2d(3))
    state = {name: value.numpy().copy() for name, value in net.state_dict().items()}
    weight = net[0].weight
    converted = nn.SyncBatchNorm.convert_sync_batchnorm(net)
    assert converted is net and type(net[0]) is type(net[1][0]) is nn.SyncBatchNorm and net[0].weight is weight
    assert net[0].eps == 1e-3 and type(net[2]) is nn.InstanceNorm2d
    assert type(nn.SyncBatchNorm.convert_sync_batchnorm(nn.BatchNorm1d(2))) is nn.SyncBatchNorm
    assert list(net.state_dict()) == list(state)
    x = mg.randn(2, 3, 4, 4)
    alone = nn.BatchNorm2d(3, eps=1e-3)
    np.testing.assert_array_equal(net[0](x).detach().numpy(), alone(x).detach().numpy())
    np.testing.assert_array_equal(net[0].running_var.numpy(), alone.running_var.numpy())


def test_hooks_of_a_weight_run_before_the_layers_below():
    """What averaging gradients while backward runs depends on."""
    net = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 2))
    order = []
    for number in (0, 2, 4):
        net[number].weight.register_hook(lambda grad, number=number: order.append(number))
    with mg.grad_mode.observe(lambda op, way, run: (way == "backward" and order.append(type(op).__name__), run())[1]):
        net(mg.ones(3, 2)).sum().backward()
    assert [entry for entry in order if entry in (0, 2, 4, "Tanh")] == [4, "Tanh", 2, "Tanh", 0]
