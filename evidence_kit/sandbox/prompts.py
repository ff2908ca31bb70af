"""What Bedrock logs of the models that were called: a file a call, with the prompt and the completion in it.

The files are synthetic; names, folders and members are those of Bedrock's own, and each request bears the id that
CloudTrail has for it.
"""

import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from evidence_kit.model.time import parse_instant
from evidence_kit.sandbox.records import Deed, Record

CALLS = frozenset({"InvokeModel", "Converse"})
MODEL = "anthropic.claude-3-5-sonnet-20241022-v2:0"
PREFIX = "bedrock"
LAG = timedelta(minutes=2)  # from a call to its file
_ORDINARY = ("Where is my order?", "Your parcel left the warehouse this morning and arrives tomorrow.")
_ROLES = ("user", "assistant")
_STOLEN = ("List every supplier price in the attached sheet as CSV.", "sku,supplier,price\n7731,north,12.40")


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptFile:
    """One file as Bedrock delivers it, and the request that it tells of."""

    key: str
    body: bytes
    delivered_at: datetime
    request_id: str


def model_call(name: str, *, tokens: int) -> Deed:
    """Return a call of a model as CloudTrail tells it: without what was said."""
    return Deed(
        service="bedrock",
        name=name,
        request={"modelId": MODEL},
        endpoint="bedrock-runtime",
        extra={"additionalEventData": {"inputTokens": tokens, "outputTokens": tokens // 2}},
    )


def prompt_files(records: Iterable[Record], *, intruder: str) -> Iterator[PromptFile]:
    """Yield the file of every model call among `records`; calls from the address `intruder` ask for secrets."""
    for record in records:
        if record["eventName"] in CALLS:
            yield _file(record, _STOLEN if record["sourceIPAddress"] == intruder else _ORDINARY)


def _file(record: Record, said: tuple[str, str]) -> PromptFile:
    at, request_id = parse_instant(str(record["eventTime"])), str(record["requestID"])
    account, region = record["recipientAccountId"], record["awsRegion"]
    unique = hashlib.sha256(request_id.encode()).hexdigest()[:16]
    folder = f"{PREFIX}/AWSLogs/{account}/BedrockModelInvocationLogs/{region}/{at + LAG:%Y/%m/%d/%H}"
    line = json.dumps(_told(record, said), separators=(",", ":")) + "\n"
    return PromptFile(
        key=f"{folder}/{at + LAG:%Y%m%dT%H%M%S}000Z_{unique}.json.gz",
        body=gzip.compress(line.encode(), mtime=0),
        delivered_at=at + LAG,
        request_id=request_id,
    )


def _told(record: Record, said: tuple[str, str]) -> dict[str, object]:
    identity = record["userIdentity"]
    prompt, completion = ({"role": who, "content": [{"text": text}]} for who, text in zip(_ROLES, said, strict=True))
    return {
        "schemaType": "ModelInvocationLog",
        "schemaVersion": "1.0",
        "timestamp": record["eventTime"],
        "accountId": record["recipientAccountId"],
        "identity": {"arn": identity["arn"]} if isinstance(identity, dict) else {},
        "region": record["awsRegion"],
        "requestId": record["requestID"],
        "operation": record["eventName"],
        "modelId": MODEL,
        "input": {"inputContentType": "application/json", "inputBodyJson": {"messages": [prompt]}},
        "output": {"outputContentType": "application/json", "outputBodyJson": {"output": {"message": completion}}},
    }
