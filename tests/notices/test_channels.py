"""The organisation's file of channels."""

import re
from datetime import timedelta

import jsonschema
import pytest

from evidence_kit.errors import UsageError
from evidence_kit.model.document import parse_document
from evidence_kit.notices.channels import PAGERDUTY_URL, choose, parse_channels, schema

FILE = """\
apiVersion: evidence-kit/notices.v1
kind: Notices
channels:
  - {name: ops, kind: slack, secret: secret://env/SLACK_WEBHOOK}
  - {name: managers, kind: teams, secret: secret://keyring/evidence-kit/teams, timeout: PT5S}
  - {name: soar, kind: webhook, url: "https://soar.acme.example/in", secret: "secret://vault/soar#token", ca: ca.pem}
  - {name: oncall, kind: pagerduty, secret: "secret://aws-sm/pd#key", severity: critical}
  - {name: tickets, kind: jira, url: "https://acme.atlassian.net", user: bot@acme.example, secret: secret://env/JIRA,
     project: IR, issueType: Incident}
  - {name: legal, kind: email, host: mail.acme.example, from: ir@acme.example, to: [legal@acme.example], user: bot,
     secret: secret://env/MAIL}
"""
CANARY = "xoxb-canary-3f9c1e77"


def parse(text):
    return parse_channels(text.encode(), name="notices.yaml")


def with_one(entry):
    return "apiVersion: evidence-kit/notices.v1\nkind: Notices\nchannels:\n  - " + entry + "\n"


def test_every_kind_can_be_written_down() -> None:
    found = {one.name: one for one in parse(FILE)}

    assert [one.kind for one in found.values()] == ["slack", "teams", "webhook", "pagerduty", "jira", "email"]
    assert found["managers"].timeout == timedelta(seconds=5)
    assert (found["oncall"].url, found["oncall"].severity) == (PAGERDUTY_URL, "critical")
    assert (found["legal"].port, found["legal"].security) == (587, "starttls")
    assert found["tickets"].issue_type == "Incident"


def test_the_file_is_valid_by_the_schema_that_editors_get() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    data = parse_document(FILE.encode(), name="notices.yaml").data
    jsonschema.validate(data, schema())

    data["channels"][0]["secret"] = CANARY
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, schema())


@pytest.mark.parametrize(
    "secret",
    [CANARY, "https://hooks.slack.com/services/T/B/" + CANARY, f"secret://{CANARY}", f"[{CANARY}]", f"'{CANARY} '"],
)
def test_a_secret_written_where_its_place_belongs_is_refused_and_not_repeated(secret) -> None:
    with pytest.raises(UsageError, match="does not say where the secret is kept") as caught:
        parse(with_one(f"{{name: ops, kind: slack, secret: {secret}}}"))
    assert CANARY not in caught.value.message + (caught.value.hint or "")
    assert re.match(r"notices\.yaml:4:\d+: ", caught.value.message)


@pytest.mark.parametrize(
    "url",
    [f"https://bot:{CANARY}@hooks.example/x", f"https://{CANARY}@hooks.example", f"[{CANARY}]", f"ftp://{CANARY}"],
)
@pytest.mark.parametrize("kind", ["webhook", "jira", "pagerduty", "slack"])
def test_a_login_in_an_address_is_refused_and_not_repeated(url, kind) -> None:
    with pytest.raises(UsageError, match="`url` is not an address") as caught:
        parse(with_one(f"{{name: ops, kind: {kind}, url: {url}}}"))
    assert CANARY not in caught.value.message + (caught.value.hint or "")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{name: ops, kind: slack}", "secret"),
        ("{name: ops, kind: slak, secret: secret://env/X}", "unknown kind"),
        ("{name: ops, kind: slack, secret: secret://env/X, channel: general}", "unknown field"),
        ("{name: Ops!, kind: slack, secret: secret://env/X}", "cannot be"),
        ('{name: ops, kind: webhook, url: "http://soar.example"}', "is not an address"),
        ('{name: ops, kind: webhook, url: "https://user:word@soar.example"}', "is not an address"),
        ('{name: ops, kind: webhook, url: "https://[::1"}', "is not an address"),
        ('{name: ops, kind: webhook, url: "https://x.example:99999/"}', "is not an address"),
        ('{name: ops, kind: webhook, url: "https:///x"}', "is not an address"),
        ("{name: ops, kind: slack, secret: secret://env/X, timeout: PT0S}", "nothing to wait for"),
        ("{name: ops, kind: slack, secret: secret://env/X, timeout: PT3M}", "nothing to wait for"),
        ("{name: m, kind: email, host: h, from: a@b.example, to: []}", "recipients"),
        ('{name: m, kind: email, host: h, from: "a@b.example\\nBcc: x", to: [a@b.example]}', "cannot be"),
        ('{name: m, kind: email, host: h, from: a@b.example, to: ["a@b.example, c@d.example"]}', "cannot be"),
        ("{name: m, kind: email, host: h, from: a@b.example, to: [a@b.example], user: bot}", "or neither"),
        ("{name: m, kind: email, host: h, from: a@b.example, to: [a@b.example], security: none}", "unknown security"),
        ("{name: m, kind: email, host: h, from: a@b.example, to: [a@b.example], port: 70000}", "no port"),
    ],
)
def test_every_slip_of_the_pen_is_told_with_its_place(entry, said) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        parse(with_one(entry))
    assert re.match(r"notices\.yaml:\d+:\d+: ", caught.value.message)


def test_two_channels_of_one_name_and_none_at_all_are_refused() -> None:
    with pytest.raises(UsageError, match="two channels"):
        parse(FILE + "  - {name: ops, kind: slack, secret: secret://env/X}\n")
    with pytest.raises(UsageError, match="no channel"):
        parse("apiVersion: evidence-kit/notices.v1\nkind: Notices\nchannels: []\n")


def test_an_unknown_channel_gets_the_nearest_name() -> None:
    with pytest.raises(UsageError) as caught:
        choose(parse(FILE), "opps")
    assert "`ops`" in (caught.value.hint or "")
    assert choose(parse(FILE), "legal").kind == "email"
