"""What lies in an unsealed bag is believed only as far as the acquisition's own key signed it."""

import hashlib
import json

import pytest
from support.casemaker import SOURCE, TARGET, WINDOW, PagesFromMemory

from evidence_kit.acquire.scope import Order
from evidence_kit.custody import bag, strict
from evidence_kit.custody.ledger import Chain
from evidence_kit.errors import ChainError, DigestError, EvidenceKitError, SignatureError

ORDER = Order(sources=(SOURCE,), targets=(TARGET,), window=WINDOW, params={})


def resume(case):
    vault = case.vault
    with vault.lock(), vault.working():
        (name,) = (known.id for known in case.keeper.state().acquisitions.values())
        return case.engine(PagesFromMemory(), vault).resume(name, ORDER)


def rewrite_ledger(case, change):
    """Write the ledger anew with a chain that fits, as somebody without any key could."""
    path, chain, lines = case.path(bag.LEDGER), Chain(), []
    for line in path.read_bytes().splitlines():
        fields = strict.decode(line)
        change(fields)
        kept = {name: value for name, value in fields.items() if name not in {"seq", "prev", "type"}}
        lines.append(chain.line(str(fields["type"]), kept))
    path.write_bytes(b"".join(line + b"\n" for line in lines))


def an_artifact(case):
    return min(path for path in case.path("data").rglob("*.json") if path.is_file())


def test_an_artifact_altered_after_the_crash_stops_resume(unsealed_case) -> None:
    path = an_artifact(unsealed_case)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes() + b" ")

    with pytest.raises(DigestError):
        resume(unsealed_case)


def test_an_artifact_altered_together_with_the_ledger_stops_resume(unsealed_case) -> None:
    path = an_artifact(unsealed_case)
    path.chmod(0o644)
    path.write_bytes(b'{"Events": []}')
    inner, forged = str(path.relative_to(unsealed_case.path(""))), hashlib.sha256(path.read_bytes()).hexdigest()

    def change(fields):
        artifact = fields.get("artifact")
        if isinstance(artifact, dict) and artifact["path"] == inner:
            artifact["sha256"] = forged

    rewrite_ledger(unsealed_case, change)

    with pytest.raises(ChainError, match="do not tell the same"):
        resume(unsealed_case)


def test_an_attestation_by_another_key_stops_resume(unsealed_case) -> None:
    from evidence_kit.custody import dsse, statement
    from evidence_kit.signers.file import acquisition_signer

    path = unsealed_case.path(bag.ATTESTATIONS)
    lines = path.read_bytes().splitlines()
    payload = dsse.parse_line(lines[0]).payload
    assert statement.parse(payload, expected=statement.ARTIFACT)
    lines[0] = dsse.sign_line(payload, acquisition_signer())
    path.write_bytes(b"".join(line + b"\n" for line in lines))

    with pytest.raises(SignatureError):
        resume(unsealed_case)


def test_a_missing_attestation_stops_resume(unsealed_case) -> None:
    path = unsealed_case.path(bag.ATTESTATIONS)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))

    with pytest.raises(EvidenceKitError, match="says nothing about"):
        resume(unsealed_case)


def test_what_was_attested_but_never_acknowledged_is_set_aside_not_lost(unsealed_case) -> None:
    path = unsealed_case.path(bag.ATTESTATIONS)
    extra = b'{"half": "a li'
    path.write_bytes(path.read_bytes() + extra)
    stray = unsealed_case.path("data/stray.json")
    stray.write_bytes(b"received, never signed")

    resume(unsealed_case)

    kept = {item.read_bytes() for item in unsealed_case.path("record/torn").rglob("*") if item.is_file()}
    assert {extra, b"received, never signed"} <= kept
    listed = next(unsealed_case.path("record/torn").rglob("names.jsonl")).read_text()
    names = [json.loads(line) for line in listed.splitlines()]
    assert any(name["was"].endswith("data/stray.json") for name in names)
    assert unsealed_case.verify(each_signature=True).exit() == 0
