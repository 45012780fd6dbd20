"""The stages of a pipeline and what passes between them, whoever plays a schedule through."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from archsim.schedule.action_kinds import Flow
from archsim.schedule.actions import Action, Schedule
from archsim.schedule.place_turns import PlaceTurns
from archsim.schedule.state import HOST, Edges, StageState, chain_edges

__all__ = ["PipelineState"]


class PipelineState:
    """The stages of a pipeline, and who hands over to whom.

    Parameters
    ----------
    schedule : Schedule
        What the stages do.
    edges : iterable of (int, int), optional
        For each value that crosses from a stage (or the host, where what it brings is told to the stage, too) to
        another, the two. Without them every stage feeds the next one.

    Attributes
    ----------
    stages : list of StageState
        The stages.
    """

    __slots__ = ("_receivers", "_schedule", "_sources", "_targets", "stages")

    def __init__(self, schedule: Schedule, edges: Edges | None = None) -> None:
        count = schedule.shape.stages
        self._schedule = schedule
        self._sources: list[list[int]] = [[] for _ in range(count)]
        self._targets: list[list[int]] = [[] for _ in range(count)]
        for source, target in chain_edges(count) if edges is None else edges:
            self._sources[target].append(source)
            if source != HOST:
                self._targets[source].append(target)
        self.stages = [
            StageState(schedule, stage, len(self._sources[stage]), len(self._targets[stage])) for stage in range(count)
        ]
        self.restored()

    def restored(self) -> None:
        """Set what follows from edges and schedule: who receives what each action sends, and where; turns at places."""
        self._receivers = [
            {
                symbol: self._inboxes(stage, kind.sends)
                for symbol, kind in self._schedule.kinds.items()
                if kind.sends is not None
            }
            for stage in range(len(self.stages))
        ]
        self._take_turns()

    def _take_turns(self) -> None:
        """Let stages of a place begin their actions in its order, from where they stand."""
        turns, shape = self._schedule.turns, self._schedule.shape
        for stage in self.stages:
            stage.turns = None
        if turns is None:
            return
        for place in range(shape.place_count):
            stages = [self.stages[stage] for stage, at in enumerate(shape.place_of_stage) if at == place]
            begun = sum(stage.position for stage in stages)
            shared = PlaceTurns(islice(turns(shape, place), begun, None))
            for stage in stages:
                stage.turns = shared

    def _inboxes(self, stage: int, flow: Flow) -> tuple[list[int], list[dict[int, int]]]:
        """Return the stages that a stage sends values or gradients to, and what tells them of it."""
        others = self._targets[stage] if flow == "values" else self._sources[stage]
        stages = [other for other in others if other != HOST]
        return stages, [self.stages[other].inbox(flow) for other in stages]

    def end(self, stage: int, action: Action) -> Sequence[int]:
        """End an action whose results are at the other stages at once.

        Returns
        -------
        sequence of int
            The stages that something was sent to, once for each value.
        """
        self.stages[stage].end(action)
        found = self._receivers[stage].get(action.kind)
        if found is None:
            return ()
        k = action.micro_batch
        for inbox in found[1]:
            inbox[k] = inbox.get(k, 0) + 1
        return found[0]

    def missing(self, stage: int, action: Action) -> str:
        """Return what an action waits for from other stages; empty if nothing."""
        if not self.stages[stage].waits(action):
            turns = self.stages[stage].turns
            first = None if turns is None or turns.next == stage else turns.next
            return "" if first is None else f"its turn at their place after {self._named(first)}"
        flow = self._schedule.kinds[action.kind].awaits
        senders = self._sources[stage] if flow == "values" else self._targets[stage]
        sending = next((symbol for symbol, kind in self._schedule.kinds.items() if kind.sends == flow), None)
        late = [
            s for s in senders if s == HOST or (sending and not self.stages[s].has_begun(sending, action.micro_batch))
        ]
        what = "input" if flow == "values" else "gradient"
        return f"{what} {action.micro_batch} from " + " and ".join(
            self._named(s) for s in dict.fromkeys(late or senders)
        )

    def _named(self, stage: int) -> str:
        return "the host" if stage == HOST else f"stage {stage}, which is at {self.stages[stage].next or 'its end'}"
