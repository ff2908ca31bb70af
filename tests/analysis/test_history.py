"""Every kind of event has a summary that a person can read, whatever its author put into it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.people import Cast
from support.recorded import decide, full, opened

from evidence_kit.analysis.history import history, read_log
from evidence_kit.analysis.summaries import MAX_PART, summary
from evidence_kit.custody import dsse, log, statement
from evidence_kit.custody.log import Event
from evidence_kit.model.time import parse_instant

# What events say by name, so that random values stand where summaries look.
_NAMES = (
    "acquisition", "approval", "artifacts", "authority", "bytes", "case", "certificate", "condition",
    "countersignature", "defects", "despite", "disclosure", "disposal", "export", "files", "found", "hold", "id",
    "channel", "classes", "deadline", "deliveredBy", "items", "keyid", "partner", "receipt", "request", "status",
    "location", "logKey", "medium", "name", "newKey", "note", "offer", "order", "purpose", "reason", "received",
    "recipients", "redacted", "renewal", "result", "scope", "sealState", "seq", "sources", "targets",
    "timestamps", "to", "torn", "transfer", "verdict", "verification", "window", "start", "end",
)  # fmt: skip
_LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=6),
    max_leaves=20,
)


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """The log of a case in which everything happened but a time-stamp."""
    return history(full(tmp_path_factory.mktemp("full")).vault)


def event_of(kind: str, said: dict) -> Event:
    subject = statement.Subject("case.json", "0" * 64)
    return Event(
        seq=3,
        type=kind,
        at=parse_instant("2026-11-21T21:30:00Z"),
        envelope=dsse.Envelope(payload=b"", keyid="0" * 64, signature=b""),
        said=statement.Statement(statement.CUSTODY_EVENT, (subject,), said),
        leaf="",
        actor="alice",
    )


def test_every_kind_of_event_that_a_log_can_have_says_what_it_is_about(told) -> None:
    seen = {event.type: event.summary for event in told}

    assert set(log.ROLES) - set(seen) == {log.TIMESTAMPED}
    assert all(seen.values())


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (log.OFFERED, "to bob: analysis, on disk 7, sealed bag 88"),
        (log.WITHDRAWN, "the offer to bob: wrong disk"),
        (log.REJECTED, "the offer of alice: too early, it verified as OK"),
        (log.ACCEPTED, "from alice, intact, sealed bag 88, analysis, kept at safe 3"),
        (log.HELD, "M-7: litigation, ordered by counsel"),
        (log.REPAIRED, "a torn last line of 16 bytes, kept in this event"),
        (log.EXPORTED, "case as case.tar.zst, not encrypted: copy, on disk 8"),
        (log.VERIFIED, "OK, 0 defects"),
        (log.APPROVED, "the next disposal: retention is over"),
        (
            log.CLOCK_STARTED,
            "eu.gdpr.art33 since 2026-11-21T20:00:00Z, deadline 2026-11-24T20:00:00Z: the SOC was sure",
        ),
        (log.CLOCK_MET, "eu.gdpr.art33 at 2026-11-21T21:00:00Z: by portal, no. 7"),
        (log.PLAY_STARTED, "test-book 1.0.0, run RUN-1"),
        (log.PLAY_RESUMED, "run RUN-1"),
        (log.PLAY_STEP, "choose success"),
        (log.PLAY_ANSWERED, "choose by alice: a: because"),
        (log.PLAY_ENDED, "run RUN-1 success"),
        (log.DERIVED, "1 row by query, with duckdb 2"),
        (log.REQUESTED, "REQ-20261121T213000Z-0abcde audit_logs of acme, by 2026-12-01"),
        (
            log.RECEIVED,
            "2 files by dana@acme.example, over sftp, for REQ-20261121T213000Z-0abcde: complete",
        ),
        (
            log.OVERRIDDEN,
            "although aws.iam.account at shop: takes identity (DPA-2025-118): it was agreed, approved by bob",
        ),
    ],
)
def test_a_summary_says_who_what_why_and_on_what(told, kind, text) -> None:
    assert next(event.summary for event in told if event.type == kind) == text


def test_an_acceptance_despite_defects_cannot_be_read_as_a_good_one(told) -> None:
    last = [event.summary for event in told if event.type == log.ACCEPTED][-1]

    assert last.startswith("from bob, BROKEN, ")
    assert "(DIGEST), accepted despite: the rest is sound" in last


def test_time_stamps_are_counted_and_failures_named() -> None:
    said = {
        "timestamps": [
            {"authority": "https://a.example/tsr", "result": "granted"},
            {"authority": "https://a.example/tsr", "result": "granted"},
            {"authority": "https://b.example/tsr", "result": "unreachable"},
        ]
    }

    assert summary(event_of(log.TIMESTAMPED, said)) == (
        "2 tokens by https://a.example/tsr; https://b.example/tsr unreachable"
    )
    assert summary(event_of(log.TIMESTAMPED, {"timestamps": []})) == "0 tokens"


def test_an_acquisition_names_few_sources_and_counts_many() -> None:
    def asked(*sources: str) -> str:
        order = {"sources": list(sources), "targets": [{}, {}], "window": {"start": "a", "end": "b"}}
        return summary(event_of(log.STARTED, {"acquisition": {"id": "x", "order": order}}))

    assert asked("s1", "s2") == "x: s1 s2 of 2 targets, a to b"
    assert asked("s1", "s2", "s3", "s4") == "x: 4 sources of 2 targets, a to b"


def test_a_kind_of_tomorrow_has_no_summary_and_is_no_error() -> None:
    assert summary(event_of("teleported", {"note": "x"})) == ""


def test_a_note_of_any_length_and_shape_is_one_line(tmp_path) -> None:
    cast = Cast(tmp_path)
    cast.add("alice")
    alice = opened(cast)
    decide(alice, log.NOTE, {"note": "first\n9  2026-01-01T00:00:00Z  disposed\tforged " + "x" * 100_000})
    note = history(alice.vault)[-1]

    assert note.summary.startswith("first 9 2026-01-01T00:00:00Z disposed forged xxx")
    assert len(note.summary) == MAX_PART
    assert len(json.dumps(note.fields)) > 100_000


@given(kind=st.sampled_from(sorted(log.ROLES)), said=st.dictionaries(st.sampled_from(_NAMES), _VALUES, max_size=8))
def test_no_event_however_malformed_breaks_or_floods_the_history(kind, said) -> None:
    text = summary(event_of(kind, said))

    assert "\n" not in text
    assert len(text) <= 8 * MAX_PART


def test_the_history_names_giver_and_receiver_of_what_is_answered(told) -> None:
    answer = next(event for event in told if event.type == log.ACCEPTED)

    assert (answer.giver, answer.receiver, answer.actor) == ("alice", "bob", "bob")


def test_reading_the_log_tells_where_it_stands(tmp_path) -> None:
    cast = Cast(tmp_path)
    cast.add("alice")
    alice = opened(cast)
    told, state = read_log(alice.vault)

    assert (len(told), state.case, state.custody.holder.name) == (1, "IR-2026-014", "alice")
