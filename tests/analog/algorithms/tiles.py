"""Tiles for tests of training algorithms."""

from archsim import make_tile, plugins
from archsim.analog import Periphery, Streams
from archsim.analog.specification import ConstantStep, SoftBounds, UpdateParameters
from tests.analog.crossbars import PERFECT, quiet

#: Steps of 0.001 that never change, bounds far away.
STEADY = quiet(ConstantStep, dw_min=0.001, w_max=100.0, w_min=-100.0)
SOFT = quiet(SoftBounds, dw_min=0.001, w_max=1.0, w_min=-1.0)
TRAINS = UpdateParameters(desired_bl=31)


def tile(settings, outputs, inputs, device=STEADY, *, seed=2, io=PERFECT, trains=TRAINS, mini_batch=1, **changes):
    """Return the arrays of a tile, with perfect reads unless said otherwise."""
    numbers = {name: changes.pop(name) for name in ("identity", "device_seed") if name in changes}
    periphery, streams = Periphery(io=io, update=trains, **changes), Streams(noise_seed=seed, **numbers)
    made = make_tile(settings, device, outputs, inputs, periphery=periphery, streams=streams, mini_batch=mini_batch)
    return made.array


def preset(name):
    """Return the settings of a registered name."""
    return plugins.load("archsim.algorithms", name)()


def settings_of_every_kind():
    """Return settings for each registered kind: those of presets, or the kind's own defaults."""
    found = {}
    for name in plugins.names("archsim.algorithms"):
        found[name] = preset(name)
    kinds = {settings.kind for settings in found.values()}
    for kind in plugins.names("archsim.algorithm_kinds"):
        if kind not in kinds:
            found[kind] = plugins.load("archsim.algorithm_kinds", kind).Settings()
    return found
