"""Sends one notice over one channel, or shows what would be sent."""

from collections.abc import Callable
from datetime import datetime

from evidence_kit.errors import EvidenceKitError
from evidence_kit.notices import mail, shapes, web
from evidence_kit.notices.channels import EMAIL, Channel
from evidence_kit.notices.delivered import Answer, Delivered, Outcome, Shown
from evidence_kit.notices.notice import Notice

Secret = Callable[[str], str]  # finds a secret by its reference; raises one of our errors, which never hold it


def send(channel: Channel, notice: Notice, *, dry: bool, secret: Secret, now: datetime) -> Delivered:
    """Send `notice`, once; `dry` neither asks for the secret nor opens a connection.

    What goes wrong is an outcome and no error: one channel that is down must not keep the others from being told.
    """
    shown = _shown(channel, notice, now)
    answer = Answer(Outcome.DRY, "not sent: a dry run") if dry else _answer(channel, notice, secret, now)
    return Delivered(
        channel=channel.name,
        kind=channel.kind,
        outcome=answer.outcome,
        at=now,
        shown=shown,
        said=answer.said,
        status=answer.status,
        reference=answer.reference,
    )


def _shown(channel: Channel, notice: Notice, now: datetime) -> Shown:
    if channel.kind == EMAIL:
        return mail.shown(channel, mail.message(channel, notice, now))
    place = f"({channel.secret})" if channel.secret else ""
    return shapes.post(channel, notice, place).shown()


def _answer(channel: Channel, notice: Notice, secret: Secret, now: datetime) -> Answer:
    try:
        found = secret(channel.secret) if channel.secret else ""
    except EvidenceKitError as error:
        return Answer(Outcome.NOT_SENT, error.message)
    if channel.secret and not (found and found.isascii() and found.isprintable()):
        return Answer(Outcome.NOT_SENT, f"what `{channel.secret}` holds cannot be a secret of this kind")
    if channel.kind == EMAIL:
        return mail.deliver(channel, mail.message(channel, notice, now), found)
    return web.deliver(channel, shapes.post(channel, notice, found))
