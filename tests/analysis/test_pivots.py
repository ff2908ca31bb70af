"""Every saved question, asked of the demo's incident, whose answers are known."""

from datetime import timedelta

import duckdb
import pytest
from support.clouds import unharmed
from support.evidence import evidence, row
from support.lab import BOTH, END, Lab, catalogue

from evidence_kit.analysis.pivots import load_pivots, parse_pivot, pivot
from evidence_kit.analysis.tables.derive import derive, open_case
from evidence_kit.analysis.timeline.opening import opened
from evidence_kit.errors import UsageError
from evidence_kit.model.time import rfc3339
from evidence_kit.sandbox.incident import (
    ATTACKER_IP,
    DATA,
    LEAKED_KEY,
    LOOT_BUCKET,
    MISUSES,
    PLANTED_KEY,
    SHOP,
    STOLEN_OBJECTS,
)
from evidence_kit.sandbox.scoring import ENDPOINT, PLANTED
from evidence_kit.vaults.local import LocalVault

SOURCES = ("aws.cloudtrail.lookup", "aws.cloudtrail.s3")
EXPORT_KEY = "ASIAEXAMPLEPRICEEXP7"  # the session that the planted key opened


@pytest.fixture(scope="module")
def incident(clouds, tmp_path_factory):
    """The demo's incident, collected, sealed, derived and opened."""
    root = tmp_path_factory.mktemp("pivots")
    with pytest.MonkeyPatch.context() as patch, unharmed(clouds.get(end=END, lookup_tps=None)) as cloud:
        for name, value in cloud.environ.items():
            patch.setenv(name, value)
        lab = Lab(root / "case", cloud.window).open()
        lab.collect(*SOURCES, targets=BOTH)
        tables = derive(open_case(LocalVault(lab.root), root=lab.root), root / "work", catalogue())
        with opened([tables], ()) as found:
            yield found.connection


@pytest.fixture
def ask(incident):
    """Ask a saved question; rows as mappings."""
    return lambda name, **given: answer(incident, name, **given)


def answer(connection: duckdb.DuckDBPyConnection, name: str, **given: str):
    one = pivot(name)
    result = connection.execute(one.sql, one.bind(given))
    names = [column[0] for column in result.description]
    assert names == list(one.columns)  # what a question says of its columns is what it gives
    return [dict(zip(names, values, strict=True)) for values in result.fetchall()]


# -- answers that are known ----------------------------------------------------------------------------------


def test_activity_is_everything_the_key_did_each_once_although_two_sources_tell_of_it(ask) -> None:
    found = ask("activity", who=PLANTED_KEY)

    assert [one["action"] for one in found] == [
        *("AssumeRole", "AssumeRole", "StopLogging", "CreateUser", "AttachUserPolicy", "CreateModel"),
        *("CreateEndpointConfig", "UpdateEndpoint", "InvokeModel", "InvokeModel", "InvokeModel", "RunInstances"),
    ]
    assert {one["witnesses"] for one in found if one["action"] == "StopLogging"} == {2}
    assert {one["witnesses"] for one in found if one["action"] == "CreateUser"} == {1}  # the trail was off
    assert {one["src_ip"] for one in found} == {ATTACKER_IP}
    assert ask("activity", who="svc-pricing") == found


def test_created_names_the_key_the_session_the_user_and_the_model(ask) -> None:
    made = [one["made"] for one in ask("created", who=ATTACKER_IP)]

    assert made == [
        PLANTED_KEY,
        EXPORT_KEY,
        EXPORT_KEY,
        f"arn:aws:iam::{SHOP}:user/svc-backup",
        f"arn:aws:iam::{SHOP}:policy/platform-admin",
        PLANTED.model,
        PLANTED.config,
        PLANTED.config,
        "g6.48xlarge",
    ]


def test_descendants_follows_the_leaked_key_to_the_last_session(ask) -> None:
    found = ask("descendants", credential=LEAKED_KEY)

    assert [(one["credential"], one["step"], one["made_by"]) for one in found] == [
        (LEAKED_KEY, 0, None),
        (PLANTED_KEY, 1, "CreateAccessKey"),
        (EXPORT_KEY, 2, "AssumeRole"),
    ]
    assert found[2]["actions"] == STOLEN_OBJECTS + 2


def test_the_attackers_address_was_used_by_three_identities_in_two_accounts(ask) -> None:
    found = ask("same_address", who=LEAKED_KEY)

    assert {(one["credential"], one["target"]) for one in found} == {
        (LEAKED_KEY, SHOP),
        (PLANTED_KEY, SHOP),
        (PLANTED_KEY, DATA),
        (EXPORT_KEY, DATA),
    }


def test_data_read_counts_the_stolen_objects_and_their_bytes(ask) -> None:
    first = ask("data_read")[0]

    assert (first["container"], first["reads"], first["objects"]) == (LOOT_BUCKET, STOLEN_OBJECTS, STOLEN_OBJECTS)
    assert first["unsized"] == 0
    assert STOLEN_OBJECTS << 20 <= first["bytes"] < STOLEN_OBJECTS << 24
    assert {one["container"] for one in ask("data_read") if one["credential"] == EXPORT_KEY} == {
        LOOT_BUCKET,
        "pricing/feature-store",
    }
    assert ask("data_read", until="2020-01-01T00:00:00Z") == []


def test_logging_changes_are_the_three_that_were_made(ask) -> None:
    found = ask("logging_changes")

    assert [(one["action"], one["credential"]) for one in found] == [
        ("DeleteModelInvocationLoggingConfiguration", LEAKED_KEY),
        ("StopLogging", PLANTED_KEY),
        ("StartLogging", "ASIAEXAMPLERESPOND42"),
    ]


def test_model_versions_says_since_when_the_planted_model_answered(ask) -> None:
    (found,) = ask("model_versions")

    assert (found["endpoint"], found["config"], found["model"]) == (ENDPOINT, PLANTED.config, PLANTED.model)
    assert found["artifact_of_model"].endswith(PLANTED.artifact)
    assert found["until"] is None


def test_model_calls_tells_the_misuse_from_the_shops_own_use(ask) -> None:
    found = {(one["credential"], one["region"]): one["calls"] for one in ask("model_calls")}

    assert found[LEAKED_KEY, "eu-west-1"] == MISUSES
    assert found[LEAKED_KEY, "us-east-1"] == 3
    assert found["ASIAEXAMPLEASSISTANT", "us-east-1"] == 12


def test_first_seen_finds_the_intruder_in_the_hour_of_the_entry(ask) -> None:
    entry = END - timedelta(hours=26) + timedelta(hours=9)
    found = ask("first_seen", since=rfc3339(entry), until=rfc3339(entry + timedelta(hours=1)))
    values = {(one["kind"], one["value"]) for one in found}

    assert {("credential", LEAKED_KEY), ("credential", PLANTED_KEY), ("src_ip", ATTACKER_IP)} <= values
    assert ("action", "CreateAccessKey") in values
    assert ("src_ip", "10.20.4.18") not in values


def test_cross_account_is_one_event_that_both_accounts_tell_of(ask) -> None:
    (found,) = ask("cross_account")

    assert (found["credential"], found["home"], found["role_home"]) == (PLANTED_KEY, SHOP, DATA)
    assert (found["session"], found["told_by"]) == (EXPORT_KEY, f"{SHOP} {DATA}")


def test_nobody_signed_in_to_a_console_and_nobody_was_refused_first(ask) -> None:
    assert ask("console_logins", without_mfa="no") == []
    assert ask("failed_then_succeeded") == []


# -- what the incident does not have -------------------------------------------------------------------------


def test_a_login_without_a_second_factor_is_found_and_one_that_does_not_say_is_not_passed_over() -> None:
    login = {"action": "ConsoleLogin"}
    rows = (
        row(actor="with", raw='{"additionalEventData":{"MFAUsed":"Yes"}}', **login),
        row(actor="without", raw='{"additionalEventData":{"MFAUsed":"No"}}', **login),
        row(actor="silent", raw="not JSON {", **login),
        row(actor="entra", source="entra.signins.interactive", action="sign-in",
            raw='{"authenticationRequirement":"singleFactorAuthentication"}'),
        row(actor="other"),
    )  # fmt: skip
    with evidence(*rows) as found:
        shown = [(one["actor"], one["mfa"]) for one in answer(found.connection, "console_logins")]
        everything = answer(found.connection, "console_logins", without_mfa="no")

    assert shown == [("without", "no"), ("silent", "not said"), ("entra", "no")]
    assert len(everything) == 4


def test_who_was_refused_and_then_got_it_within_the_time_is_found_once() -> None:
    rows = (
        row("2026-11-21T12:00:00Z", outcome="failure"),
        row("2026-11-21T12:01:00Z", outcome="AccessDenied"),
        row("2026-11-21T12:30:00Z", credential="NEW", line=77),
        row("2026-11-21T12:31:00Z"),
        row("2026-11-21T12:00:00Z", actor="bo", outcome="failure"),
        row("2026-11-21T14:00:00Z", actor="bo"),
    )
    with evidence(*rows) as found:
        (one,) = answer(found.connection, "failed_then_succeeded")
        both = answer(found.connection, "failed_then_succeeded", minutes="120")

    assert (one["failures"], one["succeeded"], one["credential"], one["line"]) == (
        2,
        "2026-11-21T12:30:00Z",
        "NEW",
        77,
    )
    assert len(both) == 2


def test_a_model_is_served_until_the_next_takes_its_place() -> None:
    def put(time, config):
        raw = f'{{"requestParameters":{{"endpointName":"e","endpointConfigName":"{config}"}}}}'
        return row(time, action="UpdateEndpoint", raw=raw)

    with evidence(put("2026-11-21T13:00:00Z", "two"), put("2026-11-21T12:00:00Z", "one")) as found:
        served = [(one["config"], one["since"], one["until"]) for one in answer(found.connection, "model_versions")]

    assert served == [
        ("one", "2026-11-21T12:00:00Z", "2026-11-21T13:00:00Z"),
        ("two", "2026-11-21T13:00:00Z", None),
    ]


def test_a_chain_of_keys_that_closes_on_itself_ends() -> None:
    def makes(one, other):
        return row(credential=one, raw=f'{{"responseElements":{{"accessKey":{{"accessKeyId":"{other}"}}}}}}')

    with evidence(makes("A", "B"), makes("B", "A")) as found:
        assert [one["credential"] for one in answer(found.connection, "descendants", credential="A")] == ["A", "B"]


def test_a_session_leads_to_the_record_that_made_it_and_an_unknown_key_to_none() -> None:
    raw = '{"responseElements":{"credentials":{"accessKeyId":"B"}}}'
    with evidence(row(credential="A", raw=raw, line=3), row(credential="B", line=4)) as found:
        told = answer(found.connection, "descendants", credential="A")
        assert [(one["credential"], one["line"]) for one in told] == [("A", 3), ("B", 3)]
        assert answer(found.connection, "descendants", credential="nobody's") == []


@pytest.mark.parametrize(
    ("name", "action", "given"),
    [
        ("same_address", "ListUsers", {"who": "AKIAEXAMPLE"}),
        ("first_seen", "ListUsers", {"since": "2026-11-21T00:00:00Z"}),
        ("data_read", "GetObject", {}),
        ("model_calls", "Converse", {}),
        ("descendants", "ListUsers", {"credential": "AKIAEXAMPLE"}),
    ],
)
def test_of_several_records_of_one_instant_every_run_names_the_same(name, action, given) -> None:
    rows = [
        row("2026-11-21T12:00:00.0Z", action=action, artifact="bags/b/data/b.json", line=1),
        row(action=action, artifact="bags/b/data/a.json", line=9),
        row(action=action, artifact="bags/b/data/a.json", line=2),
        row(None, action=action, artifact="bags/b/data/a.json", line=1),
    ]
    for some in (rows, rows[::-1]):
        with evidence(*some) as found:
            for one in answer(found.connection, name, **given):
                assert (one["first_seen"], one["artifact"], one["line"]) == (
                    "2026-11-21T12:00:00Z",
                    "bags/b/data/a.json",
                    2,
                )
                assert one["last_seen"] == "2026-11-21T12:00:00.0Z"


def test_one_id_does_not_hide_a_record_that_says_something_else() -> None:
    history = row(source="aws.cloudtrail.lookup", raw='{"eventID":"e-1","n":1}', line=1)
    delivered = row(raw='{"eventID":"e-1","n":1}', line=2)
    again = row(raw='{"eventID":"e-1","n":1}', line=3)  # of a later acquisition
    renamed = row(raw='{"eventID":"e-1","n":1}', action="DeleteTrail", line=4)
    forged = row(raw='{"eventID":"e-1","n":2}', line=5)
    with evidence(history, delivered, again, renamed) as found:
        told = answer(found.connection, "activity", who="AKIAEXAMPLE")
    assert [(one["line"], one["witnesses"]) for one in told] == [(1, 3), (4, 1)]
    with evidence(history, delivered, again, renamed, forged) as found:
        told = answer(found.connection, "activity", who="AKIAEXAMPLE")
    assert sorted((one["line"], one["witnesses"]) for one in told) == [(1, 1), (2, 1), (3, 1), (4, 1), (5, 1)]


def test_two_records_of_one_file_without_an_id_stay_two_events() -> None:
    with evidence(row(raw="plain text"), row(raw="plain text")) as found:
        assert len(answer(found.connection, "activity", who="AKIAEXAMPLE")) == 2


def test_a_question_cannot_be_turned_into_another() -> None:
    with evidence(row()) as found:
        assert answer(found.connection, "activity", who="x' OR true --") == []


# -- the questions themselves --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(load_pivots()))
def test_every_question_says_what_it_asks_and_names_the_record_behind_each_row(name) -> None:
    one = pivot(name)

    assert one.question.endswith("?")
    assert all(one.columns.values())
    assert {"artifact", "line"} <= set(one.columns)


@pytest.mark.parametrize(
    ("given", "says"),
    [({}, "needs `who`"), ({"who": "x", "whom": "y"}, "no parameter `whom`")],
)
def test_a_missing_or_unknown_parameter_is_named(given, says) -> None:
    with pytest.raises(UsageError, match=says):
        pivot("activity").bind(given)


def test_parameters_are_read_by_their_type() -> None:
    assert pivot("failed_then_succeeded").bind({"minutes": "5"}) == {"minutes": 5}
    assert pivot("first_seen").bind({"since": "1970-01-01T00:00:01Z", "until": "1970-01-01T00:00:02Z"}) == {
        "since": 10**9,
        "until": 2 * 10**9,
    }
    with pytest.raises(UsageError, match="not a whole number"):
        pivot("failed_then_succeeded").bind({"minutes": "soon"})
    with pytest.raises(UsageError, match="not a time"):
        pivot("first_seen").bind({"since": "yesterday-ish"})


def test_an_unknown_question_gets_a_hint() -> None:
    with pytest.raises(UsageError) as caught:
        pivot("activty")

    assert "`activity`" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("header", "sql", "says"),
    [
        ("question: a?\ncolumns: {a: b}", "SELECT $x", "`x` is not declared"),
        ("question: a?\ncolumns: {a: b}\nparameters: {x: {type: text, help: h}}", "SELECT 1", "`x` is never used"),
        ("question: a?\ncolumns: {a: b}\nparameters: {x: {type: date, help: h}}", "SELECT $x", "unknown type"),
        ("question: a?\ncolumns: {a: b}\nuses: others", "SELECT 1", "no `others`"),
        ("question: a?\ncolums: {a: b}", "SELECT 1", "unknown field"),
    ],
)
def test_a_question_whose_header_and_sql_differ_is_refused(header, sql, says) -> None:
    text = "\n".join(f"-- {line}" for line in header.splitlines()) + f"\n{sql}\n"
    with pytest.raises(UsageError, match=says):
        parse_pivot(text, name="new")
