"""Providers' own proofs, checked again from the bag: CloudTrail's digest chain against the log files."""

import json
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import groupby

from evidence_kit.custody import ledger, strict
from evidence_kit.custody.cloudtrail.chain import check_chain
from evidence_kit.custody.cloudtrail.digest import MAX_DIGEST, Digest, parse_digest
from evidence_kit.custody.cloudtrail.inflate import inflated_sha256
from evidence_kit.custody.extsort import LineSorter
from evidence_kit.custody.verify.tally import Tally
from evidence_kit.errors import EvidenceKitError, ProviderProofError
from evidence_kit.model.ports import Vault
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window, parse_instant

DIGESTS = "aws.cloudtrail.digest"
LOGS = "aws.cloudtrail.s3"
_CHUNK = 1 << 20
_DELIVERED = re.compile(r"_CloudTrail_([a-z0-9-]+)_(\d{8}T\d{4})Z_")
_WHOLE = frozenset({UnitStatus.COMPLETE, UnitStatus.COMPLETE_UNSETTLED})


def concerns(unit: object) -> bool:
    """Say whether what the ledger tells of a unit is of interest here."""
    return isinstance(unit, str) and unit.startswith((f"{DIGESTS}|", f"{LOGS}|"))


def public_keys(body: bytes) -> dict[str, bytes]:
    """Read a `ListPublicKeys` response: fingerprint to PKCS#1 DER."""
    try:
        listed = json.loads(body)["PublicKeyList"]
        return {item["Fingerprint"]: b64decode(item["Value"], validate=True) for item in listed}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ProviderProofError(f"a stored list of public keys cannot be read: {error}") from error


@dataclass(slots=True)
class Proofs:
    """What one pass over a ledger collects for the check; a line a log file, sorted outside memory."""

    root: str
    digests: list[tuple[str, str, str]] = field(default_factory=list)  # artifact, signature, bucket/key
    keys: list[str] = field(default_factory=list)
    logs: LineSorter = field(default_factory=LineSorter)
    asked: dict[str, tuple[str, str, Window]] = field(default_factory=dict)
    whole: list[tuple[str, str, Window]] = field(default_factory=list)

    def take(self, entry: ledger.Entry) -> None:
        """Note what a ledger entry says about digests, keys and log files."""
        unit = entry.fields.get("unit")
        if not isinstance(unit, str) or not concerns(unit):
            return
        if entry.kind == ledger.PLANNED and unit.startswith(LOGS):
            self._plan(unit, entry.fields)
        elif entry.kind == ledger.UNIT and unit in self.asked:
            if entry.fields.get("status") in _WHOLE or _has_all_that_is_there(entry.fields):
                self.whole.append(self.asked[unit])
        elif entry.kind == ledger.EXCHANGE and entry.fields.get("artifact") is not None:
            self._artifact(unit.startswith(LOGS), entry.fields)

    def _plan(self, unit: str, fields: Mapping[str, object]) -> None:
        window = fields.get("window")
        if isinstance(window, dict):
            target = strict.field(fields, "target", dict)
            span = Window(parse_instant(str(window.get("start"))), parse_instant(str(window.get("end"))))
            self.asked[unit] = (str(target.get("id")), str(fields.get("region")), span)

    def _artifact(self, is_log: bool, fields: Mapping[str, object]) -> None:  # noqa: FBT001
        artifact = strict.field(fields, "artifact", dict)
        path = strict.field(artifact, "path", str)
        operation = strict.field(fields, "request", dict).get("operation")
        thing = artifact.get("object")
        if not is_log and operation == "ListPublicKeys":
            self.keys.append(path)
        if operation != "GetObject" or not isinstance(thing, dict):
            return
        place = f"{thing.get('bucket')}/{thing.get('key')}"
        if is_log:
            self.logs.add(f"{_one_line(place)}\t{path}\n".encode())
        else:
            headers = fields.get("headers")
            said = headers if isinstance(headers, dict) else {}
            self.digests.append((path, str(said.get("x-amz-meta-signature", "")), place))

    def check(self, vault: Vault, tally: Tally) -> None:
        """Judge chains and files; every contradiction is a PROVIDER_PROOF defect."""
        if not self.digests:
            return
        keys: dict[str, bytes] = {}
        for path in self.keys:
            with tally.asking(f"{self.root}/{path}"):
                keys.update(public_keys(self._read(vault, path)))
        digests = [d for d in (self._digest(vault, item, tally) for item in self.digests) if d is not None]
        claims = LineSorter()
        valid = total = 0
        for _, group in groupby(sorted(digests, key=lambda d: d.trail_id), key=lambda d: d.trail_id):
            result = check_chain(tuple(group), keys)
            valid, total = valid + result.valid, total + result.total
            for defect in result.defects:
                tally.keep(replace(defect, subject=f"{self.root}/{defect.subject}"))
            for claim in result.logs:
                claims.add(f"{_one_line(f'{claim.bucket}/{claim.key}')}\t{claim.sha256}\n".encode())
        tally.passed += valid
        good, seen = self._check_logs(vault, claims, tally)
        tally.notes.append(
            f"CloudTrail: {valid} of {total} digests chain, {good} of {seen} log files match AWS's hashes"
        )

    def _read(self, vault: Vault, path: str) -> bytes:
        with vault.open(f"{self.root}/{path}") as stream:
            body = stream.read(MAX_DIGEST + 1)
        if len(body) > MAX_DIGEST:
            raise ProviderProofError(f"larger than the {MAX_DIGEST:,} bytes that any proof takes")
        return body

    def _digest(self, vault: Vault, item: tuple[str, str, str], tally: Tally) -> Digest | None:
        path, signature, place = item
        bucket, _, key = place.partition("/")
        try:
            return parse_digest(self._read(vault, path), signature=signature, name=path, stored=(bucket, key))
        except EvidenceKitError as error:
            tally.fail(error, f"{self.root}/{path}")
            return None

    def _check_logs(self, vault: Vault, claims: LineSorter, tally: Tally) -> tuple[int, int]:
        """Join claims and stored files, both sorted by place; return how many match and how many were checked."""
        good = seen = 0
        stored = groupby(_pairs(iter(self.logs)), key=lambda pair: pair[0])
        place, paths = _next(stored)
        for claimed, sha256 in _pairs(iter(claims)):
            while place is not None and place < claimed:
                place, paths = _next(stored)
            if place == claimed:
                seen += 1
                good += self._matches(vault, claimed, sha256, paths, tally)
            elif self._was_asked_for(claimed):
                seen += 1
                tally.fail(
                    ProviderProofError("AWS's digest lists this log file, the bucket did not have it"), claimed
                )
        return good, seen

    def _matches(self, vault: Vault, place: str, sha256: str, paths: list[str], tally: Tally) -> bool:
        """Hold every stored version against the claim; return whether one is what AWS delivered.

        CloudTrail never overwrites a file, so any version that differs was put there by somebody else.
        """
        found = {path: self._inflated(vault, path) for path in paths}
        good = [path for path in paths if found[path] == sha256]
        tally.passed += len(good)
        also = "; another version in this bag is what AWS delivered" if good else ""
        for path in paths:
            if path not in good:
                error = ProviderProofError(f"differs from what AWS's digest says was delivered{also}")
                tally.fail(error, f"{self.root}/{path}", aws=sha256, found=found[path], object=place)
        return bool(good)

    def _inflated(self, vault: Vault, path: str) -> str:
        """Return the hash of a log file, or why there is none."""
        try:
            with vault.open(f"{self.root}/{path}") as stream:
                return inflated_sha256(iter(lambda: stream.read(_CHUNK), b""))
        except EvidenceKitError as error:
            return error.message

    def _was_asked_for(self, place: str) -> bool:
        name = _DELIVERED.search(place)
        if name is None:
            return False
        try:
            at = datetime.strptime(name[2], "%Y%m%dT%H%M").replace(tzinfo=UTC)
        except ValueError:
            return False
        return any(
            f"/{account}/" in place and name[1] == region and at in span for account, region, span in self.whole
        )


def _has_all_that_is_there(ended: Mapping[str, object]) -> bool:
    """Say whether a unit lacks nothing but what was deleted or overwritten: a refused listing is its only reason."""
    found = ended.get("findings")
    said = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    refused = [str(one.get("message")) for one in said if one.get("kind") == "versions_denied"]
    return str(ended.get("reason", "")).startswith(tuple(refused))


def _one_line(text: str) -> str:
    """Return a place on one line that sorts before its tab; what digests claim is always printable."""
    return text if text.isprintable() else ascii(text)


def _pairs(lines: Iterator[bytes]) -> Iterator[tuple[str, str]]:
    for line in lines:
        first, _, second = line[:-1].decode().partition("\t")
        yield first, second


def _next(groups: Iterator[tuple[str, Iterator[tuple[str, str]]]]) -> tuple[str | None, list[str]]:
    for place, group in groups:
        return place, [path for _, path in group]
    return None, []
