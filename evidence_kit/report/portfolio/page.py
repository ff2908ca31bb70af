"""The portfolio as one page of HTML without any script, and as JSON."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from types import SimpleNamespace
from typing import TYPE_CHECKING

from markupsafe import Markup

from evidence_kit.model.time import rfc3339
from evidence_kit.report.case import words
from evidence_kit.report.case.safe import shown
from evidence_kit.report.portfolio.model import Month, Portfolio

if TYPE_CHECKING:
    import jinja2

API_VERSION = "evidence-kit/portfolio.v1"
CAP = 2_000  # rows of one table; the JSON has all
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def html(portfolio: Portfolio) -> str:
    """Return the page."""
    style = _style()
    return (
        _environment()
        .get_template("page.html")
        .render(
            portfolio=portfolio,
            counts=SimpleNamespace(cases=len(portfolio.cases)),
            style=style,
            policy=f"default-src 'none'; style-src 'sha256-{_digest(style)}'; base-uri 'none'; form-action 'none'",
            cap=CAP,
            more=_more,
        )
    )


def as_json(portfolio: Portfolio) -> str:
    """Return the document."""
    said = {"apiVersion": API_VERSION, **asdict(portfolio), "made_at": rfc3339(portfolio.made_at)}
    return json.dumps(_camel(said), indent=2, ensure_ascii=True) + "\n"


def lasting(seconds: int) -> str:
    """Return a stretch of time in its two largest units."""
    said: list[str] = []
    left = seconds
    for size, unit in _UNITS:
        if left >= size and len(said) < 2:
            said.append(f"{left // size} {unit}")
            left %= size
    return " ".join(said) or f"{left} s"


def share(month: Month) -> int:
    """Return how many of a hundred units came in full; rounded down, so that 100 means all."""
    return month.units_whole * 100 // month.units if month.units else 0


@cache
def _environment() -> "jinja2.Environment":
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.PackageLoader("evidence_kit.report.portfolio", "."),
        autoescape=True,
        finalize=shown,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    made.filters.update(
        number=lambda value: f"{value:,}", counted=words.count, instant=rfc3339, lasting=lasting, share=share
    )
    return made


@cache
def _style() -> Markup:
    return Markup((files("evidence_kit.report.portfolio") / "page.css").read_text(encoding="utf-8"))  # noqa: S704 - our own


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _more(rows: Sequence[object]) -> Markup:
    left = len(rows) - CAP
    return Markup("<p>and {} more: the JSON has all</p>").format(f"{left:,}") if left > 0 else Markup()


def _camel(value: object) -> object:
    if isinstance(value, Mapping):
        return {_name(str(name)): _camel(item) for name, item in value.items()}
    return [_camel(item) for item in value] if isinstance(value, list | tuple) else value


def _name(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
