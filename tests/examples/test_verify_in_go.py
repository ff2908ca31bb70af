"""Go's transparency-log packages, which share no code with this program, agree with it about the custody log."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from support.authority import Authority
from support.casemaker import make_case
from support.handed_over import BESIDE, FORGERIES, HandedOver, hand_over
from support.played import play
from support.strangers import (
    CHECKPOINT,
    EXAMPLES,
    HARMLESS,
    TAMPERINGS,
    Scene,
    by_evidence_kit,
    foreign_key,
    scene_of,
)

from evidence_kit.custody import checkpoint
from evidence_kit.custody.keys import PublicKey
from evidence_kit.errors import Exit

GOPATH = Path("/usr/share/gocode")  # where Debian's golang-golang-x-mod-dev lies
pytestmark = [
    pytest.mark.skipif(shutil.which("go") is None, reason="go is not installed"),
    pytest.mark.skipif(
        not (GOPATH / "src/golang.org/x/mod/sumdb/tlog").is_dir(), reason="golang-golang-x-mod-dev is not installed"
    ),
]

# What verify.go covers, by the check that must fail. It sees no other tampering: that is what the rest is there for.
SEEN = {
    "two attestations swapped": "attestations",
    "an attestation's signature flipped": "attestations",
    "the seal's signature flipped": "attestations",
    "the seal under the name of another key": "attestations",
    "the seal deleted": "attestations",
    "the bag deleted": "attestations",
    "an event's signature flipped": "signatures",
    "an event deleted": "log",
    "the last event cut off": "checkpoint",
    "the log torn": "log",
    "a space put into an event": "heads",
    "the checkpoint's signature flipped": "checkpoint",
    "the checkpoint deleted": "checkpoint",
}
SEEN_BESIDE = {
    "a kept checkpoint's signature flipped": "retained",
    "a kept checkpoint under another size": "retained",
    "a kept checkpoint of another history": "retained",
    "a kept checkpoint without the log's own signature": "retained",
    "a cosignature moved in time": "checkpoint",
    "a cosignature by nobody whom the log announces": "checkpoint",
}
SEEN_FORGED = dict.fromkeys(FORGERIES, "custody") | {
    "accepted, but signed with the log key of before": "checkpoint",
    "accepted with a key for another log": "keys",
    "accepted in the name of another": "log",
}


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    folder = tmp_path_factory.mktemp("go")
    environment = {"GO111MODULE": "off", "GOPATH": str(GOPATH), "GOCACHE": str(folder / "cache"), "GOFLAGS": ""}
    command = ["go", "build", "-o", folder / "verify", EXAMPLES / "verify.go"]
    subprocess.run(command, env=os.environ | environment, check=True, capture_output=True)
    return folder / "verify"


@pytest.fixture(scope="module")
def ask(program):
    def asking(scene: Scene, *options: str) -> subprocess.CompletedProcess[str]:
        keys = [part.replace("--", "-") for part in scene.key_options]
        command = [program, *keys, *options, scene.root]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)

    return asking


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    case = make_case(folder / "case")
    case.note()
    return scene_of(case, folder)


@pytest.fixture(scope="module")
def handed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("handed-over")
    return hand_over(folder, Authority(folder / "ca"))


def failed(told: subprocess.CompletedProcess[str]) -> set[str]:
    """Return the checks that said no; the program speaks of nothing else than the case."""
    assert told.stderr == ""
    assert told.returncode == ("FAIL " in told.stdout)
    return {line.split()[1] for line in told.stdout.splitlines() if line.startswith("FAIL ")}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_alters_no_evidence_is_accepted(name, scene, ask, tmp_path):
    told = ask(scene.copy(tmp_path / "1/2/case", HARMLESS[name]))
    assert not failed(told), told.stdout
    assert told.stdout.endswith("OK  case: 7 checks\n")


@pytest.mark.parametrize("name", TAMPERINGS)
def test_of_the_tamperings_those_within_its_part_are_seen(name, scene, ask, tmp_path):
    told = ask(scene.copy(tmp_path / "1/2/case", TAMPERINGS[name]))
    assert (SEEN.get(name) in failed(told)) == (name in SEEN), told.stdout
    assert bool(failed(told)) == (name in SEEN)


@pytest.mark.parametrize("name", BESIDE)
def test_of_the_changes_beside_the_seal_those_within_its_part_are_seen(name, handed, ask, tmp_path):
    told = ask(handed.scene.copy(tmp_path / "case", BESIDE[name](handed)))
    assert failed(told) == ({SEEN_BESIDE[name]} if name in SEEN_BESIDE else set()), told.stdout


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_hand_over_is_seen_here_and_by_verify_alike(name, ask, tmp_path):
    made = HandedOver(tmp_path)
    made.offer()
    FORGERIES[name](made)
    assert SEEN_FORGED[name] in failed(ask(made.scene))
    assert by_evidence_kit(made.scene) >= Exit.DIGEST


def test_a_hand_over_passes_the_log_key_on(handed, ask):
    told = ask(handed.scene)
    assert not failed(told)
    assert f"1 hand-overs; held by key {handed.sam.keyid[:12]}" in told.stdout
    assert "covers all 8 events, signed by the log's key, cosigned by Sam at 2026-11-21T21:30:00Z" in told.stdout
    assert told.stdout.count("OK    retained") == 5


def test_without_a_given_log_key_it_says_that_it_trusts_nothing_yet(handed, ask):
    assert ask(handed.scene).stdout.count("this trusts nothing yet") == 2
    origin = handed.case.keeper.state().origin
    keys = [PublicKey.from_pem(s.public_key_pem) for s in (handed.case.log_signer, handed.new_log)]
    told = ask(handed.scene, *(f"-vkey={checkpoint.vkey(origin, key)}" for key in keys))
    assert not failed(told)
    assert "nothing yet" not in told.stdout
    stranger = PublicKey.from_pem(handed.witness.public_key_pem)
    assert failed(ask(handed.scene, f"-vkey={checkpoint.vkey(origin, stranger)}")) == {"log"}


def test_without_keys_no_signature_is_said_to_hold(scene, program):
    told = subprocess.run([program, scene.root], capture_output=True, text=True, check=False)
    assert not failed(told)
    assert "--    signatures   of events and seals: give the keys" in told.stdout


def test_a_key_that_did_not_sign_is_rejected(scene, program, tmp_path):
    (tmp_path / "other.pem").write_bytes(foreign_key())
    command = [program, "-key", tmp_path / "other.pem", scene.root]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert failed(told) == {"signatures", "attestations"}


def test_a_case_in_which_a_playbook_ran_is_accepted(ask, tmp_path):
    told = ask(play(tmp_path))
    assert not failed(told), told.stdout


def test_a_remembered_checkpoint_shows_a_log_that_was_rolled_back(ask, tmp_path):
    case = make_case(tmp_path / "case")
    older = scene_of(case, tmp_path).copy(tmp_path / "older", lambda _: None)
    case.note()
    assert not failed(ask(scene_of(case, tmp_path), f"-last={older.root / CHECKPOINT}"))
    assert failed(ask(older, f"-last={case.root / CHECKPOINT}")) == {"last"}
    other = make_case(tmp_path / "other")
    assert failed(ask(older, f"-last={other.root / CHECKPOINT}")) == {"last"}


def test_an_event_is_proved_to_be_in_the_log(scene, ask):
    told = ask(scene, "-prove=2")
    assert "OK    inclusion    event 2 is leaf " in told.stdout
    assert sum(line.startswith("      ") for line in told.stdout.splitlines()) == 2
    assert failed(ask(scene, "-prove=4")) == {"inclusion"}


def test_a_log_that_is_a_link_or_a_pipe_is_never_opened(scene, ask, tmp_path):
    def as_pipe(copy: Scene) -> None:
        (copy.root / CHECKPOINT).unlink()
        os.mkfifo(copy.root / CHECKPOINT)

    def as_link(copy: Scene) -> None:
        (copy.root / "custody").rename(tmp_path / "elsewhere")
        (copy.root / "custody").symlink_to(tmp_path / "elsewhere")

    assert failed(ask(scene.copy(tmp_path / "pipe", as_pipe))) == {"checkpoint"}
    assert failed(ask(scene.copy(tmp_path / "link", as_link))) == {"log"}
