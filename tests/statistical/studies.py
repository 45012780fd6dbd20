"""The scripts under ``reports`` as modules, so that tests use what the studies use."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

REPORTS = Path(__file__).resolve().parents[2] / "reports"


def load(name: str) -> ModuleType:
    """Return the script of a study."""
    spec = spec_from_file_location(f"reports_{name}", REPORTS / name / "remake.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    # Data classes look their module up.
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)
    return module
