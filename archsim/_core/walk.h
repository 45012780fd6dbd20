/* A block of vectors on the cells of some outputs: which pulses a cell gets, and what they do to it.
 *
 * Sixty-four cells are worked on at a time, with their pulses in order, in one of two ways:
 *   aggregate   the mean changes of the pulses summed up, their noise as one normal number: the exact law of a single pulse
 *          and of constant steps within bounds; else used where it is close (see `within_law`);
 *   exact  pulse by pulse, clipped after each.
 * Where many of a block's vectors reach most cells of columns and rows that any of them reaches, consecutive ones of these
 * cells take all vectors in an aggregate, and those for which that would not do take the words again one by one. Elsewhere each
 * vector's pairs of active lines are listed.
 */
#ifndef ARCHSIM_WALK_H
#define ARCHSIM_WALK_H

#include "pairs.h"
#include "columns.h"

enum { SERIES_COLUMNS = 64 /* outputs whose cells share a series of normal numbers */ };

/* The active outputs of every piece that lie between two outputs. */
static inline void find_columns(const trains_t *t, uint32_t begin, uint32_t end, columns_t *found) {
  for (int k = 0; k < t->pieces; k++) {
    const uint32_t *columns = t->d_lines + k * t->d_stride;
    columns_t *of = found + k;
    while (of->from < t->piece[k].d_count && columns[of->from] < begin) of->from++;
    while (of->from > 0 && columns[of->from - 1] >= begin) of->from--;
    for (of->to = of->from; of->to < t->piece[k].d_count && columns[of->to] < end;) of->to++;
  }
}

/* The outputs from `begin` to `end`, within one block of columns. */
INLINE void walk_columns(const int family, const walk_t *walk, progress_t *p, uint32_t begin, uint32_t end) {
  const trains_t *t = walk->trains;
  if (t->crowded) {
    const int single = t->words == 1 && !t->alike[0] && t->rows == NULL;
    for (uint32_t column = begin; column < end; column++) {
      uint32_t any = 0;
      for (int word = 0; word < t->words; word++) any |= t->d_on[word * t->d_stride + column];
      if (!any) continue;
      lines_t lines;
      lines.n = 0;
      if (single) find_lines(t, 0, column, &lines);
      for (uint32_t row = 0; row < (uint32_t)t->width; row += GROUP_CELLS) {
        const int n = (uint32_t)t->width - row < GROUP_CELLS ? t->width - (int)row : GROUP_CELLS;
        if (walk->response->exact)
          exact_column(family, walk, p, column, row, n);
        else if (single && n == GROUP_CELLS)
          aggregate_word(family, walk, p, column, row, GROUP_CELLS, &lines);
        else if (single)
          aggregate_word(family, walk, p, column, row, n, &lines);
        else
          aggregate_column(family, walk, p, column, row, n);
      }
    }
    if (p->failed.n) redo_failed(family, walk, p);
    return;
  }
  find_columns(t, begin, end, p->columns);
  for (int k = 0; k < t->pieces; k++) {
    const uint32_t mask = t->piece[k].mask;
    if ((mask & (mask - 1u)) == 0u && walk->visible == NULL && t->direction == BOTH)
      pulse_pairs(family, walk, p, k);
    else
      walk_pairs(family, walk, p, k);
  }
}

/* Registers that are worked on side by side wait for their own results unless their instructions are mixed, which
 * compilers must do before they give sixteen of them out. (Products, which fill them with sums, would lose by it.) */
#if defined(__AVX2__) && !defined(__AVX512F__) && defined(__GNUC__) && !defined(__clang__)
#define MIXED optimize("schedule-insns", "sched-pressure"),
#else
#define MIXED
#endif

#define COLUMNS_OF(family)                                                                                              \
  static __attribute__((MIXED noinline)) void walk_columns_##family(const walk_t *walk, progress_t *p, uint32_t begin,  \
                                                                 uint32_t end) {                                     \
    walk_columns(family, walk, p, begin, end);                                                                          \
  }
COLUMNS_OF(STRAIGHT)
COLUMNS_OF(AFFINE)
COLUMNS_OF(ADDITIVE)
COLUMNS_OF(EXPONENTIAL)
COLUMNS_OF(POWER)
COLUMNS_OF(PIECEWISE)

/* Apply the trains to the outputs from `begin` to `end`, whole blocks of columns; `columns` of the progress holds zeros for
 * every piece. Blocks do not depend on each other. Going through them forwards and backwards by turns, an update finds in
 * the cache what the last one left there. Returns the number of pulses. */
static int64_t walk_outputs(const walk_t *walk, progress_t *p, uint32_t begin, uint32_t end, uint64_t key, uint32_t c1,
                            uint32_t c2, uint32_t c3) {
  typedef void (*columns_of)(const walk_t *, progress_t *, uint32_t, uint32_t);
  static const columns_of by_family[] = {walk_columns_STRAIGHT,    walk_columns_AFFINE, walk_columns_ADDITIVE,
                                      walk_columns_EXPONENTIAL, walk_columns_POWER,  walk_columns_PIECEWISE};
  p->list.n = p->failed.n = 0;
  p->pulses = 0;
  p->series.keys = expand_key(key);
  p->series.c2 = c2;
  p->series.c3 = c3;
  const uint32_t blocks = (end - begin + SERIES_COLUMNS - 1) / SERIES_COLUMNS;
  for (uint32_t k = 0; k < blocks; k++) {
    const uint32_t column = begin + (walk->trains->backwards ? blocks - 1 - k : k) * SERIES_COLUMNS;
    begin_series(&p->series, c1 | column / SERIES_COLUMNS);
    by_family[walk->response->family](walk, p, column, end - column < SERIES_COLUMNS ? end : column + SERIES_COLUMNS);
  }
  return p->pulses;
}
#endif
