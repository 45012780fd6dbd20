"""Devices by name."""

import pytest

from archsim import plugins
from archsim.analog.devices import populate

NAMES = plugins.names("archsim.devices")


@pytest.mark.parametrize("name", NAMES)
def test_they_say_where_they_come_from(name):
    text = plugins.load("archsim.devices", name).__doc__
    assert len(text) > 40
    assert name == "ideal" or any(word in text for word in ("aihwkit", "doi:", "arXiv:"))


def test_published_numbers_of_states():
    states = {}
    for name in ("gokmen-vlasov", "idealized", "capacitor", "ecram", "ecram-mo", "reram-sb", "reram-es"):
        device = plugins.load("archsim.devices", name)()
        states[name] = round((device.w_max - device.w_min) / populate(device, 1, 1, 0, 1).granularity)
    assert states == {
        "gokmen-vlasov": 1250,
        "idealized": 10_000,
        "capacitor": 400,
        "ecram": 1000,
        "ecram-mo": 7089,
        "reram-sb": 1000,
        "reram-es": 1004,
    }


def test_arrays_of_resistive_memory_have_few_states():
    for name, states in (("reram-array-om", 21), ("reram-array-hfo2", 4)):
        device = plugins.load("archsim.devices", name)()
        assert round((device.w_max - device.w_min) / device.dw_min) == states
        assert device.subtract_symmetry_point
