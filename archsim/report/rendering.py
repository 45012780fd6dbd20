"""Pages from templates: whatever a document says stands in them as text."""

from __future__ import annotations

from collections.abc import Mapping

from jinja2 import Environment, PackageLoader, StrictUndefined

from archsim.errors import printable

__all__ = ["render_page"]


def render_page(template: str, values: Mapping[str, object]) -> str:
    """Return a page, one self-contained HTML text.

    Parameters
    ----------
    template : str
        Name of its template; all of them fill the blocks of ``frame.html``.
    values : mapping of str to object
        What the template asks for; a name that it does not find is an error.
    """
    environment = Environment(
        loader=PackageLoader("archsim.report"), autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    # What a document says may hold control characters, which neither HTML nor XML allows.
    return printable(environment.get_template(template).render(values))
