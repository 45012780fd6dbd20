"""The actions of a run as tasks that follow each other, rebuilt from its timeline."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from archsim.chip.components import NO_WORK_YET
from archsim.explanation import START, TaskGraph
from archsim.results.observations import Observations
from archsim.results.slices import Slices
from archsim.results.stage_actions import stage_actions
from archsim.results.unit_spans import Span, UnitJob, spans_between

__all__ = ["TRANSPORT", "ActionGraph", "RunAction", "action_graph"]

#: What lies between stages.
TRANSPORT = ("link", "host")
_TURN = "its turn at its place"
_SENT = ("input from stage", "gradient from stage")


@dataclass(frozen=True, slots=True)
class RunAction:
    """An action of a stage, and the time before it that was spent on what it waited for.

    Attributes
    ----------
    stage, micro_batch : int
    action : str
        Its symbol.
    start_ps, end_ps : int
        When its units worked for it.
    cause : str
        What its stage waited for before.
    spans : sequence of Span
        The units that it was spent on.
    """

    stage: int
    action: str
    micro_batch: int
    start_ps: int
    end_ps: int
    cause: str
    spans: Sequence[Span]


@dataclass(frozen=True, slots=True)
class ActionGraph:
    """Actions, each behind all that it follows.

    Attributes
    ----------
    actions : sequence of RunAction
        In the order in which they began.
    graph : TaskGraph
        How long each took and what it followed: the action before it at its stage, or at the engine of its place, and
        those whose values or gradients it needs. A lag is what lay between, or of what was there before it was needed,
        how long it was on its way.
    between : mapping of (int, int) to sequence of Span
        For an action and the one that it waited for last, the units that the time between was spent on.
    whole : bool
        Whether all actions of the run are there.
    """

    actions: Sequence[RunAction]
    graph: TaskGraph
    between: Mapping[tuple[int, int], Sequence[Span]]
    whole: bool


def action_graph(slices: Slices, observations: Observations, most: int) -> ActionGraph:
    """Return the first actions of each stage as tasks.

    Parameters
    ----------
    slices : Slices
        What every unit did.
    observations : Observations
        Names, places and handovers of stages.
    most : int
        At most so many actions of each stage are taken; where a stage has more, those that end by then.
    """
    table = stage_actions(slices, observations, most)
    ends = table.groupby("stage")["end_ps"].agg(["max", "size"])
    cut = ends["max"][ends["size"] == most]
    if len(cut):
        table = table[table["end_ps"] <= cut.min()]
    until = int(table["end_ps"].max()) if len(table) else 0
    jobs = _Jobs(slices, observations, until)
    actions = [
        _action(jobs, *row)
        for row in table[["stage", "action", "micro_batch", "start_ps", "end_ps", "cause"]].itertuples(index=False)
    ]
    # Of those that begin together, the one that waited for its turn comes last.
    actions.sort(key=lambda action: (action.start_ps, action.cause == _TURN, action.end_ps))
    return _Builder(actions, observations, jobs).build(whole=not len(cut))


def _action(
    jobs: _Jobs, stage: int, action: str, micro_batch: int, start_ps: int, end_ps: int, cause: str
) -> RunAction:
    own = jobs.of_engine(stage, action, micro_batch, end_ps)
    if own is not None:
        # The engine of a place does the actions of its stages one by one: an action that waits there has not begun.
        return RunAction(stage, action, micro_batch, own.start_ps, end_ps, cause, (Span(own.unit, "", *own[:2]),))
    if jobs.on_units:
        spans = _with_waits(spans_between(jobs.of_action(stage, action, micro_batch), start_ps, end_ps))
    else:
        spans = [Span(f"stage {stage}", "", start_ps, end_ps)]
    return RunAction(stage, action, micro_batch, start_ps, end_ps, cause, spans)


def _with_waits(spans: list[Span]) -> list[Span]:
    """Give the wait before a job to its unit, which served another action then."""
    following = [*spans[1:], Span("", "", 0, 0)]
    return [
        span if span.unit else Span(after.unit, "", span.start_ps, span.end_ps)
        for span, after in zip(spans, following, strict=True)
    ]


class _Jobs:
    """The jobs of units that are no stages, by the action that they were done for."""

    def __init__(self, slices: Slices, observations: Observations, until_ps: int) -> None:
        self._places = observations.places or tuple(range(len(observations.stages)))
        component = {unit.unit: unit.component for unit in observations.units}
        stages = set(observations.stages)
        self._found: dict[tuple[str, int], list[UnitJob]] = defaultdict(list)
        self._stage_of_layer: dict[str, int] = {}
        self._engines: dict[tuple[int, str, int], list[UnitJob]] = defaultdict(list)
        self._transport: dict[tuple[str, int], list[UnitJob]] = defaultdict(list)
        columns = ("unit", "stage", "layer", "action", "micro_batch", "start_ps", "end_ps")
        for part in slices.select(columns, window_ps=(0, max(1, until_ps)), busy=True):
            names = (part[name].astype(object).tolist() for name in ("unit", "layer", "action"))
            numbers = (part[name].fillna(-1).tolist() for name in ("stage", "micro_batch", "start_ps", "end_ps"))
            for unit, layer, action, stage, micro_batch, start, end in zip(*names, *numbers, strict=True):
                if unit in stages or micro_batch < 0:
                    continue
                job, key = UnitJob(start, end, unit, layer), (action, micro_batch)
                kind = component.get(unit, "")
                if kind == "stage_engine":
                    self._engines[int(unit.rpartition(" ")[2]), *key].append(job)
                    continue
                if stage >= 0 and layer:
                    self._stage_of_layer[layer] = stage
                self._found[key].append(job)
                if kind in TRANSPORT:
                    self._transport[key].append(job)

    @property
    def on_units(self) -> bool:
        """Whether stages work with units of their own."""
        return bool(self._stage_of_layer)

    def of_action(self, stage: int, action: str, micro_batch: int) -> list[UnitJob]:
        """Return the jobs for a stage's action; those of layers that no unit is known to do for one stage, too."""
        found = self._found.get((action, micro_batch), ())
        return [job for job in found if self._stage_of_layer.get(job.layer, stage) == stage]

    def of_engine(self, stage: int, action: str, micro_batch: int, end_ps: int) -> UnitJob | None:
        """Return the job of a shared engine that was an action."""
        found = self._engines.get((self._places[stage], action, micro_batch), ())
        return next((job for job in found if job.end_ps == end_ps), None)

    def between(self, action: str, micro_batch: int) -> list[UnitJob]:
        """Return what brought a micro-batch to an action."""
        return self._transport.get((action, micro_batch), [])


class _Builder:
    """Finds what each action follows."""

    def __init__(self, actions: Sequence[RunAction], observations: Observations, jobs: _Jobs) -> None:
        self._actions = actions
        self._jobs = jobs
        self._places = observations.places or tuple(range(len(observations.stages)))
        self._one_at_a_time = any(
            action.spans and action.spans[0].unit.startswith("stage engine") for action in actions
        )
        self._sends: dict[tuple[str, int], list[tuple[str, int]]] = defaultdict(list)
        for sent, source, awaiting, target in observations.handovers:
            self._sends[awaiting, target].append((sent, source))
        self._number = {(a.action, a.stage, a.micro_batch): number for number, a in enumerate(actions)}

    def build(self, *, whole: bool) -> ActionGraph:
        """Return the graph."""
        before: list[list[tuple[int, int]]] = []
        behind: list[int] = []
        between: dict[tuple[int, int], list[Span]] = {}
        last: dict[int, int] = {}
        for number, action in enumerate(self._actions):
            unit = self._places[action.stage] if self._one_at_a_time else action.stage
            previous = last.get(unit, START)
            free = self._actions[previous].end_ps if previous != START else 0
            senders = self._senders(number)
            found = {sender: self._lag(sender, number) for sender in senders}
            found[previous] = 0
            turn = START
            if action.start_ps > free:
                turn = self._begun_with(number) if action.cause == _TURN else START
                if turn == START:
                    by_others = senders and action.cause.startswith((*_SENT, NO_WORK_YET))
                    released = max(senders, key=lambda s: self._actions[s].end_ps) if by_others else previous
                    lag = action.start_ps - (self._actions[released].end_ps if released != START else 0)
                    found[released] = lag
                    if lag:
                        between[number, released] = self._lag_spans(action, lag)
            # Of what ends together, the action before it at its stage comes first.
            order = sorted(found, key=lambda task: task != previous)
            before.append([(task, found[task]) for task in order if task != START or found[task]])
            behind.append(turn)
            last[unit] = number
        durations = [action.end_ps - action.start_ps for action in self._actions]
        return ActionGraph(self._actions, TaskGraph(durations, before, behind), between, whole)

    def _senders(self, number: int) -> list[int]:
        action = self._actions[number]
        found = []
        for sent, source in self._sends.get((action.action, action.stage), ()):
            sender = self._number.get((sent, source, action.micro_batch))
            if sender is not None and sender < number and self._actions[sender].end_ps <= action.start_ps:
                found.append(sender)
        return found

    def _lag(self, sender: int, number: int) -> int:
        """Return how long what was sent was on its way: until the last job of it that follows without a gap."""
        action, sent = self._actions[number], self._actions[sender].end_ps
        there = sent
        for job in sorted(self._jobs.between(action.action, action.micro_batch)):
            if sent <= job.start_ps <= there < job.end_ps:
                there = job.end_ps
        return min(there, action.start_ps) - sent

    def _begun_with(self, number: int) -> int:
        """Return the action whose begin at the place let another one begin."""
        action = self._actions[number]
        for other in range(number - 1, -1, -1):
            if self._actions[other].start_ps < action.start_ps:
                return START
            if self._places[self._actions[other].stage] == self._places[action.stage]:
                return other
        return START

    def _lag_spans(self, action: RunAction, lag: int) -> list[Span]:
        start = action.start_ps - lag
        return spans_between(self._jobs.between(action.action, action.micro_batch), start, action.start_ps)
