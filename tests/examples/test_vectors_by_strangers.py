"""The programs that share no code with this one judge the vectors alike, each as far as it goes."""

import base64
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from support import node
from support.strangers import EXAMPLES
from support.vector_format import Vector, load_all

from evidence_kit.custody.trust import parse_trust

GOPATH = Path("/usr/share/gocode")  # where Debian's golang-golang-x-mod-dev lies
SHELL = ("bash", "openssl", "jq", "sha256sum", "basenc", "split", "truncate", "awk", "sed", "find")
VALID, INVALID = load_all("valid"), load_all("invalid")
ALL = {vector.name: vector for vector in (*VALID, *INVALID)}

# What check.sh does not ask, and why; it sees every other change of a case.
NOT_ASKED = {
    "roles, times and revocations are the trust policy's": """
        compromised-before-the-stamp compromised-without-a-time-stamp signed-after-the-key-counted
        signed-before-the-key-counts signed-later-than-its-time-stamp signer-in-another-role superseded
        unknown-event-by-a-collector""",
    "so are numbers of people and of authorities": """
        countersigned-by-the-same-person countersigned-by-too-few required-time-stamp-missing
        token-missing-for-the-quorum too-few-approved""",
    "certificates are not for OpenSSL's `dgst`: there is no key to give": """
        certified-and-revoked certified-by-another-authority certified-for-another-identity""",
    "it says so itself: completeness, holds, rotations, renewals, CloudTrail": """
        incomplete offer-not-answered held-twice released-without-a-hold disposed-under-a-hold
        rotated-with-a-false-proof renewal-that-no-event-names cloudtrail-contradicted""",
    "it leaves these spellings alone": """
        acquisition-named-outside event-dated-nonsense ledger-of-another-acquisition seal-dated-nonsense""",
    "a bag without a seal fails it anyway, whatever else is wrong": """
        unsealed-artifact-flipped unsealed-ledger-swapped""",
}
# It judges sealed bags that are there: these are open, or gone with leave.
NOT_SEALED = """
    extends-a-remembered-checkpoint log log-accepted log-held log-on-offer unknown-event
    unsealed-after-a-crash unsealed-and-torn withdrawn"""
# What verify.go must see: the log, its checkpoints, hand-overs, who signed, the trees in the bags.
SEEN_IN_GO = """
    accepted-and-the-old-pen-kept accepted-another-offer accepted-by-another accepted-in-the-name-of-another
    accepted-twice accepted-with-a-key-for-another-log accepted-without-an-offer added-to-checkpoints
    attestations-swapped case-opened-twice checkpoint-by-another-key checkpoint-of-another-origin
    checkpoint-of-another-root checkpoint-of-another-size collected-while-on-offer
    cosignature-by-nobody-announced cosignature-moved-in-time event-by-a-stranger event-by-an-ml-dsa-key
    event-in-anothers-name event-of-another-case event-out-of-place event-over-another-history event-removed
    event-repeated event-with-a-critical-field event-with-another-actor event-with-true-for-a-number
    events-swapped flipped-attestation flipped-checkpoint flipped-log flipped-seal gone-without-disposal
    kept-checkpoint-flipped kept-checkpoint-of-another-history kept-checkpoint-only-cosigned
    kept-checkpoint-under-another-size log-a-link log-forked log-rolled-back log-torn log-truncated
    log-with-a-byte-order-mark no-case offered-by-another offered-to-oneself offered-twice rejected-by-another
    remembered-checkpoint-of-another-log remembered-checkpoint-unreadable removed-checkpoint removed-log
    removed-seal seal-by-a-stranger seal-counts-other-artifacts seal-in-anothers-name seal-of-another-bag
    seal-of-another-tree seal-of-zeros seal-says-another-case signer-unknown withdrawn-by-another
    written-on-by-the-giver"""
# What verify.mjs must see: the seal, who signed beside, and every file of a bag.
SEEN_IN_JAVASCRIPT = """
    added-to-bag added-to-data added-to-record added-to-seal artifact-a-folder artifact-a-link
    artifact-renamed artifacts-swapped attestations-swapped bag-alone-by-a-stranger bag-alone-flipped
    bag-alone-without-its-seal countersignature-flipped countersignature-in-anothers-name
    countersignature-of-another-payload countersignature-renamed evidence-rewritten-by-whoever-holds-no-key
    flipped-acquisition-key flipped-acquisition-record flipped-artifact flipped-attestation flipped-bag-info
    flipped-ledger flipped-manifest flipped-seal flipped-tagmanifest ledger-lines-swapped
    manifest-in-binary-mode manifest-leading-outside manifest-out-of-order manifest-with-a-duplicate
    manifest-with-crlf removed-artifact removed-manifest removed-seal removed-tagmanifest seal-by-a-stranger
    seal-counts-other-artifacts seal-in-anothers-name seal-of-another-bag seal-of-zeros signer-unknown
    token-in-a-strange-name"""
# check.sh starts some hundred processes for one case: of each sort one, the others when there is time.
QUICK = """
    plain noted accepted countersigned time-stamped flipped-artifact flipped-log removed-seal added-to-seal
    artifact-a-link manifest-out-of-order unit-never-ended seal-of-another-bag event-by-a-stranger log-rolled-back
    accepted-by-another kept-checkpoint-flipped token-over-other-data countersignature-missing renewal-altered"""
UNASKED = {name for names in NOT_ASKED.values() for name in names.split()}

needs_shell = pytest.mark.skipif(
    any(shutil.which(name) is None for name in SHELL), reason=f"one of {', '.join(SHELL)} is not installed"
)
needs_go = pytest.mark.skipif(
    shutil.which("go") is None or not (GOPATH / "src/golang.org/x/mod/sumdb/tlog").is_dir(),
    reason="go, or golang-golang-x-mod-dev, is not installed",
)
needs_node = pytest.mark.skipif(
    shutil.which("node") is None or not (EXAMPLES / "node_modules/@sigstore/verify").is_dir(),
    reason="node, or @sigstore/verify, is not installed",
)


def told(command, *, fine=(0, 1)):
    """Return the checks that a program failed."""
    done = node.run(command)
    assert done.returncode in fine, done.stderr
    return {line.split()[1] for line in done.stdout.splitlines() if line.strip().startswith("FAIL ")}


def keys_of(vector: Vector, folder: Path):
    """Write the identity keys that the policy lists, whatever else it says of them."""
    for trusted in parse_trust(vector.trust.encode(), name="trust.yaml").keys.values():
        if trusted.key.is_identity:
            path = folder / f"{trusted.key.keyid[:12]}.pem"
            path.write_bytes(trusted.key.pem)
            yield path


def remembered(vector: Vector, folder: Path):
    """Write the checkpoint that the checker kept."""
    if "lastCheckpoint" not in vector.options:
        return None
    (folder / "last").write_bytes(base64.b64decode(vector.options["lastCheckpoint"]))
    return folder / "last"


def by_shell(vector: Vector, folder: Path):
    root, keys = vector.unpack(folder), list(keys_of(vector, folder))
    policy = parse_trust(vector.trust.encode(), name="trust.yaml")
    roots = [certificate for authority in policy.time_authorities for certificate in authority.certificates]
    options = ["--each"] if vector.options.get("eachSignature") else []
    if roots:
        (folder / "tsa.pem").write_bytes(b"".join(root.public_bytes(Encoding.PEM) for root in roots))
        options += ["--tsa", folder / "tsa.pem"]
    if last := remembered(vector, folder):
        options += ["--last", last]
    return told(["bash", EXAMPLES / "check.sh", *options, root, *keys])


@pytest.fixture(scope="session")
def by_go(tmp_path_factory):
    folder = tmp_path_factory.mktemp("go")
    environment = {"GO111MODULE": "off", "GOPATH": str(GOPATH), "GOCACHE": str(folder / "cache"), "GOFLAGS": ""}
    command = ["go", "build", "-o", folder / "verify", EXAMPLES / "verify.go"]
    subprocess.run(command, env=os.environ | environment, check=True, capture_output=True)

    def ask(vector: Vector, place: Path):
        root = vector.unpack(place)
        keys = [f"-key={path}" for path in keys_of(vector, place)]
        last = remembered(vector, place)
        return told([folder / "verify", *keys, *([f"-last={last}"] if last else []), root])

    return ask


def by_javascript(vector: Vector, folder: Path):
    root = vector.unpack(folder)
    keys = [part for path in keys_of(vector, folder) for part in ("--key", str(path))]
    bags = [root] if vector.kind == "bag" else sorted((root / "bags").iterdir())
    found = [told(["node", EXAMPLES / "verify.mjs", bag, *keys]) for bag in bags]
    return {name for failed in found for name in failed}


def cases(names, *, quick=None):
    """Return the vectors of these names, and which of them wait for a slow run."""
    chosen = [ALL[name] for name in names]
    return [
        pytest.param(v, id=v.name, marks=[pytest.mark.slow] if quick is not None and v.name not in quick else [])
        for v in chosen
    ]


def has_keys(vector: Vector):
    return "certificateAuthorities" not in vector.trust


def new_in(ask, vector: Vector, folder: Path):
    """Return what fails in a vector and does not in its base, which shows that the one change is what is seen."""
    return ask(vector, folder / "changed") - ask(ALL[vector.base], folder / "base")


CASES = [v.name for v in INVALID if v.kind == "case" and v.expect["exit"] != 2]
SOUND = [v.name for v in VALID if v.kind == "case" and has_keys(v)]
QUICK_IN_JAVASCRIPT = ("flipped-artifact", "added-to-seal", "seal-by-a-stranger", "bag-alone-without-its-seal")


@needs_shell
@pytest.mark.parametrize("vector", cases([n for n in SOUND if n not in NOT_SEALED.split()], quick=QUICK.split()))
def test_check_sh_accepts_what_is_sound_and_sealed(vector, tmp_path):
    assert by_shell(vector, tmp_path) == set()


@pytest.mark.slow
@needs_shell
@pytest.mark.parametrize("vector", cases([n for n in CASES if n not in UNASKED], quick=QUICK.split()))
def test_check_sh_sees_all_that_it_asks(vector, tmp_path):
    assert new_in(by_shell, vector, tmp_path)


def test_every_name_in_the_tables_is_a_vector():
    tables = (NOT_SEALED, QUICK, SEEN_IN_GO, SEEN_IN_JAVASCRIPT, *NOT_ASKED.values())
    assert [name for table in tables for name in table.split() if name not in ALL] == []


@needs_go
@pytest.mark.parametrize("vector", cases(SOUND))
def test_go_accepts_what_is_sound(vector, by_go, tmp_path):
    assert by_go(vector, tmp_path) == set()


@needs_go
@pytest.mark.parametrize("vector", cases(SEEN_IN_GO.split()))
def test_go_sees_what_is_wrong_with_a_log(vector, by_go, tmp_path):
    assert new_in(by_go, vector, tmp_path)


@needs_node
@pytest.mark.parametrize("vector", cases(["plain", "countersigned", "time-stamped", "bag-alone", "renewed"]))
def test_javascript_accepts_what_is_sound(vector, tmp_path):
    assert by_javascript(vector, tmp_path) == set()


@needs_node
@pytest.mark.parametrize("vector", cases(SEEN_IN_JAVASCRIPT.split(), quick=QUICK_IN_JAVASCRIPT))
def test_javascript_sees_what_is_wrong_with_a_bag(vector, tmp_path):
    assert new_in(by_javascript, vector, tmp_path)
