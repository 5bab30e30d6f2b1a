"""Modules, layers, starting values and losses: structure by hand, numbers held to PyTorch's."""

import copy

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.rest = nn.Sequential(nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2, bias=False))
        self.heads = nn.ModuleList([nn.Linear(2, 1), nn.Linear(2, 1)])
        self.named = nn.ModuleDict({"a": nn.Dropout(0.5)})
        self.scale = nn.Parameter(mg.ones(1))
        self.register_buffer("mean", mg.zeros(2))
        self.title = "not a parameter"

    def forward(self, x):
        x = self.named["a"](self.rest(self.first(x)) - self.mean) * self.scale
        return sum(head(x) for head in self.heads)


NAMES = [
    "scale", "first.weight", "first.bias", "rest.0.weight", "rest.0.bias", "rest.2.weight",
    "heads.0.weight", "heads.0.bias", "heads.1.weight", "heads.1.bias",
]  # fmt: skip
BUFFERS = ["mean", "rest.0.running_mean", "rest.0.running_var", "rest.0.num_batches_tracked"]


def test_the_tree_is_listed_with_dotted_names():
    net = Net()
    assert [name for name, _ in net.named_parameters()] == NAMES
    assert [name for name, _ in net.named_buffers()] == BUFFERS
    assert set(net.state_dict()) == {*NAMES, *BUFFERS}
    assert [name for name, _ in net.named_children()] == ["first", "rest", "heads", "named"]
    assert [name for name, _ in net.named_modules()][:4] == ["", "first", "rest", "rest.0"]
    assert net.parameter_count() == 1 + 16 + 8 + 8 + 6
    assert net(mg.randn(5, 3)).shape == (5, 1)


def test_what_is_shared_is_listed_once():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[1].weight = net[0].weight
    assert net.parameter_count() == 4 + 2 + 2
    layer = nn.Linear(2, 2)
    assert len(list(nn.Sequential(layer, layer).parameters())) == 2


def test_attributes_register_replace_and_vanish():
    net = Net()
    net.scale = nn.Parameter(mg.zeros(1))
    assert dict(net.named_parameters())["scale"].item() == 0
    del net.scale
    assert "scale" not in dict(net.named_parameters())
    net.first = nn.Identity()
    assert "first.weight" not in dict(net.named_parameters())
    net.mean = mg.ones(2)
    assert net.state_dict()["mean"].tolist() == [1, 1]
    with pytest.raises(TypeError, match="rest cannot become a float"):
        net.rest = 3.0
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = net.nonsense


def test_forgotten_init_and_forward_are_named():
    class Forgot(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(1, 1)

    with pytest.raises(AttributeError, match=r"call super\(\).__init__\(\)"):
        Forgot()
    with pytest.raises(TypeError, match="Module defines no forward"):
        nn.Module()(1)


def test_training_and_evaluation_reach_every_module_even_below_empty_ones():
    net = nn.Sequential(nn.ModuleList(), nn.Sequential(nn.Dropout()))
    net.eval()
    assert not any(module.training for module in [net, net[0], net[1], net[1][0]])
    assert all(module.training for module in net.train().modules())


def test_apply_visits_children_first():
    visited = []
    nn.Sequential(nn.Linear(1, 1), nn.Sequential(nn.ReLU())).apply(lambda m: visited.append(type(m).__name__))
    assert visited == ["Linear", "ReLU", "Sequential", "Sequential"]


def test_freezing_and_forgetting_gradients():
    net = Net().requires_grad_(False)
    assert not net(mg.randn(2, 3)).requires_grad
    net.requires_grad_()
    net(mg.randn(2, 3)).sum().backward()
    assert net.first.weight.grad is not None
    net.zero_grad()
    assert all(parameter.grad is None for parameter in net.parameters())


def test_a_state_comes_back():
    a, b = Net(), Net()
    b.load_state_dict(a.state_dict())
    for name, value in a.state_dict().items():
        assert (b.state_dict()[name].numpy() == value.numpy()).all()
    b.state_dict()["scale"].fill_(7.0)
    assert b.scale.item() == 7.0 and a.scale.item() == 1.0


def test_a_state_that_does_not_fit_is_refused_whole():
    net, state = Net(), Net().state_dict()
    del state["first.bias"], state["mean"]
    state["second.weight"] = mg.ones(1)
    state["scale"] = mg.ones(2)
    before = net.first.weight.tolist()
    with pytest.raises(ValueError) as caught:
        net.load_state_dict(state)
    for part in ("missing: mean, first.bias", "unexpected: second.weight", "scale has shape (2,), expected (1,)"):
        assert part in str(caught.value)
    assert net.first.weight.tolist() == before
    with pytest.raises(TypeError, match="scale must be a Tensor, got ndarray"):
        net.load_state_dict({**state, "scale": np.ones(1)})
    state["scale"] = mg.ones(1)
    net.load_state_dict(state, strict=False)
    assert net.first.weight.tolist() == state["first.weight"].tolist()


def test_conversion_keeps_the_parameter_objects():
    net = Net()
    objects = list(net.parameters())
    net(mg.randn(2, 3)).sum().backward()
    for convert, dtype in (
        (net.double, mg.float64),
        (net.float, mg.float32),
        (lambda: net.type(mg.float64), mg.float64),
    ):
        assert convert() is net
        assert all(a is b for a, b in zip(net.parameters(), objects))
        assert all(p.dtype == dtype and p.grad.dtype == dtype for p in net.parameters())
        assert net.rest[0].running_mean.dtype == dtype and net.rest[0].num_batches_tracked.dtype == mg.int64
    assert net.type(mg.FloatTensor).to("cpu").scale.dtype == mg.float32
    assert net(mg.randn(2, 3)).dtype == mg.float32


def test_a_copy_shares_nothing():
    net = Net()
    twin = copy.deepcopy(net)
    twin.scale.data.fill_(5.0)
    assert net.scale.item() == 1.0 and twin.scale.item() == 5.0
    assert {id(p) for p in net.parameters()}.isdisjoint(id(p) for p in twin.parameters())


def test_repr_reads_like_the_network():
    assert repr(nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Sequential(nn.LeakyReLU(0.2)))) == (
        "Sequential(\n"
        "  (0): Conv2d(3, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))\n"
        "  (1): Sequential(\n"
        "    (0): LeakyReLU(negative_slope=0.2)\n"
        "  )\n"
        ")"
    )


def test_containers_behave_like_lists_and_dictionaries():
    row = nn.Sequential({"first": nn.ReLU(), "second": nn.Tanh()})
    assert len(row) == 2 and isinstance(row.second, nn.Tanh) and isinstance(row[-1], nn.Tanh)
    assert isinstance(row[:1], nn.Sequential) and len(row[:1]) == 1
    modules = nn.ModuleList([nn.ReLU()]).append(nn.Tanh())
    assert [type(m) for m in modules] == [nn.ReLU, nn.Tanh] and len(modules) == 2
    named = nn.ModuleDict({"a": nn.ReLU()})
    named["b"] = nn.Tanh()
    assert list(named) == list(named.keys()) == ["a", "b"] and "b" in named and len(list(named.items())) == 2
    with pytest.raises(TypeError, match="item 1 must be a Module"):
        nn.Sequential(nn.ReLU(), 3)


# ----------------------------------------------------------- layers against PyTorch, forward and backward

IMAGE = (2, 4, 7, 6)
LAYERS = {
    "linear": (lambda n: n.Linear(6, 5), IMAGE),
    "linear float64": (lambda n: n.Linear(6, 5, True, "cpu", n.Linear(1, 1).double().weight.dtype), IMAGE),
    "conv 1d": (lambda n: n.Conv1d(4, 6, 3, 2, 1, 2), (2, 4, 9)),
    "conv 1d circular": (lambda n: n.Conv1d(4, 6, 3, padding="same", padding_mode="circular"), (2, 4, 9)),
    "conv 1d mirrored": (lambda n: n.Conv1d(4, 6, (3,), padding=(2,), padding_mode="reflect"), (4, 9)),
    "conv one image": (lambda n: n.Conv2d(4, 6, 3, padding=1), (4, 7, 6)),
    "conv mirrored": (lambda n: n.Conv2d(4, 6, 3, 2, 1, 1, 2, True, "reflect"), IMAGE),
    "conv repeated": (lambda n: n.Conv2d(4, 6, (3, 2), padding="same", padding_mode="replicate"), IMAGE),
    "conv circular": (lambda n: n.Conv2d(4, 6, 3, padding=(2, 1), padding_mode="circular"), IMAGE),
    "conv valid": (lambda n: n.Conv2d(4, 6, 3, padding="valid", padding_mode="circular"), IMAGE),
    "conv transpose 1d": (lambda n: n.ConvTranspose1d(4, 6, 4, 2, 1, 1), (2, 4, 5)),
    "group norm": (lambda n: n.GroupNorm(2, 4), IMAGE),
    "group norm plain": (lambda n: n.GroupNorm(4, 4, 1e-3, False), (3, 4, 5)),
    "batch norm averaged": (lambda n: n.BatchNorm2d(4, 1e-5, None), IMAGE),
    "batch norm untracked": (lambda n: n.BatchNorm1d(6, track_running_stats=False), (5, 6)),
    "batch norm no bias": (lambda n: n.BatchNorm1d(6, bias=False), (5, 6)),
    "instance norm tracked": (lambda n: n.InstanceNorm2d(4, 1e-5, 0.3, True, True), IMAGE),
    "instance norm one image": (lambda n: n.InstanceNorm2d(4), (4, 7, 6)),
    "instance norm 1d": (lambda n: n.InstanceNorm1d(4, affine=True), (2, 4, 6)),
    "layer norm no bias": (lambda n: n.LayerNorm(6, bias=False), IMAGE),
    "max pool 1d": (lambda n: n.MaxPool1d(3, 2, 1), (2, 4, 9)),
    "max pool one image": (lambda n: n.MaxPool2d(2, 2, 0, 1, False, True), (4, 7, 5)),
    "avg pool divisor": (lambda n: n.AvgPool2d(3, 2, 1, True, False, 5), IMAGE),
    "avg pool 1d": (lambda n: n.AvgPool1d(3, 2, 1), (2, 4, 9)),
    "adaptive max": (lambda n: n.AdaptiveMaxPool2d((3, 4)), IMAGE),
    "nearest": (lambda n: n.UpsamplingNearest2d(scale_factor=2), IMAGE),
    "bilinear": (lambda n: n.UpsamplingBilinear2d((9, 5)), IMAGE),
    "replication": (lambda n: n.ReplicationPad2d((1, 2, 3, 0)), IMAGE),
    "constant": (lambda n: n.ConstantPad2d((1, 2, 0, 3), 1.5), IMAGE),
    "zero pad": (lambda n: n.ZeroPad2d((1, 0, 1, 0)), IMAGE),
    "zero pad one image": (lambda n: n.ZeroPad2d(2), (4, 3, 2)),
    "pixel unshuffle": (lambda n: n.PixelUnshuffle(2), (2, 3, 6, 4)),
    "gelu": (lambda n: n.GELU(), IMAGE),
    "gelu tanh": (lambda n: n.GELU("tanh"), IMAGE),
    "silu": (lambda n: n.SiLU(), IMAGE),
    "selu": (lambda n: n.SELU(), IMAGE),
    "relu6": (lambda n: n.ReLU6(), IMAGE),
    "hardtanh": (lambda n: n.Hardtanh(-0.5, 0.8), IMAGE),
    "softsign": (lambda n: n.Softsign(), IMAGE),
    "linear no bias": (lambda n: n.Linear(6, 5, bias=False), (3, 6)),
    "conv": (lambda n: n.Conv2d(4, 6, (3, 2), stride=2, padding=(1, 0), dilation=(1, 2)), IMAGE),
    "conv same": (lambda n: n.Conv2d(4, 6, (4, 3), padding="same", groups=2, bias=False), IMAGE),
    "conv transpose": (lambda n: n.ConvTranspose2d(4, 6, 4, 2, 1, output_padding=1, groups=2), IMAGE),
    "batch norm 1d": (lambda n: n.BatchNorm1d(6), (5, 6)),
    "batch norm 1d long": (lambda n: n.BatchNorm1d(3, momentum=0.3), (5, 3, 4)),
    "batch norm 2d": (lambda n: n.BatchNorm2d(4, eps=1e-3), IMAGE),
    "batch norm plain": (lambda n: n.BatchNorm2d(4, affine=False, track_running_stats=False), IMAGE),
    "instance norm": (lambda n: n.InstanceNorm2d(4, affine=True), IMAGE),
    "layer norm": (lambda n: n.LayerNorm([7, 6]), IMAGE),
    "max pool": (lambda n: n.MaxPool2d(3, stride=2, padding=1, ceil_mode=True), IMAGE),
    "avg pool": (lambda n: n.AvgPool2d((3, 2), padding=(1, 0), count_include_pad=False), IMAGE),
    "adaptive": (lambda n: n.AdaptiveAvgPool2d((3, 4)), IMAGE),
    "flatten": (lambda n: n.Flatten(), IMAGE),
    "unflatten": (lambda n: n.Unflatten(1, (2, 2)), IMAGE),
    "upsample": (lambda n: n.Upsample(scale_factor=2), IMAGE),
    "upsample bilinear": (lambda n: n.Upsample(size=(9, 5), mode="bilinear", align_corners=True), IMAGE),
    "reflection": (lambda n: n.ReflectionPad2d((1, 2, 3, 0)), IMAGE),
    "pixel shuffle": (lambda n: n.PixelShuffle(2), IMAGE),
    "identity": (lambda n: n.Identity(54, unused=True), IMAGE),
    "relu": (lambda n: n.ReLU(inplace=True), IMAGE),
    "leaky relu": (lambda n: n.LeakyReLU(0.2, inplace=True), IMAGE),
    "prelu": (lambda n: n.PReLU(), IMAGE),
    "prelu a channel": (lambda n: n.PReLU(4, init=0.1), IMAGE),
    "elu": (lambda n: n.ELU(0.75), IMAGE),
    "softplus": (lambda n: n.Softplus(2.0), IMAGE),
    "sigmoid": (lambda n: n.Sigmoid(), IMAGE),
    "log sigmoid": (lambda n: n.LogSigmoid(), IMAGE),
    "tanh": (lambda n: n.Tanh(), IMAGE),
    "softmax": (lambda n: n.Softmax(dim=1), IMAGE),
    "log softmax": (lambda n: n.LogSoftmax(dim=-1), IMAGE),
    "dropout off": (lambda n: n.Dropout(0.5, inplace=True).eval(), IMAGE),
    "dropout2d off": (lambda n: n.Dropout2d(0.5).eval(), IMAGE),
}


def as_numpy(x):
    return (x.detach().cpu() if isinstance(x, mg.Tensor) else x.detach()).numpy()


@pytest.mark.parametrize("name", LAYERS)
def test_layers_compute_and_name_their_parts_as_pytorchs(name, device):
    torch = pytest.importorskip("torch")
    make, shape = LAYERS[name]
    theirs, ours = make(torch.nn).double(), make(nn).double()
    ours.load_state_dict({key: mg.tensor(value.numpy()) for key, value in theirs.state_dict().items()})
    ours.to(device)
    values = np.random.default_rng(0).standard_normal((3, *shape))
    for batch in values[:2]:
        results = []
        for library, module in ((mg, ours), (torch, theirs)):
            x = library.tensor(batch, requires_grad=True, device=str(device) if library is mg else "cpu")
            y = module(x * 1)
            (y * y * y).sum().backward()
            grads = [p.grad for _, p in sorted(module.named_parameters())]
            results.append([as_numpy(part) for part in (y, x.grad, *grads)])
        for a, b in zip(*results, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-9)
    for key, value in theirs.state_dict().items():
        np.testing.assert_allclose(as_numpy(ours.state_dict()[key]), value.numpy(), rtol=1e-12, err_msg=key)
    y, expected = ours.eval()(mg.tensor(values[2], device=device)), theirs.eval()(torch.tensor(values[2]))
    np.testing.assert_allclose(as_numpy(y), expected.detach().numpy(), rtol=1e-9, atol=1e-10)


def test_every_module_has_a_case_here():
    public = {name for name, value in vars(nn).items() if isinstance(value, type) and issubclass(value, nn.Module)}
    cased = {type(make(nn)).__name__ for make, _ in LAYERS.values()} | {
        type(make(nn, mg)).__name__ for make, _ in LOSSES.values()
    }
    containers = {"Module", "Sequential", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict"}
    assert public == cased | containers | {"Embedding", "DataParallel", "SyncBatchNorm"}


SCORES = np.random.default_rng(1).standard_normal((5, 3))
CLASSES = np.array([0, 2, 1, 1, 0])
WEIGHTS = np.array([0.5, 2.0, 3.0])
LOSSES = {
    "mse": (lambda n, lib: n.MSELoss(), (SCORES, SCORES[::-1].copy())),
    "mse none": (lambda n, lib: n.MSELoss(reduction="none"), (SCORES, SCORES[::-1].copy())),
    "l1 sum": (lambda n, lib: n.L1Loss(reduction="sum"), (SCORES, SCORES[::-1].copy())),
    "bce": (lambda n, lib: n.BCELoss(), (1 / (1 + np.exp(-SCORES)), (SCORES > 0) * 0.9)),
    "bce logits": (lambda n, lib: n.BCEWithLogitsLoss(), (SCORES * 100, (SCORES > 0.5) * 1.0)),
    "bce weight": (lambda n, lib: n.BCEWithLogitsLoss(pos_weight=lib.tensor(WEIGHTS)), (SCORES, (SCORES > 0) * 1.0)),
    "cross entropy": (lambda n, lib: n.CrossEntropyLoss(), (SCORES, CLASSES)),
    "mse former sum": (lambda n, lib: n.MSELoss(False), (SCORES, SCORES[::-1].copy())),
    "mse former none": (lambda n, lib: n.MSELoss(None, False), (SCORES, SCORES[::-1].copy())),
    "bce weighted": (
        lambda n, lib: n.BCELoss(lib.tensor(WEIGHTS), size_average=False),
        (1 / (1 + np.exp(-SCORES)), (SCORES > 0) * 0.9),
    ),
    "bce logits weighted": (lambda n, lib: n.BCEWithLogitsLoss(lib.tensor(WEIGHTS)), (SCORES, (SCORES > 0.5) * 1.0)),
    "cross entropy weighted": (lambda n, lib: n.CrossEntropyLoss(lib.tensor(WEIGHTS)), (SCORES, CLASSES)),
    "cross entropy all": (
        lambda n, lib: n.CrossEntropyLoss(lib.tensor(WEIGHTS), None, 2, None, "mean", 0.1),
        (SCORES, CLASSES),
    ),
    "nll weighted": (lambda n, lib: n.NLLLoss(lib.tensor(WEIGHTS), ignore_index=1), (SCORES, CLASSES)),
    "smooth l1": (lambda n, lib: n.SmoothL1Loss(beta=0.5), (SCORES, SCORES[::-1].copy())),
    "huber": (lambda n, lib: n.HuberLoss("sum", 0.7), (SCORES, SCORES[::-1].copy())),
    "kl div": (lambda n, lib: n.KLDivLoss(reduction="batchmean"), (SCORES, 1 / (1 + np.exp(-SCORES)))),
    "nll": (lambda n, lib: n.NLLLoss(reduction="none"), (SCORES, CLASSES)),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_pytorchs(name, device):
    torch = pytest.importorskip("torch")
    make, (scores, target) = LOSSES[name]
    results = []
    for library, place in ((mg, str(device)), (torch, "cpu")):
        x = library.tensor(scores, requires_grad=True, device=place)
        y = make(library.nn, library).to(place)(x, library.tensor(target, device=place))
        y.sum().backward()
        results.append((as_numpy(y), as_numpy(x.grad)))
    for a, b in zip(*results):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


def test_an_unknown_reduction_is_named():
    with pytest.raises(ValueError, match="MSELoss: reduction 'average' is unknown"):
        nn.MSELoss(reduction="average")


def test_embedding_looks_up_and_sends_gradients_back():
    table = nn.Embedding(5, 2)
    numbers = mg.tensor([[1, 3], [1, 0]])
    y = table(numbers)
    assert y.shape == (2, 2, 2) and y[0, 1].tolist() == table.weight[3].tolist()
    y.sum().backward()
    assert table.weight.grad.tolist() == [[1, 1], [2, 2], [0, 0], [1, 1], [0, 0]]
    with pytest.raises(TypeError, match="indices must hold integers"):
        table(mg.ones(2))


def test_options_of_a_layer_may_be_changed_later():
    layer = nn.Dropout(0.5)
    layer.p = 0.0
    assert layer(mg.ones(100)).sum().item() == 100 and repr(layer) == "Dropout(p=0.0)"
    activation = nn.LeakyReLU()
    activation.negative_slope = 0.5
    assert activation(mg.tensor([-2.0])).tolist() == [-1.0]


def test_dropout_drops_its_share_and_keeps_the_mean():
    mg.manual_seed(0)
    y = nn.Dropout(0.25)(mg.ones(400, 500)).numpy()
    assert set(np.unique(y)) == {0.0, np.float32(1 / 0.75)}
    assert abs((y == 0).mean() - 0.25) < 0.005
    channels = nn.Dropout2d(0.5)(mg.ones(50, 40, 3, 3)).numpy()
    assert (channels == channels[:, :, :1, :1]).all() and abs((channels == 0).mean() - 0.5) < 0.05


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: nn.Linear(0, 3), "Linear: in_features must be an int of at least 1, got 0"),
        (lambda: nn.Conv2d(3, 4, 3, groups=2), "groups 2 must divide 3 and 4"),
        (lambda: nn.Conv2d(3, 4, 0), "kernel_size"),
        (lambda: nn.BatchNorm2d(3)(mg.ones(1, 4, 2, 2)), "BatchNorm2d: input must have 3 channels"),
        (lambda: nn.BatchNorm2d(3)(mg.ones(1, 3)), "BatchNorm2d"),
        (lambda: nn.Linear(3, 2)(mg.ones(2, 4)), "linear"),
    ],
)
def test_mistakes_are_named(make, words):
    with pytest.raises(ValueError, match=words):
        make()


# ------------------------------------------------------------------------------------ starting values
