"""Key URIs: read strictly, repeated nowhere with what a person may have typed into them by mistake."""

import pytest

from evidence_kit.errors import UsageError
from evidence_kit.signers.uri import MAX_URI, endpoint, parse_uri, scheme_of


def test_a_uri_has_a_scheme_a_body_and_options():
    said = parse_uri("awskms:alias/ir?region=eu-west-1&endpoint=https%3A%2F%2Fkms", options=("region", "endpoint"))

    assert (said.scheme, said.body) == ("awskms", "alias/ir")
    assert said.options == {"region": "eu-west-1", "endpoint": "https://kms"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "awskms",
        "awskms:",
        ":x",
        "AWSKMS:x",
        "awskms:a b",
        "awskms:a\nb",
        "awskms:é",
        "awskms:" + "x" * MAX_URI,
        "x:\0",
    ],
)
def test_what_is_no_uri_is_refused_and_not_repeated(text):
    with pytest.raises(UsageError, match="is no key URI") as raised:
        scheme_of(text)

    assert len(raised.value.message) < 200


@pytest.mark.parametrize("text", ["awskms:x#y", "awskms:?region=a", "awskms:x?region=a#"])
def test_a_fragment_or_an_empty_body_is_refused(text):
    with pytest.raises(UsageError, match="is no key URI"):
        parse_uri(text, options=("region",))


@pytest.mark.parametrize("query", ["region", "region=", "=x", "region=a&region=b", "&", "region=a&"])
def test_an_option_that_is_empty_or_twice_is_refused(query):
    with pytest.raises(UsageError, match="empty or given twice"):
        parse_uri(f"awskms:x?{query}", options=("region",))


def test_an_unknown_option_gets_the_nearest_name_and_its_value_stays_unsaid():
    with pytest.raises(UsageError) as raised:
        parse_uri("awskms:x?regoin=secret", options=("region", "endpoint"))

    assert raised.value.hint == "did you mean `region`?"
    assert "secret" not in raised.value.message


@pytest.mark.parametrize("value", ["%ff", "%00"])
def test_what_is_no_text_once_decoded_is_refused(value):
    with pytest.raises(UsageError):
        parse_uri(f"awskms:x?region={value}", options=("region",))


@pytest.mark.parametrize(
    "address", ["https://kms.example.com", "http://127.0.0.1:1", "http://localhost:1/", "https://[::1]"]
)
def test_an_endpoint_is_https_or_this_machine(address):
    assert endpoint(address) == address.rstrip("/")


@pytest.mark.parametrize(
    "address",
    [
        "http://kms.example.com",
        "http://127.0.0.1.example.com",
        "http://localhost@example.com",
        "https://user:pass@example.com",
        "https://x?y",
        "https://x#y",
        "https://",
        "ftp://127.0.0.1",
        "",
    ],
)
def test_a_token_is_sent_nowhere_else(address):
    with pytest.raises(UsageError, match="no HTTPS address"):
        endpoint(address)
