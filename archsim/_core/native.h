/* Vectors as wide as the instruction set has them. Lanes are independent, so their number changes no bit. */
#ifndef ARCHSIM_NATIVE_H
#define ARCHSIM_NATIVE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define NATIVE 16
#elif defined(__AVX2__)
#define NATIVE 8
#else
#define NATIVE 4
#endif

typedef float native_t __attribute__((vector_size(4 * NATIVE)));
typedef float loose_t __attribute__((vector_size(4 * NATIVE), aligned(4), may_alias));
typedef int32_t native_bits_t __attribute__((vector_size(4 * NATIVE)));

#define ALWAYS static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

ALWAYS native_t load_native(const float *p) { return *(const loose_t *)p; }

ALWAYS void store_native(float *p, native_t v) { *(loose_t *)p = v; }

/* The first `count` lanes from memory, zeros in the others; memory beyond them is not touched. */
ALWAYS native_t load_some(const float *p, ptrdiff_t count) {
#if defined(__AVX512F__)
  return count >= NATIVE ? load_native(p) : (native_t)_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1u), p);
#elif defined(__AVX2__)
  static const int32_t masks[2 * NATIVE] = {-1, -1, -1, -1, -1, -1, -1, -1};
  const ptrdiff_t lanes = count < NATIVE ? count : NATIVE;
  return (native_t)_mm256_maskload_ps(p, _mm256_loadu_si256((const __m256i *)(masks + NATIVE - lanes)));
#else
  native_t v = {0};
  for (int i = 0; i < NATIVE && i < count; i++) v[i] = p[i];
  return v;
#endif
}

ALWAYS native_t magnitudes(native_t v) { return (native_t)((native_bits_t)v & 0x7FFFFFFF); }

/* Stops a compiler from loading v anew, as an operand from memory, at every use: loads are the scarce resource. */
ALWAYS native_t in_register(native_t v) {
#if defined(__AVX2__)
  __asm__("" : "+x"(v));
#endif
  return v;
}

#endif
