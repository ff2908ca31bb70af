"""Frameworks as data: strict where they are wrong, whole where they are ours."""

from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from importlib.resources import files

import pytest

from evidence_kit.errors import UsageError
from evidence_kit.governance.controls.book import families, framework, frameworks, parse_framework
from evidence_kit.governance.controls.vocabulary import FACTS
from evidence_kit.sources.catalogue import load_catalogue

ASKED_FOR = {
    "soc2": ("CC6", "CC7", "CC9"),
    "iso27001": ("A.5", "A.8"),
    "nist-csf": ("GV", "PR", "DE", "RS"),
    "nist-800-53": ("AU", "IR"),
    "gdpr": ("Art.5(", "Art.28(", "Art.30", "Art.32(", "Art.33("),
    "ccpa": ("1798.100", "1798.150"),
    "pci-dss": ("10.", "12."),
    "eu-ai-act": ("Art.12(", "Art.26(", "Art.73("),
}
TEXT = """apiVersion: evidence-kit/controls.v1
kind: Controls
name: ours
title: Our own
version: "1"
edition: "2026"
publisher: us
source: https://example.com/
reviewed: 2026-11-22
status: read
controls:
  - id: O-1
    says: logs are kept
    evidence:
      - {fact: covered, family: audit}
      - {fact: notice_agreed, within: PT72H}
    beyond: whether anybody looks
"""


def test_every_framework_that_was_asked_for_is_there_with_all_its_parts() -> None:
    assert set(frameworks()) == set(ASKED_FOR)
    for name, parts in ASKED_FOR.items():
        ids = [one.id for one in framework(name).controls]
        assert all(any(one.startswith(part) for one in ids) for part in parts)
        assert all(one.startswith(parts) for one in ids)


def test_every_word_of_the_vocabulary_is_used_and_says_what_it_does_not_prove() -> None:
    used = {fact.fact for one in frameworks().values() for control in one.controls for fact in control.evidence}

    assert used == set(FACTS)
    for name, fact in FACTS.items():
        assert fact.unproved, name
        assert fact.nothing, name
        assert fact.help, name


@pytest.mark.slow
def test_every_source_that_a_family_names_is_in_the_catalogue() -> None:
    known = load_catalogue()

    for name, one in families().items():
        for glob in one.globs:
            assert any(fnmatchcase(source, glob) for source in known), f"{name}: {glob}"


def test_what_was_not_held_against_its_source_for_half_a_year_is_stale() -> None:
    one = framework("gdpr")
    reviewed = datetime.combine(one.reviewed, datetime.min.time(), tzinfo=UTC)

    assert not one.is_stale(reviewed + timedelta(days=180))
    assert one.is_stale(reviewed + timedelta(days=181))


def test_a_framework_of_ones_own_is_read_with_its_digest() -> None:
    one = parse_framework(TEXT.encode(), name="ours.yaml")

    assert [fact.said for fact in one.controls[0].evidence] == ["covered family=audit", "notice_agreed within=PT72H"]
    assert one.digest != parse_framework(TEXT.replace("looks", "looked").encode(), name="ours.yaml").digest


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("fact: covered", "fact: coverd"), "unknown fact `coverd`|unknown .*coverd"),
        (("family: audit", "family: audits"), "unknown family `audits`"),
        ((", family: audit", ""), "`covered` needs `family`"),
        (("family: audit", "family: audit, within: PT1H"), "`covered` knows no `within`"),
        (("PT72H", "72 hours"), "not a duration"),
        (("    beyond: whether anybody looks\n", ""), "beyond` is missing"),
        (("reviewed: 2026-11-22", "reviewed: lately"), "not a day"),
        (("status: read", "status: sure"), "status"),
        (("https://example.com/", "http://example.com/"), "source"),
        (("says: logs are kept", "says: logs are kept\n    text: the standard's own words"), "unknown field `text`"),
        (("says: logs are kept", 'says: " "'), "says nothing"),
        (("controls.v1", "controls.v2"), "apiVersion"),
    ],
)
def test_a_wrong_framework_is_refused_where_it_is_wrong(change, says) -> None:
    assert change[0] in TEXT
    with pytest.raises(UsageError, match=says) as refused:
        parse_framework(TEXT.replace(*change, 1).encode(), name="ours.yaml")

    assert str(refused.value).startswith("ours.yaml:")


def test_two_controls_of_one_name_and_a_control_without_evidence_are_refused() -> None:
    control = TEXT[TEXT.index("  - id:") :]
    with pytest.raises(UsageError, match="two controls"):
        parse_framework((TEXT + control).encode(), name="ours.yaml")
    bare = TEXT.replace(TEXT[TEXT.index("    evidence:") : TEXT.index("    beyond")], "    evidence: []\n")
    with pytest.raises(UsageError, match="without evidence"):
        parse_framework(bare.encode(), name="ours.yaml")


def test_an_unknown_framework_gets_the_nearest() -> None:
    with pytest.raises(UsageError) as refused:
        framework("soc-2")

    assert "soc2" in str(refused.value.hint)


def test_rules_are_data_and_hold_no_code() -> None:
    folder = files("evidence_kit.governance.controls") / "frameworks"

    assert len([one for one in folder.iterdir() if one.name.endswith(".yaml")]) == len(ASKED_FOR)
    for one in folder.iterdir():
        assert one.name.endswith((".yaml", "__pycache__"))
