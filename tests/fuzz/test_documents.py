"""Whatever stands in a file that people write (YAML): it is read or refused, and nothing else happens."""

import base64
import json
import re
from pathlib import Path

import pytest
from fuzz.feeding import LONG, NORMAL, YAML_BOMBS, Decoder, damaged, ids, judge, weighed
from hypothesis import given
from hypothesis import strategies as st

from evidence_kit.acquire.description import parse_about
from evidence_kit.custody.trust.reading import parse_trust
from evidence_kit.errors import UsageError
from evidence_kit.governance.clocks.grammar import parse_file
from evidence_kit.governance.controls.book import parse_framework
from evidence_kit.governance.inventory import parse_inventory
from evidence_kit.governance.policy import parse_policy
from evidence_kit.governance.template import parse_template
from evidence_kit.model.document import parse_document
from evidence_kit.notices.channels import parse_channels
from evidence_kit.playbook.reading import parse_playbook
from evidence_kit.preservation.catalogue import parse_action
from evidence_kit.sandbox.partners.fixture import parse_fixture
from evidence_kit.sources.catalogue import parse_source
from evidence_kit.sources.connector import parse_connector

ROOT = Path(__file__).parents[2]
KIT = ROOT / "evidence_kit"
_BLOCK = re.compile(r"```yaml\n(.*?)```", re.DOTALL)


def _files(*patterns):
    """Return what the kit itself ships: the smallest files first, for damage to reach what matters."""
    found = [path for pattern in patterns for path in ROOT.glob(pattern)]
    assert found, patterns
    return tuple(path.read_bytes() for path in sorted(found, key=lambda path: path.stat().st_size)[:4])


def _told(page, kind):
    """Return the documents of one kind that a page of the docs shows."""
    blocks = _BLOCK.findall((ROOT / "docs" / page).read_text("utf-8"))
    found = tuple(block.encode() for block in blocks if f"kind: {kind}\n" in block)
    assert found, (page, kind)
    return found


def _trusted():
    vectors = sorted((ROOT / "tests" / "vectors" / "valid").glob("trust*.json"))
    return tuple(json.loads(path.read_text("utf-8"))["trust"].encode() for path in vectors)


DECODERS = (
    Decoder("playbook", lambda data: parse_playbook(data, name="p.yaml"), _files("playbooks/*.yaml")),
    Decoder(
        "connector", lambda data: parse_connector(data, name="c.yaml"), _files("evidence_kit/sources/partners/*")
    ),
    Decoder("source", lambda data: parse_source(data, name="s.yaml"), _files("evidence_kit/sources/aws/*.yaml")),
    Decoder("inventory", lambda data: parse_inventory(data, name="i.yaml"), _told("inventory.md", "Inventory")),
    Decoder("policy", lambda data: parse_policy(data, name="p.yaml"), _told("inventory.md", "Policy")),
    Decoder("clocks", lambda data: parse_file(data, name="c.yaml"), _files("evidence_kit/governance/clocks/*.yaml")),
    Decoder("channels", lambda data: parse_channels(data, name="n.yaml"), _told("notices.md", "Notices")),
    Decoder("trust", lambda data: parse_trust(data, name="t.yaml"), _trusted()),
    Decoder("about", lambda data: parse_about(data, name="a.yaml"), _files("examples/about.yaml")),
    Decoder("fixture", lambda data: parse_fixture(data, name="f.yaml"), _files("tests/fixtures/partners/*.yaml")),
    Decoder(
        "action",
        lambda data: parse_action(data, name="a.yaml"),
        _files("evidence_kit/preservation/actions/**/*.yaml"),
    ),
    Decoder(
        "framework",
        lambda data: parse_framework(data, name="f.yaml"),
        _files("evidence_kit/governance/controls/frameworks/*.yaml"),
    ),
    Decoder(
        "template",
        lambda data: parse_template(data, name="t.yaml"),
        _files("evidence_kit/governance/assessment.yaml"),
    ),
)

PLAIN = Decoder("document", lambda data: _bare(parse_document(data, name="d.yaml")), ())
ODD = (b"", b"[]", b"{}", b"-1", b"1" * 5_000, b"[[[[]]]]", b'"\\0"', b"P" + b"9" * 400 + b"D", b'"(a+)+$"')
_PEM = re.compile(rb"(-----BEGIN CERTIFICATE-----\n)(.*?)( *-----END)", re.DOTALL)
_POINT = b"\x03\x42\x00\x04"  # a BIT STRING that holds an uncompressed point of P-256


def _off_the_curve(found):
    der = base64.b64decode(found[2])
    at = der.index(_POINT) + len(_POINT)
    lines = base64.encodebytes(der[:at] + b"\x01" * 64 + der[at + 64 :]).splitlines(keepends=True)
    return found[1] + b"".join(b"      " + line for line in lines) + found[3]


def test_an_authority_whose_key_is_off_its_curve_is_refused():
    (decoder,) = [one for one in DECODERS if one.name == "trust"]
    vector = json.loads((ROOT / "tests" / "vectors" / "valid" / "certified.json").read_text("utf-8"))
    text, count = _PEM.subn(_off_the_curve, vector["trust"].encode())
    assert count
    assert not judge(decoder, text)


def _bare(doc):
    """Refuse what is a sound document and is none of ours, as every reader's own table does."""
    raise UsageError(f"{doc.name}: of no known kind")


@pytest.mark.parametrize(**ids(DECODERS))
def test_every_seed_is_taken(decoder):
    assert [judge(decoder, seed) for seed in decoder.seeds] == [True] * len(decoder.seeds)


@pytest.mark.parametrize("bomb", YAML_BOMBS)
def test_a_document_made_to_hurt_is_refused_within_bounds(bomb):
    """Every reader of YAML begins here."""
    assert not judge(PLAIN, YAML_BOMBS[bomb])


@pytest.mark.slow
@pytest.mark.parametrize(**ids(DECODERS))
@pytest.mark.parametrize("bomb", YAML_BOMBS)
def test_a_document_made_to_hurt_is_refused_by_every_reader(decoder, bomb):
    assert not weighed(decoder, YAML_BOMBS[bomb])


def _replaced(decoder, most):
    """Put each odd value in the place of each of so many values; a reader may take one, and may not stumble."""
    lines = decoder.seeds[0].split(b"\n")
    numbers = [number for number, line in enumerate(lines) if b": " in line]
    for number in numbers[:: max(1, len(numbers) // most)]:
        key = lines[number].partition(b": ")[0]
        for odd in ODD:
            judge(decoder, b"\n".join([*lines[:number], key + b": " + odd, *lines[number + 1 :]]))


@pytest.mark.parametrize(**ids(DECODERS))
def test_a_value_may_be_any_other(decoder):
    _replaced(decoder, 4)


@pytest.mark.slow
@pytest.mark.parametrize(**ids(DECODERS))
def test_every_value_may_be_any_other(decoder):
    _replaced(decoder, 400)


@pytest.mark.parametrize(**ids(DECODERS))
@given(data=st.data())
@NORMAL
def test_a_damaged_document_is_read_or_refused(decoder, data):
    judge(decoder, data.draw(damaged(decoder.seeds)))


@pytest.mark.slow
@pytest.mark.parametrize(**ids(DECODERS))
@given(data=st.data())
@LONG
def test_a_document_damaged_in_thousands_of_ways_is_read_or_refused(decoder, data):
    judge(decoder, data.draw(damaged(decoder.seeds)))
