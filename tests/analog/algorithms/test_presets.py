"""Named algorithms: what their sources say."""

import pytest

from archsim import plugins
from tests.analog.algorithms.tiles import preset

KIT = {
    "ttv2-reram": (0.5, 1000, 31, 0.0, None),
    "ttv2-capacitor": (0.1, 1000, 31, 0.0, None),
    "ttv2-ecram": (0.1, 500, 100, 0.0, None),
    "c-ttv2-reram": (0.5, 1000, 31, 0.01, None),
    "c-ttv2-capacitor": (0.1, 1000, 31, 0.01, None),
    "c-ttv2-ecram": (1.0, 500, 100, 0.01, None),
    "c-ttv2-idealized": (0.1, 500, 100, 0.001, None),
    "agad-reram": (0.5, 1000, 31, 0.02, 5),
    "agad-capacitor": (0.1, 1000, 31, 0.01, 20),
    "agad-ecram": (0.1, 750, 31, 0.005, 50),
    "agad-idealized": (0.1, 500, 100, 0.005, 50),
}


@pytest.mark.parametrize("name", KIT)
def test_numbers_of_the_kit(name):
    """The product of rate and train length is the kit's, whose longest trains do not fit a word."""
    settings = preset(name)
    fast_lr, granularity, longest, chop, tail = KIT[name]
    assert settings.fast_lr * settings.update.desired_bl == pytest.approx(fast_lr * longest)
    assert settings.auto_granularity == granularity
    assert settings.in_chop_prob == chop
    assert getattr(settings, "tail_weightening", None) == tail
    assert settings.auto_scale
    assert settings.transfer_update.desired_bl == 1
    assert (settings.transfer_every, settings.units_in_mbatch) == (1.0, False)


def test_numbers_of_the_paper():
    for name in ("ttv2-paper", "c-ttv2-paper", "agad-paper"):
        settings = preset(name)
        assert (settings.auto_granularity, settings.transfer_every, settings.update.desired_bl) == (200, 5, 5)
        assert (settings.fast_lr, settings.auto_scale) == (1.0, True)
        assert settings.in_chop_prob == (0.0 if name == "ttv2-paper" else 0.1)
    assert preset("agad-paper").tail_weightening * 0.1 == pytest.approx(0.5)


def test_every_name_says_what_it_is():
    for name in plugins.names("archsim.algorithms"):
        assert plugins.load("archsim.algorithms", name).__doc__
    for kind in plugins.names("archsim.algorithm_kinds"):
        assert plugins.load("archsim.algorithm_kinds", kind).__doc__
