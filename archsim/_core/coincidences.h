/* How often the pulses of a word meet in a cell, each way, and in which order: counted over the slots of an output line,
 * for sixty-four input lines at a time.
 *
 * For that the slots of input lines are spread: a byte a line, 255 where it pulses in this slot, with one sign or the
 * other. So a register holds four times as many cells as one of their weights does.
 */
#ifndef ARCHSIM_MEETINGS_H
#define ARCHSIM_MEETINGS_H

#include "trains.h"

typedef uint8_t bytes __attribute__((vector_size(4 * WIDE)));
typedef uint8_t loose_bytes __attribute__((vector_size(4 * WIDE), aligned(1), may_alias));
enum { BYTES = 4 * WIDE, SLOTS = 32 };

INLINE bytes load_bytes(const uint8_t *p) { return *(const loose_bytes *)p; }
INLINE void store_bytes(uint8_t *p, bytes v) { *(loose_bytes *)p = v; }

/* As many bytes as a register has lanes, one in each; and back from four registers of lanes that are all ones or zeros.
 * Sums that stay below 256 by staying at 255. */
#if defined(__AVX512F__)
INLINE ints widened(const uint8_t *p) { return (ints)_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)p)); }
INLINE bytes narrowed(const words *v) {
  uint64_t mask = 0;
  for (int k = 0; k < 4; k++) mask |= (uint64_t)_mm512_movepi32_mask((__m512i)v[k]) << (16 * k);
  return (bytes)_mm512_movm_epi8(mask);
}
INLINE bytes at_most_255(bytes a, bytes b) { return (bytes)_mm512_adds_epu8((__m512i)a, (__m512i)b); }
#elif defined(__AVX2__)
INLINE ints widened(const uint8_t *p) { return (ints)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)p)); }
INLINE bytes narrowed(const words *v) {
  const __m256i low = _mm256_packs_epi32((__m256i)v[0], (__m256i)v[1]);
  const __m256i high = _mm256_packs_epi32((__m256i)v[2], (__m256i)v[3]);
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  return (bytes)_mm256_permutevar8x32_epi32(_mm256_packs_epi16(low, high), order);
}
INLINE bytes at_most_255(bytes a, bytes b) { return (bytes)_mm256_adds_epu8((__m256i)a, (__m256i)b); }
#else
INLINE ints widened(const uint8_t *p) { return (ints){p[0], p[1], p[2], p[3]}; }
INLINE bytes narrowed(const words *v) {
  bytes narrow;
  for (int i = 0; i < BYTES; i++) narrow[i] = (uint8_t)v[i / WIDE][i % WIDE];
  return narrow;
}
INLINE bytes at_most_255(bytes a, bytes b) {
  const bytes sum = a + b;
  return sum | (bytes)(sum < a);
}
#endif

/* Pulses of consecutive cells in a word: up, down, and pairs of which the first goes down and the second up (at most 255,
 * of 256 that are possible). */
typedef struct {
  uint8_t up[LINES], down[LINES], crossed[LINES];
} meetings_t;

/* The same for the cells of a register. */
typedef struct {
  floats up, down, crossed;
  ints all;
} numbers_t;

INLINE numbers_t numbers_of(const meetings_t *met, int l) {
  const ints up = widened(met->up + l), down = widened(met->down + l);
  const numbers_t many = {to_floats(up), to_floats(down), to_floats(widened(met->crossed + l)), up + down};
  return many;
}

INLINE size_t spread_line(const trains_t *t, int word, int slot) {
  return (size_t)(word * SLOTS + slot) * 2 * (size_t)t->x_stride;
}

/* Spread the slots of all words that several vectors share: first the pulses of positive inputs, then the others. */
static inline void spread_slots(trains_t *t) {
  for (int word = 0; word < t->words; word++) {
    if (t->alike[word]) continue;
    const uint32_t *on = t->x_on + word * t->x_stride, *sign = t->x_sign + word * t->x_stride;
    for (ptrdiff_t i = 0; i < t->x_stride; i += BYTES) {
      words positive[4], negative[4], chosen[4];
      for (int k = 0; k < 4; k++) {
        const words pulses = load_words(on + i + k * WIDE), turned = load_words(sign + i + k * WIDE);
        positive[k] = pulses & ~turned;
        negative[k] = pulses & turned;
      }
      for (int slot = 0; slot < SLOTS; slot++) {
        uint8_t *line = t->spread + spread_line(t, word, slot) + i;
        for (int k = 0; k < 4; k++) chosen[k] = (words)((ints)(positive[k] << (31 - slot)) >> 31);
        store_bytes(line, narrowed(chosen));
        for (int k = 0; k < 4; k++) chosen[k] = (words)((ints)(negative[k] << (31 - slot)) >> 31);
        store_bytes(line + t->x_stride, narrowed(chosen));
      }
    }
  }
}

/* Where the spread pulses of an output line's slots lie that take cells up and down. */
typedef struct {
  int n;
  size_t up[SLOTS], down[SLOTS];
} lines_t;

INLINE void find_lines(const trains_t *t, int word, uint32_t column, lines_t *lines) {
  const uint32_t sign = t->d_sign[word * t->d_stride + column];
  const size_t other = (size_t)t->x_stride;
  lines->n = 0;
  for (uint32_t left = t->d_on[word * t->d_stride + column]; left; left &= left - 1u) {
    const int slot = __builtin_ctz(left), negative = sign >> slot & 1u;
    const size_t line = spread_line(t, word, slot);
    lines->up[lines->n] = negative ? line : line + other;
    lines->down[lines->n++] = negative ? line + other : line;
  }
}

/* The pulses of these lines in the cells of sixty-four rows. */
INLINE void meet(const trains_t *t, const lines_t *lines, uint32_t row, meetings_t *met) {
  enum { REGISTERS = LINES / BYTES };
  const uint8_t *spread = t->spread + row;
  bytes up[REGISTERS], down[REGISTERS], crossed[REGISTERS];
  UNROLLED for (int k = 0; k < REGISTERS; k++) up[k] = down[k] = crossed[k] = (bytes){0};
  for (int i = 0; i < lines->n; i++) {
    const uint8_t *rises = spread + lines->up[i], *falls = spread + lines->down[i];
    UNROLLED for (int k = 0; k < REGISTERS; k++) {
      const bytes rise = load_bytes(rises + k * BYTES);
      crossed[k] = at_most_255(crossed[k], down[k] & rise);
      up[k] -= rise;
      down[k] -= load_bytes(falls + k * BYTES);
    }
  }
  if (t->direction != BOTH) {
    UNROLLED for (int k = 0; k < REGISTERS; k++) {
      if (t->direction == DOWN_AS_UP) up[k] = down[k];
      down[k] = crossed[k] = (bytes){0};
    }
  }
  UNROLLED for (int k = 0; k < REGISTERS; k++) {
    store_bytes(met->up + k * BYTES, up[k]);
    store_bytes(met->down + k * BYTES, down[k]);
    store_bytes(met->crossed + k * BYTES, crossed[k]);
  }
}
#endif
