"""What the tests share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with real data (mnist/, images/, weights/): $MINIGRAD_TEST_DATA, else ../shared/data."""
    beside = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
    folder = Path(os.environ.get("MINIGRAD_TEST_DATA") or beside)
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} is not there; name its folder in MINIGRAD_TEST_DATA")
    return folder
