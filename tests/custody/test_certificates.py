from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st
from support.private_ca import CODE_SIGNING, DAY, SIGNS, START, PrivateCa, usage

from evidence_kit.custody.keys import PublicKey
from evidence_kit.custody.trust import SigningTime, Trust, identities, parse_trust
from evidence_kit.custody.trust.certificates import MAX_CERTIFICATE, public_key
from evidence_kit.custody.trust.writing import certificate_authority_entry
from evidence_kit.errors import EvidenceKitError, SignatureError, UntrustedError
from evidence_kit.model.time import rfc3339

ROOT = PrivateCa.root()
KEY = ec.generate_private_key(ec.SECP256R1())
AT = START + 50 * DAY
SECOND = timedelta(seconds=1)
HEAD = "apiVersion: evidence-kit/trust.v1\nkind: TrustPolicy\n"
LOST = x509.ReasonFlags.key_compromise


def keyid(key=KEY):
    return PublicKey.of(key.public_key()).keyid


def entry(*, name="IR CA", pem=ROOT.pem, crl=None, identity=("*@ir.example.com",), roles=("collector",), more=""):
    made = certificate_authority_entry(name=name, pem=pem, roles=roles, identities=identity, crl=crl)
    return made + "".join(f"    {line}\n" for line in more.splitlines())


def policy(*entries, head="", **fields):
    text = f"{HEAD}{head}certificateAuthorities:\n{''.join(entries) or entry(**fields)}"
    return parse_trust(text.encode(), name="trust.yaml")


def judge(trust, leaf, *, at=AT, proven=None, key=KEY, roles=("collector",)):
    return trust.require(keyid(key), roles, SigningTime(at, proven), certificate=leaf)


def refused(trust, leaf, **how):
    with pytest.raises(UntrustedError) as caught:
        judge(trust, leaf, **how)
    return caught.value


@pytest.mark.parametrize("key", [KEY, ed25519.Ed25519PrivateKey.generate()], ids=["p256", "ed25519"])
def test_a_person_with_a_certificate_of_a_trusted_authority_is_trusted(key):
    leaf = ROOT.leaf(key)
    trusted = judge(policy(), leaf, key=key)
    assert (trusted.name, trusted.roles, trusted.key.keyid) == ("alice@ir.example.com", {"collector"}, keyid(key))
    assert (trusted.valid_from, trusted.valid_until) == (START, START + 365 * DAY + SECOND)
    assert policy().find(keyid(key), leaf) == trusted.key


@pytest.mark.parametrize("kind", [ec.SECP384R1(), None], ids=["p384", "rsa"])
def test_the_authority_itself_may_have_a_stronger_key(kind):
    key = ec.generate_private_key(kind) if kind else rsa.generate_private_key(65537, 2048)
    root = PrivateCa.root(key=key)
    assert judge(policy(pem=root.pem), root.leaf(KEY))


def test_without_a_certificate_a_stranger_stays_one():
    assert "is not in the trust policy" in refused(policy(), None).message


def test_an_authority_gives_no_other_role():
    assert "not trusted as approver" in refused(policy(), ROOT.leaf(KEY), roles=("approver",)).message


def test_a_certificate_of_another_authority_vouches_for_nobody():
    assert "has no chain to its roots" in refused(policy(), PrivateCa.root().leaf(KEY)).message


def test_an_authority_of_the_same_name_is_another_one():
    assert PrivateCa.root().certificate.subject == ROOT.certificate.subject
    assert refused(policy(), PrivateCa.root().leaf(KEY))


def test_a_flipped_bit_in_a_certificate_is_noticed():
    leaf = bytearray(ROOT.leaf(KEY))
    leaf[leaf.index(b"alice@")] ^= 1
    assert refused(policy(identity=("*@ir.example.com",)), bytes(leaf))


@pytest.mark.parametrize(
    ("at", "good"),
    [
        (START, True),
        (START - SECOND, False),
        (START + 365 * DAY, True),
        (START + 365 * DAY + SECOND, False),
    ],
)
def test_a_certificate_counts_while_it_is_valid_whatever_the_date_is_today(at, good):
    leaf = ROOT.leaf(KEY)
    if good:
        assert judge(policy(), leaf, at=at)
    else:
        assert "valid from 2026-01-01T00:00:00Z" in refused(policy(), leaf, at=at).message


def test_a_certificate_long_expired_still_counts_for_what_was_signed_then():
    root = PrivateCa.root(start=START - 9000 * DAY, end=START - 7000 * DAY)
    leaf = root.leaf(KEY, start=START - 8900 * DAY, end=START - 8800 * DAY)
    assert judge(policy(pem=root.pem), leaf, at=START - 8850 * DAY)


def test_a_root_that_had_expired_vouches_for_nothing():
    root = PrivateCa.root(end=START + 10 * DAY)
    assert refused(policy(pem=root.pem), root.leaf(KEY), at=AT)


def test_a_time_stamp_after_expiry_proves_nothing_where_stamps_are_required():
    tsa = PrivateCa.root("tsa")
    indented = "".join(f"      {line}\n" for line in tsa.pem.decode().splitlines())
    head = f"timestamps: {{required: true}}\ntimeAuthorities:\n  - name: t\n    certificate: |\n{indented}"
    leaf = ROOT.leaf(KEY)
    assert judge(policy(head=head), leaf, proven=AT + SECOND)
    assert "no time-stamp is older" in refused(policy(head=head), leaf, proven=START + 400 * DAY).message
    assert refused(policy(head=head), leaf)


def test_a_claim_later_than_its_time_stamp_is_refused():
    assert "time-stamps show" in refused(policy(), ROOT.leaf(KEY), proven=AT - DAY).message


def test_the_authority_counts_only_while_the_policy_trusts_it():
    until = policy(more=f"validUntil: {rfc3339(AT)}")
    assert judge(until, ROOT.leaf(KEY), at=AT - SECOND)
    assert "was trusted until" in refused(until, ROOT.leaf(KEY), at=AT).message
    assert "is trusted from" in refused(policy(more=f"validFrom: {rfc3339(AT + DAY)}"), ROOT.leaf(KEY)).message


@pytest.mark.parametrize("san", ["alice@evil.example.com", "alice@ir.example.com.evil.org", "a@b@ir.example.com"])
def test_a_person_whom_the_policy_does_not_let_it_name_is_refused(san):
    assert refused(policy(), ROOT.leaf(KEY, names=[x509.RFC822Name._init_without_validation(san)]))


def test_an_address_is_compared_in_lower_case():
    assert judge(policy(), ROOT.leaf(KEY, ("Alice@IR.example.com",))).name == "alice@ir.example.com"


@pytest.mark.parametrize(
    "names",
    [
        [],
        [x509.DNSName("ir.example.com")],
        [x509.RFC822Name("alice@ir.example.com"), x509.RFC822Name("bob@ir.example.com")],
        [x509.RFC822Name._init_without_validation("alice\x00@ir.example.com")],
        [x509.RFC822Name._init_without_validation("alice @ir.example.com")],
        [x509.RFC822Name._init_without_validation("@ir.example.com")],
    ],
    ids=["none", "a host", "two", "NUL", "space", "nobody"],
)
def test_a_certificate_names_exactly_one_address(names):
    assert refused(policy(), ROOT.leaf(KEY, names=names))


def test_an_authoritys_own_certificate_does_not_sign_evidence():
    assert "CA:TRUE" in refused(policy(), ROOT.leaf(KEY, ca=True)).message


def test_a_person_cannot_issue_certificates():
    alice = PrivateCa(x509.load_der_x509_certificate(ROOT.leaf(KEY)), KEY)
    mallory = ec.generate_private_key(ec.SECP256R1())
    pem = ROOT.pem + alice.certificate.public_bytes(Encoding.PEM)
    with pytest.raises(EvidenceKitError, match="CA:TRUE"):
        policy(pem=pem)
    assert refused(policy(), alice.leaf(mallory), key=mallory)


@pytest.mark.parametrize(
    "more",
    [
        (SIGNS, x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])),
        (usage("key_encipherment"),),
    ],
    ids=["a web server's", "for encryption"],
)
def test_a_certificate_for_something_else_is_refused(more):
    assert "not meant for signatures" in refused(policy(), ROOT.leaf(KEY, more=more)).message


@pytest.mark.parametrize("more", [(), (SIGNS,), (CODE_SIGNING,)])
def test_a_certificate_without_restrictions_of_use_is_accepted(more):
    assert judge(policy(), ROOT.leaf(KEY, more=more))


@pytest.mark.parametrize(
    "more",
    [((x509.BasicConstraints(ca=False, path_length=None), True),), ((usage("digital_signature"), True),)],
    ids=["no CA", "may not sign certificates"],
)
def test_a_chain_through_what_is_no_authority_is_refused_even_if_the_policy_was_not_read_from_a_file(more):
    issuing = ROOT.below(more=more)
    made = replace(policy().certificate_authorities[0], certificates=(ROOT.certificate, issuing.certificate))
    assert (
        "has no chain to its roots"
        in refused(Trust(keys={}, certificate_authorities=(made,)), issuing.leaf(KEY)).message
    )


def test_an_unknown_critical_extension_is_refused():
    issuing = ROOT.below(more=((x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True),))
    assert refused(policy(pem=ROOT.pem + issuing.pem), issuing.leaf(KEY))


def test_an_intermediate_in_the_policy_completes_the_chain():
    issuing = ROOT.below()
    assert judge(policy(pem=ROOT.pem + issuing.pem), issuing.leaf(KEY)).valid_from == START
    assert refused(policy(), issuing.leaf(KEY))


def test_an_intermediate_that_had_expired_breaks_the_chain():
    issuing = ROOT.below(end=START + 10 * DAY)
    assert refused(policy(pem=ROOT.pem + issuing.pem), issuing.leaf(KEY))


def test_the_length_of_a_path_is_limited_by_its_authority():
    first = ROOT.below("first", more=((x509.BasicConstraints(ca=True, path_length=0), True),))
    second = first.below("second")
    trust = policy(pem=ROOT.pem + first.pem + second.pem)
    assert judge(trust, first.leaf(KEY))
    assert refused(trust, second.leaf(KEY))


@pytest.mark.parametrize(("domain", "good"), [("ir.example.com", True), ("other.example.com", False)])
def test_name_constraints_of_an_authority_are_kept(domain, good):
    limits = x509.NameConstraints([x509.RFC822Name(domain)], None)
    issuing = ROOT.below(more=((limits, True),))
    trust = policy(pem=ROOT.pem + issuing.pem)
    if good:
        assert judge(trust, issuing.leaf(KEY))
    else:
        assert refused(trust, issuing.leaf(KEY))


def test_a_certificate_for_another_key_is_refused():
    other = ec.generate_private_key(ec.SECP256R1())
    trust, leaf = policy(), ROOT.leaf(other)
    assert trust.find(keyid(), leaf) is None
    assert f"is for key {keyid(other)[:12]}" in refused(trust, leaf).message


@pytest.mark.parametrize(
    "key",
    [
        rsa.generate_private_key(65537, 2048),
        ec.generate_private_key(ec.SECP384R1()),
        mldsa.MLDSA65PrivateKey.generate(),
    ],
    ids=["rsa", "p384", "mldsa65"],
)
def test_a_person_needs_a_key_of_an_accepted_kind(key):
    with pytest.raises(SignatureError, match="P-256"):
        public_key(ROOT.leaf(key))


@pytest.mark.parametrize(
    "der",
    [b"", b"\x30\x82", b"x" * 100, b"\x00" * (MAX_CERTIFICATE + 1), ROOT.pem, ROOT.leaf(KEY) + b"\x00"],
    ids=["empty", "cut", "noise", "huge", "PEM", "trailing"],
)
def test_what_is_no_certificate_is_refused_cleanly(der):
    with pytest.raises(SignatureError):
        policy().find(keyid(), der)
    with pytest.raises(SignatureError):
        judge(policy(), der)


LEAF = next(leaf for leaf in iter(lambda: ROOT.leaf(KEY), None) if not leaf[-1] & 1)


def test_not_even_the_count_of_unused_bits_in_a_certificate_may_change():
    place = len(LEAF) - len(x509.load_der_x509_certificate(LEAF).signature) - 1
    changed = LEAF[:place] + b"\x01" + LEAF[place + 1 :]
    with pytest.raises(SignatureError, match="not in DER"):
        judge(policy(), changed)


@given(st.integers(0, len(LEAF) - 1), st.integers(1, 255))
def test_no_changed_byte_of_a_certificate_goes_unnoticed(place, change):
    changed = bytearray(LEAF)
    changed[place] ^= change
    with pytest.raises(EvidenceKitError):
        judge(policy(), bytes(changed))


# -- several entries ------------------------------------------------------------------------------------------


def test_the_first_authority_that_may_name_somebody_decides():
    narrow = entry(name="lead", identity=("alice@ir.example.com",), roles=("approver",))
    trust = policy(narrow, entry(name="all"))
    assert judge(trust, ROOT.leaf(KEY), roles=("approver",))
    bob = ROOT.leaf(KEY, ("bob@ir.example.com",))
    assert judge(trust, bob).roles == {"collector"}


def test_the_refusal_of_the_authority_that_issued_it_is_told():
    strangers = entry(name="strangers", pem=PrivateCa.root("other").pem)
    error = refused(
        policy(strangers, entry(identity=("*@else.example.com",)), strangers.replace("strangers", "z")), LEAF
    )
    assert "`IR CA` issued a certificate to alice@ir.example.com" in error.message


def test_a_list_counts_whichever_entry_carries_it():
    crl = ROOT.crl((LEAF, AT, LOST))
    trust = policy(entry(name="a", identity=("bob@ir.example.com",), crl=crl), entry(name="b"))
    assert "revoked as compromised" in refused(trust, LEAF).message


# -- revocation -----------------------------------------------------------------------------------------------


def test_a_certificate_that_no_list_names_is_good():
    other = ROOT.leaf(KEY)
    assert judge(policy(crl=ROOT.crl((other, AT, LOST))), LEAF)


@pytest.mark.parametrize(
    "reason",
    [
        x509.ReasonFlags.superseded,
        x509.ReasonFlags.cessation_of_operation,
        x509.ReasonFlags.affiliation_changed,
        x509.ReasonFlags.certificate_hold,
        x509.ReasonFlags.privilege_withdrawn,
    ],
)
def test_an_orderly_revocation_keeps_what_was_signed_before(reason):
    trust = policy(crl=ROOT.crl((LEAF, AT, reason)))
    assert judge(trust, LEAF, at=AT - SECOND)
    assert "was superseded" in refused(trust, LEAF, at=AT).message


@pytest.mark.parametrize("reason", [LOST, x509.ReasonFlags.ca_compromise, x509.ReasonFlags.unspecified, None])
def test_a_lost_key_or_no_reason_voids_what_no_time_stamp_proves_older(reason):
    trust = policy(crl=ROOT.crl((LEAF, AT, reason)))
    before = AT - DAY
    assert "compromised" in refused(trust, LEAF, at=before).message
    assert "compromised" in refused(trust, LEAF, at=before, proven=AT).message
    assert judge(trust, LEAF, at=before, proven=AT - SECOND)


def test_the_time_from_which_a_key_is_thought_lost_counts():
    trust = policy(crl=ROOT.crl((LEAF, AT, LOST, AT - 10 * DAY)))
    assert refused(trust, LEAF, at=AT - 5 * DAY, proven=AT - 5 * DAY)
    assert judge(trust, LEAF, at=AT - 11 * DAY, proven=AT - 11 * DAY)


def test_a_revoked_intermediate_voids_the_chain():
    issuing = ROOT.below()
    leaf = issuing.leaf(KEY)
    der = issuing.certificate.public_bytes(Encoding.DER)
    lists = ROOT.crl((der, AT, LOST)) + issuing.crl()
    assert "compromised" in refused(policy(pem=ROOT.pem + issuing.pem, crl=lists), leaf).message


def test_of_two_revocations_the_worst_reason_and_the_earliest_time_count():
    lists = ROOT.crl((LEAF, AT, x509.ReasonFlags.superseded)) + ROOT.crl((LEAF, AT + DAY, LOST))
    trust = policy(crl=lists)
    assert "compromised" in refused(trust, LEAF, at=AT - DAY).message
    assert judge(trust, LEAF, at=AT - DAY, proven=AT - SECOND)
    assert refused(trust, LEAF, at=AT - DAY, proven=AT + SECOND)


ISSUED, NEXT = START + 100 * DAY, START + 130 * DAY


@pytest.mark.parametrize(("at", "good"), [(START, True), (ISSUED, True), (NEXT - SECOND, True), (NEXT, False)])
def test_a_list_tells_of_the_time_until_the_next_one_was_due(at, good):
    trust = policy(crl=ROOT.crl(issued=ISSUED, following=NEXT))
    if good:
        assert judge(trust, LEAF, at=at)
    else:
        error = refused(trust, LEAF, at=at)
        assert "no revocation list in the policy tells about this certificate" in error.message
        assert "newest of them was issued 2026-04-11" in error.message
        assert "add to `crl`" in error.hint


def test_a_list_from_after_expiry_may_have_dropped_the_certificate():
    late = ROOT.crl(issued=START + 400 * DAY, following=START + 430 * DAY)
    assert "no revocation list" in refused(policy(crl=late), LEAF).message
    assert judge(policy(crl=late + ROOT.crl()), LEAF)


def test_a_list_that_keeps_the_expired_tells_of_them_later():
    keeps = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.60"), b"\x18\x0f20200101000000Z")
    late = ROOT.crl(issued=START + 400 * DAY, following=START + 430 * DAY, more=((keeps, False),))
    assert judge(policy(crl=late), LEAF)


def test_a_list_of_the_root_alone_does_not_tell_about_people():
    issuing = ROOT.below()
    trust = policy(pem=ROOT.pem + issuing.pem, crl=ROOT.crl())
    assert "there is none of its issuer" in refused(trust, issuing.leaf(KEY)).message


# -- whom an authority may name -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "address", "good"),
    [
        ("a@x.org", "a@x.org", True),
        ("a@x.org", "aa@x.org", False),
        ("*@x.org", "a.b+c@x.org", True),
        ("*@x.org", "a@y.x.org", False),
        ("*@x.org", "a@xxorg", False),
        ("*@*.x.org", "a@y.z.x.org", True),
        ("a?@x.org", "ab@x.org", True),
        ("a?@x.org", "a@x.org", False),
        ("?*x.org@y.org", "a@x.org@y.org", False),
    ],
)
def test_a_pattern_stands_for_addresses_and_never_for_the_at_sign(pattern, address, good):
    assert identities.fault(pattern) is None
    assert identities.matches(pattern, address) is good


@pytest.mark.parametrize(
    "pattern", ["", "*", "*@*", "*@?", "*@*.*", "a", "A@x.org", "a@b@c", "[a]@x.org", "a b@x.org", "a*a*a*a@x.org"]
)
def test_a_pattern_for_anybody_or_nobody_is_faulty(pattern):
    assert identities.fault(pattern)


def test_a_long_address_is_matched_in_bounded_time():
    address = "a" * 200 + "@" + "b" * 50
    assert not identities.matches("*a*c@*b*c", address)
