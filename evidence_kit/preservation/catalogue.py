"""Reads the catalogue of actions: strict YAML in, `ActionSpec` out. Knows nothing of any mechanism."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Literal, cast

from evidence_kit.model.document import Document, parse_document
from evidence_kit.model.grammar import Field, Shape, check, nested
from evidence_kit.model.source import Limit, Param, RecordPath, SourceSpec
from evidence_kit.preservation.allowed import WRITING

API_VERSION = "evidence-kit/action.v1"
_LIMIT = Shape(
    {
        "rps": Field(help="requests a second", kind="number", required=True),
        "burst": Field(help="how many at once", kind="int", least=1),
        "per": Field(help="what shares the budget", many=True, among=("account", "region")),
    }
)
_PARAM = Shape(
    {
        "name": Field(help="what it is called", required=True, pattern="[a-z][a-z_]*"),
        "help": Field(help="what it is for", required=True),
        "required": Field(help="whether the action needs it", kind="bool"),
        "default": Field(help="what stands in for it"),
        "pattern": Field(help="the regular expression that a value has to match as a whole", required=True),
        "each": Field(help="whether there may be many: one unit each", kind="bool"),
    }
)
_POLL = Shape(
    {
        "every": Field(help="seconds between two looks", kind="number", required=True),
        "most": Field(help="how many looks", kind="int", required=True, least=1),
    }
)
GRAMMAR = Shape(
    {
        "apiVersion": Field(help=f"`{API_VERSION}`", required=True, among=(API_VERSION,)),
        "kind": Field(help="`Action`", required=True, among=("Action",)),
        "name": Field(help="`provider.service.what`", required=True, pattern=r"(?:aws|azure|gcp)(?:\.[a-z0-9_]+){2}"),
        "provider": Field(help="whose target it is for", required=True, among=("aws", "azure", "gcp")),
        "summary": Field(help="what it does, in one line", required=True),
        "mechanism": Field(help="the code that does it", required=True),
        "scope": Field(help="whether a region has to be known", required=True, among=("account", "region")),
        "writes": Field(help="operations that change the target", required=True, many=True, among=tuple(WRITING)),
        "permissions": Field(help="what the credentials need", required=True, many=True),
        "limit": nested("how fast the provider may be asked", _LIMIT, required=True),
        "params": nested("what it is to be told", _PARAM, required=True, many=True),
        "resource": Field(help="how the resource is called: params in braces", required=True),
        "reversible": Field(help="who can undo it, and how", required=True),
        "cost": Field(help="what it costs", required=True),
        "caution": Field(help="what else it changes for those who use the target"),
        "docs": Field(help="the provider's own page", required=True, pattern="https://.+"),
        "poll": nested("how long to wait until it is in force", _POLL),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionSpec:
    """One action as described by its file. `source` is what the engine reads of it.

    `patterns` says, by param, what a value has to look like; `many` is the param of which there may be many.
    """

    source: SourceSpec
    writes: tuple[str, ...]
    resource: str
    reversible: str
    cost: str
    caution: str = ""
    many: str = ""
    patterns: Mapping[str, re.Pattern[str]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return its name."""
        return self.source.name


def load_actions() -> dict[str, ActionSpec]:
    """Return every action by name, sorted."""
    found: dict[str, ActionSpec] = {}
    for folder in (files("evidence_kit.preservation") / "actions").iterdir():
        for item in folder.iterdir():
            if item.name.endswith(".yaml"):
                action = parse_action(item.read_bytes(), name=f"{folder.name}/{item.name}")
                found[action.name] = action
    return dict(sorted(found.items()))


def parse_action(text: bytes, *, name: str) -> ActionSpec:
    """Read one description; UsageError says where it is wrong."""
    doc = parse_document(text, name=name)
    check(doc, (), GRAMMAR)
    data = cast("Mapping[str, Any]", doc.data)
    if data["name"].partition(".")[0] != data["provider"]:
        raise doc.error(("name",), f"`{data['name']}` does not begin with its provider")
    patterns = {one["name"]: _pattern(doc, index, one["pattern"]) for index, one in enumerate(data["params"])}
    many = [one["name"] for one in data["params"] if one.get("each")]
    if len(many) > 1:
        raise doc.error(("params",), "of one param only there may be many")
    if unknown := sorted(set(re.findall(r"\{(\w+)\}", data["resource"])) - set(patterns)):
        raise doc.error(("resource",), f"there is no param `{unknown[0]}`")
    return ActionSpec(
        source=_source(doc, data),
        writes=tuple(data["writes"]),
        resource=data["resource"],
        reversible=data["reversible"],
        cost=data["cost"],
        caution=data.get("caution", ""),
        many=many[0] if many else "",
        patterns=patterns,
    )


def _pattern(doc: Document, index: int, text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise doc.error(("params", index, "pattern"), f"not a regular expression: {error}") from error


def _source(doc: Document, data: Mapping[str, Any]) -> SourceSpec:
    limit = data["limit"]
    return SourceSpec(
        name=data["name"],
        provider=data["provider"],
        summary=data["summary"],
        mechanism=data["mechanism"],
        scope=cast("Literal['account', 'region']", data["scope"]),
        windowed=False,
        permissions=tuple(data["permissions"]),
        limit=Limit(
            rps=float(limit["rps"]),
            burst=limit.get("burst", 1),
            per=tuple(limit.get("per", ("account", "region"))),
        ),
        records=RecordPath(path="", format="bytes"),
        docs=data["docs"],
        digest=doc.digest,
        params=tuple(
            Param(
                name=one["name"],
                help=one["help"],
                required=one.get("required", False),
                default=one.get("default", ""),
            )
            for one in data["params"]
        ),
        settings={"poll": data["poll"]} if "poll" in data else {},
    )
