/* Consecutive cells of a column, all or those on lines that any vector reaches, with all vectors of a block. */
#ifndef ARCHSIM_COLUMNS_H
#define ARCHSIM_COLUMNS_H

#include "exact.h"
#include "aggregate.h"

/* Words of trains after which an aggregate ends: what is left out of each word adds up, most where noise changes later steps. */
enum { FEW_WORDS = 8, MANY_WORDS = 16 };
INLINE int words_of_aggregate(const int family) { return skews(family) ? FEW_WORDS : MANY_WORDS; }

/* One word of a column's trains on consecutive rows, in so many neighbouring registers; `met` if it is one of several
 * vectors. */
INLINE void advance_column(const int family, const walk_t *walk, const law_t *law, const cell_t *cell, path_t *path,
                        int word, uint32_t column, uint32_t row, const meetings_t *met, int l, const int registers) {
  const trains_t *t = walk->trains;
  const response_t *all = walk->response;
  if (t->alike[word]) {
    /* all slots of such a word go the same way as its first one */
    words slots[ABREAST], upwards[ABREAST], any = {0};
    column_coincidences(t, word, row + (uint32_t)l, column, registers, slots, upwards);
    EACH_OF(registers) any |= slots[k];
    /* neighbouring inputs are often zero together */
    if (none((ints)any)) return;
    EACH_OF(registers)
      advance_alike(family, all, law, &cell[k], &path[k], (ints)bit_counts(slots[k]), (ints)(upwards[k] << 31));
    return;
  }
  EACH_OF(registers) {
    const numbers_t many = numbers_of(met, l + k * WIDE);
    advance_both_ways(family, all, law, &cell[k], &path[k], &many);
  }
}

/* As many consecutive cells as a register has lanes; those that are beyond the column's end repeat its last one. */
INLINE cell_t column_cell(const int family, int numbers, const float *cells, int left) {
  const float *at[WIDE];
  if (left >= WIDE && numbers == SHORT_CELL) {
    /* the same as below with a constant for the compiler, which needs no arithmetic then */
    UNROLLED for (int i = 0; i < WIDE; i++) at[i] = cells + i * SHORT_CELL;
    return load_cell(family, SHORT_CELL, at);
  }
  if (left >= WIDE) {
    UNROLLED for (int i = 0; i < WIDE; i++) at[i] = cells + i * CELL;
    return load_cell(family, CELL, at);
  }
  for (int i = 0; i < WIDE; i++) at[i] = cells + (i < left ? i : left - 1) * numbers;
  return load_cell(family, numbers, at);
}

INLINE floats column_weights(const float *w, int left) {
  if (left >= WIDE) return load_floats(w);
  floats v = {0};
  for (int i = 0; i < left; i++) v[i] = w[i];
  return v;
}

INLINE void store_column_weights(float *w, floats v, int left) {
  if (left >= WIDE) {
    store_floats(w, v);
    return;
  }
  for (int i = 0; i < left; i++) w[i] = v[i];
}

/* n consecutive cells with their weights; beyond them the last one, or any other, as far as registers are worked on. */
INLINE void load_column(const int family, const walk_t *walk, group_t *g, uint32_t column, uint32_t row, int n) {
  const int numbers = numbers_of_cell(family, walk);
  const size_t base = (size_t)column * walk->inputs;
  const uint32_t *rows = walk->trains->rows;
  for (int l = 0; l < up_to(n, ABREAST / 2 * WIDE); l += WIDE) {
    const size_t first = base + row + (size_t)l;
    cell_t cell;
    if (rows == NULL) {
      cell = column_cell(family, numbers, walk->cells + first * numbers, n - l);
      store_floats(g->w + l, column_weights(walk->persistent + first, n - l));
    } else {
      const uint32_t *line = rows + row + l;
      const float *at[WIDE];
      UNROLLED for (int i = 0; i < WIDE; i++) at[i] = walk->cells + (base + line[i]) * numbers;
      cell = load_cell(family, numbers, at);
      store_floats(g->w + l, gathered(walk->persistent + base, line));
      /* the same cells of the next column, which lie where no stream of accesses leads */
      UNROLLED for (int i = 0; i < WIDE; i++) __builtin_prefetch(at[i] + walk->inputs * numbers);
    }
    store_cell(family, g, l, &cell);
  }
}

/* Numbers into some of n consecutive cells of a column. */
INLINE void store_lanes(const walk_t *walk, float *cells, uint32_t column, uint32_t row, int left, ints which, floats v) {
  float *at = cells + (size_t)column * walk->inputs;
  const uint32_t *rows = walk->trains->rows;
  if (rows == NULL) {
    at += row;
    store_column_weights(at, choose(which, v, column_weights(at, left)), left);
  } else {
    scatter(at, rows + row, which & ((ints)lane_indices() - left), v);
  }
}

/* Let reads see the cells of a column that were pulsed, each with new noise. */
INLINE void show_column(const walk_t *walk, progress_t *p, uint32_t column, uint32_t row, int n) {
  const group_t *g = &p->group;
  const float *normal = take_normals(p, GROUP_CELLS), noise = walk->response->write_noise;
  for (int l = 0; l < n; l += WIDE) {
    const ints pulsed = (ints)(load_words(g->count + l) != 0u) & (ints)(load_words(g->failed + l) == 0u);
    const floats seen = load_floats(g->w + l) + load_floats(normal + l) * noise;
    store_lanes(walk, walk->visible, column, row + (uint32_t)l, n - l, pulsed, seen);
  }
}

/* Write n consecutive weights back, but for cells whose aggregate failed; these are listed with row and column. */
INLINE void store_column(const walk_t *walk, progress_t *p, uint32_t column, uint32_t row, int n) {
  group_t *g = &p->group;
  const uint32_t base = column * walk->inputs, *rows = walk->trains->rows;
  const int whole = up_to(n, WIDE);
  for (int l = n; l < whole; l++) g->failed[l] = g->count[l] = 0;
  for (int l = 0; l < whole; l += WIDE) {
    const kept_t kept = keep(load_words(g->failed + l));
    const words at = lane_indices() + (row + (uint32_t)l);
    const words cells = base + (rows == NULL ? at : load_words(rows + row + l));
    append_kept(&p->failed, cells, at, all_words(column), kept);
  }
  count_pulses(p, whole);
  for (int l = 0; l < n; l += WIDE)
    store_lanes(walk, walk->persistent, column, row + (uint32_t)l, n - l, (ints)(load_words(g->failed + l) == 0u),
                load_floats(g->w + l));
  if (walk->visible != NULL) show_column(walk, p, column, row, n);
}

/* The next pulses of a group as aggregates of their own; those of cells for which that would not do are left. */
INLINE void aggregate_group(const int family, const walk_t *walk, progress_t *p, int n) {
  const response_t *all = walk->response;
  const law_t law = law_of(family, all);
  group_t *g = &p->group;
  const float *normal = take_normals(p, GROUP_CELLS);
  for (int l = 0; l < n; l += WIDE) {
    const cell_t cell = cell_of(family, g, l);
    const floats before = load_floats(g->w + l);
    const words slots = load_words(g->slots + l), ups = load_words(g->ups + l), done = load_words(g->count + l);
    path_t path = path_from(before);
    advance_alike(family, all, &law, &cell, &path, (ints)bit_counts(slots), (ints)(ups != 0u));
    land(family, all, &law, &cell, &path, g, l, normal + l, 1);
    const ints failed = (ints)load_words(g->failed + l);
    store_floats(g->w + l, choose(failed, before, load_floats(g->w + l)));
    store_words(g->count + l, done + (load_words(g->count + l) & ~(words)failed));
    store_words(g->failed + l, all_words(0u));
    store_words(g->slots + l, slots & (words)failed);
  }
}

/* The cells whose aggregates failed, word by word: by an aggregate each, where the word is one vector's, else pulse by pulse. Their
 * lists hold row and column. */
INLINE void redo_failed(const int family, const walk_t *walk, progress_t *p) {
  const trains_t *t = walk->trains;
  list_t *list = &p->failed;
  group_t *g = &p->group;
  for (int first = 0; first < list->n; first += GROUP_CELLS) {
    const int n = list->n - first < GROUP_CELLS ? list->n - first : GROUP_CELLS;
    const int whole = up_to(n, WIDE);
    load_listed(family, walk, g, list, first, n, whole);
    memset(g->count, 0, sizeof g->count);
    memset(g->failed, 0, sizeof g->failed);
    for (int word = 0; word < t->words; word++) {
      for (int l = 0; l < whole; l++) g->slots[l] = g->ups[l] = 0;
      for (int l = 0; l < n; l++)
        g->slots[l] = coincidences(t, word, list->slots[first + l], list->ups[first + l], &g->ups[l]);
      if (t->alike[word]) aggregate_group(family, walk, p, whole);
      exact_pulses(family, walk, p, whole);
    }
    count_pulses(p, whole);
    store_listed(walk, p, list, first, n);
  }
  list->n = 0;
}

/* The cells of so many registers, from the l-th of a group on, by an aggregate of words from the first to before the last. */
INLINE void aggregate_rows(const int family, const walk_t *walk, const law_t *law, group_t *g, int first, int last,
                           uint32_t column, uint32_t row, const meetings_t *met, int l, const float *normal,
                           const int registers) {
  const trains_t *t = walk->trains;
  cell_t cell[ABREAST];
  path_t path[ABREAST];
  EACH_OF(registers) cell[k] = cell_of(family, g, l + k * WIDE);
  EACH_OF(registers) path[k] = path_from(load_floats(g->w + l + k * WIDE));
  for (int word = first; word < last; word++)
    if (t->d_on[word * t->d_stride + column])
      advance_column(family, walk, law, cell, path, word, column, row, &met[word - first], l, registers);
  EACH_OF(registers) {
    const int at = l + k * WIDE;
    land(family, walk->response, law, &cell[k], &path[k], g, at, normal + at, first == 0);
  }
}

/* n consecutive cells of a column by aggregates, with all words of the block. */
INLINE void aggregate_column(const int family, const walk_t *walk, progress_t *p, uint32_t column, uint32_t row, int n) {
  const trains_t *t = walk->trains;
  const law_t law = law_of(family, walk->response);
  group_t *g = &p->group;
  load_column(family, walk, g, column, row, n);
  for (int first = 0; first < t->words; first += words_of_aggregate(family)) {
    const int last = first + words_of_aggregate(family) < t->words ? first + words_of_aggregate(family) : t->words;
    const float *normal = take_normals(p, GROUP_CELLS);
    meetings_t met[MANY_WORDS];
    for (int word = first; word < last; word++) {
      if (t->alike[word]) continue;
      lines_t lines;
      find_lines(t, word, column, &lines);
      meet(t, &lines, row, &met[word - first]);
    }
    for (int l = 0; l < n; l += ABREAST * WIDE) {
      /* few rows need but half of the registers */
      if (n - l <= ABREAST / 2 * WIDE)
        aggregate_rows(family, walk, &law, g, first, last, column, row, met, l, normal, ABREAST / 2);
      else
        aggregate_rows(family, walk, &law, g, first, last, column, row, met, l, normal, ABREAST);
    }
  }
  store_column(walk, p, column, row, n);
  if (p->failed.n > LISTED - GROUP_CELLS) redo_failed(family, walk, p);
}

/* n consecutive cells of a column by aggregates, where the block has a single word of several vectors: what `aggregate_column` does, with
 * nothing to carry from word to word. */
INLINE void aggregate_word(const int family, const walk_t *walk, progress_t *p, uint32_t column, uint32_t row, int n,
                      const lines_t *lines) {
  const response_t *all = walk->response;
  const law_t law = law_of(family, all);
  group_t *g = &p->group;
  const size_t base = (size_t)column * walk->inputs + row;
  const int numbers = numbers_of_cell(family, walk);
  const float *cells = walk->cells + base * numbers;
  float *weights = walk->persistent + base;
  const float *normal = take_normals(p, GROUP_CELLS);
  words sum = {0};
  meetings_t met;
  meet(walk->trains, lines, row, &met);
  for (int l = 0; l < n; l += WIDE) {
    const int left = n == GROUP_CELLS ? WIDE : n - l; /* a constant where n is one */
    const cell_t cell = column_cell(family, numbers, cells + l * numbers, left);
    const numbers_t many = numbers_of(&met, l);
    const floats before = column_weights(weights + l, left);
    const path_t path = path_of_word(family, all, &law, &cell, before, &many);
    const floats spread = square_root(larger(path.variance, all_floats(0.0f))) * law.scale;
    const ints failed =
        (path.count > 1) & ~within_law(family, all, &law, &cell, &path, spread, all_floats(0.0f));
    const floats w = clipped(path.mean + spread * load_floats(normal + l), &cell);
    store_column_weights(weights + l, choose((path.count > 0) & ~failed, w, before), left);
    if (!none(failed)) {
      const words at = lane_indices() + (row + (uint32_t)l);
      append_kept(&p->failed, column * walk->inputs + at, at, all_words(column), keep((words)failed));
    }
    sum += (words)path.count & ~(words)failed;
    if (walk->visible != NULL) {
      store_floats(g->w + l, w);
      store_words(g->failed + l, (words)failed);
      store_words(g->count + l, (words)path.count);
    }
  }
  for (int i = 0; i < WIDE; i++) p->pulses += sum[i];
  if (walk->visible != NULL) show_column(walk, p, column, row, n);
  if (p->failed.n > LISTED - GROUP_CELLS) redo_failed(family, walk, p);
}

/* n consecutive cells of a column pulse by pulse. The column's slots come before its rows in the order of the noise. */
INLINE void exact_column(const int family, const walk_t *walk, progress_t *p, uint32_t column, uint32_t row, int n) {
  const trains_t *t = walk->trains;
  group_t *g = &p->group;
  load_column(family, walk, g, column, row, n);
  memset(g->count, 0, sizeof g->count);
  memset(g->failed, 0, sizeof g->failed);
  for (int word = 0; word < t->words; word++) {
    uint32_t left = t->d_on[word * t->d_stride + column];
    if (!left) continue;
    if (t->counted) left = 0x7FFFFFFFu;
    for (int l = 0; l < n; l += WIDE) {
      words slots, upwards;
      column_coincidences(t, word, row + (uint32_t)l, column, 1, &slots, &upwards);
      store_words(g->slots + l, slots);
      store_words(g->ups + l, slots & upwards);
    }
    for (; left; left &= left - 1u) {
      const int shift = 31 - __builtin_ctz(left);
      provide(&p->series, GROUP_CELLS);
      for (int l = 0; l < n; l += WIDE)
        exact_pulse(family, walk, p, l, (ints)(load_words(g->slots + l) << shift) >> 31,
                    (ints)(load_words(g->ups + l) << shift));
    }
  }
  store_column(walk, p, column, row, n);
}
#endif
