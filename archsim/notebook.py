"""How objects show themselves in a notebook and a terminal: a few facts, whatever texts users wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

__all__ = ["facts_html", "facts_text", "shortened"]

_LONGEST_TEXT = 120
_MOST_NOTES = 5
_LONGEST_NOTE = 400
#: Plain attributes, since notebooks remove style sheets.
_CELL = "text-align:left; padding:1px 12px 1px 0"


def facts_text(kind: str, name: str, facts: Mapping[str, str]) -> str:
    """Return one line: ``<Run 'digits': time 2.1 ms, energy 3 uJ>``.

    Parameters
    ----------
    kind, name : str
        What it is and what a user calls it.
    facts : mapping of str to str
        Values by label.
    """
    told = ", ".join(f"{label} {shortened(value)}" for label, value in facts.items())
    return f"<{kind} {shortened(name)!r}" + (f": {told}>" if told else ">")


def facts_html(kind: str, name: str, facts: Mapping[str, str], notes: Sequence[str] = ()) -> str:
    """Return a small table of facts, with notes below it; all texts are escaped.

    Parameters
    ----------
    kind, name, facts
        See `facts_text`.
    notes : sequence of str
        Warnings; the first few are shown.
    """
    rows = "".join(
        f'<tr><th scope="row" style="{_CELL}">{escape(label)}</th>'
        f'<td style="{_CELL}">{escape(shortened(value))}</td></tr>'
        for label, value in facts.items()
    )
    shown = [f"<li>{escape(shortened(note, _LONGEST_NOTE))}</li>" for note in notes[:_MOST_NOTES]]
    if len(notes) > _MOST_NOTES:
        shown.append(f"<li>and {len(notes) - _MOST_NOTES} more</li>")
    below = f"<p>Warnings:</p><ul>{''.join(shown)}</ul>" if shown else ""
    title = f"{escape(kind)} <b>{escape(shortened(name))}</b>"
    return f'<div><p>{title}</p><table style="border-collapse:collapse"><tbody>{rows}</tbody></table>{below}</div>'


def shortened(text: str, longest: int = _LONGEST_TEXT) -> str:
    """Return a text on one line without control characters, cut where it is too long."""
    line = "".join(character if character.isprintable() else " " for character in text)
    return line if len(line) <= longest else f"{line[: longest - 3]}..."
