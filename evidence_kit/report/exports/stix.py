"""STIX 2.1: indicators that were found, each sighting pointing to a sealed artifact, its SHA-256 and its lines.

An indicator here says that a value stands in the evidence, and nothing of whether it means harm.
"""

import ipaddress
import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from evidence_kit.analysis.moments import micros
from evidence_kit.model.time import rfc3339
from evidence_kit.report.exports.derivation import NOTICE, Origin
from evidence_kit.report.exports.exporting import Document
from evidence_kit.report.exports.indicators import Indicator
from evidence_kit.report.exports.marking import stix_marking
from evidence_kit.report.exports.sightings import Seen, Sighted, Sightings, left_out

SAID = "STIX 2.1, TLP 2.0"
Thing = Mapping[str, object]
_OBSERVABLES = uuid.UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")  # STIX 2.1, section 2.9
_MOST = 999_999_999  # what STIX lets a count be
_LISTED = 100  # seals in the report; `derived-from.json` lists all


def document(origin: Origin, sightings: Sightings, tlp: str, asked: Mapping[str, object], at: datetime) -> Document:
    """Return the bundle."""
    bundle = _Bundle(origin, stix_marking(tlp), at)
    objects = list(bundle.objects(sightings))
    return Document(
        name="bundle.json",
        form=SAID,
        data={"type": "bundle", "id": f"bundle--{bundle.uuid('bundle', rfc3339(at))}", "objects": objects},
        holds={
            "indicators": len(sightings.found),
            "sightings": sum(len(one.seen) for one in sightings.found),
        },
        left_out=left_out(sightings),
        asked=asked,
    )


@dataclass(frozen=True, slots=True)
class _Bundle:
    origin: Origin
    marking: Thing
    at: datetime

    def uuid(self, kind: str, *parts: str) -> str:
        return self.origin.namer.uuid(f"stix/{kind}", *parts)

    def objects(self, sightings: Sightings) -> Iterator[Thing]:
        """Yield every object once; what is the same thing has the same id."""
        made: dict[str, Thing] = {}
        for one in self._all(sightings):
            made.setdefault(str(one["id"]), one)
        yield self.marking
        yield from made.values()
        yield self._report(list(made))

    def _all(self, sightings: Sightings) -> Iterator[Thing]:
        yield self._author()
        for sighted in sightings.found:
            observable = self._observable(sighted.indicator)
            yield observable
            yield self._indicator(sighted)
            for seen in sighted.seen:
                yield from self._sighting(sighted, seen, str(observable["id"]))

    def _domain(self, kind: str, *parts: str, **fields: object) -> Thing:
        """Return a domain object: made when the case was opened, so that a later export is a later version of it."""
        return {
            "type": kind,
            "spec_version": "2.1",
            "id": f"{kind}--{self.uuid(kind, *parts)}",
            "created_by_ref": f"identity--{self.uuid('identity', 'case')}",
            "created": _millis(self.origin.opened_at),
            "modified": _millis(self.at),
            "object_marking_refs": [self.marking["id"]],
            **fields,
        }

    def _author(self) -> Thing:
        made = dict(
            self._domain("identity", "case", name=f"evidence-kit, case {self.origin.case}", identity_class="system")
        )
        del made["created_by_ref"]
        return made

    def _target(self, seen: Seen) -> Thing:
        name = f"{seen.provider} {seen.target}".strip() or "unknown"
        return self._domain("identity", seen.provider, seen.target, name=name, identity_class="system")

    def _observable(self, one: Indicator) -> Thing:
        if one.kind == "address":
            kind = f"ipv{ipaddress.ip_address(one.value).version}-addr"
            return self._cyber(kind, {"value": one.value})
        if one.kind == "key":
            return self._cyber("user-account", {"user_id": one.said, "account_type": _KEY})
        return self._cyber("user-account", {"user_id": one.said})

    def _cyber(self, kind: str, naming: Mapping[str, object], **fields: object) -> Thing:
        """Return a cyber-observable; its id follows from what names it, in whatever case it was seen."""
        text = json.dumps(naming, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return {
            "type": kind,
            "spec_version": "2.1",
            "id": f"{kind}--{uuid.uuid5(_OBSERVABLES, text)}",
            "object_marking_refs": [self.marking["id"]],
            **naming,
            **fields,
        }

    def _indicator(self, sighted: Sighted) -> Thing:
        one = sighted.indicator
        opened = rfc3339(self.origin.opened_at)
        return self._domain(
            "indicator",
            one.kind,
            one.value,
            name=f"{one.kind} {one.said}",
            description=_described(sighted),
            indicator_types=["unknown"],
            pattern=_pattern(one),
            pattern_type="stix",
            valid_from=opened if sighted.first_ns is None else micros(sighted.first_ns),
        )

    def _sighting(self, sighted: Sighted, seen: Seen, observable: str) -> Iterator[Thing]:
        one, target = sighted.indicator, self._target(seen)
        yield target
        file = self._cyber("file", {"hashes": {"SHA-256": seen.sha256}, "name": seen.artifact})
        yield file
        if seen.first_ns is None or seen.last_ns is None:
            return  # what has no time can be pointed to, and cannot be said to have been observed at any
        span = {"first": micros(seen.first_ns), "last": micros(seen.last_ns)}
        count = min(seen.records - seen.untimed, _MOST)
        place = {
            "source_name": f"evidence-kit, case {self.origin.case}",
            "description": f"{seen.source}, lines {seen.places}",
            "external_id": f"{seen.artifact}:{seen.lines[0] if seen.lines else 0}",
            "hashes": {"SHA-256": seen.sha256},
        }
        observed = self._domain(
            "observed-data",
            one.kind,
            one.value,
            seen.artifact,
            first_observed=span["first"],
            last_observed=span["last"],
            number_observed=count,
            object_refs=[observable, str(file["id"])],
            external_references=[place],
        )
        yield observed
        yield self._domain(
            "sighting",
            one.kind,
            one.value,
            seen.artifact,
            first_seen=span["first"],
            last_seen=span["last"],
            count=count,
            sighting_of_ref=f"indicator--{self.uuid('indicator', one.kind, one.value)}",
            observed_data_refs=[observed["id"]],
            where_sighted_refs=[target["id"]],
            external_references=[place],
        )

    def _report(self, refs: list[str]) -> Thing:
        """Return what says of the whole what it derives from, also where the statement beside it is lost."""
        log = self.origin.custody_log
        whence = [
            {
                "source_name": "evidence-kit custody log",
                "external_id": str(log["origin"]),
                "description": f"{log['size']} events, RFC 6962 root {log['root']}",
            }
        ]
        for known in self.origin.acquisitions[:_LISTED]:
            seal = known["seal"]
            digest = f"seal SHA-256 {seal['sha256']}" if isinstance(seal, Mapping) else "not sealed"
            whence.append(
                {"source_name": "evidence-kit acquisition", "external_id": str(known["id"]), "description": digest}
            )
        return self._domain(
            "report",
            "case",
            name=f"Indicators found in case {self.origin.case}",
            description=NOTICE,
            report_types=["indicator", "observed-data"],
            published=rfc3339(self.at),
            object_refs=refs,
            external_references=whence,
        )


_KEY = "access-key"


def _millis(moment: datetime) -> str:
    """Return an instant to the millisecond, as STIX wants the times of its objects."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def _pattern(one: Indicator) -> str:
    value = one.said.replace("\\", "\\\\").replace("'", "\\'")
    if one.kind == "address":
        return f"[ipv{ipaddress.ip_address(one.value).version}-addr:value = '{value}']"
    if one.kind == "key":
        return f"[user-account:account_type = '{_KEY}' AND user-account:user_id = '{value}']"
    return f"[user-account:user_id = '{value}']"


def _described(sighted: Sighted) -> str:
    said = f"Stands in {sighted.records:,} records of {sighted.artifacts:,} sealed artifacts."
    if sighted.left_out:
        said += f" {sighted.left_out:,} of the artifacts are not in this bundle."
    if sighted.untimed:
        said += f" {sighted.untimed:,} of the records have no time."
    if sighted.indicator.kind == "key":
        said += " The value is the SHA-256 of the key's id."
    return f"{said} Whether it means harm is not said."
