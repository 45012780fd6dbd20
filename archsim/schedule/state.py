"""What has been done, is in flight, is stored, and which weights it met: one state machine for a pipeline.

The dry run plays it through, a run without a clock follows it, and the stages of a run with a clock ask it. It
knows no time, and it knows kinds of action only by what they say of themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from archsim.errors import ArchsimError
from archsim.schedule.action_kinds import ActionKind
from archsim.schedule.actions import Action, Schedule

__all__ = ["HOST", "Edges", "PipelineState", "ScheduleError", "StageState", "chain_edges"]

#: Number of the host among the stages: it feeds the network's input.
HOST = -1

#: For each value that crosses from a stage to another, the two; gradients go the other way.
Edges = Iterable[tuple[int, int]]


class ScheduleError(ArchsimError):
    """A schedule that leaves something out or does something twice or too early."""


def chain_edges(stages: int) -> list[tuple[int, int]]:
    """Return the edges of a pipeline in which every stage feeds the next one."""
    return [(stage, stage + 1) for stage in range(stages - 1)]


class _Rule:
    """What a kind of action means at one stage, looked up once.

    Attributes
    ----------
    bit, before : int
        Its own bit, and those of the actions that must have been done with a micro-batch before.
    arrived : dict or None
        What has arrived of what it awaits, by micro-batch, and how much is needed.
    opens, closes, releases : bool
        Whether it is the first action with a micro-batch, ends its being in flight, is the last action with it.
    """

    __slots__ = ("arrived", "before", "bit", "closes", "compares", "kind", "needed", "opens", "releases")

    def __init__(self, kind: ActionKind, bit: int) -> None:
        self.kind = kind
        self.bit = bit
        self.before = 0
        self.arrived: dict[int, int] | None = None
        self.needed = 0
        self.opens = self.closes = self.compares = self.releases = False


class StageState:
    """What one stage has done, holds and waits for.

    Parameters
    ----------
    schedule : Schedule
        What it does, action after action.
    index : int
        Its number.
    values, gradients : int
        How many values a forward needs from elsewhere, and how many gradients a backward.

    Attributes
    ----------
    next : Action or None
        The action that comes next in its list.
    position : int
        Actions begun.
    done : dict of str to int
        Micro-batches with which each kind of action has ended.
    in_flight, in_flight_max : int
        Micro-batches between the start of their first action and the end of the one that sends gradients back (of
        the first one where there are no gradients): now, and most at a time.
    stored_max : int
        Most micro-batches between the start of their first action and the end of their last one.
    updates : int
        Versions of the weights made so far.
    staleness_sum, compared : int
        Sum of the updates between the first action with a micro-batch and the one that sends its gradients back; of
        how many micro-batches.
    """

    __slots__ = (
        "_actions",
        "_beyond",
        "_complete",
        "_gradients",
        "_held",
        "_needed",
        "_rules",
        "_schedule",
        "_values",
        "_versions",
        "compared",
        "done",
        "in_flight",
        "in_flight_max",
        "index",
        "next",
        "position",
        "staleness_sum",
        "stored_max",
        "updates",
    )

    def __init__(self, schedule: Schedule, index: int, values: int, gradients: int) -> None:
        self.index = index
        self.next: Action | None
        self.position = 0
        self.done = dict.fromkeys(schedule.kinds, 0)
        self.in_flight = self.in_flight_max = self.stored_max = 0
        self.updates = self.staleness_sum = self.compared = 0
        self._schedule = schedule
        self._needed = values, gradients
        self._values: dict[int, int] = {}
        self._gradients: dict[int, int] = {}
        #: Of each micro-batch that is stored here, the bits of the actions begun with it.
        self._held: dict[int, int] = {}
        #: Of each micro-batch in flight, the version of the weights that its first action met.
        self._versions: dict[int, int] = {}
        #: All micro-batches below this number, and those of the set, have been through all actions.
        self._complete = 0
        self._beyond: set[int] = set()
        self.restored()

    def restored(self) -> None:
        """Set what follows from the schedule: rules, and the actions from the position on."""
        self._rules = self._look_up()
        self._actions = islice(self._schedule.stage(self.index), self.position, None)
        self.next = next(self._actions, None)

    def waits(self, action: Action) -> bool:
        """Return whether something that an action needs has yet to come from another stage.

        Raises
        ------
        ScheduleError
            If the schedule knows no such action, or it waits for what will never come, being too early or a second one.
        """
        rule = self._rules.get(action.kind)
        if rule is None:
            raise self._foreign(action)
        if rule.arrived is None or rule.arrived.get(action.micro_batch, 0) >= rule.needed:
            return False
        self._check(rule, action)
        return True

    def arrived(self, flow: str, micro_batch: int) -> None:
        """Learn that a value or a gradient of a micro-batch has arrived."""
        found = self._values if flow == "values" else self._gradients
        found[micro_batch] = found.get(micro_batch, 0) + 1

    def begin(self, action: Action) -> None:
        """Begin the next action.

        Raises
        ------
        ScheduleError
            If it comes too early, or a second time.
        """
        rule = self._rules[action.kind]
        k = action.micro_batch
        self._check(rule, action)
        if rule.opens:
            self._open(rule, k)
        elif not rule.kind.occasional:
            held = self._held
            for micro_batch in (k,) if action.count == 1 else action.micro_batches:
                held[micro_batch] |= rule.bit
        if rule.compares:
            self.staleness_sum += self.updates - self._versions.pop(k)
            self.compared += 1
        if rule.arrived is not None:
            rule.arrived.pop(k, None)
        self.position += 1
        self.next = next(self._actions, None)

    def end(self, action: Action) -> None:
        """End an action that was begun."""
        rule = self._rules[action.kind]
        self.done[action.kind] += action.count
        if rule.closes:
            self.in_flight -= 1
        if rule.kind.updates_weights:
            self.updates += 1
        if rule.releases:
            for micro_batch in action.micro_batches:
                self._release(micro_batch)

    def has_begun(self, symbol: str, micro_batch: int) -> bool:
        """Return whether an action with a micro-batch has begun, or ended."""
        return bool(self._held.get(micro_batch, 0) & self._rules[symbol].bit) or self._is_complete(micro_batch)

    @property
    def staleness(self) -> float:
        """Mean number of updates of the stage between a micro-batch's forward and its backward there."""
        return self.staleness_sum / max(self.compared, 1)

    def _check(self, rule: _Rule, action: Action) -> None:
        """Refuse an action that comes too early or a second time."""
        kind, k, count = action
        if count != 1 and (count < 1 or not rule.kind.joint):
            raise ScheduleError(f"stage {self.index} does {kind} with {count} micro-batches at once")
        if rule.opens:
            self._check_first(action)
            return
        before, twice = rule.before, 0 if rule.kind.occasional else rule.bit
        for micro_batch in (k,) if count == 1 else action.micro_batches:
            done = self._held.get(micro_batch, 0)
            if done & (before | twice) != before and not (rule.kind.occasional and self._is_complete(micro_batch)):
                raise self._disordered(rule, action, micro_batch)

    def _check_first(self, action: Action) -> None:
        k, total = action.micro_batch, self._schedule.shape.total
        if k in self._held or self._is_complete(k):
            raise ScheduleError(f"stage {self.index} does {action} twice")
        if not 0 <= k < total:
            raise ScheduleError(f"stage {self.index} does {action}, and the run has the micro-batches 0 to {total - 1}")

    def _open(self, rule: _Rule, micro_batch: int) -> None:
        self._held[micro_batch] = rule.bit
        if not rule.closes:
            self._versions[micro_batch] = self.updates
        self.in_flight += 1
        if self.in_flight > self.in_flight_max:
            self.in_flight_max = self.in_flight
        if len(self._held) > self.stored_max:
            self.stored_max = len(self._held)

    def _release(self, micro_batch: int) -> None:
        del self._held[micro_batch]
        if micro_batch != self._complete:
            self._beyond.add(micro_batch)
            return
        self._complete += 1
        while self._complete in self._beyond:
            self._beyond.remove(self._complete)
            self._complete += 1

    def _is_complete(self, micro_batch: int) -> bool:
        return micro_batch < self._complete or micro_batch in self._beyond

    def _look_up(self) -> dict[str, _Rule]:
        schedule = self._schedule
        rules = {symbol: _Rule(kind, 1 << n) for n, (symbol, kind) in enumerate(schedule.kinds.items())}
        always = [symbol for symbol, rule in rules.items() if not rule.kind.occasional]
        for symbol, rule in rules.items():
            rule.before = sum(rules[other].bit for other in rule.kind.after if other in rules)
            if rule.kind.awaits is not None:
                values = rule.kind.awaits == "values"
                rule.arrived, rule.needed = (
                    (self._values, self._needed[0])
                    if values
                    else (
                        self._gradients,
                        self._needed[1],
                    )
                )
            rule.opens, rule.releases = symbol == always[0], symbol == always[-1]
            rule.compares = rule.kind.sends == "gradients" and not rule.opens
            rule.closes = symbol == schedule.closing
        last = rules[always[-1]]
        last.before |= sum(rules[symbol].bit for symbol in always[:-1])
        return rules

    def _foreign(self, action: Action) -> ScheduleError:
        known = ", ".join(self._rules)
        return ScheduleError(f"stage {self.index} is to do {action}, and this schedule's actions are {known}")

    def _disordered(self, rule: _Rule, action: Action, micro_batch: int) -> ScheduleError:
        missing = rule.before & ~self._held.get(micro_batch, 0) or rule.before
        last = next(symbol for symbol, other in reversed(self._rules.items()) if other.bit & missing)
        again = "" if rule.kind.occasional else ", or twice"
        return ScheduleError(f"stage {self.index} does {action} before {last}{micro_batch}{again}")


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

    __slots__ = ("_schedule", "_sources", "_targets", "stages")

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

    def end(self, stage: int, action: Action) -> list[int]:
        """End an action whose results are at the other stages at once.

        Returns
        -------
        list of int
            The stages that something was sent to, once for each value.
        """
        self.stages[stage].end(action)
        flow = self._schedule.kinds[action.kind].sends
        if flow is None:
            return []
        receivers = self._targets[stage] if flow == "values" else self._sources[stage]
        for receiver in receivers:
            self.stages[receiver].arrived(flow, action.micro_batch)
        return receivers

    def missing(self, stage: int, action: Action) -> str:
        """Return what an action waits for from other stages; empty if nothing."""
        if not self.stages[stage].waits(action):
            return ""
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
