"""The server: fixed pages to whoever has the key and calls it by its name; no other method, file, or name."""

import http.client
import re
import socket
import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest
from support.case_reports import HOSTILE, Many, reported
from support.forging import change_ledger, stored

from evidence_kit.errors import UsageError
from evidence_kit.report.browse import pages
from evidence_kit.report.browse import shelf as shelves
from evidence_kit.report.browse.server import Server, require_local
from evidence_kit.report.browse.shelf import PAGE, Shelf, rows
from evidence_kit.report.case.doings import Incident

KEY = "the-key"


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """A case with its report."""
    return reported(tmp_path_factory.mktemp("browsed"))


@pytest.fixture(scope="module")
def server(real):
    """A server of that case, and of one whose every text is hostile."""
    moments = tuple(replace(one, actor=HOSTILE, resource=HOSTILE) for one in real.report.incident.moments)
    bad = Incident(moments=moments, total=len(moments) + 7)
    listed = [
        Shelf(name="IR-1", vault=real.case.vault, read_incident=lambda: real.report.incident),
        Shelf(name=HOSTILE, vault=real.case.vault, read_incident=lambda: bad),
    ]
    with Server(("127.0.0.1", 0), listed, KEY) as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def ask(server):
    """Ask the server for something."""

    def call(path, method="GET", key=f"/{KEY}", **headers):
        connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=30)
        try:
            connection.request(method, f"{key}{path}", headers=headers)
            answer = connection.getresponse()
            return SimpleNamespace(status=answer.status, body=answer.read().decode(), headers=answer.headers)
        finally:
            connection.close()

    return call


def test_the_first_page_lists_the_cases(ask, server) -> None:
    told = ask("/")
    assert told.status == 200
    assert "IR-1" in told.body
    assert server.url.endswith(f":{server.server_address[1]}/{KEY}/")


def test_the_numbers_are_those_of_the_report(ask, real) -> None:
    said = re.sub(r"<[^>]+>", "|", ask("/case/0/").body)
    counts = real.report.counts
    for name, number in {
        "artifacts": counts.artifacts,
        "bytes": counts.bytes,
        "units of work": counts.units,
        "of them not in full": counts.units_missing,
        "custody events": counts.events,
        "findings": counts.findings,
    }.items():
        assert f"|{name}||{number:,}|" in said, name


def test_every_artifact_finding_event_and_record_is_on_a_page(ask, real) -> None:
    said = ask("/case/0/artifacts").body
    assert all(one.sha256 in said for one in real.report.artifacts)
    assert all(one.message in ask("/case/0/findings").body for one in real.report.findings)
    assert all(one.keyid in ask("/case/0/custody").body for one in real.report.events)
    assert all(one.at in ask("/case/0/timeline").body for one in real.report.incident.moments)


def test_a_search_shows_what_fits_and_nothing_else(ask, real) -> None:
    first, *others = real.report.artifacts
    said = ask(f"/case/0/artifacts?q={first.sha256}").body
    assert first.path.rpartition("/")[2] in said
    assert not any(one.sha256 in said for one in others if one.sha256 != first.sha256)


def test_a_page_says_what_it_leaves_out_and_hostile_text_is_text(ask) -> None:
    for path in ("/", "/case/1/", "/case/1/timeline"):
        said = ask(path).body
        assert "<img" not in said
        assert not {"\u202e", "\x1b", "\u2028"} & set(said)
        assert "\\u202e" in said
    assert "7 more are not shown" in ask("/case/1/timeline").body


@pytest.mark.parametrize("part", ["", "artifacts", "findings", "custody"])
def test_every_page_says_what_of_the_case_cannot_be_read(small_case, part) -> None:
    change_ledger(small_case, lambda entries: stored(entries)[-1].pop("path"))
    shelf = Shelf(name="x", vault=small_case.vault, read_incident=Incident)
    assert f"Not readable: the ledger of {small_case.bag}" in pages.PARTS[part](shelf, 1, "")


def test_a_search_is_shown_as_text(ask) -> None:
    said = ask("/case/0/artifacts?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&page=zzz").body
    assert "<script" not in said
    assert "&lt;script&gt;" in said


def test_pages_load_nothing_run_nothing_and_cannot_be_framed(ask) -> None:
    told = ask("/case/0/artifacts")
    assert "default-src 'none'" in told.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in told.headers["Content-Security-Policy"]
    assert told.headers["X-Content-Type-Options"] == "nosniff"
    assert told.headers["Referrer-Policy"] == "no-referrer"
    assert told.headers["Cache-Control"] == "no-store"
    assert "<script" not in told.body
    assert not re.search(r"(?:href|src|action)=\"(?:https?:|/)", told.body)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
def test_nothing_but_reading_is_allowed(ask, method) -> None:
    told = ask("/", method)
    assert told.status == 405
    assert told.headers["Allow"] == "GET, HEAD"


def test_head_has_the_headers_and_no_body(ask) -> None:
    told = ask("/", "HEAD")
    assert (told.status, told.body) == (200, "")
    assert int(told.headers["Content-Length"]) > 0


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1:1", ""])
def test_another_name_is_refused(ask, host) -> None:
    assert ask("/", Host=host).status == 421


def test_a_name_that_it_was_given_is_accepted(real) -> None:
    shelf = Shelf(name="x", vault=real.case.vault, read_incident=Incident)
    with Server(("127.0.0.1", 0), [shelf], KEY, names=("Cases.example",)) as made:
        assert "cases.example" in made.names
        assert "other.example" not in made.names


@pytest.mark.parametrize("target", ["http://[x/", "*", "x", "http://evil/the-key/x"])
def test_a_target_that_is_no_path_leads_nowhere(server, target) -> None:
    port = server.server_address[1]
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        assert connection.recv(100).split()[1] in {b"404", b"400"}


def test_two_names_are_refused(server) -> None:
    port = server.server_address[1]
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(f"GET /{KEY}/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nHost: evil\r\n\r\n".encode())
        assert b" 421 " in connection.recv(100)


@pytest.mark.parametrize("body", ["Content-Length: {}", "transfer-encoding: chunked\r\nX: {}"])
def test_what_comes_with_a_request_is_never_taken_for_another(server, body) -> None:
    port = server.server_address[1]
    second = f"GET /{KEY}/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"
    first = second.replace("\r\n\r\n", f"\r\n{body.format(len(second))}\r\n\r\n")
    assert answers(port, first + second) == 1
    assert answers(port, second + second.replace("Host", "Connection: close\r\nHost")) == 2


def answers(port, text):
    """Return how many answers come before the server hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(text.encode())
        return b"".join(iter(lambda: connection.recv(65_536), b"")).count(b"HTTP/1.1 ")


def test_its_own_names_are_accepted(ask, server) -> None:
    port = server.server_address[1]
    assert ask("/", Host=f"localhost:{port}").status == 200
    assert ask("/", Host=f"LOCALHOST:{port}").status == 200


@pytest.mark.parametrize("key", ["", "/", "/the-ke", "/the-key2", "/%74he-key", "/%C3%A9"])
def test_without_the_key_there_is_nothing(ask, key) -> None:
    told = ask("/case/0/", key=key)
    assert told.status == 404
    assert "IR-1" not in told.body


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/case",
        "/case/0",
        "/case/2/",
        "/case/-1/",
        "/case/%D9%A1/",
        "/case/0/case.json",
        "/case/0/../../case.json",
        "/case/0/%2e%2e/",
        "/../../../../etc/passwd",
        "//etc/passwd",
        "/case/0/artifacts/",
        "/case/999999999999999999999/",
    ],
)
def test_no_other_path_leads_anywhere(ask, path) -> None:
    assert ask(path).status == 404


def test_an_odd_query_gives_the_first_page(ask) -> None:
    first = ask("/case/0/artifacts").body
    for query in ("?page=0", "?page=-1", "?page=x", "?page=99999999999", "?" + "&".join("abcdefghij"), "?page="):
        assert ask(f"/case/0/artifacts{query}").body == first


def test_a_page_far_out_is_empty(ask) -> None:
    assert "Nothing on this page" in ask("/case/0/artifacts?page=9999").body


def test_a_hundred_thousand_rows_come_page_by_page() -> None:
    found = rows(iter(Many(100_000)), 500)
    assert len(found.rows) == PAGE
    assert found.rows[0].pointer.line == 499 * PAGE + 1
    assert not found.has_next
    assert rows(iter(Many(100_000)), 1).has_next
    assert shelves.PAGE < 1_000


def test_what_cannot_be_read_is_said(real, tmp_path) -> None:
    shelf = Shelf(name="x", vault=replace(real.case, root=tmp_path).vault, read_incident=Incident)
    assert shelf.told.unread
    assert shelf.roots == ()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.com", "::", ""])  # noqa: S104 - must be refused
def test_an_address_that_others_can_reach_has_to_be_meant(host) -> None:
    with pytest.raises(UsageError, match="from elsewhere"):
        require_local(host, anywhere=False)
    require_local(host, anywhere=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.9.9.9"])
def test_this_machine_alone_is_fine(host) -> None:
    require_local(host, anywhere=False)
