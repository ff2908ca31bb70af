"""One mail by SMTP, over TLS or not at all; the message is built here and sent as it was shown."""

import hashlib
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from evidence_kit.model.time import require_utc
from evidence_kit.notices.channels import TLS, Channel
from evidence_kit.notices.delivered import Answer, Outcome, Shown
from evidence_kit.notices.notice import Notice


def message(channel: Channel, notice: Notice, now: datetime) -> EmailMessage:
    """Return the mail. Its id is a digest: the same mail at the same time is the same mail."""
    at = require_utc(now).replace(microsecond=0)
    identity = hashlib.sha256(
        f"{channel.name}\n{at.isoformat()}\n{notice.subject}\n{notice.body}".encode()
    ).hexdigest()
    mail = EmailMessage(policy=SMTP.clone(cte_type="7bit"))  # what no server on the way has to change
    mail["From"] = channel.sender
    mail["To"] = ", ".join(channel.to)
    mail["Subject"] = f"{notice.case}: {notice.subject}"
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = f"<{identity[:32]}@{_domain(channel)}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    mail.set_content(notice.body)
    return mail


def shown(channel: Channel, mail: EmailMessage) -> Shown:
    """Return it for people; a login goes by its place."""
    login = {"login": f"{channel.user}:({channel.secret})"} if channel.user else {}
    return Shown(to=f"{channel.security}://{channel.host}:{channel.port}", headers=login, body=mail.as_bytes())


def deliver(channel: Channel, mail: EmailMessage, secret: str) -> Answer:
    """Send once and say what came of it; a server's own words are not repeated, for others wrote them."""
    try:
        context = ssl.create_default_context(cafile=channel.ca or None)
    except (OSError, ValueError):  # an SSLError is an OSError
        return Answer(Outcome.NOT_SENT, "its `ca` cannot be read as certificates in PEM")
    try:
        with _server(channel, context) as server:
            if channel.user:
                server.login(channel.user, secret)
            refused = server.send_message(mail, channel.sender, list(channel.to))
    except smtplib.SMTPRecipientsRefused as error:
        return Answer(Outcome.REFUSED, "every recipient was refused", _code(error.recipients))
    except smtplib.SMTPNotSupportedError:
        return Answer(Outcome.NOT_SENT, "the server offers no TLS or no login; nothing is sent in clear")
    except smtplib.SMTPResponseException as error:
        return Answer(Outcome.REFUSED, f"SMTP {error.smtp_code}", error.smtp_code)
    except ssl.SSLError as error:
        return _late(error) or Answer(Outcome.UNREACHABLE, "its certificate is not accepted")
    except (smtplib.SMTPException, OSError) as error:
        return _late(error) or Answer(Outcome.UNREACHABLE, "no connection, or it broke off; it may have arrived")
    except ValueError as error:
        return Answer(Outcome.NOT_SENT, f"could not be sent: {type(error).__name__}")
    if refused:
        said = f"{len(refused)} of {len(channel.to)} recipients were refused; the others have it"
        return Answer(Outcome.REFUSED, said, _code(refused))
    return Answer(
        Outcome.DELIVERED, f"taken for {len(channel.to)} recipient{'s' if len(channel.to) > 1 else ''}", 250
    )


@contextmanager
def _server(channel: Channel, context: ssl.SSLContext) -> Iterator[smtplib.SMTP]:
    """Connect and be sure of the server. The name that we give is the sender's domain, not this machine's."""
    seconds, name = channel.timeout.total_seconds(), _domain(channel)
    if channel.security == TLS:
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            channel.host, channel.port, local_hostname=name, timeout=seconds, context=context
        )
    else:
        server = smtplib.SMTP(channel.host, channel.port, local_hostname=name, timeout=seconds)
    try:
        if channel.security != TLS:
            server.starttls(context=context)
        yield server
    finally:
        # What a server says to a farewell takes nothing back of what it said to the mail.
        with suppress(smtplib.SMTPException, OSError):
            server.quit()
        server.close()


def _late(error: BaseException) -> Answer | None:
    """Return the answer for what took too long; smtplib hides that behind an error of its own."""
    if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
        return Answer(Outcome.TIMED_OUT, "no answer in time; it may have arrived")
    return None


def _code(refused: dict[str, tuple[int, bytes]]) -> int | None:
    return next((code for code, _ in refused.values()), None)


def _domain(channel: Channel) -> str:
    return channel.sender.rpartition("@")[2]
