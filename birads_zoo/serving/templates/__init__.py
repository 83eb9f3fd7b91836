"""Fills the templates of the web page and of the endpoint's description."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2
from markupsafe import Markup, escape

if TYPE_CHECKING:
    from birads_zoo.artifact.manifest import Manifest
    from birads_zoo.serving.answers.answering import Answer

STYLE = Path(__file__).with_name("page.css")
SCRIPT = Path(__file__).with_name("page.js")

_PAGES = jinja2.Environment(
    loader=jinja2.PackageLoader("birads_zoo.serving", "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _coded(text: str) -> Markup:
    """Show text between backticks as code."""
    return Markup(re.sub("`(.+?)`", r"<code>\1</code>", str(escape(text))))


_PAGES.filters["coded"] = _coded


def render(name: str, **values: object) -> str:
    """Fill the template `name`; all text is escaped, and a missing value is an error."""
    return _PAGES.get_template(name).render(**values)


def render_answer(answer: Answer, manifest: Manifest) -> str:
    """Fill the template of an answer, with what `manifest` says of calibration, sets and heat maps."""
    levels = {name: (answer.calibrated.get(name), value) for name, value in answer.probabilities.items()}
    unbounded = sum(fold.threshold is None for fold in manifest.folds)
    return render("answer.html", answer=answer, levels=levels, manifest=manifest, unbounded=unbounded)
