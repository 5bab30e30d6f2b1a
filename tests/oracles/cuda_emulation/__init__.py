"""Real CuPy on a CPU: the means by which the GPU path is tested where there is no GPU.

CuPy is the ordinary package, unmodified: its arrays, its type rules, the CUDA sources that it generates, the code
that launches them, and the one that hands matrix products to cuBLAS all run. Three things below it are replaced,
before it is imported:

* the CUDA driver and runtime: CuPy's modules reach them through function pointers (capsules) that
  `cupy_backends.cuda.api` exports; `activate` exchanges those pointers for the functions of driver.cpp;
* the compiler NVRTC: sources go to g++ with simt.h, which runs the threads of a kernel one after the other. Each
  source is also kept, in `captured` and in the folder $EMULATED_SOURCES, for the real NVRTC (nvrtc.py);
* the library cuBLAS: cublas.cpp, plain loops.

What it cannot show: speed; errors that need true concurrency (threads run in turn and all is synchronous); the
rounding of cuBLAS and of the GPU's own functions; cuRAND, CUB and whatever CuPy ships as compiled device code (sort,
unique, random generators): those are refused. Warp shuffles are not emulated. It is slow: keep tensors small.

It leans on private parts of CuPy and is written for exactly version 14.2.0 (cupy-cuda13x or cupy-cuda12x); `missing`
says why it cannot run. Compiled kernels are kept in the user's cache folder. A process that has called `activate`
must not use a real GPU; the tests therefore run it in processes of their own (tests/gpu/test_emulated.py).
"""

from __future__ import annotations

import ctypes
import importlib
import os
import shutil
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

from .build import BuildError, cublas_library, driver_library, kernel_library
from .nvrtc import keep

CUPY_VERSION = "14.2.0"
SWITCH = "MINIGRAD_EMULATE_CUDA"  # set to 1, it makes gpu_device.require_gpu activate the emulation

captured: dict[str, tuple[str, ...]] = {}  # CUDA source -> the options CuPy compiled it with
_kept: list[Any] = []  # capsule names and libraries that must outlive this call


def missing() -> str | None:
    """Why the emulation cannot run here, in one sentence; None if it can."""
    if shutil.which("g++") is None:
        return "g++ is not installed"
    if find_spec("cupy") is None:
        return f"CuPy is not installed (the extra `emulation` installs version {CUPY_VERSION})"
    for package in ("cupy-cuda13x", "cupy-cuda12x"):
        try:
            found = version(package)
        except PackageNotFoundError:
            continue
        if found == CUPY_VERSION:
            return None
        return f"the emulation is written for CuPy {CUPY_VERSION}, found {found}"
    return f"CuPy is neither cupy-cuda13x nor cupy-cuda12x {CUPY_VERSION}"


def is_wanted() -> bool:
    """Whether this process was started to run on the emulated GPU."""
    return os.environ.get(SWITCH) == "1"


def activate() -> None:
    """Replace the driver, the compiler and cuBLAS. Call it before anything imports CuPy.

    With SIMT_NO_POOL in the environment every array is an allocation of its own: the address sanitizer (SIMT_FLAGS,
    see build.py) then sees the smallest step beyond one.
    """
    if _kept:
        return
    os.environ.setdefault("CUPY_ACCELERATORS", "")  # no CUB: it is compiled device code
    os.environ["CUPY_CACHE_IN_MEMORY"] = "1"
    os.environ.pop("CUPY_TF32", None)
    _kept.append(_replace_driver())
    _kept.append(ctypes.CDLL(str(cublas_library()), ctypes.RTLD_GLOBAL))
    libs = importlib.import_module("cupy_backends.cuda.libs")
    libs.cublas = importlib.import_module("cupy_backends.cuda.libs.cublas")  # type: ignore[attr-defined]
    _replace_compiler()
    if os.environ.get("SIMT_NO_POOL"):
        importlib.import_module("cupy").cuda.set_allocator(None)


def _replace_driver() -> ctypes.CDLL:
    runtime = importlib.import_module("cupy_backends.cuda.api.runtime")
    driver = importlib.import_module("cupy_backends.cuda.api.driver")
    library = ctypes.CDLL(str(driver_library()))
    python = ctypes.pythonapi
    python.PyCapsule_New.restype = ctypes.py_object
    python.PyCapsule_New.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    python.PyCapsule_GetName.restype = ctypes.c_char_p
    python.PyCapsule_GetName.argtypes = [ctypes.py_object]
    for module, tag in ((runtime, "runtime"), (driver, "driver")):
        for name, capsule in list(module.__pyx_capi__.items()):
            function = getattr(library, f"cpu_{tag}_{name}", None)
            if function is None:
                continue
            signature = python.PyCapsule_GetName(capsule)
            _kept.append(signature)
            address = ctypes.cast(function, ctypes.c_void_p).value
            module.__pyx_capi__[name] = python.PyCapsule_New(address, signature, None)
    _replace_python_functions(runtime, library)
    return library


def _replace_python_functions(runtime: Any, library: ctypes.CDLL) -> None:
    """The same functions as Python code calls them: those do not go through capsules."""
    properties = {
        "name": b"emulated GPU", "warpSize": 32, "maxThreadsPerBlock": 1024, "multiProcessorCount": 2,
        "major": 9, "minor": 0, "totalGlobalMem": 8 << 30, "sharedMemPerBlock": 49152,
    }  # fmt: skip
    runtime.getDeviceCount = lambda: 1
    runtime.getDevice = lambda: 0
    runtime.setDevice = lambda device: None
    runtime.runtimeGetVersion = runtime.driverGetVersion = lambda: 13020
    runtime.memGetInfo = lambda: (8 << 30, 8 << 30)
    runtime.deviceGetAttribute = lambda attribute, device: library.cpu_runtime_deviceGetAttribute(attribute, device, 0)
    runtime.getDeviceProperties = lambda device: properties
    waits = ctypes.c_longlong.in_dll(library, "emulated_waits")

    def wait(*ignored: Any) -> None:
        waits.value += 1

    runtime.deviceSynchronize = runtime.streamSynchronize = wait


def _replace_compiler() -> None:
    from cupy.cuda import compiler

    def compile_on_host(source: str, options: Any = (), *ignored: Any, **also_ignored: Any) -> tuple[bytes, None]:
        captured[source] = tuple(options)
        keep(source, tuple(options))
        try:
            return str(kernel_library(source, tuple(options))).encode(), None
        except BuildError as error:
            raise compiler.CompileException(str(error), source, "kernel", options, "g++") from None

    compiler._compile_using_nvrtc_no_warning = compiler.compile_using_nvrtc = compile_on_host
    compiler._preprocess = lambda *ignored, **also_ignored: ""
    compiler._get_nvrtc_version = lambda: (13, 2)


def counters() -> dict[str, int]:
    """How often, so far, data went up or down, the host waited, kernels were launched, pinned memory was made."""
    library = next(item for item in _kept if isinstance(item, ctypes.CDLL))
    names = ("uploads", "downloads", "waits", "launches", "pinned")
    return {name: ctypes.c_longlong.in_dll(library, f"emulated_{name}").value for name in names}


def cublas_modes() -> tuple[int, int]:
    """(math mode, compute type) that cuBLAS was last asked for."""
    library = [item for item in _kept if isinstance(item, ctypes.CDLL)][1]
    names = ("emulated_math_mode", "emulated_compute_type")
    mode, compute = (ctypes.c_int.in_dll(library, name).value for name in names)
    return mode, compute
