"""The schedule ``file``: what a file lists, see `archsim.schedule.cells` and `archsim.schedule.listed`.

A file of as many micro-batches as ``schedule.micro_batches`` is a mini-batch, which every mini-batch repeats. One of N
times as many is a run of N mini-batches. Where none of its actions updates weights, ``schedule.update`` says when
stages update, which is at the end of each mini-batch unless told otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from archsim.errors import InputError
from archsim.schedule.action_kinds import load_action_kinds
from archsim.schedule.actions import Action, PipelineShape, ScheduleKind
from archsim.schedule.listed import ListedActions, read_actions
from archsim.schedule.shared_places import Turn, check_places
from archsim.schedule.specification import FileSpecification, ScheduleSpecification

__all__ = ["file"]

_UPDATE = "U"


@dataclass(frozen=True)
class _Listed:
    """What a schedule asks of the actions of a file."""

    file: str
    actions: ListedActions

    def order(self, shape: PipelineShape, stage: int, settings: ScheduleSpecification) -> Iterator[Action]:
        self._check_stages(shape.stages)
        if self.actions.places is not None:
            check_places(shape, settings.kind, self.places(shape.stages))
        own = [(stage, action) for action in self.actions.stages[stage]]
        return (action for _, action in _of_run(shape, self.actions, own))

    def turns(self, shape: PipelineShape, place: int, settings: ScheduleSpecification) -> Iterator[Turn]:
        return _of_run(shape, self.actions, (self.actions.places or ())[place])

    def places(self, stages: int) -> tuple[int, ...]:
        self._check_stages(stages)
        return self.actions.place_of_stage or tuple(range(stages))

    def _check_stages(self, stages: int) -> None:
        listed = len(self.actions.stages)
        if stages != listed:
            raise InputError(
                f"the schedule in {self.file} has {listed} stage{'s' if listed > 1 else ''}",
                field="schedule.stages",
                value=stages,
                allowed=str(listed),
                remedy=f"set schedule.stages={listed}, or take another file",
            )


def _of_run(shape: PipelineShape, listed: ListedActions, turns: Iterable[Turn]) -> Iterator[Turn]:
    """Yield turns for every mini-batch that repeats them; of a whole run, those of the micro-batches that there are."""
    if listed.micro_batches == shape.micro_batches:
        for start in range(0, shape.total, shape.micro_batches):
            for stage, action in turns:
                yield stage, Action(action.kind, start + action.micro_batch, action.count)
        return
    for stage, action in turns:
        beyond = max(action.micro_batch - shape.total + 1, 0)
        if beyond < action.count:
            yield stage, Action(action.kind, action.micro_batch - beyond, action.count - beyond)


def _resolve(settings: ScheduleSpecification) -> ScheduleKind:
    """Return the kind of schedule that the file of some settings holds."""
    if not isinstance(settings, FileSpecification):
        raise TypeError(f"settings of a file are needed, and these are {type(settings).__name__}")
    actions = read_actions(settings.path, settings.micro_batches)
    listed, kinds = _Listed(settings.path, actions), load_action_kinds(actions.symbols)
    updates = any(kind.updates_weights for kind in kinds.values())
    trains = updates or any(kind.sends == "gradients" for kind in kinds.values())
    return replace(
        file,
        order=listed.order,
        default_update="scheduled" if updates else "deferred",
        actions=actions.symbols if updates or not trains else (*actions.symbols, _UPDATE),
        places=listed.places,
        accumulates=settings.update == "scheduled" or actions.puts_off_updates,
        turns=None if actions.places is None else listed.turns,
        micro_batches=None if actions.micro_batches == settings.micro_batches else actions.micro_batches,
        listed_in={"file": settings.path, "sha256": actions.sha256},
        resolve=None,
    )


def _order(shape: PipelineShape, stage: int, settings: ScheduleSpecification) -> Iterator[Action]:
    return _resolve(settings).order(shape, stage, settings)


file = ScheduleKind(
    _order,
    "scheduled",
    "Actions as a file lists them, by stages or by places: `archsim schedule -o` writes such files, and so does "
    "torch.distributed.pipelining.",
    Settings=FileSpecification,
    resolve=_resolve,
)
