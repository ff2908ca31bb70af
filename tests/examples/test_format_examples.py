"""The examples in docs/case-format.md are real: they parse, chain and verify."""

import json
import re
from pathlib import Path

from evidence_kit.custody import checkpoint, names, statement, strict
from evidence_kit.custody.keys import PublicKey
from evidence_kit.custody.log import ROLES
from evidence_kit.custody.merkle import Frontier
from evidence_kit.custody.seal import Sealed
from evidence_kit.model.status import UnitStatus

PAGE = (Path(__file__).parents[2] / "docs" / "case-format.md").read_text()
BLOCKS = re.findall(r"^```(?:json)?\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def block(start: str) -> str:
    (found,) = [text for text in BLOCKS if text.startswith(start)]
    return found


def opened() -> statement.Statement:
    return statement.parse(block('{"_type"').strip().encode(), expected=statement.CUSTODY_EVENT)


def test_the_event_is_a_first_event():
    assert opened().predicate["log"] == {"size": 0, "root": Frontier().root().hex()}


def test_the_checkpoint_is_signed_by_the_key_that_the_event_endorses():
    log_key = opened().predicate["logKey"]
    key = PublicKey.from_pem(log_key["publicKey"].encode())
    assert key.keyid == log_key["keyid"]
    verified = checkpoint.verify(block("evidence-kit/IR-").encode(), origin=log_key["origin"], key=key)
    assert verified.head.size == 3


def test_the_ledger_lines_are_compact_and_counted_by_the_seal():
    lines = [strict.decode_line(line.encode()) for line in block('{"seq":').splitlines()]
    sealed = Sealed.from_json(json.loads(block('{"acquisition"')))
    assert [line["type"] for line in lines] == ["plan.closed", "unit", "closed"]
    assert lines[0]["units"] == sealed.units
    assert lines[-1]["seq"] == sealed.ledger_size - 1


def test_the_names_are_mapped_as_the_table_says():
    rows = re.findall(r"^\| `([^`]+)` \| `([^`]+=[^`]+)` \|$", PAGE, re.MULTILINE)
    assert len(rows) == 4
    assert [names.safe_path(original.replace("⏎", "\n")) for original, _ in rows] == [mapped for _, mapped in rows]


def test_every_status_and_event_type_is_described():
    said = set(re.findall(r"`([a-z_.]+)`", PAGE))
    assert {status.value for status in UnitStatus} | set(ROLES) <= said


def test_the_whole_statuses_are_the_ones_named():
    (row,) = re.findall(r"^\| (.*) \| yes \| \|$", PAGE, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", row)) == {status.value for status in UnitStatus if status.is_whole}
    (row,) = re.findall(r"^\| (.*) \| \| yes \|$", PAGE, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", row)) == {status.value for status in UnitStatus if status.is_open}
