"""The pages that the server gives: plain HTML without scripts, what a case says as text and nothing else."""

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from markupsafe import Markup

from evidence_kit.report.browse.shelf import Rows, Shelf, rows
from evidence_kit.report.case.doings import Moment
from evidence_kit.report.case.holding import Artifact, Finding
from evidence_kit.report.case.model import Event
from evidence_kit.report.case.safe import shown

if TYPE_CHECKING:
    import jinja2

_LINKS = (
    ("overview", "./"),
    ("artifacts", "artifacts"),
    ("findings", "findings"),
    ("time line", "timeline"),
    ("custody", "custody"),
    ("all cases", "../../"),
)
_STYLE = "page.css"


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a table; `href` is ours."""

    text: str
    href: str = ""


def index(shelves: Sequence[Shelf]) -> str:
    """Return the page of all cases."""
    listed = ((Cell(shelf.name, f"case/{number}/"),) for number, shelf in enumerate(shelves))
    return _page(title="Cases", caption="Cases that are served", titles=("case",), rows=listed)


def overview(shelf: Shelf, _: int, __: str) -> str:
    """Return a case in numbers."""
    tally = shelf.tally()[0]
    units, missing = shelf.units()
    told = shelf.told
    facts: Mapping[str, str] = {
        "artifacts": f"{tally.artifacts:,}",
        "bytes": f"{tally.bytes:,}",
        "records counted on arrival": f"{tally.records:,}",
        "findings": f"{len(tally.findings):,}",
        "units of work": f"{units:,}",
        "of them not in full": f"{missing:,}",
        "acquisitions": f"{len(told.state.acquisitions):,}",
        "custody events": f"{len(told.events):,}",
        "in custody of": told.state.custody.holder.name,
    }
    listed = ((Cell(name), Cell(text)) for name, text in facts.items())
    titles, notes = ("what", "how many"), _unread(shelf)
    return _of_case(shelf, "overview", caption="In numbers", titles=titles, rows=listed, notes=notes)


def artifacts(shelf: Shelf, page: int, wanted: str) -> str:
    """Return one page of artifacts."""
    found = shelf.artifacts(page, wanted)
    titles = ("file", "bytes", "SHA-256", "source", "target", "received", "stands in")
    return _paged(shelf, "artifacts", found, titles, _artifact, search=wanted, notes=_unread(shelf))


def findings(shelf: Shelf, page: int, _: str) -> str:
    """Return one page of what providers' records say is missing."""
    titles = ("kind", "what", "source", "unit", "stands in")
    found = rows(shelf.tally()[0].findings, page)
    return _paged(shelf, "findings", found, titles, _finding, notes=_unread(shelf))


def timeline(shelf: Shelf, page: int, _: str) -> str:
    """Return one page of the records in the order of time."""
    found = shelf.incident()
    notes = [f"There is no time line: {found.absent}."] if found.absent else []
    notes += [f"{found.left_out:,} more are not shown; `evidence-kit timeline` gives all."] if found.left_out else []
    titles = ("time", "source", "action", "actor", "address", "resource", "outcome", "stands in")
    return _paged(shelf, "time line", rows(found.moments, page), titles, _moment, notes=notes)


def custody(shelf: Shelf, page: int, _: str) -> str:
    """Return one page of the custody log."""
    titles = ("event", "at", "type", "by", "what", "key")
    return _paged(shelf, "custody", rows(shelf.told.events, page), titles, _event, notes=_unread(shelf))


PARTS: Mapping[str, Callable[[Shelf, int, str], str]] = {
    "": overview,
    "artifacts": artifacts,
    "findings": findings,
    "timeline": timeline,
    "custody": custody,
}


def policy() -> str:
    """Return the policy of every page: our own style, forms to ourselves, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    ours = f"style-src 'sha256-{digest}'; form-action 'self'"
    return f"default-src 'none'; {ours}; base-uri 'none'; frame-ancestors 'none'"


def _unread(shelf: Shelf) -> list[str]:
    """Return what of a case cannot be read, for whatever follows it is missing from the tables."""
    return [f"Not readable: {one.part}: {one.why}" for one in (*shelf.tally()[1], *shelf.told.unread)]


# -- rows --------------------------------------------------------------------------------------------------------


def _artifact(one: Artifact) -> tuple[str, ...]:
    return (one.path, f"{one.bytes:,}", one.sha256, one.source, one.target, one.received_at, str(one.pointer))


def _finding(one: Finding) -> tuple[str, ...]:
    return (one.kind, one.message, one.source, one.unit, str(one.pointer))


def _moment(one: Moment) -> tuple[str, ...]:
    return (one.at, one.source, one.action, one.actor, one.address, one.resource, one.outcome, str(one.pointer))


def _event(one: Event) -> tuple[str, ...]:
    return (str(one.seq), one.at, one.type, one.actor, one.summary, one.keyid)


def _paged(
    shelf: Shelf,
    part: str,
    found: Rows,
    titles: Sequence[str],
    cells: Callable[..., tuple[str, ...]],
    *,
    search: str | None = None,
    notes: Sequence[str] = (),
) -> str:
    def link(page: int) -> str:
        return "?" + urlencode({"page": page, **({"q": search} if search else {})})

    return _of_case(
        shelf,
        part,
        caption=f"{part}, page {found.page}",
        titles=titles,
        rows=(tuple(map(Cell, cells(one))) for one in found.rows),
        notes=notes,
        search=search,
        before=link(found.page - 1) if found.page > 1 else "",
        after=link(found.page + 1) if found.has_next else "",
    )


def _of_case(shelf: Shelf, part: str, *, rows: Iterable[Sequence[Cell]], **given: object) -> str:
    return _page(title=f"Case {shelf.name}", part=part, links=_LINKS, rows=rows, **given)


def _page(*, rows: Iterable[Sequence[Cell]], **given: object) -> str:
    usual = {"part": "", "links": (), "notes": (), "search": None, "before": "", "after": ""}
    return _environment().get_template("page.html").render({**usual, **given, "rows": list(rows), "style": _style()})


@cache
def _environment() -> "jinja2.Environment":
    import jinja2

    return jinja2.Environment(
        loader=jinja2.PackageLoader("evidence_kit.report.browse", "."),
        autoescape=True,
        finalize=shown,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )


@cache
def _style() -> Markup:
    return Markup((files("evidence_kit.report.portfolio") / _STYLE).read_text(encoding="utf-8"))  # noqa: S704 - our own
