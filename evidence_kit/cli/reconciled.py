"""Disagreements and silences as text and as plain data, for `coverage`."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from evidence_kit.cli import output
from evidence_kit.model.time import rfc3339

if TYPE_CHECKING:
    from evidence_kit.analysis.reconciliation import Disagreement
    from evidence_kit.analysis.silence import Silence

_SHOWN = 3  # ids and artifacts in text; `--json` has more


def lines(found: "Sequence[Disagreement]", silent: "Sequence[Silence]") -> Iterator[str]:
    """Yield each disagreement and each silence with where it is and what it is about."""
    for one in found:
        where = " ".join(part for part in one.place if part)
        yield f"{one.kind.replace('_', ' '):20} {where}: {one.message}"
        if one.first:
            rest = one.count - min(len(one.first), _SHOWN)
            more = f" and {rest:,} more" if rest > 0 else ""
            yield f"{'':20}   {', '.join(one.first[:_SHOWN])}{more}"
        for path in one.artifacts[:_SHOWN]:
            yield f"{'':20}   {path}"
        if len(one.artifacts) > _SHOWN:
            yield f"{'':20}   and {output.plural(len(one.artifacts) - _SHOWN, 'more artifact')}; `--json` names them"
    for hush in silent:
        where = " ".join(part for part in (hush.target, hush.region, hush.stream) if part)
        span = f"{rfc3339(hush.window.start)} – {rfc3339(hush.window.end)}"
        yield f"{'silent':20} {hush.source} {where}: {span}: {hush.basis}"
        for reason in hush.explanations:
            yield f"{'':20}   may be because: {reason}"
        if not hush.explanations:
            yield f"{'':20}   nothing collected explains it: deleted records look like this, and so does a pause"


def as_json(found: "Sequence[Disagreement]", silent: "Sequence[Silence] | None") -> dict[str, object]:
    """Return all of it as plain data; `silences` is null where nobody looked."""
    return {
        "disagreements": [_as_json(one) for one in found],
        "silences": None
        if silent is None
        else [
            {
                "name": "silent",
                "source": one.source,
                "target": one.target,
                "region": one.region,
                "stream": one.stream,
                "window": one.window.to_json(),
                "hours": one.hours,
                "basis": one.basis,
                "explanations": list(one.explanations),
            }
            for one in silent
        ],
    }


def _as_json(one: "Disagreement") -> dict[str, object]:
    return {
        "name": one.kind,
        **one.place._asdict(),
        "unit": one.unit,
        "message": one.message,
        "count": one.count,
        "firstIds": list(one.first),
        "idsNotShown": one.more,
        "artifacts": list(one.artifacts),
        "facts": dict(one.facts),
    }
