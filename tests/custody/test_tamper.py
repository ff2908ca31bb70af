"""Damage a sealed case in every way that comes to mind, and see each noticed and named."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import forging
from support.casemaker import CASE, NOW, make_case, trust_text
from support.tampering import flip, overwrite, swap_lines

from evidence_kit.custody import bag, checkpoint, log
from evidence_kit.custody.trust import parse_trust
from evidence_kit.custody.verify.case import Options, verify_bag
from evidence_kit.errors import Exit, SignatureError
from evidence_kit.model.check import CheckStatus
from evidence_kit.model.time import rfc3339
from evidence_kit.signers.file import KeySigner, generate
from evidence_kit.vaults.local import LocalVault

DATA = "data/test.pages/111122223333/us-east-1/20261118T213000Z_20261119T213000Z"
PAGE, OBJECT = f"{DATA}/list/000000.json", f"{DATA}/two=20words"
IN_BAG = (
    "bagit.txt", "bag-info.txt", bag.MANIFEST, bag.TAGMANIFEST, bag.ACQUISITION, bag.ATTESTATIONS, bag.LEDGER,
    bag.SEAL, bag.ACQUISITION_KEYS, PAGE, OBJECT,
)  # fmt: skip
IN_CASE = (log.CASE, log.LOG, log.CHECKPOINT)
EVERY = (*IN_CASE, *(f"BAG/{name}" for name in IN_BAG))
JOURNALS = (log.LOG, f"BAG/{bag.ATTESTATIONS}", f"BAG/{bag.LEDGER}")


def place(case, name):
    """Return where `name` lies; `BAG/` stands for the one bag."""
    return case.root / name.replace("BAG", case.bag, 1)


def verdicts(report):
    return {defect.verdict for defect in report.defects}


def subjects(report, verdict):
    return {defect.subject for defect in report.defects if defect.verdict is verdict}


def require_caught(report, what):
    assert Exit.DIGEST <= report.exit() <= Exit.UNTRUSTED, (what, report.exit(), report.defects)
    assert not report.authentic


def flip_each(case, path, positions):
    """Flip one byte after the other, and require that each flip is caught, under the code of its kind."""
    codes = set()
    for position in positions:
        mask = 1 << (position % 8)
        flip(path, position, mask)
        try:
            report = case.verify()
        finally:
            flip(path, position, mask)
        require_caught(report, f"{path.name} byte {position}")
        codes.add(report.exit())
    return codes


# -- the case as it should be ------------------------------------------------------------------------------


def test_an_untouched_case_is_ok(tampered):
    report = tampered.verify(each_signature=True)
    assert report.exit(require_complete=True) is Exit.OK
    assert report.authentic


def test_every_file_of_the_case_is_under_test(tampered):
    assert sorted(str(place(tampered, name).relative_to(tampered.root)) for name in EVERY) == tampered.files


def test_a_report_says_what_was_checked_and_how_much(tampered):
    said = {check.id: check.summary for check in tampered.verify(each_signature=True).checks}
    acquisition = tampered.bag.removeprefix("bags/")
    assert said["trust"] == "1 trusted key"
    assert said["log"] == "3 events, checkpoint signed"
    assert said["case"] == f"case {CASE}"
    assert said["seal"].startswith(f"{acquisition} sealed by Robin Examiner (collector), {rfc3339(NOW)}")
    assert said["files"] == "2 of 2 files match, 77 bytes"
    assert said["attestations"] == "2 attestations, each signature verified"
    assert said["ledger"] == "2 exchanges in one chain"
    assert said["units"] == "1 of 1 units obtained in full"


def test_what_is_not_checked_is_said(tampered):
    said = " ".join(tampered.verify().unasked)
    assert "--last-checkpoint" in said
    assert "--each-signature" in said


# -- single bytes ------------------------------------------------------------------------------------------

KINDS = {
    log.CASE: {Exit.DIGEST},
    # A log that cannot be read accounts for no bag, so all of its files are unexpected.
    log.LOG: {Exit.DIGEST, Exit.UNEXPECTED, Exit.SIGNATURE, Exit.CHAIN},
    log.CHECKPOINT: {Exit.SIGNATURE, Exit.CHAIN},
    f"BAG/{bag.SEAL}": {Exit.DIGEST},
}


def spread(size):
    """Return all positions of a small file; of a larger one both ends and every fifth between: the rest is slow."""
    if size <= 2500:
        return range(size)
    return sorted({*range(200), *range(200, size - 200, 5), *range(size - 200, size)})


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERY)
def test_every_flipped_byte_is_caught(shared_case, name):
    path = place(shared_case, name)
    codes = flip_each(shared_case, path, spread(path.stat().st_size))
    # Everything else is covered by a digest that the seal signs; a changed manifest also misses or reveals files.
    assert codes <= KINDS.get(name, {Exit.DIGEST})


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERY)
def test_every_single_byte_is_caught_without_a_gap(shared_case, name):
    path = place(shared_case, name)
    assert flip_each(shared_case, path, range(path.stat().st_size)) <= KINDS.get(name, {Exit.DIGEST})


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_every_flipped_byte_of_a_case_of_weird_names_is_caught(case):
    for name in case.files:
        path = case.root / name
        flip_each(case, path, range(path.stat().st_size))
    assert case.verify().exit() is Exit.OK


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_change_of_any_byte_of_any_file_is_ever_ok(shared_case, data):
    path = place(shared_case, data.draw(st.sampled_from(EVERY)))
    position = data.draw(st.integers(0, path.stat().st_size - 1))
    mask = data.draw(st.integers(1, 255))
    flip(path, position, mask)
    try:
        report = shared_case.verify(each_signature=data.draw(st.booleans()))
    finally:
        flip(path, position, mask)
    require_caught(report, path)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_inserted_or_removed_span_is_ever_ok(shared_case, data):
    path = place(shared_case, data.draw(st.sampled_from(EVERY)))
    before = path.read_bytes()
    start = data.draw(st.integers(0, len(before)))
    end = data.draw(st.integers(start, min(len(before), start + 40)))
    after = before[:start] + data.draw(st.binary(max_size=40)) + before[end:]
    overwrite(path, after)
    try:
        report = shared_case.verify()
    finally:
        overwrite(path, before)
    if after == before:
        assert report.exit() is Exit.OK
    else:
        require_caught(report, path)


# -- whole files -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EVERY)
def test_a_deleted_file_is_missing(tampered, name):
    place(tampered, name).unlink()
    report = tampered.verify()
    assert report.exit() is Exit.MISSING
    assert str(place(tampered, name).relative_to(tampered.root)) in str(subjects(report, Exit.MISSING))


@pytest.mark.parametrize("name", EVERY)
def test_an_emptied_file_is_caught(tampered, name):
    overwrite(place(tampered, name), b"")
    require_caught(tampered.verify(), name)


@pytest.mark.parametrize("folder", ["", "BAG", "BAG/data", "BAG/record", "BAG/seal", "custody"])
def test_a_deleted_folder_is_missing(tampered, folder):
    target = place(tampered, folder)
    shutil.rmtree(target)
    tampered.root.mkdir(exist_ok=True)
    assert tampered.verify().exit() is Exit.MISSING


@pytest.mark.parametrize(
    "name",
    [
        "added", "custody/added", "custody/timestamps/x.tsr", "bags/added", "bags/other-bag/data/x", ".hidden",
        ".work/x", "BAG/added", "BAG/data/added", "BAG/record/added", "BAG/seal/added", f"BAG/{DATA}/added",
        "BAG/data/a/b/c/d/e/f/g/deep", "BAG/fetch.txt", "BAG/record/torn/1/x", f"BAG/{PAGE}.orig", "BAG/dat",
    ],
)  # fmt: skip
def test_an_added_file_is_unexpected(tampered, name):
    path = place(tampered, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"planted")
    report = tampered.verify()
    assert report.exit() is Exit.UNEXPECTED
    assert subjects(report, Exit.UNEXPECTED) == {str(path.relative_to(tampered.root))}


def test_derived_data_is_nobodys_evidence(tampered):
    path = tampered.root / "derived/records.parquet"
    path.parent.mkdir()
    path.write_bytes(b"rebuildable")
    assert tampered.verify().exit() is Exit.OK


@pytest.mark.parametrize("name", ["a\nb", "\x1b[31mred", "\u202egpj", b"\xff\xfe", " ", "a  b"])
@pytest.mark.parametrize("folder", ["", "BAG", "BAG/data", "BAG/record"])
def test_an_added_file_of_a_hostile_name_is_named_harmlessly(tampered, folder, name):
    path = os.fsencode(place(tampered, folder)) + b"/" + os.fsencode(name)
    Path(os.fsdecode(path)).write_bytes(b"planted")
    report = tampered.verify()
    assert report.exit() is Exit.UNEXPECTED
    assert all(defect.subject.isprintable() and defect.subject.isascii() for defect in report.defects)


def link(path):
    target = path.with_name("elsewhere")
    path.rename(target)
    path.symlink_to(target)


def hang(path):
    path.unlink()
    os.mkfifo(path)


def nest(path):
    path.unlink()
    path.mkdir()


def listen(path):
    path.unlink()
    short = Path(os.path.relpath(path))
    with socket.socket(socket.AF_UNIX) as server:
        os.chdir(path.parent)
        server.bind(short.name)


@pytest.mark.parametrize("replace", [link, hang, nest, listen])
@pytest.mark.parametrize("name", EVERY)
def test_anything_but_a_plain_file_is_unexpected(tampered, monkeypatch, name, replace):
    monkeypatch.chdir(tampered.root)
    replace(place(tampered, name))
    report = tampered.verify()
    assert Exit.UNEXPECTED in verdicts(report)
    require_caught(report, name)


@pytest.mark.parametrize(
    "folder", ["bags", "BAG", "BAG/data", f"BAG/{DATA}/list", "BAG/record", "BAG/seal", "custody"]
)
def test_a_folder_behind_a_link_is_unexpected(tampered, tmp_path, folder):
    real = place(tampered, folder)
    moved = tmp_path / "moved"
    real.rename(moved)
    real.symlink_to(moved)
    assert Exit.UNEXPECTED in verdicts(tampered.verify())


def test_a_folder_in_place_of_a_file_does_not_hide_another_file(tampered):
    nest(place(tampered, f"BAG/{PAGE}"))
    place(tampered, "BAG/data/planted").write_bytes(b"x")
    found = subjects(tampered.verify(), Exit.UNEXPECTED)
    assert f"{tampered.bag}/data/planted" in found


def test_a_renamed_artifact_is_both_missing_and_unexpected(tampered):
    place(tampered, f"BAG/{PAGE}").rename(place(tampered, f"BAG/{DATA}/list/000001.json"))
    assert verdicts(tampered.verify()) == {Exit.MISSING, Exit.UNEXPECTED}


def test_two_artifacts_exchanged_are_both_reported(tampered):
    one, other = place(tampered, f"BAG/{PAGE}"), place(tampered, f"BAG/{OBJECT}")
    first, second = one.read_bytes(), other.read_bytes()
    overwrite(one, second)
    overwrite(other, first)
    assert subjects(tampered.verify(), Exit.DIGEST) == {f"{tampered.bag}/{PAGE}", f"{tampered.bag}/{OBJECT}"}


# -- lines of journals -------------------------------------------------------------------------------------


@pytest.mark.parametrize("pair", [(0, 1), (0, 2), (1, 2)])
def test_exchanged_lines_of_the_custody_log_break_the_chain(tampered, pair):
    swap_lines(tampered.root / log.LOG, *pair)
    assert Exit.CHAIN in verdicts(tampered.verify())


def test_any_exchanged_lines_of_the_ledger_are_caught_twice(tampered):
    path = tampered.path(bag.LEDGER)
    whole = path.read_bytes()
    count = whole.count(b"\n")
    for first in range(count):
        for second in range(first + 1, count):
            swap_lines(path, first, second)
            assert {Exit.DIGEST, Exit.CHAIN} <= verdicts(tampered.verify()), (first, second)
            overwrite(path, whole)


def test_exchanged_attestations_are_caught_twice(tampered):
    swap_lines(tampered.path(bag.ATTESTATIONS), 0, 1)
    assert verdicts(tampered.verify()) == {Exit.DIGEST, Exit.CHAIN}


@pytest.mark.parametrize("name", JOURNALS)
@pytest.mark.parametrize("cut", ["line", "tail", "half", "torn"])
def test_a_truncated_journal_is_caught(tampered, name, cut):
    path = place(tampered, name)
    lines = path.read_bytes().splitlines(keepends=True)
    kept = {"line": lines[:-1], "tail": [*lines[:-1], lines[-1][:-1]], "half": lines[:1], "torn": [*lines, b'{"a":']}
    overwrite(path, b"".join(kept[cut]))
    assert verdicts(tampered.verify()) & {Exit.CHAIN, Exit.DIGEST}


@pytest.mark.parametrize("name", JOURNALS)
@pytest.mark.parametrize("position", [0, 1, -1])
def test_a_doubled_line_breaks_the_chain(tampered, name, position):
    path = place(tampered, name)
    lines = path.read_bytes().splitlines(keepends=True)
    lines.insert(position, lines[position])
    overwrite(path, b"".join(lines))
    assert Exit.CHAIN in verdicts(tampered.verify())


@pytest.mark.parametrize("name", JOURNALS)
def test_a_removed_line_breaks_the_chain(tampered, name):
    path = place(tampered, name)
    lines = path.read_bytes().splitlines(keepends=True)
    for position in range(len(lines)):
        overwrite(path, b"".join(lines[:position] + lines[position + 1 :]))
        report = tampered.verify()
        assert verdicts(report) & {Exit.CHAIN, Exit.MISSING}, position
        require_caught(report, (name, position))


# -- forgeries ---------------------------------------------------------------------------------------------


@pytest.fixture
def intruder():
    return KeySigner(generate("p256"))


def test_a_seal_by_another_key_is_untrusted_and_not_the_one_that_was_logged(tampered, intruder):
    forging.reseal(tampered, intruder)
    assert verdicts(tampered.verify()) == {Exit.DIGEST, Exit.UNTRUSTED}


def test_a_bag_shipped_alone_under_another_seal_is_untrusted(tampered, intruder):
    forging.reseal(tampered, intruder)
    vault = LocalVault(tampered.root)
    report = verify_bag(vault, name=tampered.bag, trust=tampered.trust, options=Options())
    assert report.exit() is Exit.UNTRUSTED


def test_a_case_written_anew_by_another_hand_is_untrusted(tampered, intruder):
    forging.reseal(tampered, intruder)
    forging.relog_seal(tampered, signer=intruder)
    assert tampered.verify().exit() is Exit.UNTRUSTED


def test_a_seal_by_another_key_under_the_trusted_ones_name_has_a_bad_signature(tampered, intruder):
    intruder.keyid = tampered.signer.keyid
    forging.reseal(tampered, intruder)
    forging.relog_seal(tampered)
    assert verdicts(tampered.verify()) == {Exit.SIGNATURE}


def test_a_log_signed_anew_by_another_key_is_untrusted(tampered, intruder):
    forging.change_log(tampered, list.copy, signer=intruder)
    report = tampered.verify()
    assert report.exit() is Exit.UNTRUSTED
    assert len(report.defects) == 3


def test_a_log_signed_anew_under_the_trusted_keys_name_has_bad_signatures(tampered, intruder):
    intruder.keyid = tampered.signer.keyid
    forging.change_log(tampered, list.copy, signer=intruder)
    assert tampered.verify().exit() is Exit.SIGNATURE


def test_a_checkpoint_by_another_key_does_not_verify(tampered):
    forging.write_checkpoint(tampered, forging.state_of(tampered).tree, KeySigner(generate("ed25519")))
    assert verdicts(tampered.verify()) == {Exit.SIGNATURE}


def test_an_altered_artifact_with_manifests_made_to_fit_breaks_the_seal(tampered):
    overwrite(tampered.path(PAGE), b'{"Events": []}')
    forging.write_manifests(tampered)
    report = tampered.verify()
    assert report.exit() is Exit.DIGEST
    assert f"{tampered.bag}/{bag.MANIFEST}" in subjects(report, Exit.DIGEST)
    assert f"{tampered.bag}/{bag.TAGMANIFEST}" in subjects(report, Exit.DIGEST)
    assert f"{tampered.bag}/{PAGE}" in subjects(report, Exit.CHAIN)


def test_an_artifact_altered_and_resealed_by_its_own_examiner_contradicts_ledger_and_attestation(tampered):
    overwrite(tampered.path(PAGE), b'{"Events": []}')
    forging.write_manifests(tampered)
    forging.reseal(tampered)
    forging.relog_seal(tampered)
    report = tampered.verify(each_signature=True)
    assert verdicts(report) == {Exit.CHAIN}
    assert [d.subject for d in report.defects].count(f"{tampered.bag}/{PAGE}") == 4


def test_an_acquisition_that_the_examiner_rewrote_whole_lacks_the_destroyed_keys_signature(tampered):
    overwrite(tampered.path(PAGE), b'{"Events": []}')
    digest = forging.sha256(tampered, PAGE)
    forging.change_ledger(
        tampered, lambda entries: [a.update(sha256=digest) for a in forging.stored(entries) if a["path"] == PAGE]
    )
    forging.write_manifests(tampered)
    chain = forging.chain_of(tampered)
    forging.reseal(tampered, ledger_size=chain.size, ledger_head=chain.head, payload_bytes=14 + 21)
    forging.relog_seal(tampered)
    assert Exit.CHAIN in verdicts(tampered.verify(each_signature=True))


@pytest.mark.parametrize("manifest", [bag.MANIFEST, bag.TAGMANIFEST])
@pytest.mark.parametrize(
    "damage",
    [
        lambda lines: [lines[0], *lines],
        lambda lines: lines[::-1],
        lambda lines: [line.replace(b"\n", b"\r\n") for line in lines],
        lambda lines: [line.upper() for line in lines],
        lambda lines: [line.replace(b"  ", b" *") for line in lines],
        lambda lines: [b"\n", *lines],
        lambda lines: [*lines[:-1], lines[-1][:-1]],
        lambda lines: [b"0" * 64 + b"  ../../etc/passwd\n", *lines],
    ],
    ids=["doubled", "disordered", "crlf", "upper", "binary", "blank", "torn", "outside"],
)
def test_a_malformed_manifest_is_caught_whoever_signed_it(tampered, manifest, damage):
    path = tampered.path(manifest)
    overwrite(path, b"".join(damage(path.read_bytes().splitlines(keepends=True))))
    forging.reseal(tampered)
    forging.relog_seal(tampered)
    report = tampered.verify()
    assert report.exit() is Exit.DIGEST
    assert any("manifest line" in defect.message for defect in report.defects)


def test_another_acquisition_key_contradicts_seal_and_log(tampered, intruder):
    overwrite(tampered.path(bag.ACQUISITION_KEYS), intruder.public_key_pem)
    report = tampered.verify(each_signature=True)
    assert report.exit() is Exit.DIGEST
    assert f"{tampered.bag}/{bag.ACQUISITION_KEYS}" in subjects(report, Exit.SIGNATURE)


@pytest.mark.parametrize("text", [b"", b"not a key\n", b"-----END PUBLIC KEY-----\n", b"\xff"])
def test_a_key_file_that_holds_no_key_is_caught(tampered, text):
    overwrite(tampered.path(bag.ACQUISITION_KEYS), text)
    assert Exit.SIGNATURE in verdicts(tampered.verify())


def test_acquisition_keys_that_only_the_seal_knows_are_not_endorsed_by_the_log(tampered, intruder):
    overwrite(tampered.path(bag.ACQUISITION_KEYS), intruder.public_key_pem)
    forging.reseal(tampered)
    forging.relog_seal(tampered)
    report = tampered.verify()
    assert verdicts(report) == {Exit.SIGNATURE}
    assert "endorses" in report.defects[0].message


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"acquisition": "20200101T000000Z-aaaaaa"}, "seals acquisition"),
        ({"case": "IR-OTHER"}, "seals acquisition"),
        ({"ledger_size": 99}, "the ledger is not the one"),
        ({"ledger_head": "0" * 64}, "the ledger is not the one"),
        ({"artifacts_root": "0" * 64}, "attestations are not the ones"),
        ({"artifacts": 3}, "do not tell the same"),
        ({"units": 5}, "count units differently"),
        ({"units_missing": 1}, "count units differently"),
        ({"payload_bytes": 1}, "bytes"),
        ({"keys": 2}, "counts 2 acquisition keys, the file has 1"),
        ({"sealed_at": "yesterday"}, "sealedAt"),
    ],
)
def test_a_seal_that_says_something_else_than_its_bag_is_caught(tampered, said, message):
    forging.reseal(tampered, **said)
    forging.relog_seal(tampered)
    report = tampered.verify()
    require_caught(report, said)
    assert any(message in defect.message for defect in report.defects), report.defects


def test_a_seal_outside_the_keys_validity_is_untrusted(tampered):
    later = trust_text(tampered.signer).replace(b"validFrom: 2025", b"validFrom: 2027")
    report = tampered.verify(trust=parse_trust(later, name="t"))
    assert report.exit() is Exit.UNTRUSTED


@pytest.mark.parametrize("roles", [("approver",), ("log",)])
def test_a_signer_of_another_role_is_untrusted(tampered, roles):
    text = trust_text(tampered.signer, roles=roles)
    assert tampered.verify(trust=parse_trust(text, name="t")).exit() is Exit.UNTRUSTED


def test_a_custodian_may_open_a_case_but_not_collect(tampered):
    text = trust_text(tampered.signer, roles=("custodian",))
    report = tampered.verify(trust=parse_trust(text, name="t"))
    assert report.exit() is Exit.UNTRUSTED
    assert f"{log.LOG}:1" not in {defect.subject for defect in report.defects}


def test_a_stranger_trusts_nothing(tampered, intruder):
    assert tampered.verify(trust=parse_trust(trust_text(intruder), name="t")).exit() is Exit.UNTRUSTED


# -- the log against the caller's memory -------------------------------------------------------------------


def test_a_log_rolled_back_to_a_genuine_older_state_is_caught_by_the_remembered_checkpoint(tampered):
    old = {name: (tampered.root / name).read_bytes() for name in (log.LOG, log.CHECKPOINT)}
    tampered.note()
    remembered = (tampered.root / log.CHECKPOINT).read_bytes()
    assert tampered.verify(last=remembered).exit() is Exit.OK
    for name, content in old.items():
        overwrite(tampered.root / name, content)
    assert tampered.verify().exit() is Exit.OK  # nothing in the case can tell
    report = tampered.verify(last=remembered)
    assert report.exit() is Exit.CHAIN
    assert "rolled back" in report.defects[0].message


def test_a_log_that_grew_extends_the_remembered_checkpoint(tampered):
    remembered = (tampered.root / log.CHECKPOINT).read_bytes()
    tampered.note()
    tampered.note("again")
    report = tampered.verify(last=remembered)
    assert report.exit() is Exit.OK
    assert not any("rolled back" in said for said in report.unasked)


def test_a_log_rewritten_by_its_own_keepers_does_not_extend_the_remembered_checkpoint(tampered):
    tampered.note()
    remembered = (tampered.root / log.CHECKPOINT).read_bytes()
    forging.change_log(tampered, lambda said: said[-1]["predicate"].update(text="something else"))
    assert tampered.verify().exit() is Exit.OK
    report = tampered.verify(last=remembered)
    assert report.exit() is Exit.CHAIN
    tampered.note("covers it up")
    assert tampered.verify(last=remembered).exit() is Exit.CHAIN


def test_a_remembered_checkpoint_of_another_log_is_refused(tampered, tmp_path):
    other = tampered.root / log.CHECKPOINT
    remembered = checkpoint.sign(checkpoint.Checkpoint("other", 1, b"0" * 32), tampered.log_signer)
    assert other.read_bytes() != remembered
    assert tampered.verify(last=remembered).exit() is Exit.CHAIN


def test_an_unreadable_remembered_checkpoint_is_not_taken_for_agreement(tampered):
    assert tampered.verify(last=b"garbage").exit() is Exit.CHAIN


# -- size --------------------------------------------------------------------------------------------------

MEASURE = """
import sys
from pathlib import Path
from support.memory import peak
from evidence_kit.custody.trust import parse_trust
from evidence_kit.custody.verify.case import Options, verify_case
from evidence_kit.vaults.local import LocalVault
root, trust = Path(sys.argv[1]), parse_trust(Path(sys.argv[2]).read_bytes(), name="t")
before = peak()
report = verify_case(LocalVault(root), name="x", trust=trust, options=Options(each_signature=True))
print(int(report.exit()), (peak() - before) >> 10)
"""


# The other files are only ever hashed, a piece at a time.
@pytest.mark.parametrize("name", [*IN_CASE[1:], *(f"BAG/{name}" for name in IN_BAG[2:9])])
def test_200_megabytes_in_place_of_a_file_are_refused_in_bounded_memory(tampered, tmp_path, name):
    path = place(tampered, name)
    path.chmod(0o644)
    with path.open("wb") as file:
        file.truncate(200 << 20)
    trust = tmp_path / "trust.yaml"
    trust.write_bytes(tampered.trust_text)
    command = [sys.executable, "-c", MEASURE, str(tampered.root), str(trust)]
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environ)
    code, megabytes = map(int, done.stdout.split())
    assert Exit.DIGEST <= code <= Exit.UNTRUSTED
    assert megabytes < 24


# -- nothing, and not yet ----------------------------------------------------------------------------------


def test_a_case_without_an_acquisition_is_empty(tmp_path):
    assert make_case(tmp_path / "case", acquisitions=0).verify().exit() is Exit.EMPTY


@pytest.mark.parametrize("count", [1, 2])
def test_acquisitions_without_an_artifact_are_empty(tmp_path, count):
    case = make_case(tmp_path / "case", pages=0, names=(), acquisitions=count)
    assert case.verify().exit() is Exit.EMPTY


def test_an_empty_folder_is_no_case(tmp_path, shared_case):
    case = type(shared_case)(tmp_path)
    assert case.verify().exit() is Exit.MISSING


def test_two_acquisitions_are_both_checked(tmp_path):
    case = make_case(tmp_path / "case", pages=1, names=("a",), acquisitions=2)
    assert case.verify().exit() is Exit.OK
    for root in case.bags:
        flip(case.root / root / bag.MANIFEST, 0)
    assert {defect.subject.split("/")[1] for defect in case.verify().defects} == {b.split("/")[1] for b in case.bags}


def test_a_bag_of_one_case_is_a_stranger_in_another(tmp_path):
    one = make_case(tmp_path / "one", pages=1, names=())
    other = make_case(tmp_path / "other", pages=1, names=())
    shutil.rmtree(other.root / other.bag)
    shutil.copytree(one.root / one.bag, other.root / other.bag)
    report = other.verify()
    assert {Exit.DIGEST, Exit.SIGNATURE, Exit.UNTRUSTED} <= verdicts(report)


def test_missing_units_are_incomplete_only_for_who_asks(tmp_path):
    case = make_case(tmp_path / "case", regions=("us-east-1", "eu-west-1"), partial=("eu-west-1",))
    report = case.verify()
    assert report.missing_units == 1
    assert report.exit() is Exit.OK
    assert report.exit(require_complete=True) is Exit.INCOMPLETE


def test_an_unsealed_bag_is_incomplete_and_its_signatures_are_checked(unsealed_case):
    report = unsealed_case.verify()
    assert report.exit() is Exit.INCOMPLETE
    checks = {check.id: check.status for check in report.checks}
    assert checks["attestations"] is checks["files"] is checks["ledger"] is CheckStatus.PASS
    assert checks["seal"] is CheckStatus.NOT_CHECKED
    assert not any("acknowledge" in said for said in report.unasked)


def test_a_flipped_byte_of_an_artifact_of_an_unsealed_bag_is_caught(unsealed_case):
    flip(unsealed_case.path(PAGE), 3)
    assert unsealed_case.verify().exit() is Exit.DIGEST


def test_a_deleted_artifact_of_an_unsealed_bag_is_missing(unsealed_case):
    unsealed_case.path(PAGE).unlink()
    assert unsealed_case.verify().exit() is Exit.MISSING


@pytest.mark.parametrize("name", [bag.ATTESTATIONS, bag.LEDGER])
def test_a_deleted_journal_of_an_unsealed_bag_is_missing(unsealed_case, name):
    unsealed_case.path(name).unlink()
    assert unsealed_case.verify().exit() is Exit.MISSING


@pytest.mark.slow
def test_flipped_bytes_of_an_unsealed_bags_attestation_are_caught(tmp_path):
    case = make_case(tmp_path / "case", pages=1, names=(), sealed=False)
    path = case.path(bag.ATTESTATIONS)
    codes = flip_each(case, path, range(0, path.stat().st_size - 1, 2))
    assert codes <= {Exit.SIGNATURE, Exit.CHAIN}


def test_the_journal_of_attestations_is_there_from_the_beginning(unsealed_case):
    shutil.rmtree(unsealed_case.path("data"))
    forging.change_ledger(unsealed_case, lambda entries: entries.__delitem__(slice(3, None)))
    assert unsealed_case.verify().exit() is Exit.INCOMPLETE
    unsealed_case.path(bag.ATTESTATIONS).unlink()
    assert unsealed_case.verify().exit() is Exit.MISSING


def test_every_flipped_byte_of_an_unsealed_bags_artifact_is_caught(tmp_path):
    case = make_case(tmp_path / "case", pages=1, names=(), sealed=False)
    path = case.path(PAGE)
    assert flip_each(case, path, range(path.stat().st_size)) == {Exit.DIGEST}


def test_an_artifact_of_an_unsealed_bag_altered_with_its_ledger_contradicts_its_attestation(unsealed_case):
    overwrite(unsealed_case.path(PAGE), b"altered")
    digest = forging.sha256(unsealed_case, PAGE)
    forging.change_ledger(
        unsealed_case,
        lambda entries: [a.update(sha256=digest) for a in forging.stored(entries) if a["path"] == PAGE],
    )
    report = unsealed_case.verify()
    assert report.exit() is Exit.CHAIN
    assert subjects(report, Exit.CHAIN) == {f"{unsealed_case.bag}/{PAGE}"}


def test_a_torn_tail_of_attestations_hides_no_contradiction(unsealed_case):
    overwrite(unsealed_case.path(PAGE), b"altered")
    digest = forging.sha256(unsealed_case, PAGE)
    forging.change_ledger(
        unsealed_case,
        lambda entries: [a.update(sha256=digest) for a in forging.stored(entries) if a["path"] == PAGE],
    )
    with unsealed_case.path(bag.ATTESTATIONS).open("ab") as file:
        file.write(b'{"payl')
    assert unsealed_case.verify().exit() is Exit.CHAIN


def test_attestations_ahead_of_the_ledger_are_what_a_crash_leaves(unsealed_case):
    path = unsealed_case.path(bag.LEDGER)
    kept = [line for line in path.read_bytes().splitlines(keepends=True) if b'"type":"exchange"' not in line]
    overwrite(path, b"".join(kept[:3]))
    report = unsealed_case.verify()
    assert report.exit() is Exit.INCOMPLETE
    assert any("does not acknowledge" in check.summary for check in report.checks)


def test_torn_journals_of_an_unsealed_bag_are_said_and_no_defect(unsealed_case):
    for name in (bag.ATTESTATIONS, bag.LEDGER):
        with unsealed_case.path(name).open("ab") as file:
            file.write(b'{"torn')
    report = unsealed_case.verify()
    assert report.exit() is Exit.INCOMPLETE
    torn = [check.id for check in report.checks if "torn" in check.summary]
    assert torn == ["attestations", "ledger"]


def test_a_swapped_ledger_line_of_an_unsealed_bag_breaks_the_chain(unsealed_case):
    swap_lines(unsealed_case.path(bag.LEDGER), 2, 3)
    assert Exit.CHAIN in verdicts(unsealed_case.verify())


def test_a_link_in_an_unsealed_bag_is_unexpected(unsealed_case):
    unsealed_case.path("data/planted").symlink_to("/etc/passwd")
    assert unsealed_case.verify().exit() is Exit.UNEXPECTED


def test_an_unsealed_ledger_of_another_acquisition_is_a_stranger(unsealed_case):
    forging.change_ledger(unsealed_case, lambda entries: entries[0].update(acquisition="other"))
    assert unsealed_case.verify().exit() is Exit.CHAIN


def test_a_ledger_never_leads_verification_out_of_its_bag(unsealed_case):
    outside = unsealed_case.root.parent / "outside"
    outside.write_bytes(b"secret")
    forging.change_ledger(
        unsealed_case, lambda entries: forging.stored(entries)[0].update(path="../../../outside", sha256="0" * 64)
    )
    report = unsealed_case.verify()
    assert report.exit() is Exit.CHAIN
    assert not any("outside" in defect.subject for defect in report.defects)


@pytest.mark.parametrize("name", ["../..", "..", ".", "", "a/b", "a\nb", "\x1b[2J"])
def test_a_log_never_leads_verification_out_of_its_case(tampered, name):
    def rename(said):
        for event in said[1:]:
            event["predicate"]["acquisition"]["id"] = name

    forging.change_log(tampered, rename)
    report = tampered.verify()
    assert Exit.CHAIN in verdicts(report)
    assert all(defect.message.isprintable() for defect in report.defects)


def test_an_acquisition_that_crashed_before_its_first_line_is_incomplete(unsealed_case):
    shutil.rmtree(unsealed_case.root / unsealed_case.bag)
    assert unsealed_case.verify().exit() is Exit.INCOMPLETE


def test_a_sealed_bag_beside_an_unsealed_one_is_incomplete(tmp_path):
    case = make_case(tmp_path / "case", pages=1, names=(), acquisitions=2, sealed=False)
    report = case.verify()
    assert (report.exit(), report.unsealed) == (Exit.INCOMPLETE, 1)


def test_a_bag_shipped_alone_verifies(tampered):
    report = verify_bag(LocalVault(tampered.root), name=tampered.bag, trust=tampered.trust, options=Options())
    assert report.exit() is Exit.OK
    assert any("custody log" in check.summary for check in report.checks)


def test_a_bag_shipped_alone_without_its_seal_is_refused(tampered):
    tampered.path(bag.SEAL).unlink()
    with pytest.raises(SignatureError, match="has no seal"):
        verify_bag(LocalVault(tampered.root), name=tampered.bag, trust=tampered.trust, options=Options())


def test_a_bag_shipped_alone_is_checked_whole(tampered):
    flip(tampered.path(OBJECT), 0)
    report = verify_bag(LocalVault(tampered.root), name=tampered.bag, trust=tampered.trust, options=Options())
    assert report.exit() is Exit.DIGEST
