/* Sixty-four cells that are worked on together, the cells that wait for their turn, and what all work needs. */
#ifndef ARCHSIM_GROUP_H
#define ARCHSIM_GROUP_H

#include "normal.h"
#include "response.h"
#include "coincidences.h"

enum {
  GROUP_CELLS = 64,
  LISTED = 4096 /* cells that wait to be worked on */
};

/* What a walk through the cells works with. */
typedef struct {
  const response_t *response;
  const trains_t *trains;
  const float *cells;
  float *persistent;
  float *visible; /* what reads see, where that differs */
  uint32_t inputs;
  int numbers; /* of a cell */
} walk_t;

typedef struct {
  uint32_t cell[LISTED + GROUP_CELLS], slots[LISTED + GROUP_CELLS], ups[LISTED + GROUP_CELLS];
  int n;
} BY_LINES list_t;

/* Which of a piece's active outputs are in the present block of columns. */
typedef struct {
  int from, to;
} columns_t;

typedef struct {
  float w[GROUP_CELLS], numbers[CELL][GROUP_CELLS];
  uint32_t slots[GROUP_CELLS], ups[GROUP_CELLS];
  uint32_t count[GROUP_CELLS], failed[GROUP_CELLS];
} BY_LINES group_t;

typedef struct {
  group_t group;
  list_t list, failed;
  series_t series;
  int64_t pulses;
  columns_t *columns; /* of every piece */
} progress_t;

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

INLINE floats clipped(floats w, const cell_t *cell) { return larger(smaller(w, cell->high), cell->low); }

INLINE const float *take_normals(progress_t *p, int n) {
  provide(&p->series, n);
  p->series.at += n;
  return p->series.number + p->series.at - n;
}

INLINE int numbers_of_cell(const int family, const walk_t *walk) {
  return family == STRAIGHT ? SHORT_CELL : family == AFFINE ? walk->numbers : CELL;
}

/* Four consecutive numbers of as many cells as a register has lanes, from the k-th on, one number of all of them after
 * the other. */
#if defined(__AVX2__) && !defined(__AVX512F__)
INLINE __m256 two_quarters(const float *a, const float *b) {
  return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(a)), _mm_loadu_ps(b), 1);
}
INLINE void eight_cells(const float *const *cell, int k, __m256 *number) {
  const __m256 p = two_quarters(cell[0] + k, cell[4] + k), q = two_quarters(cell[1] + k, cell[5] + k);
  const __m256 r = two_quarters(cell[2] + k, cell[6] + k), s = two_quarters(cell[3] + k, cell[7] + k);
  const __m256 a = _mm256_unpacklo_ps(p, q), b = _mm256_unpackhi_ps(p, q);
  const __m256 c = _mm256_unpacklo_ps(r, s), d = _mm256_unpackhi_ps(r, s);
  number[0] = _mm256_shuffle_ps(a, c, 0x44);
  number[1] = _mm256_shuffle_ps(a, c, 0xEE);
  number[2] = _mm256_shuffle_ps(b, d, 0x44);
  number[3] = _mm256_shuffle_ps(b, d, 0xEE);
}
#endif
INLINE void load_four(const float *const *cell, int k, floats *number) {
#if defined(__AVX512F__)
  __m512 quarters[4];
  for (int i = 0; i < 4; i++) {
    /* from memory into a quarter of a register: no shuffle, which only one port of a processor can do */
    __m512 v = _mm512_castps128_ps512(_mm_loadu_ps(cell[i] + k));
    v = _mm512_mask_broadcast_f32x4(v, 0x00F0, _mm_loadu_ps(cell[4 + i] + k));
    v = _mm512_mask_broadcast_f32x4(v, 0x0F00, _mm_loadu_ps(cell[8 + i] + k));
    quarters[i] = _mm512_mask_broadcast_f32x4(v, 0xF000, _mm_loadu_ps(cell[12 + i] + k));
  }
  const __m512 a = _mm512_unpacklo_ps(quarters[0], quarters[1]), b = _mm512_unpackhi_ps(quarters[0], quarters[1]);
  const __m512 c = _mm512_unpacklo_ps(quarters[2], quarters[3]), d = _mm512_unpackhi_ps(quarters[2], quarters[3]);
  number[0] = (floats)_mm512_shuffle_ps(a, c, 0x44);
  number[1] = (floats)_mm512_shuffle_ps(a, c, 0xEE);
  number[2] = (floats)_mm512_shuffle_ps(b, d, 0x44);
  number[3] = (floats)_mm512_shuffle_ps(b, d, 0xEE);
#elif defined(__AVX2__)
  __m256 number_of[4];
  eight_cells(cell, k, number_of);
  for (int i = 0; i < 4; i++) number[i] = (floats)number_of[i];
#elif defined(__SSE2__)
  __m128 p = _mm_loadu_ps(cell[0] + k), q = _mm_loadu_ps(cell[1] + k);
  __m128 r = _mm_loadu_ps(cell[2] + k), s = _mm_loadu_ps(cell[3] + k);
  _MM_TRANSPOSE4_PS(p, q, r, s);
  number[0] = (floats)p;
  number[1] = (floats)q;
  number[2] = (floats)r;
  number[3] = (floats)s;
#else
  for (int i = 0; i < 4; i++)
    for (int l = 0; l < WIDE; l++) number[i][l] = cell[l][k + i];
#endif
}

/* Cells of a register, from memory and into a group. */
INLINE cell_t load_cell(const int family, int numbers, const float *const *at) {
  floats first[4], second[4] = {{0}};
  load_four(at, 0, first);
  if (family == AFFINE && numbers == SHORT_CELL) {
    const floats nothing = all_floats(0.0f), rise = first[2] * first[1], fall = first[3] * first[0];
    const cell_t cell = {first[0], first[1], nothing - rise, nothing - fall, first[2], first[3], nothing, nothing};
    return cell;
  }
  if (family != STRAIGHT) load_four(at, 4, second);
  const cell_t cell = {first[0], first[1], first[2], first[3], second[0], second[1], second[2], second[3]};
  return cell;
}
INLINE void store_cell(const int family, group_t *g, int l, const cell_t *cell) {
  store_floats(g->numbers[0] + l, cell->low);
  store_floats(g->numbers[1] + l, cell->high);
  store_floats(g->numbers[2] + l, cell->up);
  store_floats(g->numbers[3] + l, cell->down);
  if (family != STRAIGHT) {
    store_floats(g->numbers[4] + l, cell->a);
    store_floats(g->numbers[5] + l, cell->b);
    store_floats(g->numbers[6] + l, cell->c);
    store_floats(g->numbers[7] + l, cell->d);
  }
}

/* The weights and numbers of n listed cells; the places up to `whole` repeat the last one and get no pulses. The next
 * ones, which lie anywhere, are fetched meanwhile. */
INLINE void load_listed(const int family, const walk_t *walk, group_t *g, list_t *list, int first, int n, int whole) {
  const int numbers = numbers_of_cell(family, walk);
  uint32_t *cell = list->cell + first;
  for (int l = n; l < whole; l++) {
    cell[l] = cell[n - 1];
    list->slots[first + l] = list->ups[first + l] = 0;
  }
  for (int l = 0; l < whole; l += WIDE) {
    const float *at[WIDE];
    UNROLLED for (int i = 0; i < WIDE; i++) at[i] = walk->cells + (size_t)cell[l + i] * numbers;
    const cell_t cell_at = load_cell(family, numbers, at);
    store_cell(family, g, l, &cell_at);
  }
  for (int l = 0; l < whole; l++) g->w[l] = walk->persistent[cell[l]];
  const int next = list->n - first - n < GROUP_CELLS ? list->n - first - n : GROUP_CELLS;
  for (int l = n; l < n + next; l++) {
    __builtin_prefetch(walk->cells + (size_t)cell[l] * numbers);
    __builtin_prefetch(walk->persistent + cell[l]);
    if (walk->visible != NULL) __builtin_prefetch(walk->visible + cell[l]);
  }
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

INLINE void count_pulses(progress_t *p, int n) {
  const group_t *g = &p->group;
  words sum = {0};
  for (int l = 0; l < n; l += WIDE) sum += load_words(g->count + l) & ~load_words(g->failed + l);
  for (int l = 0; l < WIDE; l++) p->pulses += sum[l];
}

INLINE void append_kept(list_t *list, words cells, words slots, words ups, kept_t kept) {
  if (!kept) return;
  store_kept(list->cell + list->n, cells, kept);
  store_kept(list->slots + list->n, slots, kept);
  store_kept(list->ups + list->n, ups, kept);
  list->n += kept_lanes(kept);
}

INLINE void append(list_t *list, uint32_t cell, uint32_t slots, uint32_t ups) {
  list->cell[list->n] = cell;
  list->slots[list->n] = slots;
  list->ups[list->n++] = ups;
}
#endif
