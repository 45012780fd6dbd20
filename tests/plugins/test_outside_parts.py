"""A package that nothing but entry points connects with archsim brings parts of every sort; one experiment uses all."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

HERE = Path(__file__).parent

ENTRY_POINTS = """
[archsim.operators]
block-norm = outside_parts.batch_norm:BatchNorm

[archsim.interconnects]
ring = outside_parts.ring:RingInterconnect

[archsim.actions]
R = outside_parts.recomputing:RECOMPUTE

[archsim.schedules]
recomputing = outside_parts.recomputing:SCHEDULE

[archsim.losses]
squared-hinge = outside_parts.hinge:SquaredHinge

[archsim.arithmetics]
rounded = outside_parts.rounded:Rounded

[archsim.searches]
ends-first = outside_parts.ends_first:ends_first
"""

SAMPLES = 3 * 360
MICRO_BATCHES = SAMPLES // 6
LAYERS = [
    {"name": "a", "kind": "linear", "features": 24},
    {"name": "norm", "kind": "block-norm", "epsilon": 1e-3},
    {"name": "bend", "kind": "tanh"},
    {"name": "b", "kind": "linear", "features": 16},
    {"name": "bend2", "kind": "tanh"},
    {"name": "c", "kind": "linear", "features": 10},
]
EXPERIMENT: dict[str, Any] = {
    "network": {"input_shape": [64], "layers": LAYERS, "loss": "squared-hinge"},
    "chip": {
        "preset": "reram-1024",
        "nmpu": {"arithmetic": {"kind": "rounded", "digits": 6}},
        "interconnect": {"kind": "ring", "one_way": True},
    },
    "data": {"name": "digits", "samples": 360, "test_samples": 100},
    "training": {"learning_rate": 0.05, "mini_batch": 12, "epochs": 3},
    "schedule": {"kind": "recomputing", "stages": 3, "micro_batches": 2, "every": 2},
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which the package is installed and the experiment has been run."""
    folder = tmp_path_factory.mktemp("outside")
    shutil.copytree(HERE / "outside_parts", folder / "site" / "outside_parts")
    metadata = folder / "site" / "outside_parts-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: outside-parts\nVersion: 1\n", encoding="utf-8")
    (metadata / "entry_points.txt").write_text(ENTRY_POINTS, encoding="utf-8")
    YAML().dump(EXPERIMENT, folder / "experiment.yaml")
    done = archsim(folder, "run", "experiment.yaml", "-o", "run")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def archsim(folder: Path, *arguments: str, path: Path = HERE) -> subprocess.CompletedProcess[str]:
    return python(folder, "-m", "archsim", *arguments, path=path)


def python(folder: Path, *arguments: str, path: Path = HERE) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder, with the package and what else stands at a path."""
    places = os.pathsep.join(map(str, (folder / "site", HERE.parents[1], path)))
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": places, "COLUMNS": "120"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def timeline(place: Path) -> pd.DataFrame:
    return pd.read_parquet(place / "run" / "timeline.parquet")


def test_it_learns(place: Path) -> None:
    metrics = json.loads((place / "run" / "run.json").read_text())["metrics"]
    assert metrics["accuracy"] > 0.6


def test_messages_go_round_the_ring(timeline: pd.DataFrame) -> None:
    """One way round: every gradient goes to the stage before by way of the third one, over two links."""
    links = timeline[timeline.unit.str.startswith("link ") & (timeline.action != "")]
    assert set(links.unit) == {"link 0->1", "link 1->2", "link 2->0"}
    back = links[links.action == "B"]
    assert set(back.unit) == {"link 0->1", "link 1->2", "link 2->0"}
    assert len(back) == 2 * 2 * MICRO_BATCHES


def test_a_stage_recomputes_every_second_micro_batch(timeline: pd.DataFrame) -> None:
    for stage, actions in (("stage 0", "F F R B B U"), ("stage 1", "F F R B B U"), ("stage 2", "F F B B U")):
        rows = timeline[(timeline.unit == stage) & (timeline.action != "")].sort_values("start_ps")
        assert rows.action.tolist() == actions.split() * (MICRO_BATCHES // 2)
    lengths = (timeline.end_ps - timeline.start_ps).groupby([timeline.unit, timeline.action], observed=True).first()
    assert lengths["stage 0", "R"] == lengths["stage 0", "F"]


def test_normalising_is_charged(place: Path) -> None:
    """Five operations for each of 24 numbers, in three of two forwards, seven back; beside them scales and a slope."""
    cost = pd.read_csv(place / "run" / "cost.csv")
    rows = cost[(cost.layer == "a") & (cost.operation == "multiply_add")].set_index("phase")["count"]
    assert rows["F"] == SAMPLES * 3 // 2 * (24 + 5 * 24)
    assert rows["B"] == SAMPLES * (7 * 24 + 24 + 24)


def test_biases_have_six_digits(place: Path) -> None:
    with np.load(place / "run" / "weights.npz") as weights:
        biases = np.concatenate([weights[name] for name in weights.files if "bias" in name])
    scaled = np.frexp(biases)[0] * 2**6
    assert biases.any()
    assert (scaled == np.round(scaled)).all()


def test_its_search_chooses_points(place: Path) -> None:
    rates = "training.learning_rate=0.0001,0.001,0.01,0.05,0.1"
    short = ("--set", "training.max_mini_batches=6", "--mode", "numerics", "--seeds", "1", "--workers", "2")
    done = archsim(
        place, "explore", "experiment.yaml", "--vary", rates, *short, "--search", "ends-first", "-o", "sweep"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    points = pd.read_csv(place / "sweep" / "points.csv")
    assert points["training.learning_rate"].tolist()[:3] == [0.0001, 0.1, 0.01]
    assert 3 <= len(points) < 5
    assert points["n"].tolist() == [1] * len(points)


REFUSED = {
    "network.layers.1.epsilon": -1,
    "chip.interconnect.one_way": "maybe",
    "chip.nmpu.arithmetic.digits": 1,
    "schedule.every": 0,
}
TRY = """
import sys, archsim
for override in sys.argv[1:]:
    try:
        archsim.load_experiment("experiment.yaml", [override])
    except archsim.InputError as error:
        print(error.field)
"""


def test_settings_of_its_own_are_checked(place: Path) -> None:
    done = python(place, "-c", TRY, *(f"{key}={value}" for key, value in REFUSED.items()))
    assert done.stdout.split() == list(REFUSED), done.stderr


def test_without_the_package_the_experiment_is_refused(place: Path, tmp_path: Path) -> None:
    refused = archsim(tmp_path, "run", str(place / "experiment.yaml"), "-o", "other")
    assert refused.returncode == 2
    assert "remedy:" in refused.stderr


def test_parts_that_nobody_uses_are_checked_where_they_are_listed(place: Path, tmp_path: Path) -> None:
    broken = {
        "archsim.losses": {"gone": "outside_parts.gone:Loss", "odd": "outside_parts.hinge:np"},
        "archsim.arithmetics": {"other": "outside_parts.rounded:Rounded"},
    }
    metadata = tmp_path / "broken_parts-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-parts\nVersion: 1\n", encoding="utf-8")
    sections = [
        "\n".join([f"[{group}]", *(f"{name} = {where}" for name, where in parts.items())])
        for group, parts in broken.items()
    ]
    (metadata / "entry_points.txt").write_text("\n\n".join(sections), encoding="utf-8")
    told = {
        "gone": "'gone' of archsim.losses cannot be loaded from outside_parts.gone:Loss",
        "odd": "'odd' cannot be registered as a loss: this is a module",
        "other": "'other' cannot be registered as an arithmetic: its 'Settings' are of the kind 'rounded'",
    }
    for command in (("list", "losses"), ("list", "arithmetics"), ("info",)):
        done = archsim(place, *command, path=tmp_path)
        assert done.returncode == 0, done.stderr
        words = " ".join(done.stdout.split())
        of_command = told if command == ("info",) else dict.fromkeys(broken[f"archsim.{command[1]}"])
        assert all(f"(broken: {told[name]}" in words for name in of_command), words
        assert words.count("(broken:") == len(of_command)
        assert "squared-hinge" in words or command[-1] == "arithmetics"


def test_it_is_listed_beside_the_rest(place: Path) -> None:
    listed = archsim(place, "list")
    assert listed.returncode == 0, listed.stderr
    names = [line.split(" =")[0] for line in ENTRY_POINTS.splitlines() if " = " in line]
    assert set(names) <= {word.strip(",") for word in listed.stdout.split()}
