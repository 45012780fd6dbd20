"""The figure of a device's response."""

import numpy as np
import pytest

from archsim.analog.devices.curves import response_curves
from archsim.analog.specification import PowerResponse, SoftBounds
from archsim.report import save_figure
from archsim.report.figures import response_figure


@pytest.fixture(scope="module")
def curves():
    return response_curves(SoftBounds(dw_min=0.02))


def test_it_shows_the_numbers(curves):
    figure = response_figure(curves, "mine")
    train, step = figure.axes
    mean = next(line for line in train.lines if line.get_label() == "mean device")
    np.testing.assert_array_equal(mean.get_xdata(), curves.pulses)
    np.testing.assert_array_equal(mean.get_ydata(), curves.mean)
    up, down = (next(line for line in step.lines if line.get_label() == f"{way} pulse") for way in ("up", "down"))
    np.testing.assert_allclose(up.get_ydata() * 0.02, curves.step_up, rtol=1e-6)
    np.testing.assert_allclose(down.get_ydata() * 0.02, curves.step_down, rtol=1e-6)
    assert "mine" in figure.get_suptitle()


def test_equal_responses_make_equal_files(curves, tmp_path):
    for name in ("one.svg", "two.svg"):
        save_figure(response_figure(curves, "mine"), tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    save_figure(response_figure(response_curves(PowerResponse(dw_min=0.02)), "mine"), tmp_path / "other.svg")
    assert (tmp_path / "one.svg").read_bytes() != (tmp_path / "other.svg").read_bytes()
