"""Ways to spoil what a user hands over, and the one thing that may come of it: a result or an `InputError`."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from archsim.errors import InputError

__all__ = ["fuzzed", "result_or_input_error", "spoiled", "spoiled_text"]

Result = TypeVar("Result")
#: Nothing here takes a hundredth of it; what takes longer hangs.
_SECONDS = 120


def fuzzed(examples: int) -> settings:
    """Return settings for a number of examples; the environment variable ``ARCHSIM_FUZZ`` asks for another."""
    return settings(
        max_examples=int(os.environ.get("ARCHSIM_FUZZ", examples)),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
    )


def result_or_input_error(action: Callable[[], Result]) -> Result | InputError:
    """Return what an action returns, or the error that it tells its user; anything else is a defect."""
    with _no_hang():
        try:
            return action()
        except InputError as error:
            told = error
    assert str(told).strip()
    assert told.exit_code == 2
    return told


@contextmanager
def _no_hang() -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise TimeoutError("it hangs")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _cut(data: bytes, start: int, length: int, _: bytes) -> bytes:
    return data[:start] + data[start + length :]


def _insert(data: bytes, start: int, _: int, payload: bytes) -> bytes:
    return data[:start] + payload + data[start:]


def _overwrite(data: bytes, start: int, _: int, payload: bytes) -> bytes:
    return data[:start] + payload + data[start + len(payload) :]


def _repeat(data: bytes, start: int, length: int, _: bytes) -> bytes:
    return data[: start + length] + data[start:]


def _truncate(data: bytes, start: int, _: int, __: bytes) -> bytes:
    return data[:start]


_EDITS = (_cut, _insert, _overwrite, _repeat, _truncate)


def spoiled(data: st.SearchStrategy[bytes], tokens: Sequence[bytes] = ()) -> st.SearchStrategy[bytes]:
    """Return a strategy of bytes with up to four edits; some insert one of the tokens."""
    payloads = st.binary(max_size=8) | st.sampled_from([b"\0", b"\xff" * 4, *tokens])
    places = st.one_of(st.integers(0, 40), st.integers(0, 2**16))
    edit = st.tuples(st.sampled_from(_EDITS), places, st.integers(1, 64), payloads)

    def apply(original: bytes, edits: list[tuple[Callable[[bytes, int, int, bytes], bytes], int, int, bytes]]) -> bytes:
        for change, place, length, payload in edits:
            original = change(original, place % (len(original) + 1), length, payload)
        return original

    return st.builds(apply, data, st.lists(edit, max_size=4))


def spoiled_text(texts: Sequence[str], words: Sequence[str]) -> st.SearchStrategy[str]:
    """Return a strategy of texts whose lines are dropped, doubled and swapped, and whose words are exchanged."""
    word = st.sampled_from(words) | st.text(max_size=6)
    step = st.tuples(
        st.sampled_from(["drop", "double", "swap", "value", "insert", "indent"]), st.integers(0, 500), word
    )

    def apply(text: str, steps: list[tuple[str, int, str]]) -> str:
        lines = text.splitlines()
        for kind, number, put in steps:
            if not lines:
                break
            at = number % len(lines)
            key, colon, _ = lines[at].partition(":")
            indented = " " * (number % 9) + lines[at].lstrip()
            lines[at : at + 1] = {
                "drop": [],
                "double": [lines[at], lines[at]],
                "swap": [lines[(at * 7 + 3) % len(lines)]],
                "value": [f"{key}: {put}" if colon else put],
                "insert": [lines[at], " " * (len(lines[at]) - len(lines[at].lstrip())) + put],
                "indent": [indented],
            }[kind]
        return "\n".join(lines) + "\n"

    return st.builds(apply, st.sampled_from(texts), st.lists(step, min_size=1, max_size=5))
