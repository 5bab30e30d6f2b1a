"""What a layer knows: pictures found from noise that a layer cannot tell from the original.

    python -m experiments.reconstruct photo.jpg -o out/reconstruct --weights vgg19.npz
    python -m experiments.reconstruct painting.jpg --style -o out/textures --weights vgg19.npz

Content: the picture is recovered from the features of one layer, for five layers (Mahendran and Vedaldi 2015; Gatys et
al. 2016, figure 1). Each is labeled with its PSNR in decibels against the original: shallow layers keep every pixel,
deep ones only what is where. Style: a texture with the same Gram matrices, for growing sets of layers (Gatys, Ecker
and Bethge 2015): the more layers, the larger the structures that come back.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

import minigrad as mg
from minigrad.files import check_outputs
from nets import vgg

from .common import images
from .common.cli import Parser, UserError, add_common, existing_file, positive_int, run, start
from .common.output_folder import OutputFolder
from .style.presets import STYLE_LAYERS, Preset
from .style.reconstruction import POOLING_SET, gram_parameters, psnr, searched
from .style.search import Search, Targets, noise_picture

CONTENT_LAYERS = ("conv1_2", "conv2_2", "conv3_2", "conv4_2", "conv5_2")


def preset(content: tuple[str, ...], style: tuple[str, ...]) -> Preset:
    """Only content, or only style, in relative terms, from noise."""
    return Preset("relative", dict.fromkeys(content, 1e3), dict.fromkeys(style, 1e2 / max(1, len(style))), init="noise")


def reconstruct(
    net: vgg.VGG16 | vgg.VGG19, original: np.ndarray, content: tuple[str, ...], style: tuple[str, ...], steps: int
) -> np.ndarray:
    """A picture (1, 3, H, W) in [0, 1] with the original's features in `content` and Gram matrices in `style`."""
    tensor = mg.tensor(original, device=net.mean.device)
    targets = Targets(net, preset(content, style), tensor, [(tensor, 1.0)] if style else [], [None])
    return searched(Search(targets, noise_picture(*original.shape[2:]), steps), ", ".join(content or style))


def sets(style: bool) -> list[tuple[str, ...]]:
    """The layers of each picture: one at a time for content; growing sets, and one of pooling layers, for style."""
    if not style:
        return [(layer,) for layer in CONTENT_LAYERS]
    return [STYLE_LAYERS[: i + 1] for i in range(len(STYLE_LAYERS))] + [POOLING_SET]


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = Parser((__doc__ or "").split("\n\n")[0], prog="python -m experiments.reconstruct")
    parser.add_argument("picture", type=existing_file, help="the picture to find again")
    parser.add_argument("--weights", type=existing_file, required=True, help="a converted VGG16 or VGG19")
    parser.add_argument("-o", "--out", default="out/reconstruct", help="the folder for the pictures and the strip")
    parser.add_argument("--style", action="store_true", help="textures from Gram matrices instead of contents")
    parser.add_argument("--size", type=positive_int, default=224, help="the longer side in pixels")
    parser.add_argument("--steps", type=positive_int, default=200, help="evaluations of the loss for each picture")
    parser.add_argument("--pooling", choices=("avg", "max"), default="max", help="avg is smoother")
    add_common(parser)
    options = parser.parse_args(arguments)
    device = start(options)
    original = images.load_picture(options.picture, options.size)
    if min(original.shape[2:]) < 32:
        raise UserError("--size: at least 32 pixels are needed on the shorter side")
    net = vgg.load(options.weights, options.pooling).to(device=device)
    with OutputFolder(options.out) as folder:
        check_outputs(map(folder.file, names(options.style)), [options.picture, options.weights])
        reconstruct_all(net, original, options, folder)


def names(style: bool) -> list[str]:
    """The files that are written: the strip, and a picture for each set of layers."""
    kind = "style" if style else "content"
    return [f"{kind}_strip.png", *[f"{kind}_{layers[-1]}.png" for layers in sets(style)]]


def reconstruct_all(net: Any, original: np.ndarray, options: argparse.Namespace, folder: OutputFolder) -> None:
    """All pictures, and the strip of them; after Ctrl-C the strip shows those that are finished."""
    found, labels = [original], ["original"]
    strip, *files = names(options.style)
    try:
        for layers, name in zip(sets(options.style), files):
            content, style = ((), layers) if options.style else (layers, ())
            picture = reconstruct(net, original, content, style, options.steps)
            labels.append(label_of(net, layers, None if options.style else psnr(picture, original)))
            found.append(picture)
            images.save_picture(picture, folder.file(name))
    finally:
        if len(labels) > 1:
            images.save_picture(images.strip(found, labels), folder.file(strip))
            print(f"wrote {folder.path / strip} and the single pictures beside it")


def label_of(net: vgg.VGG16 | vgg.VGG19, layers: tuple[str, ...], quality: float | None) -> str:
    """Say on the screen what was reconstructed, and return a label: with a PSNR for contents, without for textures."""
    if quality is not None:
        label = f"{layers[0]}: {quality:.1f} dB"
        print(label)
        return label
    print(f"{', '.join(layers)}: {gram_parameters(net.architecture, layers):,} parameters")
    return f"to {layers[-1]}" if layers != POOLING_SET else "conv1_1, pool1-4"


if __name__ == "__main__":
    run(main)
