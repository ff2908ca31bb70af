"""Objects fetched in bulk are asked for, recorded and judged as botocore's own way asks, records and judges them."""

import base64
import hashlib
import ssl
import sys
import threading
import zlib
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote, urlsplit

import boto3
import pytest
import trustme
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.config import Config
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.session import Session
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.casemaker import SPEC, TARGET

from evidence_kit.acquire.context import UnitContext, World
from evidence_kit.acquire.observer import Silent
from evidence_kit.acquire.pacing import Pacer
from evidence_kit.collectors.aws import bulk
from evidence_kit.collectors.aws.wire import AwsWire
from evidence_kit.collectors.tap import StoredBody
from evidence_kit.model.exchange import Download
from evidence_kit.model.unit import Unit
from evidence_kit.sandbox.serving import LoopbackServer, TlsServer, TlsVisit, running

ETAG = f'"{hashlib.md5(b"body", usedforsecurity=False).hexdigest()}"'
CRC = base64.b64encode(zlib.crc32(b"body").to_bytes(4, "big")).decode()
ERROR = b"<Error><Code>%b</Code><Message>so it is</Message><RequestId>R1</RequestId></Error>"
ANSWERS = {
    "refused": (403, ERROR % b"AccessDenied", {}),
    "gone": (404, ERROR % b"NoSuchKey", {}),
    "slow": (503, ERROR % b"SlowDown", {"Retry-After": "2"}),
    "portal": (502, b"<html>sorry</html>", {}),
    "astray": (400, ERROR % b"AuthorizationHeaderMalformed", {}),
    "moved": (301, ERROR % b"PermanentRedirect", {"Location": "http://127.0.0.1:9/"}),
    "altered": (200, b"bodY", {"x-amz-checksum-crc32": CRC}),
    "silently altered": (200, b"bodY", {}),
    "other": (200, b"body", {"ETag": '"0"'}),
    "zipped": (200, b"body", {"Content-Encoding": "gzip"}),
    "checked": (200, b"body", {"x-amz-checksum-crc32": CRC, "x-amz-version-id": "v1"}),
}


class Store(TlsVisit):
    """An S3 in which a key says how it is answered."""

    asked: "list[tuple[str, dict[str, str]]]"

    def setup(self):
        if isinstance(self.request, ssl.SSLSocket):
            super().setup()
        else:
            super(TlsVisit, self).setup()
        self.count = 0

    def do_GET(self):  # noqa: N802 - http.server calls it so
        self.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        key = unquote(urlsplit(self.path).path).rpartition("/")[2]
        self.count += 1
        if key == "reset" or (key == "lost" and self.count > 1):
            self.close_connection = True
            return
        if key == "garbage":
            self.wfile.write(b"\0\1\2 no HTTP\r\n\r\n")
            self.close_connection = True
            return
        status, body, more = ANSWERS.get(key, (200, b"body", {}))
        headers = {"ETag": ETAG, "x-amz-request-id": f"R{len(self.asked)}", "Date": "Fri, 20 Nov 2026 12:00:00 GMT"}
        self.reply(status, body, {**headers, **more}, declared=9 if key == "short" else None)


class Bucket:
    """A bucket as `AwsWire` sees it, and what went on record of it."""

    def __init__(self, url, asked, credentials=None, **config):
        session = Session()
        session._credentials = credentials or Credentials("AKIAEXAMPLE", "not-a-secret", "not-a-token")
        verify = config.pop("verify", None)
        client = boto3.Session(botocore_session=session).client(
            "s3",
            region_name="eu-west-1",
            endpoint_url=url,
            verify=verify,
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=5, **config),
        )
        self.client, self.asked, self.lines = client, asked, []
        self.wire = AwsWire(client, target="111122223333", region="eu-west-1", paginators={})
        world = World(now=lambda: datetime.now(UTC), secret=str, pacer=Pacer(), observer=Silent())
        unit = Unit(source="aws.s3.objects", target=TARGET)
        self.ctx = UnitContext(world=world, limit=SPEC.limit, unit=unit, record=self.lines.append)
        self.bulk = self.wire.bulk(self.ctx)

    def whole(self, key="first", **more):
        """Get an object through botocore; return its exchange."""
        with self.wire.stream(self.ctx, self.params(key, **more), etag=ETAG, size=4) as stream:
            assert b"".join(stream.chunks) == b"body"
            return stream.exchange

    def download(self, key, size=4, **more):
        listed = bulk.Listed(params=self.params(key, **more), etag=ETAG, size=size)
        return Download(name=key, open=lambda: pytest.fail("asked again"), beside=self.bulk.beside(listed))

    def params(self, key, **more):
        return {"Bucket": "logs", "Key": key, "ChecksumMode": "ENABLED", **more}

    def fetch(self, *keys, **more):
        """Get objects in bulk; return what came, by key."""
        found = self.bulk.fetch(iter([self.download(key, **more) for key in keys]))
        return {fetched.download.name: fetched for fetched in found}


@pytest.fixture(scope="module")
def server():
    visit = type("Visit", (Store,), {"asked": []})
    with running(LoopbackServer(visit)) as server:
        yield server, visit.asked


@pytest.fixture
def bucket(server):
    server[1].clear()
    found = Bucket(server[0].url, server[1])
    yield found
    found.client.close()


def signature(path, headers):
    """Return the Authorization that botocore computes for a request as it arrived."""
    request = AWSRequest("GET", f"http://{headers['host']}{path}")
    said = headers["authorization"]
    for name in said.partition("SignedHeaders=")[2].partition(",")[0].split(";"):
        request.headers[name] = headers[name]
    request.context["timestamp"] = headers["x-amz-date"]
    key_id = said.partition("Credential=")[2].partition("/")[0]
    auth = S3SigV4Auth(Credentials(key_id, "not-a-secret"), "s3", "eu-west-1")
    text = auth.string_to_sign(request, auth.canonical_request(request))
    return f"{said.partition('Signature=')[0]}Signature={auth.signature(text, request)}"


HOSTILE = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30) | st.text(
    "aZ9 +%/.~*'()&=?#;:@,$!\\\"<>|^`{}[]ü\U0001f600\x7f\x01", min_size=1, max_size=20
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    key=HOSTILE.filter(lambda key: not key.startswith("/") and "\0" not in key),
    version=st.sampled_from(["", "a+/b=="]),
)
def test_a_key_is_asked_for_and_signed_as_botocore_would(bucket, key, version):
    more = {"VersionId": version} if version else {}
    bucket.whole()
    if any(part in {".", ".."} for part in key.split("/")):
        assert not bucket.bulk.takes(bucket.download(key, **more))
        return
    bucket.asked.clear()
    answered = list(bucket.bulk.fetch(iter([bucket.download(key, **more)])))
    ((path, headers),) = bucket.asked
    assert headers["authorization"] == signature(path, headers)
    assert headers["x-amz-security-token"] == "not-a-token"
    with bucket.wire.stream(bucket.ctx, bucket.params(key, **more), etag=answered_etag(answered), size=4):
        assert bucket.asked[-1][0] == path


def answered_etag(answered):
    """Return the ETag that lets botocore's way go on: some keys are answers of their own."""
    (fetched,) = answered
    return fetched.stream.claimed["etag"] if fetched.stream else pytest.skip("a key with an answer of its own")


def test_what_the_first_object_shows_is_what_the_others_are_asked_with(bucket):
    bucket.whole("a b/ü+~.gz", VersionId="v/1")
    assert bucket.fetch("a b/ü+~.gz", VersionId="v/1")["a b/ü+~.gz"].stream
    (first, theirs), (second, ours) = bucket.asked
    assert second == first
    own = ("authorization", "x-amz-date", "amz-sdk-invocation-id", "amz-sdk-request")
    assert {name: value for name, value in ours.items() if name not in own} == {
        name: value for name, value in theirs.items() if name not in own
    }
    assert ours["authorization"].partition("Signature=")[0] == theirs["authorization"].partition("Signature=")[0]


def test_the_record_says_the_same_of_an_object_whichever_way_it_came(bucket):
    theirs = bucket.whole("checked")
    fetched = bucket.fetch("checked")["checked"]
    ours = fetched.stream.exchange
    assert b"".join(fetched.stream.chunks) == b"body"
    for name in ("request", "status", "coding", "peer", "sha256", "bytes", "error", "replayed"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert dict(ours.headers) == {**theirs.headers, "x-amz-request-id": "R2"}
    assert (theirs.request_id, ours.request_id) == ("R1", "R2")
    assert theirs.received_at <= ours.sent_at <= ours.received_at
    assert fetched.stream.claimed == {"etag": ETAG, "crc32": CRC}


@pytest.mark.parametrize(("key", "code"), [("refused", "AccessDenied"), ("gone", "NoSuchKey")])
def test_a_refusal_is_on_record_and_left_to_botocore(bucket, key, code):
    bucket.whole()
    fetched = bucket.fetch(key)[key]
    assert (fetched.stream, fetched.error, fetched.asked) == (None, None, True)
    (line,) = bucket.lines
    assert (line.status, line.error, line.request_id) == (ANSWERS[key][0], code, "R2")
    assert line.sha256 == hashlib.sha256(ANSWERS[key][1]).hexdigest()
    assert bucket.bulk.takes(bucket.download(key))


@pytest.mark.parametrize("key", ["astray", "moved"])
def test_after_an_answer_that_leads_astray_botocore_is_asked_for_all_that_follow(bucket, key):
    bucket.whole()
    fetched = bucket.fetch(key)[key]
    assert (fetched.stream, fetched.error) == (None, None)
    assert not bucket.bulk.takes(bucket.download("a"))
    assert not any(one.asked for one in bucket.fetch("a").values())


@pytest.mark.parametrize(
    ("key", "error", "throttled"),
    [
        ("slow", "SlowDown", True),
        ("portal", "502", False),
        ("altered", "FlexibleChecksumError", False),
        ("silently altered", "BadBody", False),
        ("other", "other ETag", False),
        ("short", "PartialBody", False),
        ("reset", "GotNothing", False),
        ("garbage", "NotHttp", False),
    ],
)
def test_what_passes_is_on_record_and_worth_another_attempt(bucket, key, error, throttled):
    bucket.whole()
    fetched = bucket.fetch(key)[key]
    assert fetched.stream is None
    assert fetched.error.throttled is throttled
    assert bucket.lines[-1].error == error
    assert fetched.error.after == (2.0 if throttled else None)


def test_a_body_is_kept_as_it_came_and_not_decoded(bucket):
    bucket.whole()
    stream = bucket.fetch("zipped")["zipped"].stream
    assert b"".join(stream.chunks) == b"body"
    assert stream.exchange.coding == "gzip"


def test_a_body_longer_than_anybody_would_hold_is_cut_off(bucket, monkeypatch):
    monkeypatch.setattr(bulk, "_SLACK", 2)
    bucket.whole()
    assert bucket.fetch("a", size=1)["a"].error
    assert [line.error for line in bucket.lines] == ["LongBody"]


def test_a_request_that_was_lost_with_its_connection_is_on_record_beside_the_one_that_was_answered(bucket):
    bucket.whole()
    bucket.fetch("a")
    stream = bucket.fetch("lost")["lost"].stream
    assert b"".join(stream.chunks) == b"body"
    (died,) = bucket.lines
    assert (died.error, died.status, died.request_id) == ("ConnectionDied", None, "")
    assert died.sent_at <= stream.exchange.sent_at
    assert len(bucket.asked) == 4


def test_many_are_fetched_at_once_over_connections_that_are_kept(bucket):
    bucket.whole()
    found = bucket.fetch(*(f"k{number}" for number in range(200)))
    assert len(found) == 200
    assert all(fetched.stream for fetched in found.values())
    assert len(bucket.asked) == 201


def test_the_budget_says_when_the_next_may_leave(bucket):
    bucket.whole()
    told = iter([0.01, bucket.download("a"), 0.005, 0.005, bucket.download("b")])
    assert {fetched.download.name for fetched in bucket.bulk.fetch(told)} == {"a", "b"}


def test_credentials_are_renewed_between_two_requests(server):
    keys = iter(["AKIAFIRST", "AKIASECOND"])

    def renew():
        until = datetime.now(UTC) + timedelta(hours=1)
        return {
            "access_key": next(keys),
            "secret_key": "not-a-secret",
            "token": "not-a-token",
            "expiry_time": until.isoformat(),
        }

    credentials = RefreshableCredentials.create_from_metadata(
        renew(), renew, "test", advisory_timeout=0, mandatory_timeout=0
    )
    server[1].clear()
    bucket = Bucket(server[0].url, server[1], credentials)
    bucket.whole()
    credentials._expiry_time = datetime.now(UTC)
    assert bucket.fetch("a")["a"].stream
    first, second = (headers["authorization"] for _, headers in bucket.asked)
    assert "AKIAFIRST" in first
    assert "AKIASECOND" in second
    bucket.client.close()


def test_credentials_that_cannot_be_had_are_botocores_to_complain_of(bucket, monkeypatch):
    bucket.whole()
    monkeypatch.setattr(bucket.client._request_signer, "_credentials", None)
    fetched = bucket.fetch("a")["a"]
    assert (fetched.stream, fetched.error, fetched.asked) == (None, None, False)


@pytest.fixture
def tls(tmp_path):
    root = trustme.CA()
    authority = root.create_child_ca()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf = authority.issue_cert("127.0.0.1")
    leaf.configure_cert(context)
    bundle = tmp_path / "ca.pem"
    bundle.write_bytes(b"".join(pem.bytes() for pem in (root.cert_pem, authority.cert_pem)))
    visit = type("Visit", (Store,), {"asked": []})
    with running(TlsServer(visit, context)) as server:
        yield server, visit.asked, str(bundle), leaf, authority


def test_the_certificate_of_the_server_is_told_for_each_exchange(tls):
    server, asked, bundle, leaf, _ = tls
    shown = hashlib.sha256(ssl.PEM_cert_to_DER_cert(leaf.cert_chain_pems[0].bytes().decode())).hexdigest()
    bucket = Bucket(server.url, asked, verify=bundle)
    assert bucket.whole().peer == shown
    for _ in range(2):
        found = bucket.fetch("a", "b", "c")
        assert {fetched.stream.exchange.peer for fetched in found.values()} == {shown}
    bucket.client.close()


@pytest.mark.parametrize("trusted", ["another authority", "no root, but who signed the server's certificate"])
def test_a_server_that_nobody_vouches_for_is_not_asked(tls, trusted):
    server, asked, bundle, _, issuer = tls
    bucket = Bucket(server.url, asked, verify=bundle)
    bucket.whole()
    (trustme.CA() if trusted == "another authority" else issuer).cert_pem.write_to_path(bundle)
    fetched = bucket.fetch("a")["a"]
    assert fetched.error
    assert bucket.lines[-1].error == "UntrustedServer"
    assert len(asked) == 1
    bucket.client.close()


@pytest.mark.parametrize("config", [{"verify": False}, {"proxies": {"http": "URL"}}, {"signature_version": "s3"}])
def test_what_cannot_be_asked_for_alike_is_left_to_botocore(server, config):
    config = {name: {"http": server[0].url} if name == "proxies" else value for name, value in config.items()}
    bucket = Bucket(server[0].url, server[1], **config)
    bucket.whole()
    assert not bucket.bulk.takes(bucket.download("a"))
    bucket.client.close()


@pytest.mark.parametrize("more", [{"Range": "bytes=0-1"}, {"RequestPayer": "requester"}])
def test_a_request_with_more_to_it_goes_through_botocore(bucket, more):
    bucket.whole()
    assert not bucket.bulk.takes(bucket.download("a", **more))


def test_large_objects_and_other_buckets_go_through_botocore(bucket):
    bucket.whole()
    assert bucket.bulk.takes(bucket.download("a"))
    assert not bucket.bulk.takes(bucket.download("a", size=bulk.SMALL + 1))
    assert not bucket.bulk.takes(bucket.download("a", Bucket="others"))


def test_an_answer_that_somebody_gave_in_the_servers_place_teaches_nothing(bucket):
    def answer(request, **_):
        return AWSResponse(request.url, 200, {"ETag": ETAG}, StoredBody(b"body"))

    bucket.client.meta.events.register_first("before-send.s3.GetObject", answer)
    bucket.whole()
    assert not bucket.asked
    assert not bucket.bulk.takes(bucket.download("a"))


def test_without_libcurl_botocore_does_all_of_it(bucket, monkeypatch):
    monkeypatch.setitem(sys.modules, "evidence_kit.collectors.lines", None)
    bucket.whole()
    assert not bucket.bulk.takes(bucket.download("a"))


def test_the_environment_says_nothing_that_botocore_was_not_told(bucket, monkeypatch):
    bucket.whole()
    for name in ("http_proxy", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert bucket.fetch("a")["a"].stream


def test_threads_share_what_was_learnt_and_no_connections(bucket):
    bucket.whole()
    found = []
    keys = [f"k{number}" for number in range(20)]
    threads = [threading.Thread(target=lambda: found.append(bucket.fetch(*keys))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(one) for one in found] == [20] * 4
    assert all(fetched.stream for one in found for fetched in one.values())
