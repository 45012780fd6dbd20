"""The small actions that schedules are made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

__all__ = ["TRAINING", "Action", "ActionKind", "Order", "PipelineShape", "Schedule", "ScheduleKind", "UpdateRule"]

ActionKind = Literal["F", "B", "U"]
UpdateRule = Literal["immediate", "deferred"]

#: What a stage does with each micro-batch that it trains on.
TRAINING: tuple[ActionKind, ...] = ("F", "B", "U")


class Action(NamedTuple):
    """One thing that a stage does.

    Attributes
    ----------
    kind : {"F", "B", "U"}
        Forward, backward, or update of all layers of the stage.
    micro_batch : int
        Index of the micro-batch in the run; for U, the last one that it applies.
    count : int
        How many micro-batches a U applies, in index order and ending with ``micro_batch``.
    """

    kind: ActionKind
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
        found = re.fullmatch(r"([FBU])(\d+)(?:\*(\d+))?", text)
        if found is None:
            raise ValueError(f"'{text}' is no action; write F3, B3, U3 or U7*8")
        kind, micro_batch, count = found.groups(default="1")
        return cls(kind, int(micro_batch), int(count))  # type: ignore[arg-type]


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
        What every stage does with each micro-batch, in this order. With the last of them what the stage stored of it is
        no longer needed. Without a B there are no updates.
    """

    order: Order
    default_update: UpdateRule
    description: str
    actions: tuple[ActionKind, ...] = TRAINING


@dataclass(frozen=True, slots=True)
class Schedule:
    """A complete schedule: for each stage a rule that yields its list of actions."""

    kind: str
    shape: PipelineShape
    update: UpdateRule
    order: Order
    actions: tuple[ActionKind, ...] = TRAINING

    @property
    def trains(self) -> bool:
        """Whether weights are updated."""
        return "U" in self.actions

    @property
    def completion(self) -> tuple[int, ActionKind]:
        """The stage and the kind of action with which a micro-batch is done: gradients end at the first stage."""
        return 0 if "B" in self.actions else self.shape.stages - 1, self.actions[-1]

    def stage(self, index: int) -> Iterator[Action]:
        """Yield the actions of one stage, from the first."""
        return self.order(self.shape, index)

    def to_text(self) -> str:
        """Return one line a stage, ``F0 F1 B0 U0 ...``: for people, and for files."""
        return "\n".join(" ".join(map(str, self.stage(s))) for s in range(self.shape.stages)) + "\n"
