"""What a kind of action means at one stage."""

from __future__ import annotations

from archsim.schedule.action_kinds import ActionKind

__all__ = ["Rule"]


class Rule:
    """What a kind of action means at one stage, looked up once.

    Attributes
    ----------
    kind : ActionKind
        What it says of itself.
    bit, before, both : int
        Its own bit, those of the actions that must have been done with a micro-batch before, and all of them.
    arrived : dict or None
        What has arrived of what it awaits, by micro-batch, and how much is needed.
    opens, compares, closes, updates, copies, releases, occasional : bool
        Whether it is the first action with a micro-batch, ends what staleness is counted over, ends its being in
        flight, makes a new version of the weights, copies the newest one, is the last action with it, is done now and
        then.
    """

    __slots__ = (
        "arrived",
        "before",
        "bit",
        "both",
        "closes",
        "compares",
        "copies",
        "kind",
        "needed",
        "occasional",
        "opens",
        "releases",
        "updates",
    )

    def __init__(self, kind: ActionKind, bit: int) -> None:
        self.kind = kind
        self.bit = bit
        self.before = self.both = 0
        self.arrived: dict[int, int] | None = None
        self.needed = 0
        self.opens = self.closes = self.compares = self.releases = False
        self.updates = kind.updates_weights
        self.copies = kind.copies_weights
        self.occasional = kind.occasional
