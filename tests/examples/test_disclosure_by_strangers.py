"""The script that travels in a disclosure package reaches the verdict of `verify`, sharing no code with it."""

import hashlib
import json
import os
import shutil
import subprocess
from importlib.resources import files

import pytest
from support.disclosed import copy_of, edit_lines, make_disclosure
from support.tampering import flip, overwrite, swap_lines

from evidence_kit.custody import seal
from evidence_kit.errors import Exit
from evidence_kit.signers.file import KeySigner, generate

PROGRAMS = ("bash", "openssl", "jq", "sha256sum", "basenc", "csplit", "find")
MISSING = [name for name in PROGRAMS if shutil.which(name) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"{', '.join(MISSING)}: not installed")


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    folder = tmp_path_factory.mktemp("strangers")
    made = make_disclosure(folder, pages=2)
    (folder / "key.pem").write_bytes(made.case.signer.public_key_pem)
    return made


@pytest.fixture
def made(sound, tmp_path):
    (tmp_path / "key.pem").write_bytes(sound.case.signer.public_key_pem)
    return copy_of(sound, tmp_path)


def check(made, *, script=None, keys=None):
    key = made.root.parent / "key.pem"
    command = ["bash", script or made.root / "check.sh", *(keys or [key, key]), made.root]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=240, stdin=subprocess.DEVNULL)


def trusted_copy(tmp_path):
    """The script as the reader keeps it, for packages whose own copy cannot be believed."""
    path = tmp_path / "trusted.sh"
    path.write_bytes((files("evidence_kit.report.disclosure") / "check.sh").read_bytes())
    return path


def test_a_sound_package_is_accepted_and_the_limits_of_a_copy_are_said(sound):
    told = check(sound)

    assert told.returncode == 0, told.stdout + told.stderr
    assert "FAIL" not in told.stdout
    assert told.stdout.count("REDACTED") == 2
    assert "does not prove that the copy differs" in told.stdout
    assert "0 answered with no" in told.stdout


@pytest.mark.slow
def test_it_runs_on_its_own_folder_and_leaves_nothing_there(sound):
    before = sorted(sound.root.rglob("*"))
    key = sound.root.parent / "key.pem"
    told = subprocess.run(
        ["bash", "check.sh", key, key], cwd=sound.root, capture_output=True, check=False, timeout=240
    )

    assert told.returncode == 0
    assert sorted(sound.root.rglob("*")) == before


@pytest.mark.slow
def test_an_ed25519_discloser_and_several_bags_are_accepted(tmp_path):
    made = make_disclosure(tmp_path, acquisitions=2, pages=1)
    other = KeySigner(generate("ed25519"))
    made.sign(signer=other)
    (tmp_path / "discloser.pem").write_bytes(other.public_key_pem)
    (tmp_path / "examiner.pem").write_bytes(made.case.signer.public_key_pem)

    told = check(made, keys=[tmp_path / "discloser.pem", tmp_path / "examiner.pem"])
    assert told.returncode == 0, told.stdout


def test_without_redactions_nothing_is_said_of_copies(tmp_path):
    made = make_disclosure(tmp_path, rules=None, pages=1)
    (tmp_path / "key.pem").write_bytes(made.case.signer.public_key_pem)
    told = check(made)

    assert told.returncode == 0, told.stdout
    assert "Of a redacted copy" not in told.stdout


def rewrite_first(made, glob, change):
    path = made.one(glob)
    overwrite(path, change(path.read_bytes()))


def hide_more(made):
    """Change a copy beyond what is listed and sign for it: nobody can see that without the original."""
    copy = made.one("redacted/**/*")
    overwrite(copy, copy.read_bytes()[:-1] + b"]")


def foreign_seal(made):
    path = made.path("seals/BAG/seal/seal.sigstore.json")
    forged = seal.sign(seal.parse(path.read_bytes()).payload, KeySigner(generate("p256")))
    overwrite(path, forged)
    made.sign(lambda said: said["bags"][0].update(sealSha256=hashlib.sha256(forged).hexdigest()))


def link(made):
    path = made.one("artifacts/**/*")
    path.rename(made.root.parent / "elsewhere")
    path.symlink_to(made.root.parent / "elsewhere")


def other_original(lines):
    lines[0]["original"]["sha256"] = "0" * 64
    return lines


def other_path(lines):
    lines[-1]["path"] = "../../../etc/passwd"
    return lines


def other_size(lines):
    lines[0]["size"] += 1
    return lines


def one_hash_more(lines):
    lines[0]["proof"].append("A" * 43 + "=")
    return lines


def doubled(made):
    for name in ("attestations", "proofs"):
        edit_lines(made.path(f"{name}/BAG.jsonl"), lambda lines: [*lines, lines[-1]])
    made.sign(lambda said: (said["bags"][0].update(artifacts=4), said.update(artifacts=4)))


def flip_in(glob, at):
    return lambda made: flip(made.one(glob), at % made.one(glob).stat().st_size)


def signed(change):
    """Sign what was changed, as only a dishonest discloser can."""

    def do(made):
        change(made)
        made.sign()

    return do


TAMPERINGS = {
    "a byte of an artifact flipped": flip_in("artifacts/**/*", 3),
    "a byte of a copy flipped": flip_in("redacted/**/*", 3),
    "an artifact deleted": lambda made: made.one("artifacts/**/*").unlink(),
    "an artifact replaced by a link": link,
    "a pipe added": lambda made: os.mkfifo(made.root / "pipe"),
    "a file added": lambda made: (made.root / "planted").write_bytes(b"x"),
    "a line of the manifest deleted": lambda made: rewrite_first(
        made, "manifest-sha256.txt", lambda b: b[b.index(b"\n") + 1 :]
    ),
    "the manifest's order changed": lambda made: swap_lines(made.root / "manifest-sha256.txt", 0, 1),
    "the discloser's signature flipped": flip_in("disclosure.json", -20),
    "the disclosure signed by a stranger": lambda made: made.sign(signer=KeySigner(generate("p256"))),
    "a space put into the disclosure": lambda made: rewrite_first(
        made, "disclosure.json", lambda b: b.replace(b":", b": ", 1)
    ),
    "the README changed": flip_in("README.txt", 9),
    "an artifact changed and signed for": signed(
        lambda made: rewrite_first(made, "artifacts/**/*", lambda b: b + b".")
    ),
    "an artifact without attestation": signed(lambda made: (made.path("artifacts/BAG/data/extra")).write_bytes(b"x")),
    "an attestation's signature flipped": signed(flip_in("attestations/BAG.jsonl", -12)),
    "an attestation without its artifact": signed(lambda made: made.one("artifacts/**/*").unlink()),
    "a proof without its hashes": signed(
        lambda made: edit_lines(made.path("proofs/BAG.jsonl"), lambda lines: [lines[0] | {"proof": []}, *lines[1:]])
    ),
    "a proof with one hash more": signed(lambda made: edit_lines(made.path("proofs/BAG.jsonl"), one_hash_more)),
    "a proof for another size": signed(lambda made: edit_lines(made.path("proofs/BAG.jsonl"), other_size)),
    "a proof whose path leads out": signed(lambda made: edit_lines(made.path("proofs/BAG.jsonl"), other_path)),
    "a proof less": signed(lambda made: edit_lines(made.path("proofs/BAG.jsonl"), lambda lines: lines[:-1])),
    "proofs swapped": signed(lambda made: swap_lines(made.path("proofs/BAG.jsonl"), 0, 1)),
    "attestations and proofs doubled": doubled,
    "the seal flipped": signed(flip_in("seals/BAG/seal/seal.sigstore.json", 400)),
    "the seal by another examiner": foreign_seal,
    "the acquisition's key exchanged": signed(
        lambda made: overwrite(
            made.path("seals/BAG/seal/acquisition.pub"), KeySigner(generate("p256")).public_key_pem
        )
    ),
    "a redaction of another original": signed(lambda made: edit_lines(made.path("redactions.jsonl"), other_original)),
    "a redaction not listed": signed(lambda made: edit_lines(made.path("redactions.jsonl"), lambda lines: lines[1:])),
    "a copy changed and signed for, not listed": signed(hide_more),
    "a redaction listed twice": signed(
        lambda made: edit_lines(made.path("redactions.jsonl"), lambda lines: [*lines, lines[0]])
    ),
    "a redaction of what is not here": signed(
        lambda made: edit_lines(made.path("redactions.jsonl"), lambda lines: [*lines, lines[0] | {"artifact": "x"}])
    ),
    "another count signed": lambda made: made.sign(lambda said: said.update(redacted=1)),
    "another tree signed": lambda made: made.sign(lambda said: said["bags"][0].update(artifactsRoot="0" * 64)),
    "no bag signed": lambda made: made.sign(lambda said: said.update(bags=[], artifacts=0)),
    "a bag elsewhere signed": lambda made: made.sign(lambda said: said["bags"][0].update(acquisition="..")),
}


@pytest.mark.slow
@pytest.mark.parametrize("tamper", TAMPERINGS.values(), ids=TAMPERINGS)
def test_what_is_tampered_with_is_refused_by_both(made, tamper, tmp_path):
    for path in made.root.rglob("*"):
        if path.is_file():
            path.chmod(0o644)
    tamper(made)
    told = check(made, script=trusted_copy(tmp_path))

    assert told.returncode == 1, told.stdout + told.stderr
    assert "FAIL" in told.stdout
    assert made.verify().exit() not in {Exit.OK, Exit.INTERNAL}


def test_the_wrong_key_is_refused_and_no_key_is_a_question_not_asked(made, tmp_path):
    (tmp_path / "other.pem").write_bytes(KeySigner(generate("p256")).public_key_pem)
    (tmp_path / "none.pem").write_text("not a key")
    key = tmp_path / "key.pem"

    assert check(made, keys=[tmp_path / "other.pem", key]).returncode == 1
    assert check(made, keys=[key, tmp_path / "other.pem"]).returncode == 1
    assert check(made, keys=[key, tmp_path / "none.pem"]).returncode == 2
    assert check(made, keys=[key]).returncode != 0


@pytest.mark.slow
def test_what_a_package_says_reaches_the_terminal_without_control_characters(made):
    made.sign(lambda said: said.update(recipient="\x1b[2J\u202eevil"))

    assert "\x1b" not in check(made).stdout


def test_the_recipe_in_the_readme_works_when_followed_by_hand(made):
    text = (made.root / "README.txt").read_text()
    steps = text[text.index("  check() {") : text.index("5. That the seal")].splitlines()
    commands = [line for line in steps if line.startswith("  ") and "mkdir" not in line]
    shutil.copy(made.root.parent / "key.pem", made.root / "DISCLOSER.pem")
    shutil.copy(made.root.parent / "key.pem", made.root / "EXAMINER.pem")
    number = sum(1 for line in made.path("attestations/BAG.jsonl").read_bytes().splitlines())
    script = "\n".join(commands).replace("N=1;", f"N={number};")
    told = subprocess.run(
        ["bash", "-euc", script], cwd=made.root, capture_output=True, text=True, check=False, timeout=240
    )

    assert told.returncode == 0, told.stdout + told.stderr
    assert told.stdout.count("Verified OK") == 3
    lines = told.stdout.splitlines()
    listed = hashlib.sha256((made.root / "manifest-sha256.txt").read_bytes()).hexdigest()
    assert sum(listed in line for line in lines) == 2
    assert '"root"' in told.stdout
    assert json.loads(made.path("proofs/BAG.jsonl").read_bytes().splitlines()[0])
