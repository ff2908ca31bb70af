"""@sigstore/verify, which shares no code with this program, agrees with it about the seal and the files of a bag."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from support import node
from support.authority import EMAIL, Authority
from support.casemaker import make_case
from support.handed_over import BESIDE, TOKEN, HandedOver, hand_over
from support.played import play
from support.strangers import (
    EXAMPLES,
    HARMLESS,
    SEAL,
    TAMPERINGS,
    Scene,
    by_evidence_kit,
    foreign_key,
    rewrite,
    scene_of,
)

from evidence_kit.custody import seal
from evidence_kit.errors import Exit
from evidence_kit.signers.file import KeySigner, generate

pytestmark = [
    pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed"),
    pytest.mark.skipif(
        not (EXAMPLES / "node_modules/@sigstore/verify").is_dir(), reason="@sigstore/verify is not installed"
    ),
]

# What verify.mjs covers, by the check that must fail. It sees one bag and no log: the rest is not its part.
SEEN = {
    "a byte of a page flipped": "manifest",
    "an object deleted": "manifest",
    "an object replaced by a link to the same bytes": "manifest",
    "a pipe put in place of an object": "manifest",
    "a file added to the evidence": "other",
    "a file added to the record": "other",
    "a file added to the bag": "other",
    "evidence and both manifests altered to agree": "sealed",
    "a digest in the manifest flipped": "sealed",
    "a line of the manifest deleted": "sealed",
    "the manifest reordered": "manifest",
    "a line of the tag manifest deleted": "sealed",
    "the bag's description changed": "tagmanifest",
    "the record of the acquisition changed": "sealed",
    "two attestations swapped": "sealed",
    "an attestation's signature flipped": "sealed",
    "a line of the ledger deleted": "sealed",
    "a count in the ledger raised": "sealed",
    "the seal's signature flipped": "seal",
    "the seal under the name of another key": "seal",
    "the seal deleted": "seal",
    "the acquisition's key exchanged": "sealed",
    "the bag deleted": "bag",
}
SEEN_BESIDE = {
    "a countersignature flipped": "countersigned",
    "a countersignature of something else": "countersigned",
    "a countersignature under another name": "countersigned",
    "a token exchanged": "timestamp",
}


def ask(scene: Scene, *options: str) -> subprocess.CompletedProcess[str]:
    command = ["node", EXAMPLES / "verify.mjs", scene.bag, *scene.key_options, *options]
    return node.run(command)


def failed(told: subprocess.CompletedProcess[str]) -> set[str]:
    """Return the checks that said no; the program speaks of nothing else than the bag."""
    assert told.stderr == ""
    assert told.returncode == ("FAIL " in told.stdout)
    return {line.split()[1] for line in told.stdout.splitlines() if line.startswith("FAIL ")}


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    case = make_case(folder / "case")
    case.note()
    return scene_of(case, folder)


@pytest.fixture(scope="module")
def handed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("handed-over")
    authority = Authority(folder / "ca")
    return hand_over(folder, authority), ("--trusted-root", str(authority.folder / "trusted_root.json"))


@pytest.mark.parametrize("name", HARMLESS)
def test_what_alters_no_evidence_is_accepted(name, scene, tmp_path):
    copy = scene.copy(tmp_path / "1/2/case", HARMLESS[name])
    told = ask(copy)
    assert not failed(told), told.stdout
    assert told.stdout.endswith(f"OK  {scene.bag.name}: 6 checks\n")


def test_a_bag_that_a_playbook_collected_is_accepted(tmp_path):
    told = ask(play(tmp_path))
    assert not failed(told), told.stdout


@pytest.mark.parametrize("name", TAMPERINGS)
def test_of_the_tamperings_those_within_its_part_are_seen(name, scene, tmp_path):
    told = ask(scene.copy(tmp_path / "1/2/case", TAMPERINGS[name]))
    assert (SEEN.get(name) in failed(told)) == (name in SEEN), told.stdout
    assert bool(failed(told)) == (name in SEEN)


@pytest.mark.parametrize("name", BESIDE)
def test_of_the_changes_beside_the_seal_those_within_its_part_are_seen(name, handed, tmp_path):
    made, root = handed
    told = ask(made.scene.copy(tmp_path / "case", BESIDE[name](made)), *root)
    assert failed(told) == ({SEEN_BESIDE[name]} if name in SEEN_BESIDE else set()), told.stdout


def test_time_stamps_and_countersignatures_are_judged(handed):
    made, root = handed
    told = ask(made.scene, *root)
    assert not failed(told)
    assert "OK    timestamp      tsa.example.tsr says 20" in told.stdout
    assert f"OK    countersigned  signed under key {made.sam.keyid[:12]}" in told.stdout


def test_an_ml_dsa_countersignature_is_reported_as_not_checked(handed):
    told = ask(handed[0].scene)
    (line,) = [line for line in told.stdout.splitlines() if line.startswith("--    countersigned")]
    assert line.endswith("that key was not given, or is ML-DSA")
    assert "--    timestamp      1 there: give a --trusted-root" in told.stdout


def test_a_token_of_an_authority_that_was_not_given_is_rejected(handed, tmp_path):
    other = Authority(tmp_path / "other")
    told = ask(handed[0].scene, "--trusted-root", str(other.folder / "trusted_root.json"))
    assert failed(told) == {"timestamp"}


def test_a_key_that_did_not_sign_is_rejected(scene, tmp_path):
    (tmp_path / "other.pem").write_bytes(foreign_key())
    command = ["node", EXAMPLES / "verify.mjs", scene.bag, "--key", tmp_path / "other.pem"]
    told = node.run(command)
    assert failed(told) == {"seal"}


def test_no_key_at_all_is_a_wrong_use(scene):
    command = ["node", EXAMPLES / "verify.mjs", scene.bag]
    told = node.run(command)
    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr.startswith("error: usage: ")


# -- a seal under a certificate ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certified(tmp_path_factory):
    """Return a bag that Robin sealed under a certificate, stamped, and the options that vouch for it."""
    folder = tmp_path_factory.mktemp("certified")
    authority, made = Authority(folder / "ca"), HandedOver(folder)
    path = made.case.path(SEAL)
    payload = seal.parse(path.read_bytes()).payload
    certificate = authority.certify(made.case.signer)
    rewrite(path, seal.sign(payload, made.case.signer, certificate=certificate))
    made.stamp(authority)
    return made.scene, ("--trusted-root", str(authority.folder / "trusted_root.json"))


def by_certificate(scene: Scene, *options: str) -> subprocess.CompletedProcess[str]:
    command = ["node", EXAMPLES / "verify.mjs", scene.bag, *options]
    return node.run(command)


def test_a_certificate_counts_for_whom_it_names(certified):
    scene, root = certified
    told = by_certificate(scene, *root, "--identity", EMAIL)
    assert not failed(told), told.stdout
    assert f"OK    seal           signed under a certificate of {EMAIL}" in told.stdout


@pytest.mark.parametrize("asked", ["kim@example.org", "robin@example.or", "robin.example.org", ".*", ""])
def test_a_certificate_counts_for_nobody_else(asked, certified):
    scene, root = certified
    assert failed(by_certificate(scene, *root, "--identity", asked)) == {"seal"}


def test_a_certificate_of_another_authority_counts_for_nothing(certified, tmp_path):
    scene, root = certified
    mixed = json.loads(Path(root[1]).read_text())
    other = Authority(tmp_path / "other")
    foreign = json.loads((other.folder / "trusted_root.json").read_text())
    mixed["certificateAuthorities"] = foreign["certificateAuthorities"]
    (tmp_path / "mixed.json").write_text(json.dumps(mixed))
    assert failed(by_certificate(scene, "--trusted-root", str(tmp_path / "mixed.json"), "--identity", EMAIL)) == {
        "seal"
    }


def test_a_certificate_without_a_proven_time_counts_for_nothing(certified, tmp_path):
    scene, root = certified
    copy = scene.copy(tmp_path / "case", lambda copy: (copy.bag / TOKEN).unlink())
    told = by_certificate(copy, *root, "--identity", EMAIL)
    assert "FAIL  seal           is signed under a certificate, which is judged at a proven time" in told.stdout


def test_a_seal_by_an_unknown_key_is_rejected_here_and_by_verify_alike(scene, tmp_path):
    def seal_again(copy: Scene) -> None:
        payload = seal.parse((copy.bag / SEAL).read_bytes()).payload
        rewrite(copy.bag / SEAL, seal.sign(payload, KeySigner(generate("p256"))))

    copy = scene.copy(tmp_path / "case", seal_again)
    assert failed(ask(copy)) == {"seal"}
    assert by_evidence_kit(copy) >= Exit.DIGEST
