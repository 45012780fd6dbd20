"""The small actions that schedules are made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from archsim.schedule.action_kinds import ActionKind, load_action_kinds

__all__ = ["TRAINING", "Action", "Order", "PipelineShape", "Schedule", "ScheduleKind", "UpdateRule", "training_kinds"]

UpdateRule = Literal["immediate", "deferred"]

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
    """How many stages there are and how much runs through them."""

    stages: int
    mini_batches: int
    micro_batches: int

    @property
    def total(self) -> int:
        """Micro-batches of the whole run."""
        return self.mini_batches * self.micro_batches


#: The order of F and B at one stage (counted from the input side); passes add the rest.
Order = Callable[[PipelineShape, int], Iterator[Action]]


@dataclass(frozen=True, slots=True)
class ScheduleKind:
    """A registered kind of schedule.

    Attributes
    ----------
    order : callable
        ``order(shape, stage)`` yields the F and B of one stage.
    default_update : {"immediate", "deferred"}
        When a stage updates unless the user says otherwise.
    description : str
        One sentence, with the source.
    actions : tuple of str
        Symbols of the actions of every stage, in this order for each micro-batch. With the last of those that are done
        with every micro-batch, what the stage stored of it is no longer needed. Without a B there are no updates.
    """

    order: Order
    default_update: UpdateRule
    description: str
    actions: tuple[str, ...] = TRAINING

    @property
    def trains(self) -> bool:
        """Whether weights are updated."""
        return any(kind.updates_weights for kind in load_action_kinds(self.actions).values())


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
    update : {"immediate", "deferred"}
        When a stage updates.
    order : callable
        ``order(shape, stage)`` yields the actions of a stage.
    kinds : mapping of str to ActionKind
        The kinds of its actions by symbol, in the order in which a micro-batch goes through them.
    """

    kind: str
    shape: PipelineShape
    update: UpdateRule
    order: Order
    kinds: Mapping[str, ActionKind] = field(default_factory=training_kinds)

    @property
    def trains(self) -> bool:
        """Whether weights are updated."""
        return any(kind.updates_weights for kind in self.kinds.values())

    @property
    def returns_gradients(self) -> bool:
        """Whether gradients are computed."""
        return any(kind.sends == "gradients" for kind in self.kinds.values())

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

    def stage(self, index: int) -> Iterator[Action]:
        """Yield the actions of one stage, from the first."""
        return self.order(self.shape, index)

    def to_text(self) -> str:
        """Return one line a stage, ``F0 F1 B0 U0 ...``: for people, and for files."""
        return "\n".join(" ".join(map(str, self.stage(s))) for s in range(self.shape.stages)) + "\n"

    @property
    def _always(self) -> tuple[str, ...]:
        """The actions that are done once with every micro-batch."""
        return tuple(symbol for symbol, kind in self.kinds.items() if not kind.occasional)
