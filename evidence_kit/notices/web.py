"""One POST over https: no redirect is followed, nothing of the environment is used, and no address is logged."""

import json
import logging
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

from evidence_kit.notices import channels
from evidence_kit.notices.channels import Channel
from evidence_kit.notices.delivered import Answer, Outcome
from evidence_kit.notices.shapes import Post

if TYPE_CHECKING:
    import requests

_MAX_ANSWER = 64 << 10  # Jira's answer names one issue
_KEY = re.compile(r"[A-Z][A-Z0-9_]{0,31}-\d{1,10}")


def deliver(channel: Channel, post: Post) -> Answer:
    """Send once and say what came of it; nothing raised here could tell the secret, so nothing is raised."""
    import requests

    if not post.url.startswith("https://"):
        return Answer(Outcome.NOT_SENT, "its address does not begin with `https://`")
    try:
        with _unlogged(), requests.Session() as session:
            return _sent(session, channel, post)
    except requests.exceptions.ConnectTimeout:
        return Answer(Outcome.TIMED_OUT, "no connection in time")
    except requests.exceptions.Timeout:
        return Answer(Outcome.TIMED_OUT, "no answer in time; it may have arrived")
    except requests.exceptions.SSLError:
        return Answer(Outcome.UNREACHABLE, "its certificate is not accepted")
    except requests.exceptions.ConnectionError:
        return Answer(Outcome.UNREACHABLE, "no connection, or it broke off; it may have arrived")
    except (requests.RequestException, OSError, ValueError) as error:
        # An unreadable `ca`, an address that is none: the text of the error may hold the address.
        return Answer(Outcome.NOT_SENT, f"could not be sent: {type(error).__name__}")


def _sent(session: "requests.Session", channel: Channel, post: Post) -> Answer:
    import requests
    from requests.auth import HTTPBasicAuth

    session.trust_env = False  # neither a `.netrc`, whose login would go along, nor a proxy that nobody named
    headers = {**post.headers, "Authorization": f"Bearer {post.token}"} if post.token else post.headers
    auth = HTTPBasicAuth(post.login[0].encode(), post.login[1].encode()) if post.login else None
    with session.post(
        post.url,
        data=post.body,
        headers=headers,
        auth=auth,
        timeout=channel.timeout.total_seconds(),
        allow_redirects=False,
        verify=channel.ca or True,
        stream=True,
    ) as response:
        try:
            body = next(response.iter_content(_MAX_ANSWER), b"")
        except requests.RequestException:  # whatever is wrong with the answer, the notice was sent
            return Answer(Outcome.UNREACHABLE, "its answer broke off; it may have arrived", response.status_code)
        return _judged(channel, response.status_code, body)


def _judged(channel: Channel, status: int, body: bytes) -> Answer:
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return Answer(Outcome.REFUSED, "it leads elsewhere, and no redirect is followed", status)
    if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Answer(Outcome.REFUSED, f"HTTP {status}", status)
    took, reference = _TAKEN[channel.kind](status, body)
    if not took:
        return Answer(Outcome.REFUSED, f"HTTP {status}, but not the answer of a {channel.kind} that took it", status)
    return Answer(Outcome.DELIVERED, f"HTTP {status}", status, reference)


def _by_slack(status: int, body: bytes) -> tuple[bool, str]:
    return status == HTTPStatus.OK and body.strip() == b"ok", ""


def _by_teams(status: int, body: bytes) -> tuple[bool, str]:
    """Accept 202 of a workflow; a connector of old answered 200 with `1`, or with an error."""
    return status == HTTPStatus.ACCEPTED or (status == HTTPStatus.OK and body.strip() in {b"", b"1"}), ""


def _by_webhook(status: int, body: bytes) -> tuple[bool, str]:
    del status, body
    return True, ""


def _by_pagerduty(status: int, body: bytes) -> tuple[bool, str]:
    del body
    return status == HTTPStatus.ACCEPTED, ""


def _by_jira(status: int, body: bytes) -> tuple[bool, str]:
    try:
        key = json.loads(body)["key"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return False, ""
    is_key = isinstance(key, str) and _KEY.fullmatch(key) is not None
    return status == HTTPStatus.CREATED and is_key, key if is_key else ""


_TAKEN: Mapping[str, Callable[[int, bytes], tuple[bool, str]]] = {
    channels.SLACK: _by_slack,
    channels.TEAMS: _by_teams,
    channels.WEBHOOK: _by_webhook,
    channels.PAGERDUTY: _by_pagerduty,
    channels.JIRA: _by_jira,
}


@contextmanager
def _unlogged() -> Iterator[None]:
    """Keep urllib3 from logging paths while this thread sends: the path of a webhook is its secret."""
    thread = threading.get_ident()
    logger = logging.getLogger("urllib3.connectionpool")

    def is_another(record: logging.LogRecord) -> bool:
        return record.thread != thread

    logger.addFilter(is_another)
    try:
        yield
    finally:
        logger.removeFilter(is_another)
