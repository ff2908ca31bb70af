import hashlib
import json
import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from support.casemaker import NOW, trust_text
from support.private_ca import PrivateCa

from evidence_kit.custody import seal, statement
from evidence_kit.custody.trust import ACTIONS, HEADER, ROLES, SigningTime, key_entry, parse_trust, signed
from evidence_kit.custody.trust.authorities import MAX_AUTHORITIES, MAX_CERTIFICATES, MAX_IDENTITIES
from evidence_kit.custody.trust.writing import certificate_authority_entry, quoted, time_authority_entry
from evidence_kit.errors import SignatureError, UntrustedError, UsageError
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
    return policy.require(SIGNER.keyid, roles, SigningTime(at))


def test_a_trusted_key_is_returned_with_its_name():
    assert require(trust()).name == "Robin Examiner"


def test_a_key_is_found_by_its_keyid():
    assert trust().find(SIGNER.keyid) == SIGNER.public
    assert trust().find(OTHER.keyid) is None


def test_a_key_that_is_not_listed_is_untrusted():
    with pytest.raises(UntrustedError, match="not in the trust policy"):
        trust().require(OTHER.keyid, ("collector",), SigningTime(NOW))


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


@pytest.mark.parametrize("text", [HEADER, HEADER.replace("keys:", "keys: []"), HEADER.replace("keys:\n", "")])
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


@pytest.mark.parametrize("name", ["O'Neil: #1", 'say "x"', "- a\nkeys:", "\u00fc", "\U0001f600", "a\x85\u2028\x7fb"])
def test_any_name_can_be_written_and_read_back(name):
    text = HEADER + key_entry(name=name, pem=SIGNER.public_key_pem, roles=("collector", "log"), valid_from=NOW)
    found = trust(text=text).keys[SIGNER.keyid]
    assert (found.name, found.roles, found.valid_from) == (name, frozenset({"collector", "log"}), NOW)


# -- authorities ----------------------------------------------------------------------------------------------

TSA, OTHER_TSA, CA = PrivateCa.root("tsa"), PrivateCa.root("other tsa"), PrivateCa.root("ca")
LEAF = CA.leaf(ec.generate_private_key(ec.SECP256R1()))
ONE_TSA = "timeAuthorities:\n" + time_authority_entry(name="one", pem=TSA.pem, policies=("1.2.3.4",))
TWO_TSAS = ONE_TSA + time_authority_entry(name="two", pem=OTHER_TSA.pem)
STAFF = certificate_authority_entry(name="staff", pem=CA.pem, roles=("collector",), identities=("*@x.org",))
ONE_CA = f"certificateAuthorities:\n{STAFF}"
WITH_CRL = ONE_CA + "    crl: |\n" + "".join(f"      {line}\n" for line in CA.crl().decode().splitlines())


def pem_of(der):
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)


def block(pem):
    return "|\n" + "".join(f"      {line}\n" for line in pem.decode().splitlines())


def test_time_authorities_are_read():
    policy = trust(text=PLAIN + TWO_TSAS)
    one, two = policy.time_authorities
    assert (one.name, one.certificates, one.policies) == ("one", (TSA.certificate,), {"1.2.3.4"})
    assert (two.name, two.policies, two.valid_from) == ("two", frozenset(), None)
    assert (policy.quorum, policy.timestamps_required, policy.max_skew) == (1, False, timedelta(minutes=5))


def test_what_is_asked_of_time_stamps_is_read():
    policy = trust(text=PLAIN + TWO_TSAS + "timestamps: {required: true, quorum: 2, maxSkewSeconds: 0}\n")
    assert (policy.quorum, policy.timestamps_required, policy.max_skew) == (2, True, timedelta(0))


def test_certificate_authorities_are_read_and_make_keys_unnecessary():
    policy = parse_trust((HEADER.replace("keys:\n", "") + WITH_CRL).encode(), name="trust.yaml")
    (staff,) = policy.certificate_authorities
    assert (staff.name, staff.certificates, staff.roles) == ("staff", (CA.certificate,), {"collector"})
    assert (staff.identities, len(staff.crls), dict(policy.keys)) == (("*@x.org",), 1, {})


def test_thresholds_are_one_unless_the_policy_says_more():
    policy = trust(text=PLAIN + "thresholds: {disposal: 2}\n")
    assert {action: policy.threshold(action) for action in ACTIONS} == {
        "seal": 1,
        "transfer": 1,
        "release": 1,
        "disposal": 2,
        "disclosure": 1,
        "override": 1,
    }


def test_a_policy_carries_the_digest_of_its_bytes():
    assert trust().sha256 == hashlib.sha256(PLAIN.encode()).hexdigest()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("timestamps:\n", "`timestamps` is missing"),
        ("timestamps: {}\n", "`timestamps` is empty"),
        ("timestamps: []\n", "is list, not dict"),
        ("timestamps: {quorums: 1}\n", "unknown field `quorums`"),
        ("timestamps: {required: yes please}\n", "is str, not bool"),
        ("timestamps: {required:}\n", "is missing"),
        ("timestamps: {required: true}\n", "the policy trusts no time authority"),
        ("timestamps: {quorum: 1}\n", "a quorum of 1 needs as many `timeAuthorities`; there are 0"),
        (TWO_TSAS + "timestamps: {quorum: 3}\n", "a quorum of 3 needs"),
        (TWO_TSAS + "timestamps: {quorum: 0}\n", "`quorum` is 0, not from 1"),
        (TWO_TSAS + "timestamps: {quorum: true}\n", "is bool, not int"),
        (TWO_TSAS + "timestamps: {quorum: 1.5}\n", "is float, not int"),
        (ONE_TSA + "timestamps: {maxSkewSeconds: -1}\n", "`maxSkewSeconds` is -1, not from 0"),
        (ONE_TSA + "timestamps: {maxSkewSeconds: 86401}\n", "not from 0 to 86400"),
        ("thresholds:\n", "`thresholds` is missing"),
        ("thresholds: {}\n", "`thresholds` is empty"),
        ("thresholds: {burn: 2}\n", "unknown field `burn`"),
        ("thresholds: {seal: 0}\n", "`seal` is 0, not from 1"),
        ("thresholds: {seal: 65}\n", "not from 1 to 64"),
        ("thresholds: {seal:}\n", "`thresholds.seal` is missing"),
        ("timeAuthorities:\n", "`timeAuthorities` is missing"),
        ("timeAuthorities: []\n", "`timeAuthorities` is empty"),
        ("timeAuthorities: {}\n", "is dict, not list"),
        ("timeAuthorities: [x]\n", "is str, not dict"),
        ("certificateAuthorities: []\n", "`certificateAuthorities` is empty"),
        ("certificateAuthorities:\n", "`certificateAuthorities` is missing"),
        ("authorities: []\n", "unknown field `authorities`"),
    ],
)
def test_an_empty_or_impossible_section_is_an_error(more, said):
    assert said in refused(PLAIN + more).message


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name: "one"', "title: x", "unknown field `title`"),
        ('name: "one"', 'name: " "', "a name has 1 to 200 characters"),
        ('name: "one"', 'name: "\\u202eeno"', "cannot be seen"),
        ('name: "two"', 'name: "one"', "two entries of `timeAuthorities` are called `one`"),
        ('["1.2.3.4"]', "[]", "`policies` is empty"),
        ('["1.2.3.4"]', "[1.2.x]", "is not an object identifier"),
        ('["1.2.3.4"]', '["1.2.3.4", "1.2.3.4"]', "`1.2.3.4` is listed twice"),
        ("BEGIN CERTIFICATE", "BEGIN CERTIFICAT", "expected PEM blocks"),
        ("MII", "MIJ", "cannot be read"),
        (
            'policies: ["1.2.3.4"]',
            "validUntil: 2020-01-01T00:00:00Z\n    validFrom: 2021-01-01T00:00:00Z",
            "is not after",
        ),
    ],
)
def test_a_malformed_time_authority_is_named_where_it_is_wrong(old, new, said):
    assert old in TWO_TSAS
    error = refused(PLAIN + TWO_TSAS.replace(old, new, 1))
    assert said in error.message
    assert re.match(r"trust\.yaml:\d+:\d+: ", error.message)


def test_one_certificate_cannot_be_two_time_authorities():
    twice = ONE_TSA + time_authority_entry(name="two", pem=OTHER_TSA.pem + TSA.pem)
    assert "a quorum would count it twice" in refused(PLAIN + twice).message


def test_a_time_authority_may_list_its_signing_certificate_but_not_that_alone():
    leaf = pem_of(TSA.leaf(ed25519.Ed25519PrivateKey.generate()))
    text = f"timeAuthorities:\n{time_authority_entry(name='t', pem=TSA.pem + leaf)}"
    assert len(trust(text=PLAIN + text).time_authorities[0].certificates) == 2
    alone = f"timeAuthorities:\n{time_authority_entry(name='t', pem=leaf)}"
    assert "CA:TRUE" in refused(PLAIN + alone).message


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("roles: [collector]", "roles: []", "a key without a role can do nothing"),
        ("roles: [collector]", "roles: [owner]", "unknown role `owner`"),
        ("roles: [collector]", "roles: [log, log]", "listed twice"),
        ('["*@x.org"]', "[]", "`identities` is empty"),
        ('["*@x.org"]', "[7]", "is int, not str"),
        ('["*@x.org"]', '["*"]', "is not a lower-case e-mail address"),
        ('["*@x.org"]', '["*@*"]', "leaves the domain open"),
        ('["*@x.org"]', '["A@x.org"]', "is not a lower-case e-mail address"),
        ("    identities:", "    crls: x\n    identities:", "unknown field `crls`"),
        ('    identities: ["*@x.org"]\n', "", "`certificateAuthorities.0.identities` is missing"),
    ],
)
def test_a_malformed_certificate_authority_is_named_where_it_is_wrong(old, new, said):
    assert old in ONE_CA
    assert said in refused(PLAIN + ONE_CA.replace(old, new, 1)).message


@pytest.mark.parametrize(
    ("pem", "said"),
    [
        (pem_of(LEAF), "is not an authority's certificate (CA:TRUE)"),
        (CA.below().pem, "none of the certificates is a root"),
        (CA.pem + pem_of(LEAF), "CA:TRUE"),
        (CA.pem + CA.pem, "a certificate is listed twice"),
        (CA.pem + b"and more", "nothing else"),
        (b"", "`certificateAuthorities.0.certificate` is"),
        (PrivateCa.root(key=ed25519.Ed25519PrivateKey.generate()).pem, "neither an EC nor an RSA key"),
        (b"".join(PrivateCa.root().pem for _ in range(MAX_CERTIFICATES + 1)), f"more than {MAX_CERTIFICATES} PEM"),
    ],
    ids=["leaf", "no root", "root and leaf", "twice", "text", "empty", "ed25519", "many"],
)
def test_a_certificate_that_is_no_root_is_refused(pem, said):
    made = certificate_authority_entry(name="s", pem=pem, roles=("log",), identities=("*@x.org",))
    assert said in refused(f"{PLAIN}certificateAuthorities:\n{made}").message or not pem


def test_two_authorities_of_one_name_are_refused():
    assert "are called `staff`" in refused(PLAIN + ONE_CA + STAFF).message


def partial():
    return CA.crl(more=((x509.DeltaCRLIndicator(1), True),))


def broken():
    return CA.crl(more=((x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.20"), b"\xff"), False),))


@pytest.mark.parametrize(
    ("crl", "said"),
    [
        (PrivateCa.root("ca").crl(), "was not signed by any of this authority's certificates"),
        (TSA.crl(), "was not signed by any of this authority's certificates"),
        (partial(), "is a partial one"),
        (broken(), "the revocation list cannot be read"),
        (CA.pem, "expected PEM blocks `BEGIN X509 CRL`"),
        (CA.crl().replace(b"M", b"N", 1), "cannot be read"),
    ],
    ids=["same name, other key", "another issuer", "delta", "broken", "certificate", "garbage"],
)
def test_a_revocation_list_that_says_nothing_is_refused(crl, said):
    assert said in refused(f"{PLAIN}{ONE_CA}    crl: {block(crl)}").message


@pytest.mark.parametrize("name", ["Robin ", "\u00a0Robin", "Zoe\u0308"])
def test_two_spellings_that_look_the_same_cannot_be_two_people(name):
    assert "spaces around it or is not" in refused(PLAIN.replace("Robin Examiner", name)).message


def test_names_that_differ_in_case_are_one_person():
    policy = trust(text=PLAIN + key_entry(name="robin EXAMINER", pem=OTHER.public_key_pem, roles=("log",)))
    assert len({trusted.person for trusted in policy.keys.values()}) == 1


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
@pytest.mark.parametrize(("algorithm", "good"), [("sha1", False), ("sha256", True)])
def test_a_revocation_list_over_a_broken_hash_is_refused(tmp_path, algorithm, good):
    (tmp_path / "ca.pem").write_bytes(CA.pem)
    (tmp_path / "ca.key").write_bytes(CA.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "index").write_text("")
    (tmp_path / "ca.cnf").write_text("[ca]\ndefault_ca = a\n[a]\ndatabase = index\ndefault_crl_days = 30\n")
    options = ("-config", "ca.cnf", "-cert", "ca.pem", "-keyfile", "ca.key", "-md", algorithm, "-out", "crl.pem")
    subprocess.run(["openssl", "ca", "-gencrl", *options], cwd=tmp_path, check=True, capture_output=True)
    text = f"{PLAIN}{ONE_CA}    crl: {block((tmp_path / 'crl.pem').read_bytes())}"
    if good:
        assert trust(text=text).certificate_authorities[0].crls
    else:
        assert "SHA-1 and MD5 do not count" in refused(text).hint


def test_an_authority_whose_extensions_cannot_be_read_is_none():
    odd = PrivateCa.root(more=((x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.15"), b"\xff"), False),))
    made = certificate_authority_entry(name="s", pem=odd.pem, roles=("log",), identities=("*@x.org",))
    assert "CA:TRUE" in refused(f"{PLAIN}certificateAuthorities:\n{made}").message


def test_lists_are_bounded():
    many = ", ".join(f'"{number}@x.org"' for number in range(MAX_IDENTITIES + 1))
    assert "more than 256 entries" in refused(PLAIN + ONE_CA.replace('"*@x.org"', many)).message
    clocks = "".join("  - {}\n" for _ in range(MAX_AUTHORITIES + 1))
    assert "more than the 64 allowed" in refused(f"{PLAIN}timeAuthorities:\n{clocks}").message


def test_a_window_in_which_nothing_can_happen_is_refused():
    text = PLAIN + f"    validUntil: {rfc3339(FROM)}\n"
    assert "`validUntil` is not after `validFrom`" in refused(text).message


# -- the policy's own signature -------------------------------------------------------------------------------


def signature(text=PLAIN, *, name="trust.yaml", signer=SIGNER):
    return signed.sign(text.encode(), name=name, signer=signer, at=NOW)


def unsigned(bundle, *, text=PLAIN, name="trust.yaml", key=SIGNER.public):
    with pytest.raises(UntrustedError) as caught:
        signed.require_signed(text.encode(), bundle, name=name, key=key)
    return caught.value


def test_a_signed_policy_says_when_it_was_signed():
    at = signed.require_signed(PLAIN.encode(), signature(), name="some/where/trust.yaml", key=SIGNER.public)
    assert at == rfc3339(NOW)


def test_a_policy_without_its_signature_is_untrusted():
    assert "there is no `trust.yaml.sigstore.json` beside it" in unsigned(None).message


def test_a_policy_that_was_changed_is_untrusted():
    assert "changed after it was signed" in unsigned(signature(), text=PLAIN + "# more\n").message


def test_a_policy_that_somebody_else_signed_is_untrusted():
    assert "signed by key" in unsigned(signature(signer=OTHER)).message
    assert (
        "does not verify"
        in unsigned(signature(signer=OTHER).replace(OTHER.keyid.encode(), SIGNER.keyid.encode())).message
    )


def test_a_policy_signed_under_another_name_is_untrusted():
    assert "what was signed is called 'lab.yaml'" in unsigned(signature(name="lab.yaml")).message


def test_another_statement_of_the_same_key_does_not_sign_a_policy():
    subject = statement.Subject("trust.yaml", hashlib.sha256(PLAIN.encode()).hexdigest())
    payload = statement.build(statement.SEAL, [subject], {"signedAt": rfc3339(NOW), "policy": "trust.yaml"})
    assert "expected a statement of type" in unsigned(seal.sign(payload, SIGNER)).message


def test_a_statement_about_several_files_is_refused():
    subjects = [statement.Subject(name, hashlib.sha256(PLAIN.encode()).hexdigest()) for name in ("trust.yaml", "b")]
    payload = statement.build(signed.TRUST_POLICY, subjects, {"signedAt": rfc3339(NOW), "policy": "trust.yaml"})
    assert "speaks of several files" in unsigned(seal.sign(payload, SIGNER)).message


def test_a_time_that_is_none_is_refused():
    subject = statement.Subject("trust.yaml", hashlib.sha256(PLAIN.encode()).hexdigest())
    payload = statement.build(signed.TRUST_POLICY, [subject], {"signedAt": "today", "policy": "trust.yaml"})
    assert "signedAt is not a time" in unsigned(seal.sign(payload, SIGNER)).message


def test_a_certificate_cannot_sign_a_policy():
    bundle = seal.sign(
        statement.build(signed.TRUST_POLICY, [statement.Subject("a", "0" * 64)], {}), SIGNER, certificate=LEAF
    )
    assert "carries a certificate" in unsigned(bundle).message


@pytest.mark.parametrize(
    "bundle",
    [
        b"",
        b"{}\n",
        signature()[:-1],
        signature() + b"\n",
        b" " + signature(),
        json.dumps(json.loads(signature()), indent=1).encode() + b"\n",
        b"x" * (signed.MAX_BUNDLE + 1),
    ],
    ids=["empty", "hollow", "cut", "longer", "space", "indented", "huge"],
)
def test_no_byte_of_a_signature_file_is_idle(bundle):
    assert "is not the policy that key" in unsigned(bundle).message


@pytest.mark.parametrize("place", range(0, 900, 7))
def test_a_flipped_bit_in_a_signature_file_fails(place):
    bundle = bytearray(BUNDLE)
    bundle[place % len(bundle)] ^= 1
    unsigned(bytes(bundle))


BUNDLE = signature()


def test_a_pinned_policy_has_that_digest_or_is_untrusted():
    signed.require_pinned(PLAIN.encode(), trust().sha256, name="t")
    with pytest.raises(UntrustedError, match="is not the pinned policy"):
        signed.require_pinned(PLAIN.encode() + b"#\n", trust().sha256, name="t")


@pytest.mark.parametrize("pinned", ["", "0" * 63, "A" * 64, "sha256:" + "0" * 64, "0" * 64 + "\n"])
def test_a_pin_that_is_no_digest_is_refused(pinned):
    with pytest.raises(UsageError, match="is not a SHA-256"):
        signed.require_pinned(PLAIN.encode(), pinned, name="t")


# -- the page that explains the language ----------------------------------------------------------------------


def test_the_worked_example_in_the_docs_is_a_valid_policy():
    page = Path(__file__).parents[2].joinpath("docs/trust-policy.md").read_text()
    (example,) = re.findall(r"```yaml\n(apiVersion.*?)```", page, re.DOTALL)
    policy = parse_trust(example.encode(), name="docs/trust-policy.md")
    assert len(policy.keys) >= 2
    assert policy.timestamps_required
    assert policy.certificate_authorities[0].crls
    assert quoted("x") == '"x"'


def test_a_key_that_only_joins_in_is_not_an_identity():
    joins = KeySigner(generate("mldsa65"))
    policy = trust(text=PLAIN + key_entry(name="PQ", pem=joins.public_key_pem, roles=("collector",)))
    assert policy.find(joins.keyid) == joins.public
    assert policy.identity(SIGNER.keyid) == SIGNER.public
    assert policy.identity(OTHER.keyid) is None
    with pytest.raises(SignatureError, match="signs only beside another key"):
        policy.identity(joins.keyid)
