"""Tiles for tests of training algorithms."""

from archsim import plugins
from archsim.analog.algorithms import make_training_array
from archsim.analog.specification import ConstantStep, SoftBounds, UpdateParameters
from tests.analog.crossbars import PERFECT, make, quiet

#: Steps of 0.001 that never change, bounds far away.
STEADY = quiet(ConstantStep, dw_min=0.001, w_max=100.0, w_min=-100.0)
SOFT = quiet(SoftBounds, dw_min=0.001, w_max=1.0, w_min=-1.0)
TRAINS = UpdateParameters(desired_bl=31)


def tile(settings, outputs, inputs, device=STEADY, *, mini_batch=1, seed=2, io=PERFECT, trains=TRAINS, **changes):
    """Return the arrays of a tile, with perfect reads unless said otherwise."""

    def make_crossbar(index, own=None, update=None, transfer_io=None, transfer_update=None):
        return make(
            inputs,
            outputs,
            device=own or device,
            io=io,
            backward_io=io,
            update=update or trains,
            transfer_io=transfer_io,
            transfer_update=transfer_update,
            identity=index,
            noise_seed=seed,
            **changes,
        )

    return make_training_array(settings, make_crossbar, outputs, inputs, mini_batch=mini_batch, seed=seed, identity=0)


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
