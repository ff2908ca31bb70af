import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evidence_kit.custody import names
from evidence_kit.errors import SignatureError

SAFE = re.compile(r"[A-Za-z0-9._=@+,-]{1,200}")
TEXT = st.text(st.characters(exclude_categories=()), max_size=80)  # lone surrogates too
LONG = TEXT | st.text("a=.\u00fc", min_size=100, max_size=400)


@given(LONG)
def test_a_component_uses_the_safe_alphabet_within_its_length(original):
    name = names.safe_component(original)
    assert SAFE.fullmatch(name)
    assert name not in {".", ".."}


@given(LONG)
def test_a_mapped_path_is_safe(original):
    assert names.is_safe(names.safe_path(original))


@given(st.lists(LONG, unique=True, min_size=2, max_size=8))
@example(["\udcc3\udcbc", "\u00fc"])
@example(["a=b", "a=3Db"])
@example(["", "=-"])
@example([".", "=2E"])
def test_components_are_mapped_one_to_one(originals):
    assert len({names.safe_component(original) for original in originals}) == len(originals)


@given(st.lists(TEXT, unique=True, min_size=2, max_size=8))
@example(["a/b", "a=2Fb"])
@example(["a//b", "a/=-/b"])
def test_paths_are_mapped_one_to_one(originals):
    assert len({names.safe_path(original) for original in originals}) == len(originals)


def test_a_plain_name_stays_as_it_is():
    assert names.safe_path("AWSLogs/111/a_b-c.d@e+f,g.json.gz") == "AWSLogs/111/a_b-c.d@e+f,g.json.gz"


@pytest.mark.parametrize(
    ("original", "safe"),
    [
        ("two words", "two=20words"),
        ("line\nfeed", "line=0Afeed"),
        ("gr\u00fc\u00df", "gr=C3=BC=C3=9F"),
        ("../../etc/passwd", "=2E=2E/=2E=2E/etc/passwd"),
        ("/etc", "=-/etc"),
        ("a=b", "a=3Db"),
        ("nul\0", "nul=00"),
        ("c:\\x", "c=3A=5Cx"),
    ],
)
def test_a_dangerous_name_is_spelled_out(original, safe):
    assert names.safe_path(original) == safe


def test_a_long_component_keeps_its_beginning_and_ends_in_a_hash():
    name = names.safe_component("n" * 300)
    assert re.fullmatch(r"n{120}=-[0-9a-f]{40}", name)


def test_a_component_at_the_limit_is_kept():
    assert names.safe_component("n" * names.MAX_COMPONENT) == "n" * names.MAX_COMPONENT


def test_a_path_too_long_becomes_its_hash():
    assert re.fullmatch(r"=-[0-9a-f]{64}", names.safe_path("/".join("a" * 100 for _ in range(50))))


@pytest.mark.parametrize(
    "path",
    ["", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", "a b", "a\n", "a\\b", "\u00fc", "a\0", "~", "a" * 201],
)
def test_what_is_not_ours_is_refused(path):
    assert not names.is_safe(path)
    with pytest.raises(SignatureError, match="not a name that a bag may hold"):
        names.require_safe(path)


def test_a_path_beyond_the_limit_is_refused():
    path = "/".join(["a" * 199] * 21)
    assert not names.is_safe(path)
    assert names.is_safe(path[: names.MAX_PATH - 1])


def test_an_accepted_name_is_returned():
    assert names.require_safe("data/a") == "data/a"


@given(st.text("a./=\n", max_size=12) | TEXT | st.text("ab/", min_size=195, max_size=420))
@example("." * 3)
@example("a/../b")
@example("..")
@example("a\n")
@example("a/" + "b" * 201)
def test_a_path_is_safe_if_each_of_its_components_is(path):
    parts = path.split("/")
    assert names.is_safe(path) == all(SAFE.fullmatch(part) and part not in {".", ".."} for part in parts)


def test_a_path_has_an_end():
    longest = "/".join(["a" * 199] * 20)
    assert len(longest) == 3999
    assert names.is_safe(longest)
    assert not names.is_safe(longest + "/a")
