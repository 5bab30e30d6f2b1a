"""What `experiments.see` shows: for each command its pictures, the page around them, and its figures."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image, ImageDraw

import minigrad as mg
from minigrad import Tensor, nn
from minigrad.data import DataLoader
from nets.vgg import VGG16, VGG19

from ..common.cli import UserError
from ..common.html_page import Page
from ..common.images import grid, table, to_image
from ..gan.checkpoints import Trained
from ..gan.datasets import open_dataset, prepared
from ..style.reconstruction import psnr
from . import fields, forgetting, inversion
from .filters import as_picture, responses
from .textures import models, sample

Made = tuple[Page, Image.Image, dict[str, Any]]  # the page, the picture on it, its figures
ENLARGED = 3


def receptive_fields(
    net: VGG16 | VGG19, original: np.ndarray, layers: list[str], neurons: int, smoothness: float, steps: int
) -> Made:
    """Reconstructions from the central neurons of each layer, under the original, with the fields drawn."""
    above: list[Image.Image] = []
    below: list[Image.Image] = []
    rows: list[list[Any]] = []
    figures: dict[str, Any] = {}
    for layer in layers:
        field = fields.central_field(net.architecture, layer, neurons, original.shape[2:])
        try:
            found = fields.from_the_center(net, layer, field, original, smoothness, steps)
        except KeyboardInterrupt:
            if not below:
                raise
            break  # the page shows what is finished
        above.append(field.drawn_on(original))
        below.append(field.drawn_on(found))
        quality = psnr(field.of(found), field.of(original))
        one = fields.central_field(net.architecture, layer, 1, (4096, 4096)).side
        rows.append([layer, one, field.side, f"{quality:.1f}"])
        figures |= {f"{layer}: field in pixels": field.side, f"{layer}: PSNR inside it, dB": round(quality, 1)}
    sheet = table([above, below], columns=layers[: len(below)], names=["original", "from the center"])
    page = Page(
        "What neurons see",
        f"Each lower picture was found from noise: the central {neurons} x {neurons} neurons of the layer above it say "
        "the same of it as of the original. Nothing is known outside of the box, the neurons' receptive field.",
    )
    page.picture(sheet)
    page.paragraph(
        "Near the pixels a few neurons know their small field almost exactly. Deeper ones see more and more, until the "
        "field is larger than the picture; what they keep is what is where, no longer every pixel."
    )
    caption = "sides in pixels, without the picture's borders; PSNR between original and reconstruction in the box"
    header = ["layer", "field of one neuron", f"of {neurons} x {neurons}", "PSNR inside, dB"]
    page.table(header, rows, caption)
    return page, sheet, figures


def inversions(
    net: VGG16 | VGG19, original: np.ndarray, layer: str, count: int, smoothness: float, steps: int, weights: object
) -> Made:
    """Pictures with the original's code, each from fresh noise."""
    inversion.check_layer(net, layer, weights)
    targets = inversion.CodeTargets(net, layer, mg.tensor(original, device=net.mean.device), smoothness)
    found: list[np.ndarray] = []
    figures: dict[str, Any] = {}
    for number in range(1, count + 1):
        try:
            found.append(inversion.invert(targets, original.shape[2:], steps, f"{layer}, {number} of {count}"))
        except KeyboardInterrupt:
            if not found:
                raise
            break
        figures[f"picture {number}: share of the code missed"] = targets.missed(found[-1])
    labels = ["original", *(f"{100 * value:.1f} % missed" for value in figures.values())]
    sheet = table([[to_image(picture) for picture in (original, *found)]], columns=labels)
    what = "the 1000 numbers that the classifier makes of a picture" if layer == "fc8" else f"the features of {layer}"
    page = Page(
        "What a code keeps",
        f"Found from noise: pictures of which the network makes nearly the same code as of the first one, {what}.",
    )
    page.picture(sheet)
    page.paragraph(
        "Where the pictures agree, the code holds it; where they differ, the network does not care: to it they are the "
        f"same. Code: {targets.target.numel():,} numbers, of a picture with {original.size:,}."
    )
    return page, sheet, figures


def textures(net: VGG16 | VGG19, original: np.ndarray, steps: int) -> Made:
    """Samples of a texture from 10,400, 176,640 and 852,128 numbers."""
    pictures, labels = [], []
    figures: dict[str, Any] = {}
    for model in models(net.architecture):
        try:
            pictures.append(to_image(sample(net, model, original, steps)))
        except KeyboardInterrupt:
            if not pictures:
                raise
            break
        labels.append(f"{model.parameters:,}")
        figures[f"model {len(pictures)}: parameters"] = model.parameters
    sheet = table([[*pictures, to_image(original)]], columns=[*labels, "original"])
    page = Page(
        "Textures by number of parameters",
        "Each texture was made from noise, until its Gram matrices were those of the original. The numbers say how "
        "many different entries the matrices have.",
    )
    page.picture(sheet)
    page.paragraph(
        "From left to right: conv1_1 and the poolings, 64 directions of each; the same, all directions; every "
        "convolution and pooling up to pool4. More parameters hold larger structures; the last model has more numbers "
        f"than the picture itself ({original.size:,})."
    )
    return page, sheet, figures


def filters(trained: Trained, data_dir: str | None, features: int, count: int, choice: int) -> Made:
    """What the last filters of the run's discriminator respond to, next to those of one freshly started."""
    settings = trained.settings
    data = open_dataset(settings.dataset, data_dir, settings.picture_size, train=False)
    batch, _ = next(iter(DataLoader(data, batch_size=min(choice, len(data)), shuffle=True)))
    pictures = prepared(batch, settings.image_size).to(trained.device)
    sheets = []
    for network in (trained.fresh_discriminator(), trained.discriminator()):
        try:
            found = responses(network.eval(), pictures, features, count)
        except ValueError as error:
            raise UserError(f"--net {settings.net}: {error}") from error
        gradients = np.concatenate([as_picture(response.gradients) for response in found])
        seen = np.concatenate([response.pictures * 0.5 + 0.5 for response in found])
        sheets.append([_enlarged(grid(part, columns=count)) for part in (gradients, seen)])
    sheet = table(
        [[sheets[0][0], sheets[1][0]], [sheets[0][1], sheets[1][1]]],
        columns=["random filters", "trained filters"],
        names=["pattern", "picture"],
    )
    page = Page(
        "What filters respond to",
        f"Each row is a feature of the discriminator's last convolution, with the {count} pictures that excite it "
        "most. Guided backpropagation leaves of each picture what the feature found in it: bright pixels would excite "
        "it more if they were brighter, dark ones if they were darker.",
    )
    page.picture(sheet)
    page.paragraph(
        "Where training went well, the pictures in a row of trained filters have something in common, a stroke or a "
        "bend, and the pattern shows only that; random filters show most of the digit. The run had "
        f"{trained.step:,} steps."
    )
    return page, sheet, {"steps of the run": trained.step, "pictures to choose from": len(batch)}


def forget(trained: Trained, box: forgetting.Box, depth: int, maps: int | None, count: int, samples: int) -> Made:
    """The same pictures with all feature maps, without those that draw strokes in a box, and without others."""
    layer, regression = _learned(trained, box, depth, samples)
    order = np.argsort(-regression.weights, kind="stable")[: maps or max(1, len(regression.weights) // 4)]
    dropped = [int(index) for index in order if regression.weights[index] > 0]
    drawn = _drawn(trained, layer, dropped, max(count, samples))
    figures: dict[str, Any] = {"accuracy on held-out examples": regression.accuracy, "maps left out": len(dropped)}
    for name, pictures in drawn.items():
        inside, outside = forgetting.brightness(pictures, box)
        figures |= {f"{name}: brightness in the box": inside, f"{name}: outside of it": outside}
    rows = [[_enlarged(picture, box) for picture in pictures[:count]] for pictures in drawn.values()]
    sheet = table(rows, names=list(drawn), gap=4)
    page = Page(
        "A generator forgets",
        "The same noise three times: with all feature maps; without those that draw strokes in the box, which logistic "
        "regression found; and, as the control, without as many others chosen at random.",
    )
    page.picture(sheet)
    page.paragraph(
        "The maps draw more than one thing, so the rest of the picture suffers too; the figures say how much more the "
        "strokes in the box do, and more than without others."
    )
    page.table(["figure", "value"], figures.items(), "brightness: the mean of the pixels, 0 is black and 1 is white")
    return page, sheet, figures


def _learned(
    trained: Trained, box: forgetting.Box, depth: int, samples: int
) -> tuple[nn.Module, forgetting.Regression]:
    """(the layer that makes pictures of feature maps, the regression that says which of them draw in the box)."""
    try:
        layer = forgetting.convolution(trained.generator, depth)
        with forgetting.feature_maps(layer) as seen:
            pictures = trained.pictures(trained.noise(samples), _labels(trained, samples), batch=samples).numpy()
        border = (trained.settings.image_size - trained.settings.picture_size) // 2
        x, y = forgetting.examples(seen[0].cpu().numpy(), pictures, box, border)
        return layer, forgetting.logistic_regression(x, y)
    except ValueError as error:
        raise UserError(str(error)) from error


def _drawn(trained: Trained, layer: nn.Module, dropped: list[int], count: int) -> dict[str, np.ndarray]:
    """Pictures of the same noise with all maps, without the dropped ones, and without as many random others."""
    noise, labels = trained.noise(count), _labels(trained, count)
    with forgetting.feature_maps(layer) as seen:
        pictures = {"all maps": trained.pictures(noise, labels).numpy()}
    others = [index for index in range(seen[0].shape[1]) if index not in dropped]
    control = mg.random.generator().choice(others, min(len(dropped), len(others)), replace=False).tolist()
    for name, maps in (("without those", dropped), ("without others", control)):
        with forgetting.feature_maps(layer, maps):
            pictures[name] = trained.pictures(noise, labels).numpy()
    return pictures


def _labels(trained: Trained, count: int) -> Tensor | None:
    classes = trained.settings.classes
    return mg.tensor([i % classes for i in range(count)], device=trained.device) if classes else None


def _enlarged(picture: np.ndarray, box: forgetting.Box | None = None) -> Image.Image:
    image = to_image(picture).convert("RGB")
    image = image.resize((ENLARGED * image.width, ENLARGED * image.height), Image.Resampling.NEAREST)
    if box is not None:
        corner = ENLARGED * box.x, ENLARGED * box.y
        far = corner[0] + ENLARGED * box.width - 1, corner[1] + ENLARGED * box.height - 1
        ImageDraw.Draw(image).rectangle((*corner, *far), outline=(255, 90, 60))
    return image
