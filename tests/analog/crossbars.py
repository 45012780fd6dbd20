"""Crossbars for tests."""

from archsim.analog import Crossbar, Periphery, Streams
from archsim.analog.specification import IOParameters, SoftBounds, UpdateParameters

PERFECT = IOParameters(is_perfect=True)
DEFAULTS = {
    "device": SoftBounds(dw_min=0.01),
    "io": IOParameters(),
    "backward_io": IOParameters(),
    "update": UpdateParameters(),
    "dac_bits": 7,
    "adc_bits": 9,
    "identity": 0,
    "device_seed": 1,
    "noise_seed": 2,
}


def make(inputs, outputs, **changes):
    """Return a crossbar with the defaults of the literature but for some changes."""
    settings = {**DEFAULTS, **changes}
    return crossbar(inputs, outputs, settings.pop("device"), **settings)


def crossbar(inputs, outputs, device, *, identity=0, device_seed=1, noise_seed=2, workers=None, **periphery):
    """Return a crossbar; what is said of the circuits around its devices goes to them."""
    streams = Streams(identity, device_seed, noise_seed)
    return Crossbar(inputs, outputs, device, Periphery(**periphery), streams, workers)


def quiet(device, **changes):
    """Return a device without any variation or noise."""
    silent = dict.fromkeys(
        ("dw_min_dtod", "dw_min_std", "w_max_dtod", "w_min_dtod", "up_down_dtod", "gamma_up_dtod", "gamma_down_dtod"),
        0.0,
    )
    return device(**{k: v for k, v in {**silent, **changes}.items() if k in device.model_fields})
