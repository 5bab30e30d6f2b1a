"""Same seed, machine and number of threads: the same bits from any Python thread, alone or among others."""

import threading

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad.kernels.cpu import threads
from nets import vgg
from nets.dcgan import Discriminator, Generator


@pytest.fixture(scope="module")
def network():
    mg.manual_seed(0)
    return vgg.VGG16()


@pytest.fixture(autouse=True)
def two_threads_each(monkeypatch):
    """Kernels with two threads, and a BLAS with two outside of them, whatever the environment says."""
    monkeypatch.setattr(threads, "_num_threads", 2)
    libraries = threads.single_threaded_blas.find()
    before = [library.get() for library in libraries]
    for library in libraries:
        library.set(2)
    yield
    for library, count in zip(libraries, before):
        library.set(count)


def style_iteration(network):
    """One L-BFGS-sized step of Gatys' optimization: a function that computes the picture's gradient."""
    values = np.random.default_rng(0).random((1, 3, 64, 64), dtype=np.float32)

    def run():
        picture = mg.tensor(values, requires_grad=True)
        features = network.features(picture, ["conv1_1", "conv2_1", "conv3_1"])
        loss = sum((F.gram(x.flatten(2)) ** 2).mean() for x in features.values())
        loss.backward()
        return [loss.detach().numpy(), picture.grad.numpy()]

    return run


def gan_step():
    """One step of both DCGAN networks, from the same start: a function that returns their weights after it."""
    mg.manual_seed(1)
    generator, discriminator = Generator(), Discriminator()
    g_optimizer = mg.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.5, 0.999))
    d_optimizer = mg.optim.Adam(discriminator.parameters(), lr=1e-3, betas=(0.5, 0.999))
    real, noise = mg.rand(16, 1, 28, 28) * 2 - 1, mg.rand(16, 96) * 2 - 1

    def run():
        fake = generator(noise)
        d_optimizer.zero_grad()
        (F.softplus(-discriminator(real)).mean() + F.softplus(discriminator(fake.detach())).mean()).backward()
        d_optimizer.step()
        g_optimizer.zero_grad()
        F.softplus(-discriminator(fake)).mean().backward()
        g_optimizer.step()
        return [weight.detach().numpy() for net in (generator, discriminator) for weight in net.parameters()]

    return run


def results_of(jobs):
    """What each job returns when all run at once, each in a thread of its own."""
    results = [None] * len(jobs)

    def work(number):
        results[number] = jobs[number]()

    users = [threading.Thread(target=work, args=(number,)) for number in range(len(jobs))]
    for user in users:
        user.start()
    for user in users:
        user.join()
    return results


@pytest.mark.parametrize("kind", ["style", "gan"])
def test_the_same_bits_from_any_python_thread(kind, network):
    jobs = [style_iteration(network) if kind == "style" else gan_step() for _ in range(8)]
    expected = jobs[0]()
    for result in [*results_of(jobs[1:2]), *results_of(jobs[2:])]:
        for found, wanted in zip(result, expected, strict=True):
            np.testing.assert_array_equal(found, wanted)
