/* Exact products of a crossbar matrix and a block of vectors, in an order of additions that depends on nothing.
 *
 * A BLAS picks its order by processor, version and batch. Here forward sums run over 16 interleaved partial sums that
 * are added pairwise at the end, and transposed sums run from the first output to the last; so a vector's product has
 * the same bits on every instruction set and in every block. No fused multiply-adds: not every processor has them.
 *
 * Vectors are strided and padded to whole strips, an input by zeros, a result by room for anything.
 */
#ifndef ARCHSIM_PRODUCT_H
#define ARCHSIM_PRODUCT_H

#include "native.h"

#define STRIP 16
#define PARTS (STRIP / NATIVE)

/* As many sums at a time as the registers hold beside what is multiplied. */
#if NATIVE == 16
#define TILE_ROWS 4
#define TILE_VECTORS 4
#define DEEP 8
#elif NATIVE == 8
#define TILE_ROWS 3
#define TILE_VECTORS 2
#define DEEP 6
#else
#define TILE_ROWS 3
#define TILE_VECTORS 1
#define DEEP 6
#endif

typedef float quarter_t __attribute__((vector_size(16)));

/* Sums l + 4 k of a row's 16 partial sums, l = 0..3: first those 8 apart, then those 4 apart. */
ALWAYS quarter_t fold(const native_t *part) {
#if NATIVE == 16
  const __m512 all = (__m512)part[0];
  const __m256 half = _mm256_add_ps(_mm512_castps512_ps256(all), _mm512_extractf32x8_ps(all, 1));
  return (quarter_t)_mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
#elif NATIVE == 8
  const __m256 half = (__m256)(part[0] + part[1]);
  return (quarter_t)_mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
#else
  return (part[0] + part[2]) + (part[1] + part[3]);
#endif
}

/* y[v][r] = sum over j of w[r][j] x[v][j] for a few rows and vectors; `next` is memory that is needed soon. */
ALWAYS void dots(const float *w, ptrdiff_t n, const float *x, ptrdiff_t x_stride, float *y, ptrdiff_t y_stride,
                 const float *next, const int rows, const int vectors) {
  native_t sum[TILE_ROWS + 1][TILE_VECTORS][PARTS];
  ptrdiff_t j = 0;
  UNROLL for (int r = 0; r < rows; r++) UNROLL for (int v = 0; v < vectors; v++)
      UNROLL for (int p = 0; p < PARTS; p++) sum[r][v][p] = (native_t){0};
  for (; j + STRIP <= n; j += STRIP) {
    UNROLL for (int p = 0; p < PARTS; p++) {
      native_t xs[TILE_VECTORS];
      UNROLL for (int v = 0; v < vectors; v++) xs[v] = load_native(x + v * x_stride + j + p * NATIVE);
      UNROLL for (int r = 0; r < rows; r++) {
        native_t ws = load_native(w + r * n + j + p * NATIVE);
        if (vectors > 1 && r + 1 < rows) ws = in_register(ws);
        UNROLL for (int v = 0; v < vectors; v++) sum[r][v][p] += ws * xs[v];
      }
    }
    if (vectors > 1) {
      __builtin_prefetch(next + j);
    } else {
      UNROLL for (int r = 0; r < rows; r++) __builtin_prefetch(next + r * n + j);
    }
  }
  UNROLL for (int p = 0; p < PARTS; p++) {
    const ptrdiff_t left = n - j - p * NATIVE;
    if (left <= 0) break;
    UNROLL for (int r = 0; r < rows; r++) {
      const native_t ws = load_some(w + r * n + j + p * NATIVE, left);
      UNROLL for (int v = 0; v < vectors; v++) sum[r][v][p] += ws * load_native(x + v * x_stride + j + p * NATIVE);
    }
  }
  UNROLL for (int v = 0; v < vectors; v++) UNROLL for (int r = 0; r < rows; r++) {
    const quarter_t q = fold(sum[r][v]);
    y[v * y_stride + r] = (q[0] + q[2]) + (q[1] + q[3]);
  }
}

/* All vectors with a few rows, which stay in the first-level cache while the next ones are fetched. */
ALWAYS void dot_rows(const float *w, ptrdiff_t n, const float *x, ptrdiff_t x_stride, float *y, ptrdiff_t y_stride,
                     ptrdiff_t vectors, const int rows) {
  ptrdiff_t v = 0;
#if TILE_VECTORS > 1
  for (ptrdiff_t row = rows; v + TILE_VECTORS <= vectors; v += TILE_VECTORS, row++)
    dots(w, n, x + v * x_stride, x_stride, y + v * y_stride, y_stride, row < 2 * rows ? w + row * n : w, rows,
         TILE_VECTORS);
#endif
  for (; v < vectors; v++) dots(w, n, x + v * x_stride, x_stride, y + v * y_stride, y_stride, w, rows, 1);
}

/* y[v][i] = sum over j of w[i][j] x[v][j] */
static void product_forward(const float *w, const float *x, ptrdiff_t x_stride, float *y, ptrdiff_t y_stride,
                            ptrdiff_t outputs, ptrdiff_t inputs, ptrdiff_t vectors) {
  ptrdiff_t i = 0;
  if (vectors == 1)
    for (; i + TILE_ROWS < outputs; i += TILE_ROWS + 1)
      dots(w + i * inputs, inputs, x, x_stride, y + i, y_stride, w + (i + TILE_ROWS + 1) * inputs, TILE_ROWS + 1, 1);
  for (; i + TILE_ROWS <= outputs; i += TILE_ROWS)
    dot_rows(w + i * inputs, inputs, x, x_stride, y + i, y_stride, vectors, TILE_ROWS);
  if (TILE_ROWS > 2 && i + 2 <= outputs) {
    dot_rows(w + i * inputs, inputs, x, x_stride, y + i, y_stride, vectors, 2);
    i += 2;
  }
  for (; i < outputs; i++) dot_rows(w + i * inputs, inputs, x, x_stride, y + i, y_stride, vectors, 1);
}

/* y[v][i] = sum over j of |w[i][j]| x[v][j]; `room` holds TILE_ROWS rows of x_stride. */
static void magnitudes_forward(const float *w, const float *x, ptrdiff_t x_stride, float *y, ptrdiff_t y_stride,
                               ptrdiff_t outputs, ptrdiff_t inputs, ptrdiff_t vectors, float *room) {
  for (ptrdiff_t i = 0; i < outputs; i += TILE_ROWS) {
    const ptrdiff_t rows = outputs - i < TILE_ROWS ? outputs - i : TILE_ROWS;
    for (ptrdiff_t r = 0; r < rows; r++) {
      const float *row = w + (i + r) * inputs;
      float *copy = room + r * x_stride;
      ptrdiff_t j = 0;
      for (; j + NATIVE <= inputs; j += NATIVE) store_native(copy + j, magnitudes(load_native(row + j)));
      for (; j < x_stride; j += NATIVE)
        store_native(copy + j, magnitudes(load_some(row + j, inputs > j ? inputs - j : 0)));
    }
    if (rows == TILE_ROWS)
      dot_rows(room, x_stride, x, x_stride, y + i, y_stride, vectors, TILE_ROWS);
    else
      for (ptrdiff_t r = 0; r < rows; r++)
        dot_rows(room + r * x_stride, x_stride, x, x_stride, y + i + r, y_stride, vectors, 1);
  }
}

#define COLUMNS 2
#define WIDTH (COLUMNS * NATIVE)
#define PACKED 4096 /* weights of a packed strip: half of a first-level cache */
#define FEW 16      /* vectors that are worth packing */
#define BLOCK_ROWS 64
#define BLOCK_ROWS_ALONE 8
#define AHEAD 16 /* rows */

/* g[v][j] = sum over some i of w[i][j] d[v][i], added to what was there, for a few vectors and one strip of columns. */
ALWAYS void column_sums(const float *w, ptrdiff_t w_stride, const float *d, ptrdiff_t d_stride, float *g,
                        ptrdiff_t g_stride, ptrdiff_t rows, int first, const int vectors) {
  native_t sum[DEEP][COLUMNS];
  UNROLL for (int v = 0; v < vectors; v++) UNROLL for (int c = 0; c < COLUMNS; c++)
      sum[v][c] = first ? (native_t){0} : load_native(g + v * g_stride + c * NATIVE);
  for (ptrdiff_t i = 0; i < rows; i++) {
    native_t ws[COLUMNS];
    UNROLL for (int c = 0; c < COLUMNS; c++) ws[c] = load_native(w + i * w_stride + c * NATIVE);
    UNROLL for (int v = 0; v < vectors; v++) UNROLL for (int c = 0; c < COLUMNS; c++)
        sum[v][c] += ws[c] * d[v * d_stride + i];
  }
  UNROLL for (int v = 0; v < vectors; v++) UNROLL for (int c = 0; c < COLUMNS; c++)
      store_native(g + v * g_stride + c * NATIVE, sum[v][c]);
}

ALWAYS void strip_sums(const float *w, ptrdiff_t w_stride, const float *d, ptrdiff_t d_stride, float *g,
                       ptrdiff_t g_stride, ptrdiff_t rows, ptrdiff_t vectors, int first) {
  for (; vectors >= DEEP; vectors -= DEEP, d += DEEP * d_stride, g += DEEP * g_stride)
    column_sums(w, w_stride, d, d_stride, g, g_stride, rows, first, DEEP);
  for (; vectors >= 4; vectors -= 4, d += 4 * d_stride, g += 4 * g_stride)
    column_sums(w, w_stride, d, d_stride, g, g_stride, rows, first, 4);
  for (; vectors >= 2; vectors -= 2, d += 2 * d_stride, g += 2 * g_stride)
    column_sums(w, w_stride, d, d_stride, g, g_stride, rows, first, 2);
  if (vectors) column_sums(w, w_stride, d, d_stride, g, g_stride, rows, first, 1);
}

/* The same for a strip that is copied to consecutive lines first: rows a power of two apart share few cache sets. */
ALWAYS void packed_strip(const float *w, ptrdiff_t inputs, ptrdiff_t columns, const float *d, ptrdiff_t d_stride,
                         float *g, ptrdiff_t g_stride, ptrdiff_t rows, ptrdiff_t vectors, int first,
                         const int absolute) {
  float packed[PACKED] __attribute__((aligned(64)));
  for (ptrdiff_t i = 0; i < rows; i++) {
    UNROLL for (int c = 0; c < COLUMNS; c++) {
      native_t ws = {0};
      if (columns >= WIDTH)
        ws = load_native(w + i * inputs + c * NATIVE);
      else if (columns > c * NATIVE)
        ws = load_some(w + i * inputs + c * NATIVE, columns - c * NATIVE);
      store_native(packed + i * WIDTH + c * NATIVE, absolute ? magnitudes(ws) : ws);
    }
    __builtin_prefetch(w + (i + AHEAD) * inputs);
  }
  strip_sums(packed, WIDTH, d, d_stride, g, g_stride, rows, vectors, first);
}

/* The strips of all columns for a block of rows after the other. */
ALWAYS void transposed(const float *w, const float *d, ptrdiff_t d_stride, float *g, ptrdiff_t g_stride,
                       ptrdiff_t outputs, ptrdiff_t inputs, ptrdiff_t vectors, const ptrdiff_t block,
                       const int pack, const int absolute) {
  for (ptrdiff_t i = 0; i < outputs; i += block) {
    const ptrdiff_t rows = outputs - i < block ? outputs - i : block;
    ptrdiff_t j = 0;
    if (!pack)
      for (; j + WIDTH <= inputs; j += WIDTH)
        strip_sums(w + i * inputs + j, inputs, d + i, d_stride, g + j, g_stride, rows, vectors, i == 0);
    for (; j < inputs; j += WIDTH)
      packed_strip(w + i * inputs + j, inputs, inputs - j, d + i, d_stride, g + j, g_stride, rows, vectors, i == 0,
                   absolute);
  }
}

/* g[v][j] = sum over i of w[i][j] d[v][i] */
static void product_transposed(const float *w, const float *d, ptrdiff_t d_stride, float *g, ptrdiff_t g_stride,
                               ptrdiff_t outputs, ptrdiff_t inputs, ptrdiff_t vectors) {
  if (vectors == 1)
    transposed(w, d, d_stride, g, g_stride, outputs, inputs, 1, BLOCK_ROWS_ALONE, 0, 0);
  else if (vectors < FEW)
    transposed(w, d, d_stride, g, g_stride, outputs, inputs, vectors, BLOCK_ROWS, 0, 0);
  else
    transposed(w, d, d_stride, g, g_stride, outputs, inputs, vectors, PACKED / WIDTH, 1, 0);
}

/* g[v][j] = sum over i of |w[i][j]| d[v][i] */
static void magnitudes_transposed(const float *w, const float *d, ptrdiff_t d_stride, float *g, ptrdiff_t g_stride,
                                  ptrdiff_t outputs, ptrdiff_t inputs, ptrdiff_t vectors) {
  transposed(w, d, d_stride, g, g_stride, outputs, inputs, vectors, PACKED / WIDTH, 1, 1);
}
#endif
