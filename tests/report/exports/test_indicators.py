"""What may be named as an indicator, and what never leaves the house."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_kit.errors import UsageError
from evidence_kit.report.exports.indicators import (
    MAX_INDICATORS,
    Indicator,
    fingerprint,
    parse_indicator,
    wanted,
)

AWS_SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
SECRETS = (
    AWS_SECRET,
    f"user {AWS_SECRET} and more",
    "-----BEGIN EC PRIVATE KEY-----",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc",
    "ghp_" + "a" * 36,
    "xoxb-1234567890-abcdef",
    "sk-" + "a" * 32,
    "Bearer abcdef",
)


@pytest.mark.parametrize("kind", ["address", "account", "key", "nonsense"])
@pytest.mark.parametrize("secret", SECRETS)
def test_what_looks_like_a_secret_is_refused_and_not_repeated(kind, secret) -> None:
    with pytest.raises(UsageError, match="looks like a secret") as refused:
        parse_indicator(f"{kind}={secret}")

    assert secret not in str(refused.value)
    assert secret not in str(refused.value.hint)


@pytest.mark.parametrize(
    "value",
    ["arn:aws:sts::111122223333:assumed-role/platform-monitor/session-1", "ana@example.com", "ci-deploy", "a" * 40],
)
def test_a_name_is_no_secret(value) -> None:
    assert parse_indicator(f"account={value}").said == value


def test_a_key_leaves_the_house_by_its_fingerprint_only() -> None:
    one = parse_indicator("key=AKIAIOSFODNN7EXAMPLE")

    assert one.value == "AKIAIOSFODNN7EXAMPLE"
    # printf %s AKIAIOSFODNN7EXAMPLE | sha256sum
    assert one.said == "sha256:1a5d44a2dca19669d72edf4c4f1c27c4c1ca4b4408fbb17f6ce4ad452d78ddb3"


@pytest.mark.parametrize(
    "text",
    [
        "address",
        "address=",
        "=1.2.3.4",
        "ip=1.2.3.4",
        "address=example.com",
        "address=198.51.100.0/24",
        "address=fe80::1%eth0",
        "account=" + "a" * 1001,
    ],
)
def test_what_is_no_indicator_is_refused(text) -> None:
    with pytest.raises(UsageError):
        parse_indicator(text)


def test_an_address_is_written_in_one_way() -> None:
    assert parse_indicator("address=2001:DB8:0:0::1").value == "2001:db8::1"


def test_the_answer_to_a_question_gives_each_value_once_and_counts_what_it_leaves_out() -> None:
    rows = [
        ("198.51.100.7", "ana", "AKIA1", 3),
        ("198.51.100.7", "bob", None, 1),
        ("lambda.amazonaws.com", "ana", AWS_SECRET, 1),
        ("", None, "AKIA1", 9),
    ]
    found = wanted([Indicator("account", "ana")], ("src_ip", "actor", "credential", "n"), rows)

    assert [(one.kind, one.value) for one in found.indicators] == [
        ("account", "ana"),
        ("address", "198.51.100.7"),
        ("key", "AKIA1"),
        ("account", "bob"),
    ]
    assert found.left_out == {"not usable": 2}


def test_beyond_the_bound_is_counted_and_never_dropped_in_silence() -> None:
    rows = [(f"user-{number}",) for number in range(MAX_INDICATORS + 7)]
    found = wanted((), ("actor",), rows)

    assert len(found.indicators) == MAX_INDICATORS
    assert found.left_out == {"beyond the bound": 7}
    with pytest.raises(UsageError, match="more than"):
        wanted([Indicator("account", str(number)) for number in range(MAX_INDICATORS + 1)], (), ())


@given(st.text(min_size=1), st.text(min_size=1))
def test_fingerprints_tell_keys_apart(one, other) -> None:
    one, other = (text.encode("utf-8", "replace").decode() for text in (one, other))
    assert (fingerprint(one) == fingerprint(other)) == (one == other)
