/* What one pulse does to a cell: its mean change at the present weight, by family of devices.
 *
 * A cell is four or eight numbers: w_min, w_max, what an up pulse adds, what a down pulse adds (below zero), and maybe
 * four more:
 *   affine       slopes of both with the weight, absolute noise of both where the noise is additive; in four numbers
 *                slopes only, of steps that end at their bounds
 *   exponential  factors and exponents of both: side + factor exp(exponent w), never beyond zero
 *   power        exponents of both and 1 / (w_max - w_min): side ((w_max - w) / (w_max - w_min))^exponent
 *   piecewise    1 / (w_max - w_min): side times the line through nodes that are equally spaced between bounds
 */
#ifndef ARCHSIM_RESPONSE_H
#define ARCHSIM_RESPONSE_H

#include "lanes.h"

enum { STRAIGHT, AFFINE, ADDITIVE, EXPONENTIAL, POWER, PIECEWISE };
enum { SHORT_CELL = 4, CELL = 8, NODES = 32 };

/* What all cells of an array have in common. */
typedef struct {
  int family;
  int exact;         /* pulse by pulse, never as an aggregate */
  float deviation;   /* noise of a pulse, relative to its step */
  float noise_add;   /* what is added to the step for the noise of families other than affine ones ... */
  float noise_slope; /* ... and times |w| */
  float write_noise; /* standard deviation of what a read sees around the persistent weight */
  int nodes;
  float up_at[NODES], up_climb[NODES], down_at[NODES], down_climb[NODES]; /* at a node, and from it to the next */
  float sharpest; /* largest change of climb at a node */
} response_t;

typedef struct {
  floats low, high, up, down, a, b, c, d;
} cell_t;

/* A step and its three derivatives with the weight, the size that its noise is relative to, and the slope of that. */
typedef struct {
  floats step, slope, bend, twist, size, rate;
} pulse_t;

/* v with its sign turned where that of `by` is negative */
INLINE floats turned(floats v, floats by) { return (floats)((ints)v ^ ((ints)by & (int32_t)0x80000000)); }

INLINE floats look_up(const float *table, int size, ints at) {
#if defined(__AVX512F__)
  return (floats)_mm512_permutex2var_ps(_mm512_loadu_ps(table), (__m512i)at, _mm512_loadu_ps(table + 16));
#elif defined(__AVX2__)
  if (size <= WIDE) return (floats)_mm256_permutevar8x32_ps((__m256)load_floats(table), (__m256i)at);
  return (floats)_mm256_i32gather_ps(table, (__m256i)at, 4);
#else
  floats v;
  for (int i = 0; i < WIDE; i++) v[i] = table[at[i]];
  return v;
#endif
}

/* Which way pulses go: all up, all down, or as they say. */
enum { UPWARDS, DOWNWARDS, AS_SAID };

INLINE floats of_way(const int way, ints up, floats rising, floats falling) {
  return way == UPWARDS ? rising : way == DOWNWARDS ? falling : choose(up, rising, falling);
}

/* The pulse at weight w; AS_SAID, `up` has the highest bit set where it goes up. */
INLINE pulse_t respond(const int family, const int way, const response_t *all, const cell_t *cell, floats w, ints up) {
  const floats zero = all_floats(0.0f), side = of_way(way, up, cell->up, cell->down);
  pulse_t p = {side, zero, zero, zero, zero, zero};
  if (family == AFFINE || family == ADDITIVE) {
    p.slope = of_way(way, up, cell->a, cell->b);
    p.step = side + p.slope * w;
  } else if (family == EXPONENTIAL) {
    const floats exponent = of_way(way, up, cell->c, cell->d);
    const floats grown = of_way(way, up, cell->a, cell->b) * power_of_two(exponent * w * 1.4426950f);
    const floats step = side + grown;
    const ints goes_up = way == AS_SAID ? up : all_ints(way == UPWARDS ? -1 : 0);
    const ints right_way = ((ints)step ^ goes_up) >> 31;
    p.step = masked(right_way, step);
    p.slope = masked(right_way, exponent * grown);
    p.bend = masked(right_way, exponent * exponent * grown);
    p.twist = exponent * p.bend;
  } else if (family == POWER) {
    const floats exponent = of_way(way, up, cell->a, cell->b);
    const floats left = larger(of_way(way, up, cell->high - w, w - cell->low) * cell->c, all_floats(1e-30f));
    const floats step = side * power_of_two(exponent * natural_log(left) * 1.4426950f);
    /* kept finite at the bound: infinite times no pulse would be no number */
    const floats inward = of_way(way, up, zero - cell->c, cell->c) / larger(left, all_floats(1e-12f));
    p.step = step;
    p.slope = exponent * step * inward;
    p.bend = (exponent - 1.0f) * p.slope * inward;
    p.twist = (exponent - 2.0f) * p.bend * inward;
  } else if (family == PIECEWISE) {
    const floats last = all_floats((float)(all->nodes - 1)), before = all_floats((float)(all->nodes - 2));
    const floats per_weight = cell->a * (float)(all->nodes - 1);
    const floats t = smaller(larger((w - cell->low) * per_weight, zero), last);
    const ints at = __builtin_convertvector(smaller(t, before), ints);
    const floats climb = of_way(way, up, look_up(all->up_climb, all->nodes, at), look_up(all->down_climb, all->nodes, at));
    const floats base = of_way(way, up, look_up(all->up_at, all->nodes, at), look_up(all->down_at, all->nodes, at));
    p.step = side * (base + climb * (t - to_floats(at)));
    p.slope = side * climb * per_weight;
  }
  if (family == ADDITIVE) {
    p.size = of_way(way, up, cell->c, cell->d);
  } else if (family == STRAIGHT || family == AFFINE) {
    p.size = magnitude(p.step);
  } else {
    p.size = magnitude(p.step) + all->noise_add + magnitude(w) * all->noise_slope;
    p.rate = turned(p.slope, p.step) + turned(all_floats(all->noise_slope), w);
  }
  return p;
}
#endif
