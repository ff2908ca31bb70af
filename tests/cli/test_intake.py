"""From request to receipt on the command line."""

import hashlib
import json

import pytest

INVENTORY = """apiVersion: evidence-kit/inventory.v1
kind: Inventory
targets:
  - name: acme
    provider: acme
    id: tenant-7
    agreement:
      reference: DPA-2025-118
      legalBasis: [gdpr-6-1-f]
      evidence: {audit_logs: "Annex 2, 4.1"}
  - {name: other, provider: other, id: o-1}
"""


@pytest.fixture
def listed(tmp_path):
    """The inventory as an option."""
    (tmp_path / "inventory.yaml").write_text(INVENTORY)
    return ("--inventory", tmp_path / "inventory.yaml")


@pytest.fixture
def ask(run, opened, listed):
    """Ask acme for its audit logs, and as the options say."""

    def call(*more, classes=("audit_logs",), target="acme"):
        named = [option for name in classes for option in ("--class", name)]
        said = ("--scope", "sign-ins", "--since", "20d", "--until", "1d", "--deadline", "2999-01-01")
        return run("partners", "request", target, "--case", opened, *listed, *named, *said, *more)

    return call


@pytest.fixture
def drop(tmp_path):
    """A delivery of one file with its list."""
    (tmp_path / "drop" / "audit_logs").mkdir(parents=True)
    (tmp_path / "drop" / "audit_logs" / "a.jsonl").write_bytes(b"{}\n")
    digest = hashlib.sha256(b"{}\n").hexdigest()
    (tmp_path / "drop" / "SHA256SUMS").write_text(f"{digest}  audit_logs/a.jsonl\n")
    return tmp_path / "drop"


@pytest.fixture
def take(run, opened, listed, drop):
    """Take the delivery in."""

    def call(*more, partner="acme"):
        said = ("--delivered-by", "dana", "--channel", "sftp", "--delivered-at", "1h")
        return run("intake", drop, "--case", opened, *listed, "--partner", partner, *said, *more)

    return call


def test_a_request_is_written_signed_and_on_record(run, opened, ask, tmp_path):
    told = ask()
    assert told.code == 0, told.err
    name = told.out.strip()
    text = (tmp_path / "request.md").read_text()
    assert name in text
    assert "Annex 2, 4.1" in text
    assert "a case" not in text, "of the case only its id leaves the house"
    assert name in run("custody", "log", opened).out
    assert "no audit_logs (due by 2999-01-01)" in run("coverage", opened).out


def test_nothing_is_overwritten(ask, tmp_path):
    (tmp_path / "request.md").write_text("mine")
    told = ask()
    assert told.code == 2
    assert (tmp_path / "request.md").read_text() == "mine"
    assert not (tmp_path / "request.json").exists()


def test_a_class_outside_the_agreement_is_refused_with_the_clause(ask):
    told = ask(classes=("audit_logs", "identity"))
    assert told.code == 2
    assert "asks for identity" in told.err
    assert "DPA-2025-118" in told.err
    assert "audit_logs by Annex 2, 4.1" in told.err


def test_it_takes_two_people_to_ask_for_more(run, opened, ask, tmp_path):
    alone = ask("--override", "urgent", classes=("identity",))
    assert (alone.code, "nobody else has approved" in alone.err) == (2, True)
    assert not (tmp_path / "request.json").exists()
    assert run("keys", "new", "--name", "boss@example.com").code == 0
    approved = run("custody", "approve", opened, "override", "--reason", "yes", "--key", "boss@example.com")
    assert approved.code == 0, approved.err
    told = ask("--override", "by telephone", "--key", "alice@example.com", classes=("identity",))
    assert told.code == 0, told.err
    assert "by telephone" in (tmp_path / "request.md").read_text()
    assert "agreement.overridden" in run("custody", "log", opened).out


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--deadline", "soon"), "is not a day"),
        (("--deadline", "2001-01-01"), "is over"),
        (("--class", "logs"), "unknown class"),
        (("--scope", " "), "a scope has"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(ask, more, said):
    told = ask(*more, target="other")
    assert told.code == 2
    assert said in told.err


def test_a_delivery_is_taken_in_and_receipted(run, opened, ask, take, tmp_path):
    name = ask().out.strip()
    told = take("--request", name)
    assert told.code == 0, told.err
    assert "1 of 1 digests match" in told.err
    (tmp_path / "alice.pem").write_text(run("keys", "show", "alice@example.com").out)
    checked = run("partners", "receipt", "verify", "receipt.json", "--key", "alice.pem", "--json")
    said = json.loads(checked.out)
    assert (said["request"], said["deliveredBy"], said["channel"], said["status"]) == (
        name,
        "dana",
        "sftp",
        "complete",
    )
    files = {one["name"]: one for one in said["files"]}
    assert files["audit_logs/a.jsonl"]["proof"] == "matches"
    assert files["SHA256SUMS"]["role"] == "checksums"
    (seal,) = (opened / "bags").glob("*/seal/seal.sigstore.json")
    assert said["seal"] == hashlib.sha256(seal.read_bytes()).hexdigest()
    assert "evidence.received" in run("custody", "log", opened).out
    assert run("verify", opened).code == 0
    assert "no audit_logs" not in run("coverage", opened).out
    (wanted,) = json.loads(run("coverage", opened, "--json").out)["requests"]
    assert (wanted["name"], wanted["deliveries"], wanted["missing"]) == (name, 1, [])


def test_the_file_of_a_request_is_as_good_as_its_id(ask, take, tmp_path):
    name = ask().out.strip()
    assert take("--request", "request.json").code == 0
    assert json.loads(_payload(tmp_path))["predicate"]["request"] == name


def _payload(folder):
    from base64 import b64decode

    return b64decode(json.loads((folder / "receipt.json").read_text())["payload"])


def test_what_contradicts_the_partners_list_exits_3_and_stands_on_the_receipt(run, take, drop, tmp_path):
    (drop / "audit_logs" / "a.jsonl").write_bytes(b"[]\n")
    told = take()
    assert told.code == 3
    assert "its sha256 is not the one in `SHA256SUMS`" in told.err
    (one,) = [one for one in json.loads(_payload(tmp_path))["predicate"]["files"] if one["proof"] != "none"]
    assert one["proof"] == "differs"
    assert "1 differ" in (tmp_path / "receipt.md").read_text()


def test_digests_of_other_kinds_are_held_against_the_sealed_bytes(take, drop, tmp_path):
    (drop / "SHA256SUMS").unlink()
    digest = hashlib.sha512(b"{}\n").hexdigest()
    (drop / "SHA512SUMS").write_text(f"{digest}  audit_logs/a.jsonl\n")
    assert take().code == 0
    (one,) = [one for one in json.loads(_payload(tmp_path))["predicate"]["files"] if one["proof"] != "none"]
    assert (one["proof"], one["claimed"]) == ("matches", {"sha512": digest})


def test_another_key_has_not_signed_the_receipt(run, take, tmp_path):
    assert take().code == 0
    run("keys", "new", "--name", "eve@example.com")
    (tmp_path / "eve.pem").write_text(run("keys", "show", "eve@example.com").out)
    assert run("partners", "receipt", "verify", "receipt.json", "--key", "eve.pem").code == 13
    (tmp_path / "no.pem").write_text("no")
    assert run("partners", "receipt", "verify", "receipt.json", "--key", "no.pem").code == 2


@pytest.mark.parametrize("change", ["edit", "remove", "add"])
def test_the_partner_sees_which_of_their_files_differs(run, take, drop, tmp_path, change):
    assert take().code == 0
    (tmp_path / "alice.pem").write_text(run("keys", "show", "alice@example.com").out)
    check = ("partners", "receipt", "verify", "receipt.json", "--key", "alice.pem", "--files", drop)
    assert run(*check).code == 0
    path = drop / "audit_logs" / "a.jsonl"
    if change == "remove":
        path.unlink()
    else:
        path = path if change == "edit" else path.with_name("never-received.jsonl")
        path.write_bytes(b"x")
    told = run(*check)
    assert told.code == 10
    assert f"differs   audit_logs/{path.name}" in told.err


def test_a_receipt_can_be_written_again_from_what_is_sealed(run, opened, take, tmp_path):
    assert take().code == 0
    (bag,) = (opened / "bags").iterdir()
    told = run("partners", "receipt", "write", bag.name, "--case", opened, "-o", "again.json")
    assert told.code == 0, told.err
    first, again = (json.loads((tmp_path / name).read_text()) for name in ("receipt.json", "again.json"))
    assert first["payloadType"] == again["payloadType"]
    assert run("partners", "receipt", "write", "nothing", "--case", opened, "-o", "third.json").code == 4


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("record/exchanges.jsonl", 14, "is not the one that was sealed"),
        ("seal/seal.sigstore.json", 10, "is not the seal that the custody log names"),
    ],
)
def test_no_receipt_is_given_over_what_is_not_what_was_sealed(run, opened, take, tmp_path, name, code, said):
    assert take().code == 0
    (bag,) = (opened / "bags").iterdir()
    path = bag / name
    lines = path.read_bytes().splitlines(keepends=True)
    path.chmod(0o600)
    path.write_bytes(b"".join(lines[:-1]) if len(lines) > 1 else lines[0].replace(b"a", b"b"))
    told = run("partners", "receipt", "write", bag.name, "--case", opened, "-o", "again.json")
    assert (told.code, said in told.err) == (code, True), told.err
    assert not (tmp_path / "again.json").exists()


@pytest.mark.slow
def test_what_was_altered_here_is_not_held_against_the_partner(run, opened, take, drop, tmp_path):
    (drop / "SHA256SUMS").unlink()
    (drop / "MD5SUMS").write_text(f"{hashlib.md5(b'{}' + bytes([10])).hexdigest()}  audit_logs/a.jsonl\n")  # noqa: S324
    assert take().code == 0
    (bag,) = (opened / "bags").iterdir()
    (path,) = [one for one in (bag / "data").rglob("*") if one.is_file() and one.read_bytes() == b"{}\n"]
    path.chmod(0o600)
    path.write_bytes(b"[]\n")
    told = run("partners", "receipt", "write", bag.name, "--case", opened, "-o", "again.json")
    assert (told.code, "is not what was sealed" in told.err) == (10, True), told.err
    assert not (tmp_path / "again.json").exists()


def test_the_partner_and_the_agreement_are_on_record(opened, take):
    assert take().code == 0
    (bag,) = (opened / "bags").iterdir()
    order = json.loads((bag / "record" / "acquisition.json").read_text())["order"]
    assert order["governance"]["targets"][0]["agreement"]["reference"] == "DPA-2025-118"
    assert order["params"]["deliveredBy"] == "dana"
    assert order["targets"][0]["access"]["partner"] == "acme"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--delivered-by", " "), "is empty"),
        (("--delivered-at", "2999-01-01T00:00:00Z"), "lies in the future"),
        (("--as", "audit_logs"), "is not `class=pattern`"),
        (("--as", "logs=*"), "unknown class"),
        (("--request", "REQ-20261120T000000Z-0abcde"), "has made no request"),
        (("--request", "none.json"), "cannot read `none.json`"),
        (("--request", "inventory.yaml"), "is no request that this case has made"),
        (("--receipt", "inventory.yaml"), "is there already"),
        (("--receipt", "nowhere/receipt.json"), "there is no folder `nowhere`"),
    ],
)
def test_an_intake_that_makes_no_sense_is_refused_before_anything_is_taken(opened, take, more, said):
    told = take(*more)
    assert told.code == 2
    assert said in told.err
    assert not list(opened.glob("bags/*"))


def test_a_delivery_by_another_partner_answers_no_request_of_ours(ask, take):
    name = ask().out.strip()
    told = take("--request", name, partner="other")
    assert (told.code, "was sent to `acme`" in told.err) == (2, True)


POLICY = """apiVersion: evidence-kit/policy.v1
kind: Policy
name: group
residency: {EU: [EU]}
"""


@pytest.fixture
def limited(tmp_path, listed):
    """A policy that keeps data of the EU there, and a partner whose data lie there."""
    (tmp_path / "policy.yaml").write_text(POLICY)
    path = tmp_path / "inventory.yaml"
    path.write_text(INVENTORY.replace("    agreement:\n", "    jurisdiction: {data: [EU]}\n    agreement:\n"))
    return ("--policy", tmp_path / "policy.yaml")


@pytest.mark.parametrize("place", [(), ("--place", "US")])
def test_a_delivery_that_may_not_lie_here_is_refused_before_anything_is_taken(opened, take, limited, place):
    told = take(*limited, *place)
    assert (told.code, "(group, residency)" in told.err) == (2, True), told.err
    assert not list(opened.glob("bags/*"))


def test_where_a_delivery_may_lie_it_is_taken_and_the_policy_is_on_record(opened, take, limited):
    assert take(*limited, "--place", "EU").code == 0
    (bag,) = (opened / "bags").iterdir()
    order = json.loads((bag / "record" / "acquisition.json").read_text())["order"]
    assert (order["governance"]["policy"]["name"], order["governance"]["vault"]) == ("group", "EU")


def test_two_people_set_a_refused_delivery_free(run, opened, take, limited):
    assert "nobody else has approved" in take(*limited, "--override", "urgent").err
    assert run("keys", "new", "--name", "boss@example.com").code == 0
    assert run("custody", "approve", opened, "override", "--reason", "yes", "--key", "boss@example.com").code == 0
    told = take(*limited, "--override", "by telephone", "--key", "alice@example.com")
    assert told.code == 0, told.err
    assert "agreement.overridden" in run("custody", "log", opened).out


def test_a_delivery_under_an_agreement_that_is_over_is_refused(opened, take, tmp_path):
    path = tmp_path / "inventory.yaml"
    path.write_text(INVENTORY.replace("      reference", "      expires: 2001-01-01\n      reference"))
    told = take()
    assert (told.code, "the agreement ended on 2001-01-01 (DPA-2025-118)" in told.err) == (2, True), told.err


def test_resume_says_where_a_delivery_is_no_longer_what_it_was(run, opened, take, drop):
    (drop / "SHA256SUMS").write_text("see the mail\n")
    assert take().code == 3
    digest = hashlib.sha256(b"{}\n").hexdigest()
    (drop / "SHA256SUMS").write_text(f"{digest}  audit_logs/a.jsonl\n")
    told = run("resume", opened)
    assert told.code == 3
    assert "what lies there is not what was planned to be taken" in told.err


def test_a_better_delivery_answers_for_the_one_before(run, opened, take, drop):
    at = ("--delivered-at", "2026-11-20T00:00:00Z")
    (drop / "SHA256SUMS").write_text("see the mail\n")
    assert take(*at).code == 3
    (drop / "SHA256SUMS").unlink()
    assert take(*at, "--receipt", "second.json").code == 0
    assert run("resume", opened).code == 4, "nothing is open"
