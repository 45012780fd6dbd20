"""Which point is first at a target, in sentences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from archsim.results import Run, RunCollection, firsts

from .synthetic import synthetic_run


def _run(time_ps: int, accuracy: float) -> Run:
    run = synthetic_run()
    learning = run.learning.copy()
    learning["time_ps"] = np.arange(1, len(learning) + 1) * time_ps
    learning["test_accuracy"] = accuracy
    return replace(run, learning=learning)


def test_the_first_is_named_with_its_time_and_what_missed_is_not_ranked() -> None:
    slow, fast, never = _run(3_000_000, 0.9), _run(1_000_000, 0.9), _run(1_000, 0.1)
    (text,) = firsts(RunCollection.of_runs({"slow": slow, "fast": fast, "never": never}), 0.8)
    assert text.startswith("First at 80 %: fast (1")
    assert ", then slow (3" in text
    assert "not reached under every seed: never" in text
    assert "run.evaluate_every" in text


def test_with_seeds_the_difference_to_the_next_is_told_from_zero_or_not() -> None:
    fast = {seed: _run(1_000_000 + seed, 0.9) for seed in range(3)}
    clear = {seed: _run(2_000_000 + 3 * seed, 0.9) for seed in range(3)}
    unclear = {seed: _run(1_000_000 + seed + 500_000 * (seed - 1) + 9, 0.9) for seed in range(3)}
    assert "includes 0" not in firsts(RunCollection({"a": fast, "b": clear}), 0.8)[1]
    assert "includes 0" in firsts(RunCollection({"a": fast, "b": unclear}), 0.8)[1]


def test_without_a_target_nothing_is_said() -> None:
    run = _run(1_000, 0.9)
    assert not firsts(RunCollection.of_runs({"a": run}), 0.8)
