"""The notebooks: kept with their outputs, small enough to show, and running from top to bottom (here in few steps)."""

import json
import re

import pytest

from tests.helpers.paths import ROOT

NOTEBOOKS = pytest.mark.parametrize("path", sorted((ROOT / "docs" / "notebooks").glob("*.ipynb")), ids=lambda p: p.stem)
LARGEST = 400_000  # bytes
SECONDS = 300  # for a cell, on a machine that is busy with other things


def code_cells(path):
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]


@NOTEBOOKS
def test_a_notebook_is_kept_as_it_ran(path):
    """Every cell once, in order, without an error; and nothing of the machine that ran it."""
    text = path.read_text()
    assert len(text) < LARGEST
    assert not re.search(r"/(home|root|tmp|work|Users)/", text)
    cells = code_cells(path)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    kinds = {output["output_type"] for cell in cells for output in cell["outputs"]}
    assert "error" not in kinds and "execute_result" in kinds
    assert not any(output.get("name") == "stderr" for cell in cells for output in cell["outputs"])


@NOTEBOOKS
def test_the_first_cell_installs_and_picks_the_gpu(path):
    first = "".join(code_cells(path)[0]["source"])
    assert len(re.findall(r"https?://", first)) == 1 and "URL = " in first
    assert "mg.cuda.is_available()" in first
    others = {"".join(code_cells(other)[0]["source"]) for other in path.parent.glob("*.ipynb")}
    assert others == {first}


@NOTEBOOKS
def test_links_lead_to_files(path):
    for cell in json.loads(path.read_text())["cells"]:
        for target in (
            re.findall(r"\]\(([^)#:]+)\)", "".join(cell["source"])) if cell["cell_type"] == "markdown" else ()
        ):
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


@NOTEBOOKS
def test_a_notebook_runs(path):
    """With the numbers of its cell "parameters" replaced by small ones, which its metadata holds."""
    reason = "notebooks are run where nbclient, nbformat and ipykernel are installed"
    nbclient, nbformat, _ = (pytest.importorskip(name, reason=reason) for name in ("nbclient", "nbformat", "ipykernel"))
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            cell.source += "\n" + notebook.metadata["minigrad"]["small"]
    place = {"metadata": {"path": str(path.parent)}}
    nbclient.NotebookClient(notebook, timeout=SECONDS, kernel_name="python3", resources=place).execute()
