"""Reads whose results converters lost."""

from __future__ import annotations

from collections.abc import Iterator

from archsim.engine.numerics.findings.evidence import Evidence

__all__ = ["lossy_reads"]

#: Shares of outputs that were rounded to zero, or clipped, above which they are told.
LOST, CLIPPED = 0.75, 0.2


def lossy_reads(run: Evidence) -> Iterator[str]:
    """Outputs below half a step of the ADC, or at its bound."""
    for layer, matrix in run.matrices.items():
        samples = matrix.samples
        for what, chain, reads in (
            ("outputs", "chip.io", samples.forward),
            ("errors from transposed reads", "chip.backward_io", samples.backward),
        ):
            if (reads.lost or 0.0) > LOST:
                yield (
                    f"layer '{layer}': {reads.lost:.0%} of the {what} are below half a step of the ADC and read as 0; "
                    f"lower {chain}.out_bound, or give chip.adc.bits more"
                )
            if (reads.clipped or 0.0) > CLIPPED:
                yield (
                    f"layer '{layer}': {reads.clipped:.0%} of the {what} are clipped to the bound of the ADC; raise "
                    f"{chain}.out_bound, or let noise and bound management scale vectors"
                )
