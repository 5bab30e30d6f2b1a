"""A process that runs one job whenever it is told to: `python -m experiments.bench.worker LIBRARY JOB ARGUMENTS`.

Each library runs alone in its process, so that neither its threads nor its memory disturb the other's. Protocol: the
worker runs the job once to warm up and prints `ready`; for each line it reads it runs the job again and prints the
seconds; at the end of its input it prints its peak memory in MiB.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from .libraries import make_job


def peak_memory(usage: Any) -> float:
    """The most memory that a process ever held, in MiB, from what the system notes of its use of resources."""
    return usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def main() -> None:
    """The loop described above."""
    import resource

    library, name, *arguments = sys.argv[1:]
    job = make_job(library, name, arguments)
    job()
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        job()
        print(time.perf_counter() - start, flush=True)
    print(peak_memory(resource.getrusage(resource.RUSAGE_SELF)), flush=True)


if __name__ == "__main__":
    main()
