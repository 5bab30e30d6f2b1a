"""Runs commands in processes that can be killed at any moment, without the seconds that each start of Python costs.

    with Commands() as commands:
        outcome = commands("experiments.paint", ["-o", "painting.png"], kill_after=0.1)

A program of its own imports all commands once and forks for each run, so that no threads of the tests are in the way.
"""

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

from tests.helpers.paths import ROOT

MODULES = (
    "experiments.draw_text", "experiments.fast_style", "experiments.gan_1d", "experiments.gan_2d",
    "experiments.gan_failures", "experiments.gan_latent", "experiments.gan_sample", "experiments.paint",
    "experiments.reconstruct", "experiments.style_sweep", "experiments.style_transfer",
    "experiments.super_resolution.__main__", "experiments.train_gan", "experiments.train_text_gan",
    "experiments.train_translation", "weights_converter.__main__",
)  # fmt: skip


@dataclass
class Outcome:
    """How a run ended: its exit code, or minus the signal's number; how long it took; what it printed."""

    code: int
    seconds: float
    output: str


class Commands:
    """The program; a context manager that ends it."""

    def __enter__(self):
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", "MINIGRAD_NUM_THREADS": "1"}
        self.program = subprocess.Popen(
            [sys.executable, "-m", "tests.helpers.killable"], cwd=ROOT, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        return self

    def __exit__(self, *exception):
        self.program.stdin.close()
        self.program.wait()

    def __call__(self, module, arguments, kill_after=None):
        """Run a command; kill_after: seconds after which it is killed, if it still runs then."""
        print(json.dumps([module, [str(each) for each in arguments], kill_after]), file=self.program.stdin, flush=True)
        return Outcome(*json.loads(self.program.stdout.readline()))


def few_strokes_and_no_judges():
    """Untrained classifiers and few typeset digits: what is killed here is not judged by how good it looks."""
    from experiments import train_text_gan
    from experiments.translation import metrics
    from minigrad.data import TypesetDigits
    from nets.classifier import DigitClassifier

    digits = TypesetDigits(60)
    train_text_gan.strokes = lambda *_: digits
    metrics.kept_classifier = lambda *_: DigitClassifier()
    metrics.JUDGE_EPOCHS = 1


def forked(module, arguments, output):
    """The process id of a command that has begun, printing into a file."""
    child = os.fork()
    if child:
        return child
    os.setsid()
    os.dup2(output.fileno(), 1)
    os.dup2(output.fileno(), 2)
    from experiments.common import cli

    main = importlib.import_module(module).main
    try:
        cli.run(lambda: sys.exit(main(arguments) or 0) if module.startswith("weights") else main(arguments))
    except SystemExit as left:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
        os._exit(left.code or 0)
    except BaseException:
        import traceback

        traceback.print_exc()
        os._exit(1)


def serve():
    """Answer each line of standard input, a command, with one of standard output, its outcome."""
    import tempfile

    for module in (*MODULES, "matplotlib.backends.backend_agg", "matplotlib.figure"):
        importlib.import_module(module)
    few_strokes_and_no_judges()
    for line in sys.stdin:
        module, arguments, kill_after = json.loads(line)
        with tempfile.TemporaryFile() as output:
            began = time.monotonic()
            child = forked(module, arguments, output)
            if kill_after is not None:
                time.sleep(kill_after)
                os.kill(child, signal.SIGKILL)  # harmless where it has ended: it was not waited for yet
            _, status = os.waitpid(child, 0)
            seconds = time.monotonic() - began
            output.seek(0)
            text = output.read().decode(errors="replace")
        print(json.dumps([os.waitstatus_to_exitcode(status), seconds, text]), flush=True)


if __name__ == "__main__":
    serve()
