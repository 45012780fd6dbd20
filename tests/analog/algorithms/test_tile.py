"""A tile by itself: made from names or settings, with crossbars that draw numbers of their own."""

import numpy as np
import pytest

from archsim import make_tile
from archsim.analog import Periphery, Streams
from archsim.analog.algorithms import TileCrossbars
from archsim.analog.specification import IOParameters, SoftBounds, Vector
from archsim.analog.specification.algorithms import TikiTakaSettings
from archsim.analog.threads import Workers
from archsim.errors import InputError
from tests.analog.algorithms.tiles import preset


def trained(tile):
    rng = np.random.default_rng(1)
    tile.program(rng.uniform(-0.3, 0.3, (4, 6)))
    tile.update(rng.uniform(-1, 1, (8, 6)), rng.uniform(-1, 1, (8, 4)), 0.1, 0)
    return tile.weights.copy()


def test_names_stand_for_their_settings():
    np.testing.assert_array_equal(
        trained(make_tile("tiki-taka", "soft-bounds", 4, 6)),
        trained(make_tile(preset("tiki-taka"), SoftBounds(), 4, 6)),
    )


@pytest.mark.parametrize(
    ("algorithm", "device", "meant"),
    [("tiki-tak", "soft-bounds", "tiki-taka"), ("tiki-taka", "soft-bound", "soft-bounds")],
)
def test_a_name_that_nobody_registered_is_an_error_with_the_closest_one(algorithm, device, meant):
    with pytest.raises(InputError, match=f"did you mean '{meant}'"):
        make_tile(algorithm, device, 4, 6)


@pytest.mark.parametrize("changes", [{"device_seed": 2}, {"noise_seed": 2}, {"identity": 2}], ids=str)
def test_seeds_and_identities_separate_tiles(changes):
    alone = trained(make_tile("tiki-taka", "soft-bounds", 4, 6))
    assert not np.array_equal(alone, trained(make_tile("tiki-taka", "soft-bounds", 4, 6, streams=Streams(**changes))))


def test_reads_are_quantised_by_their_converters():
    x, w = np.random.default_rng(1).uniform(-1, 1, (50, 6)), np.ones((4, 6))
    exact = IOParameters(out_noise=0, noise_management="none", bound_management="none")
    for bits in (3, 5):
        tile = make_tile("analog-sgd", "ideal", 4, 6, periphery=Periphery(io=exact, dac_bits=None, adc_bits=bits))
        tile.program(w)
        assert len(np.unique(tile.forward(x, 0).values)) <= 2**bits - 1
    tile = make_tile("analog-sgd", "ideal", 4, 6, periphery=Periphery(io=exact, dac_bits=None, adc_bits=None))
    tile.program(w)
    np.testing.assert_allclose(tile.forward(x, 0).values, x @ w.T, rtol=1e-5, atol=1e-5)


def test_crossbars_take_as_many_identities_as_their_cells_have_devices():
    taken = []
    numbers = iter([0, 3])

    def identify(index, count):
        taken.append((index, count))
        return next(numbers)

    maker = TileCrossbars(
        outputs=4,
        inputs=6,
        device=SoftBounds(),
        periphery=Periphery(),
        streams=Streams(),
        identify=identify,
        workers=Workers(),
    )
    cells = [SoftBounds(), SoftBounds(), SoftBounds()]
    crossbars = [maker(0, Vector(devices=cells)), maker(1)]
    assert taken == [(0, 3), (1, 1)]
    assert [type(crossbar.device) for crossbar in crossbars] == [Vector, SoftBounds]


def test_a_cell_of_several_devices_leaves_the_second_array_its_own_numbers():
    """Were identities only indices, the second array would draw the second device of the first one's cells."""
    cells = Vector(devices=[SoftBounds(), SoftBounds()])
    second = make_tile(TikiTakaSettings(fast_device=cells), SoftBounds(), 4, 6).state()["1.cells"]
    alone = make_tile("analog-sgd", SoftBounds(), 4, 6, streams=Streams(identity=2)).state()["0.cells"]
    np.testing.assert_array_equal(second, alone)
