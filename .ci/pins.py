"""Print what stands in pyproject.toml, one requirement a line.

Usage: pins.py NAME... for the tools of the extra 'dev' of these names (without one: all tools); pins.py --lowest for
the lowest versions of everything that archsim needs to be built, to run and to be tested.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))


def name_of(requirement: str) -> str:
    """Return the name in a requirement."""
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0]


def tools(names: list[str]) -> list[str]:
    """Return the pinned tools of these names, or all of them."""
    pinned = [tool for tool in PROJECT["project"]["optional-dependencies"]["dev"] if name_of(tool) != "archsim"]
    unknown = set(names) - {name_of(tool) for tool in pinned}
    if unknown:
        sys.exit(f"the extra 'dev' does not name {', '.join(sorted(unknown))}")
    return [tool for tool in pinned if not names or name_of(tool) in names]


def lowest() -> list[str]:
    """Return every lower bound as the only version."""
    project = PROJECT["project"]
    needed = PROJECT["build-system"]["requires"] + project["dependencies"] + project["optional-dependencies"]["test"]
    unbounded = [requirement for requirement in needed if not re.fullmatch(r"[\w.-]+>=[\w.]+", requirement)]
    if unbounded:
        sys.exit(f"not a name with a lower bound: {', '.join(unbounded)}")
    return [requirement.replace(">=", "==") for requirement in needed]


if __name__ == "__main__":
    print(*(lowest() if sys.argv[1:] == ["--lowest"] else tools(sys.argv[1:])), sep="\n")
