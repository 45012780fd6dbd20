# cython: language_level=3
cdef extern from *:
    """
    #if defined(__x86_64__) && defined(__GNUC__)
    static int cpu_has_avx2(void) {
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("bmi2");
    }
    static int cpu_has_avx512(void) {
      return cpu_has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    }
    #else
    static int cpu_has_avx2(void) { return 0; }
    static int cpu_has_avx512(void) { return 0; }
    #endif
    #if defined(__clang__)
    #define ARCHSIM_COMPILER __VERSION__
    #else
    #define ARCHSIM_COMPILER "GCC " __VERSION__
    #endif
    """
    bint cpu_has_avx2()
    bint cpu_has_avx512()
    const char *ARCHSIM_COMPILER
    const char *ARCHSIM_FLAGS


def supported():
    """Return the instruction sets of this processor that archsim has kernels for, the plainest first."""
    names = ["baseline"]
    if cpu_has_avx2():
        names.append("avx2")
    if cpu_has_avx512():
        names.append("avx512")
    return tuple(names)


def built_with():
    """Return the compiler of the core and the flags that all its parts were given."""
    return ARCHSIM_COMPILER.decode(), ARCHSIM_FLAGS.decode()
