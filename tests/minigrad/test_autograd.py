"""The engine itself: the walk, its memory, what it refuses, and what users may do around it."""

import gc
import threading
import weakref

import numpy as np
import pytest

import minigrad as mg
from minigrad.autograd import Op, apply, topological_order
from minigrad.hooks import at_end_of_backward


def leaf(*values):
    return mg.tensor(list(values), dtype=mg.float64, requires_grad=True)


@pytest.fixture
def without_gc():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def test_a_long_chain_and_a_tall_ladder_run():
    x = leaf(1.0)
    y = x
    for _ in range(100_000):
        y = y * 1.00001
    y.backward()
    assert x.grad.item() == pytest.approx(1.00001**100_000)
    x.grad = None
    y = x
    for _ in range(10_000):
        y = y * 0.5 + y * 0.5
    y.backward()
    assert x.grad.item() == pytest.approx(1.0)


def test_a_long_chain_is_freed_without_recursion(without_gc):
    x = leaf(1.0)
    y = x
    for _ in range(100_000):
        y = y + 1.0
    node = weakref.ref(y.node)
    del y
    assert node() is None


def test_memory_is_freed_by_reference_counting_alone(without_gc):
    x = mg.randn(4, 1, 8, 8, requires_grad=True)
    net = mg.nn.Sequential(mg.nn.Conv2d(1, 3, 3), mg.nn.BatchNorm2d(3), mg.nn.Tanh(), mg.nn.MaxPool2d(2))
    y = net(x)
    loss = (y.exp() * y).sum()
    nodes = []
    stack = [loss.node]
    while stack:
        node = stack.pop()
        nodes.append(weakref.ref(node))
        stack.extend(parent for parent in node.parents if isinstance(parent, Op))
    del node
    loss.backward()
    del loss, y
    assert len(nodes) > 5 and all(node() is None for node in nodes)


def test_backward_releases_what_it_saved_while_it_runs(without_gc):
    x = leaf(1.0, 2.0)
    h = x.exp()
    saved = weakref.ref(h.node)
    alive_at_the_leaf = []
    x.register_hook(lambda grad: alive_at_the_leaf.append(saved() is not None and saved().records is not None) and None)
    loss = (h * h).sum()
    del h
    loss.backward()
    assert alive_at_the_leaf == [False]


def test_a_second_backward_says_what_to_do():
    x = leaf(1.0, 2.0)
    loss = (x * x).sum()
    loss.backward(retain_graph=True)
    loss.backward()
    assert x.grad.tolist() == [4.0, 8.0]
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        loss.backward()


def test_a_changed_saved_tensor_is_noticed():
    x = leaf(1.0, 2.0)
    y = (x * 2).exp()
    y *= 3
    with pytest.raises(RuntimeError, match="changed in place"):
        y.sum().backward()
    w = leaf(1.0)
    loss = (w * w).sum()
    with mg.no_grad():
        w += 1
    with pytest.raises(RuntimeError, match="changed in place"):
        loss.backward()


def test_wrong_gradients_and_roots_are_refused():
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match="not one number"):
        (x * 2).backward()
    with pytest.raises(ValueError, match=r"shape \(3,\)"):
        (x * 2).backward(mg.ones(3, dtype=mg.float64))
    with pytest.raises(TypeError, match="dtype"):
        (x * 2).backward(mg.ones(2))
    with pytest.raises(TypeError, match="must be a Tensor"):
        (x * 2).backward(1.0)
    with pytest.raises(RuntimeError, match="no graph"):
        mg.ones(1).backward()
    with pytest.raises(ValueError, match="hook"):
        y = x * 2
        y.register_hook(lambda grad: mg.ones(3, dtype=mg.float64))
        y.sum().backward()


def test_an_operation_that_returns_a_wrong_shape_is_named():
    class Wrong(Op):
        def forward(self, x):
            return x * 1

        def backward(self, grad):
            return grad.sum()

    with pytest.raises(RuntimeError, match="Wrong returned a gradient of shape"):
        apply(Wrong(), leaf(1.0, 2.0)).sum().backward()


def test_in_place_changes_are_recorded():
    x = leaf(1.0, 2.0)
    y = x * 1
    y += 5
    y *= x
    y[0] = y[1] * 3
    y[1] += 1
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [0.0, (2 * 2 + 5) * 4])
    with pytest.raises(RuntimeError, match="leaf that requires a gradient"):
        x += 1
    with pytest.raises(RuntimeError, match="leaf that requires a gradient"):
        x[0] = 1.0


def test_a_change_of_a_view_is_a_change_of_its_base():
    x = leaf(1.0, 2.0, 3.0)
    y = x * 2
    row = y.view(3, 1)
    row += 1
    assert y.tolist() == [3.0, 5.0, 7.0]
    (row.sum() + (y * y).sum()).backward()
    np.testing.assert_allclose(x.grad.numpy(), 2 + 2 * 2 * (2 * np.array([1.0, 2.0, 3.0]) + 1))


def test_gradients_add_up_and_never_share_memory():
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    (a + b).sum().backward()
    a.grad.zero_()
    assert b.grad.tolist() == [1.0, 1.0]
    (a + b).sum().backward()
    assert b.grad.tolist() == [2.0, 2.0]


def test_grad_leaves_the_leaves_alone_and_handles_unused_inputs():
    x, z = leaf(2.0), leaf(1.0)
    y = x * x * x
    (g,) = mg.grad(y, x, create_graph=True)
    (g2,) = mg.grad(g, x, create_graph=True)
    (g3,) = mg.grad(g2, x)
    assert (g.item(), g2.item(), g3.item()) == (12.0, 12.0, 6.0)
    assert x.grad is None
    with pytest.raises(RuntimeError, match="allow_unused"):
        mg.grad(x * 2, z)
    assert mg.grad(x * 2, [x, z], allow_unused=True)[1] is None
    with pytest.raises(RuntimeError, match="does not require"):
        mg.grad(x * 2, mg.ones(1))


def test_grad_by_an_inner_tensor_goes_no_further_than_needed():
    x = leaf(2.0)
    h = x * 3
    visited = []
    x.register_hook(lambda grad: visited.append(1))
    (g,) = mg.grad((h * h).sum(), h)
    assert g.item() == 12.0 and not visited


def test_hooks_retained_gradients_and_removal():
    x = leaf(1.0, 2.0)
    h = x * 2
    h.retain_grad()
    h.register_hook(lambda grad: grad * 10)
    (h * h).sum().backward()
    assert h.grad.tolist() == [40.0, 80.0]
    assert x.grad.tolist() == [80.0, 160.0]
    seen = []
    y = x * 1
    handle = y.register_hook(lambda grad: seen.append(1))
    handle.remove()
    handle.remove()
    y.sum().backward()
    assert not seen


def test_recording_is_switched_per_thread_and_restored():
    x = leaf(1.0)
    inside = []
    with mg.no_grad():
        assert not (x * 2).requires_grad
        with mg.enable_grad():
            assert (x * 2).requires_grad
        thread = threading.Thread(target=lambda: inside.append((x * 2).requires_grad))
        thread.start()
        thread.join()
    assert inside == [True] and mg.is_grad_enabled()

    @mg.no_grad()
    def evaluate():
        return x * 2

    assert not evaluate().requires_grad
    with pytest.raises(ZeroDivisionError), mg.no_grad():
        raise ZeroDivisionError
    assert mg.is_grad_enabled()


def test_an_error_in_backward_leaves_recording_on():
    x = leaf(1.0)
    x.register_hook(lambda grad: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        (x * 2).sum().backward()
    assert mg.is_grad_enabled()


def test_backward_from_several_threads_onto_one_leaf_adds_up():
    x = leaf(*[0.0] * 50)
    start = threading.Barrier(4)

    def work():
        start.wait()
        for _ in range(300):
            (x * 1.0).sum().backward()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert x.grad.tolist() == [1200.0] * 50


def test_leaves_of_one_operation_get_gradients_of_their_own():
    class Twice(Op):
        def forward(self, a, b):
            return a + b

        def backward(self, grad, needed):
            share = grad * 2
            return share, share

    a, b = leaf(1.0), leaf(2.0)
    apply(Twice(), a, b).backward()
    a.grad.zero_()
    assert b.grad.tolist() == [2.0]


def test_what_is_not_wanted_is_not_computed():
    asked = []

    class Watched(Op):
        def forward(self, a, b):
            return a + b

        def backward(self, grad, needed):
            asked.append(list(needed))
            return tuple([grad * 1 if need else None for need in needed])

    a, b = leaf(1.0), leaf(2.0)
    y = apply(Watched(), a * 2, b)
    needs = list(y.node.needs)
    mg.grad(y, b, retain_graph=True)
    mg.grad(y, a, retain_graph=True)
    y.backward()
    assert asked == [[False, True], [True, False], [True, True]] and y.node.needs == needs == [True, True]


def test_an_intermediate_result_is_not_saved_as_a_constant_by_mistake():
    class Square(Op):
        def forward(self, x):
            self.save(x * 2)
            return x * x

    with pytest.raises(TypeError, match=r"Square\.save.*wrap it in tensor_of"):
        apply(Square(), leaf(1.0, 2.0))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: mg.exp(None), "exp: input must be a Tensor, got NoneType"),
        (lambda: mg.ones(2) + None, "add: a Tensor or a number is needed, got NoneType"),
        (lambda: mg.ones(2) + np.ones(2), "wrap it with minigrad.tensor"),
        (lambda: mg.ones(2, 3) + mg.ones(2, 4), r"add: shapes \(2, 3\) and \(2, 4\) do not broadcast"),
        (lambda: mg.ones(2, 3) @ mg.ones(2, 3), "3 columns meet 2 rows"),
        (lambda: mg.ones(2, 3).sum(2), "dim 2 is out of range for 2 axes; use -2 to 1"),
        (lambda: mg.ones(2, 3).view(4, 2), "has 6 entries"),
        (lambda: mg.cat([]), "list of tensors is empty"),
        (lambda: mg.cat([mg.ones(2, 3), mg.ones(2)]), r"tensors\[1\] has shape \(2,\)"),
        (lambda: mg.ones(0).max(), "the result is undefined"),
        (lambda: mg.tensor([[1.0], [1.0, 2.0]]), "ragged"),
        (lambda: mg.tensor(["a"]), "not numeric"),
        (lambda: mg.tensor([1], requires_grad=True), "only floating-point"),
        (lambda: mg.ones(2)[3], "out of bounds"),
        (lambda: mg.ones(2).to("tpu"), "tpu"),
        (lambda: mg.ones(-1), "non-negative"),
        (lambda: mg.ones(2, requires_grad=True).numpy(), r"\.detach\(\)\.numpy\(\)"),
        (lambda: mg.nn.functional.conv2d(mg.ones(1, 3, 5, 5), mg.ones(4, 2, 3, 3)), "input has 3 channels"),
        (lambda: mg.nn.functional.conv2d(mg.ones(1, 2, 2, 2), mg.ones(4, 2, 3, 3)), "larger than the padded"),
        (lambda: mg.nn.functional.mse_loss(mg.ones(2), mg.ones(3)), "they must be equal"),
        (lambda: mg.nn.functional.cross_entropy(mg.ones(2, 3), mg.tensor([0, 3])), "out of range"),
        (lambda: mg.nn.functional.batch_norm(mg.ones(1, 3), training=True), "more than one value"),
        (lambda: mg.nn.functional.pad(mg.ones(1, 1, 2, 2), (2, 0, 0, 0), mode="reflect"), "smaller than the image"),
        (lambda: mg.manual_seed(-1), "non-negative"),
    ],
)
def test_bad_input_is_one_sentence(call, said):
    with pytest.raises((ValueError, TypeError, IndexError, RuntimeError), match=said) as error:
        call()
    assert "\n" not in str(error.value)


def test_threads_that_ask_a_tensor_for_its_storage_at_once_get_the_same():
    for _ in range(50):
        x, barrier, found = leaf(1.0), threading.Barrier(4), []

        def ask(x=x, barrier=barrier, found=found):
            barrier.wait()
            found.append(x.storage)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len({id(storage) for storage in found}) == 1


def test_nodes_are_visited_from_the_last_made_to_the_first():
    x = leaf(1.0)
    a = x * 2
    b = x * 3
    c = b + a * 5  # the order of use is another than that of making
    d = c.node.parents[1]
    assert list(topological_order([c.node])) == [x, a.node, b.node, d, c.node]
    assert list(topological_order([c.node], {b.node})) == [b.node, c.node]
    c.backward()
    assert x.grad.item() == 13


def test_what_was_broadcast_gets_the_sum_over_its_repeats():
    x, row = mg.ones(3, 2, requires_grad=True), mg.ones(2, requires_grad=True)
    (x * row + row).sum().backward()
    assert row.grad.tolist() == [6, 6] and row.grad.shape == (2,)


def test_what_hooks_leave_for_the_end_belongs_to_their_own_walk():
    ends = []

    def leave(grad):
        at_end_of_backward(lambda accumulated: ends.append((accumulated, x.grad is not None)))

    def fail(grad):
        raise ValueError("no")

    def walk_inside(grad):
        before = list(ends)
        with mg.enable_grad():
            (inner * 2.0).sum().backward()
        assert ends == before, "the end of the walk inside is not that of the walk around it"

    x, inner = mg.ones(2, requires_grad=True), mg.ones(2, requires_grad=True)
    x.register_hook(leave)
    failing = x.register_hook(fail)
    with pytest.raises(ValueError, match="no"):
        (x * 3.0).sum().backward()
    failing.remove()
    (inner * 2.0).sum().backward()
    assert not ends, "a walk that failed leaves nothing to the next one"
    x.register_hook(walk_inside)
    (x * 3.0).sum().backward()
    mg.grad((x * 3.0).sum(), [x])
    assert ends == [(True, True), (False, True)]
