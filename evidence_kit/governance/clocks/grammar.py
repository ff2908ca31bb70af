"""The clock set language, version 1: one table of fields for the parser, the JSON Schema and the reference."""

from datetime import date, time
from typing import cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from evidence_kit.governance.agreement import day, stated
from evidence_kit.governance.clocks.calendars import CALENDARS
from evidence_kit.governance.clocks.entry import STATUSES, Clock, Otherwise, Within
from evidence_kit.governance.clocks.readings import RULES
from evidence_kit.model.document import Document, Path, parse_document
from evidence_kit.model.grammar import Field, Shape, check, nested, schema_of
from evidence_kit.model.time import parse_period

API_VERSION = "evidence-kit/clocks.v1"
KIND = "ClockSet"
MOST_DAYS = 3660  # ten years: a longer one is a slip of the pen, and times have an end
_ID = r"[a-z0-9][a-z0-9._-]{0,63}"
WITHIN = Shape(
    {
        "elapsed": Field(help="time that passes day and night, such as `PT72H`", kind="period"),
        "businessDays": Field(help="days on which the authority works, by `calendar`", kind="int", least=1),
        "calendarDays": Field(help="days, weekends and holidays counted", kind="int", least=1),
        "months": Field(help="months", kind="int", least=1),
        "promptly": Field(help="the words, where there is no number: `without undue delay`"),
    },
    one_of=("elapsed", "businessDays", "calendarDays", "months", "promptly"),
)
OTHERWISE = Shape(
    {
        "within": nested("the other length", WITHIN, required=True),
        "says": Field(help="who says so", required=True),
    }
)
SOURCE = Shape(
    {
        "url": Field(help="where the provision stands", pattern=r"https://\S+", required=True),
        "read": Field(help="what was read, by which copy", required=True),
    }
)
CLOCK = Shape(
    {
        "id": Field(help="small letters, digits, `.`, `_`, `-`; at most 64", pattern=_ID, required=True),
        "title": Field(help="what has to be done", required=True),
        "authority": Field(help="who has to be told", required=True),
        "mustAct": Field(help="who has to tell them", required=True),
        "startsOn": Field(help="the event that starts it, in words; a person says when that was", required=True),
        "within": nested("how long there is", WITHIN, required=True),
        "after": Field(help="id of the clock that starts this one when it is met", pattern=_ID),
        "rules": Field(help="rules by which time is computed too", among=tuple(RULES), many=True),
        "calendar": Field(help="which holidays business days know", among=tuple(CALENDARS)),
        "closes": Field(help="until when the authority takes something in, local time: `17:30`"),
        "zones": Field(help="time zones in which its days may be counted; `UTC` if not said", many=True),
        "otherwise": nested("other lengths that a source gives", OTHERWISE, many=True),
        "content": Field(help="what has to be said", many=True),
        "source": nested("where it stands, and what of it was read", SOURCE, required=True),
        "reviewed": Field(help="day on which somebody last held it against its source", required=True),
        "status": Field(help="how sure we are of it", among=STATUSES, required=True),
        "notes": Field(help="where sources disagree, what else to know", many=True),
        "replaces": Field(help="`true` where it takes the place of an entry of the same id", kind="bool"),
    }
)
FILE = Shape(
    {
        "apiVersion": Field(help="the version of this language", among=(API_VERSION,), required=True),
        "kind": Field(help="what this file is", among=(KIND,), required=True),
        "name": Field(help="what the set is called", required=True),
        "clocks": nested("the clocks", CLOCK, required=True, many=True),
    }
)


def schema() -> dict[str, object]:
    """Return the JSON Schema of a clock set."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": KIND, **schema_of(FILE)}


def parse_file(text: bytes, *, name: str) -> tuple[Document, tuple[Clock, ...]]:
    """Read a clock set; UsageError says where it is wrong."""
    doc = parse_document(text, name=name)
    check(doc, (), FILE)
    stated(doc, ("name",))
    clocks = tuple(_clock(doc, ("clocks", index)) for index in range(len(doc.at(("clocks",), list))))
    if not clocks:
        raise doc.error(("clocks",), "a clock set without a clock")
    return doc, clocks


def replaces(doc: Document, index: int) -> bool:
    """Say whether an entry declares that it takes another's place."""
    return doc.at(("clocks", index, "replaces"), bool, default=False)


def _clock(doc: Document, at: Path) -> Clock:
    source = (*at, "source")
    return Clock(
        id=doc.at((*at, "id"), str),
        title=stated(doc, (*at, "title")),
        authority=stated(doc, (*at, "authority")),
        must_act=stated(doc, (*at, "mustAct")),
        starts_on=stated(doc, (*at, "startsOn")),
        within=_within(doc, (*at, "within")),
        status=doc.at((*at, "status"), str),
        source=doc.at((*source, "url"), str),
        was_read=stated(doc, (*source, "read")),
        reviewed=_reviewed(doc, (*at, "reviewed")),
        after=doc.at((*at, "after"), str, default=""),
        rules=_texts(doc, (*at, "rules")),
        calendar=doc.at((*at, "calendar"), str, default=""),
        closes=_closes(doc, (*at, "closes")),
        zones=_zones(doc, (*at, "zones")),
        otherwise=_otherwise(doc, (*at, "otherwise")),
        content=_texts(doc, (*at, "content")),
        notes=_texts(doc, (*at, "notes")),
    )


def _texts(doc: Document, at: Path) -> tuple[str, ...]:
    return tuple(stated(doc, (*at, index)) for index in range(len(doc.at(at, list, default=[]))))


def _within(doc: Document, at: Path) -> Within:
    said = doc.at((*at, "elapsed"), str, default="")
    elapsed = parse_period(said) if said else None
    counts = [doc.at((*at, name), int, default=0) for name in ("businessDays", "calendarDays", "months")]
    days = max(*counts[:2], counts[2] * 31, elapsed.days if elapsed else 0)
    if days > MOST_DAYS:
        raise doc.error(at, f"a clock of more than {MOST_DAYS:,} days")
    if elapsed is not None and not elapsed:
        raise doc.error((*at, "elapsed"), "no time at all", hint="`promptly: immediately` where there is no number")
    promptly = stated(doc, (*at, "promptly")) if doc.at((*at, "promptly"), object, default=None) is not None else ""
    return Within(
        elapsed=elapsed, business_days=counts[0], calendar_days=counts[1], months=counts[2], promptly=promptly
    )


def _reviewed(doc: Document, at: Path) -> date:
    return cast("date", day(doc, at) if stated(doc, at) else None)


def _closes(doc: Document, at: Path) -> time | None:
    said = doc.at(at, str, default="")
    try:
        return time.fromisoformat(said) if said else None
    except ValueError as error:
        raise doc.error(at, f"`{said}` is not a time of day", hint='write `"17:30"`') from error


def _zones(doc: Document, at: Path) -> tuple[str, ...]:
    found = _texts(doc, at)
    for index, zone in enumerate(found):
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            hint = "a name of the tz database, such as `Europe/Brussels`"
            raise doc.error((*at, index), f"`{zone}` is not a time zone", hint=hint) from error
    return found or ("UTC",)


def _otherwise(doc: Document, at: Path) -> tuple[Otherwise, ...]:
    places = [(*at, index) for index in range(len(doc.at(at, list, default=[])))]
    return tuple(Otherwise(_within(doc, (*one, "within")), stated(doc, (*one, "says"))) for one in places)
