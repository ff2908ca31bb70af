"""Which certificate a server showed, as the AWS client's own connections saw it."""

import hashlib
import json
import ssl
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest
import trustme
from botocore.config import Config
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from evidence_kit.collectors import peer
from evidence_kit.collectors.aws.wire import AwsWire


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"Events": []}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serving(authority):
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    for port in range(21300, 21400):
        try:
            server = ThreadingHTTPServer(("127.0.0.1", port), _Answers)
            break
        except OSError:
            continue
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    der = x509.load_pem_x509_certificate(certificate.cert_chain_pems[0].bytes()).public_bytes(Encoding.DER)
    try:
        yield f"https://localhost:{server.server_port}", hashlib.sha256(der).hexdigest()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Now:
    """As much of a context as one call needs."""

    def __init__(self):
        self.recorded = []

    def now(self):
        return datetime.now(UTC)

    def record(self, exchange):
        self.recorded.append(exchange)

    def replay(self, digest):
        return None

    def retrying(self, quota, send):
        return send(1)


@pytest.fixture
def authority(tmp_path):
    made = trustme.CA()
    made.cert_pem.write_to_path(tmp_path / "ca.pem")
    return made


def client(url, bundle):
    return boto3.client(
        "cloudtrail",
        region_name="us-east-1",
        endpoint_url=url,
        verify=str(bundle),
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="none",
        config=Config(retries={"total_max_attempts": 1}),
    )


def wire(url, bundle):
    return AwsWire(client(url, bundle), target="111122223333", region="us-east-1", paginators={})


def test_each_exchange_tells_the_certificate_that_the_server_showed(authority, tmp_path):
    with serving(authority) as (url, expected):
        tapped = wire(url, tmp_path / "ca.pem")
        answers = [tapped.call(_Now(), "LookupEvents", {}) for _ in range(2)]
    assert [answer.exchange.peer for answer in answers] == [expected, expected]


def test_two_servers_are_told_apart(authority, tmp_path):
    with serving(authority) as (first, one), serving(authority) as (second, two):
        seen = [
            wire(url, tmp_path / "ca.pem").call(_Now(), "LookupEvents", {}).exchange.peer for url in (first, second)
        ]
    assert seen == [one, two]
    assert one != two


def test_threads_that_share_a_client_do_not_mix_up_what_they_saw(authority, tmp_path):
    with serving(authority) as (url, expected):
        tapped = wire(url, tmp_path / "ca.pem")
        seen = []
        threads = [
            threading.Thread(target=lambda: seen.append(tapped.call(_Now(), "LookupEvents", {}).exchange.peer))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert seen == [expected] * 8


def test_without_tls_nothing_is_claimed():
    peer.forget()
    assert peer.seen() == ""
