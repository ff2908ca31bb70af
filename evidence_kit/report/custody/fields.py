"""The fields of a defensible custody record, and where in a case each stands: one table for record and page.

Groups and fields follow what courts and standards ask for: FRE 901 and 902(11), (13), (14), 28 USC 1746,
ISO/IEC 27037, NIST SP 800-86, ACPO and SWGDE.
"""

from collections.abc import Iterator, Mapping

from evidence_kit.custody import log
from evidence_kit.report.custody.certification import certification
from evidence_kit.report.custody.chain import chain
from evidence_kit.report.custody.spec import ACQUISITION, LEDGER, MANIFEST, SEAL, Spec, case, event, of, said

GROUPS: Mapping[str, str] = {
    "item": "what it is",
    "origin": "where it comes from",
    "people": "who",
    "time": "when",
    "place": "where",
    "authority": "why, and by what right",
    "method": "how",
    "integrity": "integrity",
    "custody": "chain of custody",
    "storage": "storage",
    "disposition": "disposition",
    "certification": "certification",
}


def _item() -> Iterator[Spec]:
    yield from case("item", case_id="id", case_UUID="uuid", title="title")
    yield from said("item", "exhibit.")
    yield of("item", SEAL, "acquisition id", "predicate.acquisition")
    yield of("item", ACQUISITION, "kinds of source", "order.sources[]")
    yield of("item", SEAL, "artifacts", "predicate.artifacts.size")
    yield of("item", SEAL, "bytes.files", "predicate.payloadOxum")


def _origin() -> Iterator[Spec]:
    yield of("origin", ACQUISITION, "provider and account", "order.targets[].{provider,id,name}")
    yield of("origin", LEDGER, "product or API", "sources[].{name,mechanism}")
    yield of("origin", ACQUISITION, "regions (none: all)", "order.targets[].{id,regions}")
    yield of("origin", ACQUISITION, "parameters", "order.params")
    yield of("origin", ACQUISITION, "time window asked for", "order.window")
    yield of("origin", ACQUISITION, "what came of it", "units[]", "units")
    yield of("origin", ACQUISITION, "gaps and remarks", "units[].findings[]", "units")
    for label, path in {
        "time window returned": "artifact.{firstEvent,lastEvent}",
        "endpoint host": "request.host",
        "query as sent": "request.{method,path,operation,params,digest}",
        "resource": "artifact.{originalName,object}",
        "pages and cursors": "artifact.{page,cursor,records}",
        "provider's request id": "requestId",
        "HTTP status": "status",
        "headers and checksums": "headers",
        "TLS certificate seen": "peer",
    }.items():
        yield of("origin", LEDGER, label, path, "lines")


def _people() -> Iterator[Spec]:
    yield from case("people", examiner="examiner.name", key_of_the_examiner="examiner.keyid")
    yield from said("people", "examiner.", "secondPerson.", "principals")
    yield event("people", "examiner's certificate", log.OPENED, "actor.certificate", "present")
    yield event("people", "countersigned by", log.COUNTERSIGNED, "actor.name")
    yield of("people", log.CHECKPOINT, "log signed by", "signatures[].name")
    yield of("people", ACQUISITION, "collected by", "examiner.{name,keyid}")
    yield of("people", ACQUISITION, "role or profile used", "order.targets[].{id,access}")
    yield of("people", ACQUISITION, "known to the provider as", "principals")


def _time() -> Iterator[Spec]:
    yield from case("time", case_opened="openedAt", local_offset_from_UTC="localOffset")
    yield event("time", "time-stamps", log.TIMESTAMPED, "timestamps[].{of,genTime,authority,serial,policy,result}")
    yield of("time", LEDGER, "acquisition started", "at")
    yield of("time", SEAL, "acquisition sealed", "predicate.sealedAt")
    yield of("time", ACQUISITION, "local offset of collection", "localOffset")
    yield of("time", ACQUISITION, "clock kept by", "clock.local.{source,synchronized,maxErrorMicroseconds}")
    yield of("time", ACQUISITION, "providers' clocks, ahead", "clock.providers[].{name,samples,min,median,max}")


def _place() -> Iterator[Spec]:
    yield from case("place", host_of_opening="host")
    yield from said("place", "location.", "jurisdictions", "dataResidency")
    yield of("place", ACQUISITION, "host of collection", "environment.host")
    yield of("place", ACQUISITION, "operating system", "environment.platform")


def _authority() -> Iterator[Spec]:
    yield from said("authority", "purpose", "legalAuthority", "authority.")


def _method() -> Iterator[Spec]:
    yield of("method", ACQUISITION, "tool", "environment.tool")
    yield of("method", ACQUISITION, "digest of the tool", "environment.distribution.{name,version,record}")
    yield of("method", ACQUISITION, "interpreter", "environment.python")
    yield of("method", ACQUISITION, "libraries", "environment.libraries")
    yield of("method", LEDGER, "collector configuration", "sources[].{name,mechanism,digest}")
    yield of("method", ACQUISITION, "command line", "commandLine", "command")
    yield of("method", LEDGER, "every call made", "request.operation", "lines")
    yield of("method", LEDGER, "retries", "attempt", "lines")
    yield of("method", LEDGER, "errors", "error", "lines")
    yield event("method", "interruptions", log.RESUMED, "acquisition.{id,keyid}")
    yield event("method", "repairs of the log", log.REPAIRED, "torn.bytes")
    yield event("method", "deviations and remarks", log.NOTE, "note")


def _integrity() -> Iterator[Spec]:
    yield of("integrity", MANIFEST, "artifacts' digests", "every line", "manifest")
    yield of("integrity", SEAL, "sealed digests", "subject[].{name,digest}")
    yield of("integrity", SEAL, "artifacts' Merkle root", "predicate.artifacts.root")
    yield of("integrity", SEAL, "ledger size and head", "predicate.ledger.{size,head}")
    yield of("integrity", SEAL, "signer of the seal", "dsseEnvelope.signatures[].keyid")
    yield of("integrity", SEAL, "signature", "dsseEnvelope.signatures[].sig")
    yield of("integrity", log.CHECKPOINT, "log size and root", "{size,root}")
    yield event("integrity", "verified on acceptance", log.ACCEPTED, "received.{verdict,defects,checkedFrom}")
    yield event("integrity", "verified", log.VERIFIED, "verification.{verdict,defects}")
    yield event("integrity", "digests renewed", log.RENEWED, "renewal.{algorithm,sha512,files,reason}")


def _storage() -> Iterator[Spec]:
    yield from said("storage", "storage.")
    yield event("storage", "kept at", log.ACCEPTED, "received.location")
    yield event("storage", "copies encrypted to", log.EXPORTED, "export.recipients")
    yield event("storage", "holds placed", log.HELD, "hold.{id,reason,authority}")
    yield event("storage", "holds released", log.RELEASED, "hold.{id,reason,authority}")


def _disposition() -> Iterator[Spec]:
    yield from said("disposition", "retention", "disposition")
    yield event("disposition", "returned or destroyed", log.DISPOSED, "disposal.{scope,method,authority}")
    yield event("disposition", "certificate", log.DISPOSED, "disposal.certificate")


RECORD: tuple[Spec, ...] = (
    *_item(),
    *_origin(),
    *_people(),
    *_time(),
    *_place(),
    *_authority(),
    *_method(),
    *_integrity(),
    *chain(),
    *_storage(),
    *_disposition(),
    *certification(),
)
