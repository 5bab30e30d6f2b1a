// The part of cuBLAS that CuPy's matmul reaches: column-major products of real matrices, by plain loops with double
// accumulators. Every other function exists (build.py adds it) and answers CUBLAS_STATUS_NOT_SUPPORTED.
#include <cstddef>

extern "C" {

int emulated_math_mode;  // what cublasSetMathMode set last: tests check that TF32 is not asked for unbidden
int emulated_compute_type = -1;

}

enum { INVALID_VALUE = 7, NOT_SUPPORTED = 15 };
enum { FLOAT = 0, DOUBLE = 1 };  // cudaDataType_t

static double load(const void *p, long i, int type) { return type == FLOAT ? ((const float *)p)[i] : ((const double *)p)[i]; }
static void store(void *p, long i, int type, double v) {
  if (type == FLOAT) ((float *)p)[i] = (float)v; else ((double *)p)[i] = v;
}

static int gemm(int ta, int tb, int m, int n, int k, double alpha, const void *a, int lda, const void *b, int ldb,
                double beta, void *c, int ldc, int type) {
  if (m < 0 || n < 0 || k < 0 || lda < (ta ? k : m) || ldb < (tb ? n : k) || ldc < m || lda < 1 || ldb < 1 || ldc < 1)
    return INVALID_VALUE;
  for (int j = 0; j < n; ++j)
    for (int i = 0; i < m; ++i) {
      double sum = 0;
      for (int l = 0; l < k; ++l)
        sum += load(a, ta ? l + (long)i * lda : i + (long)l * lda, type) *
               load(b, tb ? j + (long)l * ldb : l + (long)j * ldb, type);
      long at = i + (long)j * ldc;
      store(c, at, type, alpha * sum + (beta == 0 ? 0 : beta * load(c, at, type)));
    }
  return 0;
}

#define PRODUCTS(P, T, TYPE) \
  int cublas##P##gemm_v2(void *, int ta, int tb, int m, int n, int k, const T *alpha, const T *a, int lda, const T *b, \
                         int ldb, const T *beta, T *c, int ldc) { \
    return gemm(ta, tb, m, n, k, *alpha, a, lda, b, ldb, *beta, c, ldc, TYPE); } \
  int cublas##P##gemmBatched(void *, int ta, int tb, int m, int n, int k, const T *alpha, const T **a, int lda, \
                             const T **b, int ldb, const T *beta, T **c, int ldc, int count) { \
    int status = 0; \
    for (int i = 0; i < count; ++i) \
      status |= gemm(ta, tb, m, n, k, *alpha, a[i], lda, b[i], ldb, *beta, c[i], ldc, TYPE); \
    return status; } \
  int cublas##P##gemmStridedBatched(void *, int ta, int tb, int m, int n, int k, const T *alpha, const T *a, int lda, \
                                    long long sa, const T *b, int ldb, long long sb, const T *beta, T *c, int ldc, \
                                    long long sc, int count) { \
    int status = 0; \
    for (int i = 0; i < count; ++i) \
      status |= gemm(ta, tb, m, n, k, *alpha, a + i * sa, lda, b + i * sb, ldb, *beta, c + i * sc, ldc, TYPE); \
    return status; } \
  int cublas##P##gemv_v2(void *, int ta, int m, int n, const T *alpha, const T *a, int lda, const T *x, int incx, \
                         const T *beta, T *y, int incy) { \
    int rows = ta ? n : m, length = ta ? m : n; \
    for (int i = 0; i < rows; ++i) { \
      double sum = 0; \
      for (int l = 0; l < length; ++l) sum += (double)a[ta ? l + (long)i * lda : i + (long)l * lda] * x[(long)l * incx]; \
      y[(long)i * incy] = *alpha * sum + (*beta == 0 ? 0 : *beta * y[(long)i * incy]); } \
    return 0; } \
  int cublas##P##ger_v2(void *, int m, int n, const T *alpha, const T *x, int incx, const T *y, int incy, T *a, int lda) { \
    for (int j = 0; j < n; ++j) \
      for (int i = 0; i < m; ++i) a[i + (long)j * lda] += *alpha * x[(long)i * incx] * y[(long)j * incy]; \
    return 0; } \
  int cublas##P##dot_v2(void *, int n, const T *x, int incx, const T *y, int incy, T *result) { \
    double sum = 0; \
    for (int i = 0; i < n; ++i) sum += (double)x[(long)i * incx] * y[(long)i * incy]; \
    *result = sum; \
    return 0; }

static double scalar(const void *p, int type) { return type == DOUBLE ? *(const double *)p : *(const float *)p; }
static const int WIDTH[2] = {4, 8};

extern "C" {

PRODUCTS(S, float, FLOAT)
PRODUCTS(D, double, DOUBLE)

int cublasGemmEx(void *, int ta, int tb, int m, int n, int k, const void *alpha, const void *a, int at, int lda,
                 const void *b, int bt, int ldb, const void *beta, void *c, int ct, int ldc, int compute, int) {
  if (at > DOUBLE || bt != at || ct != at) return NOT_SUPPORTED;
  emulated_compute_type = compute;
  return gemm(ta, tb, m, n, k, scalar(alpha, at), a, lda, b, ldb, scalar(beta, at), c, ldc, at);
}
int cublasGemmStridedBatchedEx(void *, int ta, int tb, int m, int n, int k, const void *alpha, const void *a, int at,
                               int lda, long long sa, const void *b, int bt, int ldb, long long sb, const void *beta,
                               void *c, int ct, int ldc, long long sc, int count, int compute, int) {
  if (at > DOUBLE || bt != at || ct != at) return NOT_SUPPORTED;
  emulated_compute_type = compute;
  int status = 0, w = WIDTH[at];
  for (int i = 0; i < count; ++i)
    status |= gemm(ta, tb, m, n, k, scalar(alpha, at), (const char *)a + i * sa * w, lda, (const char *)b + i * sb * w,
                   ldb, scalar(beta, at), (char *)c + i * sc * w, ldc, at);
  return status;
}

static int pointer_mode;
int cublasCreate_v2(void **handle) { *handle = (void *)0x77; return 0; }
int cublasDestroy_v2(void *) { return 0; }
int cublasGetVersion_v2(void *, int *version) { *version = 130200; return 0; }
int cublasSetStream_v2(void *, void *) { return 0; }
int cublasGetStream_v2(void *, void **stream) { *stream = nullptr; return 0; }
int cublasSetPointerMode_v2(void *, int mode) { pointer_mode = mode; return 0; }
int cublasGetPointerMode_v2(void *, int *mode) { *mode = pointer_mode; return 0; }
int cublasSetMathMode(void *, int mode) { emulated_math_mode = mode; return 0; }
int cublasGetMathMode(void *, int *mode) { *mode = emulated_math_mode; return 0; }
int cublasSetWorkspace_v2(void *, void *, size_t) { return 0; }

}  // extern "C"
