/* A vector's pairs of active lines, listed: what one vector sends to a few of the cells. */
#ifndef ARCHSIM_PAIRS_H
#define ARCHSIM_PAIRS_H

#include "exact.h"
#include "aggregate.h"

/* The pulses of neighbouring registers of listed cells, which get those of one vector, all the same way. */
INLINE void advance_listed(const int family, const response_t *all, const law_t *law, const cell_t *cell, path_t *path,
                           const uint32_t *slots_of, const uint32_t *ups_of, const int registers) {
  EACH_OF(registers) {
    const words slots = load_words(slots_of + k * WIDE), ups = load_words(ups_of + k * WIDE);
    advance_alike(family, all, law, &cell[k], &path[k], (ints)bit_counts(slots), (ints)(ups != 0u));
  }
}

/* The listed cells of so many registers, from the l-th of a group on, by an aggregate each; returns which failed anywhere,
 * and these keep their weights. */
INLINE ints aggregate_registers(const int family, const response_t *all, const law_t *law, group_t *g, int l,
                                const uint32_t *slots, const uint32_t *ups, const float *normal, const int registers) {
  ints failed = {0};
  cell_t cell[ABREAST];
  path_t path[ABREAST];
  EACH_OF(registers) cell[k] = cell_of(family, g, l + k * WIDE);
  EACH_OF(registers) path[k] = path_from(load_floats(g->w + l + k * WIDE));
  advance_listed(family, all, law, cell, path, slots + l, ups + l, registers);
  EACH_OF(registers) {
    const int at = l + k * WIDE;
    const floats before = load_floats(g->w + at);
    land(family, all, law, &cell[k], &path[k], g, at, normal + at, 1);
    const ints undone = (ints)load_words(g->failed + at);
    store_floats(g->w + at, choose(undone, before, load_floats(g->w + at)));
    failed |= undone;
  }
  return failed;
}

/* One vector's listed cells by aggregates; those for which an aggregate would not do are done after them. */
INLINE void aggregate_listed(const int family, const walk_t *walk, progress_t *p, list_t *list) {
  const response_t *all = walk->response;
  const law_t law = law_of(family, all);
  group_t *g = &p->group;
  for (int first = 0; first < list->n; first += GROUP_CELLS) {
    const int n = list->n - first < GROUP_CELLS ? list->n - first : GROUP_CELLS;
    /* few cells need but a register */
    const int whole = n <= WIDE ? WIDE : up_to(n, ABREAST * WIDE);
    const float *normal = take_normals(p, up_to(n, WIDEST_LANES));
    const uint32_t *slots = list->slots + first, *ups = list->ups + first;
    ints failed = {0};
    load_listed(family, walk, g, list, first, n, whole);
    if (n <= WIDE)
      failed = aggregate_registers(family, all, &law, g, 0, slots, ups, normal, 1);
    else
      for (int l = 0; l < whole; l += ABREAST * WIDE)
        failed |= aggregate_registers(family, all, &law, g, l, slots, ups, normal, ABREAST);
    count_pulses(p, whole);
    if (!none(failed))
      for (int l = 0; l < n; l++)
        if (g->failed[l]) append(&p->failed, list->cell[first + l], list->slots[first + l], list->ups[first + l]);
    store_listed(walk, p, list, first, n);
  }
  list->n = 0;
  if (p->failed.n) exact_listed(family, walk, p, &p->failed);
}

/* Listed cells that get one pulse each: either way is exact, and comes to this. */
INLINE void pulse_listed(const int family, const walk_t *walk, progress_t *p, list_t *list) {
  const response_t *all = walk->response;
  const float scale = family == ADDITIVE ? 1.0f : all->deviation;
  group_t *g = &p->group;
  for (int first = 0; first < list->n; first += GROUP_CELLS) {
    const int n = list->n - first < GROUP_CELLS ? list->n - first : GROUP_CELLS, whole = up_to(n, WIDE);
    const float *normal = take_normals(p, up_to(n, WIDEST_LANES));
    const uint32_t *cells = list->cell + first;
    load_listed(family, walk, g, list, first, n, whole);
    for (int l = 0; l < whole; l += WIDE) {
      const cell_t cell = cell_of(family, g, l);
      const floats w = load_floats(g->w + l);
      const pulse_t pulse = respond(family, AS_SAID, all, &cell, w, (ints)(load_words(list->ups + first + l) != 0u));
      store_floats(g->w + l, clipped(w + (pulse.step + pulse.size * scale * load_floats(normal + l)), &cell));
    }
    for (int l = 0; l < n; l++) walk->persistent[cells[l]] = g->w[l];
    if (walk->visible != NULL) {
      normal = take_normals(p, up_to(n, WIDEST_LANES));
      for (int l = 0; l < n; l++) walk->visible[cells[l]] = g->w[l] + walk->response->write_noise * normal[l];
    }
  }
  p->pulses += list->n;
  list->n = 0;
}

INLINE void do_listed(const int family, const walk_t *walk, progress_t *p, const piece_t *piece) {
  if ((piece->mask & (piece->mask - 1u)) == 0u)
    pulse_listed(family, walk, p, &p->list);
  else if (walk->response->exact)
    exact_listed(family, walk, p, &p->list);
  else
    aggregate_listed(family, walk, p, &p->list);
}

/* The first cells of a full list, always as many: the order of the noise must not depend on the width of registers. */
INLINE void do_full(const int family, const walk_t *walk, progress_t *p, const piece_t *piece) {
  list_t *list = &p->list;
  const int beyond = list->n - LISTED;
  list->n = LISTED;
  do_listed(family, walk, p, piece);
  for (int l = 0; l < beyond; l++)
    append(list, list->cell[LISTED + l], list->slots[LISTED + l], list->ups[LISTED + l]);
}

/* Where the pairs begin that come next in a block of outputs. */
typedef struct {
  const uint32_t *lines;
  int count;
  size_t base;
} ahead_t;

INLINE ahead_t after_column(const walk_t *walk, const progress_t *p, int number, int r) {
  const trains_t *t = walk->trains;
  const uint32_t *lines = t->x_lines + number * t->x_stride, *columns = t->d_lines + number * t->d_stride;
  const piece_t *piece = t->piece + number;
  ahead_t ahead = {lines, piece->x_count, (size_t)columns[r] * walk->inputs};
  if (r + 1 < p->columns[number].to) {
    ahead.base = (size_t)columns[r + 1] * walk->inputs;
  } else if (number + 1 < t->pieces && p->columns[number + 1].from < p->columns[number + 1].to) {
    ahead.lines = lines + t->x_stride;
    ahead.count = piece[1].x_count;
    ahead.base = (size_t)columns[t->d_stride + p->columns[number + 1].from] * walk->inputs;
  }
  return ahead;
}

/* The pairs of a piece of a single slot, all of which get one pulse: what `walk_pairs` does, with nothing to find out and
 * no list; pair k takes the same number. Cells lie far apart: those of the next column are fetched meanwhile. Behind the
 * last active line stands line 0, which keeps its weight. */
INLINE void pulse_pairs(const int family, const walk_t *walk, progress_t *p, int number) {
  const trains_t *t = walk->trains;
  const response_t *all = walk->response;
  const piece_t *piece = t->piece + number;
  const uint32_t *lines = t->x_lines + number * t->x_stride, *turns = t->x_turns + number * t->x_stride;
  const uint32_t *columns = t->d_lines + number * t->d_stride;
  const float scale = family == ADDITIVE ? 1.0f : all->deviation;
  const int numbers = numbers_of_cell(family, walk), to_sign = 31 - __builtin_ctz(piece->mask);
  const columns_t here = p->columns[number];
  for (int r = here.from; r < here.to; r++) {
    const size_t base = (size_t)columns[r] * walk->inputs;
    const uint32_t sign = t->d_sign[piece->word * t->d_stride + columns[r]];
    const ahead_t ahead = after_column(walk, p, number, r);
    const float *cells = walk->cells + base * numbers, *next_cells = walk->cells + ahead.base * numbers;
    float *w = walk->persistent + base;
    for (int first = 0; first < piece->x_count; first += GROUP_CELLS) {
      const int n = piece->x_count - first < GROUP_CELLS ? piece->x_count - first : GROUP_CELLS;
      provide(&p->series, n);
      for (int l = 0; l < n; l += WIDE) {
        const uint32_t *line = lines + first + l, *next = ahead.lines + first + l;
        const floats before = gathered(w, line), normal = load_floats(p->series.number + p->series.at + l);
        const float *at[WIDE];
        UNROLLED for (int i = 0; i < WIDE; i++) at[i] = cells + (size_t)line[i] * numbers;
        const cell_t cell = load_cell(family, numbers, at);
        const ints up = (ints)((load_words(turns + first + l) ^ sign) << to_sign);
        const pulse_t pulse = respond(family, AS_SAID, all, &cell, before, up);
        const floats after = clipped(before + (pulse.step + pulse.size * scale * normal), &cell);
        scatter(w, line, (ints)lane_indices() - (n - l), after);
        UNROLLED for (int i = 0; i < WIDE; i++) __builtin_prefetch(next_cells + (size_t)next[i] * numbers);
      }
      p->series.at += n;
    }
    for (int k = piece->x_count; k < ahead.count; k++)
      __builtin_prefetch(next_cells + (size_t)ahead.lines[k] * numbers);
  }
  const int pulses = (here.to - here.from) * piece->x_count;
  p->pulses += pulses;
  take_normals(p, up_to(pulses, WIDEST_LANES) - pulses);
}

/* List cells that get any of these slots. */
INLINE void list_cells(const int family, const walk_t *walk, progress_t *p, const piece_t *piece, words cells,
                       words slots, words turned) {
  const int direction = walk->trains->direction;
  words ups = slots & turned;
  if (direction != BOTH) ups = slots = direction == ONLY_UP ? ups : slots & ~turned;
  append_kept(&p->list, cells, slots, ups, keep(slots));
  if (p->list.n >= LISTED) do_full(family, walk, p, piece);
}

/* The pairs of a piece's only active line: columns side by side. */
INLINE void walk_row(const int family, const walk_t *walk, progress_t *p, int number) {
  const trains_t *t = walk->trains;
  const piece_t *piece = t->piece + number;
  const columns_t here = p->columns[number];
  const uint32_t *columns = t->d_lines + number * t->d_stride;
  const uint32_t line = t->x_lines[number * t->x_stride], turn = t->x_turns[number * t->x_stride];
  const uint32_t of_line = t->x_slots[number * t->x_stride];
  const float *on = (const float *)(t->d_on + piece->word * t->d_stride);
  const float *sign = (const float *)(t->d_sign + piece->word * t->d_stride);
  for (int r = here.from; r < here.to; r += WIDE) {
    const ints valid = (ints)((ints)lane_indices() < here.to - r);
    uint32_t column[WIDE];
    store_words(column, select_words(valid, load_words(columns + r), all_words(columns[r])));
    const words slots = (words)gathered(on, column) & of_line & (words)valid, turned = (words)gathered(sign, column) ^ turn;
    list_cells(family, walk, p, piece, load_words(column) * walk->inputs + line, slots, turned);
  }
}

/* The pairs of active lines of a piece in the present block of columns. */
INLINE void walk_pairs(const int family, const walk_t *walk, progress_t *p, int number) {
  const trains_t *t = walk->trains;
  const piece_t *piece = t->piece + number;
  const uint32_t *lines = t->x_lines + number * t->x_stride, *slots_of = t->x_slots + number * t->x_stride;
  const uint32_t *turns_of = t->x_turns + number * t->x_stride, *columns = t->d_lines + number * t->d_stride;
  if (piece->x_count == 1)
    walk_row(family, walk, p, number);
  else
    for (int r = p->columns[number].from; r < p->columns[number].to; r++) {
      const uint32_t column = columns[r];
      const uint32_t on = t->d_on[piece->word * t->d_stride + column], sign = t->d_sign[piece->word * t->d_stride + column];
      for (int k = 0; k < piece->x_count; k += WIDE)
        list_cells(family, walk, p, piece, load_words(lines + k) + column * walk->inputs, load_words(slots_of + k) & on,
                   load_words(turns_of + k) ^ sign);
    }
  if (p->list.n) do_listed(family, walk, p, piece);
}
#endif
