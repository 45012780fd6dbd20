/* Consecutive cells of a row with all vectors of a block. */
#ifndef ARCHSIM_ROWS_H
#define ARCHSIM_ROWS_H

#include "exact.h"
#include "jump.h"

enum { SEGMENT = 8 /* words of trains after which a jump ends */ };

/* One word of a row's trains on consecutive columns, in neighbouring registers. */
INLINE void advance_row(const int family, const walk_t *walk, const cell_t *cell, path_t *path, int word, uint32_t row,
                        uint32_t column) {
  const int abreast = ABREAST(family);
  const trains_t *t = walk->trains;
  const response_t *all = walk->response;
  words slots[MOST_ABREAST], up[MOST_ABREAST];
  words any = {0};
  EACH slots[k] = row_coincidences(t, word, column + (uint32_t)(k * WIDE), row, &up[k]);
  EACH any |= slots[k];
  /* neighbouring inputs are often zero together; in these two branches cells without pulses stay as they are */
  if ((family == STRAIGHT || t->alike[word]) && none((ints)any)) return;
  if (family == STRAIGHT) {
    EACH advance_constant(&cell[k], &path[k], slots[k], up[k], t->alike[word]);
  } else if (t->alike[word]) {
    EACH advance_alike(family, all, &cell[k], &path[k], (ints)bit_counts(slots[k]), (ints)(up[k] != 0u));
  } else {
    /* the row's own slots are the outer loop */
    local_t local[MOST_ABREAST];
    sums_t sums[MOST_ABREAST];
    EACH local[k] = respond_around(family, all, &cell[k], path[k].mean);
    EACH sums[k] = (sums_t){all_floats(0.0f), all_floats(0.0f)};
    for (uint32_t left = t->d_on[word * t->d_stride + row]; left; left &= left - 1u) {
      const int shift = 31 - __builtin_ctz(left);
      EACH advance(family, &local[k], &sums[k], slots[k] << shift, up[k] << shift);
    }
    EACH account(family, all, &local[k], &path[k], &sums[k], slots[k], up[k]);
  }
}

/* n consecutive cells, and what comes next on its way. */
INLINE void load_row(const int family, const walk_t *walk, group_t *g, size_t base, int n) {
  const float *cells = walk->cells + base * CELL, *w = walk->persistent + base;
  for (int k = 0; k < GROUP_CELLS / 2; k++) __builtin_prefetch(cells + (GROUP_CELLS + 2 * k) * CELL);
  for (int k = 0; k < GROUP_CELLS; k += 16) __builtin_prefetch(w + GROUP_CELLS + k);
  if (n == GROUP_CELLS) {
    UNROLLED for (int l = 0; l < GROUP_CELLS; l += TRANSPOSED) {
      const float *at[TRANSPOSED];
      UNROLLED for (int i = 0; i < TRANSPOSED; i++) at[i] = cells + (l + i) * CELL;
      load_cells(g, l, at, family == STRAIGHT ? 4 : CELL);
    }
    UNROLLED for (int l = 0; l < GROUP_CELLS; l += WIDE) store_floats(g->w + l, load_floats(w + l));
    return;
  }
  for (int l = 0; l < GROUP_CELLS; l++) {
    const int at = l < n ? l : n - 1;
    for (int k = 0; k < CELL; k++) g->numbers[k][l] = cells[at * CELL + k];
    g->w[l] = w[at];
  }
}

/* Write n consecutive weights back, but for cells whose jump failed; these are listed with column and row. */
INLINE void store_row(const walk_t *walk, progress_t *p, size_t base, uint32_t row, uint32_t column, int n) {
  group_t *g = &p->group;
  float *w = walk->persistent + base;
  const int whole = up_to(n, WIDE);
  ints failed = {0};
  for (int l = n; l < whole; l++) g->failed[l] = g->count[l] = 0;
  for (int l = 0; l < whole; l += WIDE) failed |= (ints)load_words(g->failed + l);
  if (!none(failed))
    for (int l = 0; l < n; l++)
      if (g->failed[l]) {
        append(&p->failed, (uint32_t)base + (uint32_t)l, column + (uint32_t)l, row);
        g->w[l] = w[l];
      }
  count_pulses(p, whole);
  if (n == GROUP_CELLS) {
    UNROLLED for (int l = 0; l < GROUP_CELLS; l += WIDE) store_floats(w + l, load_floats(g->w + l));
  } else {
    for (int l = 0; l < n; l++) w[l] = g->w[l];
  }
  if (walk->visible == NULL) return;
  const float *normal = take_normals(p, GROUP_CELLS);
  for (int l = 0; l < n; l++)
    if (g->count[l] != 0 && g->failed[l] == 0)
      walk->visible[base + (size_t)l] = g->w[l] + walk->response->write_noise * normal[l];
}

/* n consecutive cells of a row by jumps, with all words of the block. */
INLINE void jump_row(const int family, const walk_t *walk, progress_t *p, uint32_t row, uint32_t column, int n) {
  const int abreast = ABREAST(family);
  const trains_t *t = walk->trains;
  group_t *g = &p->group;
  const size_t base = (size_t)row * walk->inputs + column;
  load_row(family, walk, g, base, n);
  for (int first = 0; first < t->words; first += SEGMENT) {
    const int last = first + SEGMENT < t->words ? first + SEGMENT : t->words;
    const float *normal = take_normals(p, GROUP_CELLS);
    for (int l = 0; l < n; l += abreast * WIDE) {
      cell_t cell[MOST_ABREAST];
      path_t path[MOST_ABREAST];
      EACH cell[k] = cell_of(family, g, l + k * WIDE);
      EACH path[k] = path_from(load_floats(g->w + l + k * WIDE));
      for (int word = first; word < last; word++)
        if (t->d_on[word * t->d_stride + row]) advance_row(family, walk, cell, path, word, row, column + (uint32_t)l);
      EACH land(family, walk->response, &cell[k], &path[k], g, l + k * WIDE, normal + l + k * WIDE, first == 0);
    }
  }
  store_row(walk, p, base, row, column, n);
  if (p->failed.n > LISTED - GROUP_CELLS) redo_failed(family, walk, p);
}

/* n consecutive cells of a row by jumps, where the block has a single word of several vectors: what `jump_row` does, with
 * nothing to carry from word to word. The skewness here is bounded, not corrected. */
INLINE void jump_word(const int family, const walk_t *walk, progress_t *p, uint32_t row, uint32_t column, int n) {
  enum { abreast = 4 };
  const trains_t *t = walk->trains;
  const response_t *all = walk->response;
  const float scale = family == ADDITIVE ? 1.0f : all->deviation;
  group_t *g = &p->group;
  const size_t base = (size_t)row * walk->inputs + column;
  load_row(family, walk, g, base, n);
  const float *normal = take_normals(p, GROUP_CELLS);
  for (int first = 0; first < n; first += abreast * WIDE) {
    cell_t cell[abreast];
    local_t local[abreast];
    sums_t sums[abreast];
    words slots[abreast], up[abreast];
    EACH cell[k] = cell_of(family, g, first + k * WIDE);
    EACH slots[k] = row_coincidences(t, 0, column + (uint32_t)(first + k * WIDE), row, &up[k]);
    EACH sums[k] = (sums_t){all_floats(0.0f), all_floats(0.0f)};
    if (family != STRAIGHT) {
      EACH local[k] = respond_around(family, all, &cell[k], load_floats(g->w + first + k * WIDE));
      for (uint32_t left = t->d_on[row]; left; left &= left - 1u) {
        const int shift = 31 - __builtin_ctz(left);
        EACH advance(family, &local[k], &sums[k], slots[k] << shift, up[k] << shift);
      }
    }
    EACH {
      const int l = first + k * WIDE;
      path_t path = path_from(load_floats(g->w + l));
      if (family == STRAIGHT)
        advance_constant(&cell[k], &path, slots[k], up[k], 0);
      else
        account(family, all, &local[k], &path, &sums[k], slots[k], up[k]);
      const floats spread = square_root(larger(path.variance, all_floats(0.0f))) * scale;
      ints within = within_law(family, all, &cell[k], &path, spread, all_floats(0.0f));
      if (skews(family)) {
        const floats steepest = larger(magnitude(local[k].up_slope), magnitude(local[k].down_slope));
        within &= (steepest * steepest * to_floats(path.count) <= STEEP / (scale * scale)) | (path.count <= 1);
      }
      const ints touched = path.count > 0, failed = touched & ~within;
      const floats w = clipped(path.mean + spread * load_floats(normal + l), &cell[k]);
      store_floats(g->w + l, choose(touched, w, load_floats(g->w + l)));
      store_words(g->failed + l, (words)failed);
      store_words(g->count + l, (words)path.count);
    }
  }
  store_row(walk, p, base, row, column, n);
  if (p->failed.n > LISTED - GROUP_CELLS) redo_failed(family, walk, p);
}

/* n consecutive cells of a row pulse by pulse. The row's slots come before its columns in the order of the noise. */
INLINE void exact_row(const int family, const walk_t *walk, progress_t *p, uint32_t row, uint32_t column, int n) {
  const trains_t *t = walk->trains;
  group_t *g = &p->group;
  const size_t base = (size_t)row * walk->inputs + column;
  load_row(family, walk, g, base, n);
  memset(g->count, 0, sizeof g->count);
  memset(g->failed, 0, sizeof g->failed);
  for (int word = 0; word < t->words; word++) {
    uint32_t left = t->d_on[word * t->d_stride + row];
    if (!left) continue;
    if (t->counted) left = 0x7FFFFFFFu;
    for (int l = 0; l < n; l += WIDE) {
      words up, slots = row_coincidences(t, word, column + (uint32_t)l, row, &up);
      store_words(g->slots + l, slots);
      store_words(g->ups + l, up);
    }
    for (; left; left &= left - 1u) {
      const int shift = 31 - __builtin_ctz(left);
      provide(&p->series, GROUP_CELLS);
      for (int l = 0; l < n; l += WIDE)
        exact_pulse(family, walk, p, l, (ints)(load_words(g->slots + l) << shift) >> 31,
                    (ints)(load_words(g->ups + l) << shift));
    }
  }
  store_row(walk, p, base, row, column, n);
}
#endif
