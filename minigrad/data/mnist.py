"""MNIST and Fashion-MNIST, and the IDX format they come in.

An IDX file is a header and raw numbers: two zero bytes, a byte that names the number type (8: unsigned
byte), a byte that counts the dimensions, each dimension as a big-endian 32-bit number, then the data, the
last dimension running fastest. (Yann LeCun, "The MNIST database of handwritten digits".)
"""

from __future__ import annotations

import gzip
import os
import zlib
from math import prod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from minigrad.data.dataset import LabelledImages
from minigrad.hub import dataset_folder, download

MAX_BYTES = 2**31  # no published IDX file comes near; a header that claims more is wrong
IDX_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


class MNIST(LabelledImages):
    """Handwritten digits (LeCun, Cortes, Burges): 60,000 training and 10,000 test images of 28 x 28.

    root: the folder with the four IDX files, gzipped or not, there or in torchvision's `MNIST/raw` below it;
    None is the user's cache folder. download: fetch what is missing into `root`, once, checked by sha256.
    Errors: FileNotFoundError when files are missing, ValueError when one is not what it should be.
    """

    mirrors: ClassVar[tuple[str, ...]] = (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "http://yann.lecun.com/exdb/mnist/",
    )
    files: ClassVar[dict[str, tuple[int, str]]] = {  # name without .gz: (size of the .gz in bytes, its sha256)
        "train-images-idx3-ubyte": (
            9912422,
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        ),
        "train-labels-idx1-ubyte": (
            28881,
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        ),
        "t10k-images-idx3-ubyte": (
            1648877,
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        ),
        "t10k-labels-idx1-ubyte": (4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
    }

    def __init__(self, root: str | os.PathLike[str] | None = None, train: bool = True, download: bool = False) -> None:
        split = "train" if train else "t10k"
        pixels = read_idx(self._locate(root, f"{split}-images-idx3-ubyte", download))
        labels = read_idx(self._locate(root, f"{split}-labels-idx1-ubyte", download))
        self._check(pixels, labels)
        super().__init__(pixels, labels)

    def _locate(self, root: Any, name: str, fetch: bool) -> Path:
        """The file `name`, gzipped or not, in the folder or where torchvision keeps it; or downloaded."""
        kind = type(self).__name__
        folder = dataset_folder(kind) if root is None else Path(root).expanduser()
        for place in (folder, folder / kind / "raw", folder / "raw"):
            for path in (place / name, place / f"{name}.gz"):
                if path.is_file():
                    return path
        if not fetch:
            raise FileNotFoundError(
                f"{kind}: {name}(.gz) is not in {folder}; name the folder that has it, or ask for a download"
            )
        size, sha256 = self.files[name]
        target = folder / f"{name}.gz"
        download([f"{mirror}{name}.gz" for mirror in self.mirrors], target, sha256=sha256, size=size)
        return target

    def _check(self, pixels: np.ndarray, labels: np.ndarray) -> None:
        kind = type(self).__name__
        if pixels.ndim != 3 or pixels.shape[1:] != (28, 28) or pixels.dtype != np.uint8:
            raise ValueError(
                f"{kind}: the images must be (N, 28, 28) bytes, the file has {pixels.shape} {pixels.dtype}"
            )
        if labels.shape != pixels.shape[:1] or len(labels) == 0:
            raise ValueError(f"{kind}: there must be one label an image, got {labels.shape} for {pixels.shape}")
        if labels.dtype != np.uint8 or labels.max() > 9:
            raise ValueError(
                f"{kind}: the labels must be bytes from 0 to 9, the file has {labels.max()} {labels.dtype}"
            )


class FashionMNIST(MNIST):
    """Pictures of clothing in MNIST's format (Xiao, Rasul and Vollgraf 2017); used just as `MNIST`."""

    mirrors = (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    )
    files: ClassVar[dict[str, tuple[int, str]]] = {
        "train-images-idx3-ubyte": (
            26421880,
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        ),
        "train-labels-idx1-ubyte": (
            29515,
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        ),
        "t10k-images-idx3-ubyte": (
            4422102,
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        ),
        "t10k-labels-idx1-ubyte": (5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
    }


def read_idx(path: str | os.PathLike[str]) -> np.ndarray:
    """The array in an IDX file, gzipped or not, in the machine's byte order.

    Errors: FileNotFoundError; ValueError when it is not an IDX file, cut short, too long or damaged.
    """
    path = Path(path)
    with open(path, "rb") as raw:
        compressed = raw.read(2) == b"\x1f\x8b"
    try:
        with gzip.open(path, "rb") if compressed else open(path, "rb") as file:
            return _read_idx(file, path)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path}: the gzip file is damaged or cut short ({error}); fetch it again") from error


def _read_idx(file: Any, path: Path) -> np.ndarray:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in IDX_TYPES or magic[3] == 0:
        raise ValueError(f"{path}: not an IDX file (it starts with {magic.hex(' ') or 'nothing'})")
    header = file.read(4 * magic[3])
    if len(header) < 4 * magic[3]:
        raise ValueError(f"{path}: the IDX file ends inside its header; fetch it again")
    shape = tuple(int(size) for size in np.frombuffer(header, ">u4"))
    dtype = np.dtype(IDX_TYPES[magic[2]])
    size = prod(shape) * dtype.itemsize
    if size > MAX_BYTES:
        raise ValueError(f"{path}: the IDX header claims {shape}, {size} bytes; at most {MAX_BYTES} is read")
    data = file.read(size + 1)
    if len(data) != size:
        held = "more" if len(data) > size else f"only {len(data)}"
        raise ValueError(f"{path}: the IDX header says {shape}, {size} bytes of data, but the file has {held}")
    return np.frombuffer(data, dtype).reshape(shape).astype(dtype.newbyteorder("="))
