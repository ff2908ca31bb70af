"""Notices to real receivers: delivered, refused, timed out; and never the secret."""

import json
import logging
import socket
import threading
from datetime import timedelta

import pytest
from support.receivers import CANARY, NOW, TAKEN, Receiver, basic, serving

from evidence_kit.errors import AccessError
from evidence_kit.notices.channels import JIRA, PAGERDUTY, SLACK, TEAMS, WEBHOOK
from evidence_kit.notices.delivered import Outcome
from evidence_kit.notices.sending import send
from evidence_kit.sandbox.serving import free_port

HTTP = sorted(TAKEN)


def everything(done) -> str:
    """Return all that a result could tell anybody."""
    return repr(done) + json.dumps(done.to_json()) + json.dumps(done.shown.to_json())


@pytest.fixture
def sent(receiver, channel, secret, notice):
    """Send over a channel of a kind and return what came of it."""

    def made(kind, *, dry=False, url=None, **more):
        receiver.answer = more.pop("answer", TAKEN[kind])
        where = url or receiver.url
        return send(channel(kind, where, **more), notice, dry=dry, secret=secret(kind, where), now=NOW)

    return made


@pytest.mark.parametrize("kind", HTTP)
def test_a_notice_arrives_as_it_was_shown(sent, receiver, kind) -> None:
    done = sent(kind)
    (got,) = receiver.got

    assert done.outcome is Outcome.DELIVERED, done.said
    shown = done.shown.body.decode().replace("(secret://env/CHANNEL)", CANARY).encode()
    assert got.body == shown
    assert got.headers["Content-Type"] == done.shown.headers["Content-Type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize("kind", HTTP)
def test_every_channel_gets_case_title_numbers_deadline_and_digest(sent, receiver, kind) -> None:
    sent(kind)
    said = json.dumps(receiver.got[0].said, ensure_ascii=False)

    for part in ("IR-2026-014", "Keys of the supplier were used", "2026-11-25T08:30:00Z", "ab" * 32, "denied"):
        assert part in said
    assert "1204" in said or "1,204" in said


@pytest.mark.parametrize("kind", HTTP)
def test_a_dry_run_shows_the_very_bytes_and_neither_sends_nor_asks_for_the_secret(
    channel, receiver, notice, sent, kind
) -> None:
    def nobody(reference):
        raise AssertionError(reference)

    dry = send(channel(kind, receiver.url), notice, dry=True, secret=nobody, now=NOW)
    assert (dry.outcome, receiver.got, dry.is_done) == (Outcome.DRY, [], False)
    assert dry.shown == sent(kind).shown


@pytest.mark.parametrize("kind", HTTP)
def test_the_secret_goes_to_the_receiver_and_nowhere_else(sent, receiver, kind, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    done = sent(kind)
    (got,) = receiver.got

    assert CANARY in got.path + str(got.headers) + got.body.decode() or got.headers["Authorization"] == basic(
        "bot@acme.example", CANARY
    )
    assert CANARY not in everything(done)
    assert CANARY not in caplog.text


@pytest.mark.parametrize("kind", HTTP)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
def test_what_a_channel_refuses_is_refused_with_its_number(sent, kind, status) -> None:
    done = sent(kind, answer=(status, f"no {CANARY}".encode()))

    assert (done.outcome, done.status) == (Outcome.REFUSED, status)
    assert CANARY not in everything(done)


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        (SLACK, (200, b"invalid_token")),
        (SLACK, (202, b"ok")),
        (TEAMS, (200, b"Webhook message delivery failed with error: 429")),
        (PAGERDUTY, (200, b"{}")),
        (JIRA, (201, b"<html>")),
        (JIRA, (201, b'{"key": "\\u202eIR-7"}')),
        (JIRA, (201, b'["key"]')),
        (JIRA, (201, b"[" * 60_000)),
        (JIRA, (200, b'{"key": "IR-7"}')),
    ],
)
def test_a_friendly_number_with_another_answer_is_not_called_delivered(sent, kind, answer) -> None:
    assert sent(kind, answer=answer).outcome is Outcome.REFUSED


def test_the_key_of_the_issue_is_kept(sent, receiver) -> None:
    assert sent(JIRA).reference == "IR-7"
    assert receiver.got[0].path == "/rest/api/3/issue"
    assert receiver.got[0].headers["Authorization"] == basic("bot@acme.example", CANARY)


def test_a_webhook_without_a_secret_has_no_authorization(sent, receiver) -> None:
    assert sent(WEBHOOK, secret="").outcome is Outcome.DELIVERED
    assert "Authorization" not in receiver.got[0].headers


@pytest.mark.parametrize("kind", HTTP)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed_not_even_to_the_same_host(sent, receiver, context, kind, status) -> None:
    with serving(context, Receiver()) as elsewhere:
        receiver.headers = {"Location": f"{elsewhere.url}/stolen"}
        done = sent(kind, answer=(status, b""))

    assert (done.outcome, done.status) == (Outcome.REFUSED, status)
    assert elsewhere.got == []


@pytest.mark.parametrize("kind", HTTP)
def test_who_does_not_answer_in_time_may_have_got_it(sent, receiver, kind) -> None:
    receiver.silent = threading.Event()
    done = sent(kind, timeout=timedelta(milliseconds=200))

    assert done.outcome is Outcome.TIMED_OUT
    assert len(receiver.got) <= 1
    assert CANARY not in everything(done)


@pytest.mark.parametrize("kind", HTTP)
@pytest.mark.parametrize("broken", ["short", "no gzip"])
def test_whose_answer_breaks_off_may_have_got_it(sent, receiver, kind, broken) -> None:
    if broken == "short":
        receiver.declared = 4096
    else:
        receiver.headers = {"Content-Encoding": "gzip"}
    done = sent(kind, answer=(200, b"half an ans"))

    assert (done.outcome, done.said) == (Outcome.UNREACHABLE, "its answer broke off; it may have arrived")
    assert len(receiver.got) == 1


def test_a_certificate_of_a_stranger_is_not_accepted(sent, receiver) -> None:
    done = sent(SLACK, ca="")

    assert done.outcome is Outcome.UNREACHABLE
    assert "certificate" in done.said
    assert receiver.got == []


def test_nobody_there_is_unreachable(sent, receiver) -> None:
    url = receiver.url.rpartition(":")[0] + ":1"

    assert sent(WEBHOOK, url=url).outcome is Outcome.UNREACHABLE


@pytest.mark.parametrize("kind", [SLACK, TEAMS])
@pytest.mark.parametrize("held", ["http://127.0.0.1:1/", "file:///x", "not an address", "https://", "https://[::1"])
def test_a_secret_that_is_no_https_address_is_not_used_and_not_repeated(channel, notice, kind, held) -> None:
    done = send(channel(kind, ""), notice, dry=False, secret=lambda _: f"{held}{CANARY}", now=NOW)

    assert done.outcome in {Outcome.NOT_SENT, Outcome.UNREACHABLE}
    assert CANARY not in everything(done)


@pytest.mark.parametrize("held", ["", "two\nlines", "é", "\x00"])
def test_a_secret_that_cannot_be_one_is_not_used(channel, receiver, notice, held) -> None:
    done = send(channel(WEBHOOK, receiver.url), notice, dry=False, secret=lambda _: held, now=NOW)

    assert (done.outcome, receiver.got) == (Outcome.NOT_SENT, [])


def test_a_secret_that_is_not_found_is_an_outcome_and_keeps_no_other_channel_from_being_told(
    channel, receiver, notice
) -> None:
    def absent(reference):
        raise AccessError(f"no secret at `{reference}`")

    done = send(channel(WEBHOOK, receiver.url), notice, dry=False, secret=absent, now=NOW)

    assert (done.outcome, done.said) == (Outcome.NOT_SENT, "no secret at `secret://env/CHANNEL`")


def test_a_netrc_or_a_proxy_of_the_environment_is_not_used(sent, receiver, tmp_path, monkeypatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")

    assert sent(SLACK).outcome is Outcome.DELIVERED
    assert "Authorization" not in receiver.got[0].headers


def test_an_authority_s_file_that_is_not_there_is_an_outcome(sent) -> None:
    assert sent(SLACK, ca="nowhere.pem").outcome is Outcome.NOT_SENT


def test_who_never_shakes_hands_is_timed_out(sent) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", free_port()))
        silent.listen()
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        done = sent(SLACK, url=url, timeout=timedelta(milliseconds=200))

    assert done.outcome is Outcome.TIMED_OUT
    assert CANARY not in everything(done)
