"""Next tokens that say nothing to the client, and that are good for one question only."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TypeVar

from evidence_kit.sandbox.wire import Call, Params, Refusal

T = TypeVar("T")


def page(
    items: Sequence[T], *, call: Call, params: Params, size: int, bad_token: str
) -> tuple[Sequence[T], str | None]:
    """Return the page that `params` ask for and the token of the next one, None after the last.

    A token belongs to account, region, operation and all other parameters;
    any other use is refused as `bad_token`.
    """
    question = {name: str(value) for name, value in params.items() if name != "NextToken"}
    token = params.get("NextToken")
    start = _offset(str(token), call, question, bad_token) if token else 0
    end = start + size
    return items[start:end], _token(end, call, question) if end < len(items) else None


def _token(offset: int, call: Call, question: Mapping[str, str]) -> str:
    who = [call.account, call.region, call.operation, offset, sorted(question.items())]
    mark = hashlib.sha256(json.dumps(who).encode()).digest()[:24]
    return base64.urlsafe_b64encode(offset.to_bytes(6) + mark).decode()


def _offset(token: str, call: Call, question: Mapping[str, str], bad_token: str) -> int:
    try:
        offset = int.from_bytes(base64.urlsafe_b64decode(token)[:6])
    except ValueError:
        offset = 0
    if _token(offset, call, question) != token:
        raise Refusal(bad_token, "Invalid token.")
    return offset
