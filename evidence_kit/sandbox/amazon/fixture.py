"""What AWS is to answer, as a document says it: by operation and parameters, in pages, in turns, or as a refusal."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jmespath

from evidence_kit.sandbox.amazon.buckets import Bucket, raw_body
from evidence_kit.sandbox.amazon.shapes import checked
from evidence_kit.sandbox.protocols.models import Paging, Service, service
from evidence_kit.sandbox.wire import Refusal

Output = Mapping[str, Any]
FIELDS = frozenset(
    {
        "operation", "service", "region", "account", "when", "pages", "turns", "error", "body", "body_gzip",
        "body_base64", "headers", "paging", "one_page",
    }
)  # fmt: skip
_ERROR = frozenset({"code", "message", "status"})
_PATH = re.compile(r"\w+(?:\.\w+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One reply of a fixture, checked against the model."""

    service: Service
    operation: str
    when: Mapping[str, object]
    region: str = ""
    account: str = ""
    pages: tuple[Output, ...] = ()
    turns: tuple[Output, ...] = ()
    refusal: Refusal | None = None
    body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()
    paging: Paging | None = None
    one_page: str = ""  # why an operation that pages is answered in one page

    def tokens(self, page: int) -> tuple[str | None, ...]:
        """Return what must be sent to get `page`, by input token; for the first, only what `when` says."""
        if self.paging is None:
            return ()
        if page:
            found = [jmespath.search(path, self.pages[page - 1]) for path in self.paging.outputs]
        else:
            found = [self.when.get(name) for name in self.paging.inputs]
        return tuple(None if value in {None, ""} else str(value) for value in found)


@dataclass(frozen=True, slots=True)
class Estate:
    """Everything that a fixture says: the first line that fits a request answers it."""

    lines: tuple[Line, ...] = ()
    buckets: tuple[Bucket, ...] = ()

    @property
    def services(self) -> tuple[Service, ...]:
        """Return the services that occur."""
        named = {line.service.name: line.service for line in self.lines}
        return tuple(named.values())


def read_estate(document: Mapping[str, Any], *, default: str = "") -> Estate:
    """Read `replies`, `bucket` and `buckets`; LookupError for anything that AWS could not say."""
    buckets = [*document.get("buckets", ())] + ([document["bucket"]] if "bucket" in document else [])
    lines = (_line(reply, default, f"replies[{n}]") for n, reply in enumerate(document.get("replies", ())))
    return Estate(tuple(lines), tuple(Bucket.read(bucket) for bucket in buckets))


def _line(reply: Mapping[str, Any], default: str, where: str) -> Line:
    if unknown := reply.keys() - FIELDS:
        raise LookupError(f"{where}: unknown field {', '.join(sorted(unknown))}")
    answers = reply.keys() & {"pages", "turns", "error", "body", "body_gzip", "body_base64"}
    if len(answers) != 1:
        raise LookupError(f"{where}: exactly one of pages, turns, error, body, body_gzip, body_base64 is needed")
    found = service(str(reply.get("service", default)))
    name = str(reply["operation"])
    where = f"{where} {found.name} {name}"
    paging = Paging.of(reply["paging"]) if "paging" in reply else found.paging(name)
    pages = _outputs(found, name, reply.get("pages", ()), where)
    if len(pages) > 1 and paging is None:
        raise LookupError(
            f"{where}: does not page by any rule: give `paging`, or `turns` for one answer after the other"
        )
    _require_members(found, name, reply.get("when", {}), where)
    return Line(
        service=found,
        operation=name,
        when=reply.get("when", {}),
        region=str(reply.get("region", "")),
        account=str(reply.get("account", "")),
        pages=_chained(found, name, pages, paging),
        turns=_outputs(found, name, reply.get("turns", ()), where),
        refusal=_refusal(reply["error"], where) if "error" in reply else None,
        body=_raw(found, name, reply, where),
        headers=tuple((str(k), str(v)) for k, v in reply.get("headers", {}).items()),
        paging=paging,
        one_page=str(reply.get("one_page", "")),
    )


def _require_members(found: Service, name: str, when: Mapping[str, object], where: str) -> None:
    shape = found.operation(name).input_shape
    if unknown := when.keys() - (shape.members.keys() if shape else set()):
        raise LookupError(f"{where}.when: there is no parameter {', '.join(sorted(unknown))}")


def _outputs(found: Service, name: str, outputs: Sequence[object], where: str) -> tuple[Output, ...]:
    shape = found.operation(name).output_shape
    if shape is None:
        return tuple({} for _ in outputs)
    made = (checked(output, shape, f"{where}[{n}]") for n, output in enumerate(outputs))
    return tuple(one for one in made if isinstance(one, Mapping))


def _refusal(error: Mapping[str, Any], where: str) -> Refusal:
    if unknown := error.keys() - _ERROR:
        raise LookupError(f"{where}.error: unknown field {', '.join(sorted(unknown))}")
    return Refusal(str(error["code"]), str(error.get("message", "no")), int(error.get("status", 400)))


def _raw(found: Service, name: str, reply: Mapping[str, Any], where: str) -> bytes | None:
    body = raw_body(reply)
    shape = found.operation(name).output_shape
    payload = shape.members.get(shape.serialization.get("payload", "")) if shape else None
    if body is not None and (payload is None or payload.type_name not in {"blob", "string"}):
        raise LookupError(f"{where}: only an operation that answers with a document of its own has a `body`")
    return body


def _chained(found: Service, name: str, pages: tuple[Output, ...], paging: Paging | None) -> tuple[Output, ...]:
    """Give every page but the last the token of the next, unless it brings its own."""
    if paging is None or len(pages) < 2:
        return pages
    shape = found.operation(name).output_shape
    linked = []
    for number, page in enumerate(pages, start=1):
        said: dict[str, object] = {paging.more: number < len(pages)} if paging.more else {}
        if number < len(pages):
            said |= dict.fromkeys((path.split("||")[0].strip() for path in paging.outputs), f"page-{number + 1}")
        for path, value in said.items():
            if _PATH.fullmatch(path) and jmespath.search(path, page) is None:
                page = _with(page, path.split("."), _typed(value, path, shape))  # noqa: PLW2901
        linked.append(page)
    return tuple(linked)


def _typed(value: object, path: str, shape: Any) -> object:  # noqa: ANN401  botocore's shapes have no common type
    for step in path.split("."):
        shape = shape.members[step]
    if isinstance(value, str) and shape.type_name in {"integer", "long"}:
        return int(value.removeprefix("page-"))
    if shape.type_name not in {"string", "boolean"}:
        raise LookupError(f"{path} is a {shape.type_name}: the fixture must give each page's own")
    return value


def _with(page: Output, path: Sequence[str], value: object) -> Output:
    first, *rest = path
    return {**page, first: _with(page.get(first, {}), rest, value) if rest else value}
