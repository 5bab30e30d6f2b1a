"""The libraries that are compared, by name: what `worker` makes its jobs with."""

from __future__ import annotations

import importlib
import os
from typing import Any

import minigrad

from . import jobs, jobs_peers, networks_minigrad
from .jobs import Job, Library


def make_job(library: str, name: str, arguments: list[str]) -> Job:
    """The job `name` of a library; arguments that look like ints become ints where the job wants them so.

    Libraries: "minigrad", "torch" (eager, default layout), "channels_last" (PyTorch, eager, images and weights
    channels-last), "compiled" (PyTorch with its networks given to torch.compile), "chainer" and "dezero" (which have
    only "gatys").
    """
    values = [int(argument) if argument.isdecimal() else argument for argument in arguments]
    if library in ("chainer", "dezero"):
        return jobs_peers.gatys(library, int(arguments[0]))
    return getattr(jobs, name)(load(library), *values)


def load(library: str) -> Library:
    """minigrad, or PyTorch in one of its memory formats."""
    if library == "minigrad":
        return Library(minigrad, networks_minigrad)
    torch, networks = (importlib.import_module(name) for name in ("torch", "experiments.bench.networks_torch"))
    torch.set_num_threads(int(os.environ.get("MINIGRAD_NUM_THREADS") or os.cpu_count() or 1))
    if library == "torch":
        return Library(torch, networks)
    if library == "compiled":
        return Library(torch, networks, compile=torch.compile)
    return Library(torch, networks, lambda value: _channels_last(torch, value))


def _channels_last(torch: Any, value: Any) -> Any:
    return value.to(memory_format=torch.channels_last)
