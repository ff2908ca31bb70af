"""The connector language: what is right is read, and what is wrong is pointed at."""

import json
from importlib.resources import files

import jsonschema
import pytest
import yaml

from evidence_kit.errors import UsageError
from evidence_kit.model.grammar import Variants, rows
from evidence_kit.sources.catalogue import load_catalogue, parse_source
from evidence_kit.sources.connector import parse_connector, schema
from evidence_kit.sources.connector_grammar import CONNECTOR

GOOD = """\
apiVersion: evidence-kit/connector.v1
kind: Connector
name: acme.audit
provider: acme
version: "1"
summary: Audit log of Acme
docs: https://acme.example.com/api
evidence: [audit_logs]
notes: [late]
params:
  - {name: org, help: the organisation, required: true, pattern: "[a-z-]+"}
server: "https://{org}.acme.example.com"
auth: {type: bearer, secret: token}
request: {path: /events, query: {limit: 100}}
window: {start: {query: since}, end: {query: until}, format: rfc3339, bounds: "[)", step: P1D, settle: PT1H}
paging: {type: cursor, cursor: next, send: {query: cursor}}
records: {path: events, id: id, time: at}
"""
SHIPPED = sorted(
    path for path in files("evidence_kit.sources").joinpath("partners").iterdir() if path.suffix == ".yaml"
)


def read(text):
    return parse_connector(text.encode(), name="acme.yaml")


def test_a_connector_is_a_source_like_any_other():
    spec = read(GOOD)

    assert (spec.mechanism, spec.scope, spec.windowed) == ("partner.rest", "account", True)
    assert (spec.step.days, spec.settle.seconds, spec.retention) == (1, 3600, None)
    assert (spec.evidence, spec.notes, spec.version) == (("audit_logs",), ("late",), "1")
    assert spec.digest == parse_source(GOOD.encode(), name="x").digest


# What is changed, into what, where the error points, and what it says.
WRONG = [
    ("paging: {type: cursor,", "paging: {type: cursr,", "acme.yaml:16:16", "did you mean `cursor`?"),
    ("send: {query: cursor}", "send: {qury: cursor}", "acme.yaml:16:51", "did you mean `query`?"),
    ("send: {query: cursor}", "send: {query: a, header: b}", "acme.yaml:16:44", "exactly one of"),
    (", send: {query: cursor}", "", "acme.yaml:16:9", "`paging.send` is missing"),
    ("cursor: next,", 'cursor: "next[",', "acme.yaml:16:32", "not a JMESPath"),
    ("limit: 100", "limit: {a: 1}", "acme.yaml:14:33", "a mapping of names to plain values"),
    ("path: /events", "path: events", "acme.yaml:14:17", "no path within the API"),
    ("path: /events", "path: /a/../b", "acme.yaml:14:17", "no path within the API"),
    ("path: /events", 'path: "/a?b=c"', "acme.yaml:14:17", "a query goes to `query`"),
    ("path: /events", 'path: "/{orgg}"', "acme.yaml:14:17", "did you mean `org`?"),
    ("https://{org}", "http://{org}", "acme.yaml:12:9", "`https://`"),
    ("https://{org}", "https://me@{org}", "acme.yaml:12:9", "not a plain address"),
    ("https://{org}.acme", "https://{ogr}.acme", "acme.yaml:12:9", "did you mean `org`?"),
    ("name: acme.audit", "name: acm.audit", "acme.yaml:3:7", "does not begin with the provider"),
    ("type: bearer", "type: bearr", "acme.yaml:13:14", "did you mean `bearer`"),
    (", secret: token", "", "acme.yaml:13:7", "`auth.secret` is missing"),
    ("secret: token", "secret: token, user: x", "acme.yaml:13:43", "unknown field `user`"),
    ("evidence: [audit_logs]", "evidence: [audit_log]", "acme.yaml:8:12", "did you mean `audit_logs`"),
    ("evidence: [audit_logs]", "evidence: []", "acme.yaml:8:11", "names no class"),
    ("format: rfc3339", "format: rfc339", "acme.yaml:15:62", "did you mean `rfc3339`"),
    ('bounds: "[)"', 'bounds: "[["', "acme.yaml:15:79", "unknown bounds"),
    ("step: P1D", "step: P1X", "acme.yaml:15:91", "not a duration"),
    ("step: P1D", "step: PT0S", "acme.yaml:15:91", "longer than nothing"),
    ("end: {query: until}, ", "", "acme.yaml:15:9", "the window has no end"),
    ("{path: /events,", "{method: POST, path: /events,", "acme.yaml:14:19", "a `POST` may write"),
    ("{path: /events,", "{method: DELETE, path: /events,", "acme.yaml:14:19", "known are: GET, POST"),
    ("{path: /events,", "{path: /events, headers: {Authorization: x},", "acme.yaml:14:51", "not set here"),
    ('pattern: "[a-z-]+"', 'pattern: "[a-z"', "acme.yaml:11:66", "not a regular expression"),
    ('version: "1"', "version: 1", "acme.yaml:5:10", "is int, not a text"),
    ("records: {path: events,", "records: {pth: events,", "acme.yaml:17:16", "did you mean `path`?"),
    ("kind: Connector", "kind: Conector", "acme.yaml:2:7", "did you mean `Connector`?"),
    ("notes: [late]", "errors: [{status: 404, means: ignore}]", "acme.yaml:9:31", "unknown means `ignore`"),
    ("notes: [late]", "cap: {rows: 0}", "acme.yaml:9:13", "at least 1"),
    ("notes: [late]", "nots: [late]", "acme.yaml:9:7", "did you mean `notes`?"),
    (
        "notes: [late]",
        'each: {path: "@", as: {id: a}, request: {path: "{b}"}}',
        "acme.yaml:9:48",
        "unknown slot `{b}`",
    ),
    (
        "notes: [late]",
        'each: {path: "@", as: {id: a}, hosts: ["*.com"], request: {path: "/{id}"}}',
        "acme.yaml:9:40",
        "is no host",
    ),
    ("notes: [late]", "each: {path: '@', as: {x: a}, request: {path: '/{x}'}}", "acme.yaml:9:23", "a name `id`"),
]


@pytest.mark.parametrize(("old", "new", "where", "said"), WRONG, ids=[f"{n} {w[2]}" for n, w in enumerate(WRONG)])
def test_whatever_is_wrong_is_pointed_at(old, new, where, said):
    assert old in GOOD
    with pytest.raises(UsageError) as caught:
        read(GOOD.replace(old, new, 1))

    assert caught.value.message.startswith(f"{where}: ")
    assert said in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        # What is never filled would be left out of the question, and nobody would see it.
        (
            "notes: [late]",
            'each: {path: "@", as: {id: a}, request: {path: "/x", query: {q: "{start}"}}}',
            "unknown slot `{start}`",
        ),
        ("notes: [late]", 'each: {path: "@", as: {id: a, end: b}, request: {path: "/x"}}', "cannot be a name here"),
        (
            "request: {path: /events, query: {limit: 100}}",
            (
                'job: {create: {path: /a}, id: x, poll: {path: "/{id}", until: d}, total: n,'
                ' each: {path: "@", as: {id: a}, request: {path: "/x"}, download: true}}'
            ),
            "is not counted",
        ),
    ],
    ids=["window in an item", "name of a bound", "count of downloads"],
)
def test_what_could_not_be_carried_out_is_refused(old, new, said):
    with pytest.raises(UsageError, match=said):
        read(GOOD.replace(old, new, 1))


def test_a_snapshot_has_no_window_to_ask_for():
    text = "\n".join(line for line in GOOD.split("\n") if not line.startswith("window:"))
    assert not read(text).windowed
    with pytest.raises(UsageError, match=r"unknown slot `\{end\}`"):
        read(text.replace("limit: 100", 'until: "{end}"'))


def test_a_connector_without_its_request_needs_a_job():
    with pytest.raises(UsageError, match="exactly one of `request`, `job`"):
        read(GOOD.replace("request: {path: /events, query: {limit: 100}}\n", ""))


# -- the JSON Schema -----------------------------------------------------------------------------------------------


def test_the_schema_that_is_shipped_is_made_of_the_same_table():
    shipped = files("evidence_kit.sources").joinpath("connector.schema.json").read_text("utf-8")

    assert shipped == json.dumps(schema(), indent=1) + "\n"


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_the_schema_takes_every_connector_that_is_shipped(path):
    jsonschema.validate(yaml.safe_load(path.read_bytes()), schema())


def test_the_schema_takes_what_the_parser_takes():
    jsonschema.validate(yaml.safe_load(GOOD), schema())


# What only the parser knows: slots, addresses, paths, expressions, and fields that belong together.
BEYOND_THE_SCHEMA = {
    "acme.yaml:3:7", "acme.yaml:8:11", "acme.yaml:9:23", "acme.yaml:9:40", "acme.yaml:9:48", "acme.yaml:11:66",
    "acme.yaml:12:9", "acme.yaml:14:17", "acme.yaml:14:51", "acme.yaml:15:9", "acme.yaml:15:62", "acme.yaml:16:32",
}  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (old, new)
        for old, new, where, _ in WRONG
        if where not in BEYOND_THE_SCHEMA and "POST," not in new and "PT0S" not in new
    ],
)
def test_the_schema_refuses_what_is_not_well_formed(old, new):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(GOOD.replace(old, new, 1)), schema())


def kinds(shape, above=()):
    """Yield every mapping whose tag says which fields it has, and the path to it."""
    if isinstance(shape, Variants):
        yield above, shape
        for one in shape.shapes.values():
            yield from kinds(one, above)
        return
    for name, field in shape.fields.items():
        if field.shape is not None:
            yield from kinds(field.shape, (*above, name))


@pytest.mark.parametrize(("path", "shape"), [pytest.param(*one, id=".".join(one[0])) for one in kinds(CONNECTOR)])
def test_the_schema_takes_no_kind_with_fields_of_another_or_of_none(path, shape):
    within = schema()
    for name in path:
        within = within["properties"][name]
    every = {name for one in shape.shapes.values() for name in one.fields}
    for kind, one in shape.shapes.items():
        for name in {*every.difference(one.fields), "no_such_field"}:
            said = {shape.tag: kind, name: "x"}
            errors = list(jsonschema.Draft202012Validator(within).iter_errors(said))
            assert any(f"'{name}' was unexpected" in error.message for error in errors), said
    for said in ({}, {shape.tag: "no_such_kind"}, {shape.tag: []}, "text", []):
        assert not jsonschema.Draft202012Validator(within).is_valid(said), said


def test_every_field_says_what_it_is_for():
    assert all(help_ or ": " in name for name, _, help_ in rows(CONNECTOR))


# -- the catalogue -------------------------------------------------------------------------------------------------


def test_connectors_of_the_operator_stand_beside_those_that_are_shipped(tmp_path):
    (tmp_path / "acme.yaml").write_text(GOOD)

    for given in (tmp_path, tmp_path / "acme.yaml"):
        assert load_catalogue(extra=[given])["acme.audit"].provider == "acme"
    assert "acme.audit" not in load_catalogue()


def test_a_name_that_is_taken_is_refused(tmp_path):
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").write_text(GOOD)

    with pytest.raises(UsageError, match=r"there is a source `acme\.audit` already"):
        load_catalogue(extra=[tmp_path])


def test_a_folder_without_connectors_is_a_mistake(tmp_path):
    with pytest.raises(UsageError, match="holds no"):
        load_catalogue(extra=[tmp_path])
    with pytest.raises(UsageError, match="cannot read the connector"):
        load_catalogue(extra=[tmp_path / "missing.yaml"])
