"""How long a run may be: bounds that stem from the numbers in tables and from random numbers."""

from __future__ import annotations

from archsim.chip.specification import Chip
from archsim.engine.events.accounts import array_count, unit_counts
from archsim.engine.events.kernel import LONGEST_PS
from archsim.engine.setup import Setup
from archsim.errors import InputError
from archsim.units import format_duration, format_time

__all__ = ["MOST_VECTORS", "check_vectors", "last_moment_ps", "too_long"]

#: Vectors of a run: random numbers belong to the index of a vector, and those of refreshes begin here.
MOST_VECTORS = 2**43


def last_moment_ps(setup: Setup) -> int:
    """Return the last moment of a run: until then the times of all units of a component add up to a 63-bit number."""
    return LONGEST_PS // _most_units(setup)


def _most_units(setup: Setup) -> int:
    """Return how many units the largest component has; arrays of a tile count one by one, as their times are told."""
    arrays = 0 if setup.stage_engines else array_count(setup)
    return max(*unit_counts(setup).values(), arrays)


def too_long(setup: Setup) -> InputError:
    """Return the error of a run whose times grow too large to be told; it names the largest one."""
    name, time_ps = max(_times(setup.chip).items(), key=lambda item: item[1])
    limit = format_duration(last_moment_ps(setup))
    return InputError(
        f"simulated time exceeds {limit}, the most that the tables of this chip can hold; this is its longest time",
        field=f"chip.{name}",
        value=format_time(time_ps),
        allowed=f"times that add up to less than 2^63 ps over the {_most_units(setup)} units of a kind",
        remedy="give a shorter time, fewer samples or a smaller chip",
    )


def check_vectors(vectors: int, field: str, value: object) -> None:
    """Refuse a run of so many vectors that their random numbers would repeat."""
    if vectors >= MOST_VECTORS:
        raise InputError(
            f"a run of {vectors} vectors: random numbers belong to vectors, and there are not so many",
            field=field,
            value=value,
            allowed=f"fewer than 2^43 = {MOST_VECTORS} vectors in all (samples times output positions)",
            remedy="run fewer epochs, or bound the run by training.max_mini_batches",
        )


def _times(chip: Chip) -> dict[str, int]:
    """Return the times that durations are made of, by dotted name below ``chip``; of a clock, its period."""
    if chip.stage_engine is not None:
        engine = chip.stage_engine
        return {f"stage_engine.{name}": getattr(engine, name).value for name in ("forward", "backward", "update")}
    times = {f"tile.{name}": getattr(chip.tile, name).value for name in ("integration_time", "update_fixed_time")}
    times["tile.pulse_time"] = chip.tile.phases * chip.tile.pulse_time.value
    steps = {"dac": 2 ** ((chip.dac.bits or 1) - 1), "adc": 2 ** (chip.adc.bits or 0)}
    for name, converter in (("dac", chip.dac), ("adc", chip.adc)):
        times[f"{name}.fixed_time"] = converter.fixed_time.value
        times[f"{name}.step_time"] = converter.step_time.value * steps[name]
    for name in ("nmpu", "buffer", "interconnect", "host"):
        part = getattr(chip, name)
        if part is not None:
            times[f"{name}.clock"] = part.clock.cycles(1)
    return times
