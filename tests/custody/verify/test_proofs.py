import json
from dataclasses import replace

import pytest
from support.trails import (
    BUCKET,
    WINDOW,
    FromBucket,
    altered,
    digests_in,
    logs_in,
    make_trail_case,
    objects_of,
    public_keys,
    whole_trail,
)

from evidence_kit.custody.cloudtrail.digest import MAX_DIGEST
from evidence_kit.custody.verify.proofs import DIGESTS, LOGS, Proofs
from evidence_kit.custody.verify.proofs import public_keys as read_keys
from evidence_kit.custody.verify.tally import Tally
from evidence_kit.errors import Exit, ProviderProofError
from evidence_kit.model.check import CheckStatus
from evidence_kit.model.status import UnitStatus
from evidence_kit.vaults.local import LocalVault

OBJECTS = objects_of()
FIRST_LOG, SECOND_LOG, *_ = sorted(logs_in(OBJECTS))
FIRST_DIGEST, *_ = sorted(digests_in(OBJECTS))


def proved(tmp_path, *collectors):
    """Return the check over providers' proofs, and the whole report."""
    report = make_trail_case(tmp_path / "case", *collectors).verify()
    found = [check for check in report.checks if check.id == "proofs"]
    return (found[0] if found else None), report


def changed(**changes):
    digests, logs = whole_trail(OBJECTS)
    return digests, replace(logs, **changes)


def without(objects, *keys):
    return {key: found for key, found in objects.items() if key not in keys}


def test_a_whole_trail_is_proved(tmp_path):
    check, report = proved(tmp_path, *whole_trail(OBJECTS))
    assert check.status is CheckStatus.PASS
    count = len(logs_in(OBJECTS))
    assert check.summary == f"CloudTrail: 3 of 3 digests chain, {count} of {count} log files match AWS's hashes"
    assert report.exit(require_complete=True) is Exit.OK


def test_two_trails_are_proved_apart(tmp_path):
    other = objects_of("other")
    check, report = proved(tmp_path, *whole_trail({**OBJECTS, **other}))
    assert check.summary.startswith("CloudTrail: 6 of 6 digests chain")
    assert report.exit() is Exit.OK


def test_a_log_file_altered_in_the_bucket_contradicts_the_proof(tmp_path):
    body, metadata = OBJECTS[FIRST_LOG]
    bent = {**logs_in(OBJECTS), FIRST_LOG: (altered(body), metadata)}
    check, report = proved(tmp_path, *changed(objects=bent))
    (defect,) = check.defects
    assert report.exit() is Exit.PROVIDER_PROOF
    assert defect.message == "differs from what AWS's digest says was delivered"
    facts = dict(defect.facts)
    assert facts["object"] == f"{BUCKET}/{FIRST_LOG}"
    assert facts["aws"] != facts["found"]


def test_a_log_file_that_is_no_longer_gzip_contradicts_the_proof(tmp_path):
    bent = {**logs_in(OBJECTS), FIRST_LOG: (b"\x1f\x8b broken", {})}
    check, _ = proved(tmp_path, *changed(objects=bent))
    assert "gzip" in dict(check.defects[0].facts)["found"]


def test_an_altered_version_beside_the_genuine_one_is_told_as_such(tmp_path):
    body, _ = OBJECTS[FIRST_LOG]
    check, report = proved(tmp_path, *changed(copies={FIRST_LOG: altered(body)}))
    (defect,) = check.defects
    assert report.exit() is Exit.PROVIDER_PROOF
    assert "another version in this bag is what AWS delivered" in defect.message
    count = len(logs_in(OBJECTS))
    assert check.summary.endswith(f"{count} of {count} log files match AWS's hashes")


def test_a_log_file_deleted_from_the_bucket_is_missed(tmp_path):
    check, report = proved(tmp_path, *changed(objects=without(logs_in(OBJECTS), FIRST_LOG, SECOND_LOG)))
    assert report.exit() is Exit.PROVIDER_PROOF
    assert [defect.subject for defect in check.defects] == [f"{BUCKET}/{FIRST_LOG}", f"{BUCKET}/{SECOND_LOG}"]


def test_log_files_of_a_unit_that_ended_early_are_not_missed(tmp_path):
    kept = without(logs_in(OBJECTS), FIRST_LOG)
    check, report = proved(tmp_path, *changed(objects=kept, closed=UnitStatus.PARTIAL_TRUNCATED))
    assert check.status is CheckStatus.PASS
    assert report.exit(require_complete=True) is Exit.INCOMPLETE


def test_log_files_that_were_never_asked_for_are_not_missed(tmp_path):
    check, _ = proved(tmp_path, whole_trail(OBJECTS)[0])
    assert check.summary == "CloudTrail: 3 of 3 digests chain, 0 of 0 log files match AWS's hashes"


def test_log_files_of_a_unit_without_a_window_are_not_missed(tmp_path):
    kept = without(logs_in(OBJECTS), FIRST_LOG)
    check, _ = proved(tmp_path, *changed(objects=kept, window=None))
    assert check.status is CheckStatus.PASS


def test_log_files_without_digests_prove_nothing_and_say_so(tmp_path):
    check, report = proved(tmp_path, whole_trail(OBJECTS)[1])
    assert check is None
    assert report.exit() is Exit.OK


def test_objects_that_no_digest_claims_do_not_disturb(tmp_path):
    # A name below and above every claim, and one that would sort before its own prefix.
    more = {"AAA": b"x", "zzz": b"y", FIRST_LOG + "\x01": b"z", FIRST_LOG + "\n\t": b"z", "\ud800": b"u"}
    check, _ = proved(tmp_path, *changed(copies=more))
    assert check.status is CheckStatus.PASS


def test_a_deleted_digest_breaks_the_chain(tmp_path):
    second = sorted(digests_in(OBJECTS))[1]
    digests, logs = whole_trail(OBJECTS)
    check, report = proved(tmp_path, replace(digests, objects=without(digests.objects, second)), logs)
    assert report.exit() is Exit.PROVIDER_PROOF
    assert any("is missing" in defect.message for defect in check.defects)


def test_an_altered_digest_is_told_by_the_artifact_that_holds_it(tmp_path):
    body, metadata = OBJECTS[FIRST_DIGEST]
    digests, logs = whole_trail(OBJECTS)
    bent = {**digests.objects, FIRST_DIGEST: (altered(body), metadata)}
    check, report = proved(tmp_path, replace(digests, objects=bent), logs)
    assert report.exit() is Exit.PROVIDER_PROOF
    assert all(defect.subject.startswith(("bags/", "s3://")) or BUCKET in defect.subject for defect in check.defects)


def test_a_digest_that_cannot_be_read_is_told(tmp_path):
    digests, logs = whole_trail(OBJECTS)
    bent = {**digests.objects, FIRST_DIGEST: (b"x", {})}
    check, _ = proved(tmp_path, replace(digests, objects=bent), logs)
    assert any("not a CloudTrail digest" in defect.message for defect in check.defects)


def test_digests_without_their_keys_are_not_taken_for_proved(tmp_path):
    digests, logs = whole_trail(OBJECTS)
    check, report = proved(tmp_path, replace(digests, keys=None), logs)
    assert report.exit() is Exit.PROVIDER_PROOF
    assert "no public key" in check.defects[0].message


@pytest.mark.parametrize(
    "keys",
    [
        b"",
        b"x",
        b"[]",
        b"{}",
        b'{"PublicKeyList":1}',
        b'{"PublicKeyList":[{}]}',
        b'{"PublicKeyList":[{"Fingerprint":"f","Value":7}]}',
        b'{"PublicKeyList":[{"Fingerprint":[],"Value":""}]}',
        b'{"PublicKeyList":[{"Fingerprint":"f","Value":"%"}]}',
        b"[" * 200_000,
    ],
    ids=range(10),
)
def test_keys_that_cannot_be_read_are_told(keys):
    with pytest.raises(ProviderProofError, match="cannot be read"):
        read_keys(keys)


def test_keys_that_cannot_be_read_leave_the_rest_to_be_checked(tmp_path):
    digests, logs = whole_trail(OBJECTS)
    check, _ = proved(tmp_path, replace(digests, keys=b"{}"), logs)
    assert len(check.defects) > 1


def test_keys_are_read_as_aws_lists_them():
    (fingerprint,) = read_keys(public_keys())
    assert fingerprint == json.loads(public_keys())["PublicKeyList"][0]["Fingerprint"]


def test_a_proof_beyond_the_limit_is_refused_unread(tmp_path):
    (tmp_path / "bag").mkdir()
    with (tmp_path / "bag/huge").open("wb") as file:
        file.truncate(MAX_DIGEST + 1)
    proofs = Proofs("bag", digests=[("huge", "", "b/k")])
    tally = Tally("proofs")
    proofs.check(LocalVault(tmp_path), tally)
    assert "larger than" in tally.defects[0].message


def test_a_stored_object_whose_metadata_is_lost_is_still_proved_by_its_successor(tmp_path):
    digests, logs = whole_trail(OBJECTS)
    lost = {key: (body, {} if key == FIRST_DIGEST else said) for key, (body, said) in digests.objects.items()}
    check, _ = proved(tmp_path, replace(digests, objects=lost), logs)
    assert check.status is CheckStatus.PASS


@pytest.mark.parametrize(
    "place",
    [
        "b/AWSLogs/x",
        "b/AWSLogs/111122223333/CloudTrail/us-east-1/x_CloudTrail_us-east-1_20269999T9999Z_x.json.gz",
        "b/AWSLogs/999999999999/CloudTrail/us-east-1/x_CloudTrail_us-east-1_20261118T0000Z_x.json.gz",
        "b/AWSLogs/111122223333/CloudTrail/eu-west-1/x_CloudTrail_eu-west-1_20261118T0000Z_x.json.gz",
        "b/AWSLogs/111122223333/CloudTrail/us-east-1/x_CloudTrail_us-east-1_20261119T0000Z_x.json.gz",
    ],
)
def test_a_place_outside_of_what_was_asked_was_not_asked_for(place):
    proofs = Proofs("bag", whole=[("111122223333", "us-east-1", WINDOW)])
    assert not proofs._was_asked_for(place)
    inside = "b/AWSLogs/111122223333/CloudTrail/us-east-1/x_CloudTrail_us-east-1_20261118T0000Z_x.json.gz"
    assert proofs._was_asked_for(inside)


def test_sources_are_told_apart_by_their_whole_names():
    assert (DIGESTS, LOGS) == ("aws.cloudtrail.digest", "aws.cloudtrail.s3")
    assert FromBucket(LOGS, {}).spec.name == LOGS
