"""How each service wants a notice: as plain text everywhere, so that none reads markup, links or mentions in it."""

import hashlib
import html
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from evidence_kit.notices import channels
from evidence_kit.notices.channels import Channel
from evidence_kit.notices.delivered import Shown
from evidence_kit.notices.notice import Notice

SOURCE = "evidence-kit"
_SLACK_SECTION = 3000  # characters of one text object
_PAGER_SUMMARY = 1024
_JSON = {"Content-Type": "application/json; charset=utf-8", "User-Agent": SOURCE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One POST of JSON. `token` is a bearer token, `login` a name and a password."""

    url: str
    body: bytes
    token: str = ""
    login: tuple[str, str] | None = None

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers that carry no secret."""
        return dict(_JSON)

    def shown(self) -> Shown:
        """Return it for people, if it was made with the place of a secret instead of the secret."""
        headers = self.headers
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if self.login:
            headers["Authorization"] = f"Basic {':'.join(self.login)}"
        return Shown(to=self.url, headers=headers, body=self.body)


def post(channel: Channel, notice: Notice, secret: str) -> Post:
    """Return what is sent to a channel that speaks HTTP."""
    return _SHAPES[channel.kind](channel, notice, secret)


def _slack(_: Channel, notice: Notice, secret: str) -> Post:
    """Fill an incoming webhook: blocks of `plain_text`, and a fallback with `&`, `<` and `>` escaped.

    https://docs.slack.dev/messaging/formatting-message-text
    """
    parts = [notice.body[at : at + _SLACK_SECTION] for at in range(0, len(notice.body), _SLACK_SECTION)]
    body = {
        "text": html.escape(notice.subject, quote=False),
        "blocks": [
            {"type": "header", "text": _slack_text(notice.subject)},
            *({"type": "section", "text": _slack_text(part)} for part in parts),
        ],
        "unfurl_links": False,
        "unfurl_media": False,
    }
    return Post(url=secret, body=_encoded(body))


def _slack_text(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _teams(_: Channel, notice: Notice, secret: str) -> Post:
    """Fill an Adaptive Card for a workflow's webhook; `RichTextBlock` knows no markup, unlike `TextBlock`."""
    lines = [
        {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": line or " ", **style}]}
        for line, style in [
            (notice.subject, {"weight": "bolder", "size": "medium"}),
            *((line, {}) for line in notice.body.split("\n")),
        ]
    ]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": lines,
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return Post(url=secret, body=_encoded({"type": "message", "attachments": [attachment]}))


def _webhook(channel: Channel, notice: Notice, secret: str) -> Post:
    body = {"apiVersion": "evidence-kit/notice.v1", **notice.to_json()}
    return Post(url=channel.url, body=_encoded(body), token=secret)


def _pagerduty(channel: Channel, notice: Notice, secret: str) -> Post:
    """Fill an event of the Events API v2; the same title of the same case does not page twice."""
    told = hashlib.sha256(f"{notice.case}\n{notice.subject}".encode()).hexdigest()
    body = {
        "routing_key": secret,
        "event_action": "trigger",
        "dedup_key": told,
        "client": SOURCE,
        "payload": {
            "summary": f"{notice.case}: {notice.subject}"[:_PAGER_SUMMARY],
            "source": SOURCE,
            "severity": channel.severity,
            "custom_details": notice.to_json(),
        },
    }
    return Post(url=channel.url, body=_encoded(body))


def _jira(channel: Channel, notice: Notice, secret: str) -> Post:
    """Fill an issue of Jira Cloud's REST API v3, whose description is a document and not wiki text."""
    fields = {
        "project": {"key": channel.project},
        "issuetype": {"name": channel.issue_type},
        "summary": f"{notice.case}: {notice.subject}",
        "description": {
            "type": "doc",
            "version": 1,
            "content": [_paragraph(line) for line in notice.body.split("\n")],
        },
        "labels": [SOURCE],
    }
    url = f"{channel.url.rstrip('/')}/rest/api/3/issue"
    return Post(url=url, body=_encoded({"fields": fields}), login=(channel.user, secret))


def _paragraph(line: str) -> dict[str, Any]:
    return {"type": "paragraph", "content": [{"type": "text", "text": line}] if line else []}


def _encoded(body: object) -> bytes:
    return json.dumps(body, ensure_ascii=True, allow_nan=False).encode()


_SHAPES: Mapping[str, Callable[[Channel, Notice, str], Post]] = {
    channels.SLACK: _slack,
    channels.TEAMS: _teams,
    channels.WEBHOOK: _webhook,
    channels.PAGERDUTY: _pagerduty,
    channels.JIRA: _jira,
}
