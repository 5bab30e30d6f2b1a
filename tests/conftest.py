"""What the tests share."""

import os
from pathlib import Path

import gpu_device
import pytest

from minigrad import backend


@pytest.fixture(scope="session")
def device() -> backend.Device:
    """Where tests that hold on every device compute: the device in $MINIGRAD_TEST_DEVICE, else the CPU."""
    chosen = backend.device(os.environ.get("MINIGRAD_TEST_DEVICE", "cpu"))
    if chosen.type == "cuda":
        gpu_device.require_gpu()
    return chosen


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with real data (mnist/, images/, weights/): $MINIGRAD_TEST_DATA, else ../shared/data."""
    beside = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
    folder = Path(os.environ.get("MINIGRAD_TEST_DATA") or beside)
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} is not there; name its folder in MINIGRAD_TEST_DATA")
    return folder
