import stat
from datetime import timedelta

import pytest
from support.casemaker import NOW
from support.private_ca import PrivateCa

from evidence_kit.custody.trust import HEADER, SigningTime, editing, key_entry, parse_trust
from evidence_kit.errors import UntrustedError, UsageError, VaultError
from evidence_kit.governance import trustfile
from evidence_kit.governance.trustfile import TrustFile
from evidence_kit.signers.file import KeySigner, generate

ALICE, BOB, CAROL = (KeySigner(generate("p256")) for _ in range(3))
ROOT = PrivateCa.root()
DAY = timedelta(days=1)
HAND_WRITTEN = f"""\
# our policy; ask Dana before you change it
kind: TrustPolicy   # the order is ours
apiVersion: evidence-kit/trust.v1

keys:
# the lead
- roles: [collector]
  name:   Alice   # since 2024
  publicKey: |
{"".join(f"     {line}{chr(10)}" for line in ALICE.public_key_pem.decode().splitlines())}

# the night shift
- name: Bob
  publicKey: "{ALICE.public_key_pem.decode().replace(chr(10), "@")}"
  roles:
  - collector
  - log   # for a while

thresholds:
  disposal: 2   # four eyes
""".replace(ALICE.public_key_pem.decode().replace("\n", "@"), BOB.public_key_pem.decode().replace("\n", "\\n"))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "trust.yaml"


@pytest.fixture
def written(path):
    """Write a policy and return it opened."""

    def write(text=HAND_WRITTEN):
        path.write_bytes(text.encode())
        return TrustFile(path)

    return write


def lines_gone(old, new):
    """Return what stood in the old text and does not in the new one."""
    kept = iter(new.splitlines())
    return [line for line in old.splitlines() if line not in kept]


def test_a_new_policy_is_valid_once_the_first_key_is_added(path):
    made = trustfile.create(path)
    with pytest.raises(UsageError, match="trusts no key"):
        made.trust()
    made.save(made.add_key(ALICE.public_key_pem, name="Alice", roles=("collector",)))
    assert path.read_text().startswith(trustfile.NEW)
    assert [key.name for key in TrustFile(path).trust().keys.values()] == ["Alice"]


def test_a_new_policy_is_valid_once_the_first_authority_is_added(path):
    made = trustfile.create(path)
    made.save(made.add_certificate_authority(ROOT.pem, name="CA", roles=("log",), identities=("*@x.org",)))
    assert [authority.name for authority in made.trust().certificate_authorities] == ["CA"]


def test_a_policy_that_exists_is_not_started_again(path):
    path.write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        trustfile.create(path)
    assert path.read_text() == "mine"


def test_a_key_is_added_below_the_others_and_everything_else_stays(written):
    opened = written()
    data = opened.add_key(
        CAROL.public_key_pem, name="Carol", roles=("approver",), valid_from=NOW, valid_until=NOW + DAY
    )
    policy = parse_trust(data, name="t")
    assert [key.name for key in policy.keys.values()] == ["Alice", "Bob", "Carol"]
    carol = policy.keys[CAROL.keyid]
    assert (carol.roles, carol.valid_from, carol.valid_until) == ({"approver"}, NOW, NOW + DAY)
    assert lines_gone(HAND_WRITTEN, data.decode()) == []
    assert data.decode().index("four eyes") > data.decode().index("Carol")


@pytest.mark.parametrize(
    "text",
    [
        HEADER,
        HEADER + "# none yet",
        HEADER.replace("keys:\n", ""),
        HEADER.replace("keys:\n", "keys:   # mine\n\n# the end\n"),
        HEADER.rstrip(),
        HAND_WRITTEN.rstrip(),
        HAND_WRITTEN.replace("\n", "\r\n"),
        HAND_WRITTEN.partition("thresholds")[0],
        "\n\n" + HAND_WRITTEN + "\n\n# the end\n\n",
    ],
    ids=["blank", "comment", "absent", "comments", "no line feed", "unended", "CRLF", "last", "blanks"],
)
def test_a_key_can_be_added_wherever_its_list_stands(written, text):
    opened = written(text)
    data = opened.add_key(CAROL.public_key_pem, name="Carol", roles=("log",))
    assert CAROL.keyid in parse_trust(data, name="t").keys
    assert lines_gone(text, data.decode()) == []
    assert ("\r\n" in text) == ("\r\n" in data.decode())


@pytest.mark.parametrize("authority", ["timeAuthorities", "certificateAuthorities"])
def test_authorities_get_a_section_of_their_own(written, authority):
    opened = written()
    if authority == "timeAuthorities":
        data = opened.add_time_authority(ROOT.pem, name="one", policies=("1.2.3",))
        assert parse_trust(data, name="t").time_authorities[0].policies == {"1.2.3"}
    else:
        data = opened.add_certificate_authority(
            ROOT.pem, name="one", roles=("collector", "log"), identities=("*@x.org",), crl=ROOT.crl()
        )
        assert len(parse_trust(data, name="t").certificate_authorities[0].crls) == 1
    assert lines_gone(HAND_WRITTEN, data.decode()) == []


def test_a_second_authority_joins_the_first(written):
    opened = written()
    opened.save(opened.add_time_authority(ROOT.pem, name="one"))
    opened.save(opened.add_time_authority(PrivateCa.root("b").pem, name="two"))
    assert [authority.name for authority in opened.trust().time_authorities] == ["one", "two"]


@pytest.mark.parametrize("who", ["Alice", ALICE.keyid, ALICE.keyid[:8]], ids=["name", "key id", "its beginning"])
def test_a_key_is_revoked_by_name_or_key_id(written, who):
    data = written().revoke(who, reason="compromised", at=NOW)
    revoked = parse_trust(data, name="t").keys[ALICE.keyid].revoked
    assert (revoked.at, revoked.reason) == (NOW, "compromised")
    assert lines_gone(HAND_WRITTEN, data.decode()) == []


def test_the_last_key_of_a_list_can_be_revoked(written):
    data = written().revoke("Bob", reason="superseded", at=NOW)
    assert parse_trust(data, name="t").keys[BOB.keyid].revoked.reason == "superseded"


@pytest.mark.parametrize(
    "old",
    [
        "revoked: {at: 2026-01-01T00:00:00Z, reason: superseded}   # planned",
        "revoked:\n    at: 2026-01-01T00:00:00Z\n    reason: superseded",
    ],
)
def test_a_superseded_key_may_turn_out_to_be_lost(written, old):
    text = HAND_WRITTEN.replace("- name: Bob\n", f"- name: Bob\n  {old}\n")
    data = written(text).revoke("Bob", reason="compromised", at=NOW)
    revoked = parse_trust(data, name="t").keys[BOB.keyid].revoked
    assert (revoked.at, revoked.reason) == (NOW, "compromised")
    assert ("# planned" in data.decode()) == ("# planned" in old)


@pytest.mark.parametrize("reason", ["compromised", "superseded"])
def test_a_lost_key_is_never_made_better(written, reason):
    opened = written()
    opened.save(opened.revoke("Bob", reason="compromised", at=NOW))
    with pytest.raises(UsageError, match="is revoked already, as compromised"):
        opened.revoke("Bob", reason=reason, at=NOW + DAY)


def test_a_new_key_takes_over_name_and_roles_from_then_on(written):
    data = written().rotate("Bob", CAROL.public_key_pem, at=NOW)
    policy = parse_trust(data, name="t")
    before, after = SigningTime(NOW - DAY), SigningTime(NOW)
    assert policy.require(BOB.keyid, ("log",), before).name == "Bob"
    assert policy.require(CAROL.keyid, ("log",), after).name == "Bob"
    assert policy.keys[CAROL.keyid].roles == {"collector", "log"}
    for keyid, when in ((BOB.keyid, after), (CAROL.keyid, before)):
        with pytest.raises(UntrustedError):
            policy.require(keyid, ("log",), when)


def test_after_a_rotation_the_name_stands_for_two_keys(written):
    opened = written()
    opened.save(opened.rotate("Bob", CAROL.public_key_pem, at=NOW))
    with pytest.raises(UsageError, match="several keys") as caught:
        opened.revoke("Bob", reason="superseded", at=NOW)
    assert CAROL.keyid[:16] in caught.value.hint
    opened.revoke(CAROL.keyid[:16], reason="superseded", at=NOW)


def test_the_successor_of_a_lost_key_leaves_it_lost(written):
    opened = written()
    opened.save(opened.revoke("Bob", reason="compromised", at=NOW))
    policy = parse_trust(opened.rotate("Bob", CAROL.public_key_pem, at=NOW + DAY), name="t")
    assert (policy.keys[BOB.keyid].revoked.at, policy.keys[BOB.keyid].revoked.reason) == (NOW, "compromised")
    assert policy.keys[CAROL.keyid].valid_from == NOW + DAY


def test_a_key_cannot_be_replaced_before_it_counts(written):
    entry = key_entry(name="Carol", pem=CAROL.public_key_pem, roles=("log",), valid_from=NOW)
    with pytest.raises(UsageError, match="is trusted only from"):
        written(HEADER + entry).rotate("Carol", ALICE.public_key_pem, at=NOW)


@pytest.mark.parametrize(
    "who", ["", "Mallory", ALICE.keyid[:7], "alice"], ids=["nobody", "other", "too short", "case"]
)
def test_a_key_that_is_not_there_cannot_be_changed(written, who):
    with pytest.raises(UsageError, match="no key in"):
        written().revoke(who, reason="superseded", at=NOW)


@pytest.mark.parametrize(
    "change",
    [
        lambda opened: opened.add_key(ALICE.public_key_pem, name="Again", roles=("log",)),
        lambda opened: opened.add_key(CAROL.public_key_pem, name="Carol", roles=("king",)),
        lambda opened: opened.add_key(CAROL.public_key_pem, name="Carol", roles=()),
        lambda opened: opened.add_key(CAROL.public_key_pem, name="", roles=("log",)),
        lambda opened: opened.add_key(b"-----BEGIN", name="Carol", roles=("log",)),
        lambda opened: opened.add_time_authority(CAROL.public_key_pem, name="x"),
        lambda opened: opened.add_time_authority(ROOT.pem, name="x", policies=("a\n: b",)),
        lambda opened: opened.add_certificate_authority(ROOT.pem, name="x", roles=("log",), identities=("*",)),
        lambda opened: opened.rotate("Alice", BOB.public_key_pem, at=NOW),
    ],
)
def test_a_change_that_would_make_the_policy_invalid_changes_nothing(written, path, change):
    opened = written()
    with pytest.raises(UsageError):
        change(opened)
    assert path.read_text() == HAND_WRITTEN
    assert list(path.parent.iterdir()) == [path]


FLOW_KEY = (
    'keys: [{name: A, roles: [log], publicKey: "' + ALICE.public_key_pem.decode().replace("\n", "\\n") + '"}]\n'
)


@pytest.mark.parametrize(
    "text",
    [
        HEADER.replace("keys:\n", FLOW_KEY),
        HEADER.replace("keys:\n", "keys:\n  - " + FLOW_KEY[7:-2] + "\n"),
        "{apiVersion: evidence-kit/trust.v1, kind: TrustPolicy, " + FLOW_KEY.strip() + "}\n",
    ],
    ids=["list", "entry", "document"],
)
def test_what_stands_in_brackets_is_left_as_it_is(written, path, text):
    opened = written(text)
    assert opened.trust()
    with pytest.raises(UsageError, match="left as it is"):
        opened.revoke("A", reason="superseded", at=NOW)
    assert path.read_text() == text


def test_a_list_in_brackets_gets_no_entry(written):
    opened = written(HEADER.replace("keys:\n", FLOW_KEY))
    with pytest.raises(UsageError, match=r"trust.yaml:3:7: `keys` is not a list with one"):
        opened.add_key(BOB.public_key_pem, name="B", roles=("log",))


def test_a_field_of_something_that_is_no_list_is_not_set():
    for text in (HEADER, HEADER.replace("keys:\n", "")):
        with pytest.raises(UsageError, match="left as it is"):
            editing.set_field(text, "keys", 0, "revoked", "x", name="t")


def test_an_edit_that_would_change_anything_else_is_refused():
    kept = "keys:\n  - x: |+\n      text\n\n\n"
    with pytest.raises(UsageError, match="without touching something else"):
        editing.add_entry(kept, "keys", "  - y: 1\n", name="t")


def test_a_document_end_is_not_written_behind(written):
    opened = written(HEADER + key_entry(name="A", pem=ALICE.public_key_pem, roles=("log",)) + "...\n")
    with pytest.raises(UsageError):
        opened.add_time_authority(ROOT.pem, name="x")


def test_saving_keeps_permissions_and_links(written, path, tmp_path):
    opened = written()
    path.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(path)
    linked = TrustFile(link)
    linked.save(linked.revoke("Bob", reason="superseded", at=NOW))
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert path.read_bytes() == linked.data != opened.data


def test_a_change_by_somebody_else_meanwhile_is_not_overwritten(written, path):
    opened = written()
    data = opened.revoke("Bob", reason="superseded", at=NOW)
    path.write_text(HAND_WRITTEN + "# me too\n")
    with pytest.raises(UsageError, match="changed by somebody else"):
        opened.save(data)
    assert path.read_text().endswith("# me too\n")


def test_files_that_cannot_be_read_or_written_are_named(tmp_path):
    with pytest.raises(UsageError, match="there is no file"):
        TrustFile(tmp_path / "none.yaml")
    with pytest.raises(UsageError, match="is a directory"):
        TrustFile(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(VaultError, match="cannot write"):
        trustfile.create(tmp_path / "file" / "trust.yaml")
    with pytest.raises(VaultError, match="cannot write"):
        trustfile.replace(tmp_path / "none" / "trust.yaml", b"")


def test_a_policy_larger_than_any_is_refused(written, path):
    path.write_bytes(b"#" * (trustfile.MAX_DOCUMENT + 1))
    with pytest.raises(UsageError, match="is larger than"):
        TrustFile(path)


def test_a_policy_that_is_not_text_is_refused(path):
    path.write_bytes(b"\xff")
    with pytest.raises(UsageError, match="UTF-8"):
        TrustFile(path).add_key(ALICE.public_key_pem, name="A", roles=("log",))
