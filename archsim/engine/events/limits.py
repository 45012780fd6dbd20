"""How long a run may be: bounds that stem from the numbers in tables and from random numbers."""

from __future__ import annotations

from archsim.engine.events.chip_model import model_of
from archsim.engine.events.kernel import LONGEST_PS
from archsim.engine.setup import Setup
from archsim.errors import InputError
from archsim.network.graph import MOST_VECTORS
from archsim.units import format_duration, format_time

__all__ = ["check_vectors", "last_moment_ps", "too_long"]


def last_moment_ps(setup: Setup) -> int:
    """Return the last moment of a run: until then the times of all units of a component add up to a 63-bit number."""
    return LONGEST_PS // _most_units(setup)


def _most_units(setup: Setup) -> int:
    """Return how many units the largest component has; arrays of a tile count one by one, as their times are told."""
    model = model_of(setup.chip)
    return max(*model.unit_counts(setup).values(), model.built(setup).arrays)


def too_long(setup: Setup) -> InputError:
    """Return the error of a run whose times grow too large to be told; it names the largest one."""
    name, time_ps = max(model_of(setup.chip).times_ps(setup.chip).items(), key=lambda item: item[1])
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
            allowed=f"fewer than 2^43 = {MOST_VECTORS} vectors in all (samples times positions)",
            remedy="run fewer epochs, or bound the run by training.max_mini_batches",
        )
