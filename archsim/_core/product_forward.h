/* Forward products; see product.h.
 *
 * For a few vectors the matrix is read as it lies, 16 rows at a time. For many vectors strips of columns are packed by
 * partial sums, so that lanes are columns and no sum has to be taken across lanes.
 */
typedef float quarter_t __attribute__((vector_size(16)));

/* Sums l + 4 k of a column's 16 partial sums, l = 0..3: first those 8 apart, then those 4 apart. */
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

/* y[v][r] = sum over j of w[r][j] x[v][j] for a few columns and vectors; `next` is memory that is needed soon. */
ALWAYS void dots(const float *w, ptrdiff_t n, const float *x, ptrdiff_t x_stride, float *y, ptrdiff_t y_stride,
                 const float *next, const int columns, const int vectors) {
  native_t sum[TILE_COLUMNS + 1][TILE_VECTORS][PARTS];
  ptrdiff_t j = 0;
  UNROLL for (int r = 0; r < columns; r++) UNROLL for (int v = 0; v < vectors; v++)
      UNROLL for (int p = 0; p < PARTS; p++) sum[r][v][p] = (native_t){0};
  for (; j + STRIP <= n; j += STRIP) {
    UNROLL for (int p = 0; p < PARTS; p++) {
      native_t xs[TILE_VECTORS];
      UNROLL for (int v = 0; v < vectors; v++) xs[v] = load_native(x + v * x_stride + j + p * NATIVE);
      UNROLL for (int r = 0; r < columns; r++) {
        native_t ws = load_native(w + r * n + j + p * NATIVE);
        if (vectors > 1 && r + 1 < columns) ws = in_register(ws);
        UNROLL for (int v = 0; v < vectors; v++) sum[r][v][p] += ws * xs[v];
      }
    }
    if (vectors > 1) {
      __builtin_prefetch(next + j);
    } else {
      UNROLL for (int r = 0; r < columns; r++) __builtin_prefetch(next + r * n + j);
    }
  }
  UNROLL for (int p = 0; p < PARTS; p++) {
    const ptrdiff_t left = n - j - p * NATIVE;
    if (left <= 0) break;
    UNROLL for (int r = 0; r < columns; r++) {
      const native_t ws = load_some(w + r * n + j + p * NATIVE, left);
      UNROLL for (int v = 0; v < vectors; v++) sum[r][v][p] += ws * load_native(x + v * x_stride + j + p * NATIVE);
    }
  }
  UNROLL for (int v = 0; v < vectors; v++) UNROLL for (int r = 0; r < columns; r++) {
    const quarter_t q = fold(sum[r][v]);
    y[v * y_stride + r] = (q[0] + q[2]) + (q[1] + q[3]);
  }
}

/* All vectors with a few columns, which stay in the first-level cache while the next ones are fetched. */
ALWAYS void dot_columns(const float *w, ptrdiff_t n, const float *x, ptrdiff_t x_stride, float *y, ptrdiff_t y_stride,
                     ptrdiff_t vectors, const int columns) {
  ptrdiff_t v = 0;
#if TILE_VECTORS > 1
  for (ptrdiff_t column = columns; v + TILE_VECTORS <= vectors; v += TILE_VECTORS, column++)
    dots(w, n, x + v * x_stride, x_stride, y + v * y_stride, y_stride, column < 2 * columns ? w + column * n : w, columns,
         TILE_VECTORS);
#endif
  for (; v < vectors; v++) dots(w, n, x + v * x_stride, x_stride, y + v * y_stride, y_stride, w, columns, 1);
}

/* y[v][i] = sum over j of w[i][j] x[v][j] for columns from `i` on, as they lie. */
ALWAYS void direct_forward(const float *w, const float *x, ptrdiff_t x_stride, float *y, ptrdiff_t y_stride,
                           ptrdiff_t i, ptrdiff_t outputs, ptrdiff_t inputs, ptrdiff_t vectors) {
  if (vectors == 1)
    for (; i + TILE_COLUMNS < outputs; i += TILE_COLUMNS + 1)
      dots(w + i * inputs, inputs, x, x_stride, y + i, y_stride, w + (i + TILE_COLUMNS + 1) * inputs, TILE_COLUMNS + 1, 1);
  for (; i + TILE_COLUMNS <= outputs; i += TILE_COLUMNS)
    dot_columns(w + i * inputs, inputs, x, x_stride, y + i, y_stride, vectors, TILE_COLUMNS);
  if (i + 2 <= outputs) {
    dot_columns(w + i * inputs, inputs, x, x_stride, y + i, y_stride, vectors, 2);
    i += 2;
  }
  for (; i < outputs; i++) dot_columns(w + i * inputs, inputs, x, x_stride, y + i, y_stride, vectors, 1);
}

#if NATIVE >= 8
/* out[step c + r] = w[stride r + c] for r, c = 0..7 */
ALWAYS void transpose_eight(const float *w, ptrdiff_t stride, float *out, ptrdiff_t step) {
  UNROLL for (int h = 0; h < 8; h += 4) {
    __m256 part[4], pair[4];
    UNROLL for (int k = 0; k < 4; k++) {
      const float *p = w + k * stride + h;
      part[k] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(p)), _mm_loadu_ps(p + 4 * stride), 1);
    }
    pair[0] = _mm256_unpacklo_ps(part[0], part[1]);
    pair[1] = _mm256_unpacklo_ps(part[2], part[3]);
    pair[2] = _mm256_unpackhi_ps(part[0], part[1]);
    pair[3] = _mm256_unpackhi_ps(part[2], part[3]);
    _mm256_storeu_ps(out + h * step, _mm256_shuffle_ps(pair[0], pair[1], 0x44));
    _mm256_storeu_ps(out + (h + 1) * step, _mm256_shuffle_ps(pair[0], pair[1], 0xEE));
    _mm256_storeu_ps(out + (h + 2) * step, _mm256_shuffle_ps(pair[2], pair[3], 0x44));
    _mm256_storeu_ps(out + (h + 3) * step, _mm256_shuffle_ps(pair[2], pair[3], 0xEE));
  }
}
#endif

/* packed[pitch p + WIDTH k + r] = w[r][16 k + p] for WIDTH columns, zeros behind the last row */
ALWAYS void pack_columns(const float *w, ptrdiff_t n, float *packed, ptrdiff_t pitch) {
  for (ptrdiff_t r = 0; r < WIDTH; r += 8)
    for (ptrdiff_t j = 0; j < n; j += 8) {
      float *out = packed + j % STRIP * pitch + j / STRIP * WIDTH + r;
#if NATIVE >= 8
      if (j + 8 <= n) {
        transpose_eight(w + r * n + j, n, out, pitch);
        continue;
      }
#endif
      for (int c = 0; c < 8; c++)
        for (int q = 0; q < 8; q++) out[c * pitch + q] = j + c < n ? w[(r + q) * n + j + c] : 0.0f;
    }
}

/* sums[v][r] = sum over k of packed[k][r] x[v][16 k], plus `more` where there is such: one partial sum */
ALWAYS void partial_sums(const float *packed, ptrdiff_t terms, const float *x, ptrdiff_t x_stride, const float *more,
                         float *sums, const int vectors) {
  native_t sum[DEEP][SIDE_BY_SIDE];
  UNROLL for (int v = 0; v < vectors; v++) UNROLL for (int c = 0; c < SIDE_BY_SIDE; c++) sum[v][c] = (native_t){0};
  for (ptrdiff_t k = 0; k < terms; k++) {
    native_t ws[SIDE_BY_SIDE];
    UNROLL for (int c = 0; c < SIDE_BY_SIDE; c++) ws[c] = load_native(packed + k * WIDTH + c * NATIVE);
    UNROLL for (int v = 0; v < vectors; v++) UNROLL for (int c = 0; c < SIDE_BY_SIDE; c++)
        sum[v][c] += ws[c] * x[v * x_stride + k * STRIP];
  }
  UNROLL for (int v = 0; v < vectors; v++) UNROLL for (int c = 0; c < SIDE_BY_SIDE; c++) {
    if (more) sum[v][c] += load_native(more + v * WIDTH + c * NATIVE);
    store_native(sums + v * WIDTH + c * NATIVE, sum[v][c]);
  }
}

ALWAYS void packed_dots(const float *packed, ptrdiff_t pitch, ptrdiff_t n, const float *x, ptrdiff_t x_stride,
                        float *y, ptrdiff_t y_stride, const int vectors) {
  float sums[STRIP / 2][DEEP * WIDTH] __attribute__((aligned(64)));
  for (int p = 0; p < STRIP / 2; p++) {
    const int q = p + STRIP / 2;
    partial_sums(packed + p * pitch, (n - p + STRIP - 1) / STRIP, x + p, x_stride, NULL, sums[p], vectors);
    partial_sums(packed + q * pitch, (n - q + STRIP - 1) / STRIP, x + q, x_stride, sums[p], sums[p], vectors);
  }
  for (int v = 0; v < vectors; v++)
    for (int c = 0; c < SIDE_BY_SIDE; c++) {
      native_t t[4];
      UNROLL for (int l = 0; l < 4; l++)
          t[l] = load_native(sums[l] + v * WIDTH + c * NATIVE) + load_native(sums[l + 4] + v * WIDTH + c * NATIVE);
      store_native(y + v * y_stride + c * NATIVE, (t[0] + t[2]) + (t[1] + t[3]));
    }
}

/* Floats that a forward product needs room for. An odd pitch in lines keeps partial sums out of each other's sets. */
#define PITCH(inputs) ((((inputs) + STRIP - 1) / STRIP | 1) * WIDTH)
#define FORWARD_ROOM(inputs) (STRIP * PITCH(inputs))

/* Whether so many vectors repay packing; columns that are too long for the first-level cache do not. */
ALWAYS int pays_packing(ptrdiff_t inputs, ptrdiff_t vectors) { return inputs < 1000 && vectors >= 32 + inputs / 16; }

/* Vectors that pass by columns as they lie before the next columns do: they stay in the second-level cache. */
#define NEAR 32

/* Whole strips of columns from packed copies, or from such of their magnitudes; returns the columns that are done. */
ALWAYS ptrdiff_t packed_forward(const float *w, const float *x, ptrdiff_t x_stride, float *y, ptrdiff_t y_stride,
                                ptrdiff_t outputs, ptrdiff_t inputs, ptrdiff_t vectors, float *room,
                                const int absolute) {
  const ptrdiff_t pitch = PITCH(inputs);
  ptrdiff_t i = 0;
  for (; i + WIDTH <= outputs; i += WIDTH) {
    ptrdiff_t v = 0;
    pack_columns(w + i * inputs, inputs, room, pitch);
    if (absolute)
      for (ptrdiff_t k = 0; k < STRIP * pitch; k += NATIVE) store_native(room + k, magnitudes(load_native(room + k)));
    for (; v + DEEP <= vectors; v += DEEP)
      packed_dots(room, pitch, inputs, x + v * x_stride, x_stride, y + v * y_stride + i, y_stride, DEEP);
    for (; v + 2 <= vectors; v += 2)
      packed_dots(room, pitch, inputs, x + v * x_stride, x_stride, y + v * y_stride + i, y_stride, 2);
    for (; v < vectors; v++)
      packed_dots(room, pitch, inputs, x + v * x_stride, x_stride, y + v * y_stride + i, y_stride, 1);
  }
  return i;
}

/* y[v][i] = sum over j of w[i][j] x[v][j]; `room` holds FORWARD_ROOM(inputs). */
static void product_forward(const float *w, const float *x, ptrdiff_t x_stride, float *y, ptrdiff_t y_stride,
                            ptrdiff_t outputs, ptrdiff_t inputs, ptrdiff_t vectors, float *room) {
  ptrdiff_t done = 0;
  if (pays_packing(inputs, vectors))
    done = packed_forward(w, x, x_stride, y, y_stride, outputs, inputs, vectors, room, 0);
  for (ptrdiff_t v = 0; v < vectors; v += NEAR)
    direct_forward(w, x + v * x_stride, x_stride, y + v * y_stride, y_stride, done, outputs, inputs,
                   vectors - v < NEAR ? vectors - v : NEAR);
}

/* y[v][i] = sum over j of |w[i][j]| x[v][j] */
static void magnitudes_forward(const float *w, const float *x, ptrdiff_t x_stride, float *y, ptrdiff_t y_stride,
                               ptrdiff_t outputs, ptrdiff_t inputs, ptrdiff_t vectors, float *room) {
  ptrdiff_t i = 0;
  if (pays_packing(inputs, vectors))
    i = packed_forward(w, x, x_stride, y, y_stride, outputs, inputs, vectors, room, 1);
  for (; i < outputs; i += TILE_COLUMNS) {
    const ptrdiff_t columns = outputs - i < TILE_COLUMNS ? outputs - i : TILE_COLUMNS;
    for (ptrdiff_t k = 0; k < columns * inputs; k += NATIVE)
      store_native(room + k, magnitudes(load_some(w + i * inputs + k, columns * inputs - k)));
    direct_forward(room, x, x_stride, y + i, y_stride, 0, columns, inputs, vectors);
  }
}
