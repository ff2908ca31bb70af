"""How blob storage is spoken to: XML answers, errors in XML or only in a header, and what they mean for a unit."""

import re
from collections.abc import Mapping
from xml.etree.ElementTree import Element, ParseError, fromstring

from evidence_kit.collectors.azure.speaker import Speaker
from evidence_kit.collectors.tap import BadBody, Rule, Tap
from evidence_kit.collectors.web.wire import Answer, Ask, WebWire
from evidence_kit.model.exchange import Retryable, Stop
from evidence_kit.model.ports import Context
from evidence_kit.model.status import UnitStatus

# The first version that lists what was deleted beside its versions is 2020-10-02; this one writes odd names encoded.
VERSION = "2021-12-02"
RULE = Rule(
    headers=frozenset(
        {
            "content-encoding", "content-length", "content-md5", "content-type", "date", "etag", "last-modified",
            "retry-after", "x-ms-blob-content-md5", "x-ms-blob-type", "x-ms-creation-time", "x-ms-error-code",
            "x-ms-is-current-version", "x-ms-request-id", "x-ms-version", "x-ms-version-id",
        }
    ),
    request_ids=("x-ms-request-id", "request-id"),
    tokens=frozenset({"marker"}),
)  # fmt: skip
_BUSY = frozenset({"internalerror", "operationtimedout", "serverbusy"})
_NOT_THERE = frozenset({"containernotfound", "resourcenotfound", "filesystemnotfound"})
_BY_NETWORK = frozenset({"authorizationfailure", "authorizationsourceipmismatch", "publicaccessnotpermitted"})
# Asking for versions where an account keeps none, or cannot: hierarchical namespaces above all.
_NO_VERSIONS = frozenset(
    {
        "featurenotsupportedforhierarchicalaccount", "featurenotsupported", "featureversionmismatch",
        "invalidinput", "invalidqueryparametervalue", "unsupportedqueryparameter",
    }
)  # fmt: skip
_CODE = re.compile(rb"<Code>([A-Za-z0-9]{1,80})</Code>")
_UNAUTHORIZED, _CHANGED, _TOO_MANY, _SERVER = 401, 412, 429, 500


class Changed(Retryable):
    """A blob is no longer what the listing said."""


class VersionsRefused(Stop):
    """The account does not list versions and what was deleted; it may well list what there is."""


class BlobSpeaker(Speaker):
    """Blob storage's dialect: tokens as elsewhere at Microsoft, errors of its own."""

    rule: Rule = RULE

    def verdict(self, status: int, body: bytes, headers: Mapping[str, str]) -> Retryable | Stop:
        """Return what to raise for an answer that is not a success."""
        said = super().verdict(status, body, headers)
        return said if status == _UNAUTHORIZED else blob_verdict(status, body, headers)


class BlobWire(WebWire):
    """One target's storage accounts over HTTP; answers that are read are listings in XML."""

    def _answer(self, ctx: Context, tap: Tap, ask: Ask, result: str) -> Answer:
        try:
            parsed = read(tap.body or b"")
        except BadBody as error:
            ctx.record(tap.exchange(error="BadBody"))
            raise Retryable(f"{ask.operation}: {error}") from error
        if result and result not in parsed:
            ctx.record(tap.exchange(error=f"no `{result}` in the answer"))
            raise Retryable(f"{ask.operation} answered without `{result}`")
        return Answer(parsed, tap.body or b"", tap.exchange())


def read(body: bytes) -> Mapping[str, object]:
    """Read a listing into what each element holds: `Blobs` as elements, the rest as text; BadBody for all else."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadBody("HTTP 200 with a body that is no text") from error
    if "<!" in text:  # a document type could declare entities; no answer of the service has one
        raise BadBody("HTTP 200 with a body that is no listing")
    try:
        root = fromstring(text)  # noqa: S314 - without a document type there is nothing to expand
    except (ParseError, ValueError) as error:
        raise BadBody("HTTP 200 with a body that is no listing") from error
    if root.tag != "EnumerationResults":
        raise BadBody(f"HTTP 200 with `{root.tag[:40]!a}` instead of a listing")
    return {one.tag: tuple(one) if one.tag == "Blobs" else (one.text or "") for one in root}


def text_of(element: Element, path: str) -> str:
    """Return the text at `path`, empty where there is none."""
    return element.findtext(path, default="") or ""


def blob_verdict(status: int, body: bytes, headers: Mapping[str, str]) -> Retryable | Stop:
    """Return what to raise for an error answer; its code stands in a header, and mostly in the body too."""
    found = _CODE.search(body)
    code = headers.get("x-ms-error-code", "")[:80] or (found[1].decode() if found else "")
    said, name = f"{code or 'no code'} (HTTP {status})", code.lower()
    if status == _CHANGED:
        return Changed(f"the blob was changed since it was listed: {said}")
    if status >= _SERVER or name in _BUSY or status in {408, _TOO_MANY}:
        throttled = status == _TOO_MANY or name == "serverbusy"
        return Retryable(said, throttled=throttled, after=_seconds(headers.get("retry-after", "")))
    if status == 403 and name in _BY_NETWORK:
        return Stop(UnitStatus.DENIED_BY_POLICY, f"the account's network rules refuse us: {said}")
    if status in {401, 403}:
        return Stop(UnitStatus.DENIED, said)
    if status == 404 and name in _NOT_THERE:
        return Stop(UnitStatus.NOT_CONFIGURED, f"there is no such container: {said}")
    if status in {400, 409} and name in _NO_VERSIONS:
        return VersionsRefused(UnitStatus.PARTIAL_ERROR, said)
    return Stop(UnitStatus.PARTIAL_ERROR, said)


def _seconds(retry_after: str) -> float | None:
    return float(retry_after) if retry_after.isdigit() else None
