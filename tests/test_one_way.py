"""An experiment goes forward through the house: from its document to a finished run, and seldom back.

The rule of counting: every call of a Python function that the room `simulation` makes in another room of archsim is
noted, in order; calls in a row into one room are one visit. A visit hands the experiment *up* where its room stands
higher, in the contract "rooms" of `pyproject.toml`, than the room of the visit before it. A visit *returns* where its
room was visited before. ``python -m tests.test_one_way`` prints both and the visits.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from types import FrameType

import pytest

import archsim

ROOT = Path(__file__).resolve().parents[1]
#: What a run may take in any mode.
MOST_UP, MOST_RETURNS = 8, 9


def ranks() -> dict[str, int]:
    """Return the line on which each room stands, from the top."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (rooms,) = (contract for contract in contracts if contract["id"] == "rooms")
    return {room.strip(): rank for rank, line in enumerate(rooms["layers"]) for room in re.split("[|:]", line)}


def room_of(frame: FrameType | None) -> str:
    parts = str(frame.f_globals.get("__name__", "")).split(".") if frame is not None else [""]
    return parts[1] if parts[0] == "archsim" and len(parts) > 1 else ""


@contextmanager
def noted(calls: list[tuple[str, str]]) -> Iterator[None]:
    """Note room and function of every call from the room `simulation` into another one."""

    def note(frame: FrameType, event: str, argument: object) -> None:
        room = room_of(frame)
        if event == "call" and room not in ("", "simulation") and room_of(frame.f_back) == "simulation":
            calls.append((room, frame.f_code.co_qualname))

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(before)


def visits(mode: str) -> list[str]:
    experiment = archsim.load_experiment("mlp_digits", ["training.max_mini_batches=3", "data.test_samples=30"], mode)
    calls: list[tuple[str, str]] = []
    simulate: Callable[..., object] = archsim.simulate
    with noted(calls):
        simulate(experiment)
    rooms = [room for room, _ in calls]
    return [room for number, room in enumerate(rooms) if not number or room != rooms[number - 1]]


def turns(rooms: list[str]) -> tuple[int, int]:
    """Return how often rooms lead up, and how often to one that was left."""
    rank = ranks()
    up = sum(rank[after] < rank[before] for before, after in pairwise(rooms))
    return up, len(rooms) - len(set(rooms))


@pytest.mark.parametrize("mode", ["timing", "numerics", "coupled"])
def test_an_experiment_goes_forward(mode: str) -> None:
    rooms = visits(mode)
    assert {"network", "mapping", "schedule", "engine", "results"} <= set(rooms)
    up, returns = turns(rooms)
    assert up <= MOST_UP, rooms
    assert returns <= MOST_RETURNS, rooms


def test_turns_are_counted() -> None:
    assert turns(["document", "network", "mapping", "network", "results"]) == (2, 1)


if __name__ == "__main__":
    for mode in ("timing", "numerics", "coupled"):
        found = visits(mode)
        print(f"{mode}: {turns(found)[0]} up, {turns(found)[1]} returns: {' '.join(found)}")
