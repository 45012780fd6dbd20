"""Colours of actions, in figures and in the terminal."""

from __future__ import annotations

__all__ = ["ACTION_COLOURS", "OTHER_COLOUR", "label_colour"]

#: After Okabe & Ito, "Color universal design" (2008): told apart with any kind of colour vision.
ACTION_COLOURS: dict[str, str] = {
    "F": "#2f86c5",
    "L": "#56b4e9",
    "B": "#e69f00",
    "U": "#1b9e77",
    "T": "#cc79a7",
    "P": "#8a6fb0",
    "C": "#d55e00",
}
OTHER_COLOUR = "#9aa7b4"


def label_colour(action: str) -> str:
    """Return the colour in which a text is read best on an action's colour."""
    return "#ffffff" if action in ("F", "U", "P") else "#17202a"
