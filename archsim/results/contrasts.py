"""What a reader has to know before comparing runs, in sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scipy.special import stdtrit

from archsim.results.collection import RunCollection
from archsim.results.compare import equal_weights, paired_differences
from archsim.results.differences import differing_keys
from archsim.results.run import Run

__all__ = ["contrasts"]

_EQUAL = 1e-9
#: Probability with which the confidence interval of a difference contains it.
_CONFIDENCE = 0.95


def contrasts(runs: RunCollection) -> list[str]:
    """Return sentences on what the runs have in common and where they differ; nothing that a table says already."""
    shown = runs.first_runs
    return [
        *_subjects(shown),
        *_updates(shown),
        *_progress(shown),
        *(f"{_listed(group)} end in equal weights, bit for bit." for group in equal_weights(runs)),
        *_pairs(runs),
        *_lengths(shown),
    ]


def _subjects(runs: Mapping[str, Run]) -> Iterator[str]:
    """Say that runs train other networks or learn from other data."""
    keys = differing_keys(*runs.values()) if len(runs) > 1 else {}
    read = {repr(data["sha256"]) if (data := run.provenance.data) else "" for run in runs.values()}
    if len(read) == 1 and "" not in read:
        keys.pop("data.path", None)  # The same files, in another folder.
    texts = {
        "network": "The runs train different networks, so their accuracies do not compare chips or schedules alone",
        "data": "The runs learn from different data, so their accuracies cannot be compared",
    }
    for section, text in texts.items():
        found = [key for key in keys if key.split(".")[0] == section]
        if found:
            more = f" and {len(found) - 3} more keys" if len(found) > 3 else ""
            yield f"{text} ({', '.join(found[:3])}{more})."
        elif section == "data" and len(read - {""}) > 1:
            yield f"{text} (the same names, but other files)."


def _updates(runs: Mapping[str, Run]) -> Iterator[str]:
    """Say how often each schedule updates, and with what staleness, where they differ."""
    told: dict[str, list[str]] = {}
    for name, run in runs.items():
        samples = run.metrics.get("samples_per_update")
        training = run.settings.get("training")
        if not isinstance(samples, (int, float)) or not training:
            continue
        mini_batch = int(training["mini_batch"])
        told.setdefault(f"{_every(samples, mini_batch)}, {_stale(run.observations.staleness)}", []).append(name)
    if len(told) > 1:
        yield from (f"{_listed(names)}: {text}." for text, names in told.items())


def _every(samples: float, mini_batch: int) -> str:
    """Say after how many samples a stage updates; a fraction is a mean over updates of different numbers of samples."""
    if abs(samples - round(samples)) > _EQUAL:
        return f"an update after {samples:.4g} samples on average"
    how = "mini-batch" if round(samples) == mini_batch else "micro-batch"
    return f"an update after every {how} of {samples:.6g} sample{'' if round(samples) == 1 else 's'}"


def _stale(staleness: Sequence[float]) -> str:
    """Say how many updates late gradients are: the range over the stages, one number where it is the same."""
    if not any(staleness):
        return "no staleness"
    least, most = f"{min(staleness):.3g}", f"{max(staleness):.3g}"
    found = most if least == most else f"{least} to {most}"
    return f"staleness {found} update{'' if found == '1' else 's'}"


def _progress(runs: Mapping[str, Run]) -> Iterator[str]:
    """Say where a sample moves the weights by another step, and where that has no effect."""
    steps = {name: float(step) for name, run in runs.items() if (step := run.observations.step_per_sample)}
    if len(steps) < 2:
        return
    first, base = next(iter(steps.items()))
    groups: dict[str, list[str]] = {}
    for name, step in steps.items():
        groups.setdefault(f"{step / base:.4g}", []).append(name)
    other = {ratio: names for ratio, names in groups.items() if ratio != "1"}
    for ratio, names in other.items():
        yield (
            f"{_listed(names)}: a sample moves the weights {ratio} times as far as under {first}, so the runs are not "
            "at equal learning progress (see training.average_over and training.learning_rate)."
        )
    if any(_normalises(run.settings) for run in runs.values()):
        yield (
            "The training algorithm normalises gradients (auto_scale): training.average_over changes digital biases "
            "and output scales only, not what its arrays learn."
        )


def _pairs(runs: RunCollection) -> Iterator[str]:
    """Say how accuracies differ between runs with the same seed, each point from its `_neighbour`."""
    if len(runs.seeds) < 2 or len(runs.points) < 2:
        return
    groups = equal_weights(runs)
    for name, other in _neighbours(runs.first_runs).items():
        if any(name in group and other in group for group in groups):
            continue
        pair = RunCollection({point: runs[point] for point in (other, name)})
        for n, mean, spread in paired_differences(pair, "accuracy")[["n", "mean", "std"]].itertuples(index=False):
            if n > 1:
                yield (
                    f"{name}: accuracy differs from {other} by {100 * mean:+.2f} ± {100 * spread:.2f} points "
                    f"(mean and standard deviation of {n} pairs with equal seeds){_interval(n, mean, spread)}."
                )


def _interval(n: int, mean: float, spread: float) -> str:
    """Return the confidence interval of a mean difference by Student's t; empty where all pairs differ equally."""
    if not spread:
        return ""
    half = float(stdtrit(n - 1, 0.5 + _CONFIDENCE / 2)) * spread / math.sqrt(n)
    zero = ", which includes 0" if abs(mean) <= half else ""
    return f"; {_CONFIDENCE:.0%} confidence: {100 * (mean - half):+.2f} to {100 * (mean + half):+.2f}{zero}".replace(
        "%", " %", 1
    )


def _neighbours(runs: Mapping[str, Run]) -> dict[str, str]:
    """Return with which point each one after the first is compared.

    That is the first point before it from which a single key separates it, so that a grid tells the effect of one key
    at a time; the first of all points where there is none.
    """
    names = list(runs)
    differing = differing_keys(*runs.values()).values() if len(names) > 1 else ()
    found = {}
    for i, name in enumerate(names[1:], 1):
        apart = (sum(values[i] != values[j] for values in differing) for j in range(i))
        found[name] = next((names[j] for j, keys in enumerate(apart) if keys == 1), names[0])
    return found


def _lengths(runs: Mapping[str, Run]) -> Iterator[str]:
    if len({run.metrics["samples"] for run in runs.values()}) > 1:
        yield "The runs trained different numbers of samples: compare times and energies per sample."


def _normalises(settings: Any) -> bool:
    """Return whether an algorithm in some settings scales its gradients by itself."""
    if isinstance(settings, Mapping):
        return settings.get("auto_scale") is True or any(map(_normalises, settings.values()))
    return isinstance(settings, list) and any(map(_normalises, settings))


def _listed(names: Sequence[str]) -> str:
    # A point of a grid has a comma in its name.
    between = "; " if any("," in name for name in names) else ", "
    return names[0] if len(names) == 1 else f"{between.join(names[:-1])} and {names[-1]}"
