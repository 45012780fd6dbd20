/* A block of vectors on the cells of some outputs: which pulses a cell gets, and what they do to it.
 *
 * Sixty-four cells are worked on at a time, with their pulses in order, in one of two ways:
 *   jump   the mean changes of the pulses one after the other, their noise as one normal number: the exact law of a
 *          single pulse and of an affine step with additive noise; else used where it is close (see `within_law`);
 *   exact  pulse by pulse, clipped after each.
 * Where most cells of a block are pulsed, consecutive cells of a row take all the block's vectors in a jump, and those
 * for which a jump would not do wait for an exact group. Elsewhere each vector's pairs of active lines are listed.
 */
#ifndef ARCHSIM_WALK_H
#define ARCHSIM_WALK_H

#include "normal.h"
#include "response.h"
#include "trains.h"

enum {
  GROUP_CELLS = 64,
  SERIES_ROWS = 64, /* outputs whose cells share a series of normal numbers */
  SEGMENT = 8,     /* words of trains after which a jump ends */
  LISTED = 4096    /* cells that wait to be worked on */
};

/* Standard deviations that a jump keeps away from a bound. */
#define REACH 4.0f
/* By how much of its standard deviation curvature may shift a jump: the laws then are 1e-3 apart (1 / sqrt(2 pi) of it). */
#define SHIFT 2.5e-3f
/* Largest skewness of a jump, which is corrected to first order (Cornish & Fisher 1938, doi:10.2307/1400905): what is
 * left is its square over 36 and a kurtosis of about twice its square. */
#define SKEWNESS 0.1f

/* The skewness of n pulses one way is 3 deviation |slope| sqrt(n); uncorrected it may be 0.015. */
#define STEEP (0.005f * 0.005f)
/* By how much a slope may change where a step is followed as a parabola. */
#define BEND 0.1f

/* What a walk through the cells works with. */
typedef struct {
  const response_t *response;
  const trains_t *trains;
  const float *cells;
  float *persistent;
  float *visible; /* what reads see, where that differs */
  uint32_t inputs;
} walk_t;

typedef struct {
  int n;
  uint32_t cell[LISTED + GROUP_CELLS], slots[LISTED + GROUP_CELLS], ups[LISTED + GROUP_CELLS];
} list_t;

typedef struct {
  float w[GROUP_CELLS], numbers[CELL][GROUP_CELLS];
  uint32_t slots[GROUP_CELLS], ups[GROUP_CELLS];
  uint32_t count[GROUP_CELLS], failed[GROUP_CELLS];
} group_t;

typedef struct {
  floats mean, variance, third, lowest, highest, bend;
  ints count, wild; /* wild: a step that cannot be followed from afar */
} path_t; /* variance and third cumulant in units of the relative deviation */

typedef struct {
  group_t group;
  list_t list, failed;
  series_t series;
  int64_t pulses;
} progress_t;

/* Registers worked on side by side, so that none waits for its own results. */
#define MOST_ABREAST 4
#define ABREAST(family) ((family) == STRAIGHT ? 2 : 4)
#define EACH UNROLLED for (int k = 0; k < abreast; k++)

INLINE int up_to(int n, int multiple) { return (n + multiple - 1) / multiple * multiple; }

INLINE cell_t cell_of(const int family, const group_t *g, int l) {
  cell_t cell = {load_floats(g->numbers[0] + l), load_floats(g->numbers[1] + l), load_floats(g->numbers[2] + l),
                 load_floats(g->numbers[3] + l)};
  if (family != STRAIGHT) {
    cell.a = load_floats(g->numbers[4] + l);
    cell.b = load_floats(g->numbers[5] + l);
    cell.c = load_floats(g->numbers[6] + l);
    cell.d = load_floats(g->numbers[7] + l);
  }
  return cell;
}

INLINE path_t path_from(floats w) {
  const floats zero = all_floats(0.0f);
  const path_t path = {w, zero, zero, w, w, zero, (ints){0}, (ints){0}};
  return path;
}

/* Whether the noise of a pulse changes the steps and the noise of later ones. */
INLINE int skews(const int family) { return family != STRAIGHT && family != ADDITIVE; }
INLINE int curved(const int family) { return family == EXPONENTIAL || family == POWER; }

/* Whether the noise of a pulse is in proportion to its step. */
INLINE int by_step(const int family) { return family == STRAIGHT || family == AFFINE; }

/* The pulses of one word: how far they lead, and the sum of the squared sizes of their noise. */
typedef struct {
  floats gained, square;
} sums_t;

/* One pulse of the cells whose highest bit is set in `on`; it goes up where that of `up` is set. */
INLINE void advance(const int family, const local_t *local, sums_t *sums, words on, words up) {
  const floats from = sums->gained, nothing = all_floats(0.0f);
  floats slope = choose((ints)up, local->up_slope, local->down_slope);
  if (curved(family)) slope += choose((ints)up, local->up_bend, local->down_bend) * from;
  const floats step = choose((ints)on, choose((ints)up, local->up, local->down) + slope * from, nothing);
  const floats size =
      by_step(family) ? step : choose((ints)on, choose((ints)up, local->up_size, local->down_size), nothing);
  sums->square += size * size;
  sums->gained = from + step;
}

/* Let the path reach as far as two sums of steps lead, in any order. */
INLINE void extend(path_t *path, floats one, floats other) {
  const floats nothing = all_floats(0.0f);
  path->highest = larger(path->highest, path->mean + (larger(one, nothing) + larger(other, nothing)));
  path->lowest = smaller(path->lowest, path->mean + (smaller(one, nothing) + smaller(other, nothing)));
}

/* Take a word's pulses into the path. Noise decays with the slopes of later pulses, on average half of the word's. */
INLINE void account(const int family, const response_t *all, const local_t *local, path_t *path, const sums_t *sums,
                    words slots, words ups) {
  const words up_count = bit_counts(ups), count = bit_counts(slots);
  const floats n = to_floats((ints)up_count), m = to_floats((ints)(count - up_count));
  const floats rise = n * local->up, fall = m * local->down;
  const floats decay = n * local->up_slope + m * local->down_slope;
  extend(path, rise * 1.05f, fall * 1.05f);
  if (skews(family))
    path->third += path->third * (decay * 3.0f) + (local->up_slope * rise + local->down_slope * fall) *
                                                      (path->variance * 6.0f + sums->square * 3.0f);
  path->variance += path->variance * (decay * 2.0f) + sums->square * (decay + 1.0f);
  if (curved(family)) {
    /* the parabola must hold as far as the path and its noise lead, and the step not end there */
    const floats far = rise - fall + square_root(path->variance) * (REACH * all->deviation);
    const floats up_bend = magnitude(local->up_bend) * 2.0f, down_bend = magnitude(local->down_bend) * 2.0f;
    const floats up_slope = magnitude(local->up_slope), down_slope = magnitude(local->down_slope);
    path->bend += n * up_bend + m * down_bend;
    path->wild |= ((n > 0.0f) & ((up_bend * far > up_slope * BEND) | (up_slope * far > magnitude(local->up)))) |
                  ((m > 0.0f) & ((down_bend * far > down_slope * BEND) | (down_slope * far > magnitude(local->down))));
  }
  path->mean += sums->gained;
  path->count += (ints)count;
}

/* The pulses of a word by their numbers, where nothing depends on their order; `alike`, all of a cell go the same way. */
INLINE void advance_constant(const cell_t *cell, path_t *path, words slots, words ups, int alike) {
  const words all_n = bit_counts(slots), ups_n = alike ? all_n & (words)(ups != 0u) : bit_counts(ups);
  const floats n = to_floats((ints)ups_n), m = to_floats((ints)(all_n - ups_n));
  const floats rise = n * cell->up, fall = m * cell->down;
  extend(path, rise, fall);
  path->mean += rise + fall;
  path->variance += rise * cell->up + fall * cell->down;
  path->count += (ints)all_n;
}

/* `many` pulses of every cell, all the same way: a geometric series in the slope, to third order. */
INLINE void advance_alike(const int family, const response_t *all, const cell_t *cell, path_t *path, ints many, ints up) {
  const pulse_t pulse = respond(family, all, cell, path->mean, up);
  const floats n = to_floats(many), slope = pulse.slope, pairs = n * (n - 1.0f) * 0.5f;
  const floats square = n * (pulse.size * pulse.size);
  floats series = n + pairs * (slope + slope * slope * ((n - 2.0f) * 0.33333334f));
  if (curved(family)) series += pairs * pulse.bend * pulse.step * ((n + n - 1.0f) * 0.16666667f);
  const floats growth = slope * series + 1.0f;
  if (skews(family)) path->third += slope * pulse.step * n * (path->variance * 6.0f + square * 3.0f);
  if (family == ADDITIVE)
    path->variance = path->variance * (growth * growth) + square * (growth - slope);
  else
    path->variance = (path->variance + square * (1.0f - slope - slope)) * (growth * growth);
  if (curved(family)) path->bend += magnitude(n * pulse.bend);
  path->mean += pulse.step * series;
  path->lowest = smaller(path->lowest, path->mean);
  path->highest = larger(path->highest, path->mean);
  path->count += many;
}

/* Where the law of a jump lies within a Kolmogorov-Smirnov distance of 1e-3 of the law pulse by pulse: a single pulse
 * is a normal number that is clipped; more of them must stay away from the bounds, be little skewed by noise that
 * changes the noise of later pulses, and meet a step that is nearly straight as far as the noise reaches. */
INLINE ints within_law(const int family, const response_t *all, const cell_t *cell, const path_t *path, floats spread,
                       floats skewness) {
  const floats reach = spread * REACH;
  ints within = (path->lowest - reach >= cell->low) & (path->highest + reach <= cell->high);
  if (skews(family)) within &= magnitude(skewness) <= SKEWNESS;
  if (curved(family)) within &= (path->bend * spread <= 2.0f * SHIFT) & ~path->wild;
  if (family == PIECEWISE) {
    /* all between the same two nodes, or a bend at a node that does not matter */
    const floats per_weight = cell->a * (float)(all->nodes - 1);
    const floats low = (path->lowest - reach - cell->low) * per_weight;
    const floats high = (path->highest + reach - cell->low) * per_weight;
    const floats n = to_floats(path->count), longest = larger(magnitude(cell->up), magnitude(cell->down));
    const floats bend = longest * per_weight * all->sharpest;
    within &= (ints)(__builtin_convertvector(low, ints) == __builtin_convertvector(high, ints)) |
              (bend * n * (square_root(n) * 0.5f + 0.4f * all->deviation) <= SHIFT * all->deviation);
  }
  return within | (path->count <= 1);
}

INLINE floats clipped(floats w, const cell_t *cell) { return larger(smaller(w, cell->high), cell->low); }

/* End a jump with the next normal numbers, and mark the cells for which the law is not close enough: they keep their
 * weights. */
INLINE void land(const int family, const response_t *all, const cell_t *cell, const path_t *path, group_t *g, int l,
                 const float *normal, int first) {
  const float scale = family == ADDITIVE ? 1.0f : all->deviation;
  const floats spread = square_root(larger(path->variance, all_floats(0.0f))) * scale;
  const ints touched = path->count > 0;
  floats z = load_floats(normal), skewness = all_floats(0.0f);
  if (skews(family)) {
    const float fourth = scale * scale * scale * scale;
    skewness = path->third * fourth / larger(spread * spread * spread, all_floats(1e-30f));
    z += (z * z - 1.0f) * (skewness * 0.16666667f);
  }
  ints failed = touched & ~within_law(family, all, cell, path, spread, skewness);
  words count = (words)path->count;
  if (!first) {
    failed |= (ints)load_words(g->failed + l);
    count += load_words(g->count + l);
  }
  const floats w = clipped(path->mean + spread * z, cell);
  store_floats(g->w + l, choose(touched, w, load_floats(g->w + l)));
  store_words(g->failed + l, (words)failed);
  store_words(g->count + l, count);
}

INLINE const float *take_normals(progress_t *p, int n) {
  provide(&p->series, n);
  p->series.at += n;
  return p->series.number + p->series.at - n;
}

/* The numbers of neighbours in memory or in a list, one number of all of them after the other, from place l on: eight
 * cells at a time where registers hold as many, else four. */
#if defined(__AVX2__)
enum { TRANSPOSED = 8 };
INLINE __m256 two_quarters(const float *a, const float *b) {
  return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(a)), _mm_loadu_ps(b), 1);
}
INLINE void load_cells(group_t *g, int l, const float *const *cell, int numbers) {
  UNROLLED for (int k = 0; k < numbers; k += 4) {
    const __m256 p = two_quarters(cell[0] + k, cell[4] + k), q = two_quarters(cell[1] + k, cell[5] + k);
    const __m256 r = two_quarters(cell[2] + k, cell[6] + k), s = two_quarters(cell[3] + k, cell[7] + k);
    const __m256 a = _mm256_unpacklo_ps(p, q), b = _mm256_unpackhi_ps(p, q);
    const __m256 c = _mm256_unpacklo_ps(r, s), d = _mm256_unpackhi_ps(r, s);
    _mm256_storeu_ps(g->numbers[k] + l, _mm256_shuffle_ps(a, c, 0x44));
    _mm256_storeu_ps(g->numbers[k + 1] + l, _mm256_shuffle_ps(a, c, 0xEE));
    _mm256_storeu_ps(g->numbers[k + 2] + l, _mm256_shuffle_ps(b, d, 0x44));
    _mm256_storeu_ps(g->numbers[k + 3] + l, _mm256_shuffle_ps(b, d, 0xEE));
  }
}
#else
enum { TRANSPOSED = 4 };
INLINE void load_cells(group_t *g, int l, const float *const *cell, int numbers) {
#if defined(__SSE2__)
  for (int k = 0; k < numbers; k += 4) {
    __m128 p = _mm_loadu_ps(cell[0] + k), q = _mm_loadu_ps(cell[1] + k);
    __m128 r = _mm_loadu_ps(cell[2] + k), s = _mm_loadu_ps(cell[3] + k);
    _MM_TRANSPOSE4_PS(p, q, r, s);
    _mm_storeu_ps(g->numbers[k] + l, p);
    _mm_storeu_ps(g->numbers[k + 1] + l, q);
    _mm_storeu_ps(g->numbers[k + 2] + l, r);
    _mm_storeu_ps(g->numbers[k + 3] + l, s);
  }
#else
  for (int k = 0; k < numbers; k++)
    for (int i = 0; i < TRANSPOSED; i++) g->numbers[k][l + i] = cell[i][k];
#endif
}
#endif

/* The weights and numbers of n listed cells; the places up to `whole` repeat the last one and get no pulses. */
INLINE void load_listed(const int family, const walk_t *walk, group_t *g, list_t *list, int first, int n, int whole) {
  uint32_t *cell = list->cell + first;
  for (int l = n; l < whole; l++) {
    cell[l] = cell[n - 1];
    list->slots[first + l] = list->ups[first + l] = 0;
  }
  for (int l = 0; l < whole; l += TRANSPOSED) {
    const float *at[TRANSPOSED];
    UNROLLED for (int i = 0; i < TRANSPOSED; i++) at[i] = walk->cells + (size_t)cell[l + i] * CELL;
    load_cells(g, l, at, family == STRAIGHT ? 4 : CELL);
  }
  for (int l = 0; l < whole; l++) g->w[l] = walk->persistent[cell[l]];
}

/* Write weights back; where reads see other ones, draw those anew for the cells that were pulsed. */
INLINE void store_listed(const walk_t *walk, progress_t *p, const list_t *list, int first, int n) {
  const group_t *g = &p->group;
  const uint32_t *cell = list->cell + first;
  for (int l = 0; l < n; l++) walk->persistent[cell[l]] = g->w[l];
  if (walk->visible == NULL) return;
  const float *normal = take_normals(p, up_to(n, WIDEST_LANES));
  for (int l = 0; l < n; l++)
    if (g->count[l] != 0 && g->failed[l] == 0)
      walk->visible[cell[l]] = g->w[l] + walk->response->write_noise * normal[l];
}

/* One pulse of the cells in `on` of a register, with the next normal numbers; `up` by its highest bit. */
INLINE void exact_pulse(const int family, const walk_t *walk, progress_t *p, int l, ints on, ints up) {
  const response_t *all = walk->response;
  const float scale = family == ADDITIVE ? 1.0f : all->deviation;
  group_t *g = &p->group;
  const kept_t kept = keep((words)on);
  const cell_t cell = cell_of(family, g, l);
  const floats w = load_floats(g->w + l), z = load_spread(p->series.number + p->series.at, kept);
  const pulse_t pulse = respond(family, all, &cell, w, up);
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

INLINE void count_pulses(progress_t *p, int n) {
  const group_t *g = &p->group;
  words sum = {0};
  for (int l = 0; l < n; l += WIDE) sum += load_words(g->count + l) & ~load_words(g->failed + l);
  for (int l = 0; l < WIDE; l++) p->pulses += sum[l];
}

/* The cells whose jumps failed, with all words of the block, pulse by pulse. Their lists hold column and row. */
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
      exact_pulses(family, walk, p, whole);
    }
    count_pulses(p, whole);
    store_listed(walk, p, list, first, n);
  }
  list->n = 0;
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

INLINE void append(list_t *list, uint32_t cell, uint32_t slots, uint32_t ups) {
  list->cell[list->n] = cell;
  list->slots[list->n] = slots;
  list->ups[list->n++] = ups;
}

/* The pulses of neighbouring registers of listed cells. */
INLINE void advance_listed(const int family, const response_t *all, const cell_t *cell, path_t *path,
                           const uint32_t *slots_of, const uint32_t *ups_of) {
  const int abreast = ABREAST(family);
  words slots[MOST_ABREAST], ups[MOST_ABREAST];
  local_t local[MOST_ABREAST];
  sums_t sums[MOST_ABREAST];
  EACH slots[k] = load_words(slots_of + k * WIDE);
  EACH ups[k] = load_words(ups_of + k * WIDE);
  if (family == STRAIGHT) {
    EACH advance_constant(&cell[k], &path[k], slots[k], ups[k], 1);
    return;
  }
  EACH local[k] = respond_around(family, all, &cell[k], path[k].mean);
  EACH sums[k] = (sums_t){all_floats(0.0f), all_floats(0.0f)};
  for (;;) {
    words left = {0};
    EACH {
      const words bit = slots[k] & (0u - slots[k]);
      advance(family, &local[k], &sums[k], (words)(slots[k] != 0u), (words)((ups[k] & bit) != 0u));
      slots[k] &= slots[k] - 1u;
      left |= slots[k];
    }
    if (none((ints)left)) break;
  }
  EACH account(family, all, &local[k], &path[k], &sums[k], load_words(slots_of + k * WIDE), ups[k]);
}

/* One vector's listed cells by jumps; those for which a jump would not do are done after them. */
INLINE void jump_listed(const int family, const walk_t *walk, progress_t *p, list_t *list) {
  const response_t *all = walk->response;
  const int abreast = ABREAST(family);
  group_t *g = &p->group;
  for (int first = 0; first < list->n; first += GROUP_CELLS) {
    const int n = list->n - first < GROUP_CELLS ? list->n - first : GROUP_CELLS;
    const int whole = up_to(n, abreast * WIDE);
    const float *normal = take_normals(p, up_to(n, WIDEST_LANES));
    ints failed = {0};
    load_listed(family, walk, g, list, first, n, whole);
    for (int l = 0; l < whole; l += abreast * WIDE) {
      cell_t cell[MOST_ABREAST];
      path_t path[MOST_ABREAST];
      EACH cell[k] = cell_of(family, g, l + k * WIDE);
      EACH path[k] = path_from(load_floats(g->w + l + k * WIDE));
      advance_listed(family, all, cell, path, list->slots + first + l, list->ups + first + l);
      EACH {
        const int at = l + k * WIDE;
        const floats before = load_floats(g->w + at);
        land(family, all, &cell[k], &path[k], g, at, normal + at, 1);
        const ints undone = (ints)load_words(g->failed + at);
        store_floats(g->w + at, choose(undone, before, load_floats(g->w + at)));
        failed |= undone;
      }
    }
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
      const pulse_t pulse = respond(family, all, &cell, w, (ints)(load_words(list->ups + first + l) != 0u));
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
    jump_listed(family, walk, p, &p->list);
}

/* The pairs of active lines of a piece, on those of its active outputs that are given. */
INLINE void walk_pairs(const int family, const walk_t *walk, progress_t *p, int number, int from, int to) {
  const trains_t *t = walk->trains;
  const piece_t *piece = t->piece + number;
  const uint32_t *lines = t->x_lines + number * t->x_stride, *slots_of = t->x_slots + number * t->x_stride;
  const uint32_t *turns_of = t->x_turns + number * t->x_stride, *rows = t->d_lines + number * t->d_stride;
  list_t *list = &p->list;
  for (int r = from; r < to; r++) {
    const uint32_t row = rows[r], base = row * walk->inputs;
    const uint32_t on = t->d_on[piece->word * t->d_stride + row], sign = t->d_sign[piece->word * t->d_stride + row];
    for (int k = 0; k < piece->x_count; k += WIDE) {
      const words turned = load_words(turns_of + k) ^ sign;
      words slots = load_words(slots_of + k) & on, ups = slots & turned;
      if (t->direction != BOTH) ups = slots = t->direction == ONLY_UP ? ups : slots & ~turned;
      const kept_t kept = keep(slots);
      const int found = kept_lanes(kept);
      uint32_t *cell = list->cell + list->n;
      store_kept(cell, load_words(lines + k) + base, kept);
      store_kept(list->slots + list->n, slots, kept);
      store_kept(list->ups + list->n, ups, kept);
      UNROLLED for (int i = 0; i < WIDE; i++) {
        __builtin_prefetch(walk->cells + (size_t)cell[i] * CELL);
        __builtin_prefetch(walk->persistent + cell[i]);
      }
      list->n += found;
      if (list->n > LISTED - WIDE) do_listed(family, walk, p, piece);
    }
  }
  if (list->n) do_listed(family, walk, p, piece);
}

/* One word of a row's trains on consecutive columns, in neighbouring registers. */
INLINE void advance_row(const int family, const walk_t *walk, const cell_t *cell, path_t *path, int word, uint32_t row,
                        uint32_t column) {
  const int abreast = ABREAST(family);
  const trains_t *t = walk->trains;
  const response_t *all = walk->response;
  words slots[MOST_ABREAST], up[MOST_ABREAST];
  EACH slots[k] = row_coincidences(t, word, column + (uint32_t)(k * WIDE), row, &up[k]);
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

/* The outputs from `begin` to `end`, within one block of rows. */
INLINE void walk_rows(const int family, const walk_t *walk, progress_t *p, uint32_t begin, uint32_t end, int *from) {
  const trains_t *t = walk->trains;
  if (t->crowded) {
    const int single = t->words == 1 && !t->alike[0];
    for (uint32_t row = begin; row < end; row++) {
      uint32_t any = 0;
      for (int word = 0; word < t->words; word++) any |= t->d_on[word * t->d_stride + row];
      if (!any) continue;
      for (uint32_t column = 0; column < walk->inputs; column += GROUP_CELLS) {
        const int n = walk->inputs - column < GROUP_CELLS ? (int)(walk->inputs - column) : GROUP_CELLS;
        if (walk->response->exact)
          exact_row(family, walk, p, row, column, n);
        else if (single)
          jump_word(family, walk, p, row, column, n);
        else
          jump_row(family, walk, p, row, column, n);
      }
    }
    if (p->failed.n) redo_failed(family, walk, p);
    return;
  }
  for (int k = 0; k < t->pieces; k++) {
    const piece_t *piece = t->piece + k;
    const uint32_t *rows = t->d_lines + k * t->d_stride;
    int first = from[k], last;
    while (first < piece->d_count && rows[first] < begin) first++;
    for (last = first; last < piece->d_count && rows[last] < end;) last++;
    from[k] = last;
    walk_pairs(family, walk, p, k, first, last);
  }
}

#define ROWS_OF(family)                                                                                              \
  static __attribute__((noinline)) void walk_rows_##family(const walk_t *walk, progress_t *p, uint32_t begin,        \
                                                           uint32_t end, int *from) {                                \
    walk_rows(family, walk, p, begin, end, from);                                                                    \
  }
ROWS_OF(STRAIGHT)
ROWS_OF(AFFINE)
ROWS_OF(ADDITIVE)
ROWS_OF(EXPONENTIAL)
ROWS_OF(POWER)
ROWS_OF(PIECEWISE)

/* Apply the trains to the outputs from `begin` to `end`, whole blocks of rows; `from` holds a zero for every piece.
 * Returns the number of pulses. */
static int64_t walk_outputs(const walk_t *walk, progress_t *p, uint32_t begin, uint32_t end, int *from, uint64_t key,
                            uint32_t c1, uint32_t c2, uint32_t c3) {
  typedef void (*rows_of)(const walk_t *, progress_t *, uint32_t, uint32_t, int *);
  static const rows_of by_family[] = {walk_rows_STRAIGHT,    walk_rows_AFFINE, walk_rows_ADDITIVE,
                                      walk_rows_EXPONENTIAL, walk_rows_POWER,  walk_rows_PIECEWISE};
  p->list.n = p->failed.n = 0;
  p->pulses = 0;
  p->series.keys = expand_key(key);
  p->series.c2 = c2;
  p->series.c3 = c3;
  for (uint32_t row = begin; row < end; row += SERIES_ROWS) {
    begin_series(&p->series, c1 | row / SERIES_ROWS);
    by_family[walk->response->family](walk, p, row, end - row < SERIES_ROWS ? end : row + SERIES_ROWS, from);
  }
  return p->pulses;
}
#endif
