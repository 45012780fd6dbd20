/* Pulse trains of a block of vectors, and where two of them coincide.
 *
 * The slots of all vectors of a block follow each other in words of 32 bits: bit s of word k of a line says whether the
 * line pulses in that slot, and another word holds the sign of its value there. So one AND finds the coincidences of a
 * cell in up to 32 vectors, in the order in which they happen. A vector's slots never straddle words unless it has more
 * than 32. A vector of a counted scheme has a word of its own, in which lines hold float32 numbers: the product of two
 * of them, rounded, is the number of coincidences.
 */
#ifndef ARCHSIM_TRAINS_H
#define ARCHSIM_TRAINS_H

#include <stddef.h>

#include "lanes.h"
#include "philox.h"

enum { BOTH, ONLY_UP, DOWN_AS_UP };
enum { LINES = 64, FEW_SLOTS = 8 };

/* A vector's slots in one word. */
typedef struct {
  int word, x_count, d_count;
  uint32_t mask;
} piece_t;

typedef struct {
  int words, pieces, crowded, counted, direction, backwards;
  int width;               /* input lines that words tell of */
  const uint32_t *rows; /* which they are, of all; NULL: all of them */
  ptrdiff_t x_stride, d_stride;
  uint32_t *x_on, *x_sign; /* [words][x_stride], padded with zeros */
  uint32_t *d_on, *d_sign; /* [words][d_stride] */
  uint8_t *alike;          /* words whose slots belong to one vector, and are many */
  uint8_t *spread;         /* slots of the other words on input lines, in bytes; see coincidences.h */
  piece_t *piece;
  /* the active lines of every piece in order, [pieces][stride], with those words of them */
  uint32_t *x_lines, *x_slots, *x_turns, *d_lines;
} trains_t;

/* The coincidences of a cell in a word, and which of them go up. */
INLINE uint32_t coincidences(const trains_t *t, int word, uint32_t row, uint32_t column, uint32_t *up) {
  const size_t x = (size_t)(word * t->x_stride) + row, d = (size_t)(word * t->d_stride) + column;
  uint32_t slots, turned = t->x_sign[x] ^ t->d_sign[d];
  if (t->counted) {
    float a, b;
    memcpy(&a, t->x_on + x, sizeof a);
    memcpy(&b, t->d_on + d, sizeof b);
    slots = (1u << (int)((a * b + 12582912.0f) - 12582912.0f)) - 1u;
  } else {
    slots = t->x_on[x] & t->d_on[d];
  }
  if (t->direction != BOTH) {
    slots &= t->direction == ONLY_UP ? turned : ~turned;
    turned = 0xFFFFFFFFu;
  }
  *up = slots & turned;
  return slots;
}

/* The same for the rows of neighbouring registers, but with all slots that go up or would. */
INLINE void column_coincidences(const trains_t *t, int word, uint32_t row, uint32_t column, const int registers,
                             words *slots, words *upwards) {
  const uint32_t *on = t->x_on + word * t->x_stride + row, *sign = t->x_sign + word * t->x_stride + row;
  const uint32_t d_on = t->d_on[word * t->d_stride + column], d_sign = t->d_sign[word * t->d_stride + column];
  UNROLLED for (int k = 0; k < registers; k++) upwards[k] = load_words(sign + k * WIDE) ^ d_sign;
  if (t->counted) {
    float b;
    memcpy(&b, &d_on, sizeof b);
    UNROLLED for (int k = 0; k < registers; k++) {
      const floats n = ((floats)load_words(on + k * WIDE) * b + 12582912.0f) - 12582912.0f;
      /* 2**n - 1 by way of the exponent; n is below 32 */
      const ints exponent = (__builtin_convertvector(n, ints) + 127) << 23;
      const floats power = (floats)exponent;
      const words high = (words)__builtin_convertvector(smaller(power, all_floats(2147483520.0f)), ints);
      slots[k] = select_words((ints)(n > 30.5f), all_words(0x7FFFFFFFu), high - 1u);
    }
  } else {
    UNROLLED for (int k = 0; k < registers; k++) slots[k] = load_words(on + k * WIDE) & d_on;
  }
  if (t->direction != BOTH) {
    UNROLLED for (int k = 0; k < registers; k++) {
      slots[k] &= t->direction == ONLY_UP ? upwards[k] : ~upwards[k];
      upwards[k] = all_words(0xFFFFFFFFu);
    }
  }
}

/* What the trains of one side of a block are drawn from. */
typedef struct {
  philox_keys keys;
  uint32_t c1, c2, c3;
  int shared; /* all lines compare with the same numbers */
} chance_t;

/* The random words of 64 lines in a slot. */
static KEEP_ORDER void line_words(const chance_t *from, uint32_t first, int slot, uint32_t *w) {
  philox_sixteen(w, from->shared ? 0u : first / 4, from->c1 | (uint32_t)slot, from->c2, from->c3, &from->keys);
}

/* How many lines are worked on where n have a chance: small layers have few. */
INLINE int some_lines(int n) { return n <= LINES / 4 ? LINES / 4 : n <= LINES / 2 ? LINES / 2 : LINES; }

/* In the first words of `on`: the slots in which so many lines pulse, each with probability limit / 2**31, 2**31 being
 * certain. Few slots: a number each. */
static inline void compare_slots(const chance_t *from, uint32_t first, const uint32_t *limit, int length,
                                 uint32_t *on, int lines) {
  uint32_t w[LINES];
  for (int slot = 0; slot < length; slot++) {
    line_words(from, first, slot, w);
    if (from->shared)
      for (int i = 0; i < LINES; i++) w[i] = w[0];
    for (int i = 0; i < lines; i += WIDE) {
      const words bound = load_words(limit + i);
      const words below = (words)((ints)(load_words(w + i) >> 1) < (ints)(bound & 0x7FFFFFFFu));
      store_words(on + i, load_words(on + i) | (((below & 1u) | bound >> 31) << slot));
    }
  }
}

/* The same for many slots: binary digits of 32 numbers at a time, the highest first, as long as one is undecided. Each of
 * the lines has counters of its own. */
INLINE void compare_digits_of(const chance_t *from, uint32_t first, const uint32_t *limit, uint32_t mask, uint32_t piece,
                              uint32_t *on, const int lines) {
  uint32_t w[4][LINES], left[LINES], open[LINES];
  uint32_t any = 0, draw = piece << 4;
  for (int i = 0; i < lines; i++) {
    const uint32_t certain = limit[i] >> 31 ? mask : 0u;
    on[i] |= certain;
    left[i] = limit[i] << 1;
    open[i] = left[i] ? mask & ~certain : 0u;
    any |= open[i];
  }
  for (; any; draw++) {
    for (int i = 0; i < lines; i++) {
      w[0][i] = from->shared ? 0u : first + (uint32_t)i;
      w[1][i] = from->c1 | draw;
      w[2][i] = from->c2;
      w[3][i] = from->c3;
    }
    philox_rounds(w[0], w[1], w[2], w[3], lines, from->keys.round[0][0], from->keys.round[0][1]);
    any = 0;
    for (int k = 0; k < 4; k++)
      for (int i = 0; i < lines; i++) {
        const uint32_t digit = (uint32_t)((int32_t)left[i] >> 31);
        on[i] |= open[i] & digit & ~w[k][i];
        open[i] &= ~(w[k][i] ^ digit);
        left[i] <<= 1;
      }
    for (int i = 0; i < lines; i++) {
      open[i] = left[i] ? open[i] : 0u;
      any |= open[i];
    }
  }
}

static inline void compare_digits(const chance_t *from, uint32_t first, const uint32_t *limit, uint32_t mask,
                                  uint32_t piece, uint32_t *on, int lines) {
  /* a constant for the compiler */
  if (lines == LINES / 4)
    compare_digits_of(from, first, limit, mask, piece, on, LINES / 4);
  else if (lines == LINES / 2)
    compare_digits_of(from, first, limit, mask, piece, on, LINES / 2);
  else
    compare_digits_of(from, first, limit, mask, piece, on, LINES);
}

/* How the probabilities of a side follow from its values. */
typedef struct {
  float factor;
  uint32_t sign; /* turns the signs where its highest bit is set */
  float step;    /* probabilities are multiples of it; 0 for none */
} side_t;

/* Up to 64 values, and zeros behind them. */
INLINE const float *whole_lines(const float *values, int n, float *padded) {
  if (n >= LINES) return values;
  memset(padded, 0, LINES * sizeof(float));
  memcpy(padded, values, (size_t)n * sizeof(float));
  return padded;
}

/* Probabilities times 2**31. */
INLINE words line_chances(const side_t *side, floats value) {
  const float step = side->step;
  floats p = magnitude(value) * side->factor;
  if (step > 0.0f) p = ((p / step + 12582912.0f) - 12582912.0f) * step;
  const ints certain = (ints)(p >= 1.0f);
  const ints chance = __builtin_convertvector(masked(~certain, p) * 2147483648.0f, ints);
  return (words)chance | ((words)certain & 0x80000000u);
}

/* All ones for negative values, or for positive ones where the side is turned. */
INLINE words line_signs(const side_t *side, floats value) { return (words)((ints)((words)value ^ side->sign) >> 31); }

/* Trains of one vector on one side, into the lines' words: `length` slots from bit `offset` of `word` on. Returns the
 * number of pulses. */
static inline int64_t draw_vector(const chance_t *from, const side_t *side, const float *values, int n, int length,
                                  int word, int offset, uint32_t *on, uint32_t *sign, ptrdiff_t stride) {
  int64_t pulses = 0;
  for (int first = 0; first < n; first += LINES) {
    const int m = n - first < LINES ? n - first : LINES;
    uint32_t limit[LINES], negative[LINES], fresh[LINES];
    float padded[LINES];
    const int lines = some_lines(m);
    const float *value = whole_lines(values + first, m, padded);
    words any = {0};
    for (int i = 0; i < lines; i += WIDE) {
      const words bound = line_chances(side, load_floats(value + i));
      store_words(limit + i, bound);
      store_words(negative + i, line_signs(side, load_floats(value + i)));
      any |= bound;
    }
    if (none((ints)any)) continue;
    for (int done = 0, piece = 0; done < length; done += 32, piece++) {
      const int slots = length - done < 32 ? length - done : 32;
      const uint32_t mask = slots == 32 ? 0xFFFFFFFFu : (1u << slots) - 1u;
      uint32_t *to = on + (word + piece) * stride + first, *turned = sign + (word + piece) * stride + first;
      for (int i = 0; i < LINES; i += WIDE) store_words(fresh + i, all_words(0u));
      if (length <= FEW_SLOTS)
        compare_slots(from, (uint32_t)first, limit, slots, fresh, lines);
      else
        compare_digits(from, (uint32_t)first, limit, mask, (uint32_t)piece, fresh, lines);
      words sum = {0};
      for (int i = 0; i < lines; i += WIDE) {
        const words bits = load_words(fresh + i);
        sum += bit_counts(bits);
        store_words(to + i, load_words(to + i) | bits << offset);
        store_words(turned + i, load_words(turned + i) | (load_words(negative + i) & mask << offset));
      }
      for (int i = 0; i < WIDE; i++) pulses += sum[i];
    }
  }
  return pulses;
}

/* Which lanes pulse with these chances: sixteen binary digits of their numbers decide, lane by lane of the lower or upper
 * halves of random words, and where those are the chance's own, the next fifteen. */
INLINE ints below_chance(const chance_t *from, uint32_t first, int lane, int upper, const uint32_t *w, words chance) {
  const words most = chance >> 15 & 0xFFFFu;
  const words number = (from->shared ? all_words(w[0]) : load_words(w + lane)) >> (upper ? 16 : 0) & 0xFFFFu;
  ints below = (ints)number < (ints)most;
  const ints undecided = (ints)(number == most);
  if (!none(undecided)) {
    uint32_t next[LINES];
    line_words(from, first, 1, next);
    const words rest = (from->shared ? all_words(next[0]) : load_words(next + lane)) >> (upper ? 16 : 0) & 0x7FFFu;
    below |= undecided & ((ints)rest < (ints)(chance & 0x7FFFu));
  }
  return below | (ints)chance >> 31;
}

/* Where the train of a single slot goes, what was found of it, and the random words at hand, whose first counter is `drawn`. */
typedef struct {
  words slot;
  uint32_t *on, *sign, *lines, *turns;
  int found, drawn;
  uint32_t w[LINES];
} single_t;

/* That train on the lines of so many registers, from the first one on. */
INLINE void draw_single_lines(const chance_t *from, const side_t *side, const float *value, int first, single_t *to,
                              const int registers) {
  const int counter = first / (2 * LINES) * LINES, upper = first / LINES & 1;
  words chance[LINES / WIDE], any = {0};
  UNROLLED for (int k = 0; k < registers; k++) any |= chance[k] = line_chances(side, load_floats(value + k * WIDE));
  if (none((ints)any)) return;
  /* where all that may pulse is certain to, any numbers will do */
  if (to->drawn != counter && !none((ints)(any & 0x7FFFFFFFu))) {
    line_words(from, (uint32_t)counter, 0, to->w);
    to->drawn = counter;
  } else if (to->drawn < 0) {
    memset(to->w, 0xFF, sizeof to->w);
  }
  UNROLLED for (int k = 0; k < registers; k++) {
    const int i = k * WIDE, at = first + i;
    const words pulses = (words)below_chance(from, (uint32_t)counter, i, upper, to->w, chance[k]) & to->slot;
    const words turned = line_signs(side, load_floats(value + i)) & to->slot;
    const kept_t kept = keep(pulses);
    store_words(to->on + at, load_words(to->on + at) | pulses);
    store_words(to->sign + at, load_words(to->sign + at) | turned);
    store_kept(to->lines + to->found, lane_indices() + (uint32_t)at, kept);
    if (to->turns != NULL) store_kept(to->turns + to->found, turned, kept);
    to->found += kept_lanes(kept);
  }
}

/* The train of a single slot, the most common one, in one go: chances, pulses, and the list of the lines that pulse, with
 * their slots and signs. A random word serves two lines. Returns the number of pulses. */
static inline int draw_single(const chance_t *from, const side_t *side, const float *values, int n, int offset,
                              uint32_t *on, uint32_t *sign, uint32_t *lines, uint32_t *slots, uint32_t *turns) {
  enum { REGISTERS = LINES / WIDE };
  single_t to;
  float padded[LINES];
  to.slot = all_words(1u << offset);
  to.on = on;
  to.sign = sign;
  to.lines = lines;
  to.turns = turns;
  to.found = 0;
  to.drawn = -1;
  for (int first = 0; first < n; first += LINES) {
    const float *value = whole_lines(values + first, n - first, padded);
    /* small layers have few lines: a constant for the compiler of what is worked on */
    if (some_lines(n - first) == LINES / 4)
      draw_single_lines(from, side, value, first, &to, REGISTERS / 4);
    else if (some_lines(n - first) == LINES / 2)
      draw_single_lines(from, side, value, first, &to, REGISTERS / 2);
    else
      draw_single_lines(from, side, value, first, &to, REGISTERS);
  }
  const int found = to.found;
  for (int i = found; i < found + WIDE; i++) lines[i] = 0;
  if (turns != NULL) {
    for (int i = 0; i < found; i++) slots[i] = 1u << offset;
    for (int i = found; i < found + WIDE; i++) slots[i] = turns[i] = 0;
  }
  return found;
}

/* Magnitudes of one vector times a factor, for a counted scheme: at most `most`, rounded if need be, times a scale.
 * Returns their sum before the scale. */
static inline double count_vector(const side_t *side, const float *values, int n, int rounded, float most, float scale,
                                  uint32_t *on, uint32_t *sign) {
  double sum = 0.0;
  for (int i = 0; i < n; i++) {
    uint32_t bits;
    float p = side->factor * fabsf(values[i]);
    memcpy(&bits, values + i, sizeof bits);
    if (side->step > 0.0f) p = side->step * ((p / side->step + 12582912.0f) - 12582912.0f);
    p = p < most ? p : most;
    if (rounded) p = (p + 12582912.0f) - 12582912.0f;
    sum += p;
    p *= scale;
    memcpy(on + i, &p, sizeof p);
    sign[i] = (uint32_t)((int32_t)(bits ^ side->sign) >> 31);
  }
  return sum;
}

/* The lines with any of some slots in any of some words, in order; returns how many. */
static inline int active_lines(const uint32_t *on, int words_of, ptrdiff_t stride, uint32_t mask, int n,
                               uint32_t *lines) {
  int found = 0;
  for (int l = 0; l < n; l += WIDE) {
    words any = {0};
    for (int word = 0; word < words_of; word++) any |= load_words(on + word * stride + l);
    const kept_t kept = keep(any & mask);
    store_kept(lines + found, lane_indices() + (uint32_t)l, kept);
    found += kept_lanes(kept);
  }
  return found;
}

/* The words of these input lines alone, with zeros behind them. */
static inline void pack_words(const trains_t *t, const uint32_t *rows, int n, uint32_t *on, uint32_t *sign) {
  for (int word = 0; word < t->words; word++) {
    const ptrdiff_t at = word * t->x_stride;
    for (int i = 0; i < n; i++) {
      on[at + i] = t->x_on[at + rows[i]];
      sign[at + i] = t->x_sign[at + rows[i]];
    }
    memset(on + at + n, 0, (size_t)(t->x_stride - n) * sizeof *on);
    memset(sign + at + n, 0, (size_t)(t->x_stride - n) * sizeof *sign);
  }
}

/* List the active lines of a piece, or of all. */
static inline void list_piece(trains_t *t, int k, int inputs, int outputs) {
  piece_t *piece = t->piece + k;
  const uint32_t *on = t->x_on + piece->word * t->x_stride, *sign = t->x_sign + piece->word * t->x_stride;
  const uint32_t *d_on = t->d_on + piece->word * t->d_stride;
  uint32_t *lines = t->x_lines + k * t->x_stride;
  piece->x_count = active_lines(on, 1, t->x_stride, piece->mask, inputs, lines);
  piece->d_count = active_lines(d_on, 1, t->d_stride, piece->mask, outputs, t->d_lines + k * t->d_stride);
  for (int i = 0; i < piece->x_count; i++) {
    t->x_slots[k * t->x_stride + i] = on[lines[i]] & piece->mask;
    t->x_turns[k * t->x_stride + i] = sign[lines[i]];
  }
  for (int i = piece->x_count; i < piece->x_count + WIDE; i++)
    lines[i] = t->x_slots[k * t->x_stride + i] = t->x_turns[k * t->x_stride + i] = 0;
}

static inline void list_lines(trains_t *t, int inputs, int outputs) {
  for (int k = 0; k < t->pieces; k++) list_piece(t, k, inputs, outputs);
}
#endif
