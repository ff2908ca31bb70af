"""Notices by mail, to a real mail server."""

import email
import email.policy
import json
import logging
import socket
from datetime import timedelta

import pytest
from support.receivers import CANARY, NOW

from evidence_kit.notices.channels import TLS
from evidence_kit.notices.delivered import Outcome
from evidence_kit.notices.notice import Notice, Written
from evidence_kit.notices.sending import send
from evidence_kit.sandbox.serving import free_port


def deliver(channel, notice, *, dry=False, held=CANARY):
    return send(channel, notice, dry=dry, secret=lambda _: held, now=NOW)


def everything(done) -> str:
    return repr(done) + json.dumps(done.to_json()) + json.dumps(done.shown.to_json())


def test_a_mail_arrives_as_it_was_shown_over_tls_and_with_a_login(post_office, mail_channel, notice) -> None:
    box, port = post_office(auth_required=True)
    done = deliver(mail_channel(port), notice)
    ((session, envelope),) = box.got

    assert done.outcome is Outcome.DELIVERED, done.said
    assert envelope.content == done.shown.body
    assert session.ssl is not None
    assert session.authenticated
    assert envelope.mail_from == "ir@acme.example"
    assert envelope.rcpt_tos == ["ciso@acme.example", "legal@acme.example"]


def test_the_mail_reads_as_a_person_expects(mail_channel, notice) -> None:
    mail = email.message_from_bytes(deliver(mail_channel(25), notice, dry=True).shown.body, policy=email.policy.SMTP)

    assert mail["Subject"] == "IR-2026-014: Keys of the supplier were used"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"] == "Sun, 22 Nov 2026 10:30:00 +0000"
    assert mail["Message-ID"].endswith("@acme.example>")
    assert "deadline eu.gdpr.art33: 2026-11-25T08:30:00Z" in mail.get_content()


def test_neither_the_password_nor_the_name_of_this_machine_is_told(post_office, mail_channel, notice, caplog) -> None:
    caplog.set_level(logging.DEBUG, logger="evidence_kit")
    box, port = post_office()
    done = deliver(mail_channel(port), notice)

    assert CANARY not in everything(done)
    assert "(secret://env/CHANNEL)" in done.shown.headers["login"]
    assert box.got[0][0].host_name == "acme.example"
    assert socket.gethostname() not in done.shown.body.decode()


def test_the_same_notice_at_the_same_time_is_the_same_mail(mail_channel, notice) -> None:
    first, second = (deliver(mail_channel(25), notice, dry=True) for _ in range(2))

    assert first.shown == second.shown


def test_a_wrong_password_is_refused_and_not_repeated(post_office, mail_channel, notice) -> None:
    box, port = post_office(auth_required=True)
    done = deliver(mail_channel(port), notice, held=f"wrong-{CANARY}")

    assert (done.outcome, done.status, box.got) == (Outcome.REFUSED, 535, [])
    assert CANARY not in everything(done)


def test_a_recipient_who_is_refused_is_counted_and_the_others_get_it(post_office, mail_channel, notice) -> None:
    box, port = post_office()
    box.refused = {"legal@acme.example"}
    done = deliver(mail_channel(port), notice)

    assert (done.outcome, done.status) == (Outcome.REFUSED, 550)
    assert done.said == "1 of 2 recipients were refused; the others have it"
    assert box.got[0][1].rcpt_tos == ["ciso@acme.example"]
    assert CANARY not in everything(done), "the server's words were written by others"


def test_nobody_who_can_be_told_is_refused(post_office, mail_channel, notice) -> None:
    box, port = post_office()
    box.refused = {"legal@acme.example", "ciso@acme.example"}
    done = deliver(mail_channel(port), notice)

    assert (done.outcome, done.said, box.got) == (Outcome.REFUSED, "every recipient was refused", [])


def test_nothing_is_sent_in_clear(post_office, mail_channel, notice) -> None:
    box, port = post_office(tls=False, auth_require_tls=False)
    done = deliver(mail_channel(port), notice)

    assert (done.outcome, box.got) == (Outcome.NOT_SENT, [])


def test_a_stranger_s_certificate_gets_neither_mail_nor_password(post_office, mail_channel, notice) -> None:
    box, port = post_office()
    done = deliver(mail_channel(port, ca=""), notice)

    assert (done.outcome, box.got) == (Outcome.UNREACHABLE, [])


def test_tls_from_the_first_byte_works_too(post_office, mail_channel, notice, context) -> None:
    box, port = post_office(tls=False, ssl_context=context, auth_require_tls=False)
    done = deliver(mail_channel(port, security=TLS), notice)

    assert done.outcome is Outcome.DELIVERED, done.said
    assert len(box.got) == 1


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_server_that_says_nothing_is_timed_out(mail_channel, notice, security) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", free_port()))
        silent.listen()
        channel = mail_channel(silent.getsockname()[1], security=security, timeout=timedelta(milliseconds=200))
        done = deliver(channel, notice)

    assert done.outcome is Outcome.TIMED_OUT, done.said


def test_nobody_there_is_unreachable(mail_channel, notice) -> None:
    assert deliver(mail_channel(free_port()), notice).outcome is Outcome.UNREACHABLE


def test_an_authority_s_file_that_is_not_there_is_an_outcome(mail_channel, notice) -> None:
    done = deliver(mail_channel(free_port(), ca="nowhere.pem"), notice)

    assert (done.outcome, done.said) == (Outcome.NOT_SENT, "its `ca` cannot be read as certificates in PEM")


@pytest.mark.parametrize("said", ["421 going down", "500 what?", "nonsense"])
def test_what_a_server_says_to_a_farewell_takes_nothing_back(post_office, mail_channel, notice, said) -> None:
    box, port = post_office()
    box.farewell = said
    done = deliver(mail_channel(port), notice)

    assert (done.outcome, len(box.got)) == (Outcome.DELIVERED, 1), done.said
    box.refused = {"legal@acme.example", "ciso@acme.example"}
    assert deliver(mail_channel(port), notice).said == "every recipient was refused"


@pytest.mark.parametrize(
    "text", [".", "..\n.\n", "Bcc: everybody@evil.example\n\nx", "é" * 2000, "a " * 1000, "x" * 2000]
)
def test_no_text_ends_the_mail_or_writes_a_header(post_office, mail_channel, text) -> None:
    box, port = post_office()
    hostile = Notice(case="IR-1", title=Written("t\r\nBcc: everybody@evil.example"), text=Written(text))
    done = deliver(mail_channel(port), hostile)
    mail = email.message_from_bytes(box.got[0][1].content, policy=email.policy.SMTP)

    assert done.outcome is Outcome.DELIVERED
    assert mail["Bcc"] is None
    assert mail["Subject"] == "IR-1: t Bcc: everybody@evil.example"
    assert text.strip().replace("\r\n", "\n") in mail.get_content().replace("\r\n", "\n")
    assert max(map(len, box.got[0][1].content.split(b"\r\n"))) <= 998, "RFC 5322, 2.1.1"


def test_a_name_of_a_server_that_cannot_be_is_an_outcome(mail_channel, notice) -> None:
    done = deliver(mail_channel(25, host="x" * 70 + ".example"), notice)

    assert done.outcome is Outcome.NOT_SENT
