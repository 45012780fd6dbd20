"""What every kind of interconnect promises, and what a document says about it."""

from __future__ import annotations

import json
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

import archsim
from archsim import plugins
from archsim.chip import presets
from archsim.chip.cautions import chip_warnings
from archsim.chip.common import Origin
from archsim.chip.interconnects import interconnect_of
from archsim.chip.interconnects.mesh import exact_mesh, near_square_mesh
from archsim.chip.interconnects.specification import Bus, InterconnectSettings, Mesh, PointToPoint
from archsim.chip.specification import Chip
from archsim.document import load_experiment
from archsim.errors import InputError
from archsim.specification import constants_of

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
    assert values(bus) == values(mesh)


@pytest.mark.parametrize("before", ["mesh", "bus"])
def test_a_kept_constant_says_for_which_kind_it_was_given(before: str) -> None:
    """A source has spoken of its own kind only: on another one its number is a guess."""
    own = {"value": "2 pJ", "source": "a paper", "status": "published"}
    links = {"kind": before, "byte_hop": own, "area": "7 um^2", "timing": {"source": "a paper", "status": "measured"}}
    document = load_experiment(WORKLOAD).model_dump(mode="json")
    document["chip"]["interconnect"] = links
    other = load_experiment(document, ["chip.interconnect.kind=point-to-point"]).chip.interconnect
    same = load_experiment(document, [f"chip.interconnect.kind={before}"]).chip.interconnect
    given = load_experiment(document, ["chip.interconnect={kind: point-to-point, byte_hop: 3 pJ}"]).chip.interconnect
    assert other is not None
    assert (other.byte_hop.value, other.byte_hop.status) == (2.0, "placeholder")
    assert other.byte_hop.source == f"kept from {before}: a paper"
    assert other.timing == Origin(source=f"kept from {before}: a paper", status="placeholder")
    assert (other.area.value, other.area.status) == (7.0, "user")
    assert same is not None
    assert (same.byte_hop.status, same.timing.status) == ("published", "measured")
    assert given is not None
    assert (given.byte_hop.value, given.byte_hop.status) == (3.0, "user")


@pytest.mark.parametrize("kind", ["mesh", "bus", "point-to-point"])
def test_links_of_which_nothing_is_known_are_warned_of(kind: str) -> None:
    chip = load_experiment(WORKLOAD).chip
    assert chip_warnings(chip) == ()
    bare = load_experiment(WORKLOAD, [f"chip.interconnect={kind}"]).chip
    (warning,) = chip_warnings(bare)
    assert f"'{kind}' are defaults without a source: links take no energy and no area" in warning
    priced = load_experiment(WORKLOAD, [f"chip.interconnect={kind}", "chip.interconnect.byte_hop=0 pJ"]).chip
    assert chip_warnings(priced) == ()
    run = archsim.simulate(WORKLOAD, [f"chip.interconnect={kind}", "training.max_mini_batches=1"], mode="timing")
    assert warning in run.warnings
    assert not any("defaults without a source" in text for text in run.reprice(priced).warnings)


def values(links: InterconnectSettings) -> dict[str, object]:
    """Return the fields of an interconnect beside its kind, constants by their value."""
    plain = links.model_dump(exclude={"kind", "timing"})
    constants = {name: constant.value for name, constant in constants_of(links)}
    return {name: constants.get(name, value) for name, value in plain.items() if name != "leakage"} | constants


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
