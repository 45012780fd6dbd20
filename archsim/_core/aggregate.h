/* Many pulses of a cell as one aggregate: where it leads, how its noise is spread, and where its law is close enough. */
#ifndef ARCHSIM_JUMP_H
#define ARCHSIM_JUMP_H

#include "group.h"

/* Standard deviations that an aggregate keeps away from a bound. */
#define REACH 4.0f
/* By how much of its standard deviation curvature may shift an aggregate: the laws then are 1e-3 apart (1 / sqrt(2 pi) of it). */
#define SHIFT 2.5e-3f
/* Largest skewness of an aggregate, which is corrected to first order (Cornish & Fisher 1938, doi:10.2307/1400905): what is
 * left is its square over 36 and a kurtosis of about twice its square. */
#define SKEWNESS 0.1f

/* The skewness of n pulses one way is 3 deviation |slope| sqrt(n); uncorrected it may be 0.015. */
#define STEEP (0.005f * 0.005f)
/* By how much of itself a slope may change in a word, and the square of by how much a curved step may stretch in it. */
#define BEND 0.5f
#define GROWTH 0.05f
/* The square of by how much one pulse may stretch noise, and half that for the pulses of a word that go both ways: what
 * is left out of variances. */
#define STRETCH 1e-3f

typedef struct {
  floats mean, variance, third, lowest, highest, bend, steepest, longest;
  ints count, wild; /* wild: a step that cannot be followed from afar */
} path_t; /* variance and third cumulant in units of the relative deviation, the latter a third of itself where noise is
             in proportion to the step */

/* What the law of an aggregate takes from all cells. Local numbers, so that none is fetched again after every store. */
typedef struct {
  float deviation; /* of a pulse, relative to its step */
  float scale;     /* of the path's noise */
  float shift;     /* square of what is allowed of shifts, for noise of variance 1 */
  float steep;     /* of slopes squared times pulses, where skewness is not corrected */
  float fourth;    /* of the third cumulant */
} law_t;

INLINE law_t law_of(const int family, const response_t *all) {
  const float deviation = all->deviation, scale = family == ADDITIVE ? 1.0f : deviation;
  const law_t law = {deviation, scale, SHIFT * SHIFT * scale * scale, STEEP / (deviation * deviation),
                     scale * scale * scale * scale * (family == AFFINE ? 3.0f : 1.0f)};
  return law;
}

/* Registers worked on side by side, so that none waits for its own results. */
enum { ABREAST = 4 };
#define EACH_OF(n) UNROLLED for (int k = 0; k < (n); k++)
#define EACH EACH_OF(ABREAST)

INLINE path_t path_from(floats w) {
  const floats zero = all_floats(0.0f);
  const path_t path = {w, zero, zero, w, w, zero, zero, zero, (ints){0}, (ints){0}};
  return path;
}

/* Whether the noise of a pulse changes the steps and the noise of later ones. */
INLINE int skews(const int family) { return family != STRAIGHT && family != ADDITIVE; }
INLINE int curved(const int family) { return family == EXPONENTIAL || family == POWER; }

/* Let the path reach as far as two sums of steps lead, in any order. */
INLINE void extend(path_t *path, floats one, floats other) {
  const floats nothing = all_floats(0.0f);
  path->highest = larger(path->highest, path->mean + (larger(one, nothing) + larger(other, nothing)));
  path->lowest = smaller(path->lowest, path->mean + (smaller(one, nothing) + smaller(other, nothing)));
}

/* Pulses of constant steps, which may come in any order. */
INLINE void advance_constant(const cell_t *cell, path_t *path, const numbers_t *many) {
  const floats rise = many->up * cell->up, fall = many->down * cell->down;
  extend(path, rise, fall);
  path->mean += rise + fall;
  path->variance += rise * cell->up + fall * cell->down;
  path->count += many->all;
}

/* The same, all one way. */
INLINE void advance_constant_alike(const cell_t *cell, path_t *path, ints many, ints up) {
  const floats step = choose(up, cell->up, cell->down), gain = to_floats(many) * step, nothing = all_floats(0.0f);
  path->highest = larger(path->highest, path->mean + larger(gain, nothing));
  path->lowest = smaller(path->lowest, path->mean + smaller(gain, nothing));
  path->mean += gain;
  path->variance += gain * step;
  path->count += many;
}

/* `many` pulses of every cell, all the same way: the powers of a straight step up to the fourth, (1 + slope)^n - 1 over
 * the slope, and what curvature adds to them. */
INLINE void advance_alike(const int family, const response_t *all, const law_t *law, const cell_t *cell, path_t *path,
                          ints many, ints up) {
  if (family == STRAIGHT) {
    advance_constant_alike(cell, path, many, up);
    return;
  }
  const pulse_t pulse = respond(family, AS_SAID, all, cell, path->mean, up);
  const floats n = to_floats(many), slope = pulse.slope;
  const floats before = n * slope - slope, second = before - slope, third = second - slope;
  floats series = n * 0.041666668f * (before * (second * (third + 4.0f) + 12.0f) + 24.0f), growth;
  floats turn = all_floats(0.0f), twist = turn;
  if (curved(family)) {
    const floats half = n * 0.5f, pairs = half * n - half, odd = (n + n - 1.0f) * 0.16666667f;
    turn = pulse.step * pulse.bend;
    twist = pulse.step * pulse.step * pulse.twist;
    series += pairs * (turn * odd * (second + 1.0f) + twist * pairs * 0.16666667f);
    growth = slope * series + 1.0f + pairs * (turn * (second + slope * 0.5f + 1.0f) + twist * odd);
  } else {
    growth = slope * series + 1.0f;
  }
  const floats gain = pulse.step * series, growth2 = growth * growth;
  const floats size = family == AFFINE ? pulse.step : pulse.size, each = size * size;
  /* a pulse's noise decays with the later ones: by what they all come to, where sizes decay as steps do; where they stay,
   * the sum of the squares of all decays is (growth^2 - 1) / ((1 + slope)^2 - 1); in the mean over pulses by Simpson's
   * rule, where sizes change in their own way */
  floats left;
  if (family == AFFINE) {
    const floats rest = growth - slope * (before + 1.0f), square = n * each;
    const floats drift = slope * gain * (path->variance + path->variance + square - each);
    path->third = (path->third + drift) * (growth2 * growth);
    left = square * (rest * rest);
  } else if (family == ADDITIVE) {
    left = each * (series * ((growth + 1.0f) * (0.5f - slope * 0.25f)));
  } else {
    const floats rest = growth - slope * (before + 1.0f);
    const floats half = n * 0.5f - 0.5f, travelled = pulse.step * (series - 1.0f);
    const floats halfway = pulse.step * (half + slope * half * (half * 0.5f - 0.5f));
    floats end = pulse.size + pulse.rate * travelled, middle = pulse.size + pulse.rate * halfway;
    if (curved(family)) {
      const floats curve = turned(pulse.bend, pulse.step) * 0.5f;
      end += curve * (travelled * travelled);
      middle += curve * (halfway * halfway);
    }
    const floats both = pulse.size + end;
    left = n * 0.16666667f * (each * (rest * rest) + middle * middle * (rest * 4.0f) + end * end);
    const floats drift = pulse.rate * n * both * (growth2 + growth);
    const floats earlier = path->variance * growth * 1.5f + both * both * (n - 1.0f) * 0.1875f;
    path->third = path->third * (growth2 * growth) + drift * earlier;
  }
  path->variance = path->variance * growth2 + left;
  if (curved(family)) {
    /* the fifth order of the series must not matter, nor what is left out of growth */
    const floats bent = n * turn, curl = n * n * n * twist, q = before * before, b = magnitude(n * bent);
    floats missed = q * q + b * (q * 11.0f + b * 4.0f);
    missed = missed + magnitude(curl) * (magnitude(before) * 7.0f + BEND);
    missed = missed * n * magnitude(pulse.step) * 0.0083333333f;
    path->wild |= (missed * missed > left * (0.5f * law->shift)) | (magnitude(bent) > magnitude(slope) * BEND) |
                  (((q > GROWTH) | (slope * slope > STRETCH)) & (many > 0));
    path->bend += magnitude(n * pulse.bend);
  } else {
    path->longest = larger(path->longest, n);
    if (family == PIECEWISE) path->steepest = larger(path->steepest, magnitude(slope));
  }
  path->mean += gain;
  path->lowest = smaller(path->lowest, path->mean);
  path->highest = larger(path->highest, path->mean);
  path->count += many;
}

/* What the pulses of a word come to that go both ways: up, down, and what slopes add; the square of their noise, its
 * third cumulant and what that one gains from earlier noise; and by how much the word stretches what was there before. */
typedef struct {
  floats rise, fall, bent, square, third, rate, decay, steepest, bend;
  ints wild;
} word_t;

/* To first order in the slopes, a step changes with where the pulses before it lead, and its noise with the slopes of
 * those after it: what counts of their order is how often one goes down before one goes up. */
INLINE word_t both_ways(const int family, const response_t *all, const law_t *law, const cell_t *cell, floats from,
                        const numbers_t *many) {
  const pulse_t rising = respond(family, UPWARDS, all, cell, from, (ints){0});
  const pulse_t falling = respond(family, DOWNWARDS, all, cell, from, (ints){0});
  const floats n = many->up, m = many->down, crossed = many->crossed, half = n * 0.5f, other_half = m * 0.5f;
  const floats pairs = half * n - half, other_pairs = other_half * m - other_half, other = n * m - crossed;
  const floats before_ups = rising.step * pairs + falling.step * crossed;
  const floats before_downs = falling.step * other_pairs + rising.step * other;
  const floats bent_up = rising.slope * before_ups, bent_down = falling.slope * before_downs;
  const floats after_ups = rising.slope * pairs + falling.slope * other;
  const floats after_downs = falling.slope * other_pairs + rising.slope * crossed;
  word_t word;
  word.rise = n * rising.step;
  word.fall = m * falling.step;
  word.bent = bent_up + bent_down;
  word.decay = n * rising.slope + m * falling.slope;
  if (family == AFFINE) {
    const floats one = bent_up + rising.step * after_ups, two = bent_down + falling.step * after_downs;
    word.square = rising.step * (word.rise + one + one) + falling.step * (word.fall + two + two);
  } else {
    floats one = rising.size * after_ups, two = falling.size * after_downs;
    if (skews(family)) {
      one += rising.rate * before_ups;
      two += falling.rate * before_downs;
    }
    word.square = rising.size * (n * rising.size + one + one) + falling.size * (m * falling.size + two + two);
  }
  if (skews(family)) {
    const floats up_size = family == AFFINE ? rising.step : rising.size;
    const floats down_size = family == AFFINE ? falling.step : falling.size;
    const floats up_rate = up_size * (family == AFFINE ? rising.slope : rising.rate);
    const floats down_rate = down_size * (family == AFFINE ? falling.slope : falling.rate);
    const floats up_square = up_size * up_size, down_square = down_size * down_size;
    const float unit = family == AFFINE ? 2.0f : 6.0f;
    word.rate = (n * up_rate + m * down_rate) * unit;
    word.third = (up_rate * (up_square * pairs + down_square * crossed) +
                  down_rate * (down_square * other_pairs + up_square * other)) * unit;
  }
  word.steepest = larger(magnitude(rising.slope), magnitude(falling.slope));
  const floats stretch = word.steepest * (n + m);
  floats missed = (magnitude(bent_up) + magnitude(bent_down)) * stretch * 0.33333334f;
  word.wild = (ints){0};
  if (curved(family)) {
    /* the mean square of what lies before steps is known by their mean only; and no step may end on the way */
    const floats one = all_floats(1.0f);
    const floats up_bend = before_ups * before_ups * rising.bend, down_bend = before_downs * before_downs * falling.bend;
    const floats bends = (up_bend / larger(n, one) + down_bend / larger(m, one)) * 0.75f;
    word.bent += bends;
    missed += magnitude(bends) * 0.7f;
    word.bend = n * magnitude(rising.bend) + m * magnitude(falling.bend);
    const floats far = word.rise - word.fall + square_root(larger(word.square, all_floats(0.0f))) * (REACH * law->scale);
    word.wild = ((n > 0.0f) & (magnitude(rising.slope) * far > magnitude(rising.step))) |
                ((m > 0.0f) & (magnitude(falling.slope) * far > magnitude(falling.step)));
  }
  word.wild |= (stretch * stretch > 2.0f * STRETCH) | (missed * missed > word.square * law->shift);
  return word;
}

/* Take them into the path. */
INLINE void advance_both_ways(const int family, const response_t *all, const law_t *law, const cell_t *cell,
                              path_t *path, const numbers_t *many) {
  if (family == STRAIGHT) {
    advance_constant(cell, path, many);
    return;
  }
  const word_t word = both_ways(family, all, law, cell, path->mean, many);
  const floats growth = word.decay + 1.0f;
  if (skews(family))
    path->third = path->third + path->third * (word.decay * 3.0f) + (word.rate * path->variance + word.third);
  path->variance = path->variance * (growth * growth) + word.square;
  extend(path, word.rise * 1.05f, word.fall * 1.05f);
  if (curved(family)) path->bend += word.bend;
  if (family == PIECEWISE) path->steepest = larger(path->steepest, word.steepest);
  path->wild |= word.wild;
  path->mean += word.rise + word.fall + word.bent;
  path->count += many->all;
}

/* The path of a single word, and what it stretches; its skewness is bounded, not corrected. */
INLINE path_t path_of_word(const int family, const response_t *all, const law_t *law, const cell_t *cell, floats from,
                           const numbers_t *many) {
  path_t path = path_from(from);
  if (family == STRAIGHT) {
    advance_constant(cell, &path, many);
    return path;
  }
  const word_t word = both_ways(family, all, law, cell, from, many);
  const floats nothing = all_floats(0.0f), rise = word.rise * 1.05f, fall = word.fall * 1.05f;
  path.highest = from + (larger(rise, nothing) + larger(fall, nothing));
  path.lowest = from + (smaller(rise, nothing) + smaller(fall, nothing));
  path.mean = from + (word.rise + word.fall + word.bent);
  path.variance = word.square;
  path.wild = word.wild;
  path.count = many->all;
  if (curved(family)) path.bend = word.bend;
  if (skews(family)) path.wild |= word.steepest * word.steepest * (many->up + many->down) > law->steep;
  return path;
}

/* Whether the series of straight steps may end with their fourth order. */
INLINE ints short_series(const int family, const law_t *law, const cell_t *cell, const path_t *path) {
  const floats steepest = family == PIECEWISE ? path->steepest : larger(magnitude(cell->a), magnitude(cell->b));
  const floats reached = steepest * path->longest, fourth = reached * reached * (reached * reached);
  const float allowed = 60.0f * SHIFT * law->deviation;
  return (steepest * steepest <= STRETCH) & (fourth * fourth * to_floats(path->count) <= allowed * allowed);
}

/* Where the law of an aggregate lies within a Kolmogorov-Smirnov distance of 1e-3 of the law pulse by pulse: more than one
 * pulse must stay away from the bounds, be little skewed by noise that changes the noise of later pulses, and meet a step
 * that is nearly straight as far as the noise reaches. (A single one is a normal number that is clipped.) */
INLINE ints within_law(const int family, const response_t *all, const law_t *law, const cell_t *cell, const path_t *path,
                       floats spread, floats skewness) {
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
              (bend * n * (square_root(n) * 0.5f + 0.4f * law->deviation) <= SHIFT * law->deviation);
  }
  return within;
}

/* End an aggregate with the next normal numbers, and mark the cells for which the law is not close enough: they keep their
 * weights. */
INLINE void land(const int family, const response_t *all, const law_t *law, const cell_t *cell, const path_t *path,
                 group_t *g, int l, const float *normal, int first) {
  const floats spread = square_root(larger(path->variance, all_floats(0.0f))) * law->scale;
  floats z = load_floats(normal), skewness = all_floats(0.0f);
  if (skews(family)) {
    skewness = path->third * law->fourth / larger(spread * spread * spread, all_floats(1e-30f));
    z += (z * z - 1.0f) * (skewness * 0.16666667f);
  }
  ints within = within_law(family, all, law, cell, path, spread, skewness);
  if (family != STRAIGHT && !curved(family)) within &= short_series(family, law, cell, path);
  ints failed = (path->count > 1) & ~within;
  words count = (words)path->count;
  if (!first) {
    failed |= (ints)load_words(g->failed + l);
    count += load_words(g->count + l);
  }
  const floats w = clipped(path->mean + spread * z, cell);
  store_floats(g->w + l, choose(path->count > 0, w, load_floats(g->w + l)));
  store_words(g->failed + l, (words)failed);
  store_words(g->count + l, count);
}
#endif
