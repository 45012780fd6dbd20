"""What a small run counts and what its energy is, worked out on paper from sizes and unit energies.

A perceptron 5-4-3 on tiles of 3 x 4 cells: 5 x 4 is cut into 2 x 4 and 3 x 4, 4 x 3 into 2 x 3 and 2 x 3. Two tiles
share a node, so the second matrix lies on another node than the digital unit and is sent all it needs over one link.
"""

from __future__ import annotations

from math import fsum

import pytest

import archsim

SAMPLES = 6
#: Unit energies in picojoules, each a prime number, so that none can stand in for another.
PRICES = {
    ("dac", "conversion"): 2,
    ("array", "cell_read"): 3,
    ("integrator", "integration"): 5,
    ("adc", "conversion"): 7,
    ("pulse_driver", "write_row"): 11,
    ("pulse_driver", "write_column"): 13,
    ("array", "cell_write"): 17,
    ("nmpu", "multiply_add"): 19,
    ("nmpu", "activation"): 23,
    ("buffer", "read_byte"): 29,
    ("buffer", "write_byte"): 31,
    ("link", "byte_hop"): 37,
    ("host", "byte"): 41,
}
BYTES = 2

#: What one sample counts, by component, operation, phase and layer.
COUNTS = {
    # 5 rows are driven, 4 columns of either part are read; then 4 rows and 3 columns of either part.
    ("dac", "conversion", "F", "one"): 5,
    ("array", "cell_read", "F", "one"): 5 * 4,
    ("integrator", "integration", "F", "one"): 4 + 4,
    ("adc", "conversion", "F", "one"): 4 + 4,
    ("dac", "conversion", "F", "two"): 4,
    ("array", "cell_read", "F", "two"): 4 * 3,
    ("integrator", "integration", "F", "two"): 3 + 3,
    ("adc", "conversion", "F", "two"): 3 + 3,
    # Back through the second matrix alone: nobody needs a gradient at the input.
    ("dac", "conversion", "B", "two"): 3 + 3,
    ("array", "cell_read", "B", "two"): 4 * 3,
    ("integrator", "integration", "B", "two"): 4,
    ("adc", "conversion", "B", "two"): 4,
    # An outer product drives all rows and columns of each part.
    ("pulse_driver", "write_row", "U", "one"): 5,
    ("pulse_driver", "write_column", "U", "one"): 4 + 4,
    ("array", "cell_write", "U", "one"): 5 * 4,
    ("pulse_driver", "write_row", "U", "two"): 4,
    ("pulse_driver", "write_column", "U", "two"): 3 + 3,
    ("array", "cell_write", "U", "two"): 4 * 3,
    # Each conversion is scaled and added; the squared error takes two operations an output.
    ("nmpu", "multiply_add", "F", "one"): 8,
    ("nmpu", "activation", "F", "one"): 4,
    ("nmpu", "multiply_add", "F", "two"): 6 + 2 * 3,
    # The error is scaled; behind the transposed read 4 conversions are added, and pass the derivative and the scale.
    ("nmpu", "multiply_add", "B", "two"): 3 + 4 + 4 + 4,
    ("nmpu", "multiply_add", "U", "one"): 5 + 4,
    ("nmpu", "multiply_add", "U", "two"): 4 + 3,
    ("buffer", "read_byte", "F", "one"): BYTES * 5,
    ("buffer", "write_byte", "F", "one"): BYTES * (4 + 4),
    ("buffer", "read_byte", "F", "two"): BYTES * 4,
    ("buffer", "write_byte", "F", "two"): BYTES * 3,
    ("buffer", "read_byte", "B", "two"): BYTES * 3,
    ("buffer", "write_byte", "B", "two"): BYTES * (4 + 4),
    ("buffer", "read_byte", "U", "one"): BYTES * (5 + 4),
    ("buffer", "read_byte", "U", "two"): BYTES * (4 + 3),
    # Both parts of 2 x 3: rows there and columns back, the other way round, or both there.
    ("link", "byte_hop", "F", "two"): BYTES * 2 * (2 + 3),
    ("link", "byte_hop", "B", "two"): BYTES * 2 * (3 + 2),
    ("link", "byte_hop", "U", "two"): BYTES * 2 * (2 + 3),
    ("host", "byte", "F", "input"): BYTES * 5,
}
IDLE_W = 0.002


def price(component: str, operation: str) -> dict[str, str]:
    return {"value": f"{PRICES[component, operation]} pJ"}


@pytest.fixture(scope="module")
def run() -> archsim.Run:
    clock = {"clock": "1 GHz"}
    chip = {
        "name": "worked out",
        "node_tiles": 2,
        "tile": {
            "rows": 3,
            "columns": 4,
            "integration_time": "20 ns",
            "update_fixed_time": "30 ns",
            "energy": {
                "cell_read": {"fixed": price("array", "cell_read")},
                "cell_write": {"fixed": price("array", "cell_write")},
                "integration": {"fixed": price("integrator", "integration")},
                "write_row": {"fixed": price("pulse_driver", "write_row")},
                "write_column": {"fixed": price("pulse_driver", "write_column")},
            },
            "leakage": {"active": {"value": f"{IDLE_W} W"}, "idle": {"value": f"{IDLE_W} W"}},
        },
        "dac": {"energy": {"fixed": price("dac", "conversion")}},
        "adc": {"energy": {"fixed": price("adc", "conversion")}},
        "nmpu": clock
        | {"lanes": 3, "multiply_add": price("nmpu", "multiply_add"), "activation": price("nmpu", "activation")},
        "buffer": clock
        | {
            "element_bits": 8 * BYTES,
            "bytes_per_cycle": 4,
            "read_byte": price("buffer", "read_byte"),
            "write_byte": price("buffer", "write_byte"),
        },
        "interconnect": clock | {"bytes_per_cycle": 2, "byte_hop": price("link", "byte_hop")},
        "host": clock | {"bytes_per_cycle": 2, "byte": price("host", "byte")},
    }
    layers = [
        {"name": "one", "kind": "linear", "features": 4},
        {"name": "bend", "kind": "tanh"},
        {"name": "two", "kind": "linear", "features": 3},
    ]
    return archsim.simulate(
        {
            "network": {"input_shape": [5], "layers": layers, "loss": "mean-squared-error"},
            "chip": chip,
            "data": {"samples": SAMPLES},
            "training": {"learning_rate": 0.1, "mini_batch": 2},
            "schedule": {"kind": "synchronous", "stages": 1, "micro_batches": 2},
            "run": {"mode": "timing"},
        }
    )


def test_every_count_is_the_one_on_paper(run: archsim.Run) -> None:
    rows = run.cost[run.cost.operation != "leakage"]
    columns = (rows[name] for name in ("component", "operation", "phase", "layer"))
    found = dict(zip(zip(*columns, strict=True), rows["count"], strict=True))
    assert {key: count for key, count in found.items() if count} == {key: SAMPLES * n for key, n in COUNTS.items()}


def test_energy_is_counts_times_the_energies_in_the_document(run: archsim.Run) -> None:
    expected = SAMPLES * sum(count * PRICES[key[:2]] for key, count in COUNTS.items())
    assert expected == SAMPLES * 7696
    assert fsum(run.cost["dynamic_pj"]) == pytest.approx(expected, rel=1e-12)
    by_component = run.cost.groupby("component", observed=True)["dynamic_pj"].sum()
    assert by_component["adc"] == pytest.approx(7 * SAMPLES * (8 + 6 + 4), rel=1e-12)
    assert by_component["link"] == pytest.approx(37 * SAMPLES * 60, rel=1e-12)


def test_leakage_is_power_times_time_of_four_tiles(run: archsim.Run) -> None:
    expected = 4 * IDLE_W * run.metrics["makespan_ps"]
    assert run.metrics["leakage_pj"] == pytest.approx(expected, rel=1e-12)
    assert run.metrics["energy_pj"] == pytest.approx(SAMPLES * 7696 + expected, rel=1e-12)
