"""NVIDIA's own compiler over the CUDA sources that emulated runs produced; it needs no GPU.

    python nvrtc.py FOLDER 75 80 90 100      # compile every source in FOLDER, in as many processes as there are cores

`keep` puts sources there while tests run. Each is compiled for every architecture; most are CuPy's own.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from pathlib import Path

FOLDER = "EMULATED_SOURCES"  # names the folder where sources are put aside; none are without it


def installed() -> bool:
    """Whether NVIDIA's wheels for CUDA 13, or 12.8 and newer, are there: the compiler, and the headers for CuPy."""
    cuda12 = ("nvidia.cuda_nvrtc", "nvidia.cuda_runtime")
    return _found("nvidia.cu13") or all(_found(name) for name in cuda12)


def _found(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # its parent is missing
        return False


def keep(source: str, options: tuple[str, ...]) -> None:
    """Put a source and the options that CuPy compiled it with aside."""
    folder = os.environ.get(FOLDER)
    if folder:
        text = json.dumps({"source": source, "options": list(options)})
        name = hashlib.sha1(text.encode()).hexdigest()
        partial = Path(folder) / f"{name}.{os.getpid()}"
        partial.write_text(text)
        os.replace(partial, Path(folder) / f"{name}.json")


def compiled(source: str, options: tuple[str, ...], architecture: int) -> bytes:
    """The machine code that NVRTC makes. Errors: CuPy's CompileException with what NVRTC said."""
    from cupy.cuda import compiler

    program = compiler._NVRTCProgram(source, "kernel.cu", method="cubin")
    precompiled = "-pch"  # CuPy's headers are parsed once in a process, not for each source: half the time
    arguments = (*options, precompiled, "--device-as-default-execution-space", f"-arch=sm_{architecture}")
    return program.compile(arguments)[0]


def job(arguments: tuple[Path, list[int]]) -> str | None:
    """Compile one file of the folder; None, or what is wrong."""
    path, architectures = arguments
    kept = json.loads(path.read_text())
    for architecture in architectures:
        try:
            code = compiled(kept["source"], tuple(kept["options"]), architecture)
        except Exception as error:  # every kind of refusal is a finding
            return f"{path.name} for sm_{architecture}: {error}"
        if len(code) < 500:
            return f"{path.name} for sm_{architecture}: {len(code)} bytes of code are too few"
    return None


def main() -> int:
    """Prints how many sources were compiled and what was refused; 1 if anything was."""
    folder, architectures = Path(sys.argv[1]), [int(text) for text in sys.argv[2:]]
    paths = sorted(folder.glob("*.json"))
    ours = sum("minigrad_" in path.read_text() for path in paths)
    jobs = [(path, architectures) for path in paths]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        refusals = [text for text in pool.map(job, jobs, chunksize=8) if text]
    print(f"{len(jobs)} sources, {ours} of them minigrad's, {len(refusals)} refused")
    print("\n".join(refusals[:5]))
    return 1 if refusals else 0


if __name__ == "__main__":
    sys.exit(main())
