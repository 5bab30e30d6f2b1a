// Host functions in place of those that CuPy's modules import from cupy_backends.cuda.api.runtime and .driver.
// Signatures are those of CuPy 14.2.0. "Device memory" is ordinary memory, filled with 0xFF when allocated: a float
// that nobody wrote reads as NaN. Everything is synchronous; what would wait on a real GPU is counted.
#include <cstdio>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <dlfcn.h>

extern "C" {

// The little that is needed of Python's C interface, so that its headers need not be installed.
typedef struct _object PyObject;
extern PyObject _Py_NoneStruct;
extern PyObject *PyExc_RuntimeError;
void Py_IncRef(PyObject *);
void PyErr_SetString(PyObject *, const char *);
PyObject *PyErr_Format(PyObject *, const char *, ...);
PyObject *Py_BuildValue(const char *, ...);
char *PyBytes_AsString(PyObject *);
const char *PyUnicode_AsUTF8(PyObject *);

// ---- counters, read by emulated.counters()
long long emulated_uploads, emulated_downloads, emulated_waits, emulated_launches, emulated_pinned;

static PyObject *none() { Py_IncRef(&_Py_NoneStruct); return &_Py_NoneStruct; }
static PyObject *waited() { ++emulated_waits; return none(); }
static intptr_t handle() { static intptr_t last = 0x1000; return ++last; }

static intptr_t allocate(size_t bytes) {
  void *memory = nullptr;
  size_t rounded = bytes ? bytes : 1;
  if (posix_memalign(&memory, 512, rounded)) return 0;
  memset(memory, 0xFF, rounded);
  return (intptr_t)memory;
}

static PyObject *copy(intptr_t to, intptr_t from, size_t bytes, int kind) {
  if (kind == 1) ++emulated_uploads;    // cudaMemcpyHostToDevice
  if (kind == 2) ++emulated_downloads;  // cudaMemcpyDeviceToHost
  memmove((void *)to, (void *)from, bytes);
  return none();
}

#define RUNTIME(name) cpu_runtime_##name
#define DRIVER(name) cpu_driver_##name
#define SKIP int  // Cython's "skip dispatch" argument

// ---- devices
int RUNTIME(getDevice)(SKIP) { return 0; }
int RUNTIME(getDeviceCount)(SKIP) { return 1; }
int RUNTIME(driverGetVersion)(SKIP) { return 13020; }
int RUNTIME(runtimeGetVersion)(SKIP) { return 13020; }
int RUNTIME(deviceCanAccessPeer)(int, int, SKIP) { return 0; }
int RUNTIME(deviceGetAttribute)(int attribute, int, SKIP) {
  switch (attribute) {
    case 1: return 1024;         // threads in a block
    case 2: case 3: return 1024; // block size along x, y
    case 4: return 64;           // along z
    case 5: return 2147483647;   // grid size along x
    case 6: case 7: return 65535;
    case 8: return 49152;        // bytes of shared memory in a block
    case 10: return 32;          // warp size
    case 16: return 2;           // multiprocessors
    case 39: return 2048;        // threads in a multiprocessor
    case 75: return 9;           // compute capability 9.0
    default: return 0;
  }
}
PyObject *RUNTIME(setDevice)(int device, SKIP) {
  if (device == 0) return none();
  PyErr_SetString(PyExc_RuntimeError, "emulated GPU: there is only device 0");
  return nullptr;
}
PyObject *RUNTIME(_ensure_context)(void) { return none(); }
PyObject *RUNTIME(deviceSynchronize)(SKIP) { return waited(); }
PyObject *RUNTIME(memGetInfo)(SKIP) { return Py_BuildValue("(LL)", 8LL << 30, 8LL << 30); }
PyObject *RUNTIME(getDeviceProperties)(int, SKIP) {
  return Py_BuildValue("{s:y,s:i,s:i,s:i,s:i,s:i,s:L,s:i}", "name", "emulated GPU", "warpSize", 32,
                       "maxThreadsPerBlock", 1024, "multiProcessorCount", 2, "major", 9, "minor", 0,
                       "totalGlobalMem", 8LL << 30, "sharedMemPerBlock", 49152);
}

// ---- memory
intptr_t RUNTIME(malloc)(size_t bytes, SKIP) { return allocate(bytes); }
intptr_t RUNTIME(mallocManaged)(size_t bytes, SKIP, void *) { return allocate(bytes); }
intptr_t RUNTIME(mallocAsync)(size_t bytes, intptr_t, SKIP) { return allocate(bytes); }
intptr_t RUNTIME(hostAlloc)(size_t bytes, unsigned, SKIP) { ++emulated_pinned; return allocate(bytes); }
PyObject *RUNTIME(free)(intptr_t p, SKIP) { free((void *)p); return none(); }
PyObject *RUNTIME(freeAsync)(intptr_t p, intptr_t, SKIP) { free((void *)p); return none(); }
PyObject *RUNTIME(freeHost)(intptr_t p, SKIP) { free((void *)p); return none(); }
PyObject *RUNTIME(memcpy)(intptr_t to, intptr_t from, size_t n, int kind, SKIP) {
  if (kind != 3) ++emulated_waits;  // a plain copy between host and device waits, one on the device does not
  return copy(to, from, n, kind);
}
PyObject *RUNTIME(memcpyAsync)(intptr_t to, intptr_t from, size_t n, int kind, intptr_t, SKIP) {
  return copy(to, from, n, kind);
}
PyObject *RUNTIME(memset)(intptr_t p, int v, size_t n, SKIP) { memset((void *)p, v, n); return none(); }
PyObject *RUNTIME(memsetAsync)(intptr_t p, int v, size_t n, intptr_t, SKIP) { memset((void *)p, v, n); return none(); }
int RUNTIME(pointerGetMemoryType)(intptr_t, SKIP) { return 0; }

// ---- streams and events
int RUNTIME(streamIsCapturing)(intptr_t, SKIP) { return 0; }
intptr_t RUNTIME(streamCreate)(SKIP) { return handle(); }
intptr_t RUNTIME(streamCreateWithFlags)(unsigned, SKIP) { return handle(); }
intptr_t RUNTIME(streamCreateWithPriority)(unsigned, int, SKIP) { return handle(); }
PyObject *RUNTIME(streamDestroy)(intptr_t, SKIP) { return none(); }
PyObject *RUNTIME(streamSynchronize)(intptr_t, SKIP) { return waited(); }
PyObject *RUNTIME(streamQuery)(intptr_t, SKIP) { return none(); }
PyObject *RUNTIME(streamWaitEvent)(intptr_t, intptr_t, SKIP, void *) { return none(); }
intptr_t RUNTIME(eventCreate)(SKIP) { return (intptr_t)calloc(1, sizeof(double)); }
intptr_t RUNTIME(eventCreateWithFlags)(unsigned, SKIP) { return (intptr_t)calloc(1, sizeof(double)); }
PyObject *RUNTIME(eventDestroy)(intptr_t event, SKIP) { free((void *)event); return none(); }
PyObject *RUNTIME(eventRecord)(intptr_t event, intptr_t, SKIP) {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  *(double *)event = now.tv_sec * 1e3 + now.tv_nsec * 1e-6;
  return none();
}
PyObject *RUNTIME(eventSynchronize)(intptr_t, SKIP) { return waited(); }
PyObject *RUNTIME(eventQuery)(intptr_t, SKIP) { return none(); }
float RUNTIME(eventElapsedTime)(intptr_t start, intptr_t stop, SKIP) { return *(double *)stop - *(double *)start; }

// ---- modules and launches: a "cubin" is the path of a shared library
typedef void (*kernel_t)(void **, const unsigned *, const unsigned *, size_t);
intptr_t DRIVER(moduleLoadData)(PyObject *image, SKIP) {
  void *library = dlopen(PyBytes_AsString(image), RTLD_NOW | RTLD_LOCAL);
  if (!library) PyErr_SetString(PyExc_RuntimeError, dlerror());
  return (intptr_t)library;
}
PyObject *DRIVER(moduleUnload)(intptr_t, SKIP) { return none(); }
intptr_t DRIVER(moduleGetFunction)(intptr_t library, PyObject *name, SKIP) {
  char symbol[512];
  snprintf(symbol, sizeof symbol, "__simt_%s", PyUnicode_AsUTF8(name));
  void *kernel = dlsym((void *)library, symbol);
  if (!kernel) PyErr_Format(PyExc_RuntimeError, "emulated GPU: no kernel %s", symbol);
  return (intptr_t)kernel;
}
PyObject *DRIVER(launchKernel)(intptr_t kernel, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
                               unsigned bz, unsigned shared, intptr_t, intptr_t arguments, intptr_t, SKIP) {
  unsigned grid[3] = {gx, gy, gz}, block[3] = {bx, by, bz};
  ++emulated_launches;
  ((kernel_t)kernel)((void **)arguments, grid, block, shared);
  return none();
}
intptr_t DRIVER(ctxGetCurrent)(SKIP) { return 1; }
int DRIVER(ctxGetDevice)(SKIP) { return 0; }
int DRIVER(funcGetAttribute)(int attribute, intptr_t, SKIP) { return attribute == 0 ? 1024 : 0; }
PyObject *DRIVER(funcSetAttribute)(intptr_t, int, int, SKIP) { return none(); }
int DRIVER(occupancyMaxActiveBlocksPerMultiprocessor)(intptr_t, int, size_t, SKIP) { return 8; }
PyObject *DRIVER(occupancyMaxPotentialBlockSize)(intptr_t, size_t, int, SKIP) { return Py_BuildValue("(ii)", 4, 256); }

}  // extern "C"
