"""A partner on loopback that plays a connector's fixture, with every fault of the suite."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import jmespath
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from evidence_kit.model.source import SourceSpec
from evidence_kit.model.time import Window, parse_instant
from evidence_kit.model.unit import Target
from evidence_kit.sandbox.partners.asked import Asked
from evidence_kit.sandbox.partners.fixture import Fixture, Scripted
from evidence_kit.sandbox.partners.gate import Gate, make_secrets
from evidence_kit.sandbox.partners.paged import zipped
from evidence_kit.sandbox.partners.server import Partner, Reply
from evidence_kit.sandbox.serving import LOOPBACK, running
from evidence_kit.sources.connector_checks import SLOT
from evidence_kit.testing.loopback import HTML
from evidence_kit.testing.provider import Answer, Fault, Provider

_REFUSALS = {"throttled": 429, "unavailable": 503, "expired": 401, "denied": 403}
_FAST = 100_000.0  # requests a second: a rehearsal is no provider to spare


class Stage(Partner):
    """Plays a script until it is struck. Tokens, and polls of what is not done yet, are no evidence."""

    def __init__(
        self, connector: Mapping[str, Any], replies: tuple[Scripted, ...], gate: Gate, *, certificate: Path
    ) -> None:
        super().__init__(connector, replies, gate, tls=lambda context: context.load_cert_chain(str(certificate)))
        self._due: list[tuple[Fault, list[int]]] = []
        self._first: Reply | None = None

    def strike(self, fault: Fault) -> None:
        """Let a fault happen from now on."""
        if fault.kind == "empty":
            self.replies = [_emptied(one) for one in self.replies]
        else:
            self._due.append((fault, [0]))

    def answer(self, asked: Asked) -> tuple[Reply, bool]:
        """Return the answer, spoiled if a fault is due; whether it is evidence as it left."""
        left = [one.times for one in self.replies]
        reply, evidence = super().answer(asked)
        if not evidence or self._is_waiting(asked, reply):
            return reply, False
        fault = self._befallen()
        if fault is None:
            return reply, True
        for one, times in zip(self.replies, left, strict=True):
            one.times = times  # what never arrived is not used up
        return self._spoiled(fault, reply)

    def _befallen(self) -> Fault | None:
        for fault, seen in self._due:
            if fault.times is None or seen[0] < fault.skip + fault.times:
                seen[0] += 1
                return fault if seen[0] > fault.skip else None
        return None

    def _spoiled(self, fault: Fault, reply: Reply) -> tuple[Reply, bool]:
        if status := _REFUSALS.get(fault.kind):
            headers = {"Retry-After": str(fault.after)} if fault.kind == "throttled" else {}
            return Reply(status=status, body=b'{"error":"the rehearsal says so"}', headers=headers), False
        if fault.kind == "dropped":
            raise ConnectionResetError("as the rehearsal has it")
        if fault.kind == "html":
            return Reply(status=200, body=HTML, headers={"Content-Type": "text/html"}), False
        if fault.kind == "short":
            return replace(reply, body=reply.body[: len(reply.body) // 2], declared=len(reply.body)), False
        self._first = self._first or reply
        return self._first, True

    def _is_waiting(self, asked: Asked, reply: Reply) -> bool:
        poll = self.connector.get("job", {}).get("poll")
        if poll is None or not _is_path(str(poll["path"]), asked.path):
            return False
        try:
            return not jmespath.search(poll["until"], json.loads(reply.body))
        except ValueError:  # no JSON: what was ordered, under a path like that of the poll
            return False


def _is_path(template: str, path: str) -> bool:
    ours, theirs = template.split("/"), path.split("/")
    return len(ours) == len(theirs) and all(SLOT.search(a) or a == b for a, b in zip(ours, theirs, strict=True))


def _emptied(one: Scripted) -> Scripted:
    return replace(one, body={**one.body, "records": []}) if one.kind == "pages" else one


def exemptions(spec: SourceSpec, fixture: Fixture) -> dict[str, str]:
    """Return what a connector or its fixture cannot show, and why."""
    found: dict[str, str] = {}
    paging: Any = spec.settings.get("paging", {"type": "none"})
    if paging["type"] == "none":
        found = dict.fromkeys(("paging", "loop"), "the connector has no pages")
    if any(one.kind != "pages" for one in fixture.replies):
        found["empty"] = "the fixture has answers that are no pages"
    if any(one.times is not None for one in fixture.replies):
        found["resume"] = "the fixture answers the same question differently each time"
    return found | without_secrets(spec)


def without_secrets(spec: SourceSpec) -> dict[str, str]:
    """Return that there is no credential to lose, where a connector needs none."""
    auth: Any = spec.settings["auth"]
    return {"secrets": "the connector needs no credential"} if auth["type"] == "none" else {}


@contextmanager
def rehearsal(spec: SourceSpec, fixture: Fixture, folder: Path) -> Iterator[Provider]:
    """Play a fixture over TLS, and yield what the suite wants to know of it."""
    quick = replace(spec, limit=replace(spec.limit, rps=_FAST, burst=int(_FAST)))
    auth: Any = spec.settings["auth"]
    secrets = {**make_secrets(auth), **fixture.secrets}
    gate = Gate(auth, secrets, fixture.params)
    certificate = _certificate(folder)
    # A script forgets what it has given: each rehearsal has its own.
    stage = Stage(spec.settings, tuple(map(replace, fixture.replies)), gate, certificate=certificate)
    access = {
        "endpoint.server": stage.url,
        "endpoint.token": stage.url,
        "allowPrivate": "true",
        "ca": str(certificate.with_name("ca.pem")),
        **{f"param.{name}": value for name, value in fixture.params.items()},
        **{f"secret.{name}": f"secret://env/{name}" for name in secrets},
    }
    with running(stage):
        yield Provider(
            source=quick,
            target=Target(provider=spec.provider, id="rehearsal", access=access),
            window=fixture.window,
            truth=tuple(marks(spec, fixture)),
            answers=lambda: [Answer(one.body, one.evidence) for one in stage.sent],
            strike=stage.strike,
            secrets={f"secret://env/{name}": value for name, value in secrets.items()},
            canaries=lambda: tuple(stage.gate.tokens),
        )
    if stage.failures:
        raise stage.failures[0]


# -- what is to be found in the end --------------------------------------------------------------------------------


def marks(spec: SourceSpec, fixture: Fixture) -> Iterator[bytes]:
    """Yield what stands in one place of all answers: the id of a record, a line, a whole body."""
    rendered = b"\n".join(_rendered(one) for one in fixture.replies)
    for mark in dict.fromkeys(mark for one in fixture.replies for mark in _marks(spec, one, fixture.window)):
        if rendered.count(mark) == 1:
            yield mark


def _rendered(one: Scripted) -> bytes:
    if one.kind == "zip":
        return zipped({name: str(text).encode() for name, text in one.body.items()})
    return one.body.encode() if isinstance(one.body, str) else json.dumps(one.body).encode()


def _marks(spec: SourceSpec, one: Scripted, window: Window) -> Iterator[bytes]:
    if one.status >= 300:
        return
    if one.kind in {"pages", "json"}:
        rows = one.body["records"] if one.kind == "pages" else jmespath.search(spec.records.path, one.body)
        bounded = one.kind == "pages" and spec.windowed and one.body.get("bounded", True)
        for row in rows if isinstance(rows, list) else ():
            mark = jmespath.search(spec.records.id, row) if spec.records.id and isinstance(row, dict) else None
            if mark is not None and (not bounded or _lies(spec, row, window)):
                yield str(mark).encode() if spec.records.format == "csv" else json.dumps(mark).encode()
    elif one.kind == "zip":
        yield _rendered(one)
    elif one.kind != "base64":
        yield from (line.encode() for line in str(one.body).splitlines()[1:] if line)


def _lies(spec: SourceSpec, row: Mapping[str, Any], window: Window) -> bool:
    moment = jmespath.search(spec.records.time, row) if spec.records.time else None
    if isinstance(moment, int | float):
        seconds = moment / 1000 if abs(moment) > 1e11 else moment  # then these are milliseconds
        return datetime.fromtimestamp(seconds, UTC) in window
    return moment is None or parse_instant(str(moment)) in window


def _certificate(folder: Path) -> Path:
    """Write a key with a certificate for loopback, and the certificate alone for whoever is to trust it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "evidence-kit rehearsal")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(LOOPBACK))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, SHA256())
    )
    pem = made.public_bytes(Encoding.PEM)
    (folder / "ca.pem").write_bytes(pem)
    (folder / "server.pem").write_bytes(pem + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return folder / "server.pem"
