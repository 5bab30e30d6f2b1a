"""What the tests of kills and of full disks share."""

import pytest

from tests.helpers.killable import Commands
from tests.helpers.small_commands import Inputs


@pytest.fixture(scope="module")
def commands():
    with Commands() as commands:
        yield commands


@pytest.fixture(scope="module")
def inputs(commands, tmp_path_factory):
    return Inputs(tmp_path_factory.mktemp("inputs"), commands)
