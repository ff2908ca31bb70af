from datetime import timedelta

import pytest
from support.casemaker import NOW, trust_text

from evidence_kit.custody.trust import HEADER, ROLES, key_entry, parse_trust
from evidence_kit.errors import UntrustedError, UsageError
from evidence_kit.model.time import rfc3339
from evidence_kit.signers.file import KeySigner, generate

SIGNER, OTHER = KeySigner(generate("p256")), KeySigner(generate("ed25519"))
DAY = timedelta(days=1)
PLAIN = trust_text(SIGNER).decode()


def trust(*lines, text=PLAIN):
    """Return the policy of one key with further `lines`."""
    return parse_trust((text + "".join(f"    {line}\n" for line in lines)).encode(), name="trust.yaml")


def refused(text):
    with pytest.raises(UsageError) as caught:
        parse_trust(text.encode(), name="trust.yaml")
    return caught.value


def require(policy, *, roles=("collector",), at=NOW):
    return policy.require(SIGNER.keyid, roles, at)


def test_a_trusted_key_is_returned_with_its_name():
    assert require(trust()).name == "Robin Examiner"


def test_a_key_is_found_by_its_keyid():
    assert trust().find(SIGNER.keyid) == SIGNER.public
    assert trust().find(OTHER.keyid) is None


def test_a_key_that_is_not_listed_is_untrusted():
    with pytest.raises(UntrustedError, match="not in the trust policy"):
        trust().require(OTHER.keyid, ("collector",), NOW)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("asked", ROLES)
def test_a_key_may_act_in_its_own_role_only(role, asked):
    policy = trust(text=trust_text(SIGNER, roles=(role,)).decode())
    if role == asked:
        assert require(policy, roles=(asked,))
    else:
        with pytest.raises(UntrustedError, match=f"not trusted as {asked}"):
            require(policy, roles=(asked,))


def test_one_of_several_roles_is_enough():
    assert require(trust(), roles=("custodian", "collector"))


def test_no_role_asked_for_is_never_held():
    with pytest.raises(UntrustedError):
        require(trust(), roles=())


FROM = NOW - 365 * DAY  # what trust_text writes


@pytest.mark.parametrize(("at", "good"), [(FROM, True), (FROM - timedelta(microseconds=1), False)])
def test_a_key_counts_from_its_first_instant(at, good):
    if good:
        assert require(trust(), at=at)
    else:
        with pytest.raises(UntrustedError, match="is trusted from"):
            require(trust(), at=at)


@pytest.mark.parametrize(("at", "good"), [(NOW - timedelta(microseconds=1), True), (NOW, False)])
def test_a_key_no_longer_counts_at_its_last_instant(at, good):
    policy = trust(f"validUntil: {rfc3339(NOW)}")
    if good:
        assert require(policy, at=at)
    else:
        with pytest.raises(UntrustedError, match="was trusted until"):
            require(policy, at=at)


@pytest.mark.parametrize(("at", "good"), [(NOW - timedelta(microseconds=1), True), (NOW, False)])
def test_a_superseded_key_counts_until_then(at, good):
    policy = trust(f"revoked: {{at: {rfc3339(NOW)}, reason: superseded}}")
    if good:
        assert require(policy, at=at)
    else:
        with pytest.raises(UntrustedError, match="was superseded"):
            require(policy, at=at)


@pytest.mark.parametrize("at", [NOW - 300 * DAY, NOW, NOW + DAY])
def test_a_compromised_key_never_counts_without_a_time_stamp(at):
    with pytest.raises(UntrustedError, match="compromised"):
        require(trust(f"revoked: {{at: {rfc3339(NOW)}, reason: compromised}}"), at=at)


def test_a_key_without_a_window_always_counts():
    text = PLAIN.replace(f"    validFrom: {rfc3339(FROM)}\n", "")
    assert text != PLAIN
    assert require(trust(text=text), at=NOW - 9000 * DAY)


@pytest.mark.parametrize("text", [HEADER, HEADER.replace("keys:", "keys: []")])
def test_a_policy_without_keys_is_invalid(text):
    assert "key" in refused(text).message


def test_an_empty_policy_is_invalid_and_says_how_to_mend_it():
    error = refused(HEADER.replace("keys:", "keys: []"))
    assert error.message == "trust.yaml:3:7: the policy trusts no key"
    assert "evidence-kit keys new" in error.hint


def test_a_key_listed_twice_is_refused():
    assert "is listed twice" in refused(PLAIN + PLAIN.partition("keys:\n")[2]).message


def test_two_keys_may_share_a_name():
    text = PLAIN + key_entry(name="Robin Examiner", pem=OTHER.public_key_pem, roles=("log",), valid_from=NOW)
    assert set(trust(text=text).keys) == {SIGNER.keyid, OTHER.keyid}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("trust.v1", "trust.v2", "trust.yaml:1:13: expected `apiVersion"),
        ("TrustPolicy", "Trust", "expected `apiVersion"),
        ("kind:", "Kind:", "unknown field `Kind`"),
        ("[collector]", "[collecter]", "unknown role `collecter`"),
        ("[collector]", "[{}]", "unknown role `{}`"),
        ("[collector]", "[]", "a key without a role can do nothing"),
        ("[collector]", "collector", "is str, not list"),
        ("roles:", "role:", "did you mean"),
        ("BEGIN PUBLIC", "BEGIN PRIVATE", "not a PEM public key"),
        ('"Robin Examiner"', "7", "`keys.0.name` is int, not str"),
        ("validFrom: 2025-11-21T21:30:00Z", "validFrom: 2025-11-21", "trust.yaml:6:16: `2025-11-21 00:00:00` has no"),
        ("validFrom: 2025-11-21T21:30:00Z", "validFrom: soon", "trust.yaml:6:16: `soon` is not a time"),
        ("validFrom: 2025-11-21T21:30:00Z", "validFrom:", "is missing"),
        ("validFrom: 2025-11-21T21:30:00Z", "validUntil: ''", "is not a time"),
        ("validFrom: 2025-11-21T21:30:00Z", "validUntil: 2026", "is int, not str"),
    ],
)
def test_a_malformed_policy_is_named_where_it_is_wrong(old, new, said):
    assert PLAIN.count(old) == 1
    error = refused(PLAIN.replace(old, new))
    assert said in error.message + (error.hint or "")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("revoked:", "`keys.0.revoked` is missing"),
        ("revoked: {}", "`keys.0.revoked.reason` is missing"),
        ("revoked: true", "is bool, not dict"),
        ("revoked: {reason: superseded}", "`at` is missing"),
        ("revoked: {at: 2026-01-01T00:00:00Z}", "reason` is missing"),
        ("revoked: {at: 2026-01-01T00:00:00Z, reason: lost}", "unknown reason `lost`"),
        ("revoked: {at: 2026-01-01, reason: superseded}", "has no time zone"),
        ("revoked: {when: 2026-01-01T00:00:00Z, reason: superseded}", "unknown field `when`"),
    ],
)
def test_a_revocation_left_unclear_is_refused_and_not_ignored(line, said):
    assert said in refused(PLAIN + f"    {line}\n").message


def test_a_key_out_of_a_hostile_document_is_refused_cleanly():
    text = HEADER + '  - {name: x, roles: [log], publicKey: "\\ud800"}\n'
    assert "not a PEM public key" in refused(text).message


def test_an_entry_that_is_no_mapping_is_refused():
    assert "`keys.0` is str, not dict" in refused(HEADER + "  - x\n").message


@pytest.mark.parametrize("name", ["O'Neil: #1", 'say "x"', "- a\nkeys:", "\u00fc"])
def test_any_name_can_be_written_and_read_back(name):
    text = HEADER + key_entry(name=name, pem=SIGNER.public_key_pem, roles=("collector", "log"), valid_from=NOW)
    found = trust(text=text).keys[SIGNER.keyid]
    assert (found.name, found.roles, found.valid_from) == (name, frozenset({"collector", "log"}), NOW)
