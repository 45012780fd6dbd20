/* Standard normal numbers, a hundred and twenty-eight at a time.
 *
 * A word gives two of them (Box & Muller 1958, doi:10.1214/aoms/1177706645): its upper twenty bits the radius, its lower
 * twelve the angle. The largest is 5.4; the distribution function differs from the normal one by less than 1e-5.
 */
#ifndef ARCHSIM_NORMAL_H
#define ARCHSIM_NORMAL_H

#include "lanes.h"
#include "philox.h"

enum { DRAWN = 128, TOGETHER = 4 /* registers worked on side by side, so that none waits for its own results */ };

/* Polynomials: 2 ln m for m in [1, 2) within 4e-6; sine and cosine up to an eighth of a turn within 5e-6. */
INLINE void polar(const uint32_t *w, float *first, float *second) {
  words word[TOGETHER];
  ints exponent[TOGETHER];
  floats m[TOGETHER], p[TOGETHER], radius[TOGETHER], y[TOGETHER], z[TOGETHER], sine[TOGETHER], cosine[TOGETHER];
#define EACH UNROLLED for (int k = 0; k < TOGETHER; k++)
  EACH word[k] = load_words(w + k * WIDE);
  /* m 2**e, 2**20 times the uniform number */
  EACH m[k] = to_floats((ints)(word[k] >> 12)) + 0.5f;
  EACH exponent[k] = 147 - ((ints)m[k] >> 23);
  EACH m[k] = (floats)(((ints)m[k] & 0x7FFFFF) | 0x3F800000);
  EACH p[k] = m[k] * -0.03405922f + 0.36740168f;
  EACH p[k] = p[k] * m[k] - 1.7041592f;
  EACH p[k] = p[k] * m[k] + 4.4538869f;
  EACH p[k] = p[k] * m[k] - 7.2942408f;
  EACH p[k] = p[k] * m[k] + 8.4104697f;
  EACH p[k] = p[k] * m[k] - 4.1992957f;
  EACH radius[k] = square_root(larger(to_floats(exponent[k]) * 1.3862944f - p[k], all_floats(0.0f)));
  EACH y[k] = (to_floats((ints)(word[k] & 1023u)) - 511.5f) * 1.5339808e-3f;
  EACH z[k] = y[k] * y[k];
  EACH sine[k] = z[k] * (z[k] * 8.2118634e-3f - 0.16665731f) * y[k] + y[k];
  EACH cosine[k] = ((4.1661411e-2f - z[k] * 1.3661122e-3f) * z[k] - 0.49999982f) * z[k] + 1.0f;
  EACH {
    /* two bits choose the quarter of a turn */
    const ints odd = (ints)(word[k] << 21);
    const words turned = word[k] << 20;
    const floats a = choose(odd, sine[k], cosine[k]) * radius[k], b = choose(odd, cosine[k], sine[k]) * radius[k];
    store_floats(first + k * WIDE, (floats)((words)a ^ ((turned ^ (words)odd) & 0x80000000u)));
    store_floats(second + k * WIDE, (floats)((words)b ^ (turned & 0x80000000u)));
  }
#undef EACH
}

/* Where a series of normal numbers comes from: counters (0, c1, c2, c3), (1, c1, c2, c3), ... sixteen of which give the
 * first of every word's two numbers and then the second ones. */
typedef struct {
  float number[3 * DRAWN];
  philox_keys keys;
  uint32_t next, c1, c2, c3;
  int at, end;
} BY_LINES series_t;

INLINE void begin_series(series_t *series, uint32_t c1) {
  series->c1 = c1;
  series->next = 0;
  series->at = series->end = 0;
}

/* Append a hundred and twenty-eight numbers to what is left; twice as many, where those before were not enough: their
 * rounds and polynomials overlap. */
static KEEP_ORDER void refill(series_t *series) {
  uint32_t w[DRAWN];
  const int left = series->end - series->at, times = series->next ? 2 : 1;
  for (int i = 0; i < left; i++) series->number[i] = series->number[series->at + i];
  for (int k = 0; k < times; k++)
    philox_sixteen(w + k * DRAWN / 2, series->next + 16 * k, series->c1, series->c2, series->c3, &series->keys);
  for (int k = 0; k < times; k++)
    for (int i = 0; i < DRAWN / 2; i += TOGETHER * WIDE)
      polar(w + k * DRAWN / 2 + i, series->number + left + k * DRAWN + i,
            series->number + left + k * DRAWN + DRAWN / 2 + i);
  series->next += 16u * times;
  series->at = 0;
  series->end = left + times * DRAWN;
}

/* See to it that the next n <= 128 numbers are there. */
INLINE void provide(series_t *series, int n) {
  if (series->end - series->at < n) refill(series);
}
#endif
