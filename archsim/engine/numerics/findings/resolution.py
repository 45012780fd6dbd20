"""Converters without a resolution, which compute well but are no converters."""

from __future__ import annotations

from collections.abc import Iterator

from archsim.chip.specification import Chip
from archsim.engine.numerics.findings.evidence import Evidence

__all__ = ["converters_without_resolution"]


def converters_without_resolution(run: Evidence) -> Iterator[str]:
    """On a chip with a clock they are too fast and too cheap."""
    chip = getattr(run.settings, "chip", None)
    if not isinstance(chip, Chip) or not run.observations.tiles:
        return
    for name, converter in (("dac", chip.dac), ("adc", chip.adc)):
        if converter.bits is None:
            yield (
                f"chip.{name}.bits is null: such a converter takes its fixed time and fixed energy alone, as no real "
                "one does; times and energies of this run are too low: set a resolution, up to 16 bits"
            )
