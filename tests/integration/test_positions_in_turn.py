"""Positions of a sequence that pass one after the other, and stored keys and values: what it costs, and when."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from heapq import heappop, heappush
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import archsim
from archsim import DataSet
from archsim.chip.specification import Chip
from archsim.chip.timing import buffer_ps, nmpu_ps, read_ps
from archsim.cli.app import app
from archsim.digital.arithmetic import FLOAT32, Arithmetic
from archsim.digital.fixed_point import FixedPoint
from archsim.digital.specification import FixedPointSettings
from archsim.network.build import build_graph
from archsim.network.operators import DigitalOperator, load_operator
from archsim.network.specification import NetworkSpecification
from archsim.simulation import Interrupted

LENGTH, SAMPLES = 7, 2
#: A chain, so that nothing of a position passes beside anything else.
CHAIN: list[dict[str, Any]] = [
    {"name": "embed", "kind": "linear", "features": 6},
    {"name": "attend", "kind": "attention", "heads": 2, "causal": True, "inputs": ["embed"] * 3},
    {"name": "project", "kind": "linear", "features": 6},
    {"name": "norm", "kind": "layer-norm"},
    {"name": "out", "kind": "linear", "features": 3},
]
BRANCHES: list[dict[str, Any]] = [
    {"name": "embed", "kind": "linear", "features": 6},
    {"name": "place", "kind": "positional-encoding"},
    *({"name": name, "kind": "linear", "features": 6, "inputs": ["place"]} for name in ("q", "k", "v")),
    {"name": "attend", "kind": "attention", "heads": 2, "causal": True, "inputs": ["q", "k", "v"]},
    {"name": "project", "kind": "linear", "features": 6},
    {"name": "sum", "kind": "add", "inputs": ["project", "place"]},
    {"name": "out", "kind": "linear", "features": 3},
]
STAGES = [["embed", "q"], ["k", "v", "attend", "project"], ["out"]]


def document(positions: str, layers: list[dict[str, Any]] = CHAIN, stages: Any = 1, **sections: Any) -> dict[str, Any]:
    overlap = {} if stages == 1 else {"overlap": "stages"}
    return {
        "network": {"input_shape": [LENGTH, 5], "layers": layers},
        "chip": {"preset": "reram-1024", "device": "ecram"},
        "data": {"samples": 3 * SAMPLES},
        "training": {"learning_rate": 1, "mini_batch": SAMPLES},
        "schedule": {"kind": "inference", "stages": stages, "positions": positions} | overlap,
        "run": {"mode": "timing", "seed": 2},
    } | sections


def counts(run: archsim.Run) -> pd.Series[int]:
    return run.cost.query("operation != 'leakage'").groupby(["component", "operation", "layer"])["count"].sum()


def attention(positions: int) -> tuple[int, int]:
    """Return operations and recalled numbers of the last of so many positions: 6 features, 2 heads."""
    scaled, products, softmax = 6, positions * (6 + 6), 2 * (4 * positions - 2) + 2 * positions
    return scaled + products + softmax, (positions - 1) * (6 + 6)


def test_a_position_costs_one_query_and_the_keys_and_values_before_it() -> None:
    node = build_graph(NetworkSpecification.model_validate({"input_shape": [LENGTH, 5], "layers": CHAIN}))["attend"]
    operator = load_operator("attention")
    assert isinstance(operator, DigitalOperator)
    for position in range(LENGTH):
        cost = operator.position_cost(node, position)
        assert cost is not None
        assert (cost.operations(1), operator.recalled_elements(node, position)) == attention(position + 1)
    assert sum(attention(n + 1)[0] for n in range(LENGTH)) == operator.cost(node).operations(1)


@pytest.mark.parametrize(("arithmetic", "rtol"), [(FLOAT32, 1e-5), (FixedPoint(FixedPointSettings()), 0.0)])
def test_stored_keys_and_values_give_the_numbers_of_the_whole_sequence(arithmetic: Arithmetic, rtol: float) -> None:
    """The last query of every shorter sequence: only the order in which a softmax adds its terms may differ."""
    operator, random = load_operator("attention", arithmetic=arithmetic), np.random.default_rng(3)
    assert isinstance(operator, DigitalOperator)
    q, k, v = (arithmetic.number(random.normal(size=(2, 40, 6)).astype(np.float32)) for _ in range(3))

    def attended(length: int) -> Any:
        network = {"input_shape": [length, 5], "layers": CHAIN}
        node = build_graph(NetworkSpecification.model_validate(network))["attend"]
        return operator.forward(node, tuple(np.ascontiguousarray(x[:, :length]) for x in (q, k, v)))

    whole = attended(40)
    for position in range(40):
        np.testing.assert_allclose(attended(position + 1)[:, position], whole[:, position], rtol=rtol, atol=rtol / 10)


NONE = (0, 0)


@dataclass
class Step:
    """What a position takes of a tile or the digital unit, and of the port of the buffer; which steps come before."""

    unit: str
    before: tuple[int, ...]
    size: tuple[int, int] = NONE
    operations: int = 0
    written: int = 0
    attends: bool = False

    def tasks(self, chip: Chip, position: int) -> list[tuple[str, int]]:
        """Return unit and time of each task."""
        if self.unit != "nmpu":
            rows, columns = self.size
            return [(self.unit, read_ps(chip, rows, columns, SAMPLES)), ("port", buffer_ps(chip, SAMPLES * rows))]
        operations, recalled = attention(position + 1) if self.attends else (self.operations, 0)
        found = [("nmpu", nmpu_ps(chip, SAMPLES * operations)), ("port", buffer_ps(chip, SAMPLES * self.written))]
        return [*found, ("port", buffer_ps(chip, SAMPLES * recalled))] if recalled else found


def steps_of(layers: list[dict[str, Any]]) -> list[Step]:
    if layers is CHAIN:
        # Scale and bias of 6 columns, and a layer norm of a run of 6 with weight and bias.
        jobs = [
            Step("nmpu", (0,), NONE, 6, 6),
            Step("nmpu", (1,), NONE, 0, 6, True),
            Step("nmpu", (3,), NONE, 6 + 34, 12),
        ]
        reads = [Step("embed", (), (5, 6)), Step("project", (2,), (6, 6)), Step("out", (4,), (6, 3))]
        return [reads[0], *jobs[:2], reads[1], jobs[2], reads[2], Step("nmpu", (5,), NONE, 3, 3)]
    # Scale and bias of 6 columns, and 6 additions of positions.
    steps = [Step("embed", (), (5, 6)), Step("nmpu", (0,), NONE, 6 + 6, 12)]
    for name in ("q", "k", "v"):
        steps += [Step(name, (1,), (6, 6)), Step("nmpu", (len(steps),), NONE, 6, 6)]
    steps += [Step("nmpu", (3, 5, 7), NONE, 0, 6, True), Step("project", (8,), (6, 6))]
    return [*steps, Step("nmpu", (1, 9), NONE, 6 + 6, 12), Step("out", (10,), (6, 3)), Step("nmpu", (11,), NONE, 3, 3)]


def served_in_order(chip: Chip, steps: list[Step], *, generated: bool) -> int:
    """Return when the last position is out, if each unit serves its tasks in the order in which they are asked for."""
    queues: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    events: list[tuple[int, int, str]] = []
    asked, done, left, now = [0] * len(steps), [0] * len(steps), dict[tuple[int, int], int](), 0

    def ask() -> None:
        for number, step in enumerate(steps):
            while asked[number] < LENGTH:
                position = asked[number]
                there = all(done[before] > position for before in step.before)
                if not there or (generated and not step.before and done[-1] < position):
                    break
                tasks = step.tasks(chip, position)
                asked[number], left[number, position] = position + 1, len(tasks)
                for unit, time in tasks:
                    queues[unit].append((number, position, time))
                    if len(queues[unit]) == 1:
                        heappush(events, (now + time, len(left), unit))

    ask()
    while events:
        now, _, unit = heappop(events)
        number, position, _ = queues[unit].pop(0)
        if queues[unit]:
            heappush(events, (now + queues[unit][0][2], len(left), unit))
        left[number, position] -= 1
        done[number] += not left[number, position]
        ask()
    return now


@pytest.mark.parametrize("layers", [CHAIN, BRANCHES])
@pytest.mark.parametrize("positions", ["in-turn", "generated"])
def test_the_time_of_a_sequence_is_that_of_an_independent_simulation(
    positions: str, layers: list[dict[str, Any]]
) -> None:
    at_one_node = {"preset": "reram-1024", "device": "ecram", "node_tiles": 8}
    wanted = document(positions, layers, chip=at_one_node)
    run, chip = archsim.simulate(wanted), archsim.prepare(wanted).setup.chip
    expected = served_in_order(chip, steps_of(layers), generated=positions == "generated")
    stage = run.timeline.query("unit == 'stage 0' and action == 'F'")
    assert (stage["end_ps"] - stage["start_ps"]).tolist() == [expected] * 3


def test_a_generated_position_takes_the_sum_of_its_steps() -> None:
    chip = archsim.prepare(document("generated")).setup.chip
    steps = steps_of(CHAIN)

    def longest(step: Step, position: int) -> int:
        busy: dict[str, int] = defaultdict(int)
        for unit, time in step.tasks(chip, position):
            busy[unit] += time
        return max(busy.values())

    expected = sum(longest(step, position) for step in steps for position in range(LENGTH))
    assert served_in_order(chip, steps, generated=True) == expected


def test_a_position_of_three_stages_begins_when_the_one_before_has_left_the_last() -> None:
    run = archsim.simulate(document("generated", BRANCHES, STAGES, data={"samples": SAMPLES}))
    jobs = run.timeline.query("layer == 'embed' and unit.str.startswith('tile')"), run.timeline.query("layer == 'out'")
    starts = jobs[0]["start_ps"].sort_values().to_numpy()
    ends = jobs[1].query("unit.str.startswith('nmpu')")["end_ps"].sort_values().to_numpy()
    assert len(starts) == len(ends) == LENGTH
    # What is chosen goes back to the first stage: a byte for each sample, over at least a link.
    assert (starts[1:] > ends[:-1]).all()
    assert counts(run)["link", "byte_hop", "input"] % (SAMPLES * (LENGTH - 1)) == 0
    together = archsim.simulate(document("in-turn", BRANCHES, STAGES, data={"samples": SAMPLES}))
    assert ("link", "byte_hop", "input") not in counts(together)
    assert together.metrics["makespan_ps"] < run.metrics["makespan_ps"]


@pytest.mark.parametrize("stages", [1, STAGES])
@pytest.mark.parametrize("positions", ["in-turn", "generated"])
def test_only_keys_and_values_are_read_again(stages: Any, positions: str) -> None:
    """All other operations and bytes are those of positions together, for any cut into stages."""
    found = [counts(archsim.simulate(document(which, BRANCHES, stages))) for which in ("together", positions)]
    fed_back = found[1].index.difference(found[0].index)
    assert set(fed_back) <= {("link", "byte_hop", "input"), ("buffer", "read_byte", "attend")}
    found[1] = found[1].drop(fed_back.difference([("buffer", "read_byte", "attend")]))
    more = found[1].sub(found[0], fill_value=0)
    assert more[more != 0].to_dict() == {
        ("buffer", "read_byte", "attend"): 3 * SAMPLES * sum(attention(n + 1)[1] for n in range(LENGTH))
    }


def test_what_is_stored_of_a_micro_batch_is_what_it_was() -> None:
    """Keys and values are outputs of layers, which a buffer holds until the micro-batch has gone on."""
    together, in_turn = (archsim.prepare(document(which, BRANCHES, STAGES)).memory for which in ("together", "in-turn"))
    assert [stage.micro_batch_bytes for stage in in_turn] == [stage.micro_batch_bytes for stage in together]
    # 6 numbers each of place, q, k, v, attend, project and sum, for each position; place and q come from stage 0.
    assert in_turn[1].micro_batch_bytes == SAMPLES * LENGTH * 7 * 6


def test_numbers_do_not_depend_on_how_positions_pass() -> None:
    draw = np.random.default_rng(5)
    inputs, targets = draw.random((24, LENGTH, 5), dtype=np.float32), draw.integers(0, 3, (24, LENGTH))
    data = DataSet("sequences", inputs[:4], targets[:4], inputs[4:], targets[4:], 3)
    found = [
        archsim.simulate(document(positions, BRANCHES, stages), data=data, mode="coupled")
        for positions, stages in (("together", 1), ("in-turn", STAGES), ("generated", STAGES))
    ]
    for run in found[1:]:
        assert run.metrics["accuracy"] == found[0].metrics["accuracy"]
        assert counts(run)["adc"].equals(counts(found[0])["adc"])


def test_a_run_resumed_while_positions_are_under_way_is_the_same_run(tmp_path: Path) -> None:
    calls = 0

    def stop() -> bool:
        nonlocal calls
        calls += 1
        return calls > 211

    wanted = document("generated", BRANCHES, STAGES)
    whole = archsim.simulate(wanted)
    with pytest.raises(Interrupted):
        archsim.simulate(wanted, workspace=tmp_path, interrupted=stop)
    again = archsim.simulate(wanted, workspace=tmp_path, resume=True)
    assert again.metrics == whole.metrics
    assert again.timeline.equals(whole.timeline)


def test_the_plan_tells_the_first_and_the_last_position(tmp_path: Path) -> None:
    file = tmp_path / "network.yaml"
    file.write_text(json.dumps(document("in-turn")))
    result = CliRunner().invoke(app, ["run", str(file), "--dry-run"])
    first, last = attention(1), attention(LENGTH)
    told = (
        f"attend (attention): on the digital unit, one position after the other: {first[0]} operations for the first, "
        f"{last[0]} and {last[1]} stored numbers of keys and values for the last, of each sample"
    )
    assert told in result.output


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"schedule": {"kind": "gpipe", "positions": "in-turn"}}, "schedule.positions", "passes gradients back"),
        ({"schedule": {"kind": "layer-serial", "positions": "in-turn"}}, "schedule.positions", "writes each layer"),
        (
            {"schedule": {"kind": "inference", "positions": "generated", "stages": 2}},
            "schedule.overlap",
            "hand positions on only where they overlap",
        ),
        (
            {"schedule": {"kind": "inference", "positions": "in-turn", "chunk_vectors": 2}},
            "schedule.chunk_vectors",
            "a chunk is one position",
        ),
        ({"chip": "unit"}, "schedule.positions", "a stage engine does all positions"),
        (
            {"network": "mlp-64-64-32-10"},
            "schedule.positions",
            "the layer 'fc1' of kind 'linear' does not take positions",
        ),
    ],
)
def test_what_positions_cannot_do_is_refused(change: dict[str, Any], field: str, message: str) -> None:
    with pytest.raises(archsim.InputError, match=message) as refused:
        archsim.prepare(document("in-turn") | change)
    assert refused.value.field == field


def test_a_layer_that_waits_for_a_sequence_is_passed_by_it_as_a_whole_and_generates_nothing() -> None:
    layers = [layer | {"causal": False} if layer["kind"] == "attention" else layer for layer in CHAIN]
    whole, seen = (archsim.simulate(document("in-turn", which)) for which in (layers, CHAIN))
    attend = [run.timeline.query("layer == 'attend' and unit.str.startswith('nmpu')") for run in (whole, seen)]
    assert [len(slices) for slices in attend] == [3, 3 * LENGTH]
    with pytest.raises(archsim.InputError, match="the layer 'attend' of kind 'attention' does not take positions"):
        archsim.prepare(document("generated", layers))
