"""What every kind of interconnect promises, and what a document says about it."""

from __future__ import annotations

import json
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim import plugins
from archsim.chip import presets
from archsim.chip.interconnects import interconnect_of
from archsim.chip.interconnects.mesh import exact_mesh, near_square_mesh
from archsim.chip.interconnects.specification import Bus, InterconnectSettings, Mesh, PointToPoint
from archsim.chip.specification import Chip
from archsim.document import load_experiment
from archsim.errors import InputError

SETTINGS = [Mesh(), Bus(), PointToPoint()]
WORKLOAD = "workloads/mlp_digits.yaml"


@given(st.sampled_from(SETTINGS), st.integers(2, 40), st.data())
def test_every_node_has_a_place_and_a_route_to_every_other(
    settings: InterconnectSettings, nodes: int, data: st.DataObject
) -> None:
    kind = interconnect_of(settings, nodes)
    assert sorted(kind.order) == list(range(nodes))
    source, target = data.draw(st.permutations(range(nodes)))[:2]
    route = kind.route(source, target)
    assert route
    assert len(set(route)) == len(route)


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda settings: settings.kind)
@pytest.mark.parametrize("nodes", [1, 2, 6, 7])
def test_links_are_those_that_routes_can_take(settings: InterconnectSettings, nodes: int) -> None:
    kind = interconnect_of(settings, nodes)
    pairs = [(a, b) for a in range(nodes) for b in range(nodes) if a != b]
    reached = {link.name for a, b in pairs for link in kind.route(a, b)}
    assert len(reached) == (kind.links if nodes > 1 else 0)


@given(st.sampled_from(SETTINGS), st.integers(1, 500))
def test_completed_chips_are_those_of_their_own_size(settings: InterconnectSettings, nodes: int) -> None:
    kind = plugins.load("archsim.interconnects", settings.kind)
    built = kind.completed(nodes)
    assert built >= nodes
    assert kind.completed(built) == built


def test_a_near_square_mesh_is_that_of_its_nodes() -> None:
    for nodes in range(1, 2000):
        columns, rows = near_square_mesh(nodes)
        assert exact_mesh(columns * rows) == (columns, rows)


def test_another_kind_keeps_the_fields_of_the_same_name() -> None:
    mesh, bus = (load_experiment(WORKLOAD, sets).chip.interconnect for sets in ([], ["chip.interconnect.kind=bus"]))
    assert isinstance(mesh, Mesh)
    assert isinstance(bus, Bus)
    assert bus.model_dump(exclude={"kind"}) == mesh.model_dump(exclude={"kind"})


def test_a_bare_name_stands_for_defaults_that_are_placeholders() -> None:
    bus = load_experiment(WORKLOAD, ["chip.interconnect=bus"]).chip.interconnect
    assert bus == Bus()
    assert bus is not None
    assert {bus.timing.status, bus.byte_hop.status, bus.area.status, bus.leakage.idle.status} == {"placeholder"}
    faster = load_experiment(WORKLOAD, ["chip.interconnect=bus", "chip.interconnect.hop_cycles=3"]).chip.interconnect
    assert faster is not None
    assert (faster.kind, faster.hop_cycles, faster.timing.status) == ("bus", 3, "placeholder")


def test_defaults_are_written_without_a_word_from_the_library() -> None:
    document = presets.reram_1024() | {"interconnect": {"kind": "bus"}}
    chip = Chip.model_validate(document)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        written = chip.model_dump(mode="json")
    assert Chip.model_validate_json(json.dumps(written), strict=True) == chip


def test_clock_and_width_that_a_user_gives_are_no_placeholders() -> None:
    given = Bus.model_validate({"clock": "2 GHz", "bytes_per_cycle": 8})
    assert given.timing.status == "user"
    assert (given.hop_ps, given.serialisation_ps(17)) == (500, 1500)


def test_a_section_without_a_kind_is_a_mesh() -> None:
    document = presets.reram_1024()
    del document["interconnect"]["kind"]
    found = Chip.model_validate(document)
    assert isinstance(found.interconnect, Mesh)


def test_the_old_name_of_the_kind_is_refused_with_the_new_one() -> None:
    with pytest.raises(InputError, match="topology") as refused:
        load_experiment(WORKLOAD, ["chip.interconnect.topology=mesh"])
    assert refused.value.remedy == "it is called 'kind' now"


def test_an_unknown_kind_is_refused_with_the_closest() -> None:
    with pytest.raises(InputError, match="there is no such kind") as refused:
        load_experiment(WORKLOAD, ["chip.interconnect.kind=bis"])
    assert refused.value.remedy == "did you mean 'bus'?"
