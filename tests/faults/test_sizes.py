"""One object of ten gigabytes, one listing of a million keys: taken whole, in bounded memory."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from support.sizes_child import ACCOUNT

from evidence_kit.sandbox.serving import free_port

TESTS = Path(__file__).parents[1]
STAMP = "Fri, 20 Nov 2026 12:00:00 GMT"
IDENTITY = (
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
    f"<Arn>arn:aws:iam::{ACCOUNT}:user/x</Arn><UserId>AIDAX</UserId><Account>{ACCOUNT}</Account>"
    "</GetCallerIdentityResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
).encode()
BLOCK = bytes(range(256)) * 4096
PAGE = 1000
MORE = 300  # MB: what no size of an answer may add to


class Store(BaseHTTPRequestHandler):
    """A bucket of so many keys, each of so many bytes; nothing of it is kept."""

    protocol_version = "HTTP/1.1"
    keys, size = 1, 0

    def log_message(self, *_):
        """Say nothing."""

    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.say(IDENTITY)

    def do_HEAD(self):
        self.say(b"")

    def do_GET(self):
        where = urlsplit(self.path)
        asked = parse_qs(where.query, keep_blank_values=True)
        if "versions" in asked:
            self.say(self.listed(int(re.sub(r"\D", "", asked.get("key-marker", ["0"])[0]) or 0)))
        elif "location" in asked:
            self.say(b'<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>')
        else:
            self.stream()

    def listed(self, start):
        end = min(start + PAGE, self.keys)
        versions = "".join(
            f"<Version><Key>logs/{number:09}</Key><VersionId>v{number}</VersionId><IsLatest>true</IsLatest>"
            f'<LastModified>2026-11-20T12:00:00.000Z</LastModified><ETag>"0a-2"</ETag><Size>{self.size}</Size>'
            "<StorageClass>STANDARD</StorageClass></Version>"
            for number in range(start, end)
        )
        more = end < self.keys
        marker = f"<NextKeyMarker>logs/{end:09}</NextKeyMarker><NextVersionIdMarker>v</NextVersionIdMarker>"
        return (
            '<?xml version="1.0"?><ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>large</Name><Prefix></Prefix><MaxKeys>{PAGE}</MaxKeys><IsTruncated>{str(more).lower()}</IsTruncated>"
            f"{marker if more else ''}{versions}</ListVersionsResult>"
        ).encode()

    def stream(self):
        self.head(self.size)
        for _ in range(self.size // len(BLOCK)):
            self.wfile.write(BLOCK)

    def say(self, body):
        self.head(len(body))
        self.wfile.write(body)

    def head(self, length):
        self.send_response(200)
        for name, value in (("ETag", '"0a-2"'), ("x-amz-request-id", "R1"), ("Content-Length", str(length))):
            self.send_header(name, value)
        self.end_headers()


@contextmanager
def store(keys, size):
    kind = type("Sized", (Store,), {"keys": keys, "size": size})
    with ThreadingHTTPServer(("127.0.0.1", free_port()), kind) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def collected(folder, source, keys, size):
    with store(keys, size) as url:
        environ = {
            **os.environ,
            "PYTHONPATH": str(TESTS),
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "not-a-secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1",
        }
        command = [sys.executable, "-m", "support.sizes_child", str(folder), source]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["status"], told["verdict"]) == ("complete", "OK"), told
    assert told["verified"] - told["started"] < MORE, told
    return told


@pytest.mark.parametrize(
    "keys", [pytest.param(10_000, id="ten thousand"), pytest.param(1_000_000, id="a million", marks=pytest.mark.slow)]
)
def test_a_listing_is_taken_page_by_page_and_not_held(tmp_path, keys):
    told = collected(tmp_path, "aws.s3.object_versions", keys, 10)
    assert told["pages"] == keys // PAGE


@pytest.mark.parametrize(
    "gigabytes", [pytest.param(1, id="one gigabyte"), pytest.param(10, id="ten", marks=pytest.mark.slow)]
)
def test_a_large_object_is_streamed_and_verified_in_bounded_memory(tmp_path, gigabytes):
    size = gigabytes << 30
    if (free := shutil.disk_usage(tmp_path).free) < 2 * size + (5 << 30):
        pytest.skip(f"{free >> 30} GB are free on the disk, not twice the object and 5 GB more")
    try:
        told = collected(tmp_path, "aws.s3.objects", 1, size)
        assert told["bytes"] > size
        assert told["artifacts"] == told["pages"] + 1
    finally:
        shutil.rmtree(tmp_path / "case", ignore_errors=True)
