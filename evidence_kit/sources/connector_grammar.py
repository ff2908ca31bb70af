"""The connector language, version 1: every field there is, for the parser, the JSON Schema and the docs alike."""

from evidence_kit.model.grammar import Field, Shape, Variants, nested
from evidence_kit.model.status import UnitStatus
from evidence_kit.sources.connector_auth import AUTH
from evidence_kit.sources.connector_parts import NAME, REQUEST, REQUEST_FIELDS, TEMPLATE

API_VERSION = "evidence-kit/connector.v1"
KIND = "Connector"
EVIDENCE = (
    "audit_logs", "access_logs", "identity", "configuration", "usage", "ai_usage", "billing", "orders", "content",
    "findings",
)  # fmt: skip
WAIT = "wait"
MEANINGS = (
    WAIT,
    *(one.value for one in UnitStatus if one not in {UnitStatus.COMPLETE, UnitStatus.COMPLETE_UNSETTLED}),
)
FORMATS = ("json", "jsonl", "csv")
NAMED_FORMATS = ("rfc3339", "rfc3339ms", "epoch_s", "epoch_ms", "date")
BOUNDS = ("[)", "[]", "(]", "()")
_PLACES = ("query", "body", "header")
_PLACE = {
    "query": Field(help="name of a query parameter"),
    "body": Field(help="dotted path of a field of the body"),
    "header": Field(help="name of a request header"),
}
_BOUND = Shape(
    {**_PLACE, "text": Field(help="text in which `{start}` and `{end}` stand for the bounds")}, one_of=_PLACES
)
_SEND = Shape(_PLACE, one_of=_PLACES)
_SIZE = Shape(
    {**_PLACE, "value": Field(help="how many records to ask for a page", kind="int", least=1, required=True)},
    one_of=_PLACES,
)
_FOLLOWS = {
    "more": Field(help="JMESPath in the answer: whether more follows", kind="jmespath"),
    "total": Field(
        help="JMESPath in the answer: the provider's own count; fewer records than told are `partial_truncated`",
        kind="jmespath",
    ),
    "most": Field(help="pages of one call at the most; 100000 if not said", kind="int", least=1),
}
_HEADER_NAME = Shape({"header": Field(help="name of a header of the answer", required=True)})
_CURSOR = Field(
    help="where the answer tells what follows: JMESPath, or `{header: name}`",
    kind="jmespath",
    shape=_HEADER_NAME,
    required=True,
)
_REPEAT = Field(help="whether window and parameters go along with each cursor; `true` if not said", kind="bool")
PAGING = Variants(
    "type",
    {
        "none": Shape({"total": _FOLLOWS["total"]}),
        "link_header": Shape(
            {"rel": Field(help="relation of the `Link` header that leads on; `next` if not said"), **_FOLLOWS}
        ),
        "cursor": Shape(
            {
                "cursor": _CURSOR,
                "send": nested("where the cursor goes", _SEND, required=True),
                "repeat": _REPEAT,
                "size": nested("how many records to ask for", _SIZE),
                **_FOLLOWS,
            }
        ),
        "offset": Shape(
            {
                "send": nested("where the offset goes", _SEND, required=True),
                "size": nested("how many records to ask for", _SIZE, required=True),
                "start": Field(help="first offset; 0 if not said", kind="int", least=0),
                **_FOLLOWS,
            }
        ),
        "page": Shape(
            {
                "send": nested("where the number of the page goes", _SEND, required=True),
                "size": nested("how many records to ask for", _SIZE, required=True),
                "start": Field(help="number of the first page; 0 if not said", kind="int", least=0),
                **_FOLLOWS,
            }
        ),
        "next_url": Shape({"cursor": _CURSOR, **_FOLLOWS}),
    },
)
_FORMAT = Field(help="how a body is written; `json` if not said", among=FORMATS)
_DECODE = Field(help="what to undo before a body can be read", among=("gzip", "zip"), many=True)
_EACH = Shape(
    {
        "path": Field(help="JMESPath over a page: the list of items", kind="jmespath", required=True),
        "as": Field(
            help="names for parts of an item, as JMESPath; `id` names the file, `size` is compared with the bytes;"
            " below `job`, `$index` is the number of the item",
            kind="texts",
            required=True,
        ),
        "request": nested("the request for each item; slots are its names too", REQUEST, required=True),
        "format": _FORMAT,
        "records": Field(help="JMESPath to the records of the body, to count them", kind="jmespath"),
        "decode": _DECODE,
        "download": Field(help="stream the body to disk instead of reading it", kind="bool"),
        "hosts": Field(
            help="hosts besides our own to which a listed address may lead; no credentials are sent there", many=True
        ),
    }
)
_ID = r"[a-z0-9][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)+"
CONNECTOR = Shape(
    {
        "apiVersion": Field(help=f"`{API_VERSION}`", among=(API_VERSION,), required=True),
        "kind": Field(help=f"`{KIND}`", among=(KIND,), required=True),
        "name": Field(help="name of the source; its first part is the provider", pattern=_ID, required=True),
        "provider": Field(
            help="the `provider` of targets in the inventory", pattern=r"[a-z0-9][a-z0-9_-]*", required=True
        ),
        "version": Field(help="version of this file, in quotes", required=True),
        "summary": Field(help="what it collects, in a few words", required=True),
        "docs": Field(help="the provider's own documentation", pattern="https://.+", required=True),
        "evidence": Field(
            help="classes of evidence, as agreements allow them", among=EVIDENCE, many=True, required=True
        ),
        "permissions": Field(help="what the credentials need", many=True),
        "notes": Field(help="what surprises people about this API", many=True),
        "volatile": Field(help="0 vanishes first, 100 keeps; 50 if not said", kind="int", least=0),
        "params": nested(
            "values of the target, or of `--set`; never secrets",
            Shape(
                {
                    "name": Field(help="its name", pattern=NAME, required=True),
                    "help": Field(help="what it is", required=True),
                    "required": Field(help="whether nothing can be asked without it", kind="bool"),
                    "default": Field(help="what stands in for it"),
                    "pattern": Field(help="regular expression that the whole value fits"),
                }
            ),
            many=True,
        ),
        "server": Field(help=f"where the API is, `https://` only; {TEMPLATE}", required=True),
        "auth": nested("how to say who we are", AUTH, required=True),
        "headers": Field(help=f"headers of each request; {TEMPLATE}", kind="texts"),
        "request": nested("the request for the first page", REQUEST),
        "window": nested(
            "how the span of time is asked for; without it the source is a snapshot",
            Shape(
                {
                    "start": nested("where the beginning goes", _BOUND, required=True),
                    "end": nested("where the end goes", _BOUND),
                    "format": Field(
                        help="`rfc3339`, `rfc3339ms`, `epoch_s`, `epoch_ms`, `date`, or a strftime text such as"
                        " `%Y-%m-%d %H:%M:%S`",
                        required=True,
                    ),
                    "bounds": Field(
                        help="what the provider includes: `[` and `]` do, `(` and `)` do not; a `date` that is"
                        " included is a whole day",
                        among=BOUNDS,
                    ),
                    "step": Field(help="longest window of one unit", kind="period"),
                    "overlap": Field(help="how much earlier to begin", kind="period"),
                    "retention": Field(help="how long the provider keeps it", kind="period"),
                    "settle": Field(help="how late the provider may still deliver", kind="period"),
                }
            ),
        ),
        "paging": nested("how further pages are asked for", PAGING),
        "cap": nested(
            "how many records the provider gives for one question",
            Shape(
                {
                    "rows": Field(help="the cap", kind="int", least=1, required=True),
                    "total": Field(help="JMESPath of the provider's own count", kind="jmespath"),
                    "on_cap": Field(help="halve the window until each part is below the cap", among=("bisect",)),
                    "smallest": Field(help="smallest window to ask for; `PT1S` if not said", kind="period"),
                }
            ),
        ),
        "records": nested(
            "where the records are in a body",
            Shape(
                {
                    "path": Field(help="JMESPath to the list", kind="jmespath", required=True),
                    "id": Field(help="JMESPath in a record: what identifies it", kind="jmespath"),
                    "time": Field(help="JMESPath in a record: when it happened", kind="jmespath"),
                    "format": _FORMAT,
                }
            ),
            required=True,
        ),
        "decode": _DECODE,
        "rate": nested(
            "how fast the provider lets us ask",
            Shape(
                {
                    "rps": Field(help="requests a second; 5 if not said", kind="number"),
                    "burst": Field(help="requests at once; 1 if not said", kind="int", least=1),
                    "remaining": Field(help="header: how many requests are left"),
                    "reset": Field(help="header: when there are more"),
                    "resetFormat": Field(
                        help="of that header", among=("epoch_s", "seconds", "epoch_ms", "rfc3339", "http_date")
                    ),
                }
            ),
        ),
        "errors": nested(
            "what an answer means for a unit; the first that fits",
            Shape(
                {
                    "status": Field(help="HTTP status", kind="int", least=200, required=True),
                    "when": Field(help="JMESPath that is true of the body", kind="jmespath"),
                    "means": Field(
                        help="`wait`, or the status in which the unit ends", among=MEANINGS, required=True
                    ),
                    "reason": Field(help="what people should read"),
                }
            ),
            many=True,
        ),
        "each": nested("a further request for each item of a page", _EACH),
        "job": nested(
            "an answer that has to be ordered first: create, poll, then `each`",
            Shape(
                {
                    "create": nested("the order", REQUEST, required=True),
                    "id": Field(help="JMESPath of its id in the answer", kind="jmespath", required=True),
                    "poll": nested(
                        "how to ask whether it is done; `{id}` is the order's",
                        Shape(
                            {
                                **REQUEST_FIELDS,
                                "until": Field(help="JMESPath: it is done", kind="jmespath", required=True),
                                "failed": Field(help="JMESPath: it has failed", kind="jmespath"),
                                "every": Field(help="pause between questions; `PT5S` if not said", kind="period"),
                                "most": Field(help="questions at the most; 200 if not said", kind="int", least=1),
                            }
                        ),
                        required=True,
                    ),
                    "total": Field(
                        help="JMESPath in the last answer: the provider's own count of records; fewer are"
                        " `partial_truncated`, no count is `partial_error`",
                        kind="jmespath",
                    ),
                    "each": nested("a request for each item of the last answer; `{job}` is the order's id", _EACH),
                }
            ),
        ),
        "preflight": nested(
            "a small question that shows whether the credentials do",
            Shape(
                {
                    "request": nested("the question", REQUEST, required=True),
                    "newest": Field(help="JMESPath: time of the newest record", kind="jmespath"),
                }
            ),
        ),
    },
    one_of=("request", "job"),
)
