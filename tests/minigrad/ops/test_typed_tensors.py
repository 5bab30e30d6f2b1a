"""Tensor(...), FloatTensor(...) and their siblings are PyTorch's, and a Size is no data."""

import warnings

import numpy as np
import pytest

import minigrad as mg

X = np.arange(6.0).reshape(2, 3)

CALLS = [
    "L.Tensor()",
    "L.Tensor(2, 3).shape",
    "L.Tensor(2).shape",
    "L.Tensor(np.int64(2), 3).shape",
    "L.Tensor([1, 2])",
    "L.Tensor((2, 3))",
    "L.Tensor([[True], [False]])",
    "L.Tensor(range(3))",
    "L.Tensor(X)",
    "L.Tensor(X.astype(np.uint8))",
    "L.Tensor(np.array(3.0))",
    "L.Tensor(X.shape)",
    "L.Tensor(x.shape).shape",
    "L.Tensor(x.size()).shape",
    "L.Tensor(*x.size()).shape",
    "L.Tensor(x.shape[1:]).shape",
    "L.Tensor(x.shape[:1] + (1, 1)).shape",
    "L.Tensor((4,) + x.shape).shape",
    "L.Tensor(x.shape * 2).shape",
    "L.Tensor(L.Size([3, 1])).shape",
    "L.Tensor(x.size(0), 1).shape",
    "L.Tensor(x)",
    "L.Tensor(x.long())",
    "L.Tensor([x[0, 0], 2])",
    "L.Tensor([x[:1, 0], x[:1, 1]])",
    "L.Tensor([1.5], device='cpu')",
    "L.Tensor(2.5)",
    "L.Tensor(np.float32(2))",
    "L.Tensor(True)",
    "L.Tensor('a')",
    "L.Tensor(None)",
    "L.Tensor({1: 2})",
    "L.Tensor(-1)",
    "L.Tensor(2, 3.5)",
    "L.Tensor([[1, 2], [3]])",
    "L.Tensor([1], dtype=L.int64)",
    "L.FloatTensor(x.size()).shape",
    "L.FloatTensor(x.shape[0], 2).shape",
    "L.FloatTensor(X)",
    "L.FloatTensor(x)",
    "L.FloatTensor(x.float())",
    "L.LongTensor([1.5, -1.5])",
    "L.LongTensor(X[:1])",
    "L.BoolTensor([0, 2])",
    "L.IntTensor(2, 2).shape",
    "L.DoubleTensor(3).dtype == L.float64",
    "x.new(2, 3).dtype == L.float64",
    "x.new([1, 2])",
    "x.new(x.size()).shape",
    "x.type(L.Tensor)",
    "L.tensor([1]).type(L.Tensor)",
    "isinstance(x, L.Tensor)",
    "isinstance(L.nn.Parameter(L.Tensor(3)), L.Tensor)",
    "x.shape.numel()",
    "L.Size([2, 3]).numel()",
    "isinstance(x.shape, L.Size) and isinstance(x.shape[1:], L.Size)",
    "x.shape == (2, 3) and hash(x.shape) == hash((2, 3)) and tuple(x.shape) == (2, 3)",
    "L.zeros(x.shape[1:]).shape",
    "L.tensor([x[:1, 0], x[:1, 1]]).shape",
]


def result(library, call):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = eval(call, {"L": library, "np": np, "X": X, "x": library.tensor(X)})
    except (TypeError, ValueError, RuntimeError):
        return "an error"
    return (str(value.numpy().dtype), value.tolist()) if hasattr(value, "tolist") else value


@pytest.mark.parametrize("call", CALLS)
def test_what_the_constructors_make_is_pytorchs(call):
    torch = pytest.importorskip("torch")
    assert result(mg, call) == result(torch, call)


def test_an_array_is_copied_and_a_tensors_memory_is_shared():
    array, x = np.zeros(2, np.float32), mg.zeros(2)
    copied, shared = mg.Tensor(array), mg.Tensor(x)
    array[0], shared[1] = 1, 2
    assert copied.tolist() == [0, 0] and x.tolist() == [0, 2]
    y = x.requires_grad_() * x
    with pytest.raises(RuntimeError, match="changed in place"):  # the write through the new object was counted
        shared[0] = 5
        y.sum().backward()


def test_a_tensor_in_the_graph_is_not_taken_out_of_it_silently():
    x = mg.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="requires a gradient"):
        mg.Tensor(x)
    with mg.no_grad():
        assert not mg.Tensor(x).requires_grad


def test_tensor_types_on_a_gpu_have_their_names():
    assert repr(mg.cuda.FloatTensor) == "<torch.cuda.FloatTensor>" and mg.cuda.LongTensor.tensor_dtype == mg.int64
    Tensor = mg.cuda.FloatTensor if mg.cuda.is_available() else mg.FloatTensor
    assert Tensor(2, 1).fill_(1.0).tolist() == [[1.0], [1.0]]
