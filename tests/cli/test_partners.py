"""`partners list`, `check`, `assess` and `test`, against a partner on loopback."""

import json
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from support.lab import Lab
from support.partner import acme, kiosk, paged, played

from evidence_kit.model.time import Window, rfc3339
from evidence_kit.sandbox.partners.server import Reply

PREFLIGHT = {"request": {"path": "/events", "query": {"limit": 1}}, "newest": "max_by(events, &at).at"}
NEWEST = {
    "path": "/events",
    "json": {"events": [{"id": "a", "at": rfc3339(datetime.now(UTC).replace(microsecond=0))}]},
}
INVENTORY = """apiVersion: evidence-kit/inventory.v1
kind: Inventory
targets:
  - {name: shop, provider: aws, id: "111122223333"}
  - name: acme
    provider: acme
    id: t-7
    owner: supply-chain
    endpoints: {server: "%(url)s", token: "%(url)s"}
    ca: "%(ca)s"
    allowPrivate: true
    secrets: {token: secret://env/ACME_TOKEN}
    jurisdiction: {data: [EU], subjects: [EU]}
    agreement:
      reference: DPA-2025-118
      evidence: {audit_logs: "Annex 2, 4.1"}
      latency: PT1H
      expires: %(expires)s
  - {name: bolt, provider: bolt, id: t-8, owner: us}
"""


@pytest.fixture
def partner(tmp_path, monkeypatch):
    """A partner that answers, its connector and its inventory in this folder."""
    with kiosk(tmp_path, acme(preflight=PREFLIGHT), played(NEWEST)) as served:
        expires = (datetime.now(UTC) + timedelta(days=200)).date()
        said = {"url": served.server.url, "ca": served.ca, "expires": expires}
        (tmp_path / "inventory.yaml").write_text(INVENTORY % said)
        (tmp_path / "acme.yaml").write_bytes(acme(preflight=PREFLIGHT))
        (tmp_path / "fixture.yaml").write_bytes(played(paged(5)))
        monkeypatch.setenv("ACME_TOKEN", served.secrets["token"])
        yield served


FILES = ("--inventory", "inventory.yaml", "--connectors", "acme.yaml")


@pytest.fixture
def collected(partner, tmp_path):
    """A case that holds what the partner has."""
    now = datetime.now(UTC)
    lab = Lab(tmp_path / "collected", Window(now - timedelta(days=2), now), now=lambda: datetime.now(UTC)).open()
    order = lab.order("acme.audit", targets=(replace(partner.target(), id="t-7"),), window=lab.window)
    with lab.vault.lock(), lab.vault.working():
        partner.engine(lab).collect(order)
    return lab.root


# -- list ----------------------------------------------------------------------------------------------------------


def test_partners_are_listed_with_what_was_agreed_and_no_cloud_of_ours(run, partner):
    told = run("partners", "list", *FILES, "--json")
    assert told.code == 0, told.err
    acme_, bolt = json.loads(told.out)
    assert (acme_["name"], acme_["owner"], acme_["agreement"]) == ("acme", "supply-chain", "DPA-2025-118")
    assert acme_["evidence"] == {"audit_logs": "Annex 2, 4.1"}
    assert acme_["daysLeft"] in {199, 200}
    assert acme_["sources"] == ["acme.audit"]
    assert (bolt["agreement"], bolt["sources"], bolt["lastCollection"]) == (None, [], None)


def test_the_list_for_people_says_what_is_not_known(run, partner, opened):
    told = run("partners", "list", *FILES)
    assert "DPA-2025-118, until" in told.out
    assert "audit_logs by Annex 2, 4.1" in told.out
    assert "none: no connector knows this provider" in told.out
    assert "not known: no case was given" in told.out
    assert "never, as far as the cases at hand go" in run("partners", "list", *FILES, "--case", opened).out


@pytest.mark.parametrize("command", ["list", "check", "assess"])
def test_without_partners_there_is_nothing_to_tell(run, tmp_path, command):
    assert "which partners?" in run("partners", command).err
    (tmp_path / "own.yaml").write_text(INVENTORY.partition("  - name: acme")[0])
    told = run("partners", command, "--inventory", "own.yaml")
    assert (told.code, "lists no partner" in told.err) == (4, True)


# -- check ---------------------------------------------------------------------------------------------------------


def test_a_partner_that_answers_is_ok(run, partner):
    told = run("partners", "check", "acme", *FILES)
    assert told.code == 0, told.err
    assert told.out.startswith("ok    acme (t-7)  acme.audit  ")
    assert told.err.strip() == "1 ok"


def test_a_partner_that_turns_us_away_fails_and_another_is_told_all_the_same(run, partner):
    partner.server.faults = [lambda _: Reply(status=403, body=b'{"message":"no"}')]
    told = run("partners", "check", *FILES, "--json")
    assert told.code == 3
    acme_, bolt = json.loads(told.out)
    assert (acme_["verdict"], acme_["reasons"]) == ("fail", ["denied: HTTP 403: no"])
    assert (bolt["verdict"], bolt["connector"]) == ("warn", "")


def test_a_secret_that_is_not_there_fails_and_is_named(run, partner, monkeypatch):
    monkeypatch.delenv("ACME_TOKEN")
    told = run("partners", "check", "acme", *FILES)
    assert told.code == 3
    assert "ACME_TOKEN" in told.out


def test_an_unknown_partner_is_named(run, partner):
    told = run("partners", "check", "acne", *FILES)
    assert (told.code, "did you mean `acme`" in told.err) == (2, True)


# -- assess --------------------------------------------------------------------------------------------------------


def test_an_assessment_rests_on_the_inventory_the_check_and_the_case(run, partner, collected, tmp_path):
    (tmp_path / "check.json").write_text(run("partners", "check", *FILES, "--json").out)
    rest = ("--inventory", "inventory.yaml", "--case", collected, "--check", "check.json", "--register", "r.jsonl")
    first = run("partners", "assess", *rest, "--json")
    assert first.code == 0, first.err
    acme_, bolt = json.loads(first.out)
    states = {one["id"]: one["state"] for one in acme_["answers"]}
    good = ("agreement", "clauses", "latency", "transfer", "expiry", "reachable", "authorised", "fresh", "collected")
    assert {name: states[name] for name in good} == dict.fromkeys(good, "good")
    assert states["soc2"] == "missing"
    assert acme_["score"] > bolt["score"]
    assert (bolt["trend"], "2 lines" in first.err) == ([], True)

    second = run("partners", "assess", *rest, "--format", "json")
    assert [one["score"] for one in json.loads(second.out)[0]["trend"]] == [acme_["score"]]
    assert "4 lines" in second.err


def test_a_register_that_was_changed_is_refused(run, partner, tmp_path):
    rest = ("--inventory", "inventory.yaml", "--register", "r.jsonl")
    for _ in range(2):
        assert run("partners", "assess", *rest).code == 0
    text = (tmp_path / "r.jsonl").read_text()
    (tmp_path / "r.jsonl").write_text(text.replace('"score":', '"score":1', 1))
    assert run("partners", "assess", *rest).code == 14


def test_a_page_is_written_once_and_nothing_overwritten(run, partner, tmp_path):
    rest = ("--inventory", "inventory.yaml", "--format", "html", "-o", "register.html")
    assert run("partners", "assess", *rest).code == 0
    assert "<h1>Partner assurance</h1>" in (tmp_path / "register.html").read_text()
    told = run("partners", "assess", *rest)
    assert (told.code, "nothing is overwritten" in told.err) == (2, True)


def test_the_table_names_what_is_missing_and_an_unknown_format_is_usage(run, partner):
    told = run("partners", "assess", "bolt", "--inventory", "inventory.yaml")
    assert "missing   0.0/10  agreement" in told.out
    assert run("partners", "assess", "--inventory", "inventory.yaml", "--format", "pdf").code == 2


# -- test ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_sound_connector_keeps_every_claim_in_a_rehearsal(run, partner):
    told = run("partners", "test", "acme.yaml", "--fixture", "fixture.yaml", "--json")
    ends = json.loads(told.out)
    assert told.code == 0, [one for one in ends if one["verdict"] != "passed"]
    assert len(ends) > 40
    assert {one["verdict"] for one in ends} == {"passed"}


@pytest.mark.slow
def test_a_connector_that_stops_after_the_first_page_is_caught(run, partner, tmp_path):
    (tmp_path / "wrong.yaml").write_bytes(acme(paging={"type": "none"}))
    (tmp_path / "bodies.yaml").write_bytes(
        played({"path": "/events", "json": {"events": [{"id": "a"}], "next": "c"}}, {"path": "/more", "text": "x\ny"})
    )
    told = run("partners", "test", "wrong.yaml", "--fixture", "bodies.yaml")
    assert told.code == 3
    assert "failed   everything there is to find is stored once" in told.out
    assert (
        "skipped  zero rows are said to be zero (empty): empty: the fixture has answers that are no pages" in told.out
    )


def test_at_a_sandbox_only_the_claims_without_faults_are_tried(run, partner):
    told = run("partners", "test", "acme.yaml", "--target", "acme", "--inventory", "inventory.yaml")
    assert told.code == 0, told.out
    assert "6 passed" in told.err
    assert {one.method for one in partner.server.sent} == {"GET"}
    assert "fault" not in told.out


def test_at_a_sandbox_that_turns_us_away_the_claims_do_not_hold(run, partner):
    partner.server.faults = [lambda _: Reply(status=403, body=b"{}")]
    told = run("partners", "test", "acme.yaml", "--target", "acme", "--inventory", "inventory.yaml")
    assert told.code == 3
    assert "failed   an undisturbed run is whole" in told.out


def test_a_suite_that_is_killed_after_a_claim_is_not_passed(run, partner, tmp_path, monkeypatch):
    (tmp_path / "killer.py").write_text("import os\n\ndef pytest_runtest_logfinish(nodeid):\n    os._exit(9)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTEST_PLUGINS", "killer")
    told = run("partners", "test", "acme.yaml", "--fixture", "fixture.yaml")
    assert (told.code, told.out) == (7, "")
    assert "did not run to its end: pytest ended with 9" in told.err


def test_what_the_agreement_does_not_allow_is_not_tried_out(run, partner, tmp_path):
    (tmp_path / "orders.yaml").write_bytes(acme(evidence=["orders"]))
    told = run("partners", "test", "orders.yaml", "--target", "acme", "--inventory", "inventory.yaml")
    assert (told.code, partner.server.sent) == (2, [])
    assert "DPA-2025-118" in told.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "a rehearsal or a sandbox?"),
        (("--fixture", "fixture.yaml", "--target", "acme"), "a rehearsal or a sandbox?"),
        (("--fixture", "none.yaml"), "cannot read"),
        (("--fixture", "other.yaml"), "is of `bolt.audit`"),
        (("--target", "bolt", "--inventory", "inventory.yaml"), "is of `bolt`"),
    ],
)
def test_what_does_not_fit_together_is_usage(run, partner, tmp_path, arguments, said):
    (tmp_path / "other.yaml").write_bytes(played(paged(2)).replace(b"acme.audit", b"bolt.audit"))
    told = run("partners", "test", "acme.yaml", *arguments)
    assert (told.code, said in told.err) == (2, True)


def test_without_pytest_the_command_says_how_to_get_it(run, partner, monkeypatch):
    monkeypatch.setitem(sys.modules, "pytest", None)
    told = run("partners", "test", "acme.yaml", "--fixture", "fixture.yaml")
    assert (told.code, "evidence-kit[testing]" in told.err) == (7, True)
