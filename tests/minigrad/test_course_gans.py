"""GANs as two courses wrote them for PyTorch, after changing the imports and the lines that load data and plot.

The GAN of a lab with its DCGAN assignment, then the GAN of a second course, as a learner would type them in; the tests
run them for a few steps on small data.
"""

# ruff: noqa: B007, RUF059, SIM101  (the course's style, which is the point)

import numpy as np
import pytest

import minigrad as torch
import minigrad.nn as nn
import minigrad.nn.functional as F
import minigrad.optim as optim
from minigrad.data import DataLoader, TensorDataset

NOISE_DIM = 96
dtype = torch.FloatTensor


def squares(count):
    """Pictures (count, 1, 28, 28) in [0, 1] that a GAN can learn at once: a bright square, a little moved."""
    random = np.random.default_rng(0)
    images = np.zeros((count, 1, 28, 28), np.float32)
    for image, (row, column) in zip(images, random.integers(6, 12, (count, 2))):
        image[0, row : row + 10, column : column + 10] = 1
    return TensorDataset(torch.from_numpy(images), torch.zeros(count, dtype=torch.int64))


def sample_noise(batch_size, dim):
    return torch.FloatTensor(batch_size, dim).uniform_(-1, 1)


class Flatten(nn.Module):
    def forward(self, x):
        N, C, H, W = x.size()
        return x.view(N, -1)


class Unflatten(nn.Module):
    def __init__(self, N=-1, C=128, H=7, W=7):
        super().__init__()
        self.N = N
        self.C = C
        self.H = H
        self.W = W

    def forward(self, x):
        return x.view(self.N, self.C, self.H, self.W)


def initialize_weights(m):
    if isinstance(m, nn.Linear) or isinstance(m, nn.ConvTranspose2d):
        nn.init.xavier_uniform_(m.weight.data)


def discriminator():
    model = nn.Sequential(
        Flatten(),
        nn.Linear(784, 256),
        nn.LeakyReLU(inplace=True),
        nn.Linear(256, 256),
        nn.LeakyReLU(inplace=True),
        nn.Linear(256, 1),
    )
    return model


def generator(noise_dim=NOISE_DIM):
    model = nn.Sequential(
        nn.Linear(noise_dim, 1024),
        nn.ReLU(inplace=True),
        nn.Linear(1024, 1024),
        nn.ReLU(inplace=True),
        nn.Linear(1024, 784),
        nn.Tanh(),
    )
    return model


def build_dc_classifier():
    return nn.Sequential(
        nn.Conv2d(1, 32, kernel_size=5, stride=1),
        nn.LeakyReLU(0.01),
        nn.MaxPool2d(kernel_size=2, stride=2),
        nn.Conv2d(32, 64, kernel_size=5, stride=1),
        nn.LeakyReLU(0.01),
        nn.MaxPool2d(kernel_size=2, stride=2),
        Flatten(),
        nn.Linear(4 * 4 * 64, 4 * 4 * 64),
        nn.LeakyReLU(0.01),
        nn.Linear(4 * 4 * 64, 1),
    )


def build_dc_generator(noise_dim=NOISE_DIM):
    return nn.Sequential(
        nn.Linear(noise_dim, 1024),
        nn.ReLU(),
        nn.BatchNorm1d(1024),
        nn.Linear(1024, 7 * 7 * 128),
        nn.ReLU(),
        nn.BatchNorm1d(7 * 7 * 128),
        Unflatten(-1, 128, 7, 7),
        nn.ConvTranspose2d(128, 64, kernel_size=4, stride=2, padding=1),
        nn.ReLU(),
        nn.BatchNorm2d(64),
        nn.ConvTranspose2d(64, 1, kernel_size=4, stride=2, padding=1),
        nn.Tanh(),
        nn.Flatten(),
    )


def bce_loss(input, target):
    neg_abs = -input.abs()
    loss = input.clamp(min=0) - input * target + (1 + neg_abs.exp()).log()
    return loss.mean()


def discriminator_loss(logits_real, logits_fake):
    N, _ = logits_real.size()
    loss = bce_loss(logits_real, torch.ones(N).type(dtype)) + bce_loss(logits_fake, torch.zeros(N).type(dtype))
    return loss


def generator_loss(logits_fake):
    N, _ = logits_fake.size()
    loss = bce_loss(logits_fake, torch.ones(N).type(dtype))
    return loss


def get_optimizer(model):
    return optim.Adam(model.parameters(), lr=1e-3, betas=(0.5, 0.999))


def run_a_gan(
    D, G, D_solver, G_solver, discriminator_loss, generator_loss, loader_train, batch_size, noise_size, num_epochs
):
    history = []
    for epoch in range(num_epochs):
        for x, _ in loader_train:
            if len(x) != batch_size:
                continue
            D_solver.zero_grad()
            real_data = x.type(dtype)
            logits_real = D(2 * (real_data - 0.5)).type(dtype)

            g_fake_seed = sample_noise(batch_size, noise_size).type(dtype)
            fake_images = G(g_fake_seed).detach()
            logits_fake = D(fake_images.view(batch_size, 1, 28, 28))

            d_total_error = discriminator_loss(logits_real, logits_fake)
            d_total_error.backward()
            D_solver.step()

            G_solver.zero_grad()
            g_fake_seed = sample_noise(batch_size, noise_size).type(dtype)
            fake_images = G(g_fake_seed)

            gen_logits_fake = D(fake_images.view(batch_size, 1, 28, 28))
            g_error = generator_loss(gen_logits_fake)
            g_error.backward()
            G_solver.step()
            history.append((d_total_error.item(), g_error.item()))
    imgs_numpy = fake_images.data.cpu().numpy()
    return history, imgs_numpy


@pytest.mark.parametrize(
    "networks, batch_size, epochs",
    [((discriminator, generator), 32, 6), ((build_dc_classifier, build_dc_generator), 16, 2)],
    ids=["mlp", "dcgan assignment"],
)
def test_the_labs_gans_train(networks, batch_size, epochs):
    torch.manual_seed(0)
    D = networks[0]().type(dtype)
    G = networks[1]().type(dtype)
    D.apply(initialize_weights)
    G.apply(initialize_weights)
    D_solver = get_optimizer(D)
    G_solver = get_optimizer(G)
    before = {name: value.clone() for name, value in G.state_dict().items()}
    loader_train = DataLoader(squares(4 * batch_size + 3), batch_size=batch_size, shuffle=True)
    history, images = run_a_gan(
        D, G, D_solver, G_solver, discriminator_loss, generator_loss, loader_train, batch_size, NOISE_DIM, epochs
    )
    assert len(history) == 4 * epochs and np.isfinite(history).all()
    assert images.shape == (batch_size, 784) and images.dtype == np.float32 and abs(images).max() <= 1
    assert all((value.numpy() != before[name].numpy()).any() for name, value in G.state_dict().items())
    # chance is 2 log 2 = 1.386 for a discriminator that knows nothing: this one has learnt something
    assert min(d for d, _ in history) < 1.2


def test_the_labs_bce_loss_is_stable_and_right():
    scores = torch.tensor([-200.0, -2.0, 0.0, 3.0, 200.0], requires_grad=True)
    labels = torch.tensor([0.0, 1.0, 1.0, 0.0, 1.0])
    loss = bce_loss(scores, labels)
    loss.backward()
    assert loss.item() == pytest.approx(F.binary_cross_entropy_with_logits(scores, labels).item(), rel=1e-6)
    expected = (1 / (1 + np.exp(-scores.detach().numpy().astype(float))) - labels.numpy()) / 5
    inner = np.array([0, 1, 3, 4])  # at 0 both |x| and the clamp have a kink
    np.testing.assert_allclose(scores.grad.numpy()[inner], expected[inner], atol=1e-7)


def test_the_second_courses_gan_trains():
    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    data_loader = DataLoader(squares(96), batch_size=32, shuffle=True)

    generator = nn.Sequential(
        nn.Linear(100, 128),
        nn.ReLU(),
        nn.Linear(128, 512),
        nn.ReLU(),
        nn.Linear(512, 1024),
        nn.ReLU(),
        nn.Linear(1024, 784),
        nn.Tanh(),
    ).to(device)

    discriminator = nn.Sequential(
        nn.Linear(784, 1024),
        nn.ReLU(),
        nn.Linear(1024, 512),
        nn.ReLU(),
        nn.Linear(512, 128),
        nn.ReLU(),
        nn.Linear(128, 1),
        nn.Sigmoid(),
    ).to(device)

    d_optimizer = optim.Adam(discriminator.parameters(), lr=0.0002)
    g_optimizer = optim.Adam(generator.parameters(), lr=0.0002)

    def sample_images():
        z = torch.randn(64, 100).to(device)
        sample_images = generator(z).data.cpu().view(64, 1, 28, 28)
        return sample_images[0].cpu().detach().permute(1, 2, 0)

    def noise(batch_size):
        n = torch.randn(batch_size, 100)
        return n.to(device)

    loss = nn.BCELoss()

    def generator_train_step(fake_data):
        n = len(real_data)
        vec_ones = torch.ones(n, 1).to(device)

        g_optimizer.zero_grad()

        prediction = discriminator(fake_data)
        error = loss(prediction, vec_ones)
        error.backward()

        g_optimizer.step()
        return error

    def discriminator_train_step(real_data, fake_data):
        n = len(real_data)
        vec_ones = torch.ones(n, 1).to(device)
        vec_zeros = torch.zeros(n, 1).to(device)

        d_optimizer.zero_grad()

        prediction_real = discriminator(real_data)
        error_real = loss(prediction_real, vec_ones)
        error_real.backward()

        prediction_fake = discriminator(fake_data)
        error_fake = loss(prediction_fake, vec_zeros)
        error_fake.backward()

        d_optimizer.step()
        return error_real + error_fake

    d_losses = []
    num_epochs = 4
    for epoch in range(num_epochs):
        N = len(data_loader)
        for _, (images, _) in enumerate(data_loader):
            n_images = len(images)
            real_data = images.view(n_images, -1).to(device)

            fake_data = generator(noise(n_images)).to(device).detach()
            d_loss = discriminator_train_step(real_data, fake_data)

            fake_data = generator(noise(n_images)).to(device)
            g_loss = generator_train_step(fake_data)
            d_losses.append(d_loss.item())
        if (epoch + 1) % 5 == 0:
            print(f"Epoch: {epoch + 1}")

    assert N == 3 and len(d_losses) == 12
    assert np.isfinite(g_loss.item()) and min(d_losses) < 0.8 * d_losses[0]
    picture = sample_images()
    assert picture.shape == (28, 28, 1) and picture.numpy().dtype == np.float32
