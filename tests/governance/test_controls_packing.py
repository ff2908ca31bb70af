"""Facts told from made-up records: each has an input it shows, one it speaks against, and one it knows nothing of."""

import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_kit.custody import log
from evidence_kit.errors import UsageError
from evidence_kit.governance.controls.affected import changes, effects
from evidence_kit.governance.controls.book import frameworks, parse_framework
from evidence_kit.governance.controls.packing import NO_INVENTORY, NO_PARTNER, NO_TARGET, Standing, build
from evidence_kit.governance.controls.recorded import (
    AnswerRecord,
    CaseRecord,
    Checked,
    EventRecord,
    Records,
    UnitRecord,
)
from evidence_kit.governance.controls.sampling import one_line, population
from evidence_kit.governance.controls.vocabulary import FACTS
from evidence_kit.governance.inventory import parse_inventory
from evidence_kit.model.time import Window
from evidence_kit.model.unit import Target

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PERIOD = Window(NOW - timedelta(days=10), NOW)
SHOP = Target(provider="aws", id="111122223333", name="shop")
SOURCE = "aws.cloudtrail.s3"
INVENTORY = """apiVersion: evidence-kit/inventory.v1
kind: Inventory
targets:
  - name: acme
    provider: acme
    id: t-7
    owner: supply-chain
    jurisdiction: {data: [US], subjects: [EU]}
    agreement:
      reference: DPA-1
      evidence: {audit_logs: "4.1"}
      notifyWithin: PT24H
      transfer: scc-2021
      expires: 2027-12-31
    assurance:
      soc2: {issued: 2026-05-31}
      subprocessors: [Hosting Ltd]
      incidents: [{happened: 2026-11-20, notifiedAfter: PT20H}]
      contacts: {security: soc@acme.example.com}
      confirmed: 2026-10-01
"""


def framework(*facts):
    evidence = "".join(f"      - {{fact: {fact}}}\n" for fact in facts)
    return parse_framework(
        f"""apiVersion: evidence-kit/controls.v1
kind: Controls
name: ours
title: Our own
version: "1"
edition: "2026"
publisher: us
source: https://example.com/
reviewed: 2026-11-22
status: read
controls:
  - id: O-1
    says: something
    evidence:
{evidence}    beyond: everything else
""".encode(),
        name="ours.yaml",
    )


class Log:
    """Writes the events of one case."""

    def __init__(self, case="IR-1"):
        self.case, self.events = case, []

    def add(self, kind, *, actor="ana", at=None, **said):
        seq = len(self.events)
        self.events.append(
            EventRecord(
                case=self.case, seq=seq, at=at or NOW - timedelta(days=5) + timedelta(minutes=seq), type=kind,
                actor=actor, keyid=actor, said=said,
            )
        )  # fmt: skip
        return self

    def acquire(self, name="a-1", *, sealed=True, **said):
        self.add(log.STARTED, acquisition={"id": name}, **said)
        return self.add(log.SEALED, acquisition={"id": name}) if sealed else self

    def record(self, **fields):
        return CaseRecord(id=self.case, title="", head="00", events=self.events, **fields)


def unit(status="complete", *, source=SOURCE, target=SHOP, days=(10, 0), acquisition="a-1", stream=""):
    start, end = (NOW - timedelta(days=one) for one in days)
    return UnitRecord(
        case="IR-1", acquisition=acquisition, at=NOW - timedelta(days=5), source=source, target=target, region="r",
        id=f"{source}|{target.id}|r|{stream or '-'}|{start:%d}/{end:%d}", stream=stream, window=Window(start, end),
        status=status, whole=status in {"complete", "not_enabled", "not_configured", "region_disabled"},
    )  # fmt: skip


def records(*cases, entries=None, **fields):
    sources = {SOURCE: "aws", "okta.system_log": "okta"}
    return Records(cases=cases, period=PERIOD, at=NOW, entries=entries, sources=sources, **fields)


def inventory(text=INVENTORY):
    return parse_inventory(text.encode(), name="i.yaml").entries


def row(fact, found):
    (one,) = build(framework(fact), found, seed="s", size=5).rows
    return one


def standing(fact, found):
    return row(fact, found).standing


SHOWN, PARTLY, AGAINST, MISSING, IDLE = (
    Standing.SHOWN, Standing.PARTLY, Standing.AGAINST, Standing.MISSING, Standing.NO_OCCASION,
)  # fmt: skip


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("complete", SHOWN),
        ("region_disabled", SHOWN),
        ("not_enabled", AGAINST),
        ("not_configured", AGAINST),
        ("partial_error", AGAINST),
        ("integrity_failed", AGAINST),
        ("sampled_at_source", AGAINST),
        ("denied", MISSING),
        ("complete_unsettled", MISSING),
        ("", MISSING),
    ],
)
def test_only_what_came_whole_from_where_it_was_recorded_is_collected(status, expected) -> None:
    assert standing("collected, family: audit", records(Log().record(units=[unit(status)]))) is expected


def test_a_switched_off_log_is_never_covered_although_nothing_of_it_was_lost() -> None:
    off = records(Log().record(units=[unit("not_configured")]))

    assert unit("not_configured").whole
    assert standing("covered, family: audit", off) is AGAINST


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([(10, 0)], SHOWN),
        ([(12, 5), (5, 0)], SHOWN),
        ([(5, 0), (12, 4)], SHOWN),
        ([(10, 5), (4, 0)], AGAINST),
        ([(9, 0)], AGAINST),
        ([(10, 1)], AGAINST),
    ],
)
def test_a_stream_is_covered_only_without_a_gap_over_the_whole_period(spans, expected) -> None:
    found = records(Log().record(units=[unit(days=span) for span in spans]))
    told = row("covered, family: audit", found)

    assert told.standing is expected
    assert len(told.population.names) == 1


def test_a_later_acquisition_that_brought_it_counts() -> None:
    found = records(Log().record(units=[unit("denied"), unit(acquisition="a-2")]))
    worse = records(Log().record(units=[unit(acquisition="a-2"), unit("denied", acquisition="a-3")]))

    assert standing("collected, family: audit", found) is SHOWN
    assert standing("collected, family: audit", worse) is SHOWN


def test_a_later_look_that_shows_nothing_takes_back_nothing_that_speaks_against() -> None:
    told = row(
        "collected, family: audit",
        records(Log().record(units=[unit("not_enabled"), unit("denied", acquisition="a-2")])),
    )
    assert told.standing is AGAINST
    assert told.exceptions[0].said == "not_enabled, case IR-1, acquisition a-1"


def test_a_period_of_nothing_is_a_period() -> None:
    text = INVENTORY.replace("notifyWithin: PT24H", "notifyWithin: PT0S").replace("PT20H", "PT0S")
    found = records(entries=inventory(text))
    (agreed,) = row("notice_agreed", found).sample
    (told,) = row("incidents_told", found).sample
    assert (agreed.said, told.said) == ("within 0 hours", "told after 0 hours")


def test_a_target_is_asked_only_for_what_some_source_of_its_provider_has() -> None:
    bucket = Target(provider="box", id="b-1")
    case = Log().record(units=[unit(), unit(source="box.files", target=bucket)])
    made = build(framework("collected, family: audit"), records(case), seed="s", size=5)

    assert [one.target for one in made.rows] == [SHOP]
    assert made.impossible == 1


def checks(**said):
    names = ("trust", "log", "custody", "case", "layout", "seal", "tagmanifest", "manifest", "files", "proofs")
    return {name: Checked(status=said.get(name, "pass"), summary="") for name in names}


@pytest.mark.parametrize(
    ("fact", "one", "other"),
    [
        ("custody_unbroken", "log", "files"),
        ("evidence_intact", "files", "log"),
        ("provider_proofs_hold", "proofs", "log"),
    ],
)
def test_what_was_verified_is_shown_and_what_was_not_checked_is_never_a_pass(fact, one, other) -> None:
    told = Log().add(log.OPENED)

    assert standing(fact, records(told.record(checks=checks()))) is SHOWN
    assert standing(fact, records(told.record(checks=checks(**{other: "fail"})))) is SHOWN
    assert standing(fact, records(told.record(checks=checks(**{one: "fail"})))) is AGAINST
    assert standing(fact, records(told.record(checks=checks(**{one: "not_checked"})))) is MISSING
    assert standing(fact, records(told.record())) is MISSING
    assert standing(fact, records()) is MISSING


def stamped(result):
    of = "bags/a-1/seal/seal.sigstore.json"
    return Log().acquire().add(log.TIMESTAMPED, timestamps=[{"of": of, "result": result}])


def verified(verdict):
    return Log().acquire().add(log.VERIFIED, verification={"verdict": verdict})


def countersigned(actor):
    said = {"acquisition": "a-1", "keyid": "k"}
    return Log().acquire().add(log.COUNTERSIGNED, actor=actor, countersignature=said)


def transfer(kind=None, **said):
    offered = Log().add(log.OFFERED, transfer={"to": {"name": "bob"}})
    return offered if kind is None else offered.add(kind, actor="bob", transfer={"offer": {"seq": 0}}, **said)


def clock(*, deadline="2026-11-18T00:00:00Z", met=None):
    said = Log().add(log.CLOCK_STARTED, clock={"id": "gdpr-33", **({"deadline": deadline} if deadline else {})})
    return said.add(log.CLOCK_MET, clock={"id": "gdpr-33", "started": 0, "metAt": met}) if met else said


def disposal(approver=None, **said):
    told = Log()
    if approver:
        told.add(log.APPROVED, actor=approver, approval={"action": "disposal"})
    return told.add(log.DISPOSED, disposal={"scope": "case", **said})


@pytest.mark.parametrize(
    ("fact", "told", "expected"),
    [
        ("sealed", Log().acquire(), SHOWN),
        ("sealed", Log().acquire().acquire("a-2", sealed=False), PARTLY),
        ("sealed", Log().acquire(sealed=False), AGAINST),
        ("sealed", Log().add(log.OPENED), MISSING),
        ("time_stamped", stamped("granted"), SHOWN),
        ("time_stamped", stamped("unreachable"), AGAINST),
        ("time_stamped", Log().acquire(), AGAINST),
        ("verified_since", verified("OK"), SHOWN),
        ("verified_since", verified("DIGEST"), AGAINST),
        ("verified_since", Log().acquire(), MISSING),
        ("countersigned", countersigned("bob"), SHOWN),
        ("countersigned", countersigned("ana"), AGAINST),
        ("transfers_receipted", transfer(log.ACCEPTED, received={"sealState": "intact"}), SHOWN),
        ("transfers_receipted", transfer(log.ACCEPTED, received={"sealState": "broken"}), AGAINST),
        ("transfers_receipted", transfer(log.REJECTED), SHOWN),
        ("transfers_receipted", transfer(), MISSING),
        ("transfers_receipted", Log(), IDLE),
        ("clocks_met", clock(met="2026-11-17T23:59:59Z"), SHOWN),
        ("clocks_met", clock(met="2026-11-18T00:00:00Z"), AGAINST),
        ("clocks_met", clock(), AGAINST),
        ("clocks_met", clock(deadline="2026-11-30T00:00:00Z"), MISSING),
        ("clocks_met", clock(deadline=None, met="2026-11-18T00:00:00Z"), MISSING),
        ("clocks_met", Log(), IDLE),
        ("holds_recorded", Log().add(log.HELD, hold={"reason": "trial", "authority": "court"}), SHOWN),
        ("holds_recorded", Log().add(log.HELD, hold={"reason": "trial"}), AGAINST),
        ("holds_recorded", Log(), IDLE),
        ("approvals_given", disposal("bob"), SHOWN),
        ("approvals_given", disposal("ana"), AGAINST),
        ("approvals_given", disposal(), AGAINST),
        ("approvals_given", disposal("bob").add(log.DISPOSED, disposal={}), PARTLY),
        ("approvals_given", Log(), IDLE),
        ("disposals_authorised", disposal(method="shredded", authority="court"), SHOWN),
        ("disposals_authorised", disposal(method="shredded"), AGAINST),
        ("releases_accounted", Log().add(log.EXPORTED, export={"purpose": "for the court"}), SHOWN),
        ("releases_accounted", Log().add(log.DISCLOSED, disclosure={"purpose": " "}), AGAINST),
        ("releases_accounted", Log(), IDLE),
        ("analysis_recorded", Log().add(log.DERIVED, derived={"by": "query", "derivedFrom": [{}]}), SHOWN),
        ("analysis_recorded", Log().add(log.DERIVED, derived={"by": "query"}), AGAINST),
        ("analysis_recorded", Log(), IDLE),
    ],
)
def test_the_log_shows_what_it_shows_and_no_more(fact, told, expected) -> None:
    assert standing(fact, records(told.record())) is expected


@pytest.mark.parametrize("fact", ["sealed", "transfers_receipted", "clocks_met", "holds_recorded", "approvals_given",
                                  "releases_accounted", "analysis_recorded", "disposals_authorised"])  # fmt: skip
def test_what_happened_outside_the_period_is_not_told(fact) -> None:
    told = Log()
    long_ago = NOW - timedelta(days=400)
    for kind in (
        log.STARTED,
        log.SEALED,
        log.OFFERED,
        log.CLOCK_STARTED,
        log.HELD,
        log.DISPOSED,
        log.EXPORTED,
        log.DERIVED,
    ):
        told.add(kind, at=long_ago, acquisition={"id": "a-1"}, hold={}, clock={}, transfer={}, disposal={})

    assert row(fact, records(told.record())).population.names == ()


def test_an_acquisition_with_an_open_unit_is_not_accounted_for() -> None:
    told = Log().acquire()

    assert standing("gaps_accounted", records(told.record(units=[unit("denied")]))) is SHOWN
    assert standing("gaps_accounted", records(told.record(units=[unit(), unit("", stream="x")]))) is AGAINST
    assert standing("gaps_accounted", records(told.record())) is MISSING


def test_clocks_are_measured_where_the_acquisition_says_so() -> None:
    assert standing("clock_measured", records(Log().acquire().record(measured=frozenset({"a-1"})))) is SHOWN
    assert standing("clock_measured", records(Log().acquire().record())) is AGAINST


def test_a_description_has_to_say_something() -> None:
    told = Log().add(log.OPENED)
    full = {"purpose": "x", "legalAuthority": "consent", "retention": "P1Y"}

    for fact in ("authority_recorded", "retention_recorded"):
        assert standing(fact, records(told.record(description=full))) is SHOWN
        assert standing(fact, records(told.record(description={"purpose": " ", "retention": ""}))) is AGAINST


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"answered_at": NOW - timedelta(days=6), "whole": True}, SHOWN),
        ({"answered_at": NOW - timedelta(days=6), "whole": False}, AGAINST),
        ({"answered_at": NOW - timedelta(days=1), "whole": True}, AGAINST),
        ({"answered_at": None, "whole": False}, AGAINST),
        ({"answered_at": None, "whole": False, "due": NOW + timedelta(days=1)}, MISSING),
    ],
)
def test_a_request_is_answered_in_full_and_in_time_or_not(asked, expected) -> None:
    due = NOW - timedelta(days=5)
    said = {"due": due, **asked}
    answer = AnswerRecord(
        case="IR-1", request="REQ-1", provider="acme", target="t-7", asked_at=NOW - timedelta(days=8), **said
    )
    found = records(Log().record(), entries=inventory(), answers=[answer])

    assert standing("requests_answered", found) is expected
    assert standing("requests_answered", replace(found, answers=[])) is IDLE


PARTNER = (
    ("agreement_in_force", ("expires: 2027-12-31", "expires: 2026-11-01"), AGAINST),
    ("agreement_covers, classes: [audit_logs]", ("audit_logs:", "billing:"), AGAINST),
    ("notice_agreed, within: PT72H", ("notifyWithin: PT24H", "notifyWithin: PT96H"), AGAINST),
    ("transfer_basis", ("      transfer: scc-2021\n", ""), AGAINST),
    ("subprocessors_known, within: P365D", ("      confirmed: 2026-10-01\n", ""), AGAINST),
    ("subprocessors_known", ("      subprocessors: [Hosting Ltd]\n", ""), MISSING),
    ("report_on_file, paper: soc2, within: P365D", ("2026-05-31", "2025-05-31"), AGAINST),
    ("report_on_file, paper: soc2", ("{issued: 2026-05-31}", "{issued: 2026-05-31, expires: 2026-10-31}"), AGAINST),
    ("owner_named", ("    owner: supply-chain\n", ""), AGAINST),
    ("incidents_told", ("notifiedAfter: PT20H", "notifiedAfter: PT30H"), AGAINST),
    ("incidents_told", (", notifiedAfter: PT20H", ""), MISSING),
)


@pytest.mark.parametrize(("fact", "change", "expected"), PARTNER)
def test_what_is_on_file_of_a_partner_is_shown_and_one_change_less_is_not(fact, change, expected) -> None:
    assert change[0] in INVENTORY
    assert standing(fact, records(entries=inventory())) is SHOWN
    assert standing(fact, records(entries=inventory(INVENTORY.replace(*change, 1)))) is expected


def test_a_report_that_is_not_on_file_is_missing() -> None:
    assert standing("report_on_file, paper: iso27001", records(entries=inventory())) is MISSING


def test_nobody_to_ask_is_missing_and_says_why() -> None:
    own = inventory("apiVersion: evidence-kit/inventory.v1\nkind: Inventory\ntargets:\n"
                    '  - {name: shop, provider: aws, id: "111122223333"}\n')  # fmt: skip
    for fact in ("agreement_in_force", "incidents_told", "transfer_basis"):
        assert (row(fact, records()).standing, row(fact, records()).said) == (MISSING, NO_INVENTORY)
        assert (row(fact, records(entries=own)).standing, row(fact, records(entries=own)).said) == (
            MISSING,
            NO_PARTNER,
        )
    assert row("collected, family: audit", records()).said == NO_TARGET


def test_missing_evidence_stands_first_and_every_fact_of_every_control_has_a_row() -> None:
    case = Log().acquire().record(units=[unit()], checks=checks())
    found = records(case, entries=(*inventory(),))
    order = list(Standing)

    for one in frameworks().values():
        made = build(one, found, seed="s", size=5)
        places = [order.index(told.standing) for told in made.rows]
        assert places == sorted(places)
        asked = {(control.id, fact.said) for control in one.controls for fact in control.evidence}
        told = {(told.control, told.fact) for told in made.rows}
        assert {(name, fact) for name, fact in asked - told if not fact.startswith(("collected", "covered"))} == set()
        assert sum(made.counts.values()) == len(made.rows)


def test_nothing_on_record_shows_nothing() -> None:
    for one in frameworks().values():
        assert {told.standing for told in build(one, records(), seed="s", size=5).rows} <= {MISSING, IDLE}


def test_every_row_says_what_it_does_not_prove() -> None:
    for one in build(framework(*(f for f in FACTS if not FACTS[f].limits)), records(), seed="s", size=1).rows:
        assert one.unproved == FACTS[one.fact].unproved


# -- samples -------------------------------------------------------------------------------------------------------

SHELL = """while IFS= read -r item; do
  printf '%s %s\\n' "$(printf '%s\\n%s' "$SEED" "$item" | sha256sum | cut -c1-64)" "$item"
done < "$FILE" | LC_ALL=C sort | head -n "$SIZE" | cut -c66-"""


def test_a_shell_draws_the_same_sample(tmp_path) -> None:
    names = [f"IR-1 acquisition {number}" for number in range(40)]
    names += [" leading", "trailing ", "back\\slash", "%s %n", "grün", "a'b\"c$(id)", "line\nfeed", "*", "-n"]
    found = population(names)
    (tmp_path / "population.txt").write_bytes(found.text)
    environ = {"SEED": "audit 2026 %s\\n $(id)", "FILE": str(tmp_path / "population.txt"), "SIZE": "12",
               "PATH": "/usr/bin:/bin"}  # fmt: skip
    told = subprocess.run(["bash", "-c", SHELL], env=environ, capture_output=True, check=True)

    assert told.stdout.decode().splitlines() == list(found.sample(environ["SEED"], 12))


def test_the_shell_lines_are_those_that_the_module_documents() -> None:
    from evidence_kit.governance.controls import sampling

    documented = sampling.__doc__.partition("In a shell:\n\n")[2]
    lines = [line.removeprefix("    ") for line in documented.splitlines() if line.startswith("    ")]
    assert "\n".join(lines) == SHELL.replace('"$FILE"', "population.txt").replace('"$SIZE"', "25")


@given(st.lists(st.text(max_size=8), max_size=20), st.integers(0, 25))
def test_a_sample_does_not_hang_on_the_order_of_names_and_grows_by_its_end(names, size) -> None:
    found, other = population(names), population(reversed(names))

    assert found == other
    assert found.sample("s", size) == found.sample("s", size + 1)[:size]
    assert len(found.text.splitlines(keepends=True)) == len(found.names)
    assert all("\n" not in one_line(name) for name in names)


def test_another_seed_draws_another_sample_and_a_seed_has_to_be_one() -> None:
    found = population(str(number) for number in range(1000))

    assert found.sample("one", 10) != found.sample("two", 10)
    for seed in ("", "a\nb", "ü", "x" * 201):
        with pytest.raises(UsageError):
            build(framework("sealed"), records(), seed=seed, size=1)


def test_equal_records_seed_and_rules_give_an_equal_pack() -> None:
    found = records(Log().acquire().record(units=[unit(stream=str(number)) for number in range(30)]))
    rules = framework("collected, family: audit", "sealed")

    assert build(rules, found, seed="s", size=5) == build(rules, found, seed="s", size=5)


# -- a change of rules ---------------------------------------------------------------------------------------------


def test_a_change_of_rules_says_which_cases_it_affects() -> None:
    sealed = replace(Log("IR-1").acquire().record(), id="IR-1")
    stamped_too = replace(Log("IR-2").acquire().add(
        log.TIMESTAMPED, timestamps=[{"of": "bags/a-1/seal/seal.sigstore.json", "result": "granted"}]
    ).record(), id="IR-2")  # fmt: skip
    old, new = framework("sealed"), framework("sealed", "time_stamped")
    found = {one.case: one for one in effects(old, new, records(sealed, stamped_too))}

    assert [(one.control, one.kind, one.after) for one in changes(old, new)] == [
        ("O-1", "changed", ("sealed", "time_stamped"))
    ]
    assert (found["IR-1"].before, found["IR-1"].after) == ("1 shown", "1 against, 1 shown")
    assert found["IR-1"].is_affected
    assert found["IR-2"].after == "2 shown"


def test_other_rows_that_stand_the_same_are_told_from_no_difference() -> None:
    case = stamped("granted").record()
    (one,) = effects(framework("sealed"), framework("time_stamped"), records(case))

    assert (one.is_affected, one.rows_differ) == (False, True)
    assert effects(framework("sealed"), framework("sealed"), records(case)) == ()


def test_controls_that_are_new_gone_or_reworded_are_told() -> None:
    base = framework("sealed")
    renamed = replace(base, controls=(replace(base.controls[0], id="O-2"),))
    reworded = replace(base, controls=(replace(base.controls[0], says="something else"),))
    case = Log().acquire().record()

    assert [(one.control, one.kind) for one in changes(base, renamed)] == [("O-1", "removed"), ("O-2", "added")]
    assert [one.kind for one in changes(base, reworded)] == ["reworded"]
    assert [(one.before, one.after) for one in effects(base, renamed, records(case))] == [
        ("1 shown", "no rule"),
        ("no rule", "1 shown"),
    ]
    with pytest.raises(UsageError, match="two frameworks"):
        changes(base, replace(base, name="other"))


BARE = """apiVersion: evidence-kit/inventory.v1
kind: Inventory
targets:
  - {name: acme, provider: acme, id: t-7}
"""
NOT_ON_FILE = {
    "agreement_in_force": AGAINST,
    "agreement_covers, classes: [audit_logs]": MISSING,
    "notice_agreed": MISSING,
    "transfer_basis": IDLE,
    "subprocessors_known": MISSING,
    "report_on_file, paper: soc2": MISSING,
    "owner_named": AGAINST,
    "incidents_told": IDLE,
}


@pytest.mark.parametrize("fact", NOT_ON_FILE)
def test_a_partner_of_whom_nobody_wrote_anything_shows_nothing(fact) -> None:
    assert standing(fact, records(entries=inventory(BARE))) is NOT_ON_FILE[fact]


def test_a_report_and_subprocessors_without_a_day_are_not_young_enough() -> None:
    undated = inventory(INVENTORY.replace("      confirmed: 2026-10-01\n", "", 1))

    assert standing("subprocessors_known", records(entries=undated)) is SHOWN
    assert standing("subprocessors_known, within: P365D", records(entries=undated)) is AGAINST
