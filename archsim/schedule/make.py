"""From what a user said about the schedule to a complete one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice

from archsim.errors import ArchsimError, Deadlock, InputError
from archsim.schedule.action_kinds import ActionKind, load_action_kinds
from archsim.schedule.actions import Action, Order, PipelineShape, Schedule, ScheduleKind, Turns
from archsim.schedule.checks import Profile, dry_run
from archsim.schedule.passes import turns_with, with_transfers, with_updates
from archsim.schedule.places import places_for
from archsim.schedule.registered import kind_of
from archsim.schedule.specification import FileSpecification, ScheduleSpecification
from archsim.schedule.state import Edges

__all__ = ["checked_profile", "make_schedule"]

#: Actions up to which a schedule is played through before the clock starts: about a second.
_CHECKED_ACTIONS = 500_000
#: Actions of each stage of which it is asked whether they are actions.
_LOOKED_AT = 100
#: What a pass calls the transfers that it puts in.
_TRANSFER = "T"


def make_schedule(
    specification: ScheduleSpecification,
    stages: int,
    mini_batches: int,
    transfers: Callable[[int], Sequence[Collection[int]]] | None = None,
) -> Schedule:
    """Return the schedule of a run over a number of stages and mini-batches.

    Parameters
    ----------
    specification : ScheduleSpecification
        What a user said.
    stages, mini_batches : int
        How many there are.
    transfers : callable, optional
        ``transfers(together)`` returns for each stage after how many micro-batches transfers fall due, where an update
        applies so many at once; asked where a pass puts transfers in.

    Raises
    ------
    InputError
        If no schedule of this kind is registered, or it cannot be as written.
    """
    kind = kind_of(specification)
    kinds = load_action_kinds(kind.actions)
    updating = frozenset(symbol for symbol, each in kinds.items() if each.updates_weights)
    for name in ("update", "transfers"):
        if getattr(specification, name) is not None and not updating:
            raise InputError(
                f"a schedule of the kind '{specification.kind}' has no updates",
                field=f"schedule.{name}",
                value=getattr(specification, name),
                remedy="leave it out",
            )
    if kind.shares_tiles and specification.overlap != "none":
        raise InputError(
            f"with '{specification.kind}' the layers of a stage lie on the same tiles, one at a time",
            field="schedule.overlap",
            value=specification.overlap,
            allowed="none",
            remedy="leave it out, or take schedule.kind: inference, where each layer has tiles of its own",
        )
    _check_positions(specification, kind, kinds, stages)
    update = specification.update or kind.default_update
    if (update == "scheduled") != (kind.default_update == "scheduled"):
        places = kind.default_update == "scheduled"
        raise InputError(
            f"a schedule of the kind '{specification.kind}' places its updates itself"
            if places
            else f"a schedule of the kind '{specification.kind}' places no updates itself",
            field="schedule.update",
            value=update,
            allowed="scheduled" if places else "immediate, deferred",
        )
    at = None if kind.turns is None else places_for(specification, stages)
    shape = PipelineShape(stages, mini_batches, specification.micro_batches, at)
    _check_order(kind, specification, shape)
    placed = partial(_in_order, kind, specification)
    order = placed if update == "scheduled" else with_updates(placed, update, kinds)
    turns, forms = _turns(kind, specification, order), kind.closed_forms
    accumulates = kind.accumulates_digitally
    schedule = Schedule(specification.kind, shape, update, order, kinds, specification, forms, turns, accumulates)
    if schedule.transfers_apart and specification.transfers == "fused":
        raise InputError(
            f"a schedule of the kind '{specification.kind}' places transfers itself",
            field="schedule.transfers",
            value="fused",
            remedy="leave it out, or take another schedule.kind",
        )
    if specification.transfers != "separate" or transfers is None or schedule.transfers_apart:
        return schedule
    intervals = transfers(schedule.micro_batches_of_update)
    kinds = load_action_kinds((*kind.actions, _TRANSFER))
    order = with_transfers(order, updating, _TRANSFER, intervals)
    return replace(schedule, order=order, kinds=kinds, turns=_turns(kind, specification, order))


def _turns(kind: ScheduleKind, specification: ScheduleSpecification, order: Order) -> Turns | None:
    """Return in which order places begin the actions of their stages, where the kind says so."""
    turns = kind.turns
    if turns is None:
        return None
    return turns_with(lambda shape, place: turns(shape, place, specification), order)


def _check_positions(
    specification: ScheduleSpecification, kind: ScheduleKind, kinds: Mapping[str, ActionKind], stages: int
) -> None:
    """Refuse positions one after the other where they cannot pass so."""
    positions = specification.positions
    if positions == "together":
        return
    if kind.shares_tiles or any(each.sends == "gradients" for each in kinds.values()):
        what = "writes each layer for a whole micro-batch" if kind.shares_tiles else "passes gradients back"
        raise InputError(
            f"a schedule of the kind '{specification.kind}' {what}, so positions pass together",
            field="schedule.positions",
            value=positions,
            allowed="together",
            remedy="leave it out, or take schedule.kind: inference",
        )
    if specification.chunk_vectors is not None:
        raise InputError(
            f"with positions: {positions} a chunk is one position of the samples of a micro-batch",
            field="schedule.chunk_vectors",
            value=specification.chunk_vectors,
            allowed="null",
            remedy="leave it out",
        )
    if positions == "generated" and stages > 1 and specification.overlap != "stages":
        raise InputError(
            "a position that is generated goes through all stages before the next one begins, and stages hand "
            "positions on only where they overlap",
            field="schedule.overlap",
            value=specification.overlap,
            allowed="stages",
        )


def _check_order(kind: ScheduleKind, specification: ScheduleSpecification, shape: PipelineShape) -> None:
    """Refuse an order that does not yield actions; the first ones of each stage stand for all."""
    for stage in range(shape.stages):
        order = kind.order(shape, stage, specification)
        if not isinstance(order, Iterable):
            raise _no_action(specification.kind, stage, order)
        for action in islice(order, _LOOKED_AT):
            if not isinstance(action, Action):
                raise _no_action(specification.kind, stage, action)


def _no_action(kind: str, stage: int, found: object) -> ArchsimError:
    return ArchsimError(
        f"the order of schedule '{kind}' gives {found!r} for stage {stage}, and objects of "
        "archsim.schedule.Action are needed, one after the other"
    )


def _in_order(
    kind: ScheduleKind, specification: ScheduleSpecification, shape: PipelineShape, stage: int
) -> Iterator[Action]:
    return kind.order(shape, stage, specification)


def checked_profile(schedule: Schedule, edges: Edges | None = None) -> Profile:
    """Play a schedule through without a chip, a very long one as far as its rule is sure to have repeated.

    A rule that yields half a million actions without a mistake is taken to go on like that; the run
    itself still stops at a deadlock.

    Raises
    ------
    InputError
        If stages wait for each other in a circle by what a file lists.
    Deadlock, ScheduleError
        See `dry_run`.
    """
    try:
        return _checked_profile(schedule, edges)
    except Deadlock as error:
        if not isinstance(schedule.settings, FileSpecification):
            raise
        raise InputError(
            f"with the actions of this file {error}",
            field="schedule.path",
            value=schedule.settings.path,
            remedy="let stages do actions in an order in which what each waits for comes first at the stage that sends "
            "it, such as that of 'archsim schedule EXPERIMENT -o FILE' for a built-in kind",
        ) from error


def _checked_profile(schedule: Schedule, edges: Edges | None) -> Profile:
    shape = schedule.shape
    per_mini_batch = 3 * shape.stages * shape.micro_batches
    enough = max(2 * shape.stages, _CHECKED_ACTIONS // per_mini_batch)
    if shape.mini_batches <= enough:
        return dry_run(schedule, edges=edges)
    return dry_run(replace(schedule, shape=replace(shape, mini_batches=enough)), edges=edges)
