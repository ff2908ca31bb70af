"""A MISP event: indicators that were found as attributes, the sealed artifacts that hold them as file objects.

Nothing is for detection and nothing is distributed unless whoever receives it decides so.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from evidence_kit.report.exports.derivation import NOTICE, Origin
from evidence_kit.report.exports.exporting import Document
from evidence_kit.report.exports.indicators import Indicator
from evidence_kit.report.exports.marking import misp_tag
from evidence_kit.report.exports.sightings import Seen, Sighted, Sightings, left_out

SAID = "MISP core format"
Thing = dict[str, object]
_NS = 1_000_000_000
_LISTED = 100  # seals named in the event; `derived-from.json` lists all
_OURS, _INHERITED = "0", "5"  # your organisation only; as the event
_UNDEFINED, _ONGOING = "4", "1"
# Kind → type and category of MISP. A fingerprint of a key is no hash of a file, so it must not read as one.
_TYPES: Mapping[str, tuple[str, str]] = {
    "address": ("ip-src", "Network activity"),
    "account": ("text", "Other"),
    "key": ("text", "Other"),
}
# From misp-objects: name, template, the version that these attributes are of, and the category.
_FILE = ("file", "688c46fb-5edb-40a3-8273-1af7923e2215", "25", "file")


def document(origin: Origin, sightings: Sightings, tlp: str, asked: Mapping[str, object], at: datetime) -> Document:
    """Return the event."""
    made = _Event(origin, at)
    return Document(
        name="event.json",
        form=SAID,
        data={"Event": made.event(sightings, tlp)},
        holds={
            "indicators": len(sightings.found),
            "sightings": sum(len(one.seen) for one in sightings.found),
        },
        left_out=left_out(sightings),
        asked=asked,
    )


@dataclass(frozen=True, slots=True)
class _Event:
    origin: Origin
    at: datetime

    def uuid(self, kind: str, *parts: str) -> str:
        return self.origin.namer.uuid(f"misp/{kind}", *parts)

    def event(self, sightings: Sightings, tlp: str) -> Thing:
        return {
            "uuid": self.uuid("event"),
            "info": f"Indicators found in case {self.origin.case}",
            "date": self.at.date().isoformat(),
            "timestamp": self._now,
            "threat_level_id": _UNDEFINED,
            "analysis": _ONGOING,
            "distribution": _OURS,
            "published": False,
            "Tag": [misp_tag(tlp)],
            "Attribute": [self._attribute(one) for one in sightings.found] + list(self._whence()),
            "Object": list(self._files(sightings)),
        }

    @property
    def _now(self) -> str:
        return str(int(self.at.timestamp()))

    def _attribute(self, sighted: Sighted) -> Thing:
        one = sighted.indicator
        kind, category = _TYPES[one.kind]
        return {
            **self._plain(kind, category, one.said, _comment(sighted), one.kind, one.value),
            "Sighting": list(self._sightings(sighted)),
        }

    def _plain(self, kind: str, category: str, value: str, comment: str, *parts: str) -> Thing:
        return {
            "uuid": self.uuid("attribute", kind, *parts),
            "type": kind,
            "category": category,
            "value": value,
            "to_ids": False,
            "disable_correlation": False,
            "distribution": _INHERITED,
            "timestamp": self._now,
            "comment": comment,
        }

    def _sightings(self, sighted: Sighted) -> Iterator[Thing]:
        """Yield one sighting an artifact, of its last record; `source` is short in MISP, so it names the digest."""
        for seen in sighted.seen:
            if seen.last_ns is not None:
                yield {
                    "uuid": self.uuid("sighting", sighted.indicator.kind, sighted.indicator.value, seen.artifact),
                    "type": "0",
                    "date_sighting": str(seen.last_ns // _NS),
                    "source": f"evidence-kit, case {self.origin.case}, artifact sha256 {seen.sha256}",
                }

    def _whence(self) -> Iterator[Thing]:
        log = self.origin.custody_log
        said = f"{log['origin']}, {log['size']} events, RFC 6962 root {log['root']}"
        yield self._plain("comment", "Internal reference", said, NOTICE, "log")
        for known in self.origin.acquisitions[:_LISTED]:
            seal = known["seal"]
            digest = f"seal sha256 {seal['sha256']}" if isinstance(seal, Mapping) else "not sealed"
            text = f"acquisition {known['id']}, {digest}"
            yield self._plain("comment", "Internal reference", text, "derived from it", str(known["id"]))

    def _files(self, sightings: Sightings) -> Iterator[Thing]:
        """Yield one object an artifact, with a reference to each attribute that stands in it."""
        held: dict[str, tuple[Seen, list[tuple[Indicator, Seen]]]] = {}
        for sighted in sightings.found:
            for seen in sighted.seen:
                held.setdefault(seen.artifact, (seen, []))[1].append((sighted.indicator, seen))
        for artifact, (first, stands) in held.items():
            yield self._file(artifact, first, stands)

    def _file(self, artifact: str, first: Seen, stands: list[tuple[Indicator, Seen]]) -> Thing:
        name, template, version, meta = _FILE
        key = self.uuid("object", artifact)
        lines = "; ".join(f"{one.kind} {one.said} on lines {seen.places}" for one, seen in stands)
        values = (("filename", "filename", artifact), ("sha256", "sha256", first.sha256))
        return {
            "uuid": key,
            "name": name,
            "meta-category": meta,
            "template_uuid": template,
            "template_version": version,
            "distribution": _INHERITED,
            "timestamp": self._now,
            "comment": f"{first.source} of {first.provider} {first.target}: {lines}",
            "Attribute": [
                {
                    **self._plain(kind, "Payload delivery", value, "", artifact, relation),
                    "object_relation": relation,
                    "disable_correlation": True,
                }
                for kind, relation, value in values
            ],
            "ObjectReference": [self._reference(key, one) for one, _ in stands],
        }

    def _reference(self, key: str, one: Indicator) -> Thing:
        return {
            "uuid": self.uuid("reference", key, one.kind, one.value),
            "object_uuid": key,
            "referenced_uuid": self.uuid("attribute", _TYPES[one.kind][0], one.kind, one.value),
            "relationship_type": "mentions",
            "timestamp": self._now,
            "comment": "",
        }


def _comment(sighted: Sighted) -> str:
    said = (
        f"{sighted.indicator.kind}; stands in {sighted.records:,} records of {sighted.artifacts:,} sealed artifacts"
    )
    if sighted.indicator.kind == "key":
        said += "; the SHA-256 of the key's id"
    if sighted.left_out:
        said += f"; {sighted.left_out:,} of the artifacts are not in this event"
    return f"{said}; whether it means harm is not said"
