/* Philox4x32-7 (Salmon, Moraes, Dror & Shaw, SC'11, doi:10.1145/2063384.2063405) on whole vectors of counters. Seven
 * rounds are the fewest that pass every statistical test of that paper.
 *
 * A compiler turns a plain loop into full-width shuffles after every 32 x 32 -> 64 bit product. Here even and odd
 * counters are kept apart in 64-bit lanes instead: a product reads the low halves only, so the high halves may hold
 * anything until the end and no shuffle is needed.
 */
#ifndef ARCHSIM_PHILOX_H
#define ARCHSIM_PHILOX_H

#include <stdint.h>

#if defined(__AVX512F__)
#include <immintrin.h>
typedef __m512i lanes_t;
#define LANES 16
#define LOAD(p) _mm512_loadu_si512((const void *)(p))
#define STORE(p, v) _mm512_storeu_si512((void *)(p), v)
#define MULTIPLY(a, b) _mm512_mul_epu32(a, b)
#define XOR(a, b) _mm512_xor_si512(a, b)
/* a shuffle, since products alone keep the port of shifts busy */
#define HIGH(v) _mm512_shuffle_epi32(v, (_MM_PERM_ENUM)0xF5)
#define BROADCAST(k) _mm512_set1_epi32((int)(k))
#define WEAVE(even, odd) _mm512_mask_blend_epi32(0xAAAA, even, _mm512_slli_epi64(odd, 32))
#elif defined(__AVX2__)
#include <immintrin.h>
typedef __m256i lanes_t;
#define LANES 8
#define LOAD(p) _mm256_loadu_si256((const __m256i *)(p))
#define STORE(p, v) _mm256_storeu_si256((__m256i *)(p), v)
#define MULTIPLY(a, b) _mm256_mul_epu32(a, b)
#define XOR(a, b) _mm256_xor_si256(a, b)
#define HIGH(v) _mm256_srli_epi64(v, 32)
#define BROADCAST(k) _mm256_set1_epi32((int)(k))
#define WEAVE(even, odd) _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xAA)
#elif defined(__SSE2__)
#include <emmintrin.h>
typedef __m128i lanes_t;
#define LANES 4
#define LOAD(p) _mm_loadu_si128((const __m128i *)(p))
#define STORE(p, v) _mm_storeu_si128((__m128i *)(p), v)
#define MULTIPLY(a, b) _mm_mul_epu32(a, b)
#define XOR(a, b) _mm_xor_si128(a, b)
#define HIGH(v) _mm_srli_epi64(v, 32)
#define BROADCAST(k) _mm_set1_epi32((int)(k))
#define WEAVE(even, odd) \
  _mm_or_si128(_mm_and_si128(even, _mm_set_epi32(0, -1, 0, -1)), _mm_slli_epi64(odd, 32))
#endif

#define PHILOX_ROUNDS 7
#define PHILOX_M0 0xD2511F53u
#define PHILOX_M1 0xCD9E8D57u
#define PHILOX_W0 0x9E3779B9u
#define PHILOX_W1 0xBB67AE85u

#ifdef LANES
#define ROUND(c0, c1, c2, c3)                     \
  do {                                            \
    lanes_t p0 = MULTIPLY(c0, m0);                \
    lanes_t p1 = MULTIPLY(c2, m1);                \
    c0 = XOR(XOR(HIGH(p1), c1), k0);              \
    c2 = XOR(XOR(HIGH(p0), c3), k1);              \
    c1 = p1;                                      \
    c3 = p0;                                      \
  } while (0)

/* Replace n counters (n a multiple of 16; word k of counter i in wk[i]) by their random words. */
static inline void philox_rounds(uint32_t *w0, uint32_t *w1, uint32_t *w2, uint32_t *w3, int n, uint32_t key0,
                                 uint32_t key1) {
  const lanes_t m0 = BROADCAST(PHILOX_M0), m1 = BROADCAST(PHILOX_M1);
  for (int i = 0; i < n; i += LANES) {
    lanes_t a0 = LOAD(w0 + i), a1 = LOAD(w1 + i), a2 = LOAD(w2 + i), a3 = LOAD(w3 + i);
    lanes_t b0 = HIGH(a0), b1 = HIGH(a1), b2 = HIGH(a2), b3 = HIGH(a3);
    uint32_t q0 = key0, q1 = key1;
    for (int r = 0; r < PHILOX_ROUNDS; r++) {
      const lanes_t k0 = BROADCAST(q0), k1 = BROADCAST(q1);
      ROUND(a0, a1, a2, a3);
      ROUND(b0, b1, b2, b3);
      q0 += PHILOX_W0;
      q1 += PHILOX_W1;
    }
    STORE(w0 + i, WEAVE(a0, b0));
    STORE(w1 + i, WEAVE(a1, b1));
    STORE(w2 + i, WEAVE(a2, b2));
    STORE(w3 + i, WEAVE(a3, b3));
  }
}
#else
static inline void philox_rounds(uint32_t *w0, uint32_t *w1, uint32_t *w2, uint32_t *w3, int n, uint32_t key0,
                                 uint32_t key1) {
  for (int i = 0; i < n; i++) {
    uint32_t c0 = w0[i], c1 = w1[i], c2 = w2[i], c3 = w3[i], q0 = key0, q1 = key1;
    for (int r = 0; r < PHILOX_ROUNDS; r++) {
      const uint64_t p0 = (uint64_t)PHILOX_M0 * c0, p1 = (uint64_t)PHILOX_M1 * c2;
      c0 = (uint32_t)(p1 >> 32) ^ c1 ^ q0;
      c1 = (uint32_t)p1;
      c2 = (uint32_t)(p0 >> 32) ^ c3 ^ q1;
      c3 = (uint32_t)p0;
      q0 += PHILOX_W0;
      q1 += PHILOX_W1;
    }
    w0[i] = c0;
    w1[i] = c1;
    w2[i] = c2;
    w3[i] = c3;
  }
}
#endif

/* The keys of all rounds. */
typedef struct {
  uint32_t round[PHILOX_ROUNDS][2];
} philox_keys;

static inline philox_keys expand_key(uint64_t key) {
  philox_keys keys;
  uint32_t q0 = (uint32_t)key, q1 = (uint32_t)(key >> 32);
  for (int r = 0; r < PHILOX_ROUNDS; r++, q0 += PHILOX_W0, q1 += PHILOX_W1) {
    keys.round[r][0] = q0;
    keys.round[r][1] = q1;
  }
  return keys;
}

/* For functions with the rounds inside: GCC, free to reorder them, moves half of its work to memory and back. */
#if defined(__GNUC__) && !defined(__clang__)
#define KEEP_ORDER __attribute__((noinline, optimize("no-tree-ter")))
#else
#define KEEP_ORDER __attribute__((noinline))
#endif

/* The random words w[16 k + i] of the sixteen counters (c0 + i, c1, c2, c3). */
#if defined(__AVX512F__)
static inline void philox_sixteen(uint32_t *w, uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3,
                                  const philox_keys *keys) {
  const lanes_t m0 = BROADCAST(PHILOX_M0), m1 = BROADCAST(PHILOX_M1);
  const lanes_t steps = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  lanes_t a0 = _mm512_add_epi32(BROADCAST(c0), steps), a1 = BROADCAST(c1), a2 = BROADCAST(c2), a3 = BROADCAST(c3);
  lanes_t b0 = HIGH(a0), b1 = a1, b2 = a2, b3 = a3;
#pragma GCC unroll 8
  for (int r = 0; r < PHILOX_ROUNDS; r++) {
    const lanes_t k0 = BROADCAST(keys->round[r][0]), k1 = BROADCAST(keys->round[r][1]);
    ROUND(a0, a1, a2, a3);
    ROUND(b0, b1, b2, b3);
  }
  STORE(w, WEAVE(a0, b0));
  STORE(w + 16, WEAVE(a1, b1));
  STORE(w + 32, WEAVE(a2, b2));
  STORE(w + 48, WEAVE(a3, b3));
}
#elif defined(__AVX2__)
/* Two registers side by side: the rounds of one alone would wait for its products most of the time. */
static inline void philox_sixteen(uint32_t *w, uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3,
                                  const philox_keys *keys) {
  const lanes_t m0 = BROADCAST(PHILOX_M0), m1 = BROADCAST(PHILOX_M1);
  lanes_t a[4][4];
  for (int v = 0; v < 2; v++) {
    const lanes_t steps = _mm256_add_epi32(_mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0), BROADCAST(8 * v));
    a[2 * v][0] = _mm256_add_epi32(BROADCAST(c0), steps);
    a[2 * v + 1][0] = HIGH(a[2 * v][0]);
  }
  for (int v = 0; v < 4; v++) {
    a[v][1] = BROADCAST(c1);
    a[v][2] = BROADCAST(c2);
    a[v][3] = BROADCAST(c3);
  }
#pragma GCC unroll 8
  for (int r = 0; r < PHILOX_ROUNDS; r++) {
    const lanes_t k0 = BROADCAST(keys->round[r][0]), k1 = BROADCAST(keys->round[r][1]);
    lanes_t p0[4], p1[4];
#pragma GCC unroll 4
    for (int v = 0; v < 4; v++) {
      p0[v] = MULTIPLY(a[v][0], m0);
      p1[v] = MULTIPLY(a[v][2], m1);
    }
#pragma GCC unroll 4
    for (int v = 0; v < 4; v++) {
      a[v][0] = XOR(XOR(HIGH(p1[v]), a[v][1]), k0);
      a[v][2] = XOR(XOR(HIGH(p0[v]), a[v][3]), k1);
      a[v][1] = p1[v];
      a[v][3] = p0[v];
    }
  }
#pragma GCC unroll 4
  for (int k = 0; k < 4; k++) {
    STORE(w + 16 * k, WEAVE(a[0][k], a[1][k]));
    STORE(w + 16 * k + 8, WEAVE(a[2][k], a[3][k]));
  }
}
#else
static inline void philox_sixteen(uint32_t *w, uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3,
                                  const philox_keys *keys) {
  for (int i = 0; i < 16; i++) {
    w[i] = c0 + (uint32_t)i;
    w[16 + i] = c1;
    w[32 + i] = c2;
    w[48 + i] = c3;
  }
  philox_rounds(w, w + 16, w + 32, w + 48, 16, keys->round[0][0], keys->round[0][1]);
}
#endif
#endif
