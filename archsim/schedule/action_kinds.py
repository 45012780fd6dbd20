"""The kinds of action: what each one needs, changes and sends, and what a stage does in it.

The built-in ones (F, B, U, T) are registered like everybody else's, under ``archsim.actions``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, get_args

from archsim import plugins
from archsim.errors import InputError

__all__ = [
    "BACKWARD",
    "COPY",
    "FORWARD",
    "SERIAL_FORWARD",
    "STASHED_BACKWARD",
    "TRANSFER",
    "UPDATE",
    "ActionKind",
    "Flow",
    "Operation",
    "StageCycles",
    "StageSteps",
    "load_action_kinds",
    "load_kind",
    "weight_sets_of",
]

#: What passes between stages: values on the way to the loss, gradients on the way back.
Flow = Literal["values", "gradients"]
#: What a crossbar, or an abstract stage, does as a whole.
Operation = Literal["forward", "backward", "update"]


class StageSteps(Protocol):
    """What a stage can do, of which an action is made; the engine knows the steps."""

    def forward(self) -> Iterable[Any]:
        """Read the matrices of the stage in the network's order, with the digital work between them."""

    def serial_forward(self) -> Iterable[Any]:
        """Do a forward on tiles that the layers share: each is written onto them before it is read."""

    def read(self) -> Iterable[Any]:
        """Read the matrices in the same way, and do nothing with what comes out."""

    def backward(self) -> Iterable[Any]:
        """Read them transposed in the reverse order, with the gradients of the digital work."""

    def update(self) -> Iterable[Any]:
        """Update every matrix that is trained."""

    def transfer(self) -> Iterable[Any]:
        """Do the transfers of every matrix whose updates leave them to an action of their own."""

    def copy(self) -> Iterable[Any]:
        """Copy every matrix that is trained from the set of crossbars with its newest version onto the other set."""


class _Steps(Protocol):
    def __call__(self, stage: StageSteps) -> Iterable[Any]: ...


@dataclass(frozen=True, slots=True)
class ActionKind:
    """All that is known of a kind of action.

    Attributes
    ----------
    name : str
        What it is called in texts: *forward*.
    description : str
        One sentence.
    steps : callable
        ``steps(stage)`` yields what a stage does in it.
    operation : {"forward", "backward", "update"} or None
        As which operation of an abstract stage it is timed and counted; None for one that takes no time there.
    after : tuple of str
        Kinds of action that the same stage must have done before with the same micro-batch.
    awaits : {"values", "gradients"} or None
        What must have come from other stages.
    sends : {"values", "gradients"} or None
        What goes to other stages when it ends: values to those that use them, gradients to those that made the values.
    updates_weights : bool
        Whether its end makes a new version of the stage's weights.
    transfers : bool
        Whether it does the transfers between arrays that are due; where a schedule has such a kind, updates leave them
        to it.
    joint : bool
        Whether it may take several micro-batches at once, as ``U7*8`` does.
    occasional : bool
        Whether it is done whenever the schedule says so, rather than once with every micro-batch.
    copies_weights : bool
        Whether it copies the newest version of the stage's weights onto the set of crossbars that the mini-batch of its
        micro-batches has read; where a schedule has such a kind, every matrix has two sets, which mini-batches take in
        turn.
    meets_copies : bool
        Whether it meets the weights that the forward of its micro-batch met: exact copies that cost nothing, which no
        crossbar makes.
    stands_for : str
        The action whose place it takes in a schedule: what comes after that one, comes after it.
    shares_tiles : bool
        Whether the layers of a stage lie on the same tiles in it, one at a time.
    """

    name: str
    description: str
    steps: _Steps
    operation: Operation | None = None
    after: tuple[str, ...] = ()
    awaits: Flow | None = None
    sends: Flow | None = None
    updates_weights: bool = False
    transfers: bool = False
    joint: bool = False
    occasional: bool = False
    copies_weights: bool = False
    meets_copies: bool = False
    stands_for: str = ""
    shares_tiles: bool = False

    def __post_init__(self) -> None:
        """Refuse what no stage can do."""
        for field, known in (("operation", Operation), ("awaits", Flow), ("sends", Flow)):
            if getattr(self, field) not in (None, *get_args(known)):
                raise InputError(
                    f"the {self.name} has a field that is none of its values",
                    field=field,
                    value=getattr(self, field),
                    allowed=", ".join((*get_args(known), "None")),
                )
        if not callable(self.steps):
            raise InputError(
                f"the steps of the {self.name} are a function",
                field="steps",
                value=self.steps,
                allowed="steps(stage), which yields what the stage does",
            )
        if self.joint and (self.awaits or self.sends):
            raise InputError(
                f"the {self.name} cannot take several micro-batches at once: what passes between stages is one",
                field="joint",
                value=self.joint,
                remedy="leave out joint, or awaits and sends",
            )


@dataclass(frozen=True, slots=True)
class StageCycles:
    """How long an abstract stage takes for the forward, backward and update of one micro-batch, in any whole unit."""

    forward: int = 1
    backward: int = 1
    update: int = 0


def load_action_kinds(symbols: Iterable[str]) -> dict[str, ActionKind]:
    """Return the registered kinds of action by their symbols, in the given order.

    Raises
    ------
    InputError
        If nothing is registered under a symbol, it cannot stand before a number, or follows an action that is missing.
    """
    kinds = {symbol: load_kind(symbol) for symbol in symbols}
    instead = {kind.stands_for: symbol for symbol, kind in kinds.items() if kind.stands_for}
    if instead:
        kinds = {
            symbol: replace(kind, after=tuple(instead.get(other, other) for other in kind.after))
            for symbol, kind in kinds.items()
        }
    for symbol, kind in kinds.items():
        if missing := [other for other in kind.after if other not in kinds]:
            raise InputError(
                f"an action {symbol} follows {missing[0]}, which this schedule does not do",
                field="actions",
                value=", ".join(kinds),
                remedy=f"add {missing[0]}, or leave out {symbol}",
            )
    return kinds


def load_kind(symbol: str) -> ActionKind:
    """Return the kind of action that is registered under a symbol.

    Raises
    ------
    InputError
        If there is none, or it cannot stand before a number.
    """
    kind = plugins.checked(plugins.load("archsim.actions", symbol), ActionKind, "archsim.actions", symbol)
    if not re.fullmatch(r"[A-Za-z]+", symbol):
        raise InputError(
            "the symbol of an action stands before a number", field="archsim.actions", value=symbol, allowed="letters"
        )
    return kind


def weight_sets_of(kinds: Mapping[str, ActionKind]) -> int:
    """Return how many sets of crossbars hold each matrix: two where weights are copied from one to the other."""
    return 2 if any(kind.copies_weights for kind in kinds.values()) else 1


def _forward(stage: StageSteps) -> Iterable[Any]:
    return stage.forward()


def _serial_forward(stage: StageSteps) -> Iterable[Any]:
    return stage.serial_forward()


def _backward(stage: StageSteps) -> Iterable[Any]:
    return stage.backward()


def _update(stage: StageSteps) -> Iterable[Any]:
    return stage.update()


def _transfer(stage: StageSteps) -> Iterable[Any]:
    return stage.transfer()


def _copy(stage: StageSteps) -> Iterable[Any]:
    return stage.copy()


FORWARD = ActionKind(
    "forward",
    "Forward of a micro-batch through all layers of a stage.",
    _forward,
    "forward",
    awaits="values",
    sends="values",
)
SERIAL_FORWARD = ActionKind(
    "layer-serial forward",
    "Forward of a micro-batch through the layers of a stage, which take the same tiles in turn, each written first.",
    _serial_forward,
    "forward",
    awaits="values",
    sends="values",
    shares_tiles=True,
)
BACKWARD = ActionKind(
    "backward",
    "Backward of a micro-batch: errors and gradients of all layers of a stage.",
    _backward,
    "backward",
    after=("F",),
    awaits="gradients",
    sends="gradients",
)
STASHED_BACKWARD = ActionKind(
    "backward on stashed weights",
    "Hypothetical: backward of a micro-batch on free copies of the weights that its forward met.",
    _backward,
    "backward",
    after=("F",),
    awaits="gradients",
    sends="gradients",
    meets_copies=True,
    stands_for="B",
)
UPDATE = ActionKind(
    "update",
    "Update of all layers of a stage by one or several micro-batches, seen at once by the next F and B there.",
    _update,
    "update",
    after=("B",),
    updates_weights=True,
    joint=True,
)
TRANSFER = ActionKind(
    "transfer",
    "Transfers between the arrays of a stage's matrices that fell due with one or several micro-batches.",
    _transfer,
    after=("U",),
    transfers=True,
    joint=True,
    occasional=True,
)
COPY = ActionKind(
    "copy",
    "Copy of the newest weights of a stage onto the set of crossbars that its last mini-batch has read, which the U of "
    "that mini-batch then changes.",
    _copy,
    after=("B",),
    joint=True,
    occasional=True,
    copies_weights=True,
)
