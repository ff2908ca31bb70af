"""The plug-in of examples/plugin works through the real registry, engine and verification."""

import json
import shutil
import sys
import threading
import tomllib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from support.casemaker import NOW, WINDOW, Case

from evidence_kit.acquire.run import Engine
from evidence_kit.acquire.scope import Order
from evidence_kit.collectors import registry
from evidence_kit.errors import Exit
from evidence_kit.model.unit import Target
from evidence_kit.sources.catalogue import parse_source

PLUGIN = Path(__file__).parents[2] / "examples" / "plugin"
SECRET = "correct-horse"


class Acme(BaseHTTPRequestHandler):
    """Three pages; the second is throttled once. `leads` is where the last one is said to lie instead."""

    def do_GET(self):
        after = parse_qs(urlsplit(self.path).query, strict_parsing=False).get("after", [""])[0]
        self.server.asked.append(self.path)
        if self.headers["authorization"] != f"Bearer {SECRET}":
            self._answer(403, {"error": "no"})
        elif after == "t1" and not self.server.throttled:
            self.server.throttled = True
            self._answer(429, {"error": "slow down"})
        else:
            following = {"": "t1", "t1": "t2", "t2": "t1" if self.server.loops else None}
            if self.server.token:
                following = {"": self.server.token, self.server.token: None}
            if self.server.leads and following[after] is None:
                self._answer(302, {}, location=self.server.leads)
                return
            following = following[after]
            self._answer(200, {"events": [{"id": after or "t0"}], "next": following})

    def _answer(self, status, document, **more):
        body = json.dumps(document).encode()
        self.server.sent.append((status, body))
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        for name, value in more.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def acme():
    with ThreadingHTTPServer(("127.0.0.1", 0), Acme) as server:
        server.throttled, server.loops, server.sent, server.asked = False, False, [], []
        server.token, server.leads = "", ""
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Lay the plug-in out as an installer would: the module, and its entry point in a dist-info folder."""
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text())["project"]
    shutil.copy(PLUGIN / "acme_audit.py", tmp_path)
    info = tmp_path / "evidence_kit_acme-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    points = project["entry-points"][registry.GROUP]
    (info / "entry_points.txt").write_text(
        f"[{registry.GROUP}]\n" + "".join(f"{name} = {where}\n" for name, where in points.items())
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("acme_audit", None)


@pytest.fixture
def collect(tmp_path, acme, installed):
    """Run one acquisition of `acme.audit` into a new case."""
    text = (
        (PLUGIN / "acme.audit.yaml")
        .read_text()
        .replace("https://api.acme.example", f"http://127.0.0.1:{acme.server_port}")
    )
    specs = {"acme.audit": parse_source(text.encode(), name="acme.audit.yaml")}

    def run(secret=SECRET):
        case = Case(tmp_path / "case")
        case.open()
        vault = case.vault
        with vault.lock(), vault.working():
            engine = Engine(
                vault=vault,
                keeper=case.keeper_of(vault),
                collectors=registry.build(specs),
                now=lambda: NOW,
                secret=lambda _: secret,
                backoff=0.001,
            )
            target = Target(provider="acme", id="tenant-7")
            order = Order(sources=("acme.audit",), targets=(target,), window=WINDOW, params={})
            result = engine.collect(order)
        case.bags.append(result.sealed.bag)
        return case, result

    return run


def test_every_page_is_kept_as_the_partner_sent_it(acme, collect):
    case, result = collect()
    assert [outcome.status for outcome in result.outcomes] == ["complete"]
    kept = [path.read_bytes() for path in sorted((case.root / case.bag / "data").rglob("*.json"))]
    assert kept == [body for status, body in acme.sent if status == 200]
    assert case.verify(each_signature=True).exit() is Exit.OK


def test_a_throttled_attempt_is_on_record(acme, collect):
    case, _ = collect()
    ledger = [json.loads(line) for line in case.path("record/exchanges.jsonl").read_text().splitlines()]
    assert [line["status"] for line in ledger if line["type"] == "exchange"] == [200, 429, 200, 200]


def test_the_secret_is_in_no_file_of_the_case(collect):
    case, _ = collect()
    assert not [name for name in case.files if SECRET.encode() in (case.root / name).read_bytes()]


def test_a_refused_key_ends_the_unit_as_denied(collect):
    _, result = collect(secret="wrong")
    assert [outcome.status for outcome in result.outcomes] == ["denied"]


def test_tokens_that_run_in_a_loop_are_no_completeness(acme, collect):
    acme.loops = True
    _, result = collect()
    assert [outcome.status for outcome in result.outcomes] == ["partial_error"]


def test_an_answer_that_leads_elsewhere_does_not_take_the_key_there(acme, collect):
    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.seen.append(self.headers["authorization"])
            self.send_error(404)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as other:
        other.seen = []
        threading.Thread(target=other.serve_forever, daemon=True).start()
        acme.leads = f"http://127.0.0.1:{other.server_port}/v1/events"
        _, result = collect()
        other.shutdown()
    assert other.seen == []
    assert [(one.status, one.reason) for one in result.outcomes] == [("partial_error", "HTTP 302")]


def test_a_token_goes_back_as_it_came(acme, collect):
    acme.token = "a&b=c d/%#+\u00e9"
    _, result = collect()
    assert [outcome.status for outcome in result.outcomes] == ["complete"]
    assert len(acme.asked) == 2
