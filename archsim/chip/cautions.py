"""What a reader of a chip's energies, areas and times has to know before believing them."""

from __future__ import annotations

from archsim.chip.domain import domain_warnings
from archsim.chip.specification import Chip
from archsim.specification import constants_of

__all__ = ["chip_warnings"]


def chip_warnings(chip: Chip) -> tuple[str, ...]:
    """Return what to know of constants outside their domain, and of an interconnect of which nothing is known."""
    return (*domain_warnings(chip), *_links_without_a_price(chip))


def _links_without_a_price(chip: Chip) -> tuple[str, ...]:
    links = chip.interconnect
    constants = () if links is None else (constant for _, constant in constants_of(links))
    if links is None or any(constant.value or constant.status != "placeholder" for constant in constants):
        return ()
    guessed = "; their clock and width are guesses, too" if links.timing.status == "placeholder" else ""
    return (
        f"chip.interconnect: the constants of '{links.kind}' are defaults without a source: links take no energy and "
        f"no area{guessed}. To keep those of the chip, set chip.interconnect.kind={links.kind}",
    )
