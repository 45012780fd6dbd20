"""A finished run: what it observed, what that costs on its chip, and what it learnt."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from archsim.chip.cautions import chip_warnings
from archsim.chip.domain import as_designed
from archsim.chip.provenance import timing_fingerprint
from archsim.chip.specification import Chip
from archsim.errors import InputError
from archsim.notebook import facts_html, facts_text
from archsim.results.area import area_table
from archsim.results.buffers import buffer_table
from archsim.results.constants import ConstantRecord
from archsim.results.discrepancy import discrepancy_table
from archsim.results.explained import ExplainedRun
from archsim.results.folder import Writer
from archsim.results.inference import inference_table
from archsim.results.learning import LearningCurve
from archsim.results.metrics import MetricValue
from archsim.results.observations import Observations
from archsim.results.optional_tables import OPTIONAL_TABLES
from archsim.results.pricing import price
from archsim.results.provenance import Provenance
from archsim.results.save import save_run
from archsim.results.slices import Slices
from archsim.results.staleness import staleness_table
from archsim.results.tables import same_table
from archsim.results.tally import Tally
from archsim.results.targets import ToTarget, way_to_target
from archsim.results.timeline import Timeline
from archsim.units import format_duration, format_energy

__all__ = ["Run", "make_run"]

#: The metrics by which a run shows itself.
_SHOWN: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("time", "makespan_ps", format_duration),
    ("energy", "energy_pj", format_energy),
    ("accuracy", "accuracy", "{:.2%}".format),
)


@dataclass(frozen=True, eq=False)
class Run(ExplainedRun):
    """A finished run. `archsim.report.write_run` saves it together with its report.

    Attributes
    ----------
    document : str
        The resolved experiment (YAML) that reproduces the run.
    chip : Chip
        The chip on which it was priced.
    observations : Observations
        Counts and times, before any price.
    metrics : mapping of str to number, list or dict
        See `archsim.results.metrics.METRICS`.
    learning : DataFrame
        One row per evaluation: mini_batch, samples, time_ps, energy_pj, train_loss, test_accuracy,
        test_loss, test_perplexity.
    tallies : tuple of Tally or None
        For each row of `learning`, what had been counted by then.
    cost : DataFrame
        component, phase, layer, operation, count, dynamic_pj, leakage_pj.
    area : DataFrame
        component, count, unit_um2, area_um2; adds up to the metric ``area_um2``.
    slices : Slices
        What every unit did and why it waited; read in parts by `Slices.select`, as a whole by `timeline`.
    constants : tuple of ConstantRecord
        The chip's constants with their sources.
    provenance : Provenance
        Program, machine, seeds, date.
    warnings : tuple of str
        What a reader of the numbers has to know.
    weights : dict of str to float32 array
        Trained weights [outputs, inputs] by layer, digital numbers [outputs] as ``layer.bias`` and
        ``layer.scale`` (empty in timing mode).
    inference : DataFrame
        time_s, programming, test_accuracy on programmed conductances; no rows where none was asked for.
    buffers : DataFrame
        buffer, time_ps, claimed_bytes: the claimed space of each buffer from a time on; no rows without buffers.
    staleness : DataFrame
        stage, layer, until, updates, micro_batches: see `archsim.results.staleness_table`; no rows without updates.
    discrepancy : DataFrame
        matrix, micro_batch, discrepancy, relative: see `archsim.results.discrepancy_table`; no rows where it was not
        measured.
    """

    document: str
    chip: Chip
    observations: Observations
    metrics: Mapping[str, MetricValue]
    learning: pd.DataFrame
    tallies: tuple[Tally | None, ...]
    cost: pd.DataFrame
    slices: Slices
    constants: tuple[ConstantRecord, ...]
    provenance: Provenance
    warnings: tuple[str, ...]
    weights: dict[str, npt.NDArray[np.float32]]
    inference: pd.DataFrame = field(default_factory=inference_table)
    buffers: pd.DataFrame = field(default_factory=buffer_table)
    area: pd.DataFrame = field(default_factory=area_table)
    staleness: pd.DataFrame = field(default_factory=staleness_table)
    discrepancy: pd.DataFrame = field(default_factory=discrepancy_table)

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        """The resolved experiment as nested mappings and lists."""
        try:
            settings: Mapping[str, Any] = YAML(typ="safe", pure=True).load(self.document)
            for section, key in (("schedule", "kind"), ("run", "mode")):
                if not isinstance(settings[section][key], str):
                    raise TypeError(f"{section}.{key} is no text")
        except (YAMLError, LookupError, TypeError, ValueError, RecursionError) as error:
            raise InputError(
                f"the document of this run is no resolved experiment ({type(error).__name__})",
                value=self.document[:80],
                remedy="simulate the experiment again",
            ) from error
        return settings

    @cached_property
    def timeline(self) -> pd.DataFrame:
        """All slices: unit, stage, layer, action, micro_batch, start_ps, end_ps, cause; read when first asked for.

        It has no rows if slices were not stored. A long run's takes much memory; `slices` gives parts of it.
        """
        return self.slices.frame()

    def to_target(self, *, accuracy: float | None = None, perplexity: float | None = None) -> ToTarget:
        """Return what it took to the first evaluation with at least this accuracy, at most this perplexity.

        Without either, the target is that of the experiment: ``training.stop_at`` or ``run.target_accuracy``.

        Raises
        ------
        InputError
            If there is no such target.
        """
        if accuracy is None and perplexity is None:
            accuracy, perplexity = self.target
        return way_to_target(self.learning, accuracy=accuracy, perplexity=perplexity)

    @property
    def target(self) -> tuple[float | None, float | None]:
        """Accuracy and perplexity that the experiment states as its target, each None without."""
        stop_at = (self.settings.get("training") or {}).get("stop_at") or {}
        return stop_at.get("accuracy", self.settings["run"].get("target_accuracy")), stop_at.get("perplexity")

    @property
    def placeholders(self) -> tuple[ConstantRecord, ...]:
        """The guessed constants on which this run rests."""
        return tuple(record for record in self.constants if record.used and record.status == "placeholder")

    def __repr__(self) -> str:
        return facts_text("Run", str(self.settings["name"]), self._facts())

    def _repr_html_(self) -> str:
        return facts_html("Run", str(self.settings["name"]), self._facts(), self.warnings)

    def _facts(self) -> dict[str, str]:
        """Return what a run is, and the numbers by which it is judged as far as its mode yields them."""
        settings, found = self.settings, {}
        found["schedule"] = str(settings["schedule"]["kind"])
        found["chip"] = self.chip.name
        found["mode"] = str(settings["run"]["mode"])
        for label, metric, write in _SHOWN:
            value = self.metrics.get(metric)
            if isinstance(value, (int, float)):
                found[label] = write(value)
        if self.warnings:
            found["warnings"] = str(len(self.warnings))
        return found

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Run):
            return NotImplemented
        plain = ("document", "chip", "observations", "metrics", "tallies", "constants", "provenance", "warnings")
        tables = ("learning", "cost", "area", "timeline", *(optional.attribute for optional in OPTIONAL_TABLES))
        return (
            all(getattr(self, name) == getattr(other, name) for name in plain)
            and all(same_table(getattr(self, name), getattr(other, name)) for name in tables)
            and self.weights.keys() == other.weights.keys()
            and all(np.array_equal(array, other.weights[name]) for name, array in self.weights.items())
        )

    __hash__ = None  # type: ignore[assignment]

    def save(self, directory: str | Path, force: bool = False, extra: Sequence[Writer] = ()) -> None:
        """Save the run as a folder, whole or not at all.

        Parameters
        ----------
        directory : str or Path
            The folder to make.
        force : bool
            Whether an existing run folder is replaced, after the new one is complete.
        extra : sequence of callable
            Each is called with the folder under construction and writes further files into it; this is
            how the report joins in (see `archsim.report.write_run`).

        Raises
        ------
        InputError
            If the folder exists and may not be replaced, or cannot be made.
        """
        save_run(self, Path(directory), force=force, extra=extra)

    def reprice(self, chip: Chip) -> Run:
        """Return this run with the energies and the area of another technology.

        Counts, times, timeline and weights stay. The energies of a learning curve that kept no
        tallies become NaN.

        Parameters
        ----------
        chip : Chip
            A chip on which the simulation would have run alike.

        Raises
        ------
        InputError
            If the chip differs in fields that change counts or times, which are listed; or if it is no `Chip`.
        """
        if not isinstance(chip, Chip):
            raise InputError(
                "a run is priced for a chip of an experiment",
                field="chip",
                value=chip,
                allowed="an archsim.chip.Chip",
                remedy='archsim.load_experiment(EXPERIMENT, ["chip.adc.energy.fixed=1 pJ"]).chip',
            )
        mine, its = dict(_flat(timing_fingerprint(self.chip))), dict(_flat(timing_fingerprint(chip)))
        differing = sorted(name for name in mine.keys() | its.keys() if mine.get(name) != its.get(name))
        if differing:
            raise InputError(
                "a run cannot be re-priced for a chip on which it would have taken other times or counts",
                field="chip",
                value=", ".join(f"{name}: {mine.get(name)} -> {its.get(name)}" for name in differing),
                allowed="chips that differ in energies, leakage, areas, names and sources only",
                remedy="simulate the experiment again on that chip",
            )
        designed = as_designed(chip)
        energies = [
            math.nan if tally is None or not self.observations.makespan_ps else tally.energy_pj(designed)
            for tally in self.tallies
        ]
        priced = price(self.observations, chip, self.tallies)
        return replace(
            self,
            document=_with_chip(self.document, chip),
            chip=chip,
            metrics=priced.metrics,
            learning=self.learning.assign(energy_pj=pd.Series(energies, dtype="float64")),
            cost=priced.cost,
            area=priced.area,
            constants=priced.constants,
            warnings=(*priced.warnings, *(text for text in self.warnings if text not in chip_warnings(self.chip))),
        )


def make_run(
    document: str,
    chip: Chip,
    observations: Observations,
    learning: LearningCurve,
    timeline: Timeline,
    provenance: Provenance,
    *,
    warnings: Sequence[str] = (),
    weights: Mapping[str, npt.NDArray[np.float32]] | None = None,
    inference: pd.DataFrame | None = None,
    buffers: pd.DataFrame | None = None,
    staleness: pd.DataFrame | None = None,
    discrepancy: pd.DataFrame | None = None,
) -> Run:
    """Price what a simulation observed and bind it to a run.

    Parameters
    ----------
    document : str
        Resolved experiment.
    chip : Chip
        The chip that was simulated.
    observations : Observations
        Counts and times.
    learning : LearningCurve
        Evaluations.
    timeline : Timeline
        Slices of all units, closed. Where it wrote parts into a folder, the run needs that folder until it is
        saved and loaded.
    provenance : Provenance
        Where the run comes from.
    warnings : sequence of str
        Warnings of the simulation; one is added if the training diverged.
    weights : mapping of str to float32 array [outputs, inputs], optional
        Trained weights by layer.
    inference : DataFrame, optional
        Accuracy on programmed conductances; see `archsim.results.inference`.
    buffers : DataFrame, optional
        Claimed space of buffers over time; see `archsim.results.buffers`.
    staleness : DataFrame, optional
        Histograms of staleness; see `archsim.results.staleness`.
    discrepancy : DataFrame, optional
        Weights of backwards against those of forwards; see `archsim.results.discrepancy`.

    Raises
    ------
    ValueError
        If the observations contradict each other.
    """
    if diverged := [
        f"the {what} is {loss}"
        for what, loss in (("last training loss", observations.loss), ("test loss", observations.test_loss))
        if loss is not None and not math.isfinite(loss)
    ]:
        warnings = (*warnings, f"the training diverged: {', '.join(diverged)}")
    observations = _of_finite_losses(observations)
    priced = price(observations, chip, [point.tally for point in learning.points])
    return Run(
        document=document,
        chip=chip,
        observations=observations,
        metrics=priced.metrics,
        learning=learning.frame(),
        tallies=tuple(point.tally for point in learning.points),
        cost=priced.cost,
        slices=timeline.finish(),
        constants=priced.constants,
        provenance=provenance,
        warnings=(*priced.warnings, *warnings),
        weights={name: np.array(array, dtype=np.float32) for name, array in (weights or {}).items()},
        inference=inference_table() if inference is None else inference,
        buffers=buffer_table() if buffers is None else buffers,
        area=priced.area,
        staleness=staleness_table() if staleness is None else staleness,
        discrepancy=discrepancy_table() if discrepancy is None else discrepancy,
    )


def _of_finite_losses(seen: Observations) -> Observations:
    """Return observations without what is no number, after a training that diverged."""
    loss, test_loss, perplexity = (
        number if number is not None and math.isfinite(number) else None
        for number in (seen.loss, seen.test_loss, seen.perplexity)
    )
    return replace(seen, loss=loss, test_loss=test_loss, perplexity=perplexity)


def _flat(values: Mapping[str, Any], prefix: str = "chip") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}.{name}")
        else:
            yield f"{prefix}.{name}", value


def _with_chip(document: str, chip: Chip) -> str:
    """The document with another chip section, so that it still reproduces its run."""
    yaml = YAML(pure=True)
    content = yaml.load(document)
    content["chip"] = chip.model_dump(mode="json")
    text = StringIO()
    yaml.dump(content, text)
    return text.getvalue()
