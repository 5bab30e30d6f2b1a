"""Commands one after the other in the same processes, since each start of Python takes seconds. Argument: a file with
their modules, their words, and whether photographs are cropped without chance, as JSON."""

import importlib
import json
import sys
from contextlib import nullcontext
from pathlib import Path

from experiments.common.cli import run
from tests.helpers.killable import few_strokes_and_no_judges
from tests.helpers.same_crops import same_crops


def main():
    few_strokes_and_no_judges()
    for module, words, same in json.loads(Path(sys.argv[1]).read_text()):
        with same_crops() if same else nullcontext():
            importlib.import_module(module).main(words)


run(main)
