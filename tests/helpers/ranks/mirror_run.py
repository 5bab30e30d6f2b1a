"""A command on every picture of a folder: mirrors it. One rank may come to grief at a picture."""

import os
import signal
from pathlib import Path

from PIL import ImageOps

import minigrad as mg
from experiments.common import ranks
from experiments.common.cli import Parser, add_common, run, start
from experiments.common.picture_files import for_each_picture
from minigrad.data.image import open_picture
from tests.helpers.mpi import TROUBLE


def main():
    parser = Parser("Mirror pictures.")
    parser.add_argument("pictures", type=Path)
    parser.add_argument("-o", "--output", required=True)
    add_common(parser)
    options = parser.parse_args()
    start(options)
    kill = os.environ.get("KILL_AT")

    def make(source, target):
        if source.stem == kill:
            Path(os.environ[TROUBLE]).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        image = ImageOps.mirror(open_picture(source))
        image.putpixel((0, 0), (int(mg.randint(256, (1,))), 0, ranks.rank()))  # type: ignore[arg-type]
        image.save(target)

    print(for_each_picture(options.pictures, options.output, make, "mirroring", options), "made")


run(main)
