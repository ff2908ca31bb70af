"""Channels to receivers on loopback, and a notice with something in every field."""

import ssl
from contextlib import ExitStack
from datetime import timedelta

import pytest
import trustme
from support.receivers import CANARY, NOW, PATIENCE, Box, Receiver, serving

from evidence_kit.model.status import UnitStatus
from evidence_kit.notices.channels import EMAIL, JIRA, PAGERDUTY, SLACK, TEAMS, WEBHOOK, Channel
from evidence_kit.notices.notice import Notice, Written
from evidence_kit.sandbox.serving import free_port


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """A throw-away authority; its certificate as a file."""
    ca = trustme.CA()
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    return ca, str(path)


@pytest.fixture(scope="session")
def context(authority):
    """A server's side of TLS, for 127.0.0.1."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority[0].issue_cert("127.0.0.1").configure_cert(made)
    return made


@pytest.fixture
def receiver(context):
    """An HTTP service on loopback."""
    with serving(context, Receiver()) as made:
        yield made


@pytest.fixture
def channel(authority):
    """Return a channel of a kind that leads to a URL; its secret has the canary in it."""

    def made(kind, url, **more):
        path = url if kind in {WEBHOOK, PAGERDUTY, JIRA} else ""
        said = {
            "url": path,
            "user": "bot@acme.example" if kind == JIRA else "",
            "project": "IR" if kind == JIRA else "",
        }
        common = {"secret": "secret://env/CHANNEL", "ca": authority[1], "timeout": PATIENCE}
        return Channel(name=f"to-{kind}", kind=kind, **{**common, **said, **more})

    return made


@pytest.fixture
def secret():
    """Return what finds the secret of a channel that leads to a URL."""

    def made(kind, url):
        held = f"{url}/services/T0/B0/{CANARY}" if kind in {SLACK, TEAMS} else CANARY
        return lambda reference: {"secret://env/CHANNEL": held}[reference]

    return made


@pytest.fixture
def notice():
    """A notice with something in every field."""
    return Notice(
        case="IR-2026-014",
        title=Written("Keys of the supplier were used"),
        text=Written("Call the bridge.\nBring the runbook."),
        counts={"records": 1204, "targets": 3},
        gaps={UnitStatus.DENIED: 1},
        deadlines={"eu.gdpr.art33": NOW + timedelta(hours=70)},
        digests={"report": "ab" * 32},
    )


@pytest.fixture
def post_office(context):
    """A real mail server on loopback, with STARTTLS and a login."""
    controller = pytest.importorskip("aiosmtpd.controller", reason="the mail server `aiosmtpd` is not installed")
    smtp = pytest.importorskip("aiosmtpd.smtp")

    def login(server, session, envelope, mechanism, data):
        return smtp.AuthResult(success=(data.login, data.password) == (b"bot", CANARY.encode()), handled=False)

    with ExitStack() as stack:

        def made(*, tls=True, **more):
            box = Box()
            options = {"tls_context": context, "require_starttls": True} if tls else {}
            port = free_port()
            serving_mail = controller.Controller(
                box, hostname="127.0.0.1", port=port, authenticator=login, **options, **more
            )
            serving_mail.start()
            stack.callback(serving_mail.stop)
            return box, port

        yield made


@pytest.fixture
def mail_channel(authority):
    """Return a channel to a mail server on a port."""

    def made(port, **more):
        return Channel(
            **{
                "name": "post",
                "kind": EMAIL,
                "host": "127.0.0.1",
                "port": port,
                "ca": authority[1],
                "sender": "ir@acme.example",
                "to": ("ciso@acme.example", "legal@acme.example"),
                "user": "bot",
                "secret": "secret://env/CHANNEL",
                "timeout": PATIENCE,
                **more,
            }
        )

    return made
