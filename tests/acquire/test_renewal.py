"""Renewing a case: what is listed, how it is checked, and when it is refused."""

import hashlib
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from support import casemaker
from support.casemaker import make_case
from support.stamping import case_of_today, check_of, stamp, trusting, verify
from support.tampering import flip, overwrite
from support.tsa import Tsa, needs_openssl

from evidence_kit.acquire.renewal import renew_case, require_sound
from evidence_kit.custody import log, renewal, statement, timestamp
from evidence_kit.errors import DigestError, Exit, UntrustedError, UsageError

MANIFEST = "custody/renewals/1-manifest-sha512.txt"


@pytest.fixture
def case(tmp_path, monkeypatch):
    return case_of_today(tmp_path / "case", monkeypatch)


@pytest.fixture(scope="module")
def tsa(tmp_path_factory):
    with Tsa(tmp_path_factory.mktemp("tsa") / "a").serving() as served:
        yield served


def renew(case, trust=None, reason="SHA-256 is ageing"):
    vault = case.vault
    with vault.lock():
        require_sound(vault, trust or case.trust)
        with vault.working():
            return renew_case(vault, case.keeper_of(vault), reason, lambda: datetime.now(UTC))


def listed(case, path=MANIFEST):
    return [line.partition("  ")[2] for line in (case.root / path).read_text().splitlines()]


def test_everything_but_what_grows_is_listed_in_order(case) -> None:
    before = set(case.files)
    made = renew(case)

    assert made.path == MANIFEST
    assert set(listed(case)) == before - {log.LOG, log.CHECKPOINT}
    assert listed(case) == sorted(listed(case))
    assert made.files == len(listed(case))


@pytest.mark.skipif(shutil.which("sha512sum") is None, reason="sha512sum is not installed")
def test_sha512sum_checks_the_manifest_from_the_case_folder(case) -> None:
    renew(case)
    command = ["sha512sum", "-c", "--strict", "--quiet", MANIFEST]
    subprocess.run(command, cwd=case.root, check=True, capture_output=True)

    overwrite(case.path("bagit.txt"), b"changed")
    assert subprocess.run(command, cwd=case.root, check=False, capture_output=True).returncode == 1


def test_a_renewed_case_verifies_and_says_that_it_was_hashed_again(case) -> None:
    made = renew(case)

    report = verify(case, case.trust)
    assert report.exit() is Exit.OK, report.defects
    assert f"{made.files} files listed in {MANIFEST} hashed again with SHA-512" in check_of(report, "renewal").summary


def test_a_second_renewal_lists_the_first(case) -> None:
    renew(case)
    second = renew(case)

    assert second.path == "custody/renewals/2-manifest-sha512.txt"
    assert MANIFEST in listed(case, second.path)
    assert verify(case, case.trust).exit() is Exit.OK


@needs_openssl
def test_the_manifest_itself_and_the_log_are_stamped_with_sha512(case, tsa) -> None:
    stamp(case, tsa)
    renew(case)
    told = stamp(case, tsa)

    assert [item.of for item in told] == [MANIFEST, "custody/checkpoints/5"]
    assert {item.reply.algorithm for item in told} == {"sha512"}
    assert told[0].path.startswith("custody/renewals/1/")
    token = (case.root / told[0].path).read_bytes()
    assert timestamp.verify(token, (case.root / MANIFEST).read_bytes(), [tsa.authority])
    report = verify(case, trusting(case, tsa), require_timestamp=True)
    assert report.exit() is Exit.OK, report.defects
    assert f"{MANIFEST} time-stamped" in check_of(report, "renewal").summary
    assert stamp(case, tsa) == ()
    second = renew(case)
    assert told[0].path in listed(case, second.path)


def test_a_flipped_byte_of_the_manifest_is_found(case) -> None:
    renew(case)
    flip(case.root / MANIFEST, 5)

    report = verify(case, case.trust)
    assert [(d.verdict, d.subject) for d in report.defects] == [(Exit.DIGEST, MANIFEST)]


def test_a_manifest_that_is_gone_is_missing(case) -> None:
    renew(case)
    (case.root / MANIFEST).unlink()

    assert verify(case, case.trust).exit() is Exit.MISSING


def test_a_changed_file_differs_from_both_manifests(case) -> None:
    renew(case)
    artifact = next(path for path in case.files if "/data/" in path)
    (case.root / artifact).chmod(0o644)
    flip(case.root / artifact, 0)

    report = verify(case, case.trust)
    assert report.exit() is Exit.DIGEST
    messages = {d.message for d in report.defects if d.subject == artifact}
    assert messages == {"differs from what was sealed", f"differs from what {MANIFEST} recorded"}


def test_a_listed_file_that_is_gone_is_missing(case) -> None:
    made = renew(case)
    (case.root / case.bag / "record/acquisition.json").unlink()

    report = verify(case, case.trust)
    assert any(d.message == f"is listed in {made.path}, and gone" for d in report.defects)


def _append(case, path, content, **fields):
    """Write an event of a renewal that never was."""
    target = case.root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    said = {"algorithm": "sha512", "sha512": hashlib.sha512(content).hexdigest(), "files": 1, "reason": "x", **fields}
    vault = case.vault
    case.keeper_of(vault).append(
        log.RENEWED,
        at=datetime.now(UTC),
        subjects=[statement.Subject(path, hashlib.sha256(content).hexdigest())],
        fields={"renewal": said},
    )
    vault.close()


@pytest.mark.parametrize(
    ("path", "content", "fields", "code"),
    [
        (MANIFEST, b"", {"files": 0}, Exit.DIGEST),
        (MANIFEST, b"", {"files": 1}, Exit.DIGEST),
        (MANIFEST, b"not a manifest\n", {}, Exit.DIGEST),
        (MANIFEST, b"0" * 128 + b"  ../../etc/passwd\n", {}, Exit.DIGEST),
        (MANIFEST, b"0" * 128 + b"  case.json", {}, Exit.DIGEST),
        (MANIFEST, b"0" * 128 + b"  case.json\n", {}, Exit.DIGEST),
        (MANIFEST, (b"0" * 128 + b"  case.json\n") * 2, {}, Exit.DIGEST),
        (MANIFEST, b"", {"algorithm": "md5"}, Exit.UNEXPECTED),
        (MANIFEST, b"", {"sha512": "0" * 128}, Exit.DIGEST),
        ("custody/renewals/2-manifest-sha512.txt", b"", {}, Exit.UNEXPECTED),
    ],
)
def test_a_forged_renewal_is_a_defect(case, path, content, fields, code) -> None:
    _append(case, path, content, **fields)

    report = verify(case, case.trust)
    wanted = Exit.SIGNATURE if fields.get("algorithm") == "md5" else code
    assert report.exit() is wanted, report.defects


def test_what_an_interrupted_renewal_left_is_told_and_made_anew(case) -> None:
    (case.root / "custody/renewals").mkdir()
    (case.root / MANIFEST).write_bytes(b"half")

    report = verify(case, case.trust)
    assert report.exit() is Exit.OK
    assert "interrupted renewal" in f"{report.unasked} {check_of(report, 'renewal').summary}"
    renew(case)
    assert MANIFEST not in listed(case)
    assert verify(case, case.trust).exit() is Exit.OK


def test_a_case_that_does_not_verify_is_not_renewed(case) -> None:
    overwrite(case.path("bagit.txt"), b"changed")
    before = case.files

    with pytest.raises(DigestError, match="does not verify, so it is not renewed"):
        renew(case)
    assert case.files == before


def test_a_case_of_people_whom_nobody_trusts_is_not_renewed(case) -> None:
    stranger = replace(case.trust, keys={})
    with pytest.raises(UntrustedError):
        renew(case, stranger)


def test_an_unsealed_case_is_not_renewed(tmp_path, monkeypatch) -> None:
    case = case_of_today(tmp_path / "open", monkeypatch, sealed=False)

    with pytest.raises(UsageError, match="not sealed"):
        renew(case)


def test_a_renewal_has_a_reason(case) -> None:
    with pytest.raises(UsageError, match="why"):
        renew(case, reason=" ")


def test_names_that_look_like_left_overs_are_listed_all_the_same(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(casemaker, "NOW", datetime.now(UTC).replace(microsecond=0))
    case = make_case(tmp_path / "odd", names=(".hidden.partial", "x.partial"))
    renew(case)

    assert sum("partial" in path for path in listed(case)) == 2
    assert (case.root / renewal.manifest(1)).exists()


def _dispose(case, scope):
    vault = case.vault
    subject = statement.Subject(log.CASE, hashlib.sha256((case.root / log.CASE).read_bytes()).hexdigest())
    case.keeper_of(vault).append(
        log.DISPOSED, at=datetime.now(UTC), subjects=[subject], fields={"disposal": {"scope": scope}}
    )
    vault.close()


def _custodian(trust):
    both = frozenset({"collector", "custodian"})
    return replace(trust, keys={keyid: replace(key, roles=both) for keyid, key in trust.keys.items()})


@needs_openssl
def test_what_was_disposed_of_is_not_missed_but_what_is_left_is_checked(tmp_path, monkeypatch, tsa) -> None:
    case = case_of_today(tmp_path / "two", monkeypatch, acquisitions=2)
    stamp(case, tsa)
    renew(case)
    trust = _custodian(trusting(case, tsa))
    gone = case.bags[0]
    _dispose(case, gone)
    assert verify(case, trust).exit() is Exit.OK
    shutil.rmtree(case.root / gone)

    report = verify(case, trust)
    assert not report.defects
    assert f"files of {MANIFEST}, which were disposed of" in f"{report.unasked}"
    (case.root / gone / "seal").mkdir(parents=True)
    (case.root / gone / "seal/acquisition.pub").write_bytes(b"something else")
    assert verify(case, trust).exit() is Exit.DIGEST


def test_a_renewal_of_a_case_that_was_disposed_of_may_be_gone_with_it(case) -> None:
    renew(case)
    _dispose(case, "case")
    shutil.rmtree(case.root / case.bag)
    shutil.rmtree(case.root / "custody/renewals")

    assert Exit.MISSING not in {d.verdict for d in verify(case, _custodian(case.trust)).defects}


def test_links_among_renewals_are_unexpected(case) -> None:
    made = renew(case)
    (case.root / made.path).with_name("x").symlink_to(case.root / log.CASE)

    assert verify(case, case.trust).exit() is Exit.UNEXPECTED
