"""Decisions of playbooks by rule: whether addresses are foreign, known, or nobody's."""

import pytest

from evidence_kit.playbook.expressions import parse
from evidence_kit.playbook.library import Library

BOOKS = {
    "aws-ai-abuse": "calls",
    "aws-credential-compromise": "pivot",
    "aws-s3-exfiltration": "readers",
    "azure-openai-misuse": "callers",
    "entra-account-or-consent-compromise": "places",
    "gcp-sa-key-leak": "pivot",
    "partner-api-key-leak": "key_use",
}
SEEN = {
    "nobody": [],
    "known": ["192.0.2.10", "10.1.2.3"],
    "foreign": ["192.0.2.10", "203.0.113.66"],
}


def step(playbook, name):
    return next(one for one in Library().find(playbook).steps if one.id == name)


@pytest.mark.parametrize(("choice", "ips"), SEEN.items())
@pytest.mark.parametrize(("playbook", "source"), BOOKS.items())
def test_no_address_at_all_is_nobodys_and_none_that_is_known(playbook, source, choice, ips):
    foreign = step(playbook, "foreign")
    names = {
        "inputs": {"known_networks": ["192.0.2.0/24", "10.0.0.0/8"]},
        "steps": {source: {"outputs": {"ips": ips}}},
    }
    assert parse(foreign.fields["rule"]).value(names) == choice
    assert choice in [one["value"] for one in foreign.fields["options"]]


@pytest.mark.parametrize(
    ("playbook", "question"),
    [
        ("azure-openai-misuse", "personal_data"),
        ("azure-openai-misuse", "serious"),
        ("entra-account-or-consent-compromise", "personal_data"),
        ("entra-account-or-consent-compromise", "significant"),
    ],
)
@pytest.mark.parametrize(("choice", "is_asked"), [("nobody", True), ("foreign", True), ("known", False)])
def test_where_nobody_is_on_record_people_are_asked_as_if_it_were_a_stranger(playbook, question, choice, is_asked):
    outputs = {
        "foreign": {"choice": choice},
        "spread": {"choice": "no_consent"},
        "mail_read": {"mailboxes": []},
        "blind": {"unlogged": []},
        "callers": {"total": 1},
        "models_changed": {"what": []},
    }
    names = {"steps": {name: {"outputs": one, "gaps": 0} for name, one in outputs.items()} | {"calls": {"gaps": 0}}}
    assert parse(step(playbook, question).when).holds(names) is is_asked
