"""The crossbars of tiles: every one draws numbers of its own, the first one those of its part."""

from __future__ import annotations

import numpy as np
import pytest

from archsim.analog.crossbar import Crossbar
from archsim.analog.specification import SoftBounds
from archsim.analog.threads import Workers
from archsim.chip import presets
from archsim.chip.specification import Chip
from archsim.engine.numerics.seeds import Seeds
from archsim.engine.numerics.tile import Identities, tile_crossbars
from archsim.mapping.plan import Part

PARTS = [Part((0, 6), (0, 5), number, number) for number in range(3)]


def crossbars(arrays: tuple[int, ...]) -> list[list[Crossbar]]:
    """Return the crossbars of three parts, so many of each."""
    identities, chip = Identities(len(PARTS)), Chip.model_validate(presets.reram_1024())
    makers = [tile_crossbars(part, chip, SoftBounds(), Seeds(1, 2, 3, 4), identities, Workers()) for part in PARTS]
    return [[maker(index) for index in range(count)] for maker, count in zip(makers, arrays, strict=True)]


def cells(crossbar: Crossbar) -> bytes:
    return crossbar.state()["cells"].tobytes()


def test_no_two_crossbars_draw_the_same_devices() -> None:
    drawn = [cells(crossbar) for part in crossbars((3, 2, 4)) for crossbar in part]
    assert len(set(drawn)) == 9


def test_the_first_crossbar_of_a_part_does_not_depend_on_the_algorithms() -> None:
    alone, together = crossbars((1, 1, 1)), crossbars((3, 1, 2))
    assert [cells(part[0]) for part in alone] == [cells(part[0]) for part in together]


@pytest.mark.parametrize("arrays", [(1, 1, 1), (2, 1, 3)])
def test_crossbars_have_the_size_of_their_part_and_the_layers_device(arrays: tuple[int, ...]) -> None:
    for part in crossbars(arrays):
        for crossbar in part:
            assert (crossbar.outputs, crossbar.inputs) == (5, 6)
            assert not np.any(crossbar.weights)
