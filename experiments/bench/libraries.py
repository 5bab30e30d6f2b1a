"""The libraries that are compared, by name: what `worker` makes its jobs with."""

from __future__ import annotations

import importlib
import os
from typing import Any

from .jobs import Job, Library


def make_job(library: str, name: str, arguments: list[str]) -> Job:
    """The job `name` of a library; arguments that look like ints become ints where the job wants them so.

    Libraries: "minigrad", "torch" (eager, default layout), "channels_last" (PyTorch, eager, images and weights
    channels-last), "chainer" and "dezero" (which have only "gatys").
    """
    values = [int(argument) if argument.isdecimal() else argument for argument in arguments]
    if library in ("chainer", "dezero"):
        return importlib.import_module("experiments.bench.jobs_peers").gatys(library, values[0])
    jobs = importlib.import_module("experiments.bench.jobs")
    return getattr(jobs, name)(load(library), *values)


def load(library: str) -> Library:
    """minigrad, or PyTorch in one of its memory formats."""
    if library == "minigrad":
        return Library(importlib.import_module("minigrad"), _networks("minigrad"))
    torch = importlib.import_module("torch")
    torch.set_num_threads(int(os.environ.get("MINIGRAD_NUM_THREADS") or os.cpu_count() or 1))
    if library == "torch":
        return Library(torch, _networks("torch"))
    return Library(torch, _networks("torch"), lambda value: _channels_last(torch, value))


def _networks(library: str) -> Any:
    return importlib.import_module(f"experiments.bench.networks_{library}")


def _channels_last(torch: Any, value: Any) -> Any:
    return value.to(memory_format=torch.channels_last)
