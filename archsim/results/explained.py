"""What explains the time of a run: its bubble by cause, its critical path, and its bottleneck in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import pandas as pd

from archsim.results.bottleneck import bottleneck_sentence, critical_sentence
from archsim.results.bubble import bubble_by_cause
from archsim.results.critical_path import CriticalPath, critical_path, critical_path_of_jobs
from archsim.results.observations import Observations
from archsim.results.slices import Slices

__all__ = ["ExplainedRun"]


class ExplainedRun:
    """The explanations of a run, found when they are first asked for."""

    observations: Observations
    slices: Slices

    @property
    def settings(self) -> Mapping[str, Any]:
        """The resolved experiment."""
        raise NotImplementedError

    @cached_property
    def bubble(self) -> pd.DataFrame:
        """The idle time of places by cause: place, cause, idle_ps, share; see `archsim.results.bubble`."""
        return bubble_by_cause(self.slices, self.observations, int(self.settings["schedule"]["micro_batches"]))

    @cached_property
    def critical_path(self) -> CriticalPath | None:
        """What bounds the time; None without a clock or a timeline."""
        seen = self.observations
        if not seen.makespan_ps or not self.slices.count:
            return None
        overlap = self.settings["schedule"].get("overlap", "none") != "none"
        # A stage with an engine does one action at a time in any case.
        if overlap and any(unit.component in ("tile", "nmpu") for unit in seen.units):
            return critical_path_of_jobs(self.slices, seen)
        return critical_path(self.slices, seen)

    @property
    def bottleneck(self) -> str | None:
        """The unit that half its time would gain most, in a sentence; None without a clock.

        Where there is no critical path, it is the one that worked longest.
        """
        seen, found = self.observations, self.critical_path
        if found is not None and found.best is not None:
            return critical_sentence(found, seen.makespan_ps)
        return None if seen.bottleneck is None else bottleneck_sentence(seen.bottleneck, seen.makespan_ps)
