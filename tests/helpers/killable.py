"""Runs commands in processes that can be killed at any moment, or whose disk fails, without the seconds that each start
of Python costs.

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
import tempfile
import time
import traceback
from dataclasses import dataclass, field

from tests.helpers.failing_disk import FailingDisk
from tests.helpers.paths import ROOT

MODULES = (
    "experiments.bench.__main__", "experiments.demo", "experiments.draw_text", "experiments.fast_style",
    "experiments.gan_1d", "experiments.gan_2d", "experiments.gan_failures", "experiments.gan_latent",
    "experiments.gan_metrics", "experiments.gan_sample", "experiments.paint", "experiments.reconstruct",
    "experiments.see", "experiments.ship", "experiments.style_sweep", "experiments.style_transfer",
    "experiments.super_resolution.__main__", "experiments.train_gan", "experiments.train_text_gan",
    "experiments.train_translation", "experiments.translate", "minigrad.trace", "weights_converter.__main__",
)  # fmt: skip


@dataclass
class Outcome:
    """How a run ended: its exit code, or minus the signal's number; how long it took; what it printed; with a failing
    disk how many moments of each kind there were."""

    code: int
    seconds: float
    output: str
    count: dict[str, int] = field(default_factory=dict)


class Commands:
    """The program; a context manager that ends it."""

    def __enter__(self):
        self.cache = tempfile.TemporaryDirectory()
        environment = {
            **os.environ, "PYTHONPATH": str(ROOT), "MINIGRAD_CACHE": self.cache.name,
            "OPENBLAS_NUM_THREADS": "1", "MINIGRAD_NUM_THREADS": "1",
        }  # fmt: skip
        self.program = subprocess.Popen(
            [sys.executable, "-m", "tests.helpers.killable"], cwd=ROOT, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        return self

    def __exit__(self, *exception):
        self.program.stdin.close()
        self.program.wait()
        self.cache.cleanup()

    def __call__(self, module, arguments, kill_after=None, disk=None):
        """Run a command. kill_after: seconds after which it is killed, if it still runs then. disk: a FailingDisk's
        arguments."""
        request = [module, [str(each) for each in arguments], kill_after, disk]
        print(json.dumps(request, default=str), file=self.program.stdin, flush=True)
        return Outcome(*json.loads(self.program.stdout.readline()))


def few_strokes_and_no_judges():
    """Untrained classifiers and few typeset digits: what is killed here is not judged by how good it looks. The
    benchmark measures nothing: it is about what it writes."""
    from experiments import gan_metrics, train_text_gan
    from experiments.bench import measure, scaling
    from experiments.translation import metrics
    from minigrad.data import TypesetDigits
    from nets.classifier import DigitClassifier

    digits = TypesetDigits(60)
    train_text_gan.strokes = lambda *_: digits
    gan_metrics.kept_classifier = metrics.kept_classifier = lambda *_: DigitClassifier().eval()
    metrics.JUDGE_EPOCHS = 1
    measure.installed = lambda names: [name for name in names if name in ("minigrad", "numpy")] or names
    measure.compare = lambda libraries, *_, **__: {name: measure.Timing([0.2, 0.1], 100.0) for name in libraries}
    measure.compare_commands = lambda commands, *_: measure.compare(commands)
    scaling.measured = lambda *_: {"seconds": 0.1, "bytes": 8, "events": [["Linear", 0.0, 0.1], ["bucket", 0.1, 0.2]]}


def forked(module, arguments, output, disk, count):
    """The process id of a command that has begun, printing into a file."""
    child = os.fork()
    if child:
        return child
    os.setsid()
    os.dup2(output.fileno(), 1)
    os.dup2(output.fileno(), 2)
    code = 1
    try:
        code = ended(module, arguments, disk)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            os.write(count.fileno(), json.dumps(disk.count if disk else {}).encode())
        os._exit(code)


def ended(module, arguments, disk):
    """The exit code of a command that was run here."""
    from experiments.common import cli
    from experiments.common.status import Status

    main = importlib.import_module(module).main
    if disk:
        for name in ("at", "_write"):  # notes of progress, by the clock, whose failures are ignored
            setattr(Status, name, lambda self, now: False)
        disk.install()

    def run():
        result = main(arguments)
        if isinstance(result, int):
            sys.exit(result)

    try:
        cli.run(run)
    except SystemExit as left:
        return left.code or 0


def serve():
    """Answer each line of standard input, a command, with one of standard output, its outcome."""
    for module in (*MODULES, "matplotlib.backends.backend_agg", "matplotlib.figure"):
        importlib.import_module(module)
    few_strokes_and_no_judges()
    for line in sys.stdin:
        module, arguments, kill_after, disk = json.loads(line)
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as count:
            began = time.monotonic()
            child = forked(module, arguments, output, disk and FailingDisk(*disk), count)
            if kill_after is not None:
                time.sleep(kill_after)
                with contextlib.suppress(ProcessLookupError):  # it has not begun, or has ended
                    os.killpg(child, signal.SIGKILL)
                os.kill(child, signal.SIGKILL)  # harmless where it has ended: it was not waited for yet
            _, status = os.waitpid(child, 0)
            seconds = time.monotonic() - began
            texts = []
            for file in (output, count):
                file.seek(0)
                texts.append(file.read().decode(errors="replace"))
        outcome = [os.waitstatus_to_exitcode(status), seconds, texts[0], json.loads(texts[1] or "{}")]
        print(json.dumps(outcome), flush=True)


if __name__ == "__main__":
    serve()
