"""The time-stamp client against a real authority and against everything that is none."""

import socket

import pytest
from support.tsa import Tsa as Server
from support.tsa import needs_openssl

from evidence_kit.custody import names, timestamp
from evidence_kit.errors import ProviderError, UsageError
from evidence_kit.signers.tsa import MAX_LABEL, Tsa, label

QUERY = timestamp.request(b"data", nonce=5)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("tsa") / "a").serving() as tsa:
        yield tsa


@pytest.fixture(autouse=True)
def _sound(request):
    yield
    if "server" in request.fixturenames:
        request.getfixturevalue("server").fault = ""


@needs_openssl
def test_the_raw_reply_comes_back_and_only_the_query_leaves(server) -> None:
    raw = Tsa(server.url).ask(QUERY)

    assert raw == server.replies[-1]
    assert server.asked[-1] == QUERY
    assert timestamp.verify(raw, b"data", [server.authority], nonce=5)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("error", "answers HTTP 500"),
        ("page", "answers with 'text/html'"),
        ("redirect", "redirection"),
        ("slow", "timed out"),
        ("drip", "not finished|timed out"),
        ("huge", "more than 65,536 bytes"),
    ],
)
def test_an_authority_that_misbehaves_is_a_provider_failure(server, fault, said) -> None:
    server.fault = fault

    with pytest.raises(ProviderError, match=said) as caught:
        Tsa(server.url, timeout=0.4).ask(QUERY)

    assert "0x" not in caught.value.message


def test_nobody_listening_is_a_provider_failure() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(ProviderError, match="cannot connect"):
            Tsa(f"http://127.0.0.1:{taken.getsockname()[1]}/").ask(QUERY)


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("https://freetsa.org/tsr", "freetsa.org_tsr"),
        ("http://timestamp.example.com", "timestamp.example.com"),
        ("http://TSA.example.com:3180/a/b/", "tsa.example.com_3180_a_b"),
        ("https://tsa.example.com/%7Ejoe", "tsa.example.com_=257Ejoe"),
        ("http://[::1]:80/x", "=3A=3A1_80_x"),
        ("https://tsa.example.com/../../etc", "tsa.example.com_.._.._etc"),
    ],
)
def test_a_label_is_made_of_host_port_and_path(url, wanted) -> None:
    assert label(url) == wanted
    assert names.is_safe(f"{label(url)}.tsr")


def test_long_addresses_keep_labels_short_and_apart() -> None:
    one, two = (label(f"https://tsa.example.com/{'x' * 300}{end}") for end in "ab")

    assert one != two
    assert len(one) <= MAX_LABEL
    assert names.is_safe(f"{one}.64.reply")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "tsa.example.com",
        "ftp://tsa.example.com/",
        "file:///etc/passwd",
        "https://",
        "https://t/?a=b",
        "http://t:x/",
    ],
)
def test_what_is_no_address_is_a_usage_error(url) -> None:
    with pytest.raises(UsageError):
        Tsa(url)


def test_credentials_in_an_address_are_refused_and_not_repeated() -> None:
    with pytest.raises(UsageError) as caught:
        Tsa("https://joe:hunter2@tsa.example.com/")

    assert "hunter2" not in f"{caught.value.message} {caught.value.hint}"
