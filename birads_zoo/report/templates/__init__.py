"""Renders the templates of the HTML pages."""

from __future__ import annotations

import jinja2

_PAGES = jinja2.Environment(
    loader=jinja2.PackageLoader("birads_zoo.report", "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


MARK = b'<meta name="generator" content="birads-zoo">'
"""What every page begins with."""


def render(name: str, **values: object) -> str:
    """Return the template `name` filled with `values`; every text is escaped, and a missing value is an error."""
    return _PAGES.get_template(name).render(**values)
