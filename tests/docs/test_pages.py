"""What the pages say is true: every code block runs, every link leads somewhere, every command exists."""

import re
import subprocess
import sys

import pytest

from tests.helpers.paths import ROOT

PAGES = [ROOT / "README.md", *sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
PAGES = list(dict.fromkeys(PAGES))
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)
FILE = re.compile(r"`((?:minigrad|nets|experiments|weights_converter|tests|docs)/[\w/]+\.(?:py|md|pyi))`")
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


@each_page
def test_every_python_block_runs(page):
    """In order, in one program, as a reader would type them; `...` stands for a reader's own code."""
    blocks = [block for block in BLOCK.findall(page.read_text()) if "\n    ...\n" not in block]
    if not blocks:
        pytest.skip("no Python on this page")
    done = subprocess.run([sys.executable, "-c", "\n".join(blocks)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


@each_page
def test_every_link_to_a_file_leads_there(page):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        if "://" not in target and not target.startswith("mailto:"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}, which is not there"


@each_page
def test_every_named_file_is_there(page):
    for name in re.findall(
        r"`((?:minigrad|nets|experiments|weights_converter|tests|docs)/[\w/]+\.(?:py|md|pyi))`", page.read_text()
    ):
        if "NAME" not in name and page.name != "CHANGELOG.md":
            assert (ROOT / name).exists(), f"{page.name} names {name}, which is not there"


@each_page
def test_every_named_command_is_there(page):
    for name in re.findall(r"python -m ([a-z_][\w.]*)", page.read_text()):
        if name.split(".")[0] in ("minigrad", "experiments", "weights_converter", "tests"):
            path = ROOT / name.replace(".", "/")
            assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), f"{page.name}: {name}"
