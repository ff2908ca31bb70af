"""Apprise speaks to the same services; what its messages and ours have in common must be said alike."""

import pytest
from support.receivers import CANARY, NOW, TAKEN

from evidence_kit.notices.channels import PAGERDUTY, TEAMS
from evidence_kit.notices.sending import send

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")  # the oracle's import, not ours
apprise = pytest.importorskip("apprise", reason="the oracle `apprise` is not installed")


@pytest.fixture
def theirs(receiver, authority, monkeypatch):
    """Return the one message that Apprise sends by a URL of its own."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", authority[1])

    def made(url):
        sender = apprise.Apprise()
        assert sender.add(url)
        assert sender.notify(title="t", body="b")
        return receiver.got.pop().said

    return made


@pytest.fixture
def ours(receiver, channel, secret, notice):
    def made(kind):
        receiver.answer = TAKEN[kind]
        assert send(
            channel(kind, receiver.url), notice, dry=False, secret=secret(kind, receiver.url), now=NOW
        ).is_done
        return receiver.got.pop().said

    return made


def test_a_workflow_of_teams_gets_a_card_in_the_same_envelope(theirs, ours, receiver) -> None:
    receiver.answer = TAKEN[TEAMS]
    host = receiver.url.removeprefix("https://")
    known, said = theirs(f"workflows://{host}/{'a' * 32}/{'b' * 43}"), ours(TEAMS)
    (theirs_card,), (our_card,) = known["attachments"], said["attachments"]

    assert said["type"] == known["type"]
    assert our_card["contentType"] == theirs_card["contentType"]
    for name in ("type", "$schema"):
        assert our_card["content"][name] == theirs_card["content"][name]


def test_an_event_of_pagerduty_has_the_same_fields(theirs, ours, receiver, monkeypatch) -> None:
    from apprise.plugins import pagerduty

    receiver.answer = TAKEN[PAGERDUTY]
    monkeypatch.setitem(pagerduty.PAGERDUTY_API_LOOKUP, pagerduty.PagerDutyRegion.US, f"{receiver.url}/v2/enqueue")
    known, said = theirs(f"pagerduty://{'k' * 32}@{'s' * 32}"), ours(PAGERDUTY)

    assert said["event_action"] == known["event_action"]
    assert {"routing_key", "event_action", "payload"} <= set(said) & set(known)
    assert {"summary", "severity", "source"} <= set(said["payload"]) & set(known["payload"])
    assert said["routing_key"] == CANARY
