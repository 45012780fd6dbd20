/* Loops over images and their windows for one type of numbers, which NUMBER names before each inclusion.
 *
 * An image has its border around it, so that each position sees whole rows of the kernel; a row of a kernel is a few numbers,
 * so the usual widths are constants for the compiler.
 */
#define NAMED_(name, number) name##_##number
#define NAMED(name, number) NAMED_(name, number)
#define OF(name) NAMED(name, NUMBER)

static ALWAYS_INLINE void OF(copy)(NUMBER *to, const NUMBER *from, const ptrdiff_t n, const ptrdiff_t step) {
  if (step == 1)
    memcpy(to, from, (size_t)n * sizeof(NUMBER));
  else
    for (ptrdiff_t k = 0; k < n; k++) to[k] = from[k * step];
}

/* What each position sees: channel after channel, each row by row. Three numbers are copied with the one behind them, which
 * the next row overwrites, but for the last row: that takes one store less. */
static ALWAYS_INLINE void OF(gather)(const geometry_t *g, const NUMBER *image, ptrdiff_t channels, const ptrdiff_t width,
                                     const ptrdiff_t step, NUMBER *out) {
  const ptrdiff_t line = g->width, plane = g->height * g->width, copied = width == 3 && step == 1 ? 4 : width;
  for (ptrdiff_t row = 0; row < g->rows; row++)
    for (ptrdiff_t column = 0; column < g->columns; column++) {
      const NUMBER *at = image + row * g->stride_y * line + column * g->stride_x;
      for (ptrdiff_t channel = 0; channel < channels; channel++) {
        const ptrdiff_t whole = channel + 1 < channels ? g->kernel_y : g->kernel_y - 1;
        const NUMBER *seen = at + channel * plane;
        for (ptrdiff_t i = 0; i < whole; i++) {
          OF(copy)(out, seen, copied, step);
          out += width;
          seen += g->dilation_y * line;
        }
        if (whole < g->kernel_y) {
          OF(copy)(out, seen, width, step);
          out += width;
        }
      }
    }
}

/* The first n of so many numbers, and where that is three and `spare` says that there is one behind them, nothing for that
 * one: an addition less. It is no -0, which the sum of 0 and anything never is. */
static ALWAYS_INLINE void OF(add_numbers)(NUMBER *to, const NUMBER *part, const ptrdiff_t n, const ptrdiff_t step,
                                          int spare) {
  typedef NUMBER four __attribute__((vector_size(4 * sizeof(NUMBER)), aligned(sizeof(NUMBER)), may_alias));
  if (n == 3 && step == 1 && spare) {
    four added = *(const four *)part;
    added[3] = 0;
    *(four *)to += added;
  } else {
    for (ptrdiff_t k = 0; k < n; k++) to[k * step] += part[k];
  }
}

/* Add what each position gives. From the last position to the first: so an element of the image gets its terms in the
 * order of the kernel's elements. */
static ALWAYS_INLINE void OF(add)(const geometry_t *g, const NUMBER *parts, ptrdiff_t channels, const ptrdiff_t width,
                                  const ptrdiff_t step, NUMBER *image) {
  const ptrdiff_t line = g->width, plane = g->height * g->width, size = channels * g->kernel_y * width;
  for (ptrdiff_t row = g->rows - 1; row >= 0; row--)
    for (ptrdiff_t column = g->columns - 1; column >= 0; column--) {
      const NUMBER *part = parts + (row * g->columns + column) * size;
      NUMBER *at = image + row * g->stride_y * line + column * g->stride_x;
      for (ptrdiff_t channel = 0; channel < channels; channel++) {
        NUMBER *seen = at + channel * plane;
        for (ptrdiff_t i = 0; i < g->kernel_y; i++) {
          OF(add_numbers)(seen, part, width, step, channel + 1 < channels || i + 1 < g->kernel_y);
          part += width;
          seen += g->dilation_y * line;
        }
      }
    }
}

#define WIDTHS(loop, ...)                                       \
  if (g->dilation_x != 1)                                       \
    loop(__VA_ARGS__, g->kernel_x, g->dilation_x, target);      \
  else                                                          \
    switch (g->kernel_x) {                                      \
      case 1: loop(__VA_ARGS__, 1, 1, target); break;           \
      case 2: loop(__VA_ARGS__, 2, 1, target); break;           \
      case 3: loop(__VA_ARGS__, 3, 1, target); break;           \
      case 4: loop(__VA_ARGS__, 4, 1, target); break;           \
      case 5: loop(__VA_ARGS__, 5, 1, target); break;           \
      case 7: loop(__VA_ARGS__, 7, 1, target); break;           \
      default: loop(__VA_ARGS__, g->kernel_x, 1, target);       \
    }

static void OF(gather_image)(const geometry_t *g, const NUMBER *image, ptrdiff_t channels, NUMBER *target) {
  WIDTHS(OF(gather), g, image, channels)
}

static void OF(add_to_image)(const geometry_t *g, const NUMBER *parts, ptrdiff_t channels, NUMBER *target) {
  WIDTHS(OF(add), g, parts, channels)
}

/* to[j][i] = from[i][j], of `rows` rows of `columns` numbers: in blocks that stay in registers, one below the other so
 * that a cache line is filled before the next one is begun. */
static void OF(transpose)(const NUMBER *from, ptrdiff_t rows, ptrdiff_t columns, NUMBER *to) {
  enum { BLOCK = 4, BELOW = 16 };
  const ptrdiff_t whole_rows = rows - rows % BLOCK, whole_columns = columns - columns % BLOCK;
  for (ptrdiff_t first = 0; first < whole_rows; first += BELOW) {
    const ptrdiff_t last = first + BELOW < whole_rows ? first + BELOW : whole_rows;
    for (ptrdiff_t j = 0; j < whole_columns; j += BLOCK)
      for (ptrdiff_t i = first; i < last; i += BLOCK) {
        NUMBER block[BLOCK][BLOCK];
        for (int a = 0; a < BLOCK; a++) memcpy(block[a], from + (i + a) * columns + j, sizeof block[a]);
        for (int b = 0; b < BLOCK; b++) {
          NUMBER line[BLOCK];
          for (int a = 0; a < BLOCK; a++) line[a] = block[a][b];
          memcpy(to + (j + b) * rows + i, line, sizeof line);
        }
      }
  }
  for (ptrdiff_t i = 0; i < rows; i++)
    for (ptrdiff_t j = i < whole_rows ? whole_columns : 0; j < columns; j++) to[j * rows + i] = from[i * columns + j];
}

#undef WIDTHS
#undef OF
#undef NAMED
#undef NAMED_
#undef NUMBER
