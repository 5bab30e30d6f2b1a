"""The well-known files: by their checksums it is certain what they are and what input they expect.

The weights were trained by Oxford's Visual Geometry Group (Simonyan and Zisserman 2014) and are published under
CC BY 4.0; torchvision's were trained anew by the PyTorch project (BSD licence).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from minigrad.npz import open_regular

from .readers.base import CAFFE_BGR, TORCHVISION, InputConvention, WeightsError

OXFORD = "trained by Oxford's Visual Geometry Group, CC BY 4.0"
PYTORCH = "trained by the PyTorch project, BSD 3-clause"


@dataclass(frozen=True)
class KnownFile:
    """name, architecture, checksum: sha256 (64 digits, or its first 8) or md5 (32 digits), size in bytes."""

    name: str
    architecture: str
    checksum: str
    convention: InputConvention | None
    origin: str
    size: int | None = None
    urls: tuple[str, ...] = ()


def _torchvision(name: str, architecture: str, sha256: str, size: int) -> KnownFile:
    urls = (f"https://download.pytorch.org/models/{name}", f"https://s3.amazonaws.com/pytorch/models/{name}")
    return KnownFile(name, architecture, sha256, TORCHVISION, PYTORCH, size, urls)


TORCHVISION_FILES = {
    "vgg16": _torchvision(
        "vgg16-397923af.pth", "vgg16", "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0", 553_433_881
    ),
    "vgg19": _torchvision(
        "vgg19-dcbb9e9d.pth", "vgg19", "dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44", 574_673_361
    ),
}
KERAS_STEM = "weights_tf_dim_ordering_tf_kernels"
KNOWN_FILES = (
    *TORCHVISION_FILES.values(),
    KnownFile("vgg16-00b39a1b.pth", "vgg16", "00b39a1b", CAFFE_BGR, OXFORD),
    KnownFile("vgg19-d01eb7cb.pth", "vgg19", "d01eb7cb", CAFFE_BGR, OXFORD),
    KnownFile(f"vgg16_{KERAS_STEM}.h5", "vgg16", "64373286793e3c8b2b4e3219cbf3544b", CAFFE_BGR, OXFORD),
    KnownFile(f"vgg16_{KERAS_STEM}_notop.h5", "vgg16", "6d6bbae143d832006294945121d1f1fc", CAFFE_BGR, OXFORD),
    KnownFile(f"vgg19_{KERAS_STEM}.h5", "vgg19", "cbe5617147190e668d6c5d5026f83318", CAFFE_BGR, OXFORD),
    KnownFile(f"vgg19_{KERAS_STEM}_notop.h5", "vgg19", "253f8cb515780f3b799900260a226db6", CAFFE_BGR, OXFORD),
    # the convention of this one is in the file
    KnownFile("imagenet-vgg-verydeep-19.mat", "vgg19", "106118b7cf60435e6d8e04f6a6dc3657", None, OXFORD),
)


@dataclass(frozen=True)
class Checksums:
    sha256: str
    md5: str


def checksums(path: Path) -> Checksums:
    """Both checksums in one pass over the file. Errors: WeightsError where it cannot be read."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    try:
        with open_regular(path) as file:
            while chunk := file.read(1 << 20):
                sha256.update(chunk)
                md5.update(chunk)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}") from error
    return Checksums(sha256.hexdigest(), md5.hexdigest())


def identify(sums: Checksums) -> KnownFile | None:
    """The known file that has these checksums, or None."""
    for known in KNOWN_FILES:
        actual = sums.md5 if len(known.checksum) == 32 else sums.sha256
        if actual.startswith(known.checksum):
            return known
    return None


def checksum_mismatch(path: Path, sums: Checksums) -> str | None:
    """What contradicts the file's name: it is a known file's, or PyTorch's NAME-<first 8 digits of sha256>.pth."""
    for known in KNOWN_FILES:
        if path.name == known.name and identify(sums) is not known:
            return f"has another checksum than the published {known.name} ({known.checksum[:16]}...)"
    match = re.fullmatch(r".+-([0-9a-f]{8})\.pth", path.name)
    if match and not sums.sha256.startswith(match[1]):
        return f"has the sha256 {sums.sha256[:8]}..., not {match[1]} as its name says"
    return None
