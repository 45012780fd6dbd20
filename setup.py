"""The Cython extensions and their compiler flags; everything else stands in pyproject.toml."""

import os
import platform
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

CORE = Path("archsim/_core")

# Contraction to fused multiply-adds would give each instruction set its own last bits. Python's flags ask for what a
# debugger needs, which takes a third of the time and nine tenths of the size.
FLAGS = ["-O3", "-g0", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"]

# What a special build adds, such as sanitizers. Last, and so stronger.
FLAGS += os.environ.get("ARCHSIM_CFLAGS", "").split()

# The same kernels, once for each instruction set; archsim._core chooses when it is imported.
INSTRUCTION_SETS = {
    "avx2": ["-mavx2", "-mpopcnt", "-mbmi", "-mbmi2"],
    "avx512": [
        *("-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mprefer-vector-width=512"),
        *("-mavx2", "-mpopcnt", "-mbmi", "-mbmi2"),
    ],
}
IS_X86 = platform.machine().lower() in ("x86_64", "amd64")
PARTS = [str(part) for pattern in ("*.pxi", "*.h") for part in sorted(CORE.glob(pattern))]

extensions = [
    Extension(
        ".".join(source.with_suffix("").parts),
        [str(source)],
        depends=PARTS,
        # What 'archsim info' says the core was built with.
        define_macros=[("ARCHSIM_FLAGS", f'"{" ".join(FLAGS)}"')] if source.stem == "cpu" else [],
        extra_compile_args=FLAGS + INSTRUCTION_SETS.get(source.stem, []),
    )
    for source in sorted(CORE.glob("*.pyx"))
    if IS_X86 or source.stem not in INSTRUCTION_SETS
]

setup(ext_modules=cythonize(extensions, language_level=3), options={"build_ext": {"parallel": True}})
