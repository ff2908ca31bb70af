"""Programs that share no code with this one reach the same verdict on a case, whole or tampered with."""

import importlib.util
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from time import sleep

import bagit
import pytest
from support.authority import Authority
from support.casemaker import SOURCE, TARGET, WINDOW, PagesFromMemory, make_case
from support.handed_over import BESIDE, FORGERIES, HandedOver, hand_over
from support.played import LEFT_BY_A_CRASH, RUN_TAMPERINGS, play
from support.strangers import (
    ATTESTATIONS,
    CHECKPOINT,
    EXAMPLES,
    HARMLESS,
    MANIFEST,
    TAGS,
    TAMPERINGS,
    Change,
    Scene,
    by_evidence_kit,
    flip,
    foreign_key,
    scene_of,
)

from evidence_kit.acquire.scope import Order
from evidence_kit.errors import Exit

BAGIT = Path(sys.executable).with_name("bagit.py")
PROGRAMS = ("bash", "openssl", "jq", "sha256sum", "basenc", "split", "truncate", "awk", "sed", "find")

_spec = importlib.util.spec_from_file_location("securesystemslib_check", EXAMPLES / "securesystemslib_check.py")
securesystemslib_check = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(securesystemslib_check)


@pytest.fixture(scope="module", autouse=True)
def _programs():
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)}: not installed")


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    folder = tmp_path_factory.mktemp("strangers")
    case = make_case(folder / "case")
    case.note()
    return scene_of(case, folder)


BYTES, SEALED, TAGGED, COUNTED = {"bagit", "sha256sum"}, {"sslib"}, {"bagit", "sha256sum", "sslib"}, {"bagit"}
# Which strangers must see it, beside check.sh, which sees all, and those with a test of their own.
SEERS = {
    "a byte of a page flipped": BYTES,
    "an object deleted": BYTES,
    "a file added to the evidence": COUNTED,
    "evidence and both manifests altered to agree": SEALED,
    "a digest in the manifest flipped": TAGGED,
    "a line of the manifest deleted": TAGGED,
    "the manifest reordered": TAGGED,
    "a line of the tag manifest deleted": SEALED,
    "the bag's description changed": BYTES,
    "the record of the acquisition changed": TAGGED,
    "two attestations swapped": TAGGED,
    "an attestation's signature flipped": TAGGED,
    "a line of the ledger deleted": TAGGED,
    "a count in the ledger raised": TAGGED,
    "the seal's signature flipped": SEALED,
    "the seal under the name of another key": SEALED,
    "the seal deleted": SEALED,
    "the acquisition's key exchanged": SEALED,
}

# -- asking the strangers ------------------------------------------------------------------------------------------


def check_sh(scene: Scene, *options: str) -> subprocess.CompletedProcess[str]:
    command = [EXAMPLES / "check.sh", *options, scene.root, *scene.keys]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)


def by_bagit(scene: Scene) -> bool:
    """Ask the library behind `bagit.py --validate`, which logs each defect."""
    try:
        bagit.Bag(str(scene.bag)).validate()
    except bagit.BagError:
        return False
    return True


def by_sha256sum(scene: Scene) -> bool:
    """Check both manifests as a person would, in the order in which one vouches for the other."""
    told = [
        subprocess.run(["sha256sum", "--quiet", "-c", name], cwd=scene.bag, capture_output=True, check=False)
        for name in (TAGS, MANIFEST)
    ]
    return all(one.returncode == 0 for one in told)


def by_sslib(scene: Scene) -> bool:
    return securesystemslib_check.main([str(scene.bag), str(scene.keys[0])]) == 0


STRANGERS = {"bagit": by_bagit, "sha256sum": by_sha256sum, "sslib": by_sslib}


@pytest.fixture(scope="module")
def stage(scene, tmp_path_factory):
    """Return a copy of the case with a change made, and check.sh's answer, which is worked out ahead of its test."""
    folder = tmp_path_factory.mktemp("copies")

    def prepare(name: str, change: Change) -> tuple[Scene, subprocess.CompletedProcess[str]]:
        copy = scene.copy(folder / name.replace(" ", "-") / "case", change)
        return copy, check_sh(copy)

    changes = HARMLESS | TAMPERINGS
    ready = {}

    def staged(name: str) -> tuple[Scene, subprocess.CompletedProcess[str]]:
        if name not in ready:
            ready[name] = pool.submit(prepare, name, changes[name])
        return ready[name].result()

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        if "PYTEST_XDIST_WORKER" not in os.environ:  # such a worker gets only some of these tests
            ready.update({name: pool.submit(prepare, name, do) for name, do in changes.items()})
        yield staged


# -- what they say -------------------------------------------------------------------------------------------------


def test_bagit_py_accepts_each_bag(scene):
    told = subprocess.run([BAGIT, "--validate", scene.bag], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr


def test_sha256sum_accepts_both_manifests(scene):
    assert by_sha256sum(scene)


def test_securesystemslib_accepts_seal_and_attestations(scene, capsys):
    assert by_sslib(scene)
    assert capsys.readouterr().out.startswith("OK  ")


def test_check_sh_accepts_every_signature_and_says_so_first(scene):
    told = check_sh(scene, "--each")
    assert told.returncode == 0, told.stdout + told.stderr
    assert told.stdout.startswith("OK  case: ")
    assert "9 of 9 attestations verify" in told.stdout
    assert told.stderr == ""


@pytest.mark.slow
def test_check_sh_accepts_several_bags_one_of_them_resumed_after_a_crash(tmp_path):
    case = make_case(tmp_path / "case", pages=1, acquisitions=2, sealed=False)
    order = Order(sources=(SOURCE,), targets=(TARGET,), window=WINDOW, params={})
    with case.vault.lock(), case.vault.working():
        case.engine(PagesFromMemory(), case.vault).resume(case.bags[1].removeprefix("bags/"), order)
    told = check_sh(scene_of(case, tmp_path), "--each")
    assert told.returncode == 0, told.stdout
    assert told.stdout.count("8 of 8 attestations verify") == 2


def test_check_sh_rejects_a_bag_that_was_never_sealed(tmp_path):
    told = check_sh(scene_of(make_case(tmp_path / "case", sealed=False), tmp_path))
    assert told.returncode == 1
    assert "FAIL  seal         was never sealed" in told.stdout


@pytest.mark.parametrize("name", HARMLESS)
def test_what_alters_no_evidence_is_accepted_by_all(name, stage):
    scene, told = stage(name)
    assert told.returncode == 0, told.stdout
    assert by_evidence_kit(scene) is Exit.OK
    assert all(accepts(scene) for accepts in STRANGERS.values())


@pytest.mark.slow
@pytest.mark.parametrize("name", TAMPERINGS)
def test_a_tampering_is_seen_by_check_sh_and_verify_alike(name, stage):
    scene, told = stage(name)
    assert told.returncode == 1, told.stdout + told.stderr
    assert told.stdout.startswith("FAILED  case: ")
    assert "the check itself failed" not in told.stdout
    assert by_evidence_kit(scene) >= Exit.DIGEST


@pytest.mark.parametrize("name", SEERS)
def test_a_tampering_is_seen_by_the_strangers_whose_business_it_is(name, stage):
    scene, _ = stage(name)
    rejecting = {who for who, accepts in STRANGERS.items() if not accepts(scene)}
    assert rejecting >= SEERS[name]


def test_a_key_that_did_not_sign_is_rejected_by_all(scene, tmp_path):
    key = tmp_path / "other.pem"
    key.write_bytes(foreign_key())
    other = replace(scene, keys=(key,))
    told = check_sh(other)
    assert told.returncode == 1
    assert "nobody vouches for" in told.stdout
    assert not by_sslib(other)


def test_a_flipped_attestation_is_seen_by_its_own_signature(scene, tmp_path):
    copy = scene.copy(tmp_path / "case", lambda copy: flip(copy, copy.bag / ATTESTATIONS, -12))
    told = check_sh(copy, "--each")
    assert "FAIL  signatures   line 9: " in told.stdout


def test_a_missing_program_is_named(scene, tmp_path):
    command = [shutil.which("bash"), EXAMPLES / "check.sh", scene.root, *scene.keys]
    told = subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": str(tmp_path)})
    assert told.returncode == 2
    assert told.stderr == "error: this needs `openssl`, which is not installed\n"


@pytest.mark.parametrize("options", [("--tsa",), ("--last", "/nowhere"), ("--what",)])
def test_a_wrong_option_is_answered_with_the_right_ones(scene, options):
    told = check_sh(scene, *options)
    assert told.returncode == 2
    assert "usage: check.sh [--each] [--tsa CA.pem] [--last CHECKPOINT] CASE KEY.pem..." in told.stderr


# -- a case that changed hands -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def handed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("handed-over")
    authority = Authority(folder / "ca")
    return hand_over(folder, authority), authority


@pytest.mark.slow
def test_check_sh_follows_a_hand_over_and_checks_whatever_stands_beside_the_seal(handed):
    made, authority = handed
    told = check_sh(made.scene, "--tsa", authority.folder / "ca.pem")
    assert told.returncode == 0, told.stdout
    for answer in (
        f"ok    custody      hand-overs: 1; held by key {made.sam.keyid[:12]}",
        "ok    checkpoint   covers all 8 events, signed by the log's own key and Sam",
        "ok    checkpoints  5 kept checkpoints belong to this log",
        "ok    timestamps   tsa.example.tsr stamps 7 events",
        f"ok    countersigned by key {made.sam.keyid[:12]}",
        "ok    timestamps   tsa.example.tsr says ",
        "ok    brought      4 files are what an event says of them",
    ):
        assert answer in told.stdout
    assert by_evidence_kit(made.scene) is Exit.OK


@pytest.mark.slow
def test_what_check_sh_cannot_judge_it_names_and_never_counts(handed):
    made, _ = handed
    told = check_sh(made.scene)
    assert told.returncode == 0, told.stdout
    assert "--    timestamps   1 there; give --tsa" in told.stdout
    assert "--    countersigned the signature of key " in told.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", BESIDE)
def test_a_change_beside_the_seal_is_seen_by_check_sh_and_verify_alike(name, handed, tmp_path):
    made, _ = handed
    copy = made.scene.copy(tmp_path / "case", BESIDE[name](made))
    told = check_sh(copy)
    assert told.returncode == 1, told.stdout
    assert "the check itself failed" not in told.stdout
    assert by_evidence_kit(copy) >= Exit.DIGEST


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_hand_over_is_seen_by_check_sh_and_verify_alike(name, tmp_path):
    made = HandedOver(tmp_path)
    made.offer()
    FORGERIES[name](made)
    told = check_sh(made.scene)
    assert told.returncode == 1, told.stdout
    assert "the check itself failed" not in told.stdout
    assert by_evidence_kit(made.scene) >= Exit.DIGEST


# -- a case in which a playbook ran --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    return play(tmp_path_factory.mktemp("played"))


@pytest.mark.slow
def test_a_case_in_which_a_playbook_ran_is_accepted_by_all(played):
    told = check_sh(played)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "ok    brought      3 files are what an event says of them" in told.stdout
    assert by_evidence_kit(played) is Exit.OK
    assert all(accepts(played) for accepts in STRANGERS.values())


def test_a_run_that_waits_for_an_answer_is_accepted(tmp_path):
    waiting = play(tmp_path, approvals={})
    told = check_sh(waiting)
    assert told.returncode == 0, told.stdout
    assert by_evidence_kit(waiting) is Exit.OK


@pytest.mark.slow
@pytest.mark.parametrize("name", LEFT_BY_A_CRASH)
def test_what_a_crash_left_of_a_run_is_accepted(name, played, tmp_path):
    copy = played.copy(tmp_path / "case", LEFT_BY_A_CRASH[name])
    told = check_sh(copy)
    assert told.returncode == 0, told.stdout
    assert by_evidence_kit(copy) is Exit.OK


@pytest.mark.slow
@pytest.mark.parametrize("name", RUN_TAMPERINGS)
def test_a_change_to_a_run_is_seen_by_check_sh_and_verify_alike(name, played, tmp_path):
    copy = played.copy(tmp_path / "case", RUN_TAMPERINGS[name])
    told = check_sh(copy)
    assert told.returncode == 1, told.stdout
    assert "the check itself failed" not in told.stdout
    assert by_evidence_kit(copy) >= Exit.DIGEST


@pytest.mark.slow
def test_a_token_of_an_authority_that_was_not_given_is_rejected(handed, tmp_path):
    other = Authority(tmp_path / "other")
    told = check_sh(handed[0].scene, "--tsa", other.folder / "ca.pem")
    assert told.returncode == 1
    assert told.stdout.count("is by no authority that you gave, or over something else") == 2


@pytest.mark.slow
def test_a_token_outlives_the_certificate_of_its_authority(tmp_path):
    authority = Authority(tmp_path / "ca", lasts=timedelta(seconds=2))
    made = hand_over(tmp_path, authority)
    sleep(2.5)
    assert check_sh(made.scene, "--tsa", authority.folder / "ca.pem").returncode == 0


@pytest.mark.slow
def test_a_remembered_checkpoint_shows_a_log_that_was_rolled_back(tmp_path):
    case = make_case(tmp_path / "case")
    older = scene_of(case, tmp_path).copy(tmp_path / "older", lambda _: None)
    before, after = older.root / CHECKPOINT, case.root / CHECKPOINT
    case.note()
    grown = check_sh(scene_of(case, tmp_path), "--last", before)
    assert "ok    last         the log still begins with the 3 events that you remember" in grown.stdout
    rolled_back = check_sh(older, "--last", after)
    assert rolled_back.returncode == 1
    assert "FAIL  last         covers 4 events, the log has 3" in rolled_back.stdout
