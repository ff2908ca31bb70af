"""A person whose key a private authority vouches for; the policy names the authority and nobody else."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from support.casemaker import NOW
from support.people import Cast
from support.private_ca import PrivateCa

from evidence_kit.custody.trust import parse_trust
from evidence_kit.custody.verify.case import Options, verify_bag, verify_case
from evidence_kit.errors import Exit
from evidence_kit.model.time import rfc3339
from evidence_kit.vaults.local import LocalVault

ALICE = "alice@ir.example.com"


def indented(pem):
    return "".join(f"      {line}\n" for line in pem.decode().splitlines())


def policy(authority, *, identities="*@ir.example.com", more=""):
    """Return a policy that trusts an authority and no key."""
    return parse_trust(
        (
            "apiVersion: evidence-kit/trust.v1\nkind: TrustPolicy\ncertificateAuthorities:\n"
            f"  - name: Example IR CA\n    roles: [collector, custodian]\n    identities: [{identities!r}]\n"
            f"    certificate: |\n{indented(authority.pem)}{more}"
        ).encode(),
        name="trust.yaml",
    )


@pytest.fixture(scope="module")
def authority():
    return PrivateCa.root()


@pytest.fixture(scope="module")
def certified(tmp_path_factory, authority):
    """Alice's case; her certificate lies beside her key."""
    cast = Cast(tmp_path_factory.mktemp("certified"))
    alice = cast.add(ALICE)
    key = alice.ring.open(ALICE)[1]._key
    leaf = authority.leaf(key, (ALICE,), start=NOW - timedelta(days=30), end=NOW + timedelta(days=30))
    alice.ring.add_certificate(ALICE, x509.load_der_x509_certificate(leaf).public_bytes(Encoding.PEM))
    return cast.open(ALICE)


def verdict(person, trust):
    return verify_case(person.vault, name="case", trust=trust, options=Options(each_signature=True))


def test_a_case_by_a_certified_key_verifies_under_the_authority_alone(certified, authority):
    report = verdict(certified, policy(authority))
    assert report.exit(require_complete=True) is Exit.OK
    assert f"sealed by {ALICE} (collector)" in next(c.summary for c in report.checks if c.id == "seal")


def test_another_authority_vouches_for_nobody_here(certified):
    assert verdict(certified, policy(PrivateCa.root("stranger"))).exit() is Exit.UNTRUSTED


def test_an_authority_may_name_only_whom_the_policy_lets_it(certified, authority):
    assert verdict(certified, policy(authority, identities="*@other.example.com")).exit() is Exit.UNTRUSTED


def test_an_authority_counts_only_in_its_own_window(certified, authority):
    over = f"    validUntil: {rfc3339(NOW - timedelta(days=1))}\n"
    assert verdict(certified, policy(authority, more=over)).exit() is Exit.UNTRUSTED


def test_the_bag_alone_verifies_by_the_certificate_in_its_seal(certified, authority):
    (bag,) = (certified.case / "bags").iterdir()
    report = verify_bag(LocalVault(bag.parent), name=bag.name, trust=policy(authority), options=Options())
    assert report.exit() is Exit.OK
