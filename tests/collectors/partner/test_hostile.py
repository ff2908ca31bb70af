"""A partner that lies, leads astray or never ends: nothing leaves, nothing is lost, and the unit says so."""

import gzip
import io
import json
import zipfile
from dataclasses import replace

import pytest
from support.lab import Lab
from support.partner import acme, events, kiosk, paged, played

from evidence_kit.collectors.partner import decoding, follow
from evidence_kit.collectors.web import wire
from evidence_kit.model.exchange import MAX_PAGE
from evidence_kit.model.status import UnitStatus
from evidence_kit.sandbox.partners.server import Reply

JSON = {"Content-Type": "application/json"}
LINKS = {"type": "next_url", "cursor": "next"}


def always(reply):
    return lambda _: reply


def collected(lab, tmp_path, reply, **parts):
    """Collect from a partner that always gives one answer."""
    with kiosk(tmp_path, acme(**parts), played(paged(5))) as partner:
        partner.server.faults.append(always(reply))
        (outcome,) = partner.collect(lab).outcomes
        return outcome, partner


# -- where it leads ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example.com/events",
        "http://127.0.0.1:{port}/events",
        "https://127.0.0.1:1/events",
        "https://127.0.0.1:{port}@evil.example.com/",
        "https://me@127.0.0.1:{port}/events",
        "//evil.example.com/events",
        "https://127.0.0.1:{port}.evil.example.com/",
        "file:///etc/passwd",
        "https://127.0.0.1:port/",
    ],
)
def test_a_page_link_never_leaves_the_host(link, lab, tmp_path):
    with kiosk(tmp_path, acme(paging=LINKS), played()) as partner:
        body = json.dumps({"events": events(1), "next": link.replace("{port}", str(partner.server.server_port))})
        partner.server.faults.append(always(Reply(status=200, body=body.encode(), headers=JSON)))
        (outcome,) = partner.collect(lab).outcomes

        assert outcome.status is UnitStatus.PARTIAL_ERROR
        assert "a page link" in outcome.reason
        assert (len(partner.server.sent), outcome.records) == (1, 1)


def test_a_redirect_is_not_followed(lab, tmp_path):
    outcome, partner = collected(lab, tmp_path, Reply(status=302, headers={"Location": "https://evil.example.com/"}))

    assert outcome.status is UnitStatus.PARTIAL_ERROR
    assert "leads elsewhere" in outcome.reason
    assert len(partner.server.sent) == 1


def test_a_private_address_is_refused_before_anything_is_said(lab, tmp_path):
    with kiosk(tmp_path, acme(), played(paged(1))) as partner:
        (outcome,) = partner.collect(lab, allowPrivate="").outcomes

        assert outcome.status is UnitStatus.OUT_OF_SCOPE
        assert "leads to a private address" in outcome.reason
        assert partner.server.sent == []
        partner.server.failures.clear()  # it is its own handshake that nobody answered


def test_a_name_that_resolves_to_a_private_address_is_refused_too(lab, tmp_path):
    with kiosk(tmp_path, acme(), played(paged(1))) as partner:
        server = f"https://localhost:{partner.server.server_port}"
        (outcome,) = partner.collect(lab, **{"allowPrivate": "", "endpoint.server": server}).outcomes

        assert "`localhost` leads to a private address" in outcome.reason
        partner.server.failures.clear()


def test_a_server_that_nobody_vouches_for_is_not_spoken_to(lab, tmp_path):
    with kiosk(tmp_path, acme(), played(paged(1))) as partner:
        (outcome,) = partner.collect(lab, ca="").outcomes

        assert outcome.status is UnitStatus.PARTIAL_ERROR
        assert "SSLError" in outcome.reason
        assert partner.server.sent == []
        partner.server.failures.clear()  # it is its own handshakes that failed


def test_a_value_of_the_inventory_cannot_move_the_server(lab, tmp_path):
    params = [{"name": "org", "help": "host", "required": True}]
    with kiosk(tmp_path, acme(server="https://{org}.example.com", params=params), played()) as partner:
        for org in ("evil.com/", "evil.com#", "a@evil", "evil.com?", "..", "a b"):
            other = Lab(tmp_path / f"case{ord(org[-1])}{len(org)}", lab.window).open()
            (outcome,) = partner.collect(other, **{"param.org": org, "endpoint.server": ""}).outcomes

            assert outcome.status is UnitStatus.PARTIAL_ERROR
            assert "not the address of an API" in outcome.reason


# -- what it sends -------------------------------------------------------------------------------------------------


def bomb(size):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.json", b" " * size)
    return stream.getvalue()


@pytest.mark.parametrize("coding", ["gzip", "zip", "content-encoding"])
def test_a_bomb_is_kept_and_not_unpacked(coding, lab, tmp_path, monkeypatch):
    monkeypatch.setattr(decoding, "MAX_DECODED", 1 << 20)
    monkeypatch.setattr(decoding._bounded, "__defaults__", (1 << 20,))
    body = bomb(4 << 20) if coding == "zip" else gzip.compress(b" " * (4 << 20))
    headers = {**JSON, **({"Content-Encoding": "gzip"} if coding == "content-encoding" else {})}
    parts = {} if coding == "content-encoding" else {"decode": [coding]}

    outcome, _ = collected(lab, tmp_path, Reply(status=200, body=body, headers=headers), **parts)

    assert outcome.status is UnitStatus.PARTIAL_ERROR
    assert "unpacks to more than 1,048,576 bytes" in outcome.reason
    assert [body for _, body in lab.bodies()] == [body]


def test_an_archive_in_an_archive_is_not_opened(lab, tmp_path):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("inner.zip", bomb(1000))

    outcome, _ = collected(lab, tmp_path, Reply(status=200, body=stream.getvalue()), decode=["zip"])

    assert outcome.status is UnitStatus.PARTIAL_ERROR
    assert "the body is packed" in outcome.reason
    assert outcome.artifacts == 1


def archive(method):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as made:
        made.writestr("a.json", json.dumps({"events": events(2)}))
    return stream.getvalue()


def of_another_kind(body, *, version=20, method=0):
    """Return an archive whose only member says that it needs another version, or was packed by another method."""
    at, inner = body.index(b"PK\x01\x02"), bytearray(body)
    inner[at + 6 : at + 8], inner[at + 10 : at + 12] = version.to_bytes(2, "little"), method.to_bytes(2, "little")
    return bytes(inner)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (of_another_kind(archive(zipfile.ZIP_STORED), method=97), "packed by method 97"),
        (archive(zipfile.ZIP_BZIP2), "packed by method 12"),  # unpacks a chunk to thousands of times its size
        (archive(zipfile.ZIP_LZMA), "packed by method 14"),
        (of_another_kind(archive(zipfile.ZIP_STORED), version=90), "packed in a way that is not read"),
    ],
    ids=["unknown", "bzip2", "lzma", "later version"],
)
def test_an_archive_that_is_packed_otherwise_is_kept_and_not_unpacked(body, said, lab, tmp_path):
    outcome, partner = collected(lab, tmp_path, Reply(status=200, body=body), decode=["zip"])

    assert outcome.status is UnitStatus.PARTIAL_ERROR
    assert said in outcome.reason
    assert ([stored for _, stored in lab.bodies()], len(partner.server.sent)) == ([body], 1)


@pytest.mark.parametrize("charset", ["idna", "punycode", "unicode_escape", "zlib_codec", "none"])
def test_a_charset_that_is_none_is_read_as_utf_8(charset, lab, tmp_path):
    body = json.dumps({"events": events(2)}).encode()
    named = {"Content-Type": f"application/json; charset={charset}"}

    outcome, _ = collected(lab, tmp_path, Reply(status=200, body=body, headers=named))

    assert (outcome.status, outcome.records) == (UnitStatus.COMPLETE, 2)


def test_a_date_beyond_all_calendars_is_none(lab, tmp_path):
    headers = {"Retry-After": "Thu, 01 Jan 99999999999 00:00:00 GMT"}

    outcome, _ = collected(lab, tmp_path, Reply(status=503, headers=headers))

    assert outcome.reason.startswith("failed 5 times: HTTP 503")


@pytest.mark.parametrize("total", ["\u00b2", "9" * 5000, [1], -1])
def test_a_count_that_is_no_number_counts_nothing(total, lab, tmp_path):
    body = json.dumps({"events": events(2), "total": total}).encode()

    outcome, _ = collected(lab, tmp_path, Reply(status=200, body=body), paging={"type": "none", "total": "total"})

    assert (outcome.status, outcome.records) == (UnitStatus.COMPLETE, 2)


def test_a_page_whose_times_cannot_be_asked_for_is_kept(lab, tmp_path):
    body = json.dumps({"events": [{"id": "a", "at": "soon"}], "next": None}).encode()
    records = {"path": "events", "id": "id", "time": "floor(at)"}

    outcome, _ = collected(lab, tmp_path, Reply(status=200, body=body), records=records)

    assert (outcome.status, outcome.records) == (UnitStatus.COMPLETE, 1)


def test_an_answer_whose_records_cannot_be_asked_for_is_on_record(lab, tmp_path):
    body = b'{"events": 7}'
    outcome, _ = collected(lab, tmp_path, Reply(status=200, body=body), records={"path": "keys(events)"})

    assert outcome.status is UnitStatus.PARTIAL_ERROR
    assert len(lab.exchanges()) == 5


def test_gzip_that_is_none_is_read_as_what_it_is(lab, tmp_path):
    body = json.dumps({"events": events(2)}).encode()
    reply = Reply(status=200, body=body, headers={**JSON, "Content-Encoding": "gzip"})

    outcome, _ = collected(lab, tmp_path, reply)

    assert (outcome.status, outcome.records) == (UnitStatus.COMPLETE, 2)
    assert [finding.message for finding in outcome.findings] == ["the body is said to be gzip and is not"]


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(b'{"events": []}', mtime=0)[:-9],
        gzip.compress(b'{"events": []}', mtime=0)[:-4] + b"\xff\xff\xff\x7f",
        b"<html><body>Sign in</body></html>",
        b"",
        b'{"events": [',
        b'{"error": "none"}',
        b"null",
        b"[" * 100_000,
    ],
    ids=["cut gzip", "gzip that lies", "page for people", "nothing", "half", "no records", "null", "deep"],
)
def test_a_success_that_is_no_answer_is_asked_for_again_and_never_complete(body, lab, tmp_path):
    outcome, partner = collected(lab, tmp_path, Reply(status=200, body=body, headers=JSON), decode=["gzip"])

    assert outcome.status is UnitStatus.PARTIAL_ERROR
    assert outcome.reason.startswith("failed 5 times")
    assert (len(partner.server.sent), outcome.artifacts) == (5, 0)


def test_a_body_in_another_charset_is_read_by_what_it_says(lab, tmp_path):
    body = json.dumps({"events": [{"id": "Ä", "at": "2026-11-20T00:00:00Z"}]}, ensure_ascii=False).encode("latin-1")
    named = {"Content-Type": "application/json; charset=iso-8859-1"}

    outcome, _ = collected(lab, tmp_path, Reply(status=200, body=body, headers=named))

    assert (outcome.status, outcome.records, outcome.findings) == (UnitStatus.COMPLETE, 1, ())


def test_a_body_that_is_not_in_its_charset_is_counted_and_said(lab, tmp_path):
    body = b'{"events": [{"id": "\xc4"}]}'
    named = {"Content-Type": "application/json; charset=utf-8"}

    outcome, _ = collected(lab, tmp_path, Reply(status=200, body=body, headers=named))

    assert (outcome.status, outcome.records) == (UnitStatus.COMPLETE, 1)
    assert [finding.kind for finding in outcome.findings] == ["body_differs"]
    assert [stored for _, stored in lab.bodies()] == [body]


def test_a_body_larger_than_a_page_may_be_ends_the_unit(lab, tmp_path):
    body = b" " * (MAX_PAGE + 1)

    outcome, partner = collected(lab, tmp_path, Reply(status=200, body=body, declared=10 << 30, headers=JSON))

    assert outcome.status is UnitStatus.PARTIAL_ERROR
    assert "answers with more than 67,108,864 bytes" in outcome.reason
    assert len(partner.server.sent) == 1
    assert wire.MAX_PAGE > MAX_PAGE


def test_a_body_that_ends_early_is_no_body(lab, tmp_path):
    body = json.dumps({"events": events(1)}).encode()

    outcome, _ = collected(lab, tmp_path, Reply(status=200, body=body, declared=len(body) + 5, headers=JSON))

    assert outcome.status is UnitStatus.PARTIAL_ERROR
    assert outcome.artifacts == 0


def test_a_clock_that_is_years_off_changes_nothing(lab, tmp_path):
    body = json.dumps({"events": events(2)}).encode()
    reply = Reply(status=200, body=body, headers={**JSON, "Date": "Thu, 01 Jan 1998 00:00:00 GMT"})

    outcome, _ = collected(lab, tmp_path, reply)

    assert (outcome.status, outcome.records) == (UnitStatus.COMPLETE, 2)
    assert lab.exchanges()[0]["headers"]["date"] == "Thu, 01 Jan 1998 00:00:00 GMT"
    assert lab.exchanges()[0]["receivedAt"].startswith("2026")


def test_a_reset_is_read_by_the_providers_own_clock(lab, tmp_path):
    rate = {"remaining": "X-Left", "reset": "X-Reset", "resetFormat": "epoch_s"}
    headers = {"Date": "Thu, 01 Jan 1998 00:00:00 GMT", "X-Left": "0", "X-Reset": "883612800"}
    with kiosk(tmp_path, acme(rate=rate), played(paged(1))) as partner:
        replies = [Reply(status=403, body=b"{}", headers=headers)]
        partner.server.faults.append(lambda _: replies.pop() if replies else None)
        (outcome,) = partner.collect(lab).outcomes

        assert outcome.status is UnitStatus.COMPLETE
        assert [one.status for one in partner.server.sent] == [403, 200]


def test_records_outside_the_window_are_kept_and_said(lab, tmp_path):
    body = json.dumps({"events": [{"id": "x", "at": "2020-01-01T00:00:00Z"}, *events(1)]}).encode()

    outcome, _ = collected(lab, tmp_path, Reply(status=200, body=body, headers=JSON))

    assert (outcome.status, outcome.records) == (UnitStatus.COMPLETE, 2)
    (finding,) = outcome.findings
    assert (finding.kind, finding.facts["first"]) == ("outside_window", "2020-01-01T00:00:00Z")


# -- secrets -------------------------------------------------------------------------------------------------------

EACH = {"path": "events", "as": {"id": "id"}, "request": {"path": "/file/{id}"}, "format": "csv"}


@pytest.mark.parametrize(
    "auth", [{"type": "bearer", "secret": "token"}, {"type": "basic", "user": "a", "secret": "token"}]
)
@pytest.mark.parametrize("status", [200, 400, 403, 500])
def test_a_secret_that_comes_back_is_in_the_bytes_and_nowhere_else(auth, status, lab, tmp_path, capfd, caplog):
    with kiosk(tmp_path, acme(auth=auth, each=EACH), played()) as partner:
        secret = partner.secrets["token"]
        item = {"id": secret, "at": secret}
        body = json.dumps({"message": f"bad {secret}", "events": [item], "next": None}).encode()
        headers = {**JSON, "x-request-id": f"id-{secret}", "etag": secret, "Link": f"<https://x/{secret}>"}
        partner.server.faults.append(
            lambda asked: (
                Reply(status=404, body=body)
                if "/file/" in asked.path
                else Reply(status=status, body=body, headers=headers)
            )
        )
        (outcome,) = partner.collect(lab).outcomes

        told = "".join(capfd.readouterr()) + caplog.text + str(outcome)
        kept = [path for path in lab.root.rglob("*") if path.is_file()]
        bodies = [path for path, _ in lab.bodies()]
        assert secret not in told
        assert not any(secret in str(path) for path in kept)
        assert not any(secret.encode() in path.read_bytes() for path in kept if path not in bodies)
        assert len(bodies) == (1 if status == 200 else 0)


def test_a_key_in_the_query_is_not_in_the_error_of_a_connection_that_fails(lab, tmp_path):
    auth = {"type": "api_key", "in": "query", "name": "api_key", "secret": "token"}
    with kiosk(tmp_path, acme(auth=auth), played()) as partner:
        (outcome,) = partner.collect(lab, **{"endpoint.server": "https://127.0.0.1:1"}).outcomes

        assert outcome.status is UnitStatus.PARTIAL_ERROR
        assert "ConnectionError" in outcome.reason
        assert partner.secrets["token"] not in outcome.reason + json.dumps(lab.ledger())


def test_a_key_that_a_link_brings_back_is_sent_once_and_not_recorded(lab, tmp_path):
    auth = {"type": "api_key", "in": "query", "name": "api_key", "secret": "token"}
    with kiosk(tmp_path, acme(auth=auth, paging=LINKS), played(paged(5))) as partner:
        (outcome,) = partner.collect(lab).outcomes

        assert (outcome.status, outcome.records) == (UnitStatus.COMPLETE, 5)
        assert all(one.target.count("api_key=") == 1 for one in partner.server.sent)
        assert partner.secrets["token"] not in json.dumps(lab.ledger())


# -- what was listed -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example.com/x",
        "http://files.example.com/x",
        "https://files.example.com@evil.com/x",
        "../up",
        "//x/y",
        "/file/%2e%2e/up",
    ],
)
def test_an_address_that_was_listed_leads_nowhere_else(address, lab, tmp_path):
    each = {**EACH, "as": {"id": "id", "at": "link"}, "request": {"path": "{at}"}, "hosts": ["files.example.com"]}
    listing = {"path": "/events", "json": {"events": [{"id": "a", "link": address}], "next": None}}
    with kiosk(tmp_path, acme(each=each), played(listing)) as partner:
        (outcome,) = partner.collect(lab).outcomes

        assert outcome.status is UnitStatus.PARTIAL_ERROR
        assert [finding.kind for finding in outcome.findings] == ["not_answered"]
        assert len(partner.server.sent) == 1


def test_a_download_larger_than_any_is_given_up(lab, tmp_path, monkeypatch):
    monkeypatch.setattr(follow, "MAX_OBJECT", 1000)
    replies = (
        {"path": "/events", "json": {"events": [{"id": "a"}], "next": None}},
        {"path": "/file/a", "text": "x" * 2000},
    )
    with kiosk(tmp_path, acme(each={**EACH, "download": True}), played(*replies)) as partner:
        (outcome,) = partner.collect(lab).outcomes

        assert outcome.status is UnitStatus.PARTIAL_ERROR
        assert "an object of more than 1,000 bytes" in outcome.reason


def test_a_header_that_asks_for_years_of_patience_ends_the_unit(lab, tmp_path):
    outcome, _ = collected(lab, tmp_path, Reply(status=429, headers={"Retry-After": "99999999"}))

    assert outcome.status is UnitStatus.PARTIAL_THROTTLED
    assert "asks to wait" in outcome.reason


def test_the_pages_limit_is_the_engines_not_the_providers(lab, tmp_path):
    with kiosk(tmp_path, acme(), played(paged(4))) as partner:
        partner.spec = replace(partner.spec, limit=replace(partner.spec.limit, burst=1))
        (outcome,) = partner.collect(lab).outcomes

        assert outcome.status is UnitStatus.COMPLETE
