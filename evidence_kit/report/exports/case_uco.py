"""CASE/UCO 1.5 as JSON-LD: the case, who and what acquired, each acquisition, the artifacts with their digests.

The graph is bounded: readers check one node after another, and a case has more artifacts than they can. Every
acquisition's manifest is a node with its digest, so that what is left out is still bound by what is not.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from evidence_kit.analysis.history import Told
from evidence_kit.analysis.records.record import Artifact
from evidence_kit.analysis.summaries import part
from evidence_kit.analysis.tables.sealed import artifacts
from evidence_kit.custody import bag, log
from evidence_kit.custody.verify import files
from evidence_kit.errors import EmptyError
from evidence_kit.model.ports import Vault
from evidence_kit.report.exports.derivation import NOTICE, Origin
from evidence_kit.report.exports.exporting import Document

SAID = "CASE/UCO 1.5.0, JSON-LD 1.1"
USUAL = 100  # artifacts; a checker takes seconds for these, and minutes for a thousand
MOST = 10_000
_BASE = "https://evidence-kit.dev/kb/"
_CASE = "https://ontology.caseontology.org/case/"
_UCO = "https://ontology.unifiedcyberontology.org/uco/"
_CONTEXT: Mapping[str, str] = {
    "kb": _BASE,
    "case-investigation": f"{_CASE}investigation/",
    "uco-action": f"{_UCO}action/",
    "uco-core": f"{_UCO}core/",
    "uco-identity": f"{_UCO}identity/",
    "uco-observable": f"{_UCO}observable/",
    "uco-tool": f"{_UCO}tool/",
    "uco-types": f"{_UCO}types/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
Node = dict[str, object]
Ref = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """How many artifacts, and which: globs over their paths, or SHA-256 digests; all without any."""

    most: int = USUAL
    chosen: tuple[str, ...] = ()

    def named(self, one: Artifact) -> set[str]:
        """Return by which of the words that choose an artifact is asked for."""
        return {said for said in self.chosen if one.sha256 == said or fnmatchcase(one.path, said)}


def document(vault: Vault, origin: Origin, bound: Bound) -> Document:
    """Return the graph."""
    graph = _Graph(vault, origin, bound)
    nodes = graph.build()
    graph.require_found()
    left = {name: count for name, count in graph.left.items() if count}
    said: dict[str, object] = {"artifactsByAcquisition": left} if left else {}
    return Document(
        name="case.jsonld",
        form=SAID,
        data={"@context": dict(_CONTEXT), "@graph": nodes},
        holds={"acquisitions": len(origin.state.acquisitions), "artifacts": graph.held},
        left_out=said,
        asked={"most": bound.most, "artifacts": list(bound.chosen)},
    )


@dataclass(slots=True)
class _Graph:
    vault: Vault
    origin: Origin
    bound: Bound
    held: int = 0
    named: set[str] = field(default_factory=set)
    left: dict[str, int] = field(default_factory=dict)
    people: dict[str, Node] = field(default_factory=dict)
    tools: dict[str, Node] = field(default_factory=dict)

    def build(self) -> list[Node]:
        """Return all nodes; the investigation names every one that others do not hold."""
        nodes = [node for known in self.origin.state.acquisitions.values() for node in self._acquired(known)]
        authority = self._authorization()
        nodes = [*authority, *self.people.values(), *self.tools.values(), *nodes]
        return [self._investigation(nodes, authority), *nodes]

    def require_found(self) -> None:
        """Raise EmptyError if something that was asked for is in no acquisition."""
        for said in self.bound.chosen:
            if said not in self.named:
                raise EmptyError(
                    f"no artifact of this case is `{said[:200]}`",
                    hint='`evidence-kit query CASE "SELECT artifact, sha256 FROM manifest"` lists them',
                )

    def _id(self, kind: str, *parts: str) -> str:
        return f"kb:{kind}-{self.origin.namer.uuid(f'case/{kind}', *parts)}"

    def _investigation(self, nodes: Sequence[Node], authority: Sequence[Node]) -> Node:
        log_head = self.origin.custody_log
        whence = f"Custody log {log_head['origin']}: {log_head['size']} events, RFC 6962 root {log_head['root']}."
        told = [text for text in (self.origin.text("purpose"), whence, NOTICE, self._said_left()) if text]
        node: Node = {
            "@id": self._id("investigation"),
            "@type": "case-investigation:Investigation",
            "uco-core:name": f"{self.origin.case}: {self.origin.text('title')}".removesuffix(": "),
            "uco-core:description": told,
            "uco-core:object": [_ref(one) for one in nodes],
        }
        if authority:
            node["case-investigation:relevantAuthorization"] = [_ref(one) for one in authority]
        return node

    def _said_left(self) -> str:
        left = sum(self.left.values())
        if not left:
            return ""
        return f"{left:,} artifacts are not in this graph; the manifest of each acquisition lists them all."

    def _authorization(self) -> list[Node]:
        kind, said = self.origin.text("authority", "type"), self.origin.text("legalAuthority")
        identifier = self.origin.text("authority", "identifier")
        if not (kind or said or identifier):
            return []
        node: Node = {
            "@id": self._id("authorization"),
            "@type": "case-investigation:Authorization",
            "case-investigation:authorizationType": kind or "not stated",
        }
        if said:
            node["uco-core:description"] = said
        if identifier:
            node["case-investigation:authorizationIdentifier"] = identifier
        for name, place in (("startTime", "validFrom"), ("endTime", "validUntil")):
            if at := self.origin.text("authority", place):
                node[f"uco-core:{name}"] = _time(at)
        return [node]

    def _person(self, told: Told) -> Ref:
        key = self._id("person", told.keyid)
        self.people.setdefault(
            key,
            {
                "@id": key,
                "@type": "uco-identity:Person",
                "uco-core:name": told.actor,
                "uco-core:description": f"signs with key {told.keyid}",
            },
        )
        return {"@id": key}

    def _tool(self, told: Told) -> Ref:
        said = str(told.fields.get("tool") or "not recorded")
        name, _, version = said.partition(" ")
        key = self._id("tool", said)
        node: Node = {"@id": key, "@type": "uco-tool:Tool", "uco-core:name": name}
        self.tools.setdefault(key, node | ({"uco-tool:version": version} if version else {}))
        return {"@id": key}

    def _acquired(self, known: log.Acquisition) -> Iterator[Node]:
        """Yield what one acquisition made, then the action itself."""
        started, sealed = self._events(known)
        results = [
            *self._manifest(known),
            *(node for one in self._taken(known) for node in self._artifact(known, one)),
        ]
        yield from results
        order = part(started.fields, "acquisition", "order")
        said = [f"sources: {', '.join(map(str, _list(order, 'sources')))}"] if _list(order, "sources") else []
        said += [f"seal SHA-256 {known.seal_sha256}" if known.seal_sha256 else "not sealed"]
        if left := self.left.get(known.id):
            said.append(f"{left:,} artifacts of this acquisition are not in this graph")
        node: Node = {
            "@id": self._id("investigative-action", known.id),
            "@type": "case-investigation:InvestigativeAction",
            "uco-core:name": f"acquisition {known.id}",
            "uco-core:description": said,
            "uco-action:startTime": _time(started.at),
            "uco-action:performer": self._person(started),
            "uco-action:instrument": [self._tool(started)],
        }
        if sealed:
            node["uco-action:endTime"] = _time(sealed.at)
        if results:
            node["uco-action:result"] = [_ref(one) for one in results]
        yield node

    def _events(self, known: log.Acquisition) -> tuple[Told, Told | None]:
        about = [one for one in self.origin.events if part(one.fields, "acquisition").get("id") == known.id]
        started = next(one for one in about if one.type == log.STARTED)
        return started, next((one for one in about if one.type == log.SEALED), None)

    def _manifest(self, known: log.Acquisition) -> list[Node]:
        path = f"{known.bag}/{bag.MANIFEST}"
        if (entry := self.vault.stat(path)) is None:
            return []
        sha256, _ = files.digest(self.vault, path)
        said = f"lists every artifact of acquisition {known.id} with its SHA-256"
        exhibit = self.origin.text("exhibit", "id")
        return self._exhibit(path, sha256, entry.size, said, exhibit=exhibit)

    def _taken(self, known: log.Acquisition) -> list[Artifact]:
        """Return the first artifacts, one share of the bound; or those that are asked for, as far as it goes."""
        room = self.bound.most - self.held
        each = max(1, self.bound.most // max(1, len(self.origin.state.acquisitions)))
        share = room if self.bound.chosen else min(room, each)
        taken: list[Artifact] = []
        whole = 0
        for one in artifacts(self.vault, known.bag):
            whole += 1
            named = self.bound.named(one)
            self.named |= named
            if len(taken) < share and (named or not self.bound.chosen):
                taken.append(one)
        self.held += len(taken)
        self.left[known.id] = whole - len(taken)
        return taken

    def _artifact(self, known: log.Acquisition, one: Artifact) -> list[Node]:
        where = " ".join(part for part in (one.provider, one.target, one.region) if part)
        said = f"{one.source} of {where}, acquisition {known.id}, byte for byte as received"
        return self._exhibit(one.path, one.sha256, one.bytes, said)

    def _exhibit(self, path: str, sha256: str, size: int, said: str, *, exhibit: str = "") -> list[Node]:
        """Return a file with its digest, and the record of where it comes from."""
        file: Node = {
            "@id": self._id("file", path),
            "@type": "uco-observable:ObservableObject",
            "uco-core:hasFacet": [
                {
                    "@id": self._id("file-facet", path),
                    "@type": "uco-observable:FileFacet",
                    "uco-observable:fileName": path.rpartition("/")[2],
                    "uco-observable:filePath": path,
                    "uco-observable:sizeInBytes": _typed("integer", str(size)),
                },
                {
                    "@id": self._id("content-data-facet", path),
                    "@type": "uco-observable:ContentDataFacet",
                    "uco-observable:sizeInBytes": _typed("integer", str(size)),
                    "uco-observable:hash": [
                        {
                            "@id": self._id("hash", path),
                            "@type": "uco-types:Hash",
                            "uco-types:hashMethod": "SHA256",
                            "uco-types:hashValue": _typed("hexBinary", sha256),
                        }
                    ],
                },
            ],
        }
        record: Node = {
            "@id": self._id("provenance-record", path),
            "@type": "case-investigation:ProvenanceRecord",
            "uco-core:description": said,
            "uco-core:object": [_ref(file)],
        }
        if exhibit:
            record["case-investigation:exhibitNumber"] = exhibit
        return [file, record]


def _ref(node: Node) -> Ref:
    return {"@id": str(node["@id"])}


def _typed(kind: str, value: str) -> Ref:
    return {"@type": f"xsd:{kind}", "@value": value}


def _time(at: str) -> Ref:
    return _typed("dateTime", at)


def _list(said: Mapping[str, object], name: str) -> list[object]:
    value = said.get(name)
    return value if isinstance(value, list) else []
