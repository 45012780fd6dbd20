/* Many pulses of a cell as one jump: where it leads, how its noise is spread, and where its law is close enough. */
#ifndef ARCHSIM_JUMP_H
#define ARCHSIM_JUMP_H

#include "group.h"

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

/* The square of by how much a word's pulses, or one of many alike, may stretch noise: what is left out of variances. */
#define STRETCH 1e-3f
/* By how much of itself the order of a word's pulses may change a variance, which is taken for the mean order. */
#define ORDER 6e-3f

typedef struct {
  floats mean, variance, third, lowest, highest, bend;
  ints count, wild; /* wild: a step that cannot be followed from afar */
} path_t; /* variance and third cumulant in units of the relative deviation */

/* Registers worked on side by side, so that none waits for its own results. */
#define MOST_ABREAST 4
#define ABREAST(family) ((family) == STRAIGHT ? 2 : 4)
#define EACH UNROLLED for (int k = 0; k < abreast; k++)

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
  floats size = step;
  if (!by_step(family)) {
    size = choose((ints)up, local->up_size, local->down_size);
    if (skews(family)) size += choose((ints)up, local->up_rate, local->down_rate) * from;
    size = choose((ints)on, size, nothing);
  }
  sums->square += size * size;
  sums->gained = from + step;
}

/* Let the path reach as far as two sums of steps lead, in any order. */
INLINE void extend(path_t *path, floats one, floats other) {
  const floats nothing = all_floats(0.0f);
  path->highest = larger(path->highest, path->mean + (larger(one, nothing) + larger(other, nothing)));
  path->lowest = smaller(path->lowest, path->mean + (smaller(one, nothing) + smaller(other, nothing)));
}

/* Take a word's pulses into the path. Noise decays with the slopes of later pulses: on average half of the others. */
INLINE void account(const int family, const response_t *all, const local_t *local, path_t *path, const sums_t *sums,
                    words slots, words ups) {
  const words up_count = bit_counts(ups), count = bit_counts(slots);
  const floats n = to_floats((ints)up_count), m = to_floats((ints)(count - up_count));
  const floats rise = n * local->up, fall = m * local->down;
  const floats decay = n * local->up_slope + m * local->down_slope, growth = decay + 1.0f;
  const floats others = 1.0f - 1.0f / larger(n + m, all_floats(1.0f));
  extend(path, rise * 1.05f, fall * 1.05f);
  const floats rate = by_step(family) ? local->up_slope * rise + local->down_slope * fall
                                      : n * local->up_size * local->up_rate + m * local->down_size * local->down_rate;
  if (skews(family))
    path->third += path->third * (decay * 3.0f) +
                   rate * (path->variance * 6.0f + sums->square * (others * 3.0f));
  path->variance = path->variance * (growth * growth) + sums->square * (decay * others + 1.0f);
  const floats stretch = n * magnitude(local->up_slope) + m * magnitude(local->down_slope);
  const floats up_size = by_step(family) ? local->up : local->up_size;
  const floats down_size = by_step(family) ? local->down : local->down_size;
  const floats up_square = up_size * up_size, down_square = down_size * down_size;
  const floats order = n * m * magnitude(up_square * local->down_slope - down_square * local->up_slope);
  path->wild |= (ints)(stretch * stretch > STRETCH) | (ints)(order > (n * up_square + m * down_square) * ORDER);
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

/* `many` pulses of every cell, all the same way: a geometric series in the slope, to third or fourth order. */
INLINE void advance_alike(const int family, const response_t *all, const cell_t *cell, path_t *path, ints many, ints up) {
  const pulse_t pulse = respond(family, all, cell, path->mean, up);
  const floats n = to_floats(many), slope = pulse.slope, pairs = n * (n - 1.0f) * 0.5f;
  const floats each = pulse.size * pulse.size, square = n * each;
  floats terms = slope * slope * ((n - 2.0f) * 0.33333334f);
  if (!curved(family)) terms *= slope * ((n - 3.0f) * 0.25f) + 1.0f;
  floats series = n + pairs * (slope + terms);
  if (curved(family)) series += pairs * pulse.bend * pulse.step * ((n + n - 1.0f) * 0.16666667f);
  floats growth = slope * series + 1.0f;
  if (curved(family)) growth += pairs * pulse.bend * pulse.step;
  const floats growth2 = growth * growth, rest = growth * (1.0f - slope);
  /* a pulse's noise decays with the later ones: in the mean over pulses by Simpson's rule, where sizes stay or change
   * in their own way, and by what they all come to, where sizes decay as steps do */
  floats left;
  if (by_step(family)) {
    path->third = (path->third + slope * pulse.step * n * (path->variance * 6.0f + (square - each) * 3.0f)) *
                  (growth2 * growth);
    left = square * (rest * rest);
  } else {
    const floats end = pulse.size + pulse.rate * pulse.step * (series - 1.0f), both = pulse.size + end;
    left = n * 0.16666667f * (each * (rest * rest) + both * both * rest + end * end);
    if (skews(family))
      path->third = path->third * (growth2 * growth) + pulse.rate * n * both * (growth2 + growth) *
                        (path->variance * growth * 1.5f + both * both * (n - 1.0f) * 0.1875f);
  }
  path->variance = path->variance * growth2 + choose((ints)(many > 1), left, square);
  if (curved(family)) {
    const floats bent = magnitude(n * pulse.bend);
    path->bend += bent;
    path->wild |= (ints)(bent * magnitude(pulse.step) > magnitude(slope) * (2.0f * BEND));
  }
  /* the next terms of the series must not matter */
  const float scale = family == ADDITIVE ? 1.0f : all->deviation;
  const floats triples = pairs * (n - 2.0f) * pulse.step * 0.083333336f;
  floats missed = triples * (n - 3.0f) * slope * slope * slope;
  if (!curved(family)) {
    missed *= (n - 4.0f) * slope * 0.2f;
  } else {
    const floats turn = magnitude(pulse.bend * pulse.step);
    missed = magnitude(missed) + magnitude(triples) * turn * ((n - 3.0f) * magnitude(slope) * 4.0f + 2.0f * BEND);
  }
  path->wild |= (ints)(missed * missed > square * (SHIFT * SHIFT * scale * scale)) |
                ((ints)(slope * slope > STRETCH) & (many > 0));
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
  if (curved(family)) within &= path->bend * spread <= 2.0f * SHIFT;
  if (family != STRAIGHT) within &= ~path->wild;
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
#endif
