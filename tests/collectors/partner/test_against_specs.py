"""Our questions and our sandbox's answers, both held against what the vendors publish, by prism (`tests/prism`)."""

import http.client
import os
import shutil
import ssl
import subprocess
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import trustme
from support.partner import kiosk

from evidence_kit.model.status import UnitStatus
from evidence_kit.sandbox.partners.fixture import parse_fixture
from evidence_kit.sandbox.partners.server import Reply
from evidence_kit.sandbox.serving import LOOPBACK, LoopbackServer, free_port, running
from evidence_kit.sources.catalogue import load_catalogue

TESTS = Path(__file__).parents[2]
OURS = TESTS / "prism" / "node_modules" / ".bin" / "prism"
BINARY = str(OURS) if OURS.exists() and shutil.which("node") else shutil.which("prism")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BINARY is None, reason="prism is not installed: npm ci --prefix tests/prism"),
]
SPECS = {
    "okta.system_log": "okta",
    "github.org_audit": "github",
    "github.enterprise_audit": "github",
    "openai.audit_logs": "openai",
    "openai.usage": "openai",
    "box.enterprise_events": "box",
    "zoom.operation_logs": "zoom",
    "zoom.signin_activities": "zoom",
    "amazon_sp.orders": "amazon_sp",
}
CATALOGUE = load_catalogue()
HOP = {"host", "connection", "content-length", "transfer-encoding", "keep-alive"}


@contextmanager
def prism(spec, upstream, ca):
    """Run prism between its address, which is yielded, and `upstream`; whatever is not as described is a 500."""
    port = free_port()
    command = [BINARY, "proxy", str(spec), upstream, "--errors", "--host", LOOPBACK, "--port", str(port)]
    environ = {**os.environ, "NODE_EXTRA_CA_CERTS": str(ca)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environ
    ) as server:
        try:
            said = []
            for line in server.stdout:
                said.append(line)
                if "is listening on" in line:
                    break
            else:
                raise AssertionError(f"prism ended: {''.join(said)[-2000:]}")
            yield port
        finally:
            server.terminate()


class Relay(BaseHTTPRequestHandler):
    """Hands a question to prism, and its answer back; addresses in headers become those of the front."""

    def log_message(self, *_):
        pass

    def relay(self):
        length = int(self.headers.get("Content-Length") or 0)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
        inner = http.client.HTTPConnection(LOOPBACK, self.server.behind, timeout=60)
        inner.request(self.command, self.path, self.rfile.read(length) if length else None, headers)
        answer = inner.getresponse()
        body = answer.read()
        inner.close()
        self.server.said.append((answer.status, body))
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in HOP:
                self.send_header(name, value.replace(self.server.partner, self.server.front))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = relay  # noqa: N815  the names are http.server's


class Front(LoopbackServer):
    """Speaks TLS, which prism does not and the engine insists on."""

    def __init__(self, behind, partner, certificate):
        super().__init__(Relay)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.behind, self.partner, self.said = behind, partner, []
        self.front = f"https://{LOOPBACK}:{self.server_port}"


@contextmanager
def described(partner, spec, folder):
    """Put prism between an engine and a partner; yield the front and the CA file that vouches for both."""
    authority = trustme.CA()
    both = folder / "both.pem"
    both.write_bytes(partner.ca.read_bytes() + authority.cert_pem.bytes())
    with prism(spec, partner.server.url, partner.ca) as port:
        front = Front(port, partner.server.url, authority.issue_cert(LOOPBACK))
        with running(front):
            yield front, both


def collected(name, lab, folder, change=None):
    """Collect a connector's fixture through prism; `change` spoils its records first."""
    path = TESTS / "fixtures" / "partners" / f"{name}.yaml"
    fixture = parse_fixture(path.read_bytes(), name=path.name)
    with kiosk(folder, CATALOGUE[name], fixture) as partner:
        if change:
            change(partner)
        with described(partner, TESTS / "prism" / "specs" / f"{SPECS[name]}.json", folder) as (front, ca):
            (outcome,) = partner.collect(lab, **{"endpoint.server": front.front, "ca": str(ca)}).outcomes
    violations = [body.decode() for status, body in front.said if status >= 400]
    return outcome, fixture, violations, front


@pytest.mark.parametrize("name", SPECS)
def test_what_we_ask_and_what_our_sandbox_answers_is_as_the_vendor_describes_it(name, lab, tmp_path):
    outcome, fixture, violations, front = collected(name, lab, tmp_path)

    assert violations == []
    assert (outcome.status, outcome.records) == (UnitStatus.COMPLETE, fixture.expect.records), outcome.reason
    assert len(front.said) == outcome.pages


@pytest.mark.parametrize("name", sorted({spec: name for name, spec in SPECS.items()}.values()))
def test_an_answer_that_is_not_as_described_is_caught(name, lab, tmp_path):
    def spoil(partner):
        nothing = Reply(status=200, body=b'"nothing"', headers={"Content-Type": "application/json"})
        token = partner.server.gate.token_path()
        partner.server.faults.append(lambda asked: None if asked.path == token else nothing)

    outcome, _, violations, _ = collected(name, lab, tmp_path, spoil)

    assert outcome.status is UnitStatus.PARTIAL_ERROR
    assert "#VIOLATIONS" in violations[0]


def test_a_question_that_is_not_as_described_is_caught(lab, tmp_path):
    def misspell(partner):
        said = partner.spec.settings
        window = {**said["window"], "start": {"query": "start"}}
        partner.spec = replace(partner.spec, settings={**said, "window": window})

    outcome, _, violations, _ = collected("openai.usage", lab, tmp_path, misspell)

    assert outcome.status is UnitStatus.PARTIAL_ERROR
    assert "start_time" in violations[0]
