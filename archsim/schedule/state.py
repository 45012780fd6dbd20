"""What has been done, is in flight, is stored, and which weights it met: one state machine for a pipeline.

The dry run plays it through, a run without a clock follows it, and the stages of a run with a clock ask it. It
knows no time, and it knows kinds of action only by what they say of themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import NoReturn

from archsim.schedule.action_kinds import Flow
from archsim.schedule.actions import Action, Schedule
from archsim.schedule.place_turns import PlaceTurns
from archsim.schedule.rules import Rule
from archsim.schedule.schedule_error import ScheduleError
from archsim.schedule.set_versions import SetVersions

__all__ = ["HOST", "Edges", "ScheduleError", "StageState", "chain_edges"]

#: Number of the host among the stages: it feeds the network's input.
HOST = -1

#: For each value that crosses from a stage to another, the two; gradients go the other way.
Edges = Iterable[tuple[int, int]]


def chain_edges(stages: int) -> list[tuple[int, int]]:
    """Return the edges of a pipeline in which every stage feeds the next one."""
    return [(stage, stage + 1) for stage in range(stages - 1)]


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
    late_backwards, late_updates : dict of int to int
        How many micro-batches had so many updates of the stage between their first action and the one that sends
        their gradients back; and between it and the one that applies them.
    turns : PlaceTurns or None
        Whose turn it is at its place, where the schedule orders the actions of the stages there.
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
        "_sets",
        "_total",
        "_values",
        "_versions",
        "done",
        "in_flight",
        "in_flight_max",
        "index",
        "late_backwards",
        "late_updates",
        "next",
        "position",
        "stored_max",
        "turns",
        "updates",
    )

    def __init__(self, schedule: Schedule, index: int, values: int, gradients: int) -> None:
        self.index = index
        self.next: Action | None
        self.turns: PlaceTurns | None = None
        self.position = 0
        self.done = dict.fromkeys(schedule.kinds, 0)
        self.in_flight = self.in_flight_max = self.stored_max = 0
        self.updates = 0
        self.late_backwards: dict[int, int] = {}
        self.late_updates: dict[int, int] = {}
        self._schedule = schedule
        self._needed = values, gradients
        self._values: dict[int, int] = {}
        self._gradients: dict[int, int] = {}
        #: Of each micro-batch that is stored here, the bits of the actions begun with it.
        self._held: dict[int, int] = {}
        #: Of each micro-batch that is stored here, the version of the weights that its first action met.
        self._versions: dict[int, int] = {}
        #: Where there are several sets of crossbars, what each of them holds.
        self._sets = SetVersions(index, schedule) if schedule.weight_sets > 1 else None
        #: All micro-batches below this number, and those of the set, have been through all actions.
        self._complete = 0
        self._beyond: set[int] = set()
        self.restored()

    def restored(self) -> None:
        """Set what follows from the schedule: rules, and the actions from the position on."""
        self._rules = self._look_up()
        self._total = self._schedule.shape.total
        self._actions = islice(self._schedule.stage(self.index), self.position, None)
        self.next = next(self._actions, None)

    def start(self) -> Action | None:
        """Begin the next action, if there is one, it has its turn, and all that it needs from other stages is there.

        Returns
        -------
        Action or None
            What has begun.

        Raises
        ------
        ScheduleError
            If the action is none of the schedule's, comes too early or a second time.
        """
        action, turns = self.next, self.turns
        if action is None or (turns is not None and turns.next != self.index):
            return None
        kind, k, count = action
        rule = self._rules.get(kind) or self._none_of(action)
        arrived, needed = rule.arrived, rule.needed
        if needed and arrived is not None:
            if arrived.get(k, 0) < needed:
                return None
            del arrived[k]
        if rule.opens:
            self._open(rule, action)
        elif count != 1 or rule.occasional:
            self._begin(rule, action)
        elif (done := self._held.get(k, 0)) & rule.both == rule.before:
            self._held[k] = done | rule.bit
        else:
            raise self._disordered(rule, action, k)
        if rule.compares:
            met = self._versions[k]
            if self._sets is not None:
                self._sets.compare(action, met)
            late = self.updates - met
            self.late_backwards[late] = self.late_backwards.get(late, 0) + 1
        if rule.updates:
            self._update(action)
        elif rule.copies and self._sets is not None:
            self._sets.copy(action, self.updates)
        self.position += 1
        self.next = next(self._actions, None)
        if turns is not None:
            turns.advance()
        return action

    def waits(self, action: Action) -> bool:
        """Return whether something that an action needs has yet to come from another stage.

        Raises
        ------
        ScheduleError
            If it would wait for ever: it is none of the schedule's actions, comes too early or a second time.
        """
        rule = self._rules.get(action.kind) or self._none_of(action)
        if rule.arrived is None or rule.arrived.get(action.micro_batch, 0) >= rule.needed:
            return False
        self._check(rule, action)
        return True

    def inbox(self, flow: Flow) -> dict[int, int]:
        """Return what has arrived of values or of gradients and is not used yet, by micro-batch."""
        return self._values if flow == "values" else self._gradients

    def arrived(self, flow: Flow, micro_batch: int) -> None:
        """Learn that a value or a gradient of a micro-batch has arrived."""
        found = self.inbox(flow)
        found[micro_batch] = found.get(micro_batch, 0) + 1

    def end(self, action: Action) -> None:
        """End an action that was begun."""
        kind, k, count = action
        rule = self._rules[kind]
        self.done[kind] += count
        if rule.closes:
            self.in_flight -= 1
        if rule.releases:
            for micro_batch in (k,) if count == 1 else action.micro_batches:
                del self._held[micro_batch]
                self._versions.pop(micro_batch, None)
                if micro_batch == self._complete and not self._beyond:
                    self._complete += 1
                else:
                    self._note_complete(micro_batch)

    def has_begun(self, symbol: str, micro_batch: int) -> bool:
        """Return whether an action with a micro-batch has begun, or ended."""
        return bool(self._held.get(micro_batch, 0) & self._rules[symbol].bit) or self._is_complete(micro_batch)

    def first_missing(self, symbol: str) -> int:
        """Return the first micro-batch with which an action has not begun; as many as there are if none is missing."""
        k = self._complete
        while k < self._total and self.has_begun(symbol, k):
            k += 1
        return k

    @property
    def staleness(self) -> float:
        """Mean number of updates of the stage between a micro-batch's forward and its backward there."""
        compared = sum(self.late_backwards.values())
        return sum(late * count for late, count in self.late_backwards.items()) / max(compared, 1)

    def _update(self, action: Action) -> None:
        """Note how late its micro-batches are, and make a new version: what begins later meets it, layer by layer."""
        for micro_batch in action.micro_batches:
            late = self.updates - self._versions.get(micro_batch, self.updates)
            self.late_updates[late] = self.late_updates.get(late, 0) + 1
        if self._sets is not None:
            self._sets.update(action, self.updates)
        self.updates += 1

    def _begin(self, rule: Rule, action: Action) -> None:
        """Begin an action with several micro-batches, or one that is done now and then."""
        self._check(rule, action)
        if not rule.occasional:
            for micro_batch in action.micro_batches:
                self._held[micro_batch] |= rule.bit

    def _check(self, rule: Rule, action: Action) -> None:
        """Refuse an action that comes too early or a second time."""
        kind, k, count = action
        if count != 1 and (count < 1 or not rule.kind.joint):
            raise ScheduleError(
                f"stage {self.index} does {action}, so {kind} with {count} micro-batches at once",
                f"do {kind} with one at a time",
            )
        if not 0 <= action.micro_batches[0] <= k < self._total:
            raise ScheduleError(
                f"stage {self.index} does {action} of the micro-batches 0 to {self._total - 1}",
                "take it out, or run so many mini-batches that there are as many micro-batches",
            )
        if rule.opens:
            if k in self._held or self._is_complete(k):
                raise self._again(action, k)
            return
        free = rule.occasional
        for micro_batch in action.micro_batches:
            done = self._held.get(micro_batch, 0) & (rule.before if free else rule.both)
            if done != rule.before and not (free and self._is_complete(micro_batch)):
                raise self._disordered(rule, action, micro_batch)

    def _open(self, rule: Rule, action: Action) -> None:
        """Begin the first action with a micro-batch."""
        held, k = self._held, action.micro_batch
        if k in held or not self._complete <= k < self._total or k in self._beyond or action.count != 1:
            self._check(rule, action)
        held[k] = rule.bit
        if not rule.closes:
            self._versions[k] = self.updates if self._sets is None else self._sets.met(k)
        self.in_flight += 1
        if self.in_flight > self.in_flight_max:
            self.in_flight_max = self.in_flight
        if len(held) > self.stored_max:
            self.stored_max = len(held)

    def _note_complete(self, micro_batch: int) -> None:
        self._beyond.add(micro_batch)
        while self._complete in self._beyond:
            self._beyond.remove(self._complete)
            self._complete += 1

    def _is_complete(self, micro_batch: int) -> bool:
        return micro_batch < self._complete or micro_batch in self._beyond

    def _look_up(self) -> dict[str, Rule]:
        schedule = self._schedule
        rules = {symbol: Rule(kind, 1 << n) for n, (symbol, kind) in enumerate(schedule.kinds.items())}
        always = [symbol for symbol, rule in rules.items() if not rule.occasional]
        inbox = {"values": (self._values, self._needed[0]), "gradients": (self._gradients, self._needed[1])}
        for symbol, rule in rules.items():
            rule.before = sum(rules[other].bit for other in rule.kind.after)
            if rule.kind.awaits is not None:
                rule.arrived, rule.needed = inbox[rule.kind.awaits]
            rule.opens, rule.releases = symbol == always[0], symbol == always[-1]
            rule.compares = rule.kind.sends == "gradients" and not rule.opens
            rule.closes = symbol == schedule.closing
        # Nothing may follow that still needs what is stored.
        rules[always[-1]].before |= sum(rules[symbol].bit for symbol in always[:-1])
        for rule in rules.values():
            rule.both = rule.before | rule.bit
        return rules

    def _none_of(self, action: Action) -> NoReturn:
        known = ", ".join(self._rules)
        raise ScheduleError(
            f"stage {self.index} is to do {action}, and this schedule's actions are {known}",
            f"let its kind list {action.kind} among its actions, or take it out",
        )

    def _disordered(self, rule: Rule, action: Action, micro_batch: int) -> ScheduleError:
        if not 0 <= micro_batch < self._total:
            self._check(rule, action)
        held = self._held.get(micro_batch, 0)
        if not rule.occasional and (held & rule.bit or self._is_complete(micro_batch)):
            return self._again(action, micro_batch)
        missing = rule.before & ~held
        last = next(symbol for symbol, other in reversed(self._rules.items()) if other.bit & missing)
        first = f"{last}{micro_batch}"
        return ScheduleError(f"stage {self.index} does {action} before {first}", f"let {first} come before {action}")

    def _again(self, action: Action, micro_batch: int) -> ScheduleError:
        one = f"{action.kind}{micro_batch}"
        what = f"{action}, and so {one}," if action.count > 1 else f"{action}"
        return ScheduleError(f"stage {self.index} does {what} twice", f"let each stage do {one} once")
