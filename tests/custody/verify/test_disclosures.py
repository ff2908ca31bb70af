"""Whatever is changed in a disclosure package, by whomever, its receiver sees."""

import hashlib
import json
import os
from dataclasses import replace

import pytest
from support.casemaker import make_case, trust_text
from support.disclosed import PAGES, copy_of, disclosure_of, edit_lines, make_disclosure
from support.tampering import flip, overwrite, swap_lines

from evidence_kit.custody import seal, strict
from evidence_kit.custody.trust import parse_trust
from evidence_kit.errors import Exit
from evidence_kit.model.check import CheckStatus
from evidence_kit.signers.file import KeySigner, generate


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """Three redacted pages and a whole object; not to be changed."""
    return make_disclosure(tmp_path_factory.mktemp("sound"))


@pytest.fixture
def made(sound, tmp_path):
    """A package to be tampered with."""
    return copy_of(sound, tmp_path)


def statuses(report):
    return {check.id: check.status for check in report.checks}


def test_a_sound_package_passes_and_says_what_was_not_checked(sound):
    report = sound.verify()

    assert report.exit() is Exit.OK
    found = statuses(report)
    assert all(
        found[name] is CheckStatus.PASS for name in ("disclosure", "manifest", "files", "seal", "attestations")
    )
    assert found["log"] is CheckStatus.NOT_CHECKED
    assert any("3 redacted copies" in text and "--against" in text for text in report.unasked)


def test_held_against_its_case_every_copy_is_made_anew(sound):
    report = sound.verify(against=sound.case)

    assert report.exit() is Exit.OK
    assert not any("--against" in text for text in report.unasked)


def test_a_package_of_several_bags_passes(tmp_path):
    made = make_disclosure(tmp_path, acquisitions=3)

    assert made.verify(against=made.case).exit() is Exit.OK


# -- changes by whoever holds no key ---------------------------------------------------------------------------------

FILES = [
    "disclosure.json",
    "manifest-sha256.txt",
    "redactions.jsonl",
    "README.txt",
    "check.sh",
    "attestations/BAG.jsonl",
    "proofs/BAG.jsonl",
    "seals/BAG/seal/seal.sigstore.json",
    "seals/BAG/seal/acquisition.pub",
    "artifacts/**/*",
    "redacted/**/*",
]


@pytest.mark.parametrize("glob", FILES)
def test_a_flipped_byte_anywhere_is_seen(made, glob):
    path = made.one(glob)

    for position in range(0, path.stat().st_size, max(1, path.stat().st_size // 12)):
        path.chmod(0o644)
        flip(path, position)
        assert made.verify().exit() not in {Exit.OK, Exit.INTERNAL}, position
        flip(path, position)
    assert made.verify().exit() is Exit.OK


@pytest.mark.parametrize("glob", FILES)
def test_a_file_that_is_gone_is_seen(made, glob):
    made.one(glob).unlink()

    assert made.verify().exit() not in {Exit.OK, Exit.INTERNAL}


@pytest.mark.parametrize("glob", FILES)
def test_a_link_in_place_of_a_file_is_seen(made, glob, tmp_path):
    path = made.one(glob)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")

    assert made.verify().exit() not in {Exit.OK, Exit.INTERNAL}


@pytest.mark.parametrize("name", ["extra", "artifacts/extra", "seals/BAG/seal/extra", "weird\nname"])
def test_a_file_that_is_listed_nowhere_is_seen(made, name):
    made.path(name).write_bytes(b"planted")

    assert made.verify().exit() is Exit.UNEXPECTED


def test_a_pipe_is_seen_and_not_read(made):
    os.mkfifo(made.path("pipe"))

    assert made.verify().exit() is Exit.UNEXPECTED


def test_another_persons_signature_is_not_the_disclosers(made):
    made.sign(signer=KeySigner(generate("ed25519")))

    assert made.verify().exit() is Exit.UNTRUSTED


def test_a_discloser_needs_the_role(sound):
    policy = parse_trust(trust_text(sound.case.signer, roles=("approver",)), name="trust.yaml")
    report = sound.verify(trust=policy)

    assert report.exit() is Exit.UNTRUSTED
    assert any(defect.subject.endswith("disclosure.json") for defect in report.defects)


def test_time_stamps_that_the_policy_requires_and_the_seal_lacks_are_missed(sound):
    assert sound.verify(trust=replace(sound.trust, timestamps_required=True)).exit() is Exit.UNTRUSTED


# -- changes by a discloser who signs them ---------------------------------------------------------------------------


def test_signing_anew_alone_changes_nothing(made):
    made.sign()

    assert made.verify(against=made.case).exit() is Exit.OK


def test_an_artifact_that_was_changed_is_not_what_was_attested(made):
    path = made.one("artifacts/**/*")
    overwrite(path, path.read_bytes() + b".")
    made.sign()

    assert made.verify().exit() is Exit.DIGEST


@pytest.mark.parametrize(
    "name",
    [
        "artifacts/BAG/data/extra",
        "redacted/BAG/data/extra.redacted",
        "notes.txt",
        "artifacts/other/data/extra",
        "attestations/other.jsonl",
        "seals/BAG/extra",
        "seals/other/seal/seal.sigstore.json",
    ],
)
def test_what_no_attestation_is_about_is_unexpected(made, name):
    path = made.path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"planted")
    made.sign()

    assert made.verify().exit() is Exit.UNEXPECTED


def test_an_attestation_without_its_artifact_is_seen(made):
    made.one("artifacts/**/*").unlink()
    made.sign()

    assert made.verify().exit() is Exit.MISSING


def test_a_copy_that_hides_more_than_it_lists_is_seen_against_the_case(made):
    copy = made.one("redacted/**/*")
    body = copy.read_bytes()
    overwrite(copy, body[:-3] + b"x" + body[-2:])

    def relist(lines):
        lines[0]["redacted"]["sha256"] = hashlib.sha256(copy.read_bytes()).hexdigest()
        return lines

    edit_lines(made.path("redactions.jsonl"), relist)
    made.sign()

    assert made.verify().exit() is Exit.OK
    assert made.verify(against=made.case).exit() is Exit.DIGEST


def test_a_copy_without_its_marker_is_seen_without_the_case(made):
    def shift(lines):
        lines[0]["spans"][0]["start"] += 1
        return lines

    edit_lines(made.path("redactions.jsonl"), shift)
    made.sign()

    assert made.verify().exit() is Exit.DIGEST


def other_original(lines):
    lines[0]["original"]["sha256"] = "0" * 64
    return lines


REDACTIONS = {
    "an entry removed": lambda lines: lines[1:],
    "an entry added": lambda lines: [*lines, lines[-1]],
    "two entries swapped": lambda lines: [lines[1], lines[0], *lines[2:]],
    "another original": other_original,
    "all entries removed": lambda _: [],
}


@pytest.mark.parametrize("change", REDACTIONS.values(), ids=REDACTIONS)
def test_redactions_must_be_those_of_the_copies(made, change):
    edit_lines(made.path("redactions.jsonl"), change)
    made.sign()

    assert made.verify().exit() not in {Exit.OK, Exit.INTERNAL}


SAID = {
    "a copy less": lambda said: said.update(redacted=2),
    "an artifact more": lambda said: (said["bags"][0].update(artifacts=5), said.update(artifacts=5)),
    "another tree": lambda said: said["bags"][0].update(artifactsRoot="0" * 64),
    "another size": lambda said: said["bags"][0].update(size=4),
    "another seal": lambda said: said["bags"][0].update(sealSha256="0" * 64),
    "another case": lambda said: said.update(case="IR-0"),
    "no rules": lambda said: said.update(rulesSha256=None),
    "another discloser": lambda said: said["by"].update(keyid="0" * 64),
    "no bag": lambda said: (said.update(bags=[]), said.update(artifacts=0)),
    "a bag elsewhere": lambda said: said["bags"][0].update(acquisition=".."),
    "a bag of another name": lambda said: said["bags"][0].update(acquisition="other"),
    "wrong types": lambda said: said.update(bags=[[]]),
    "huge counts": lambda said: (said["bags"][0].update(artifacts=10**30), said.update(artifacts=10**30)),
}


@pytest.mark.parametrize("edit", SAID.values(), ids=SAID)
def test_what_is_signed_must_fit_what_is_there(made, edit):
    made.sign(edit)

    assert made.verify().exit() not in {Exit.OK, Exit.INTERNAL}


def set_in(number, **fields):
    def change(lines):
        lines[number] |= fields
        return lines

    return change


PROOFS = {
    "a path that leads out": set_in(0, path="../../etc/passwd"),
    "an absolute path": set_in(0, path="/etc/passwd"),
    "another artifact": set_in(0, path="data/other"),
    "another size": set_in(0, size=5),
    "another index": set_in(0, index=1),
    "a negative index": set_in(0, index=-1),
    "a huge index": set_in(0, index=10**40),
    "no hashes": set_in(0, proof=[]),
    "too many hashes": set_in(0, proof=["A" * 43 + "="] * 64),
    "not base64": set_in(0, proof=["*"]),
    "a hash too short": set_in(0, proof=["YQ=="]),
    "wrong types": set_in(0, index="0", proof=None),
    "a line less": lambda lines: lines[:-1],
    "a line more": lambda lines: [*lines, lines[-1]],
    "lines swapped": lambda lines: [lines[1], lines[0], *lines[2:]],
    "none": lambda _: [],
}


@pytest.mark.parametrize("change", PROOFS.values(), ids=PROOFS)
def test_every_proof_must_prove_its_attestation(made, change):
    edit_lines(made.path("proofs/BAG.jsonl"), change)
    made.sign()

    assert made.verify().exit() not in {Exit.OK, Exit.INTERNAL}


def test_attestations_and_proofs_doubled_together_are_seen(made):
    for name in ("attestations", "proofs"):
        edit_lines(made.path(f"{name}/BAG.jsonl"), lambda lines: [*lines, lines[-1]])
    made.sign(lambda said: (said["bags"][0].update(artifacts=5), said.update(artifacts=5)))

    assert made.verify().exit() is Exit.CHAIN


def test_attestations_out_of_order_are_seen(made):
    for name in ("attestations", "proofs"):
        swap_lines(made.path(f"{name}/BAG.jsonl"), 0, 1)
    made.sign()

    assert made.verify().exit() is Exit.CHAIN


@pytest.mark.parametrize(
    "name", ["proofs/BAG.jsonl", "attestations/BAG.jsonl", "redactions.jsonl", "disclosure.json"]
)
def test_a_line_of_200_megabytes_is_not_held(made, name):
    path = made.path(name)
    path.chmod(0o644)
    with path.open("wb") as out:
        out.truncate(200 << 20)

    assert made.verify().exit() not in {Exit.OK, Exit.INTERNAL}


@pytest.mark.parametrize("name", ["proofs/BAG.jsonl", "attestations/BAG.jsonl", "redactions.jsonl"])
def test_a_torn_line_is_seen(made, name):
    path = made.path(name)
    overwrite(path, path.read_bytes()[:-1])
    made.sign()

    assert made.verify().exit() not in {Exit.OK, Exit.INTERNAL}


def test_a_seal_by_somebody_else_proves_nothing(made):
    path = made.path("seals/BAG/seal/seal.sigstore.json")
    forged = seal.sign(seal.parse(path.read_bytes()).payload, KeySigner(generate("p256")))
    overwrite(path, forged)
    made.sign(lambda said: said["bags"][0].update(sealSha256=hashlib.sha256(forged).hexdigest()))

    assert made.verify().exit() is Exit.UNTRUSTED


def test_a_seal_whose_root_is_no_hash_is_a_defect_and_no_crash(made):
    path = made.path("seals/BAG/seal/seal.sigstore.json")
    said, sealed = seal.read(seal.parse(path.read_bytes()).payload)
    forged = seal.make(said.subjects, replace(sealed, artifacts_root="zz"), made.case.signer)
    overwrite(path, forged)
    digest = hashlib.sha256(forged).hexdigest()
    made.sign(lambda it: it["bags"][0].update(sealSha256=digest, artifactsRoot="zz"))

    assert made.verify().exit() is Exit.SIGNATURE


def test_another_bags_seal_is_seen(made, tmp_path):
    other = make_case(tmp_path / "other")
    for name in ("seal.sigstore.json", "acquisition.pub"):
        overwrite(made.path(f"seals/BAG/seal/{name}"), other.path(f"seal/{name}").read_bytes())
    made.sign()

    assert made.verify().exit() not in {Exit.OK, Exit.INTERNAL}


def test_a_stamped_seal_must_be_the_seal(made):
    bundle = json.loads(made.path("seals/BAG/seal/seal.sigstore.json").read_bytes())
    stamped = made.path("seals/BAG/seal.stamped.sigstore.json")
    bundle["verificationMaterial"]["timestampVerificationData"] = {"rfc3161Timestamps": [{"signedTimestamp": "YQ=="}]}
    stamped.write_bytes(strict.encode(bundle) + b"\n")
    made.sign()
    assert made.verify().exit() is Exit.OK

    bundle["dsseEnvelope"]["signatures"][0]["sig"] = "YQ=="
    overwrite(stamped, strict.encode(bundle) + b"\n")
    made.sign()
    assert made.verify().exit() is Exit.SIGNATURE


def test_an_empty_package_never_passes(made):
    for path in sorted(made.root.rglob("*"), reverse=True):
        if path.is_dir():
            path.rmdir()
        elif path.name not in {"disclosure.json", "manifest-sha256.txt"}:
            path.unlink()
    made.sign(lambda said: said.update(bags=[], artifacts=0, redacted=0, rulesSha256=None))
    assert made.verify().exit() is Exit.EMPTY

    for path in made.root.iterdir():
        path.unlink()
    assert made.verify().exit() is Exit.MISSING


def test_the_case_that_a_package_is_held_against_must_have_the_originals(made, tmp_path):
    other = make_case(tmp_path / "other", pages=1)
    assert made.verify(against=other).exit() is Exit.MISSING

    original = (
        made.case.root
        / "bags"
        / made.bag
        / next(
            line["artifact"] for line in map(json.loads, made.path("redactions.jsonl").read_bytes().splitlines())
        ).split("/", 2)[2]
    )
    before = original.read_bytes()
    overwrite(original, before + b" ")
    assert made.verify(against=made.case).exit() is Exit.DIGEST
    overwrite(original, before)


def test_a_package_without_redactions_leaves_nothing_unasked_about_copies(tmp_path):
    case = make_case(tmp_path / "case")
    made = disclosure_of(case, tmp_path / "package", artifacts=(PAGES,))

    assert made.verify().exit() is Exit.OK
    assert not any("redacted" in text for text in made.verify().unasked)


def test_what_people_wrote_is_shown_on_one_line(made):
    made.sign(lambda said: said.update(recipient="a; b\n\u202e\x1b[2J"))
    shown = "".join(check.summary for check in made.verify().checks)

    assert "\x1b" not in shown
    assert "\u202e" not in shown
