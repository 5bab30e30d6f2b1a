"""Code that a course wrote for PyTorch, after changing its imports and the lines that load data and plot.

The style-transfer losses of a lab. The code above the tests is as a learner would type it in; they run it for a few
steps on small data.
"""

import numpy as np
import pytest

import minigrad as torch
import minigrad.nn as nn

dtype = torch.FloatTensor


def content_loss(content_weight, content_current, content_original):
    loss = torch.sum(content_weight * (content_current - content_original) ** 2)
    return loss


def gram_matrix(features, normalize=True):
    N, C, H, W = features.size()
    features = features.view(N * C, H * W)
    gram_matrix = torch.mm(features, features.t())
    if normalize:
        gram_matrix /= float(H * W * C)
    return gram_matrix


def style_loss(feats, style_layers, style_targets, style_weights):
    loss = 0
    for i, layer in enumerate(style_layers):
        current = gram_matrix(feats[layer])
        loss += style_weights[i] * torch.sum((current - style_targets[i]) ** 2)
    return loss


def tv_loss(img, tv_weight):
    loss = 0
    loss += torch.sum((img[:, :, 1:, :] - img[:, :, :-1, :]) ** 2)
    loss += torch.sum((img[:, :, :, 1:] - img[:, :, :, :-1]) ** 2)
    loss *= tv_weight
    return loss


def extract_features(x, cnn):
    features = []
    prev_feat = x
    for _, module in enumerate(cnn._modules.values()):
        next_feat = module(prev_feat)
        features.append(next_feat)
        prev_feat = next_feat
    return features


def style_transfer(cnn, content_img, style_img, content_layer, content_weight, style_layers, style_weights, tv_weight):
    feats = extract_features(content_img, cnn)
    content_target = feats[content_layer].clone()
    feats = extract_features(style_img, cnn)
    style_targets = []
    for idx in style_layers:
        style_targets.append(gram_matrix(feats[idx].clone()))

    img = content_img.clone().type(dtype)
    img.requires_grad_()
    optimizer = torch.optim.Adam([img], lr=0.1)
    losses = []
    for t in range(20):
        if t < 19:
            img.data.clamp_(-1.5, 1.5)
        optimizer.zero_grad()
        feats = extract_features(img, cnn)
        c_loss = content_loss(content_weight, feats[content_layer], content_target)
        s_loss = style_loss(feats, style_layers, style_targets, style_weights)
        t_loss = tv_loss(img, tv_weight)
        loss = c_loss + s_loss + t_loss
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return img, losses


def test_style_transfer_by_the_lab():
    torch.manual_seed(0)
    cnn = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, kernel_size=3, padding=1), nn.ReLU(inplace=True),
    )  # fmt: skip
    cnn.type(dtype)
    for param in cnn.parameters():
        param.requires_grad = False
    content, style = torch.rand(1, 3, 24, 20) - 0.5, torch.rand(1, 3, 30, 26) * 2 - 1
    img, losses = style_transfer(cnn, content, style, 3, 5e-2, [1, 4], (20000, 500), 5e-2)
    assert img.shape == (1, 3, 24, 20) and img.dtype == torch.float32
    assert losses[-1] < 0.5 * losses[0]


def test_the_labs_losses_are_pytorchs():
    oracle = pytest.importorskip("torch")
    values = np.random.default_rng(0).standard_normal((1, 3, 5, 4)).astype(np.float32)
    found = []
    for library in (torch, oracle):
        x = library.tensor(values, requires_grad=True)
        flat = x.view(3, 20)
        gram = library.mm(flat, flat.t())
        gram /= 60.0
        loss = (gram**2).sum() + ((x[:, :, 1:, :] - x[:, :, :-1, :]) ** 2).sum()
        loss.backward()
        found.append((loss.item(), x.grad.numpy()))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-5)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-4, atol=1e-5)
    x = torch.tensor(values)
    assert tv_loss(x, 2.0).item() == pytest.approx(
        2 * float((np.diff(values, axis=2) ** 2).sum() + (np.diff(values, axis=3) ** 2).sum()), rel=1e-5
    )


# --------------------------------------------------------------------------- the lab's GAN


# ---------------------------------------------------------------------- a second course's GAN
