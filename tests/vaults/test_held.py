"""A case is put into a bucket once, and verified there: by its content, its versions and its locks."""

import json
import os
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support import buckets
from support.between import between
from support.casemaker import NOW, make_case
from support.lab import to_pem

from evidence_kit.acquire.storing import Place, store
from evidence_kit.custody import log
from evidence_kit.custody.verify.case import Options, verify_case
from evidence_kit.errors import Exit, ProviderError, UsageError, VaultError
from evidence_kit.model.check import CheckStatus
from evidence_kit.vaults import held
from evidence_kit.vaults.deposit import Lock
from evidence_kit.vaults.local import LocalVault
from evidence_kit.vaults.registry import open_bucket, open_door, open_subject

UNTIL = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)
CHILD = Path(buckets.__file__).with_name("store_child.py")


@pytest.fixture(params=["amazon", "google", "microsoft"])
def bucket(request):
    """An empty bucket of each provider."""
    return request.getfixturevalue(request.param)


def put(case, bucket, *, lock=Lock(), prefix="/cases/1", vault=None):  # noqa: B008 - frozen
    target, name = open_bucket(bucket.url + prefix, lock, os.environ)
    with closing(target):
        place = Place(vault=target, at=name, lock=lock)
        return store(vault or LocalVault(case.root), case.keeper, place, purpose="for the record", at=NOW)


def judge(case, bucket, prefix="/cases/1"):
    """Return what `verify` says of the content, and what it says of versions and locks."""
    subject = open_subject(bucket.url + prefix, os.environ)
    report = verify_case(subject.vault, name=subject.name, trust=case.trust, options=Options(each_signature=True))
    return report, held.check(subject.vault, lambda: open_door(subject.bucket, Lock(), os.environ), subject.bucket)


def listed(bucket, prefix="/cases/1"):
    with closing(open_door(bucket.url + prefix, Lock(), os.environ)) as door:
        return list(door.listing())


def verdicts(check):
    return {defect.verdict for defect in check.defects}


# -- everywhere ----------------------------------------------------------------------------------------------


def test_a_stored_case_verifies_where_it_lies_and_as_it_was_stored(case, bucket) -> None:
    made = put(case, bucket)
    report, check = judge(case, bucket)

    assert report.exit(require_complete=True) is Exit.OK
    assert (check.status, check.defects) == (CheckStatus.PASS, ())
    assert f"event {made.event} says" in check.summary
    assert case.verify(each_signature=True).exit(require_complete=True) is Exit.OK


def test_the_event_vouches_for_a_receipt_that_names_every_version(case, bucket) -> None:
    made = put(case, bucket)
    copy = held.last_copy(case.vault)
    lines = [json.loads(line) for line in (case.root / copy.receipt).read_text().splitlines()]
    there = {one.path: one.mark for one in listed(bucket)}

    assert (copy.seq, copy.at) == (made.event, f"{bucket.url}/cases/1")
    assert [one["path"] for one in lines] == sorted(set(there) - {log.LOG, log.CHECKPOINT, copy.receipt})
    assert all(
        (one["version"], one["etag"]) == (there[one["path"]].version, there[one["path"]].etag) for one in lines
    )
    assert made.objects == len(lines)
    assert made.bytes == sum((case.root / one["path"]).stat().st_size for one in lines)


def test_storing_again_adds_neither_an_object_nor_an_event(small_case, bucket) -> None:
    first = put(small_case, bucket)
    there = listed(bucket)
    again = put(small_case, bucket)

    assert again == first
    assert listed(bucket) == there
    assert judge(small_case, bucket)[1].status is CheckStatus.PASS


@pytest.mark.slow
def test_a_case_that_went_on_is_stored_elsewhere_and_not_over_its_older_copy(small_case, bucket) -> None:
    put(small_case, bucket)
    small_case.note("one more thing")
    with pytest.raises(VaultError, match="never overwritten"):
        put(small_case, bucket)
    put(small_case, bucket, prefix="/cases/2")

    assert judge(small_case, bucket, "/cases/2")[1].status is CheckStatus.PASS
    assert judge(small_case, bucket)[0].exit(require_complete=True) is Exit.OK


def test_what_is_there_with_other_bytes_stays_and_stops_the_run(small_case, bucket) -> None:
    bucket.put("cases/1/case.json", b"{}")
    with pytest.raises(VaultError, match=r"case\.json.*never overwritten"):
        put(small_case, bucket)

    assert {one.path for one in listed(bucket)} & {log.LOG, log.CHECKPOINT} == set()
    with open_subject(f"{bucket.url}/cases/1", os.environ).vault.open("case.json") as stream:
        assert stream.read() == b"{}"


def test_a_prefix_that_holds_something_else_is_left_alone(small_case, bucket) -> None:
    bucket.put("cases/1/holiday.jpg", b"not evidence")
    with pytest.raises(VaultError, match="none of this case"):
        put(small_case, bucket)

    assert len(listed(bucket)) == 1


def test_an_object_that_was_written_again_with_the_same_bytes_is_noticed(small_case, bucket) -> None:
    put(small_case, bucket)
    bucket.put("cases/1/case.json", (small_case.root / "case.json").read_bytes())
    report, check = judge(small_case, bucket)

    assert report.exit(require_complete=True) is Exit.OK  # its content is what was sealed
    assert verdicts(check) == {Exit.UNEXPECTED}
    assert [defect.subject for defect in check.defects] == ["case.json"]


def test_a_deleted_and_an_added_object_are_noticed(small_case, bucket) -> None:
    put(small_case, bucket)
    bucket.delete("cases/1/case.json")
    bucket.put("cases/1/bags/added", b"x")
    check = judge(small_case, bucket)[1]

    assert {defect.subject for defect in check.defects} == {"case.json", "bags/added"}
    assert check.status is CheckStatus.FAIL


@pytest.mark.slow
def test_a_receipt_that_was_changed_or_is_gone_is_a_defect(small_case, bucket) -> None:
    made = put(small_case, bucket)
    receipt = f"cases/1/{held.RECEIPTS}/{made.event}.jsonl"
    bucket.put(receipt, b"{}\n")
    assert Exit.DIGEST in verdicts(judge(small_case, bucket)[1])
    bucket.delete(receipt)
    assert Exit.MISSING in verdicts(judge(small_case, bucket)[1])


def test_a_copy_that_nobody_stored_is_not_checked_and_passes_for_nothing(small_case, bucket) -> None:
    for path in small_case.files:
        bucket.put(f"cases/1/{path}", (small_case.root / path).read_bytes())
    report, check = judge(small_case, bucket)

    assert report.exit(require_complete=True) is Exit.OK
    assert (check.status, check.summary) == (
        CheckStatus.NOT_CHECKED,
        "no event says how the case came into this bucket",
    )


def test_a_copy_of_the_copy_is_told_from_it(small_case, bucket) -> None:
    put(small_case, bucket)
    for path in small_case.files:
        bucket.put(f"elsewhere/{path}", (small_case.root / path).read_bytes())
    check = judge(small_case, bucket, "/elsewhere")[1]

    assert check.status is CheckStatus.NOT_CHECKED
    assert f"{bucket.url}/cases/1" in check.summary


def test_an_older_generation_does_not_stand_in_for_one_that_was_deleted(
    small_case, gcs, request, monkeypatch
) -> None:
    kept = buckets.google(gcs, buckets.name_of(request.node.nodeid), versioning=True)
    buckets.enter(monkeypatch, kept)
    put(small_case, kept)
    assert judge(small_case, kept)[1].status is CheckStatus.PASS
    kept.delete("cases/1/case.json")
    with closing(open_door(f"{kept.url}/cases/1", Lock(), os.environ)) as door:
        check = held.check(small_case.vault, lambda: door, f"{kept.url}/cases/1")

    assert [(one.subject, "deleted" in one.message) for one in check.defects] == [("case.json", True)]


# -- what does not start -------------------------------------------------------------------------------------


def test_an_acquisition_without_its_seal_is_not_stored(unsealed_case, google) -> None:
    with pytest.raises(UsageError, match="not sealed"):
        put(unsealed_case, google)
    assert listed(google) == []


@pytest.mark.parametrize("provider", ["google", "microsoft"])
def test_a_lock_that_would_not_be_set_is_refused(small_case, provider, request) -> None:
    with pytest.raises(UsageError, match="not locked from here"):
        put(small_case, request.getfixturevalue(provider), lock=Lock(hold=True))


# -- Object Lock ---------------------------------------------------------------------------------------------

LOCKED = Lock(mode="COMPLIANCE", until=UNTIL, hold=True)


def versions(ministack, bucket):
    name = bucket.url.removeprefix("s3://")
    found = ministack.client("s3").list_object_versions(Bucket=name)["Versions"]
    return [{"Bucket": name, "Key": one["Key"], "VersionId": one["VersionId"]} for one in found]


def test_every_object_is_locked_and_verify_reads_each_lock_again(small_case, amazon, ministack) -> None:
    made = put(small_case, amazon, lock=LOCKED)
    s3, there = ministack.client("s3"), versions(ministack, amazon)
    kept = [s3.get_object_retention(**one)["Retention"] for one in there]
    check = judge(small_case, amazon)[1]

    assert {(one["Mode"], one["RetainUntilDate"]) for one in kept} == {("COMPLIANCE", UNTIL)}
    assert {s3.get_object_legal_hold(**one)["LegalHold"]["Status"] for one in there} == {"ON"}
    assert len(there) == made.objects + 3  # the receipt, the log, its checkpoint
    assert check.status is CheckStatus.PASS
    assert f"{len(there)} objects" in check.summary
    assert f"COMPLIANCE mode until {UNTIL:%Y-%m-%d} and under legal hold" in check.summary


def test_the_log_says_what_was_asked(small_case, amazon) -> None:
    made = put(small_case, amazon, lock=LOCKED)

    assert made.fields["store"]["mode"] == "COMPLIANCE"
    assert made.fields["store"]["legalHold"] is True
    assert held.last_copy(small_case.vault).lock == LOCKED


@pytest.mark.slow
def test_a_legal_hold_that_was_lifted_is_found(small_case, amazon, ministack) -> None:
    put(small_case, amazon, lock=Lock(hold=True))
    one = next(one for one in versions(ministack, amazon) if one["Key"].endswith("case.json"))
    ministack.client("s3").put_object_legal_hold(**one, LegalHold={"Status": "OFF"})
    check = judge(small_case, amazon)[1]

    assert verdicts(check) == {Exit.PROVIDER_PROOF}
    assert [(one.subject, "no legal hold" in one.message) for one in check.defects] == [("case.json", True)]


def test_a_retention_that_was_shortened_is_found(small_case, amazon, ministack) -> None:
    put(small_case, amazon, lock=Lock(mode="GOVERNANCE", until=UNTIL))
    one = next(one for one in versions(ministack, amazon) if one["Key"].endswith("log.jsonl"))
    sooner = {"Mode": "GOVERNANCE", "RetainUntilDate": UNTIL - timedelta(days=20)}
    ministack.client("s3").put_object_retention(**one, Retention=sooner, BypassGovernanceRetention=True)
    check = judge(small_case, amazon)[1]

    assert verdicts(check) == {Exit.PROVIDER_PROOF}
    assert [one.subject for one in check.defects] == ["custody/log.jsonl"]


def test_a_longer_and_a_stricter_retention_are_no_defect(small_case, amazon, ministack) -> None:
    put(small_case, amazon, lock=Lock(mode="GOVERNANCE", until=UNTIL))
    one = versions(ministack, amazon)[0]
    later = {"Mode": "COMPLIANCE", "RetainUntilDate": UNTIL + timedelta(days=20)}
    ministack.client("s3").put_object_retention(**one, Retention=later, BypassGovernanceRetention=True)

    assert judge(small_case, amazon)[1].status is CheckStatus.PASS


def test_a_deletion_marker_is_found_and_the_version_below_it_is_left(small_case, amazon, ministack) -> None:
    put(small_case, amazon)
    before = versions(ministack, amazon)
    amazon.delete("cases/1/case.json")
    check = judge(small_case, amazon)[1]

    assert [(one.subject, "deleted" in one.message) for one in check.defects] == [("case.json", True)]
    assert versions(ministack, amazon) == before


def test_a_bucket_without_object_lock_is_refused_before_anything_is_stored(
    small_case, ministack, request, monkeypatch
) -> None:
    plain = buckets.amazon(ministack, buckets.name_of(request.node.nodeid), lockable=False)
    buckets.enter(monkeypatch, plain)
    with pytest.raises(UsageError, match="no Object Lock"):
        put(small_case, plain, lock=LOCKED)

    assert listed(plain) == []


def test_what_is_there_without_the_lock_does_not_pass_for_locked(small_case, amazon) -> None:
    amazon.put("cases/1/case.json", (small_case.root / "case.json").read_bytes())
    with pytest.raises(ProviderError, match=r"case\.json.*not locked as asked"):
        put(small_case, amazon, lock=LOCKED)


def test_locks_that_may_not_be_read_are_not_checked(small_case, amazon, ministack, monkeypatch) -> None:
    put(small_case, amazon, lock=LOCKED)
    denied = b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>"
    with between(ministack.url) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        server.refuse = lambda said: (
            denied if said.startswith("GET") and "versions" in said.partition(" HTTP")[0] else b""
        )
        report, check = judge(small_case, amazon)

    assert report.exit(require_complete=True) is Exit.OK
    assert check.status is CheckStatus.NOT_CHECKED
    assert "denied" in check.summary


# -- interruption --------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("nth", [2, 7, -2, -1])
def test_a_run_that_is_killed_leaves_nothing_that_verifies_and_the_next_completes_it(
    tmp_path, ministack, request, monkeypatch, nth
) -> None:
    case = make_case(tmp_path / "case", pages=1, names=("two words",))
    name = buckets.name_of(request.node.nodeid)
    bucket = buckets.enter(monkeypatch, buckets.amazon(ministack, name))
    puts = len(case.files) + 1  # and the receipt
    last = nth == -1
    with between(ministack.url) as server:
        child = started(case, bucket, server.url)
        server.kill, server.lose = child.pid, nth_of("PUT", nth if nth > 0 else puts + 1 + nth)
        child.communicate(b"go\n", timeout=60)
        assert server.lost == 1
    assert child.returncode == -9

    report, check = judge(case, bucket)
    assert last or report.exit(require_complete=True) not in {Exit.OK, Exit.INCOMPLETE}
    assert last or check.status is not CheckStatus.PASS
    put(case, bucket, lock=LOCKED)
    report, check = judge(case, bucket)
    assert report.exit(require_complete=True) is Exit.OK
    assert check.status is CheckStatus.PASS
    assert len(listed(bucket)) == puts


def started(case, bucket, endpoint):
    """Start a program that stores the case once it is told to."""
    said = {
        "root": str(case.root),
        "url": f"{bucket.url}/cases/1",
        "signer": to_pem(case.signer),
        "log": to_pem(case.log_signer),
        "until": UNTIL.isoformat(),
    }
    environ = {**os.environ, "AWS_ENDPOINT_URL": endpoint, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [sys.executable, CHILD, json.dumps(said)], stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=environ
    )


def nth_of(word, number):
    """Return what loses the answer to the `number`th request that begins with `word`."""
    left = [number]

    def lose(said):
        left[0] -= said.startswith(word)
        return said.startswith(word) and left[0] == 0

    return lose


def test_a_lost_answer_is_asked_for_again_and_nothing_is_stored_twice(
    small_case, amazon, ministack, monkeypatch
) -> None:
    with between(ministack.url) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        server.lose = nth_of("PUT", 2)
        put(small_case, amazon, lock=LOCKED)
        assert server.lost == 1
        assert judge(small_case, amazon)[1].status is CheckStatus.PASS


@pytest.mark.slow
def test_verifying_asks_once_for_each_artifact_and_once_for_all_versions(
    case, amazon, ministack, monkeypatch
) -> None:
    put(case, amazon)
    with between(ministack.url) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        report, check = judge(case, amazon)
        asked = [one.split(" ")[:2] for one in server.seen]
    data = [path for _, path in asked if "/data/" in path and "?" not in path]

    assert (report.exit(require_complete=True), check.status) == (Exit.OK, CheckStatus.PASS)
    assert len(data) == len(set(data)) == sum("/data/" in path for path in case.files)
    assert [method for method, path in asked if "versions" in path] == ["GET"]
    assert [path.rpartition("/")[2] for method, path in asked if method == "HEAD"] == ["case.json"]
