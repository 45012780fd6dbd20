/* Whole registers of float32 and int32 lanes, the widest that the instruction set has, and the little arithmetic that
 * the update kernels need on them. Every function gives the same bits for every width.
 */
#ifndef ARCHSIM_LANES_H
#define ARCHSIM_LANES_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__)
#define WIDE 16
#elif defined(__AVX2__)
#define WIDE 8
#else
#define WIDE 4
#endif

typedef float floats __attribute__((vector_size(4 * WIDE)));
typedef int32_t ints __attribute__((vector_size(4 * WIDE)));
typedef uint32_t words __attribute__((vector_size(4 * WIDE)));
typedef float loose_floats __attribute__((vector_size(4 * WIDE), aligned(4), may_alias));
typedef uint32_t loose_words __attribute__((vector_size(4 * WIDE), aligned(4), may_alias));

#define INLINE static inline __attribute__((always_inline))
#define UNROLLED _Pragma("GCC unroll 16")
/* Of a struct: it begins at a cache line, as its memory must. */
#define BY_LINES __attribute__((aligned(64)))

INLINE floats load_floats(const float *p) { return *(const loose_floats *)p; }
INLINE words load_words(const uint32_t *p) { return *(const loose_words *)p; }
INLINE void store_floats(float *p, floats v) { *(loose_floats *)p = v; }
INLINE void store_words(uint32_t *p, words v) { *(loose_words *)p = v; }
INLINE floats all_floats(float v) { return v - (floats){0}; }
INLINE ints all_ints(int32_t v) { return v - (ints){0}; }
INLINE words all_words(uint32_t v) { return v - (words){0}; }

/* where the highest bit of `sign` is set a, else b */
#if defined(__AVX512F__)
#include <immintrin.h>
INLINE floats choose(ints sign, floats a, floats b) {
  return (floats)_mm512_mask_blend_ps(_mm512_movepi32_mask((__m512i)sign), (__m512)b, (__m512)a);
}
INLINE floats square_root(floats v) { return (floats)_mm512_sqrt_ps((__m512)v); }
INLINE int none(ints v) { return _mm512_test_epi32_mask((__m512i)v, (__m512i)v) == 0; }
#elif defined(__AVX2__)
#include <immintrin.h>
INLINE floats choose(ints sign, floats a, floats b) {
  /* as _mm256_blendv_ps, for which compilers add a comparison with zero */
  __m256 chosen;
  __asm__("vblendvps %3, %2, %1, %0" : "=x"(chosen) : "x"(b), "xm"(a), "x"(sign));
  return (floats)chosen;
}
INLINE floats square_root(floats v) { return (floats)_mm256_sqrt_ps((__m256)v); }
INLINE int none(ints v) { return _mm256_testz_si256((__m256i)v, (__m256i)v); }
#else
INLINE floats choose(ints sign, floats a, floats b) {
  const ints mask = sign >> 31;
  return (floats)(((ints)a & mask) | ((ints)b & ~mask));
}
INLINE floats square_root(floats v) {
  for (int i = 0; i < WIDE; i++) v[i] = sqrtf(v[i]);
  return v;
}
INLINE int none(ints v) {
  int32_t any = 0;
  for (int i = 0; i < WIDE; i++) any |= v[i];
  return any == 0;
}
#endif

INLINE words select_words(ints mask, words a, words b) { return (a & (words)mask) | (b & ~(words)mask); }
INLINE floats masked(ints mask, floats v) { return (floats)((ints)v & mask); }
INLINE floats magnitude(floats v) { return (floats)((ints)v & 0x7FFFFFFF); }
/* a < b ? a : b and a > b ? a : b, NaN giving b */
#if defined(__AVX512F__)
INLINE floats smaller(floats a, floats b) { return (floats)_mm512_min_ps((__m512)a, (__m512)b); }
INLINE floats larger(floats a, floats b) { return (floats)_mm512_max_ps((__m512)a, (__m512)b); }
#elif defined(__AVX2__)
INLINE floats smaller(floats a, floats b) { return (floats)_mm256_min_ps((__m256)a, (__m256)b); }
INLINE floats larger(floats a, floats b) { return (floats)_mm256_max_ps((__m256)a, (__m256)b); }
#else
INLINE floats smaller(floats a, floats b) { return choose((ints)(a < b), a, b); }
INLINE floats larger(floats a, floats b) { return choose((ints)(a > b), a, b); }
#endif
INLINE floats to_floats(ints v) { return __builtin_convertvector(v, floats); }

#if defined(__AVX2__) && !defined(__AVX512F__)
INLINE words bit_counts(words v) {
  /* of every four bits by a table, then the sums of four bytes */
  const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2,
                                         3, 2, 3, 3, 4);
  const __m256i low = _mm256_shuffle_epi8(table, (__m256i)(v & 0x0F0F0F0Fu));
  const __m256i high = _mm256_shuffle_epi8(table, (__m256i)(v >> 4 & 0x0F0F0F0Fu));
  const __m256i pairs = _mm256_maddubs_epi16(_mm256_add_epi8(low, high), _mm256_set1_epi8(1));
  return (words)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}
#elif defined(__AVX512F__)
INLINE words bit_counts(words v) {
  const __m512i table = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
  const __m512i low = _mm512_shuffle_epi8(table, (__m512i)(v & 0x0F0F0F0Fu));
  const __m512i high = _mm512_shuffle_epi8(table, (__m512i)(v >> 4 & 0x0F0F0F0Fu));
  const __m512i pairs = _mm512_maddubs_epi16(_mm512_add_epi8(low, high), _mm512_set1_epi8(1));
  return (words)_mm512_madd_epi16(pairs, _mm512_set1_epi16(1));
}
#else
INLINE words bit_counts(words v) {
  v = v - ((v >> 1) & 0x55555555u);
  v = (v & 0x33333333u) + ((v >> 2) & 0x33333333u);
  v = (v + (v >> 4)) & 0x0F0F0F0Fu;
  v = v + (v >> 8);
  return (v + (v >> 16)) & 0x3Fu;
}
#endif

/* 2**v, relative error below 1e-7; v is kept between -126 and 126 */
INLINE floats power_of_two(floats v) {
  v = larger(smaller(v, all_floats(126.0f)), all_floats(-126.0f));
  const floats whole = (v + 12582912.0f) - 12582912.0f;
  const floats r = v - whole;
  const floats p =
      (((((r * 1.5403530e-4f + 1.3333558e-3f) * r + 9.6181291e-3f) * r + 5.5504109e-2f) * r + 0.24022651f) * r +
       0.69314718f) * r + 1.0f;
  return (floats)((ints)p + (__builtin_convertvector(whole, ints) << 23));
}

/* ln u of a positive normal number: e ln 2 + 2 artanh(f / (2 + f)), u = 2**e (1 + f), 1 + f between sqrt(1/2) and sqrt(2) */
INLINE floats natural_log(floats u) {
  const ints bits = (ints)u;
  const ints exponent = (bits - 0x3F3504F3) >> 23;
  const floats f = (floats)(bits - (exponent << 23)) - 1.0f;
  const floats s = f / (f + 2.0f);
  const floats q = s * s;
  const floats p = ((q * 0.14285715f + 0.2f) * q + 0.33333334f) * q;
  return to_floats(exponent) * 0.6931472f + (s + s * p) * 2.0f;
}

enum { WIDEST_LANES = 16 };

/* 0, 1, 2, ... */
INLINE words lane_indices(void) {
  const words indices = {0, 1, 2, 3,
#if WIDE > 4
                         4, 5, 6, 7,
#endif
#if WIDE > 8
                         8, 9, 10, 11, 12, 13, 14, 15
#endif
  };
  return indices;
}

/* p[at[0]], p[at[1]], ... */
INLINE floats gathered(const float *p, const uint32_t *at) {
#if defined(__AVX512F__)
  return (floats)_mm512_i32gather_ps((__m512i)load_words(at), p, 4);
#elif defined(__AVX2__)
  /* quicker than the instruction for it */
  return (floats){p[at[0]], p[at[1]], p[at[2]], p[at[3]], p[at[4]], p[at[5]], p[at[6]], p[at[7]]};
#else
  return (floats){p[at[0]], p[at[1]], p[at[2]], p[at[3]]};
#endif
}

/* p[at[k]] = v[k] where the highest bit of `which` is set. The places are different but for lanes at the end that are not
 * set. */
INLINE void scatter(float *p, const uint32_t *at, ints which, floats v) {
#if defined(__AVX512F__)
  _mm512_mask_i32scatter_ps(p, _mm512_movepi32_mask((__m512i)which), (__m512i)load_words(at), (__m512)v, 4);
#else
  v = choose(which, v, gathered(p, at));
  UNROLLED for (int k = WIDE - 1; k >= 0; k--) p[at[k]] = v[k];
#endif
}

#if defined(__AVX2__) && !defined(__AVX512F__)
/* For each mask of eight lanes: which are set, one after the other; and how many are set below each. */
static uint64_t lanes_set[256], lanes_below[256];

__attribute__((constructor)) static void fill_lane_tables(void) {
  for (int mask = 0; mask < 256; mask++) {
    int found = 0;
    for (int lane = 0; lane < 8; lane++) {
      lanes_below[mask] |= (uint64_t)found << (8 * lane);
      if (mask >> lane & 1) lanes_set[mask] |= (uint64_t)lane << (8 * found++);
    }
  }
}

INLINE __m256i lane_numbers(uint64_t bytes) { return _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)bytes)); }
#endif

/* Lanes that are kept, to be moved together. */
#if defined(__AVX512F__)
typedef __mmask16 kept_t;
INLINE kept_t keep(words v) { return _mm512_test_epi32_mask((__m512i)v, (__m512i)v); }
INLINE int kept_lanes(kept_t kept) { return __builtin_popcount(kept); }
INLINE void store_kept(uint32_t *p, words v, kept_t kept) {
  _mm512_storeu_si512(p, _mm512_maskz_compress_epi32(kept, (__m512i)v));
}
INLINE floats load_spread(const float *p, kept_t kept) {
  return (floats)_mm512_maskz_expand_ps(kept, _mm512_loadu_ps(p));
}
#elif defined(__AVX2__)
typedef int kept_t;
INLINE kept_t keep(words v) {
  return ~_mm256_movemask_ps((__m256)_mm256_cmpeq_epi32((__m256i)v, _mm256_setzero_si256())) & 255;
}
INLINE int kept_lanes(kept_t kept) { return __builtin_popcount((unsigned)kept); }
INLINE void store_kept(uint32_t *p, words v, kept_t kept) {
  store_words(p, (words)_mm256_permutevar8x32_epi32((__m256i)v, lane_numbers(lanes_set[kept])));
}
INLINE floats load_spread(const float *p, kept_t kept) {
  return (floats)_mm256_permutevar8x32_ps((__m256)load_floats(p), lane_numbers(lanes_below[kept]));
}
#else
typedef int kept_t;
INLINE kept_t keep(words v) {
  int kept = 0;
  for (int lane = 0; lane < WIDE; lane++) kept |= (v[lane] != 0u) << lane;
  return kept;
}
INLINE int kept_lanes(kept_t kept) { return (kept & 1) + (kept >> 1 & 1) + (kept >> 2 & 1) + (kept >> 3 & 1); }
INLINE void store_kept(uint32_t *p, words v, kept_t kept) {
  for (int lane = 0; lane < WIDE; lane++) {
    *p = v[lane];
    p += kept >> lane & 1;
  }
}
INLINE floats load_spread(const float *p, kept_t kept) {
  floats v = {0};
  for (int lane = 0; lane < WIDE; lane++)
    if (kept >> lane & 1) v[lane] = *p++;
  return v;
}
#endif
/* store_kept writes a whole register; load_spread reads one, and what it gives to the other lanes has no meaning. */
#endif
