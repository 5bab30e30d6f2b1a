"""Building with g++, once: whatever is built stands in a cache folder under a name made of everything it depends on."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent


class BuildError(RuntimeError):
    """g++ refused a source; the message is what it said."""


def cache_folder() -> Path:
    """Where libraries and kernels are kept between runs: the user's cache folder, or $MINIGRAD_CACHE."""
    import platformdirs

    root = os.environ.get("MINIGRAD_CACHE") or platformdirs.user_cache_dir("minigrad")
    folder = Path(root) / "cuda_emulation"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def site_folder() -> Path:
    """The folder that holds CuPy, found without importing it."""
    spec = find_spec("cupy")
    assert spec is not None and spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]).parent


def include_flags() -> list[str]:
    """Where kernels find CuPy's headers, and the emulation's instead of CUDA's."""
    return [f"-I{HERE / 'include'}", f"-I{HERE}", f"-I{site_folder() / 'cupy' / '_core' / 'include'}"]


def kernel_flags() -> list[str]:
    """The flags of kernels: -O1 is the quickest to compile and run; $SIMT_FLAGS adds sanitizers."""
    return ["-std=c++17", "-O1", "-w", "-fpermissive", "-fPIC", *os.environ.get("SIMT_FLAGS", "").split()]


def key_of(*parts: str) -> str:
    """A name that changes with any of the parts, with the emulation's own sources, and with the Python version."""
    own = [path.read_text() for path in sorted(HERE.glob("*.[hc]*"))]
    return hashlib.sha1("\0".join([*parts, *own, sys.version]).encode()).hexdigest()


def run_gxx(arguments: list[str], target: Path) -> Path:
    """g++ ... -o target, which appears only when complete, so that several processes may build at once."""
    partial = target.with_name(f"{target.name}.{os.getpid()}")
    done = subprocess.run(["g++", *arguments, "-o", str(partial)], capture_output=True, text=True)
    if done.returncode:
        raise BuildError(done.stderr[:4000])
    os.replace(partial, target)
    return target


def driver_library() -> Path:
    """The emulated driver and runtime."""
    target = cache_folder() / f"{key_of('driver')}.so"
    if target.exists():
        return target
    return run_gxx(["-std=c++17", "-O1", "-fPIC", "-shared", str(HERE / "driver.cpp")], target)


def cublas_library() -> Path:
    """The emulated cuBLAS, under the very name that CuPy's extension module asks the loader for."""
    (extension,) = (site_folder() / "cupy_backends" / "cuda" / "libs").glob("cublas.*.so")
    binary = extension.read_bytes()
    soname = re.search(rb"libcublas\.so\.\d+", binary).group().decode()  # type: ignore[union-attr]
    folder = cache_folder() / key_of("cublas", soname)
    target = folder / soname
    if target.exists():
        return target
    folder.mkdir(exist_ok=True)
    wanted = sorted({name.decode() for name in re.findall(rb"\0(cublas[A-Z]\w+)\0", binary)})
    stubs = folder / f"stubs.{os.getpid()}.cpp"
    lines = [f'extern "C" __attribute__((weak)) int {name}() {{ return 15; }}' for name in wanted]
    stubs.write_text("\n".join(lines) + "\n")
    versions = folder / "versions.map"
    versions.write_text(f"{soname} {{ global: cublas*; emulated_*; }};\n")
    flags = ["-O2", "-fPIC", "-shared", f"-Wl,-soname,{soname}", f"-Wl,--version-script={versions}"]
    return run_gxx([*flags, str(HERE / "cublas.cpp"), str(stubs)], target)


def precompiled_prelude() -> Path:
    """The folder of prelude.h, precompiled: it saves most of each kernel's compile time."""
    folder = cache_folder() / key_of("prelude", *kernel_flags())
    target = folder / "prelude.h.gch"
    if not target.exists():
        folder.mkdir(exist_ok=True)
        run_gxx([*kernel_flags(), *include_flags(), "-x", "c++-header", str(HERE / "prelude.h")], target)
    return folder


# ------------------------------------------------------------------------------------------- kernels

KERNEL = re.compile(
    r"__global__\s+(?:__launch_bounds__\s*\([^)]*\)\s*)?void\s+(?:__launch_bounds__\s*\([^)]*\)\s*)?(\w+)\s*\("
)
DYNAMIC_SHARED = re.compile(r"extern\s+__shared__\s+([^;\[]*?)(\w+)\s*\[\s*\]\s*;")


def host_source(source: str) -> str:
    """A CUDA source made digestible for g++: shared arrays of open size, and an exported entry for each kernel."""
    barriers = "true" if re.search(r"__sync(threads|warp)|_REDUCE", source) else "false"
    names = dict.fromkeys(KERNEL.findall(source))
    body = DYNAMIC_SHARED.sub(r"\1*\2 = (\1*)simt::dynamic_shared;", source)
    return body + "\n" + "".join(f"SIMT_EXPORT({name}, {barriers})\n" for name in names)


def kernel_library(source: str, options: tuple[str, ...]) -> Path:
    """A shared library with the kernels of a CUDA source. Errors: BuildError with what g++ said."""
    defines = [option for option in options if option.startswith("-D")]
    host = host_source(source)
    target = cache_folder() / f"{key_of(host, *defines, *kernel_flags())}.so"
    if target.exists():
        return target
    text = target.with_suffix(f".{os.getpid()}.cpp")
    text.write_text(host)
    prelude = ["-include", str(precompiled_prelude() / "prelude.h")]
    try:
        return run_gxx([*kernel_flags(), *defines, *prelude, *include_flags(), "-shared", str(text)], target)
    finally:
        text.unlink()
