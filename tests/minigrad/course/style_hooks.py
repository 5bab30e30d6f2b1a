"""Style transfer as the tutorial builds it, losses as layers of the model, and again with hooks on in-place ReLUs."""

import copy

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")


class ContentLoss(nn.Module):
    def __init__(self, target):
        super(ContentLoss, self).__init__()
        self.target = target.detach()

    def forward(self, input):
        self.loss = F.mse_loss(input, self.target)
        return input


def gram_matrix(input):
    a, b, c, d = input.size()
    features = input.view(a * b, c * d)
    G = torch.mm(features, features.t())
    return G.div(a * b * c * d)


class StyleLoss(nn.Module):
    def __init__(self, target_feature):
        super(StyleLoss, self).__init__()
        self.target = gram_matrix(target_feature).detach()

    def forward(self, input):
        G = gram_matrix(input)
        self.loss = F.mse_loss(G, self.target)
        return input


class Normalization(nn.Module):
    def __init__(self, mean, std):
        super(Normalization, self).__init__()
        self.mean = torch.tensor(mean).view(-1, 1, 1)
        self.std = torch.tensor(std).view(-1, 1, 1)

    def forward(self, img):
        return (img - self.mean) / self.std


def get_style_model_and_losses(cnn, mean, std, style_img, content_img, content_layers, style_layers):
    normalization = Normalization(mean, std)
    content_losses, style_losses = [], []
    model = nn.Sequential(normalization)
    i = 0
    for layer in cnn.children():
        if isinstance(layer, nn.Conv2d):
            i += 1
            name = "conv_{}".format(i)
        elif isinstance(layer, nn.ReLU):
            name = "relu_{}".format(i)
            layer = nn.ReLU(inplace=False)
        elif isinstance(layer, nn.MaxPool2d):
            name = "pool_{}".format(i)
        else:
            raise RuntimeError("Unrecognized layer: {}".format(layer.__class__.__name__))
        model.add_module(name, layer)
        if name in content_layers:
            target = model(content_img).detach()
            content_loss = ContentLoss(target)
            model.add_module("content_loss_{}".format(i), content_loss)
            content_losses.append(content_loss)
        if name in style_layers:
            target_feature = model(style_img).detach()
            style_loss = StyleLoss(target_feature)
            model.add_module("style_loss_{}".format(i), style_loss)
            style_losses.append(style_loss)
    for i in range(len(model) - 1, -1, -1):
        if isinstance(model[i], ContentLoss) or isinstance(model[i], StyleLoss):
            break
    model = model[: (i + 1)]
    return model, style_losses, content_losses


def run_style_transfer(cnn, content_img, style_img, input_img, num_steps=8):
    model, style_losses, content_losses = get_style_model_and_losses(
        cnn, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225], style_img, content_img, ["conv_2"], ["conv_1", "conv_3"]
    )
    input_img.requires_grad_(True)
    model.eval()
    model.requires_grad_(False)
    optimizer = optim.LBFGS([input_img])
    run, scores = [0], []
    while run[0] <= num_steps:

        def closure():
            with torch.no_grad():
                input_img.clamp_(0, 1)
            optimizer.zero_grad()
            model(input_img)
            style_score = 0
            content_score = 0
            for sl in style_losses:
                style_score += sl.loss
            for cl in content_losses:
                content_score += cl.loss
            style_score *= 1000
            content_score *= 1
            loss = style_score + content_score
            loss.backward()
            run[0] += 1
            scores.extend([style_score.item(), content_score.item()])
            return style_score + content_score

        optimizer.step(closure)
    with torch.no_grad():
        input_img.clamp_(0, 1)
    return scores[: 4 * num_steps] + [input_img.mean().item()]


class SaveFeatures:
    """The output of a layer, kept by a hook."""

    def __init__(self, m):
        self.hook = m.register_forward_hook(self.hook_fn)

    def hook_fn(self, module, input, output):
        self.features = output

    def close(self):
        self.hook.remove()


def with_hooks(cnn, content_img, style_img):
    """Convolutions are hooked whose results the next layer rectifies in place: the features are rectified, too."""
    hooks = [SaveFeatures(m) for m in cnn if isinstance(m, nn.Conv2d)]
    opt_img = nn.Parameter(content_img.clone())
    cnn(style_img)
    targets = [gram_matrix(h.features).detach().clone() for h in hooks]
    optimizer = optim.Adam([opt_img], lr=0.05)
    scores = []
    for step in range(5):
        optimizer.zero_grad()
        cnn(opt_img)
        loss = sum(
            w * F.mse_loss(gram_matrix(h.features), t, reduction="sum") for h, t, w in zip(hooks, targets, [3, 2, 1])
        )
        loss = loss + 0.01 * (opt_img[:, :, 1:] - opt_img[:, :, :-1]).abs().sum()
        loss.backward()
        optimizer.step()
        scores.append(loss.item())
    for h in hooks:
        h.close()
    return scores


def main(fill):
    cnn = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(6, 6, 3, padding=1), nn.ReLU(inplace=True),
        nn.MaxPool2d(2, 2), nn.Conv2d(6, 8, 3, padding=1), nn.ReLU(inplace=True),
    )  # fmt: skip
    cnn = fill(cnn.double(), 0.3).to(device).eval()
    numbers = np.random.default_rng(9)
    content_img, style_img = (
        torch.from_numpy(numbers.random((1, 3, 12, 12))).to(device, torch.double) for _ in range(2)
    )
    scores = run_style_transfer(copy.deepcopy(cnn), content_img, style_img, content_img.clone())
    return scores + with_hooks(cnn, content_img, style_img)
