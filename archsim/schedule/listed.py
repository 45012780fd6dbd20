"""What a file lists: the actions of each stage, and where rows are places, the order in which a place begins them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from archsim import plugins
from archsim.errors import InputError, did_you_mean
from archsim.files import read_regular
from archsim.schedule.action_kinds import ActionKind, load_action_kinds, load_kind
from archsim.schedule.actions import TRAINING, Action, PipelineShape, Schedule
from archsim.schedule.cells import FIELD, Cell, mistake, read_rows
from archsim.schedule.checks import check_alone
from archsim.schedule.state import ScheduleError, StageState
from archsim.schedule.torch_cells import translated

__all__ = ["ListedActions", "read_actions"]

#: What a file may hold: some ten million actions.
_MOST_BYTES = 2**26


@dataclass(frozen=True)
class ListedActions:
    """What a file lists.

    Attributes
    ----------
    stages : tuple of tuple of Action
        What each stage does.
    places : tuple of tuple of (int, Action), or None
        What each place begins, stage and action, where rows are places.
    symbols : tuple of str
        The kinds of action that there are, in the order in which a micro-batch goes through them.
    micro_batches : int
        How many there are.
    sha256 : str
        Digest of the file.
    """

    stages: tuple[tuple[Action, ...], ...]
    places: tuple[tuple[tuple[int, Action], ...], ...] | None
    symbols: tuple[str, ...]
    micro_batches: int
    sha256: str

    @property
    def puts_off_updates(self) -> bool:
        """Whether an update does not stand right behind the last action that it applies."""
        kinds = load_action_kinds(self.symbols)
        for stage in self.stages:
            before = None
            for action in stage:
                kind = kinds[action.kind]
                if kind.updates_weights and (
                    before is None or before.kind not in kind.after or before.micro_batch not in action.micro_batches
                ):
                    return True
                before = action
        return False

    @property
    def place_of_stage(self) -> tuple[int, ...] | None:
        """The place of each stage, where rows are places."""
        if self.places is None:
            return None
        at = {stage: place for place, turns in enumerate(self.places) for stage, _ in turns}
        return tuple(at[stage] for stage in range(len(self.stages)))


def read_actions(path: str, each: int) -> ListedActions:
    """Read a file, and check that each of its stages does every action once, in a possible order.

    Parameters
    ----------
    path : str
        The file.
    each : int
        Micro-batches of a mini-batch.

    Raises
    ------
    InputError
        If it cannot be read; or with the place of what cannot be in it.
    """
    allowed = "a text with a line for each stage or place"
    try:
        content = read_regular(Path(path), _MOST_BYTES)
        return _read(content, path, each)
    except OSError as error:
        raise InputError(
            f"the file of the schedule cannot be read ({error.strerror})",
            field=FIELD,
            value=path,
            allowed=allowed,
            remedy="write one with 'archsim schedule EXPERIMENT -o FILE'",
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"the file of the schedule is no UTF-8 text ({error.reason} at byte {error.start})",
            field=FIELD,
            value=path,
            allowed=allowed,
        ) from error


@lru_cache(maxsize=2)
def _read(content: bytes, path: str, each: int) -> ListedActions:
    """Return what a text lists: it is asked for several times while an experiment is made ready."""
    rows = translated(read_rows(content.decode("utf-8-sig"), path))
    cells = [cell for row in rows for cell in row]
    kinds = _kinds(cells)
    by_place = _names_stages(cells)
    stages = _by_stage(cells) if by_place else rows
    last = max(cells, key=lambda cell: cell.action.micro_batch)
    _check_count(last, each)
    _check_stages(stages, kinds, last, each)
    return ListedActions(
        tuple(tuple(cell.action for cell in stage) for stage in stages),
        tuple(tuple((cell.stage or 0, cell.action) for cell in row) for row in rows) if by_place else None,
        tuple(kinds),
        last.action.micro_batch + 1,
        hashlib.sha256(content).hexdigest(),
    )


def _names_stages(cells: Sequence[Cell]) -> bool:
    """Return whether cells name their stages, which all do or none does."""
    first = cells[0]
    for cell in cells:
        if (cell.stage is None) != (first.stage is None):
            raise mistake(
                cell,
                f"either every action names its stage or none does, and {first.text} in row {first.row + 1} "
                f"{'names none' if first.stage is None else 'names it'}",
                "write the stage before every action, where rows are places, or before none, where rows are stages",
            )
    return first.stage is not None


def _by_stage(cells: Sequence[Cell]) -> list[list[Cell]]:
    """Return what each stage does, whose row is a place."""
    found: dict[int, list[Cell]] = {}
    for cell in cells:
        own = found.setdefault(cell.stage or 0, [])
        if own and own[0].row != cell.row:
            raise mistake(
                cell,
                f"a stage lies at one place, and stage {cell.stage} does {own[0].text} in row {own[0].row + 1}",
                "keep all actions of a stage in one row",
            )
        own.append(cell)
    last = max(found)
    missing = next((stage for stage in range(last) if stage not in found), None)
    if missing is not None:
        raise mistake(
            found[last][0],
            f"there is a stage {last}, and none of the number {missing}",
            "number stages from 0 without a gap",
        )
    return [found[stage] for stage in range(last + 1)]


def _kinds(cells: Sequence[Cell]) -> dict[str, ActionKind]:
    """Return the kinds of action by their symbols, in the order in which a micro-batch goes through them."""
    first: dict[str, Cell] = {}
    for cell in cells:
        first.setdefault(cell.symbol, cell)
    known = plugins.names("archsim.actions")
    for symbol, cell in first.items():
        if symbol not in known:
            close = symbol.upper() if symbol.upper() in known else did_you_mean(symbol, known)
            raise mistake(
                cell,
                f"no action '{symbol}' is registered",
                f"did you mean {close}?" if close else "'archsim list actions' says what each of them is",
                ", ".join(one for one in known if not load_kind(one).copies_weights),
            )
    kinds = {symbol: load_kind(symbol) for symbol in first}
    for symbol, kind in kinds.items():
        if kind.copies_weights:
            raise mistake(
                first[symbol],
                f"{symbol} copies weights between sets of crossbars, of which a file says nothing",
                "leave it out, or take schedule.kind: two-version, which has two sets",
            )
    return load_action_kinds(_in_order(kinds, first))


def _in_order(kinds: dict[str, ActionKind], first: dict[str, Cell]) -> list[str]:
    """Return symbols so that each stands behind all that it follows: the basic ones first, then as they appear."""
    left = sorted(kinds, key=lambda symbol: TRAINING.index(symbol) if symbol in TRAINING else len(TRAINING))
    order: list[str] = []
    reached: set[str] = set()
    while left:
        symbol = next((symbol for symbol in left if reached.issuperset(kinds[symbol].after)), None)
        if symbol is None:
            symbol = left[0]
            other = next(other for other in kinds[symbol].after if other not in reached)
            problem = f"{symbol} follows {other}, which the file has nowhere"
            raise mistake(first[symbol], problem, f"add {other}, or leave out {symbol}")
        left.remove(symbol)
        order.append(symbol)
        reached |= {symbol, kinds[symbol].stands_for}
    return order


def _check_count(last: Cell, each: int) -> None:
    """Refuse micro-batches that are neither those of one mini-batch nor those of several."""
    count = last.action.micro_batch + 1
    if count % each:
        raise InputError(
            f"the file has {count} micro-batch{'es' if count > 1 else ''}, the last one in row {last.row + 1}, cell "
            f"{last.number}, {last.text}: neither those of one mini-batch nor those of several",
            field="schedule.micro_batches",
            value=each,
            allowed=f"{count} for a file of one mini-batch, or a divisor of it for a file of the whole run",
            remedy=f"set schedule.micro_batches={count}, or mend the file",
            place=last.place,
        )


def _check_stages(stages: Sequence[Sequence[Cell]], kinds: dict[str, ActionKind], last: Cell, each: int) -> None:
    """Refuse a stage that does not do every action once in a possible order, whatever the others do.

    Parameters
    ----------
    stages : sequence of sequence of Cell
        What each stage does.
    kinds : dict of str to ActionKind
        The kinds of action.
    last : Cell
        One with the last micro-batch.
    each : int
        Micro-batches of a mini-batch.
    """

    def order(shape: PipelineShape, stage: int) -> Iterator[Action]:
        return (cell.action for cell in stages[stage])

    shape = PipelineShape(len(stages), (last.action.micro_batch + 1) // each, each)
    schedule = Schedule("file", shape, "scheduled", order, kinds)
    for index, cells in enumerate(stages):
        state = StageState(schedule, index, values=0, gradients=0)
        try:
            check_alone(state, schedule)
        except ScheduleError as error:
            if state.next is not None:
                raise mistake(cells[state.position], error.problem, error.remedy) from error
            known = f"{error.problem}, of which row {last.row + 1} has the last in cell {last.number}, {last.text}"
            raise mistake(cells[-1], known, error.remedy) from error
