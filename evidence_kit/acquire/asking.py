"""Asking time authorities: one request each, every reply kept as it came, whatever it is worth."""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, Protocol

from evidence_kit.custody import timestamp
from evidence_kit.custody.timestamp import MAX_REPLY, Data, Refused, Reply, TimeAuthority
from evidence_kit.custody.verify.timestamps import MAX_TOKENS
from evidence_kit.errors import ProviderError, SignatureError, UntrustedError
from evidence_kit.model.time import rfc3339
from evidence_kit.signers.tsa import label
from evidence_kit.vaults.local import LocalVault

Result = Literal["granted", "unreadable", "refused", "unreachable"]
_NONCE_BYTES = 8
_STORED = re.compile(r"(.+?)(?:\.[0-9]{1,2})?\.(tsr|reply)")


class Authority(Protocol):
    """A time-stamping authority that can be asked."""

    @property
    def url(self) -> str:
        """Return its address."""
        ...

    def ask(self, query: bytes) -> bytes:
        """Return the raw reply, or raise ProviderError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Something that is to be stamped, and where its tokens lie."""

    of: str
    folder: str  # takes new tokens
    data: Data
    algorithm: str
    others: tuple[str, ...] = ()  # folders whose tokens prove as much


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamped:
    """What came of asking one authority about one file."""

    of: str
    authority: str
    result: Result
    path: str = ""  # of the reply, where there was one
    reason: str = ""
    reply: Reply | None = None
    nonce: int | None = None
    agreed: int = 0  # authorities that have stamped the same by now

    def to_json(self) -> dict[str, object]:
        """Return it as the custody event says it; long numbers are text, for not every reader keeps their digits."""
        said: dict[str, object] = {"of": self.of, "authority": self.authority, "result": self.result}
        if self.path:
            said["path"] = self.path
        if self.reason:
            said["reason"] = self.reason
        if self.reply:
            said["genTime"] = rfc3339(self.reply.gen_time)
            said["serial"] = str(self.reply.serial)
            said["policy"] = self.reply.policy
        if self.nonce is not None:
            said["nonce"] = str(self.nonce)
        return said


@dataclass(slots=True, kw_only=True)
class Round:
    """One round of asking; an authority that could not be reached is not asked again in it."""

    vault: LocalVault
    tsas: Sequence[Authority]
    trusted: Sequence[TimeAuthority]
    randomness: Callable[[int], bytes]
    down: dict[str, str] = field(default_factory=dict)

    def late(self, folders: Sequence[str]) -> list[Authority]:
        """Return the authorities without a token in any of `folders`."""
        stored = [name for folder in folders for name in self._names(folder)]
        return [tsa for tsa in self.tsas if not any(_is_token_of(label(tsa.url), name) for name in stored)]

    def stamp(self, place: Place) -> list[Stamped]:
        """Ask every authority that has not stamped what lies at `place`."""
        asked = [self._ask(place, tsa) for tsa in self.late((place.folder, *place.others))]
        return [item for item in asked if item]

    def agreed(self, place: Place) -> int:
        """Return how many authorities have stamped what lies at `place`."""
        stored = [_STORED.fullmatch(name) for at in (place.folder, *place.others) for name in self._names(at)]
        return len({match[1] for match in stored if match and match[2] == "tsr"})

    def _names(self, folder: str) -> list[str]:
        return sorted(entry.path.rpartition("/")[2] for entry in self.vault.walk(folder) if entry.kind == "file")

    def unannounced(self, of: str, folder: str, announced: set[str]) -> list[Stamped]:
        """Return the replies that lie there although no event names them: a crash came before it could."""
        found = []
        for name in self._names(folder):
            match, path = _STORED.fullmatch(name), f"{folder}/{name}"
            if match is None or path in announced:
                continue
            reply = None
            with suppress(SignatureError), self.vault.open(path) as stream:
                reply = timestamp.read_reply(stream.read(MAX_REPLY + 1))
            found.append(
                Stamped(
                    of=of,
                    authority=match[1],
                    result="granted" if reply and match[2] == "tsr" else "unreadable",
                    path=path,
                    reason="found: an earlier run was interrupted before it could say so",
                    reply=reply,
                )
            )
        return found

    def _ask(self, place: Place, tsa: Authority) -> Stamped | None:
        """Ask one authority and keep what it says, durably; None if there is no more room for it."""
        if len(self._names(place.folder)) >= MAX_TOKENS:
            return None
        nonce = int.from_bytes(self.randomness(_NONCE_BYTES), "big") | 1
        try:
            raw = self._send(tsa, timestamp.request(place.data, nonce=nonce, algorithm=place.algorithm))
        except ProviderError as error:
            self.down[tsa.url] = error.message
            said = error.message
            return Stamped(of=place.of, authority=tsa.url, nonce=nonce, result="unreachable", reason=said)
        result, reason, reply = self._judge(raw, place.data, nonce)
        return Stamped(
            of=place.of,
            authority=tsa.url,
            result=result,
            path=self._keep(place.folder, label(tsa.url), raw, "tsr" if result == "granted" else "reply"),
            reason=reason,
            reply=reply,
            nonce=nonce,
        )

    def _send(self, tsa: Authority, query: bytes) -> bytes:
        if tsa.url in self.down:
            raise ProviderError(self.down[tsa.url])
        return tsa.ask(query)

    def _judge(self, raw: bytes, data: Data, nonce: int) -> tuple[Result, str, Reply | None]:
        """Say what a reply is worth; a token by an authority that the policy does not know is kept all the same."""
        try:
            reply = timestamp.read_reply(raw)
            timestamp.verify(raw, data, self.trusted, nonce=nonce)
        except Refused as error:
            return "refused", error.message, None
        except SignatureError as error:
            return "unreadable", error.message, None
        except UntrustedError as error:
            return "granted", error.message if self.trusted else "", timestamp.read_reply(raw)
        return "granted", "", reply

    def _keep(self, folder: str, name: str, raw: bytes, kind: str) -> str:
        taken = set(self._names(folder))
        numbered = (f"{name}.{kind}" if n == 1 else f"{name}.{n}.{kind}" for n in range(1, MAX_TOKENS + 2))
        path = f"{folder}/{next(free for free in numbered if free not in taken)}"
        self.vault.commit([(self.vault.stage([raw]), path)])
        return path


def _is_token_of(authority: str, name: str) -> bool:
    return re.fullmatch(rf"{re.escape(authority)}(?:\.[0-9]{{1,2}})?\.tsr", name) is not None
