"""Clock sets as people write them: ours, an organisation's own, and those that agreements make."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema
import pytest

from evidence_kit.errors import UsageError
from evidence_kit.governance.clocks import grammar
from evidence_kit.governance.clocks.sets import STANDARD, choose, extended, stale, standard, with_contracts
from evidence_kit.governance.inventory import parse_inventory
from evidence_kit.model.document import parse_document

HEAD = "apiVersion: evidence-kit/clocks.v1\nkind: ClockSet\nname: ours\nclocks:\n"
ENTRY = """\
  - id: acme.policy
    title: Tell the board
    authority: the board
    mustAct: the CISO
    startsOn: severity one was declared
    within: {elapsed: PT2H}
    source: {url: "https://acme.example/policy", read: all of it}
    reviewed: 2026-11-01
    status: read
"""
INVENTORY = b"""\
apiVersion: evidence-kit/inventory.v1
kind: Inventory
targets:
  - name: acme
    provider: acme
    id: tenant-7
    agreement: {reference: DPA-2025-118, evidence: [audit_logs], notifyWithin: PT24H, contactRole: security desk}
  - name: silent
    provider: silent
    id: t
    agreement: {reference: DPA-2, evidence: [audit_logs]}
"""


def file(*entries: str) -> bytes:
    return (HEAD + "".join(entries)).encode()


def added(*entries: str):
    return extended(standard(), file(*entries), name="ours.yaml")


def changed(**fields: str) -> str:
    entry = ENTRY
    for name, value in fields.items():
        entry = re.sub(rf"(?m)^(  - |    ){name}: .*$", lambda found, n=name, v=value: f"{found[1]}{n}: {v}", entry)
    return entry


def test_our_set_has_the_clocks_that_are_promised() -> None:
    assert {
        *("eu.gdpr.art33", "eu.gdpr.art33-2", "eu.gdpr.art34", "uk.gdpr.art33"),
        *("eu.nis2.art23.early-warning", "eu.nis2.art23.notification", "eu.nis2.art23.final"),
        *("eu.dora.art19.initial", "eu.dora.art19.aware", "eu.dora.art19.intermediate", "eu.dora.art19.final"),
        *("eu.aiact.art73", "eu.aiact.art73.death", "eu.aiact.art73.widespread", "us.sec.8k-1.05"),
        *("us.ca.civ-1798-82.residents", "us.ca.civ-1798-82.attorney-general", "pci.12.10"),
    } == set(standard().clocks)


def test_every_entry_of_ours_says_what_to_say_and_where_that_stands() -> None:
    for clock in standard().clocks.values():
        assert clock.content, clock.id
        assert clock.source.startswith("https://"), clock.id
        assert clock.is_verified == (clock.status == "read")
        assert clock.reviewed is not None


def test_what_was_not_read_in_its_own_words_is_not_called_read() -> None:
    for clock in standard().clocks.values():
        only_told = re.search(r"(?i)\bonly as others|summar|law firms|was not read", clock.was_read)
        assert not (only_told and clock.status == "read"), clock.id


def test_our_set_is_valid_by_the_schema_that_editors_get() -> None:
    data = parse_document((Path(grammar.__file__).parent / STANDARD).read_bytes(), name=STANDARD).data
    jsonschema.Draft202012Validator.check_schema(grammar.schema())
    jsonschema.validate(data, grammar.schema())

    data["clocks"][0]["within"] = {"elapsed": "PT1H", "months": 1}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, grammar.schema())


def test_an_organisation_adds_clocks_of_its_own_and_the_files_are_known_by_digest() -> None:
    both = added(ENTRY)

    assert both.clocks["acme.policy"].within.elapsed == timedelta(hours=2)
    assert set(standard().clocks) < set(both.clocks)
    assert [name for name, _ in both.files] == ["standard.yaml", "ours.yaml"]
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for _, digest in both.files)


def test_an_entry_takes_the_place_of_another_only_if_it_says_so() -> None:
    stricter = changed(id="eu.gdpr.art33")

    with pytest.raises(UsageError, match=r"ours\.yaml:5:9: there is a clock `eu\.gdpr\.art33` already"):
        added(stricter)
    found = added(stricter + "    replaces: true\n")
    assert found.clocks["eu.gdpr.art33"].within.elapsed == timedelta(hours=2)
    assert found.clocks["eu.gdpr.art33"].digest != standard().clocks["eu.gdpr.art33"].digest


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (changed(within="{elapsed: PT2H, months: 1}"), r"exactly one of"),
        (changed(within="{}"), r"exactly one of"),
        (changed(within="{elapsed: PT0S}"), r"no time at all"),
        (changed(within="{elapsed: 72h}"), r"is not a duration"),
        (changed(within="{calendarDays: 100000}"), r"more than 3,660 days"),
        (changed(within="{months: 121}"), r"more than 3,660 days"),
        (changed(within="{businessDays: 0}"), r"at least 1"),
        (changed(within='{promptly: " "}'), r"says nothing"),
        (changed(reviewed="2026-02-30"), r"is not a day"),
        (changed(status="sure"), r"unknown status"),
        (changed(id="Art 33"), r"cannot be"),
        (changed(id="contract.acme"), r"what agreements make"),
        (changed(source='{url: "http://x.example", read: x}'), r"cannot be"),
        (changed(title='""'), r"says nothing"),
        (ENTRY + "    zones: [Europe/Atlantis]\n", r"is not a time zone"),
        (ENTRY + "    zones: [../etc/passwd]\n", r"is not a time zone"),
        (ENTRY + '    closes: "25:00"\n', r"not a time of day"),
        (ENTRY + "    calendar: us-state\n", r"unknown calendar"),
        (ENTRY + "    rules: [eu-1182]\n", r"unknown"),
        (ENTRY + "    after: acme.polciy\n", r"no clock `acme\.polciy`"),
        (ENTRY + "    after: acme.policy\n", r"waits for itself"),
        (ENTRY + "    replaces: true\n", r"no clock `acme\.policy` to replace"),
        (ENTRY + ENTRY, r"two clocks"),
        (ENTRY + "    deadline: 72h\n", r"unknown field"),
        (changed(startsOn="[a]"), r"startsOn"),
    ],
)
def test_every_slip_of_the_pen_is_told_with_its_place(entry, said) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        added(entry)
    assert re.match(r"ours\.yaml:\d+:\d+: ", caught.value.message)


def test_a_chain_that_closes_over_several_entries_is_found() -> None:
    one, other = ENTRY + "    after: acme.other\n", changed(id="acme.other") + "    after: acme.policy\n"

    with pytest.raises(UsageError, match="waits for itself"):
        added(one, other)


def test_an_empty_set_and_another_kind_of_file_are_refused() -> None:
    with pytest.raises(UsageError, match="without a clock"):
        extended(standard(), (HEAD + "  []\n").replace("clocks:\n  []", "clocks: []").encode(), name="x")
    with pytest.raises(UsageError, match="unknown kind"):
        extended(standard(), file(ENTRY).replace(b"ClockSet", b"Inventory"), name="x")


def test_an_agreement_that_says_how_soon_makes_a_clock() -> None:
    found = with_contracts(
        standard(), parse_inventory(INVENTORY, name="inventory.yaml").entries, INVENTORY, name="inventory.yaml"
    )
    clock = found.clocks["contract.acme"]

    assert clock.within.elapsed == timedelta(hours=24)
    assert (clock.must_act, clock.authority) == ("acme", "security desk")
    assert "DPA-2025-118" in clock.source
    assert "contract.silent" not in found.clocks
    assert found.files[-1][0] == "inventory.yaml"


def test_an_unknown_clock_gets_the_nearest_name() -> None:
    with pytest.raises(UsageError) as caught:
        choose(standard(), "eu.gdpr.art32")
    assert "eu.gdpr.art33" in (caught.value.hint or "")


def test_what_nobody_has_reviewed_for_half_a_year_is_stale_and_a_contract_never() -> None:
    both = with_contracts(
        added(ENTRY), parse_inventory(INVENTORY, name="inventory.yaml").entries, INVENTORY, name="inventory.yaml"
    )
    reviewed = datetime(2026, 11, 1, tzinfo=UTC)

    assert not stale(tuple(both.clocks.values()), reviewed + timedelta(days=180))
    assert [one.id for one in stale(tuple(both.clocks.values()), reviewed + timedelta(days=181))] == ["acme.policy"]
    later = stale(tuple(both.clocks.values()), reviewed + timedelta(days=365))
    assert len(later) == len(both.clocks) - 1


def test_a_digest_covers_every_word_of_an_entry() -> None:
    digests = {
        added(entry).clocks["acme.policy"].digest
        for entry in (
            ENTRY,
            changed(title="Tell the boards"),
            changed(status="unverified"),
            ENTRY + "    notes: [x]\n",
        )
    }

    assert len(digests) == 4
    assert json.loads(json.dumps(added(ENTRY).clocks["acme.policy"].to_json()))["within"] == {"elapsed": "PT7200S"}
