"""Whether a source distribution and a wheel hold just what they should.

Usage: contents.py FILES SDIST WHEEL, where FILES lists the files of the checkout, one a line. A source distribution
holds all of them; a wheel holds those of the package, with compiled modules in the place of the core's sources.
"""

from __future__ import annotations

import re
import sys
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

#: What only the compiler reads.
SOURCES = (".pyx", ".pxi", ".h")
#: What is of use to git alone.
NOT_SHIPPED = frozenset((".gitignore", ".gitattributes"))


def of_sdist(files: Iterable[str]) -> set[str]:
    """Return what a source distribution should hold."""
    return {file for file in files if file not in NOT_SHIPPED}


def of_wheel(files: Iterable[str]) -> set[str]:
    """Return what a wheel should hold; compiled modules end in ``.so``, whatever the platform calls them."""
    package = {file for file in files if file.startswith("archsim/")}
    compiled = {re.sub(r"\.pyx$", ".so", file) for file in package if file.endswith(".pyx")}
    return compiled | {file for file in package if not file.endswith(SOURCES)}


def in_sdist(archive: Path) -> set[str]:
    """Return the files of a source distribution, without its metadata."""
    with tarfile.open(archive) as tar:
        names = {member.name.partition("/")[2] for member in tar.getmembers() if member.isfile()}
    return {name for name in names if name not in ("PKG-INFO", "setup.cfg") and ".egg-info/" not in name}


def in_wheel(archive: Path) -> set[str]:
    """Return the files of a wheel, without its metadata and the compiler's tags."""
    with zipfile.ZipFile(archive) as file:
        names = {name for name in file.namelist() if ".dist-info/" not in name and not name.endswith("/")}
    return {re.sub(r"\.[\w-]+\.(so|pyd)$", ".so", name) for name in names}


def differences(title: str, wanted: set[str], found: set[str]) -> list[str]:
    """Return a line for each file that is missing or too much."""
    missing = [f"{title} lacks {name}" for name in sorted(wanted - found)]
    return missing + [f"{title} should not hold {name}" for name in sorted(found - wanted)]


def main() -> None:
    """Compare, and leave with what differs."""
    listing, sdist, wheel = (Path(argument) for argument in sys.argv[1:])
    files = listing.read_text(encoding="utf-8").splitlines()
    problems = differences(sdist.name, of_sdist(files), in_sdist(sdist))
    problems += differences(wheel.name, of_wheel(files), in_wheel(wheel))
    if problems:
        sys.exit("\n".join(problems))
    print(f"{sdist.name} holds {len(of_sdist(files))} files, {wheel.name} holds {len(of_wheel(files))}")


if __name__ == "__main__":
    main()
