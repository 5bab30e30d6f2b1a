"""The package is found, whatever the clone's folder is called."""

import os
import subprocess
import sys

from tests.helpers.paths import ROOT


def test_a_script_beside_a_clone_called_minigrad_finds_the_package(tmp_path):
    """The clone is on the path, as `make` installs it; the script's own folder comes before it."""
    clone = tmp_path / "minigrad"
    clone.symlink_to(ROOT, target_is_directory=True)
    (tmp_path / "script.py").write_text("import minigrad; print(minigrad.ones(2))")
    environment = {**os.environ, "PYTHONPATH": str(clone)}
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("tensor([1., 1.])\n", "")


def test_make_installs_by_a_path_entry():
    """A finder, setuptools' default for editable installs, would come after the folder that hides the package."""
    assert "--config-settings editable_mode=compat -e ." in (ROOT / "Makefile").read_text()
