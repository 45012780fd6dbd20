"""What a crossbar does to numbers: converters, device populations, pulsed updates, training algorithms."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archsim._core import EVALUATE
    from archsim.analog.crossbar import Crossbar
    from archsim.analog.observed import Counts, Read
    from archsim.analog.periphery import Periphery, Streams
    from archsim.analog.threads import Workers

__all__ = ["EVALUATE", "Counts", "Crossbar", "Periphery", "Read", "Streams", "Workers"]

_HOMES = {
    "Crossbar": "archsim.analog.crossbar",
    "EVALUATE": "archsim._core",
    "Periphery": "archsim.analog.periphery",
    "Read": "archsim.analog.observed",
    "Streams": "archsim.analog.periphery",
    "Counts": "archsim.analog.observed",
    "Workers": "archsim.analog.threads",
}


def __getattr__(name: str) -> Any:
    # Loaded on first use: who reads a specification waits for no core, who prints a table for no figures.
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
