"""A kind of device from another package, registered by its metadata as an installer leaves it."""

from pathlib import Path

import pytest

from archsim import plugins
from archsim.analog.specification import SoftBounds, Vector
from archsim.document import load_experiment, load_preset
from archsim.errors import InputError
from archsim.plugins import registry

from .arrays import array, some
from .conformance import Conformance

WORKLOAD = Path(__file__).parents[3] / "workloads" / "mlp_digits.yaml"
ENTRY_POINTS = """\
[archsim.device_kinds]
bump = bump_devices:KIND

[archsim.devices]
narrow-bump = bump_devices:narrow_bump
"""

#: Steps that are largest in the middle of the range: a Gaussian of the place between the bounds.
PACKAGE = '''
from typing import Literal

import numpy as np

from archsim.analog.devices.draw import Draws, draw_cells
from archsim.analog.devices.population import CELL_NUMBERS, Population
from archsim.analog.devices.pulsed import PulsedArray
from archsim.analog.specification import PulsedDevice


class Bump(PulsedDevice):
    """Steps that are largest in the middle."""

    kind: Literal["bump"] = "bump"
    width: float = 0.3


class BumpKind:
    Settings = Bump

    def devices_per_cell(self, settings):
        return 1

    def make(self, settings, site):
        drawn = draw_cells(settings, Draws(site.outputs, site.inputs, site.identity, site.device_seed))
        cells = np.zeros((len(drawn.up), CELL_NUMBERS), np.float32)
        extent = drawn.w_max - drawn.w_min
        inverse = np.divide(1.0, extent, out=np.zeros_like(extent), where=extent > 0)
        for column, values in enumerate((drawn.w_min, drawn.w_max, drawn.up, -drawn.down, inverse)):
            cells[:, column] = values
        nodes = np.exp(-0.5 * ((np.linspace(0, 1, 31) - 0.5) / settings.width) ** 2).astype(np.float32)
        population = Population(
            cells, "piecewise", settings.dw_min, settings.dw_min_std, nodes_up=nodes, nodes_down=nodes
        )
        return PulsedArray(population, site)


KIND = BumpKind()


def narrow_bump():
    """A narrow bump."""
    return Bump(width=0.1)
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the package: a module and its metadata."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "bump_devices.py").write_text(PACKAGE, encoding="utf-8")
    metadata = folder / "bump_devices-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: bump-devices\nVersion: 1\n", encoding="utf-8")
    (metadata / "entry_points.txt").write_text(ENTRY_POINTS, encoding="utf-8")
    return folder


@pytest.fixture
def package(folder, monkeypatch):
    """Install the package for one test."""
    monkeypatch.syspath_prepend(str(folder))
    registry._points.cache_clear()
    yield
    registry._points.cache_clear()


class TestOutside(Conformance):
    @pytest.fixture
    def device(self, package):
        return plugins.load("archsim.devices", "narrow-bump")()


@pytest.mark.usefixtures("package")
def test_a_document_may_name_it_or_spell_it_out():
    named = load_experiment(WORKLOAD, ["chip.device=narrow-bump"])
    assert (named.chip.device.kind, named.chip.device.width) == ("bump", 0.1)
    spelled = load_experiment(WORKLOAD, ["chip.device={kind: bump, width: 0.2, dw_min: 0.01}"])
    assert (spelled.chip.device.width, spelled.chip.device.dw_min) == (0.2, 0.01)
    within = load_experiment(WORKLOAD, ["chip.device={kind: one-sided, device: narrow-bump}"])
    assert within.chip.device.device.width == 0.1
    listed = load_experiment(
        WORKLOAD, ["chip.device={kind: vector, devices: [narrow-bump, {preset: ecram, w_max: 2.0}]}"]
    )
    assert [one.kind for one in listed.chip.device.devices] == ["bump", "linear-step"]
    assert listed.chip.device.devices[1].w_max == 2.0
    assert load_preset("archsim.devices", "narrow-bump").width == 0.1


@pytest.mark.usefixtures("package")
def test_its_settings_are_checked_like_any_other():
    with pytest.raises(InputError, match=r"chip\.device\.width"):
        load_experiment(WORKLOAD, ["chip.device={kind: bump, width: wide}"])
    with pytest.raises(InputError, match="widht"):
        load_experiment(WORKLOAD, ["chip.device={kind: bump, widht: 0.2}"])


@pytest.mark.usefixtures("package")
def test_it_may_share_a_cell_with_others():
    bump = plugins.load("archsim.device_kinds", "bump").Settings()
    made = array(Vector(devices=(bump, SoftBounds())))
    made.program(0.01 * some(1, 6, 9))
    assert made.saturated() == 0.0


def test_without_its_package_there_is_no_such_kind():
    with pytest.raises(InputError, match="no such kind"):
        load_experiment(WORKLOAD, ["chip.device={kind: bump, width: 0.2}"])


def test_a_cell_of_several_devices_takes_pulsed_ones_only():
    with pytest.raises(InputError, match="no such kind"):
        load_experiment(WORKLOAD, ["chip.device={kind: one-sided, device: {kind: ideal}}"])
