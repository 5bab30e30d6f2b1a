"""A training with the small game, as a command; one rank may come to grief on the way."""

import os
import signal
from pathlib import Path

import numpy as np

import minigrad as mg
from experiments.common import ranks
from experiments.common.cli import Parser, UserError, run
from experiments.common.training_run import add_training_options, train
from tests.helpers.mpi import TROUBLE
from tests.helpers.small_game import Line, LineSettings


class Line(Line):  # type: ignore[no-redef]
    options = None

    def step(self, batches, number):
        if self.options.trouble and (ranks.rank(), number) == (self.options.rank, self.options.at):
            Path(os.environ[TROUBLE]).touch()
            TROUBLES[self.options.trouble](self)
        return super().step(batches, number)


def nan(game):
    with mg.no_grad():
        game.net.bias.copy_(mg.tensor([np.nan]))


def error(game):
    raise UserError("the disk of this machine is full")


def defect(game):
    raise ZeroDivisionError("a defect in the program")  # which `run` does not know


TROUBLES = {
    "nan": nan,
    "error": error,
    "defect": defect,
    "kill": lambda game: os.kill(os.getpid(), signal.SIGKILL),
    "interrupt": lambda game: os.kill(os.getpid(), signal.SIGINT),
    "exit": lambda game: os._exit(3),
}


def main():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    parser = Parser("A line.")
    parser.add_argument("--trouble", choices=TROUBLES)
    parser.add_argument("--rank", type=int, default=0)
    parser.add_argument("--at", type=int, default=7)
    parser.add_argument("--noiseless", action="store_true")
    add_training_options(parser, out="out/line", steps=12, pictures_every=6)
    Line.options = parser.parse_args()
    if Line.options.noiseless:
        mg.randn_like = mg.zeros_like
    train(lambda device: Line(LineSettings(), device), Line.options)


run(main)
