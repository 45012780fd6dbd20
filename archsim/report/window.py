"""A window of simulated time as a user writes it."""

from __future__ import annotations

from pydantic import TypeAdapter, ValidationError

from archsim.errors import InputError
from archsim.units import Picoseconds

__all__ = ["parse_window"]


def parse_window(text: str) -> tuple[int, int]:
    """Return the (start, end) in picoseconds of a window such as ``10 us:20 us``.

    Raises
    ------
    InputError
        If these are not two times with a colon between them, the later one last.
    """
    start, colon, end = text.partition(":")
    time = TypeAdapter[int](Picoseconds)
    try:
        window = (time.validate_python(start.strip()), time.validate_python(end.strip()))
    except ValidationError as error:
        problem = str(error.errors()[0].get("ctx", {}).get("error", error.errors()[0]["msg"]))
        raise _wrong(problem if colon else "a window has a colon between its start and its end", text) from error
    if window[0] >= window[1]:
        raise _wrong("the window ends before it starts", text)
    return window


def _wrong(problem: str, text: str) -> InputError:
    return InputError(
        problem, field="--trace-window", value=text, allowed="START:END in simulated time, such as '10 us:20 us'"
    )
