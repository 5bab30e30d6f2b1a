"""What the tests share."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from minigrad import devices
from tests.helpers import gpu_device
from tests.helpers.paths import ROOT
from tests.helpers.style_samples import small_pictures


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """Ctrl-C reaches the tests and the programs that they start also where the tests themselves run in the background,
    for which shells ignore it."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def device() -> devices.Device:
    """Where tests that hold on every device compute: the device in $MINIGRAD_TEST_DEVICE, else the CPU."""
    chosen = devices.device(os.environ.get("MINIGRAD_TEST_DEVICE", "cpu"))
    if chosen.type == "cuda":
        gpu_device.require_gpu()
    return chosen


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with real data (mnist/, images/, weights/): $MINIGRAD_TEST_DATA, else ../shared/data."""
    beside = ROOT.parent / "shared" / "data"
    folder = Path(os.environ.get("MINIGRAD_TEST_DATA") or beside)
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} is not there; name its folder in MINIGRAD_TEST_DATA")
    return folder


@pytest.fixture(scope="session")
def converted_vgg16(shared_data, tmp_path_factory) -> Path:
    """VGG16's real weights, converted."""
    weights = tmp_path_factory.mktemp("weights") / "vgg16.npz"
    source = shared_data / "weights" / "vgg16_imagenet_conv.npz"
    subprocess.run(
        [sys.executable, "-m", "weights_converter", source, "-o", weights, "--arch", "vgg16"]
        + ["--input-convention", "caffe-bgr"],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    return weights


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    """A folder with two small pictures, content.png and style.png."""
    return small_pictures(tmp_path_factory.mktemp("pictures"))


@pytest.fixture
def no_cached_weights(monkeypatch, tmp_path) -> None:
    """Weights that the user once downloaded are not found."""
    monkeypatch.setenv("MINIGRAD_CACHE", str(tmp_path / "cache"))
