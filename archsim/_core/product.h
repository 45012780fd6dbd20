/* Exact products of a crossbar matrix and a block of vectors, in an order of additions that depends on nothing.
 *
 * A BLAS picks its order by processor, version and batch, and packs the whole matrix for every call, which costs more
 * than the product itself at the batches of training. Here forward sums run over 16 interleaved partial sums that are
 * added pairwise at the end, and transposed sums run from the first output to the last; so a vector's product has the
 * same bits on every instruction set and in every block. No fused multiply-adds: not every processor has them.
 */
#ifndef ARCHSIM_PRODUCT_H
#define ARCHSIM_PRODUCT_H

#include <stddef.h>
#include <string.h>

#if defined(__AVX512F__)
#define NATIVE 16
#elif defined(__AVX__)
#define NATIVE 8
#else
#define NATIVE 4
#endif
#define STRIP 16
#define PARTS (STRIP / NATIVE)
#define ROWS 4

typedef float native_t __attribute__((vector_size(4 * NATIVE)));
typedef float loose_t __attribute__((vector_size(4 * NATIVE), aligned(4), may_alias));

#define ALWAYS static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

ALWAYS native_t load_native(const float *p) { return *(const loose_t *)p; }

ALWAYS void store_native(float *p, native_t v) { *(loose_t *)p = v; }

ALWAYS float pairwise_sum(const float *s) {
  float t[STRIP / 2];
  for (int l = 0; l < STRIP / 2; l++) t[l] = s[l] + s[l + STRIP / 2];
  for (int l = 0; l < 4; l++) t[l] += t[l + 4];
  return (t[0] + t[2]) + (t[1] + t[3]);
}

/* y[r] = sum over j of w[r][j] x[j] for a few consecutive rows. */
ALWAYS void dots(const float *w, const float *x, float *y, ptrdiff_t n, const int rows) {
  native_t sum[ROWS][PARTS];
  ptrdiff_t j = 0;
  UNROLL for (int r = 0; r < rows; r++) UNROLL for (int p = 0; p < PARTS; p++) sum[r][p] = (native_t){0};
  for (; j + STRIP <= n; j += STRIP) {
    UNROLL for (int p = 0; p < PARTS; p++) {
      const native_t xs = load_native(x + j + p * NATIVE);
      UNROLL for (int r = 0; r < rows; r++) sum[r][p] += load_native(w + r * n + j + p * NATIVE) * xs;
    }
  }
  if (j < n) {
    float xs[STRIP] = {0}, ws[ROWS][STRIP] = {{0}};
    memcpy(xs, x + j, (size_t)(n - j) * sizeof(float));
    UNROLL for (int r = 0; r < rows; r++) {
      memcpy(ws[r], w + r * n + j, (size_t)(n - j) * sizeof(float));
      UNROLL for (int p = 0; p < PARTS; p++)
          sum[r][p] += load_native(ws[r] + p * NATIVE) * load_native(xs + p * NATIVE);
    }
  }
  UNROLL for (int r = 0; r < rows; r++) {
    float s[STRIP];
    UNROLL for (int p = 0; p < PARTS; p++) store_native(s + p * NATIVE, sum[r][p]);
    y[r] = pairwise_sum(s);
  }
}

/* y[v][i] = sum over j of w[i][j] x[v][j], vectors of x `stride` apart. Fastest where rows begin at a cache line. */
static inline void product_forward(const float *w, const float *x, float *y, ptrdiff_t outputs, ptrdiff_t inputs,
                                   ptrdiff_t vectors, ptrdiff_t stride) {
  ptrdiff_t i = 0;
  for (; i + ROWS <= outputs; i += ROWS)
    for (ptrdiff_t v = 0; v < vectors; v++)
      dots(w + i * inputs, x + v * stride, y + v * outputs + i, inputs, ROWS);
  for (; i < outputs; i++)
    for (ptrdiff_t v = 0; v < vectors; v++) dots(w + i * inputs, x + v * stride, y + v * outputs + i, inputs, 1);
}

/* g[v][j] = sum over i of w[i][j] d[v][i] for a few vectors and columns */
ALWAYS void column_sums(const float *w, const float *d, float *g, ptrdiff_t outputs, ptrdiff_t inputs,
                        ptrdiff_t stride, const int vectors, const int columns) {
  native_t sum[3][4];
  UNROLL for (int v = 0; v < vectors; v++) UNROLL for (int c = 0; c < columns; c++) sum[v][c] = (native_t){0};
  for (ptrdiff_t i = 0; i < outputs; i++) {
    UNROLL for (int c = 0; c < columns; c++) {
      const native_t ws = load_native(w + i * inputs + c * NATIVE);
      UNROLL for (int v = 0; v < vectors; v++) sum[v][c] += ws * d[v * stride + i];
    }
  }
  UNROLL for (int v = 0; v < vectors; v++) UNROLL for (int c = 0; c < columns; c++)
      store_native(g + v * inputs + c * NATIVE, sum[v][c]);
}

ALWAYS void column_strip(const float *w, const float *d, float *g, ptrdiff_t outputs, ptrdiff_t inputs,
                         ptrdiff_t vectors, ptrdiff_t stride, const int columns) {
  ptrdiff_t v = 0;
  for (; v + 3 <= vectors; v += 3)
    column_sums(w, d + v * stride, g + v * inputs, outputs, inputs, stride, 3, columns);
  for (; v < vectors; v++) column_sums(w, d + v * stride, g + v * inputs, outputs, inputs, stride, 1, columns);
}

/* g[v][j] = sum over i of w[i][j] d[v][i], vectors of d `stride` apart */
static inline void product_transposed(const float *w, const float *d, float *g, ptrdiff_t outputs, ptrdiff_t inputs,
                                      ptrdiff_t vectors, ptrdiff_t stride) {
  ptrdiff_t j = 0;
  for (; j + 4 * NATIVE <= inputs; j += 4 * NATIVE) column_strip(w + j, d, g + j, outputs, inputs, vectors, stride, 4);
  for (; j + NATIVE <= inputs; j += NATIVE) column_strip(w + j, d, g + j, outputs, inputs, vectors, stride, 1);
  for (; j < inputs; j++)
    for (ptrdiff_t v = 0; v < vectors; v++) {
      float sum = 0.0f;
      for (ptrdiff_t i = 0; i < outputs; i++) sum += w[i * inputs + j] * d[v * stride + i];
      g[v * inputs + j] = sum;
    }
}

/* w[j] -= (rate d[v]) x[v][j], one v after the other, for one row of the matrix; d has the stride outputs. */
ALWAYS void descend_columns(float *w, const float *x, const float *d, ptrdiff_t outputs, ptrdiff_t inputs,
                            ptrdiff_t vectors, float rate, const int columns) {
  native_t ws[4];
  UNROLL for (int c = 0; c < columns; c++) ws[c] = load_native(w + c * NATIVE);
  for (ptrdiff_t v = 0; v < vectors; v++) {
    const float factor = rate * d[v * outputs];
    UNROLL for (int c = 0; c < columns; c++) ws[c] -= factor * load_native(x + v * inputs + c * NATIVE);
  }
  UNROLL for (int c = 0; c < columns; c++) store_native(w + c * NATIVE, ws[c]);
}

static inline void descend_row(float *w, const float *x, const float *d, ptrdiff_t outputs, ptrdiff_t inputs,
                               ptrdiff_t vectors, float rate) {
  ptrdiff_t j = 0;
  for (; j + 4 * NATIVE <= inputs; j += 4 * NATIVE)
    descend_columns(w + j, x + j, d, outputs, inputs, vectors, rate, 4);
  for (; j + NATIVE <= inputs; j += NATIVE) descend_columns(w + j, x + j, d, outputs, inputs, vectors, rate, 1);
  for (; j < inputs; j++)
    for (ptrdiff_t v = 0; v < vectors; v++) w[j] -= (rate * d[v * outputs]) * x[v * inputs + j];
}
#endif
