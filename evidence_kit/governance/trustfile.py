"""Changing a trust policy on disk: keys and authorities come, are revoked and are replaced.

Every change is read back as a whole policy first; one that would make the file invalid leaves it as it was.
"""

import os
import re
import secrets
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Literal

from evidence_kit.custody.keys import PublicKey
from evidence_kit.custody.trust import API_VERSION, Trust, TrustedKey, editing, parse_trust, writing
from evidence_kit.errors import SignatureError, UsageError, VaultError
from evidence_kit.model.document import MAX_DOCUMENT
from evidence_kit.model.time import rfc3339

NEW = f"""\
# Whose signatures are accepted, as what, and when. `evidence-kit verify --trust` judges by this file alone.
# `evidence-kit trust add` adds to it, `trust show` prints what it means, `trust sign` signs it.
apiVersion: {API_VERSION}
kind: TrustPolicy

# timestamps: {{required: true, quorum: 2, maxSkewSeconds: 300}}   # needs timeAuthorities
# thresholds: {{transfer: 2, disposal: 2}}                          # how many different people must sign

# Roles: collector (seals evidence), custodian (keeps and hands over), approver (consents), log (signs checkpoints).
"""
_PREFIX = re.compile(r"[0-9a-f]{8,64}")  # what may stand for a key id


class TrustFile:
    """A policy file as it was read. Methods return the bytes of the changed policy; `save` puts them in place."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.data = read(path)

    @property
    def name(self) -> str:
        """Return the path as it stands in messages."""
        return str(self.path)

    def trust(self) -> Trust:
        """Return the policy."""
        return parse_trust(self.data, name=self.name)

    def add_key(
        self,
        pem: bytes,
        *,
        name: str,
        roles: Iterable[str],
        valid_from: datetime | None = None,
        valid_until: datetime | None = None,
    ) -> bytes:
        """Return the policy with one more key."""
        key = public_key(pem)
        entry = writing.key_entry(name=name, pem=key.pem, roles=roles, valid_from=valid_from, valid_until=valid_until)
        return self._valid(editing.add_entry(self._text(), "keys", entry, name=self.name))

    def add_time_authority(self, pem: bytes, *, name: str, policies: Iterable[str] = ()) -> bytes:
        """Return the policy with one more authority that tells the time."""
        entry = writing.time_authority_entry(name=name, pem=pem, policies=policies)
        return self._valid(editing.add_entry(self._text(), "timeAuthorities", entry, name=self.name))

    def add_certificate_authority(
        self, pem: bytes, *, name: str, roles: Iterable[str], identities: Iterable[str], crl: bytes | None = None
    ) -> bytes:
        """Return the policy with one more authority that names people."""
        entry = writing.certificate_authority_entry(name=name, pem=pem, roles=roles, identities=identities, crl=crl)
        return self._valid(editing.add_entry(self._text(), "certificateAuthorities", entry, name=self.name))

    def revoke(self, key: str, *, reason: Literal["compromised", "superseded"], at: datetime) -> bytes:
        """Return the policy in which `key` (a name or the start of a key id) no longer counts."""
        index, trusted = self.find(key)
        old = trusted.revoked
        if old and not (old.reason == "superseded" and reason == "compromised"):
            who = f"{trusted.name} (key {trusted.key.keyid[:12]})"
            raise UsageError(
                f"{who} is revoked already, as {old.reason} at {rfc3339(old.at)}",
                hint="a superseded key can still be revoked as compromised; anything else is an edit by hand",
            )
        value = writing.revocation(at, reason)
        return self._valid(editing.set_field(self._text(), "keys", index, "revoked", value, name=self.name))

    def rotate(self, old: str, pem: bytes, *, at: datetime) -> bytes:
        """Return the policy in which a new key takes over name and roles of `old` from `at` on."""
        index, trusted = self.find(old)
        if trusted.valid_from and at <= trusted.valid_from:
            raise UsageError(f"{trusted.name} is trusted only from {rfc3339(trusted.valid_from)}, after that change")
        text = self._text()
        if trusted.revoked is None:
            value = writing.revocation(at, "superseded")
            text = editing.set_field(text, "keys", index, "revoked", value, name=self.name)
        entry = writing.key_entry(name=trusted.name, pem=public_key(pem).pem, roles=_ordered(trusted), valid_from=at)
        return self._valid(editing.add_entry(text, "keys", entry, name=self.name))

    def find(self, said: str) -> tuple[int, TrustedKey]:
        """Return the place and the key that a name, or at least eight digits of a key id, stands for."""
        keys = list(self.trust().keys.values())
        named = [index for index, trusted in enumerate(keys) if trusted.name == said]
        if _PREFIX.fullmatch(said):
            named = [index for index, trusted in enumerate(keys) if trusted.key.keyid.startswith(said)] or named
        if len(named) > 1:
            several = ", ".join(f"`{keys[index].key.keyid[:16]}`" for index in named)
            raise UsageError(f"`{said}` stands for several keys", hint=f"say which: {several}")
        if not named:
            raise UsageError(
                f"no key in `{self.name}` is called `{said}`", hint="`evidence-kit trust show` lists them"
            )
        return named[0], keys[named[0]]

    def save(self, data: bytes) -> None:
        """Put a changed policy in place of the one that was read, which nobody may have changed meanwhile."""
        if read(self.path) != self.data:
            raise UsageError(f"`{self.path}` was changed by somebody else meanwhile", hint="run the command again")
        replace(self.path, data)
        self.data = data

    def _text(self) -> str:
        try:
            return self.data.decode()
        except UnicodeDecodeError as error:
            raise UsageError(f"{self.name}: not UTF-8") from error

    def _valid(self, text: str) -> bytes:
        data = text.encode()
        parse_trust(data, name=self.name)
        return data


def create(path: Path) -> TrustFile:
    """Write a new policy that trusts nobody yet; a file that is there is not touched."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as out:
            out.write(NEW.encode())
    except OSError as error:
        if isinstance(error, FileExistsError) and os.path.lexists(path):
            hint = "`evidence-kit trust add` adds to it; or choose another file"
            raise UsageError(f"`{path}` exists already", hint=hint) from error
        raise VaultError(f"cannot write `{path}`: {(error.strerror or '').lower()}") from error
    return TrustFile(path)


def read(path: Path) -> bytes:
    """Return a policy's bytes, of which there are not too many."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_DOCUMENT + 1)
    except FileNotFoundError as error:
        raise UsageError(f"there is no file `{path}`", hint="`evidence-kit trust init` makes a policy") from error
    except OSError as error:
        raise UsageError(f"cannot read `{path}`: {(error.strerror or '').lower()}") from error
    if len(data) > MAX_DOCUMENT:
        raise UsageError(f"`{path}` is larger than {MAX_DOCUMENT:,} bytes")
    return data


def replace(path: Path, data: bytes) -> None:
    """Write `data` so that there is always the old or the new file, whole, with the permissions it had."""
    target = path.resolve()  # a link stays a link
    draft = target.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o644
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as out:
                os.fchmod(out.fileno(), mode)
                out.write(data)
                out.flush()
                os.fsync(out.fileno())
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
        _sync(target.parent)
    except OSError as error:
        raise VaultError(f"cannot write `{path}`: {(error.strerror or '').lower()}") from error


def public_key(pem: bytes) -> PublicKey:
    """Return the public key that somebody handed over as a PEM file."""
    try:
        return PublicKey.from_pem(pem)
    except SignatureError as error:
        hint = "a public key, as `evidence-kit keys show NAME` prints it"
        raise UsageError(f"the key file holds something else: {error.message}", hint=hint) from error


def _ordered(trusted: TrustedKey) -> tuple[str, ...]:
    return tuple(sorted(trusted.roles))


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
