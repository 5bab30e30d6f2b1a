"""What the GPU kernels promise beyond right numbers: bounded pieces, wide indices, one order, no waiting, no TF32."""

import numpy as np
import pytest

from tests.helpers import gpu_device
from tests.helpers.gpu_device import CUDA, on_gpu
from tests.helpers.kernel_samples import WINDOW, assert_equal, convolutions, draw, pools_and_resizes
from tests.oracles import cuda_emulation

gpu_device.require_gpu()
pytestmark = pytest.mark.gpu

import minigrad as mg  # noqa: E402
from minigrad import cuda, devices, nn, optim  # noqa: E402
from minigrad.kernels import cpu, gpu  # noqa: E402
from minigrad.kernels.gpu import common, conv  # noqa: E402

emulated = pytest.mark.skipif(not cuda_emulation.is_wanted(), reason="only the emulation counts")


def test_both_modules_export_the_same_names():
    assert sorted(gpu.__all__) == sorted(cpu.__all__)


def test_arrays_really_are_cupys():
    import cupy

    y = mg.nn.functional.relu(mg.randn(3).to("cuda"))
    assert type(y.array) is cupy.ndarray and str(y.device) == "cuda"
    assert all(type(array) is cupy.ndarray for array in convolutions(gpu, on_gpu))


@pytest.mark.parametrize("column_bytes", [1, 400, 2500, 1 << 20])
def test_convolutions_in_pieces(monkeypatch, column_bytes):
    monkeypatch.setattr(conv, "COLUMN_BYTES", column_bytes)
    assert_equal(convolutions(gpu, on_gpu), convolutions(cpu, lambda x: x))


@pytest.mark.parametrize("largest", [0, 2**31 - 1], ids=["64-bit", "32-bit"])
def test_indices_of_either_width(monkeypatch, largest):
    monkeypatch.setattr(common, "LARGEST_INT32", largest)
    assert_equal(convolutions(gpu, on_gpu), convolutions(cpu, lambda x: x))
    assert_equal(pools_and_resizes(gpu, on_gpu), pools_and_resizes(cpu, lambda x: x))


def test_a_window_over_nothing_but_padding_has_no_maximum():
    x, window = np.ones((1, 1, 1, 1), np.float32), ((2, 2), (2, 2), (1, 1), (2, 2), False)
    assert (
        gpu.max_pool2d(on_gpu(x), *window)[0].get().tolist()
        == cpu.max_pool2d(x, *window)[0].tolist()
        == [[[[-np.inf]]]]
    )


def test_a_nan_is_the_maximum_and_survives_activations():
    x = draw(1, 1, 4, 4)
    x[0, 0, 1, 2] = np.nan
    ours, theirs = gpu.max_pool2d(on_gpu(x), *WINDOW, False), cpu.max_pool2d(x, *WINDOW, False)
    assert_equal(ours, theirs)
    for name, *arguments in (("relu",), ("leaky_relu", 0.1), ("elu", 1.0), ("sigmoid",), ("softplus", 2.0)):
        found = getattr(gpu, name)(on_gpu(x), *arguments)
        with np.errstate(invalid="ignore"):
            expected = getattr(cpu, name)(x, *arguments)
        np.testing.assert_allclose(found.get(), expected, rtol=1e-5, err_msg=name)


def test_statistics_keep_their_digits_far_from_zero():
    x = draw(5, 3, 6, 7) + np.float32(1000)
    mean, var = (array.get() for array in gpu.moments(on_gpu(x)))
    np.testing.assert_allclose(mean, x.astype(float).mean((0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(var, x.astype(float).var((0, 2, 3)), rtol=1e-3)


def test_adam_rounds_its_constants_once():
    states = [draw(700) for _ in range(3)] + [draw(700) ** 2]
    ours = [on_gpu(array) for array in states]
    for step in range(1, 4):
        constants = 1e-3, 0.9, 0.999, 1 - 0.999**step, 1e-8, 0.01
        cpu.adam([tuple(states)], *constants)
        gpu.adam([tuple(ours)], *constants)
    for found, expected in zip(ours, states):
        np.testing.assert_allclose(found.get(), expected, rtol=3e-6, atol=1e-7)


def test_adam_steps_many_tensors_of_any_size_and_memory_order():
    shapes = [(3,), (0,), (70, 41), (5, 4), *[(2, n) for n in range(1, 90)]]
    ours, theirs = [], []
    for shape in shapes:
        states = [draw(*shape) for _ in range(3)] + [draw(*shape) ** 2]
        theirs.append(tuple(states))
        ours.append(tuple([on_gpu(array) for array in states]))
    for place in (0, 2, 3):  # parameter and means lie column by column
        ours[3] = tuple([a.T.copy().T if i == place else a for i, a in enumerate(ours[3])])
    constants = 1e-3, 0.9, 0.999, 1 - 0.999**2, 1e-8, 0.01
    cpu.adam(theirs, *constants)
    gpu.adam(ours, *constants)
    for found, expected in zip(ours, theirs):
        for a, b in zip(found, expected):
            np.testing.assert_allclose(a.get(), b, rtol=3e-6, atol=1e-7)


@emulated
def test_adam_is_one_launch_for_all_parameters():
    net, adam = classifier()
    net.to("cuda")
    train(net, adam, CUDA, 2)
    before = cuda_emulation.counters()
    adam.step()
    after = cuda_emulation.counters()
    assert after["launches"] - before["launches"] == 1
    assert (after["uploads"], after["downloads"]) == (before["uploads"], before["downloads"])


def test_the_same_bits_every_time():
    first, second = (
        [array.get() for kernel in (convolutions, pools_and_resizes) for array in kernel(gpu, on_gpu)] for _ in range(2)
    )
    for a, b in zip(first, second):
        assert a.tobytes() == b.tobytes()


def classifier():
    """A small network with every kind of layer. (No bias before batch norm: its gradient would be rounding noise.)"""
    mg.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.LeakyReLU(0.2), nn.MaxPool2d(2),
        nn.ReflectionPad2d(1), nn.Conv2d(4, 6, 3, stride=2), nn.ReLU(), nn.AvgPool2d(2), nn.Upsample(scale_factor=2),
        nn.Flatten(), nn.Linear(24, 3),
    )  # fmt: skip
    return net, optim.Adam(net.parameters(), lr=1e-2)


def train(net, adam, device, steps):
    x, target = mg.tensor(draw(4, 1, 8, 8), device=device), mg.tensor([0, 1, 2, 1], device=device)
    losses = []
    for _ in range(steps):
        adam.zero_grad()
        loss = nn.functional.cross_entropy(net(x), target)
        loss.backward()
        adam.step()
        losses.append(loss.detach())
    return losses


def test_a_network_trains_alike_on_both():
    (here, adam), (there, other) = classifier(), classifier()
    there.to("cuda")
    expected, found = train(here, adam, devices.CPU, 4), train(there, other, CUDA, 4)
    np.testing.assert_allclose([x.item() for x in found], [x.item() for x in expected], rtol=1e-4)
    for ours, theirs in zip(there.parameters(), here.parameters()):
        np.testing.assert_allclose(ours.detach().cpu().numpy(), theirs.detach().numpy(), rtol=1e-3, atol=1e-4)


@emulated
def test_no_training_step_waits_for_the_gpu():
    net, adam = classifier()
    net.to("cuda")
    train(net, adam, CUDA, 1)  # compiles, allocates
    x, target = mg.tensor(draw(4, 1, 8, 8), device=CUDA), mg.tensor([0, 1, 2, 1], device=CUDA)
    before = cuda_emulation.counters()
    adam.zero_grad()
    nn.functional.cross_entropy(net(x), target).backward()
    adam.step()
    after = cuda_emulation.counters()
    assert after["launches"] > before["launches"] + 20
    assert (after["downloads"], after["waits"]) == (before["downloads"], before["waits"])


@emulated
def test_tf32_is_off():
    gpu.matmul(on_gpu(draw(3, 4)), on_gpu(draw(4, 5)))
    _, compute = cuda_emulation.cublas_modes()
    assert compute in (-1, 68)  # plain SGEMM, or CUBLAS_COMPUTE_32F; 77 would be CUBLAS_COMPUTE_32F_FAST_TF32


@emulated
def test_tf32_is_asked_of_cublas_when_allowed():
    setting, before = mg.backends.cuda.matmul, cuda._tf32
    try:
        for allowed, compute_types in ((True, (77,)), (False, (-1, 68)), (True, (77,))):
            setting.allow_tf32 = allowed
            assert setting.allow_tf32 is allowed
            gpu.matmul(on_gpu(draw(3, 4)), on_gpu(draw(4, 5)))
            assert cuda_emulation.cublas_modes()[1] in compute_types
            gpu.matmul(on_gpu(draw(3, 4).astype(np.float64)), on_gpu(draw(4, 5).astype(np.float64)))
    finally:
        setting.allow_tf32 = False
        cuda._tf32 = before


def test_a_checkpoint_crosses_devices(tmp_path):
    net, adam = classifier()
    net.to("cuda")
    train(net, adam, CUDA, 1)
    mg.save({"net": net.state_dict(), "adam": adam.state_dict()}, tmp_path / "state.npz")
    other, other_adam = classifier()
    state = mg.load(tmp_path / "state.npz")
    other.load_state_dict(state["net"])
    other_adam.load_state_dict(state["adam"])
    expected, found = train(net, adam, CUDA, 2), train(other, other_adam, devices.CPU, 2)
    np.testing.assert_allclose([x.item() for x in found], [x.item() for x in expected], rtol=1e-4)


def test_out_of_memory_names_the_operation_and_what_to_do():
    pool = cuda.cupy().get_default_memory_pool()
    before = pool.get_limit()
    x = on_gpu(draw(64, 1))
    pool.set_limit(size=pool.total_bytes() + (1 << 20))
    try:
        with pytest.raises(MemoryError, match=r"Add: out of memory.*\(64, 1\).*bytes.*smaller batch"):
            mg.autograd.tensor_of(x) + mg.autograd.tensor_of(x.reshape(1, 64).repeat(1 << 10, axis=1))
    finally:
        pool.set_limit(size=before)


@pytest.mark.parametrize("setting", ["0", "-1", "much", "nan"])
def test_a_memory_limit_that_is_none(monkeypatch, setting):
    monkeypatch.setenv("MINIGRAD_GPU_MEMORY", setting)
    with pytest.raises(
        ValueError, match=f"MINIGRAD_GPU_MEMORY must be a positive number of gigabytes, got '{setting}'"
    ):
        cuda._limit_memory(cuda.cupy())


def test_the_memory_limit_is_set(monkeypatch):
    pool = cuda.cupy().get_default_memory_pool()
    before = pool.get_limit()
    monkeypatch.setenv("MINIGRAD_GPU_MEMORY", "0.5")
    try:
        cuda._limit_memory(cuda.cupy())
        assert pool.get_limit() == 2**29
    finally:
        pool.set_limit(size=before)
