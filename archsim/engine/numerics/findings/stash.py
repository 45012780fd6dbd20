"""Weights that are copied as no crossbar copies them."""

from __future__ import annotations

from collections.abc import Iterator

from archsim.analog.copies import copy_error
from archsim.engine.numerics.findings.evidence import Evidence
from archsim.schedule.specification import copy_noise

__all__ = ["copied_weights"]


def copied_weights(run: Evidence) -> Iterator[str]:
    """A schedule that meets copies: such as no crossbar makes, or such as a crossbar makes with an error."""
    if run.schedule is not None and run.schedule.stashes:
        yield (
            f"schedule.kind: {run.schedule.kind} is hypothetical: backwards meet exact copies of old weights, which no "
            "crossbar makes and whose time, energy and space are not counted"
        )
    elif run.schedule is not None and run.schedule.weight_sets > 1:
        noise = copy_noise(run.schedule.settings)
        if noise is None:
            yield (
                "schedule.copies: exact is hypothetical: conductances are copied without an error and onto equal "
                "devices, which no crossbar does; their time and energy are counted"
            )
        elif (error := copy_error(noise)) > 0:
            yield (
                f"schedule.kind: {run.schedule.kind} programs copies: each misses a weight by about {error:.2g} of the "
                "largest weight of its crossbar, once a mini-batch, and updates have to make up for it (see "
                "schedule.copy_noise); where the network does not learn, 'schedule.copies: exact' tells what it learns "
                "without that error, and 'schedule.kind: asynchronous' makes no copies"
            )
