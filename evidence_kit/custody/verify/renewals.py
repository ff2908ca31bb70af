"""Renewals: each manifest is the one that its event names, and every file that it lists is still the same."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from evidence_kit.custody import log, renewal, strict
from evidence_kit.custody.log import Event, State
from evidence_kit.custody.trust import Trust
from evidence_kit.custody.verify import files, timestamps
from evidence_kit.custody.verify.tally import Tallies
from evidence_kit.errors import DigestError, EvidenceKitError, MissingError, SignatureError, UnexpectedError
from evidence_kit.model.ports import Vault
from evidence_kit.model.time import rfc3339

_TOKENS = re.compile(rf"{log.RENEWALS}/([1-9][0-9]{{0,5}})/[^/]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Renewal:
    """What an event says of a manifest."""

    path: str
    sha256: str
    sha512: str
    files: int


@dataclass(slots=True)
class Renewals:
    """What the log says was renewed."""

    said: list[_Renewal] = field(default_factory=list)

    def seen(self, event: Event) -> None:
        """Take in an event; SignatureError if it does not name the next manifest."""
        if event.type != log.RENEWED:
            return
        path = renewal.manifest(len(self.said) + 1)
        fields = strict.field(event.said.predicate, "renewal", dict)
        if strict.field(fields, "algorithm", str) != renewal.ALGORITHM:
            raise SignatureError(f"event {event.seq} renews with an algorithm that this version does not know")
        subject = event.said.subject(path)
        self.said.append(
            _Renewal(
                path=path,
                sha256=subject.sha256,
                sha512=strict.field(fields, "sha512", str),
                files=strict.field(fields, "files", int),
            )
        )

    def check(self, vault: Vault, state: State, trust: Trust, tallies: Tallies) -> None:
        """Check every manifest, the files that it lists, its time-stamps, and that nothing else lies there."""
        for said in self.said:
            if state.custody.disposed.get(log.WHOLE_CASE) is None or vault.stat(said.path) is not None:
                self._check_manifest(vault, said, state, tallies)
                self._check_stamps(vault, said, trust, tallies)
        for stray in self._unaccounted(vault, tallies):
            if stray == renewal.manifest(len(self.said) + 1):
                tallies["renewal"].unasked.append(
                    "an interrupted renewal left a manifest that no event names; `evidence-kit renew` makes it anew"
                )
            else:
                tallies["layout"].fail(UnexpectedError("belongs to no renewal"), files.printable(stray))

    def _check_manifest(self, vault: Vault, said: _Renewal, state: State, tallies: Tallies) -> None:
        tally = tallies["renewal"]
        count = gone = 0
        try:
            if files.digest(vault, said.path)[0] != said.sha256 or _sha512(vault, said.path) != said.sha512:
                raise DigestError("is not the manifest that the custody log recorded")
            with vault.open(said.path) as stream:
                for listed in renewal.read(stream):
                    if timestamps.is_disposed(listed.path, state) and vault.stat(listed.path) is None:
                        gone += 1
                    else:
                        _check_file(vault, listed, said.path, tallies)
                        count += 1
            if count + gone != said.files or not said.files:
                raise DigestError(f"lists {count + gone:,} files, the custody log says {said.files:,}")
        except EvidenceKitError as error:
            tally.fail(error, said.path)
            return
        tally.notes.append(f"{count:,} files listed in {said.path} hashed again with SHA-512")
        if gone:
            tally.unasked.append(f"{gone:,} files of {said.path}, which were disposed of")

    def _check_stamps(self, vault: Vault, said: _Renewal, trust: Trust, tallies: Tallies) -> None:
        stamps = timestamps.place_stamps(
            vault, renewal.tokens(said.path), renewal.digester(vault, said.path), trust, tallies
        )
        if agreed := timestamps.quorum(stamps, trust):
            by = rfc3339(agreed[-1].latest)
            tallies["renewal"].notes.append(f"{said.path} time-stamped {by}")

    def _unaccounted(self, vault: Vault, tallies: Tallies) -> Iterator[str]:
        known = {said.path for said in self.said}
        for entry in vault.walk(log.RENEWALS):
            token = _TOKENS.fullmatch(entry.path)
            if entry.kind != "file":
                tallies["layout"].fail(UnexpectedError("is not a plain file"), files.printable(entry.path))
            elif entry.path not in known and not (token and int(token[1]) <= len(self.said)):
                yield entry.path


def _check_file(vault: Vault, listed: renewal.Listed, manifest: str, tallies: Tallies) -> None:
    with tallies["renewal"].asking(listed.path):
        try:
            found = _sha512(vault, listed.path)
        except MissingError as error:
            raise MissingError(f"is listed in {manifest}, and gone") from error
        if found != listed.sha512:
            raise DigestError(f"differs from what {manifest} recorded")


def _sha512(vault: Vault, path: str) -> str:
    return renewal.digester(vault, path)(renewal.ALGORITHM).hex()
