// Precompiled once: the execution model and the headers that nearly every kernel of CuPy includes.
#pragma once
#include "simt.h"
#include <cupy/complex.cuh>
#include <cupy/carray.cuh>
#include <cupy/atomics.cuh>
#include <cupy/math_constants.h>
#include <cupy/float16.cuh>
inline half __ushort_as_half(unsigned short bits) { __half_raw raw = {bits}; return half(raw); }
