/* Cells whose pulses happen one by one. */
#ifndef ARCHSIM_EXACT_H
#define ARCHSIM_EXACT_H

#include "group.h"

/* One pulse of the cells in `on` of a register, with the next normal numbers; `up` by its highest bit. */
INLINE void exact_pulse(const int family, const walk_t *walk, progress_t *p, int l, ints on, ints up) {
  const response_t *all = walk->response;
  const float scale = family == ADDITIVE ? 1.0f : all->deviation;
  group_t *g = &p->group;
  const kept_t kept = keep((words)on);
  const cell_t cell = cell_of(family, g, l);
  const floats w = load_floats(g->w + l), z = load_spread(p->series.number + p->series.at, kept);
  const pulse_t pulse = respond(family, AS_SAID, all, &cell, w, up);
  const floats next = w + (pulse.step + pulse.size * scale * z);
  p->series.at += kept_lanes(kept);
  store_floats(g->w + l, choose(on, clipped(next, &cell), w));
  store_words(g->count + l, load_words(g->count + l) - (words)on);
}

/* The pulses of the group's present slots one by one. */
INLINE void exact_pulses(const int family, const walk_t *walk, progress_t *p, int n) {
  group_t *g = &p->group;
  for (;;) {
    ints any = {0};
    for (int l = 0; l < n; l += WIDE) any |= (ints)load_words(g->slots + l);
    if (none(any)) return;
    provide(&p->series, GROUP_CELLS);
    for (int l = 0; l < n; l += WIDE) {
      const words slots = load_words(g->slots + l), bit = slots & (0u - slots);
      exact_pulse(family, walk, p, l, (ints)(slots != 0u), (ints)((load_words(g->ups + l) & bit) != 0u));
      store_words(g->slots + l, slots & (slots - 1u));
    }
  }
}

/* One vector's listed cells in an exact way. */
INLINE void exact_listed(const int family, const walk_t *walk, progress_t *p, list_t *list) {
  group_t *g = &p->group;
  for (int first = 0; first < list->n; first += GROUP_CELLS) {
    const int n = list->n - first < GROUP_CELLS ? list->n - first : GROUP_CELLS;
    const int whole = up_to(n, WIDE);
    load_listed(family, walk, g, list, first, n, whole);
    memcpy(g->slots, list->slots + first, (size_t)whole * sizeof g->slots[0]);
    memcpy(g->ups, list->ups + first, (size_t)whole * sizeof g->ups[0]);
    memset(g->count, 0, sizeof g->count);
    memset(g->failed, 0, sizeof g->failed);
    exact_pulses(family, walk, p, whole);
    count_pulses(p, whole);
    store_listed(walk, p, list, first, n);
  }
  list->n = 0;
}
#endif
