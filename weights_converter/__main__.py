"""The command line: `python -m weights_converter SOURCE -o OUT.npz`, and `export`, `download`, `info`, `verify`."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from math import prod
from pathlib import Path
from typing import NoReturn

import numpy as np

from minigrad.files import check_folder, check_outputs, check_replaceable, printable
from minigrad.hub import download, weights_file, weights_folder

from .convert import convert, write
from .export import ENDINGS, export
from .info import info, verify
from .normalise import normalize, read_picture
from .readers.base import CONVENTIONS, WeightsError
from .readers.detect import KNOWN_ENDINGS, read_foreign
from .registry import TORCHVISION_FILES
from .style_model import convert_style_model, is_style_model

DESCRIPTION = f"""\
Converts VGG16's and VGG19's weights, and pytorch/examples' models of fast style transfer, from other frameworks' files
into minigrad's .npz; and networks that were trained or converted here into files that PyTorch reads.

  python -m weights_converter SOURCE -o OUT.npz     convert a file ({KNOWN_ENDINGS});
                                                    `convert SOURCE` for a source named like a command
  python -m weights_converter export FILE -o OUT    the way out: to .safetensors or .pth
  python -m weights_converter download vgg19        fetch torchvision's file and convert it (vgg16 likewise)
  python -m weights_converter info FILE             print what a file holds
  python -m weights_converter verify FILE           check shapes, values and known checksums
"""
LICENCES = (
    "Weights trained by Oxford's Visual Geometry Group (Caffe, Keras, MatConvNet, Gatys' and Johnson's files) are "
    "licensed CC BY 4.0: name them when you publish results. torchvision's were trained by the PyTorch project."
)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {printable(message)} (see --help)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit code: 0, or 2 after a sentence on stderr."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    command = COMMANDS.get(words[0]) if words else None
    try:
        if command is not None:
            command(words[1:])
        else:  # a source where a command's name would stand
            _convert(words)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _fail(f"{where}{error.strerror or error}")
    except (WeightsError, RuntimeError) as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        print("error: interrupted; nothing was written", file=sys.stderr)
        return 130
    return 0


def _fail(text: str) -> int:
    print(f"error: {printable(text)}", file=sys.stderr)
    return 2


def _convert(words: Sequence[str]) -> None:
    parser = _Parser(
        "weights_converter",
        description=DESCRIPTION,
        epilog=LICENCES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", type=Path, metavar="SOURCE", help="the file of weights")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.npz", help="the file to write")
    parser.add_argument(
        "--arch", choices=list(TORCHVISION_FILES), help="what the file must hold; it is found out anyway"
    )
    _add_convention(parser)
    parser.add_argument("--half", action="store_true", help="store float16: half the size")
    parser.add_argument(
        "--normalize",
        "--normalise",
        type=Path,
        nargs="+",
        default=[],
        metavar="IMAGE",
        help="rescale every filter to a mean activation of 1 on these pictures (Gatys et al. 2016)",
    )
    given = parser.parse_args(words)
    _check_output(given.output, given.source, *given.normalize)
    pictures = [read_picture(path) for path in given.normalize]
    _finish(given.source, given.output, given.arch, given.input_convention, given.half, pictures)


def _finish(
    source: Path,
    output: Path,
    arch: str | None,
    convention: str | None,
    half: bool,
    pictures: Sequence[np.ndarray] = (),
) -> None:
    """Converts, writes, and says what the file was taken for."""
    file = read_foreign(source)
    if is_style_model(file):
        if arch or convention or half or pictures:
            raise WeightsError(f"{source} is a model of fast style transfer, no VGG: give no options but -o")
        print(convert_style_model(source, file, output))
        return
    converted = convert(source, arch, convention, half)
    if pictures:
        converted = normalize(converted, pictures)
    write(converted, output)
    for note in converted.notes:
        print(printable(note))
    count = sum(prod(array.shape) for array in converted.weights.arrays.values())
    print(f"{output}: {converted.weights.architecture.upper()}, {count:,} parameters")


def _check_output(output: Path, *inputs: Path, endings: Sequence[str] = (".npz",)) -> None:
    """Refuses, before any work, places where the output cannot or must not go."""
    if output.suffix not in endings:
        raise WeightsError(f"-o {output} must end in {' or '.join(endings)}")
    try:
        check_replaceable(output)
        if not output.parent.is_dir():
            raise WeightsError(f"-o {output}: the folder {output.parent} does not exist")
        check_folder(output.parent)
        check_outputs([output], inputs)
    except OSError as error:
        raise WeightsError(f"-o {output} cannot be written: {error.strerror}") from error
    except ValueError as error:
        raise WeightsError(f"-o {error}") from error


EXPORT = """\
Writes a network that was trained or converted here as a file for PyTorch and other tools. For example:

  python -m weights_converter export vgg19.npz -o vgg19.safetensors
  python -m weights_converter export runs/digits/checkpoint.npz --part G -o generator.pth

and then in PyTorch

  net.load_state_dict(safetensors.torch.load_file("vgg19.safetensors"))
  net.load_state_dict(torch.load("generator.pth", weights_only=True))

A VGG gets torchvision's names; what its input must look like is said on the screen and in the file. All other networks
keep their names, which are those of the same modules in PyTorch.
"""


def _export(words: Sequence[str]) -> None:
    parser = _Parser(
        "weights_converter export",
        description=EXPORT,
        epilog=LICENCES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "source",
        type=Path,
        metavar="FILE",
        help="a run's checkpoint.npz, a file of minigrad.save, or a VGG in any known format",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="OUT",
        help=f"the file to write; its ending is the format: {' or '.join(ENDINGS)}",
    )
    parser.add_argument("--part", metavar="NAME", help="which network of a checkpoint, such as G, D or average")
    _add_convention(parser)
    parser.add_argument("--half", action="store_true", help="store float16: half the size")
    given = parser.parse_args(words)
    _check_output(given.output, given.source, endings=ENDINGS)
    for note in export(given.source, given.output, given.part, given.input_convention, given.half):
        print(printable(note))


def _add_convention(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--input-convention",
        choices=list(CONVENTIONS),
        help="what the network expects, where the file does not tell: caffe-bgr is BGR in 0..255 minus the mean "
        "color, torchvision is RGB in 0..1, normalized",
    )


def _download(words: Sequence[str]) -> None:
    parser = _Parser("weights_converter download", description="Fetches torchvision's weights and converts them.")
    parser.add_argument("net", choices=list(TORCHVISION_FILES), help="which network")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="OUT.npz", help="where to write; else the user's cache folder"
    )
    parser.add_argument(
        "--url", action="append", metavar="URL", help="a mirror to use instead of the known ones; repeatable"
    )
    parser.add_argument("--sha256", metavar="HEX", help="the checksum of the mirror's file, where it is another one")
    parser.add_argument("--half", action="store_true", help="store float16: half the size")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    given = parser.parse_args(words)
    known = TORCHVISION_FILES[given.net]
    output = given.output or weights_file(given.net, given.half)
    source = weights_folder() / known.name
    if given.output:
        _check_output(output, source)
    sha256, size = known.checksum, known.size
    if given.sha256 is not None and not re.fullmatch("[0-9a-fA-F]{64}", given.sha256):
        raise WeightsError(f"--sha256 must be 64 hexadecimal digits, got {given.sha256!r:.80}")
    if given.sha256 and given.sha256.lower() != known.checksum:
        sha256, size = given.sha256, None
        source = weights_folder() / f"{given.net}-{given.sha256[:8].lower()}.pth"
    try:
        path = download(given.url or known.urls, source, sha256, size, not given.quiet)
    except ValueError as error:
        raise WeightsError(str(error)) from error
    _finish(path, output, given.net, "torchvision", given.half)


def _report(name: str, describe: Callable[[Path], str], purpose: str) -> Callable[[Sequence[str]], None]:
    def command(words: Sequence[str]) -> None:
        parser = _Parser(f"weights_converter {name}", description=purpose, epilog=LICENCES)
        parser.add_argument("file", type=Path, metavar="FILE", help="a file of weights in any known format")
        for line in describe(parser.parse_args(words).file).split("\n"):
            print(printable(line))

    return command


COMMANDS: dict[str, Callable[[Sequence[str]], None]] = {
    "convert": _convert,
    "export": _export,
    "download": _download,
    "info": _report("info", info, "Prints what a file of weights holds."),
    "verify": _report("verify", verify, "Checks shapes, finiteness and known checksums."),
}

if __name__ == "__main__":
    sys.exit(main())
