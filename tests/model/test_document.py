import hashlib
import random

import pytest

from evidence_kit.errors import UsageError
from evidence_kit.model import document
from evidence_kit.model.document import MAX_DEPTH, MAX_DOCUMENT, did_you_mean, parse_document

GOOD = b"""\
name: shop
targets:
  - id: "111122223333"
    regions: [us-east-1, eu-west-1]
  - id: "444455556666"
limits: {rps: 2, burst: 1.5, on: true}
since: 2026-11-18
nothing:
"""


def parse(text):
    return parse_document(text if isinstance(text, bytes) else text.encode(), name="f.yaml")


def refused(text):
    with pytest.raises(UsageError) as caught:
        parse(text)
    return caught.value.message


def test_a_document_is_plain_data():
    assert parse(GOOD.replace(b"on: true", b"x: true")).data == {
        "name": "shop",
        "targets": [{"id": "111122223333", "regions": ["us-east-1", "eu-west-1"]}, {"id": "444455556666"}],
        "limits": {"rps": 2, "burst": 1.5, "x": True},
        "since": "2026-11-18",
        "nothing": None,
    }


def test_a_document_names_the_bytes_that_it_was_read_from():
    text = b"a: 1  # and a comment\n"
    assert parse(text).digest == hashlib.sha256(text).hexdigest()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", "f.yaml:3:1: duplicate key `a`"),
        ("x:\n  a: 1\n  a: 1\n", "f.yaml:3:3: duplicate key `a`"),
        ("a: &one 1\n", "f.yaml:1:4: anchors and aliases are not allowed"),
        ("a: 1\nb: *one\n", "f.yaml:2:4: anchors and aliases are not allowed"),
        ("a: !!python/name:os.system x\n", "f.yaml:1:4: tags are not allowed"),
        ("a:\n  b: !!str 1\n", "f.yaml:2:6: tags are not allowed"),
        ("1: x\n", "f.yaml:1:1: key `1` is not a string; put it in quotes"),
        ("a:\n  on: x\n", "f.yaml:2:3: key `on` is not a string; put it in quotes"),
        ("a: 1\n<<: {b: 1}\n", "f.yaml:2:1: key `<<` is not a string; put it in quotes"),
        ("a: =\n", "f.yaml:1:4: unsupported kind of value `tag:yaml.org,2002:value`"),
        ("a: [1, 2\n", "f.yaml:2:1: expected ',' or ']'"),
        ("a: 1\n---\nb: 1\n", "f.yaml:2:1: but found another document"),
        ("a: 1\nb: \x07\n", "f.yaml:2:4: character U+0007 may not stand in YAML"),
        ("- 1\n", "f.yaml:1:1: expected a mapping at the top"),
        ("", "f.yaml:1:1: expected a mapping at the top"),
        (b"a: 1\nb: \xff\n", "f.yaml:2:4: not UTF-8"),
        ("a: 1\nb: " + "9" * 5000 + "\n", "f.yaml:2:4: not a number that can be read"),
        ("a: " + "[" * 50_000 + "]" * 50_000, "f.yaml:1:53: nested more than 50 deep"),
        ("a:\n" + "\n".join(" " * n + "- " for n in range(100)), "f.yaml:51:50: nested more than 50 deep"),
    ],
)
def test_what_is_refused_is_named_with_line_and_column(text, said):
    assert refused(text).startswith(said)


def test_nesting_up_to_the_limit_is_read():
    assert parse("a: " + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1)).data


def test_a_document_beyond_the_limit_is_refused_unread():
    assert "larger than" in refused(b"&" * (MAX_DOCUMENT + 1))


def test_a_bomb_of_aliases_is_refused_before_it_grows():
    lines = ["a0: &a0 x"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40)]
    assert "anchors and aliases" in refused("\n".join(lines))


@pytest.mark.parametrize(
    ("path", "kind", "value"),
    [
        (("name",), str, "shop"),
        (("targets", 1, "id"), str, "444455556666"),
        (("targets", 0, "regions", 1), str, "eu-west-1"),
        (("limits", "rps"), int, 2),
    ],
)
def test_a_value_is_found_by_its_path(path, kind, value):
    assert parse(GOOD.replace(b", on: true", b"")).at(path, kind) == value


@pytest.mark.parametrize(
    ("path", "kind", "said"),
    [
        (("name",), int, "f.yaml:1:7: `name` is str, not int"),
        (("targets", 0, "id"), list, "f.yaml:3:9: `targets.0.id` is str, not list"),
        (("limits", "rps"), str, "f.yaml:6:15: `limits.rps` is int, not str"),
        (("limits", "x"), int, "f.yaml:6:33: `limits.x` is bool, not int"),
        (("targets", 1, "regions"), list, "f.yaml:5:5: `targets.1.regions` is missing"),
        (("targets", 9), dict, "f.yaml:3:3: `targets.9` is missing"),
        (("name", "first"), str, "f.yaml:1:7: `name.first` is missing"),
        (("nobody",), str, "f.yaml:1:1: `nobody` is missing"),
        (("nothing",), str, "f.yaml:8:9: `nothing` is missing"),
    ],
)
def test_a_wrong_value_is_named_where_it_stands(path, kind, said):
    with pytest.raises(UsageError) as caught:
        parse(GOOD.replace(b"on: true", b"x: true")).at(path, kind)
    assert caught.value.message == said


def test_a_default_stands_in_for_what_is_absent():
    assert parse("a: 1").at(("b",), str, default="x") == "x"


def test_a_default_does_not_stand_in_for_a_wrong_type():
    with pytest.raises(UsageError, match="is int, not str"):
        parse("a: 1").at(("a",), str, default="x")


def test_an_unknown_field_is_named_with_its_nearest_neighbour():
    with pytest.raises(UsageError) as caught:
        parse("a:\n  nmae: x\n").allow(("a",), ("name", "id"))
    assert caught.value.message == "f.yaml:2:9: unknown field `nmae`"
    assert caught.value.hint == "did you mean `name`?"


def test_an_unknown_field_at_the_top_is_refused_as_well():
    with pytest.raises(UsageError, match=r"f\.yaml:1:4: unknown field `a`"):
        parse("a: 1").allow((), ("b",))


def test_known_fields_are_allowed():
    parse("a: {b: 1}").allow(("a",), ("b", "c"))


def test_a_word_without_a_neighbour_is_answered_with_all_that_are_known():
    assert did_you_mean("zzz", ["b", "a"]) == "known are: a, b"


def outcome(text, monkeypatch, loader):
    monkeypatch.setattr(document, "_FAST", loader)
    try:
        return parse(text).data
    except UsageError as error:
        return error.message


@pytest.mark.skipif(document._FAST is None, reason="PyYAML was built without libyaml")
def test_a_document_means_the_same_however_pyyaml_was_built(monkeypatch):
    fast, rng = document._FAST, random.Random(5)
    pieces = list(":-{}[],#&*!|>'\"%@`? \t\nab1~\\é\u2028")
    for _ in range(400):
        text = GOOD.decode()
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(text))
            text = text[:at] + rng.choice(pieces) + text[at + rng.randint(0, 1) :]
        assert outcome(text, monkeypatch, fast) == outcome(text, monkeypatch, None), text


@pytest.mark.parametrize("said", ["NO", "yes", "On", "off", "012345670123", "0o", "1:30", "-0777", "1_0:59"])
def test_what_some_programs_read_otherwise_has_to_be_quoted(said):
    fine = said == "0o"
    for text in (f"a: {said}", f"a: [{said}]"):
        if fine:
            assert parse_document(text.encode(), name="x")
        else:
            with pytest.raises(UsageError, match=r"x:1:[45]: .*put it in quotes"):
                parse_document(text.encode(), name="x")
    assert parse_document(f'a: "{said}"'.encode(), name="x").data == {"a": said}
