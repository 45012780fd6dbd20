/* Transposed products; see product.h. */

#define PACKED 4096 /* weights of a packed strip: half of a first-level cache */
#define FEW 16      /* vectors that are worth packing */
#define BLOCK_COLUMNS 64
#define BLOCK_COLUMNS_ALONE 8
#define AHEAD 16 /* columns */

/* g[v][j] = sum over some i of w[i][j] d[v][i], added to what was there, for a few vectors and one strip of rows. */
ALWAYS void row_sums(const float *w, ptrdiff_t w_stride, const float *d, ptrdiff_t d_stride, float *g,
                        ptrdiff_t g_stride, ptrdiff_t columns, int first, const int vectors) {
  native_t sum[DEEP][SIDE_BY_SIDE];
  UNROLL for (int v = 0; v < vectors; v++) UNROLL for (int c = 0; c < SIDE_BY_SIDE; c++)
      sum[v][c] = first ? (native_t){0} : load_native(g + v * g_stride + c * NATIVE);
  for (ptrdiff_t i = 0; i < columns; i++) {
    native_t ws[SIDE_BY_SIDE];
    UNROLL for (int c = 0; c < SIDE_BY_SIDE; c++) ws[c] = load_native(w + i * w_stride + c * NATIVE);
    UNROLL for (int v = 0; v < vectors; v++) UNROLL for (int c = 0; c < SIDE_BY_SIDE; c++)
        sum[v][c] += ws[c] * d[v * d_stride + i];
  }
  UNROLL for (int v = 0; v < vectors; v++) UNROLL for (int c = 0; c < SIDE_BY_SIDE; c++)
      store_native(g + v * g_stride + c * NATIVE, sum[v][c]);
}

ALWAYS void strip_sums(const float *w, ptrdiff_t w_stride, const float *d, ptrdiff_t d_stride, float *g,
                       ptrdiff_t g_stride, ptrdiff_t columns, ptrdiff_t vectors, int first) {
  for (; vectors >= DEEP; vectors -= DEEP, d += DEEP * d_stride, g += DEEP * g_stride)
    row_sums(w, w_stride, d, d_stride, g, g_stride, columns, first, DEEP);
  for (; vectors >= 4; vectors -= 4, d += 4 * d_stride, g += 4 * g_stride)
    row_sums(w, w_stride, d, d_stride, g, g_stride, columns, first, 4);
  for (; vectors >= 2; vectors -= 2, d += 2 * d_stride, g += 2 * g_stride)
    row_sums(w, w_stride, d, d_stride, g, g_stride, columns, first, 2);
  if (vectors) row_sums(w, w_stride, d, d_stride, g, g_stride, columns, first, 1);
}

/* The same for a strip that is copied to consecutive lines first: columns a power of two apart share few cache sets. */
ALWAYS void packed_strip(const float *w, ptrdiff_t inputs, ptrdiff_t rows, const float *d, ptrdiff_t d_stride,
                         float *g, ptrdiff_t g_stride, ptrdiff_t columns, ptrdiff_t vectors, int first,
                         const int absolute) {
  float packed[PACKED] __attribute__((aligned(64)));
  for (ptrdiff_t i = 0; i < columns; i++) {
    UNROLL for (int c = 0; c < SIDE_BY_SIDE; c++) {
      native_t ws = {0};
      if (rows >= WIDTH)
        ws = load_native(w + i * inputs + c * NATIVE);
      else if (rows > c * NATIVE)
        ws = load_some(w + i * inputs + c * NATIVE, rows - c * NATIVE);
      store_native(packed + i * WIDTH + c * NATIVE, absolute ? magnitudes(ws) : ws);
    }
    __builtin_prefetch(w + (i + AHEAD) * inputs);
  }
  strip_sums(packed, WIDTH, d, d_stride, g, g_stride, columns, vectors, first);
}

/* The strips of all rows for a block of columns after the other. */
ALWAYS void transposed(const float *w, const float *d, ptrdiff_t d_stride, float *g, ptrdiff_t g_stride,
                       ptrdiff_t outputs, ptrdiff_t inputs, ptrdiff_t vectors, const ptrdiff_t block,
                       const int pack, const int absolute) {
  for (ptrdiff_t i = 0; i < outputs; i += block) {
    const ptrdiff_t columns = outputs - i < block ? outputs - i : block;
    ptrdiff_t j = 0;
    if (!pack)
      for (; j + WIDTH <= inputs; j += WIDTH)
        strip_sums(w + i * inputs + j, inputs, d + i, d_stride, g + j, g_stride, columns, vectors, i == 0);
    for (; j < inputs; j += WIDTH)
      packed_strip(w + i * inputs + j, inputs, inputs - j, d + i, d_stride, g + j, g_stride, columns, vectors, i == 0,
                   absolute);
  }
}

/* g[v][j] = sum over i of w[i][j] d[v][i] */
static void product_transposed(const float *w, const float *d, ptrdiff_t d_stride, float *g, ptrdiff_t g_stride,
                               ptrdiff_t outputs, ptrdiff_t inputs, ptrdiff_t vectors) {
  if (vectors == 1)
    transposed(w, d, d_stride, g, g_stride, outputs, inputs, 1, BLOCK_COLUMNS_ALONE, 0, 0);
  else if (vectors < FEW)
    transposed(w, d, d_stride, g, g_stride, outputs, inputs, vectors, BLOCK_COLUMNS, 0, 0);
  else
    transposed(w, d, d_stride, g, g_stride, outputs, inputs, vectors, PACKED / WIDTH, 1, 0);
}

/* g[v][j] = sum over i of |w[i][j]| d[v][i] */
static void magnitudes_transposed(const float *w, const float *d, ptrdiff_t d_stride, float *g, ptrdiff_t g_stride,
                                  ptrdiff_t outputs, ptrdiff_t inputs, ptrdiff_t vectors) {
  transposed(w, d, d_stride, g, g_stride, outputs, inputs, vectors, PACKED / WIDTH, 1, 1);
}
