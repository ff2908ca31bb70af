"""Every source of Microsoft's tenants and subscriptions, from a small tenant, with the real credential."""

import json
import re
from collections import Counter

import pytest
from support.lab import catalogue
from support.microsoft import collect, stored

from evidence_kit.errors import Exit
from evidence_kit.model.status import UnitStatus

CALLS = {"azure.call", "azure.entra_logs"}
MECHANISMS = {*CALLS, "azure.audit_query", "azure.activity_feed"}
CATALOGUE = {name: spec for name, spec in catalogue().items() if spec.mechanism in MECHANISMS}
# Sources with tests of their own beside these.
OTHERS = {name: spec for name, spec in catalogue().items() if spec.mechanism in {"azure.blob_logs", "azure.hunting"}}
each = pytest.mark.parametrize("source", sorted(CATALOGUE))
WHOLE = {UnitStatus.COMPLETE, UnitStatus.COMPLETE_UNSETTLED}
# Permissions of Graph and of the activity feed, and actions of Resource Manager, as the grants are called.
GRANT = re.compile(r"[A-Z]\w+(?:\.\w+){1,3}|(?:Microsoft\.\w+(?:/\w+)+|\*)/[rR]ead")


def calls(spec):
    def walk(some):
        for call in some:
            yield call
            yield from walk(call.get("then", []))

    return list(walk(spec.settings.get("calls", [])))


@each
def test_a_source_stores_exactly_what_was_sent_and_ends_complete(source, kiosk, lab):
    collect(lab, kiosk, source)
    ends = Counter(lab.outcomes().values())
    # The tenant has not subscribed to one of five content types, which is said and is no failure.
    assert ends.pop(UnitStatus.NOT_ENABLED, 0) == (1 if source == "m365.activity_feed" else 0)
    assert ends
    assert set(ends) <= WHOLE
    assert stored(lab) == kiosk.evidence
    assert stored(lab)
    assert lab.verify().exit() is Exit.OK


@each
def test_no_token_and_no_secret_is_in_any_file_of_the_case(source, kiosk, lab):
    collect(lab, kiosk, source)
    secrets = [kiosk.entra.secret, *kiosk.entra.issued, *(token.rpartition(".")[2] for token in kiosk.entra.issued)]
    assert len(kiosk.entra.issued) >= 1
    for path in lab.root.rglob("*"):
        if path.is_file():
            text = path.read_bytes()
            assert b"Bearer " not in text, path
            for secret in secrets:
                assert secret.encode() not in text, path


@pytest.mark.parametrize("source", sorted(CATALOGUE | OTHERS))
def test_a_source_names_its_grants_its_pace_and_where_it_is_documented(source):
    spec = (CATALOGUE | OTHERS)[source]
    assert all(GRANT.fullmatch(grant) for grant in spec.permissions), spec.permissions
    assert spec.docs.startswith("https://learn.microsoft.com/")
    assert spec.limit.per == ("account",)
    assert (spec.step is None) or spec.windowed
    assert source.partition(".")[0] in {"azure", "entra", "m365", "defender"}


@each
def test_every_call_names_its_result_and_only_queries_are_posted(source):
    for call in calls(CATALOGUE[source]):
        assert call["result"]
        assert call["path"].startswith(("/", "{"))
        if call.get("method", "GET") != "GET":
            assert call["operation"].startswith("Query")
            assert call["path"].endswith("Microsoft.ResourceGraph/resources")


@each
def test_a_filter_of_time_has_both_bounds_or_says_why_not(source):
    spec = CATALOGUE[source]
    said = json.dumps(calls(spec))
    if not spec.windowed or spec.mechanism not in CALLS:
        assert "{start}" not in said
    else:
        assert "{start}" in said or "{start_before}" in said
        assert "{end}" in said or source.startswith("defender.")


def test_there_are_as_many_sources_as_were_asked_for():
    assert len(CATALOGUE) >= 22


def test_the_record_names_the_application_as_which_the_provider_knew_us(kiosk, lab):
    collect(lab, kiosk, "entra.signins.interactive")
    callers = {line.get("caller") for line in lab.exchanges()} - {None, ""}
    assert callers == {kiosk.entra.client}
