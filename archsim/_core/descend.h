/* Exact descent of one column of a crossbar matrix. */
#ifndef ARCHSIM_DESCEND_H
#define ARCHSIM_DESCEND_H

#include "native.h"

/* w[j] -= (rate d[v]) x[v][j], one v after the other, for one column of the matrix; d has the stride outputs. */
ALWAYS void descend_rows(float *w, const float *x, const float *d, ptrdiff_t outputs, ptrdiff_t inputs,
                            ptrdiff_t vectors, float rate, const int rows) {
  native_t ws[4];
  UNROLL for (int c = 0; c < rows; c++) ws[c] = load_native(w + c * NATIVE);
  for (ptrdiff_t v = 0; v < vectors; v++) {
    const float factor = rate * d[v * outputs];
    UNROLL for (int c = 0; c < rows; c++) ws[c] -= factor * load_native(x + v * inputs + c * NATIVE);
  }
  UNROLL for (int c = 0; c < rows; c++) store_native(w + c * NATIVE, ws[c]);
}

static inline void descend_column(float *w, const float *x, const float *d, ptrdiff_t outputs, ptrdiff_t inputs,
                               ptrdiff_t vectors, float rate) {
  ptrdiff_t j = 0;
  for (; j + 4 * NATIVE <= inputs; j += 4 * NATIVE)
    descend_rows(w + j, x + j, d, outputs, inputs, vectors, rate, 4);
  for (; j + NATIVE <= inputs; j += NATIVE) descend_rows(w + j, x + j, d, outputs, inputs, vectors, rate, 1);
  for (; j < inputs; j++)
    for (ptrdiff_t v = 0; v < vectors; v++) w[j] -= (rate * d[v * outputs]) * x[v * inputs + j];
}
#endif
