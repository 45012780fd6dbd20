"""The Cython extensions and their compiler flags; everything else stands in pyproject.toml."""

from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

CORE = Path("archsim/_core")
FLAGS = ["-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"]

extensions = [
    Extension(
        ".".join(source.with_suffix("").parts),
        [str(source)],
        extra_compile_args=FLAGS,
    )
    for source in sorted(CORE.glob("*.pyx"))
]

setup(ext_modules=cythonize(extensions, language_level=3))
