"""The small actions that schedules are made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args

from archsim.errors import InputError
from archsim.schedule.action_kinds import ActionKind, StageCycles, load_action_kinds, weight_sets_of
from archsim.schedule.known_forms import ClosedForms, KnownForms
from archsim.schedule.specification import ScheduleSpecification

__all__ = [
    "TRAINING",
    "Action",
    "ClosedForms",
    "KnownForms",
    "Order",
    "PipelineShape",
    "Schedule",
    "ScheduleKind",
    "Turns",
    "UpdateRule",
    "training_kinds",
]

UpdateRule = Literal["immediate", "deferred", "scheduled"]

#: What a stage does with each micro-batch that it trains on.
TRAINING: tuple[str, ...] = ("F", "B", "U")


class Action(NamedTuple):
    """One thing that a stage does.

    Attributes
    ----------
    kind : str
        Symbol of a registered kind of action: ``F``, ``B``, ``U``, ...
    micro_batch : int
        Index of the micro-batch in the run; of several, the last one.
    count : int
        How many micro-batches it takes, in index order and ending with ``micro_batch``.
    """

    kind: str
    micro_batch: int
    count: int = 1  # type: ignore[assignment]  # takes the place of tuple.count

    @property
    def micro_batches(self) -> range:
        """The micro-batches that it works on."""
        return range(self.micro_batch - self.count + 1, self.micro_batch + 1)

    def __str__(self) -> str:
        several = f"*{self.count}" if self.count > 1 else ""
        return f"{self.kind}{self.micro_batch}{several}"

    @classmethod
    def parse(cls, text: str) -> Action:
        """Read what ``str`` writes: ``F3``, ``B3``, ``U7*8``.

        Raises
        ------
        ValueError
            If the text is no action.
        """
        found = re.fullmatch(r"([A-Za-z]+)(\d+)(?:\*(\d+))?", text)
        if found is None:
            raise ValueError(f"'{text}' is no action; write F3, B3, U3 or U7*8")
        kind, micro_batch, count = found.groups(default="1")
        return cls(kind, int(micro_batch), int(count))


@dataclass(frozen=True, slots=True)
class PipelineShape:
    """How many stages there are and how much runs through them.

    Attributes
    ----------
    stages, mini_batches, micro_batches : int
        How many there are; micro-batches in each mini-batch.
    places : tuple of int or None
        The place of each stage, where the schedule says in which order a place begins the actions of its stages.
    """

    stages: int
    mini_batches: int
    micro_batches: int
    places: tuple[int, ...] | None = None

    @property
    def total(self) -> int:
        """Micro-batches of the whole run."""
        return self.mini_batches * self.micro_batches

    @property
    def place_of_stage(self) -> tuple[int, ...]:
        """The place of each stage; one of its own where the schedule orders none."""
        return tuple(range(self.stages)) if self.places is None else self.places

    @property
    def place_count(self) -> int:
        """How many places there are."""
        return max(self.place_of_stage) + 1

    def ends_mini_batch(self, micro_batch: int) -> bool:
        """Return whether a micro-batch is the last one of its mini-batch."""
        return (micro_batch + 1) % self.micro_batches == 0

    def mini_batches_ended(self, action: Action) -> int:
        """Return how many mini-batches have their last micro-batch among those of an action."""
        last, each = action.micro_batch + 1, self.micro_batches
        return last // each - (last - action.count) // each


#: The actions of one stage (counted from the input side).
Order = Callable[[PipelineShape, int], Iterator[Action]]
#: The stages of one place, each as often and when an action of it is to begin.
Turns = Callable[[PipelineShape, int], Iterator[int]]


@dataclass(frozen=True, slots=True)
class ScheduleKind:
    """A registered kind of schedule.

    Attributes
    ----------
    order : callable
        ``order(shape, stage, settings)`` yields the actions of one stage: F and B, and U where it places them itself.
    default_update : {"immediate", "deferred", "scheduled"}
        When a stage updates unless the user says otherwise; scheduled: where `order` places a U.
    description : str
        One sentence, with the source.
    actions : tuple of str
        Symbols of the actions of every stage, in this order for each micro-batch. With the last of those that are done
        with every micro-batch, what the stage stored of it is no longer needed. Without a B there are no updates.
    Settings : type of ScheduleSpecification
        What the section ``schedule`` of a document holds for this kind: it may have keys of its own.
    closed_forms : ClosedForms
        What is known of it without playing it through.
    places : callable, optional
        ``places(stages)`` returns the place of each stage where the user says nothing; one of its own without it.
    turns : callable, optional
        ``turns(shape, place, settings)`` yields stages and their actions in the order in which a place begins them;
        passes add what `order` leaves open. Without it the stages of a place go on as each of them can.
    accumulates : bool
        Of a kind that places its updates, whether digital parameters (biases, learned scales, norms, embeddings,
        digital matrices) take the steps of a mini-batch together at its end, wherever its updates stand, so that no
        forward or backward of the mini-batch meets them.
    micro_batches : int, optional
        How many micro-batches it is written for, where it cannot go on for any number of them.
    listed_in : mapping of str to str, optional
        The file that lists its actions: ``file`` and its ``sha256``.
    resolve : callable, optional
        ``resolve(settings)`` returns the kind as it is with these settings, where these say which actions it has.
    """

    order: Callable[[PipelineShape, int, Any], Iterator[Action]]
    default_update: UpdateRule
    description: str
    actions: tuple[str, ...] = TRAINING
    Settings: type[ScheduleSpecification] = ScheduleSpecification
    closed_forms: ClosedForms = field(default_factory=ClosedForms)
    places: Callable[[int], tuple[int, ...]] | None = None
    turns: Callable[[PipelineShape, int, Any], Iterator[tuple[int, Action]]] | None = None
    accumulates: bool = True
    micro_batches: int | None = None
    listed_in: Mapping[str, str] | None = None
    resolve: Callable[[Any], ScheduleKind] | None = None

    def __post_init__(self) -> None:
        """Refuse what no schedule is."""
        if self.default_update not in get_args(UpdateRule):
            raise InputError(
                "a schedule has no such rule of updates",
                field="default_update",
                value=self.default_update,
                allowed=", ".join(get_args(UpdateRule)),
            )
        if not callable(self.order):
            raise InputError(
                "the order of a schedule is a function",
                field="order",
                value=self.order,
                allowed="order(shape, stage, settings), which yields actions",
            )
        if isinstance(self.actions, str) or not all(isinstance(symbol, str) for symbol in self.actions):
            raise InputError(
                "actions are told by their symbols",
                field="actions",
                value=self.actions,
                allowed="a tuple of texts, such as ('F', 'B', 'U')",
            )

    @property
    def trains(self) -> bool:
        """Whether weights are updated."""
        return any(kind.updates_weights for kind in load_action_kinds(self.actions).values())

    @property
    def accumulates_digitally(self) -> bool:
        """Whether digital parameters take the steps of a mini-batch together, where updates do not."""
        return self.accumulates and self.default_update == "scheduled"

    @property
    def shares_tiles(self) -> bool:
        """Whether the layers of a stage lie on the same tiles, one at a time."""
        return any(kind.shares_tiles for kind in load_action_kinds(self.actions).values())

    @property
    def weight_sets(self) -> int:
        """How many sets of crossbars hold each matrix."""
        return weight_sets_of(load_action_kinds(self.actions))


def training_kinds() -> dict[str, ActionKind]:
    """Return the kinds of action of a training schedule."""
    return load_action_kinds(TRAINING)


@dataclass(frozen=True, slots=True)
class Schedule:
    """A complete schedule: for each stage a rule that yields its list of actions.

    Attributes
    ----------
    kind : str
        Name of the kind of schedule.
    shape : PipelineShape
        Stages, mini-batches and micro-batches.
    update : {"immediate", "deferred", "scheduled"}
        When a stage updates.
    order : callable
        ``order(shape, stage)`` yields the actions of a stage.
    kinds : mapping of str to ActionKind
        The kinds of its actions by symbol, in the order in which a micro-batch goes through them.
    settings : ScheduleSpecification
        What the user said of it.
    closed_forms : ClosedForms
        What is known of it without playing it through.
    turns : callable, optional
        ``turns(shape, place)`` yields the stages of a place in the order in which it begins their actions.
    accumulates : bool
        Whether digital parameters take the steps of a mini-batch together, where updates do not.
    """

    kind: str
    shape: PipelineShape
    update: UpdateRule
    order: Order
    kinds: Mapping[str, ActionKind] = field(default_factory=training_kinds)
    settings: ScheduleSpecification = field(default_factory=ScheduleSpecification)
    closed_forms: ClosedForms = field(default_factory=ClosedForms)
    turns: Turns | None = None
    accumulates: bool = True

    @property
    def trains(self) -> bool:
        """Whether weights are updated."""
        return any(kind.updates_weights for kind in self.kinds.values())

    @property
    def returns_gradients(self) -> bool:
        """Whether gradients are computed."""
        return any(kind.sends == "gradients" for kind in self.kinds.values())

    @property
    def stashes(self) -> bool:
        """Whether a backward meets copies of the weights that its forward met."""
        return any(kind.meets_copies for kind in self.kinds.values())

    @property
    def shares_tiles(self) -> bool:
        """Whether the layers of a stage lie on the same tiles, one at a time."""
        return any(kind.shares_tiles for kind in self.kinds.values())

    @property
    def weight_sets(self) -> int:
        """How many sets of crossbars hold each matrix, and versions of what digital units train."""
        return weight_sets_of(self.kinds)

    def weight_set(self, micro_batch: int) -> int:
        """Return the set that a micro-batch reads and changes: mini-batches take turns."""
        return micro_batch // self.shape.micro_batches % self.weight_sets

    @property
    def transfers_apart(self) -> bool:
        """Whether transfers are actions of their own."""
        return any(kind.transfers for kind in self.kinds.values())

    @property
    def closing(self) -> str:
        """The action that ends a micro-batch's being in flight: the one that sends its gradients, or the first."""
        return next((symbol for symbol, kind in self.kinds.items() if kind.sends == "gradients"), self._always[0])

    @property
    def releasing(self) -> str:
        """The action with which what a stage stored of a micro-batch is no longer needed."""
        return self._always[-1]

    @property
    def completion(self) -> tuple[int, str]:
        """The stage and the kind of action with which a micro-batch is done: gradients end at the first stage."""
        return 0 if self.returns_gradients else self.shape.stages - 1, self.releasing

    @property
    def micro_batches_of_update(self) -> int:
        """How many micro-batches the first update applies together; every one does in a regular schedule."""
        return next((a.count for a in self.stage(0) if self.kinds[a.kind].updates_weights), 1)

    @property
    def updates_alike(self) -> bool:
        """Whether all updates apply as many micro-batches as the first one."""
        counts = {action.count for action in self.stage(0) if self.kinds[action.kind].updates_weights}
        return len(counts) <= 1

    @property
    def updates_together(self) -> bool:
        """Whether an update applies several micro-batches together."""
        return any(action.count > 1 for action in self.stage(0) if self.kinds[action.kind].updates_weights)

    def busy_of_stage(self, cycles: StageCycles) -> int | None:
        """Return how long a stage is busy, in the unit of `cycles`; None if what is done now and then takes time."""
        if any(kind.occasional and kind.operation is not None for kind in self.kinds.values()):
            return None
        took: dict[str | None, int] = {
            "forward": cycles.forward,
            "backward": cycles.backward,
            "update": cycles.update,
            None: 0,
        }
        return self.shape.total * sum(took[kind.operation] for kind in self.kinds.values())

    def stage(self, index: int) -> Iterator[Action]:
        """Yield the actions of one stage, from the first."""
        return self.order(self.shape, index)

    def place(self, index: int) -> Iterator[tuple[int, Action]]:
        """Yield stages and their actions in the order in which a place begins them; nothing where none is given."""
        if self.turns is None:
            return
        stages = {stage: self.stage(stage) for stage, at in enumerate(self.shape.place_of_stage) if at == index}
        for stage in self.turns(self.shape, index):
            yield stage, next(stages[stage])

    def to_text(self) -> str:
        """Return all actions, for people and for files, which the schedule ``file`` reads.

        One line a stage, ``F0 F1 B0 U0 ...``; where places begin the actions of their stages in an order of their own,
        one line a place, ``0:F0 2:F0 0:F1 ...``.
        """
        shape = self.shape
        if self.turns is None:
            lines = (" ".join(map(str, self.stage(stage))) for stage in range(shape.stages))
        else:
            lines = (" ".join(f"{s}:{action}" for s, action in self.place(p)) for p in range(shape.place_count))
        return "\n".join(lines) + "\n"

    @property
    def _always(self) -> tuple[str, ...]:
        """The actions that are done once with every micro-batch."""
        return tuple(symbol for symbol, kind in self.kinds.items() if not kind.occasional)
