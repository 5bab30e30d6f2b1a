// Runs CUDA C++ kernels on the host: a kernel becomes a function that loops over blocks and threads.
//
// A kernel without barriers is called once for each thread. A kernel with __syncthreads() needs all threads of a
// block half done at once: each then runs on a stack of its own (a fibre) and hands control back at each barrier.
//
//   SIMT_REVERSE=1 (environment)      threads and blocks in reverse order: results must not depend on it
//   -DSIMT_THREADS -fsanitize=thread  two host threads share the threads of a block: finds unprotected writes
#pragma once
#include <cassert>
#include <cfloat>
#include <climits>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <csetjmp>
#include <type_traits>
#include <utility>
#include <vector>
#include <ucontext.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef SIMT_THREADS
#include <thread>
#define SIMT_LOCAL thread_local
#else
#define SIMT_LOCAL
#endif

#define __global__
#define __device__
#define __host__
#define __constant__ static
#define __shared__ static
#define __forceinline__ inline
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __restrict__ __restrict
#define __align__(n) __attribute__((aligned(n)))

struct uint3 { unsigned x, y, z; };
struct dim3 { unsigned x = 1, y = 1, z = 1; };
static SIMT_LOCAL uint3 threadIdx, blockIdx;
static dim3 blockDim, gridDim;
static const int warpSize = 32;

namespace simt {

enum State : char { READY, AT_WARP_BARRIER, AT_BLOCK_BARRIER, FINISHED };

static const size_t STACK_BYTES = 64 << 10;
static std::vector<char> shared_memory, stacks;
static char *dynamic_shared;  // what `extern __shared__` arrays point to
static std::vector<ucontext_t> contexts;
static std::vector<State> states;
static std::vector<char> started;
static jmp_buf scheduler, *resume_points;
static unsigned current;
static void (*body)();
static bool reversed;

inline unsigned place(unsigned k, unsigned count) { return reversed ? count - 1 - k : k; }

inline void become(unsigned t) {
  threadIdx = {t % blockDim.x, t / blockDim.x % blockDim.y, t / (blockDim.x * blockDim.y)};
}

#ifdef __SANITIZE_ADDRESS__  // switches that are announced: the sanitizer must know which stack is in use
static ucontext_t host;
static const void *host_stack;
static size_t host_bytes;

static void fibre() {
  __sanitizer_finish_switch_fiber(nullptr, &host_stack, &host_bytes);
  body();
  states[current] = FINISHED;
  __sanitizer_start_switch_fiber(nullptr, host_stack, host_bytes);
  setcontext(&host);
}

static void resume(unsigned t) {
  current = t;
  become(t);
  states[t] = READY;
  void *frames;
  __sanitizer_start_switch_fiber(&frames, &stacks[t * STACK_BYTES], STACK_BYTES);
  swapcontext(&host, &contexts[t]);
  __sanitizer_finish_switch_fiber(frames, nullptr, nullptr);
}

static void wait(State why) {
  unsigned me = current;
  states[me] = why;
  void *frames;
  __sanitizer_start_switch_fiber(&frames, host_stack, host_bytes);
  swapcontext(&contexts[me], &host);
  __sanitizer_finish_switch_fiber(frames, &host_stack, &host_bytes);
}
#else
static void fibre() {
  body();
  states[current] = FINISHED;
  _longjmp(scheduler, 1);
}

static void resume(unsigned t) {
  current = t;
  become(t);
  states[t] = READY;
  if (_setjmp(scheduler)) return;
  if (started[t]) _longjmp(resume_points[t], 1);
  started[t] = 1;
  setcontext(&contexts[t]);
}

static void wait(State why) {
  unsigned me = current;
  states[me] = why;
  if (!_setjmp(resume_points[me])) _longjmp(scheduler, 1);
}
#endif

static void prepare_fibres(unsigned count) {
  if (contexts.size() < count) {
    contexts.resize(count);
    stacks.resize(count * STACK_BYTES);
    resume_points = (jmp_buf *)realloc(resume_points, count * sizeof(jmp_buf));
  }
#ifdef __SANITIZE_ADDRESS__
  ASAN_UNPOISON_MEMORY_REGION(stacks.data(), stacks.size());  // what the last kernel's frames left
#endif
  states.assign(count, READY);
  started.assign(count, 0);
  for (unsigned t = 0; t < count; ++t) {
    getcontext(&contexts[t]);
    contexts[t].uc_stack.ss_sp = &stacks[t * STACK_BYTES];
    contexts[t].uc_stack.ss_size = STACK_BYTES;
    makecontext(&contexts[t], fibre, 0);
  }
}

// Runs the threads of a warp until each is at a block barrier or finished.
static void run_warp(unsigned first, unsigned size) {
  for (bool again = true; again;) {
    again = false;
    for (unsigned k = 0; k < size; ++k) {
      unsigned t = first + place(k, size);
      if (states[t] == READY || states[t] == AT_WARP_BARRIER) resume(t);
      if (states[t] == AT_WARP_BARRIER) again = true;
    }
  }
}

static void run_block_with_barriers(unsigned count) {
  prepare_fibres(count);
  unsigned warps = (count + 31) / 32;
  for (unsigned unfinished = count; unfinished;) {
    for (unsigned k = 0; k < warps; ++k) {
      unsigned first = place(k, warps) * 32;
      run_warp(first, first + 32 < count ? 32 : count - first);
    }
    unsigned waiting = 0;
    unfinished = 0;
    for (unsigned t = 0; t < count; ++t) {
      if (states[t] != FINISHED) ++unfinished;
      if (states[t] == AT_BLOCK_BARRIER) { ++waiting; states[t] = READY; }
    }
    if (waiting && waiting != count) {
      fprintf(stderr, "emulated GPU: only %u of %u threads reached __syncthreads()\n", waiting, count);
      abort();
    }
  }
}

#ifdef SIMT_THREADS
static void run_on_two_host_threads(unsigned blocks, unsigned count, const unsigned *grid) {
  auto half = [&](unsigned first) {
    for (unsigned i = 0; i < blocks; ++i) {
      blockIdx = {i % grid[0], i / grid[0] % grid[1], i / (grid[0] * grid[1])};
      for (unsigned t = first; t < count; t += 2) { become(t); body(); }
    }
  };
  std::thread second(half, 1u);
  half(0u);
  second.join();
}
#endif

template <class F> static void launch(bool barriers, const unsigned *grid, const unsigned *block, size_t bytes, F f) {
  static F *kernel;
  kernel = &f;
  body = [] { (*kernel)(); };
  gridDim = {grid[0], grid[1], grid[2]};
  blockDim = {block[0], block[1], block[2]};
  unsigned count = block[0] * block[1] * block[2], blocks = grid[0] * grid[1] * grid[2];
  if (!count || count > 1024 || !blocks || bytes > 48 * 1024) {
    fprintf(stderr, "emulated GPU: launch of %u blocks of %u threads with %zu bytes\n", blocks, count, bytes);
    abort();
  }
  reversed = getenv("SIMT_REVERSE") != nullptr;
#ifdef SIMT_THREADS
  if (!barriers) return run_on_two_host_threads(blocks, count, grid);
#endif
  for (unsigned k = 0; k < blocks; ++k) {
    unsigned i = place(k, blocks);
    shared_memory.assign(bytes + 64, (char)0xA5);  // a new block finds rubbish there
    dynamic_shared = shared_memory.data() + (64 - (uintptr_t)shared_memory.data() % 64) % 64;
    blockIdx = {i % grid[0], i / grid[0] % grid[1], i / (grid[0] * grid[1])};
    if (barriers) { run_block_with_barriers(count); continue; }
    for (unsigned t = 0; t < count; ++t) { become(place(t, count)); body(); }
  }
}

template <class... P, size_t... I>
static void invoke(void (*kernel)(P...), void **arguments, std::index_sequence<I...>) {
  kernel(*(std::remove_reference_t<P> *)arguments[I]...);
}
template <class... P> static void call(void (*kernel)(P...), void **arguments) {
  invoke(kernel, arguments, std::index_sequence_for<P...>{});
}

}  // namespace simt

// The entry that the emulated driver finds and calls.
#define SIMT_EXPORT(NAME, BARRIERS) \
  extern "C" void __simt_##NAME(void **arguments, const unsigned *grid, const unsigned *block, size_t bytes) { \
    simt::launch(BARRIERS, grid, block, bytes, [=] { simt::call(&::NAME, arguments); }); }

static inline void __syncthreads() { simt::wait(simt::AT_BLOCK_BARRIER); }
static inline void __syncwarp(unsigned = ~0u) { simt::wait(simt::AT_WARP_BARRIER); }
static inline void __threadfence() {}
template <class T> static inline T __ldg(const T *p) { return *p; }

// ---- atomics: real ones, so that the thread sanitizer sees what a GPU would do
template <class T> static inline T simt_atomic_add(T *p, T v) {
  T before, after;
  __atomic_load(p, &before, __ATOMIC_SEQ_CST);
  do after = before + v;
  while (!__atomic_compare_exchange(p, &before, &after, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
  return before;
}
#define SIMT_ATOMIC_ADD(T) static inline T atomicAdd(T *p, T v) { return simt_atomic_add(p, v); }
#define SIMT_ATOMIC_INTEGER(T) SIMT_ATOMIC_ADD(T) \
  static inline T atomicExch(T *p, T v) { return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST); } \
  static inline T atomicMax(T *p, T v) { T o = *p; *p = o > v ? o : v; return o; } \
  static inline T atomicMin(T *p, T v) { T o = *p; *p = o < v ? o : v; return o; } \
  static inline T atomicCAS(T *p, T c, T v) { \
    __atomic_compare_exchange_n(p, &c, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); return c; }
SIMT_ATOMIC_ADD(float) SIMT_ATOMIC_ADD(double)
SIMT_ATOMIC_INTEGER(int) SIMT_ATOMIC_INTEGER(unsigned) SIMT_ATOMIC_INTEGER(unsigned long long)

// ---- built-in functions of CUDA C++ that CuPy's headers and kernels call
template <class D, class S> static inline D simt_bits(S s) {
  static_assert(sizeof(D) == sizeof(S), "the same size");
  D d;
  memcpy(&d, &s, sizeof d);
  return d;
}
static inline int __float_as_int(float x) { return simt_bits<int>(x); }
static inline unsigned __float_as_uint(float x) { return simt_bits<unsigned>(x); }
static inline float __int_as_float(int x) { return simt_bits<float>(x); }
static inline float __uint_as_float(unsigned x) { return simt_bits<float>(x); }
static inline long long __double_as_longlong(double x) { return simt_bits<long long>(x); }
static inline double __longlong_as_double(long long x) { return simt_bits<double>(x); }
static inline unsigned short __float2half_rn(float x) { return simt_bits<unsigned short>((_Float16)x); }
static inline float __half2float(unsigned short h) { return (float)simt_bits<_Float16>(h); }
static inline float rsqrtf(float x) { return 1.f / sqrtf(x); }
static inline float rsqrt(float x) { return 1.f / sqrtf(x); }
static inline double rsqrt(double x) { return 1. / sqrt(x); }
static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
static inline int __clz(int x) { return x ? __builtin_clz(x) : 32; }
static inline int __clzll(long long x) { return x ? __builtin_clzll(x) : 64; }
static inline int __ffs(int x) { return __builtin_ffs(x); }
using std::abs;  // of C only the one for int would be seen
using std::isfinite;
using std::isinf;
using std::isnan;
using std::signbit;
#define SIMT_MIN_MAX(T) \
  static inline T min(T a, T b) { return b < a ? b : a; } \
  static inline T max(T a, T b) { return a < b ? b : a; }
SIMT_MIN_MAX(int) SIMT_MIN_MAX(unsigned) SIMT_MIN_MAX(long) SIMT_MIN_MAX(unsigned long)
SIMT_MIN_MAX(long long) SIMT_MIN_MAX(unsigned long long)
static inline float min(float a, float b) { return fminf(a, b); }
static inline float max(float a, float b) { return fmaxf(a, b); }
static inline double min(double a, double b) { return fmin(a, b); }
static inline double max(double a, double b) { return fmax(a, b); }

struct half;
half __ushort_as_half(unsigned short);  // defined after CuPy's float16.cuh, which declares half
template <class H> static inline unsigned short __half_as_ushort(const H &h) {
  static_assert(sizeof(H) == 2, "a half");
  unsigned short s;
  memcpy(&s, &h, 2);
  return s;
}
