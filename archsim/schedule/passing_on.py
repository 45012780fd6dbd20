"""How many micro-batches a stage stores where what it makes stays with it until other stages take it.

That is so where the last action with a micro-batch sends its values, as in a forward-only schedule. How many they are
is then not a matter of the stage alone: where others take micro-batches in another order, or their turn at a place is
late, values wait at the stage that made them. With the numbers found here a schedule can always go on, whatever takes
how long: played in the order of this play, the first action that has not begun has all that it needs, and more progress
elsewhere takes none of it away.
"""

from __future__ import annotations

from archsim.schedule.actions import Schedule
from archsim.schedule.pipeline_state import PipelineState
from archsim.schedule.state import Edges, chain_edges

__all__ = ["stored_until_taken"]


def stored_until_taken(schedule: Schedule, edges: Edges | None = None) -> tuple[int, ...] | None:
    """Return the most micro-batches of each stage from the start of F to when all that use its values have taken them.

    Parameters
    ----------
    schedule : Schedule
        One that can finish.
    edges : iterable of (int, int), optional
        For each value that crosses from a stage to another, the two; without them every stage feeds the next one.

    Returns
    -------
    tuple of int or None
        None where a stage stores a micro-batch until its own last action with it.
    """
    if schedule.kinds[schedule.releasing].sends != "values":
        return None
    count = schedule.shape.stages
    edges = list(chain_edges(count) if edges is None else edges)
    opening = next(symbol for symbol, kind in schedule.kinds.items() if not kind.occasional)
    taking = {symbol for symbol, kind in schedule.kinds.items() if kind.awaits == "values"}
    state = PipelineState(schedule, edges)
    sources = [[source for source, target in edges if target == stage] for stage in range(count)]
    space, stored = [1] * count, [0] * count
    #: Of each stage and micro-batch that it has sent on, how many values are left to be taken.
    left: dict[tuple[int, int], int] = {}
    moved = True
    while moved:
        moved = False
        for stage in state.stages:
            index = stage.index
            while (following := stage.next) is not None:
                opens = following.kind == opening
                if (opens and stored[index] == space[index]) or stage.start() is None:
                    break
                stored[index] += opens
                for source in sources[index] if following.kind in taking else ():
                    left[source, following.micro_batch] -= 1
                    if not left[source, following.micro_batch]:
                        del left[source, following.micro_batch]
                        stored[source] -= 1
                receivers = state.end(index, following)
                if following.kind == schedule.releasing:
                    if receivers:
                        left[index, following.micro_batch] = len(receivers)
                    else:
                        stored[index] -= 1
                moved = True
        if not moved:
            # Downstream first: what makes space there may be enough.
            short = [
                stage.index
                for stage in reversed(state.stages)
                if stage.next is not None
                and stored[stage.index] == space[stage.index]
                and not state.missing(stage.index, stage.next)
            ]
            if short:
                space[short[0]] += 1
                moved = True
    return tuple(space)
