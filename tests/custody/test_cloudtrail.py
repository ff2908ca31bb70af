"""Damage a good CloudTrail digest chain in every way that counts, and see each noticed."""

import base64
import gzip
import hashlib
import json
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from awscli.customizations.cloudtrail.validation import DigestProvider, DigestTraverser
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_kit.custody.cloudtrail import (
    ChainResult,
    Digest,
    check_chain,
    check_signature,
    inflated_sha256,
    parse_digest,
)
from evidence_kit.custody.cloudtrail.digest import MAX_DIGEST
from evidence_kit.errors import EmptyError, Exit, ProviderProofError
from evidence_kit.model.time import Window, rfc3339
from evidence_kit.sandbox.trail import TrailKey, deliver

ACCOUNT, REGION, TRAIL, BUCKET = "111122223333", "eu-west-1", "audit_trail", "audit-logs"
DAY = datetime(2026, 11, 18, tzinfo=UTC)
KEY = TrailKey.generate()
KEYS = {KEY.fingerprint: KEY.public_der}
Tree = dict[str, tuple[bytes, dict[str, str]]]


def at(hour: float) -> datetime:
    return DAY + timedelta(hours=hour)


def window(start: float, end: float) -> Window:
    return Window(at(start), at(end))


def tree(*logging: Window, account: str = ACCOUNT, region: str = REGION, home: str = REGION) -> Tree:
    """Return the objects of a trail that logged one event every ten minutes; by default from 0 to 6 o'clock."""
    logging = logging or (window(0, 6),)
    events = [
        {"eventID": f"event-{minute}", "eventTime": rfc3339(at(minute / 60)), "awsRegion": region}
        for minute in range(0, 24 * 60, 10)
    ]
    objects: Tree = {}
    deliver(
        account=account,
        region=region,
        trail=TRAIL,
        home_region=home,
        bucket=BUCKET,
        key=KEY,
        events=events,
        logging=logging,
        put=lambda key, body, metadata: objects.__setitem__(key, (body, dict(metadata))),
    )
    return objects


def places(objects: Tree) -> list[str]:
    return sorted(key for key in objects if "/CloudTrail-Digest/" in key)


def parse(key: str, body: bytes, metadata: dict[str, str]) -> Digest:
    name = key.rsplit("/", 1)[-1]
    return parse_digest(body, signature=metadata.get("signature", ""), name=name, stored=(BUCKET, key))


def digests(objects: Tree) -> list[Digest]:
    return [parse(key, *objects[key]) for key in places(objects)]


def check(objects: Tree, window: Window | None = None) -> ChainResult:
    return check_chain(digests(objects), KEYS, window=window)


def content(objects: Tree, key: str) -> dict[str, object]:
    return json.loads(gzip.decompress(objects[key][0]))


def signed(value: dict[str, object], **metadata: str) -> tuple[bytes, dict[str, str]]:
    """Sign as AWS would: what stands in `value` may be wrong, but the signature is right."""
    text = json.dumps(value).encode()
    previous = value["previousDigestSignature"] or "null"
    lines = (
        value["digestEndTime"],
        f"{value['digestS3Bucket']}/{value['digestS3Object']}",
        hashlib.sha256(text).hexdigest(),
        previous,
    )
    signature = KEY.sign("\n".join(map(str, lines)).encode())
    return gzip.compress(text), {"signature": signature, "signature-algorithm": "SHA256withRSA", **metadata}


def resign(objects: Tree, key: str, **changes: object) -> None:
    objects[key] = signed({**content(objects, key), **changes})


def alter(objects: Tree, key: str, **changes: object) -> None:
    """Change a digest and leave its signature."""
    objects[key] = (gzip.compress(json.dumps({**content(objects, key), **changes}).encode()), objects[key][1])


def messages(result: ChainResult) -> str:
    assert all(defect.verdict is Exit.PROVIDER_PROOF for defect in result.defects)
    return "\n".join(f"{defect.subject}: {defect.message}" for defect in result.defects)


def body_of(**changes: object) -> bytes:
    objects = tree()
    value = content(objects, places(objects)[1]) | changes
    return gzip.compress(json.dumps({k: v for k, v in value.items() if v is not ...}).encode())


def read(body: bytes) -> Digest:
    return parse_digest(body, signature="", name="d1")


# --- a good chain


def test_good_chain_passes_whole():
    result = check(tree())
    assert (result.valid, result.total, result.defects, result.findings) == (6, 6, (), ())


def test_claims_name_every_delivered_log_with_its_hash():
    objects = tree()
    claims = {claim.key: claim.sha256 for claim in check(objects).logs}
    assert claims == {key: inflated_sha256([body]) for key, (body, _) in objects.items() if "/CloudTrail/" in key}


@settings(deadline=None)
@given(st.randoms(use_true_random=False))
def test_order_of_digests_does_not_matter(random):
    shuffled = digests(tree())
    random.shuffle(shuffled)
    assert check_chain(shuffled, KEYS) == check(tree())


def test_exact_copies_count_once():
    assert check_chain(digests(tree()) * 2, KEYS).total == 6


def test_no_digest_is_not_a_pass():
    with pytest.raises(EmptyError):
        check_chain([], KEYS)


def test_digest_knows_its_trail_and_span():
    digest = digests(tree(home="us-east-1"))[1]
    assert digest.trail_id == (ACCOUNT, REGION, TRAIL, "us-east-1")
    assert (digest.start, digest.end, digest.backfill) == (at(1), at(2), False)


def test_member_of_an_organization_trail_is_read():
    objects = tree()
    key = places(objects)[0]
    moved = key.replace("AWSLogs/", "logs/AWSLogs/o-abc123/")
    body, metadata = signed(content(objects, key) | {"digestS3Object": moved})
    check_signature(parse(moved, body, metadata), KEYS)


# --- signatures


def test_wrong_signature_fails():
    objects = tree()
    first, second, *_ = places(objects)
    objects[second] = (objects[second][0], objects[first][1])
    result = check(objects)
    assert "AWS's signature of" in messages(result)
    assert result.valid == 5


def test_unsigned_digest_makes_no_claims():
    objects = tree()
    key = places(objects)[2]
    alter(objects, key, logFiles=[])
    assert {claim.key for claim in check(objects).logs} == {
        str(entry["s3Object"])
        for other in places(objects)
        if other != key
        for entry in content(objects, other)["logFiles"]
    }


def test_unknown_key_is_named_by_fingerprint():
    with pytest.raises(ProviderProofError, match=KEY.fingerprint):
        check_signature(digests(tree())[0], {})


def test_unreadable_key_fails():
    with pytest.raises(ProviderProofError, match="is unreadable"):
        check_signature(digests(tree())[0], {KEY.fingerprint: b"not DER"})


def test_key_that_is_not_rsa_fails():
    der = (
        ec.generate_private_key(ec.SECP256R1())
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    with pytest.raises(ProviderProofError, match="not an RSA key"):
        check_signature(digests(tree())[0], {KEY.fingerprint: der})


def test_other_algorithm_fails():
    objects = tree()
    resign(objects, places(objects)[5], digestSignatureAlgorithm="SHA1withRSA")
    assert "SHA1withRSA" in messages(check(objects))


def test_signature_in_upper_case_is_not_what_aws_wrote():
    objects = tree()
    key = places(objects)[5]
    objects[key][1]["signature"] = objects[key][1]["signature"].upper()
    assert "lower-case hex" in messages(check(objects))


def test_lost_signature_is_taken_from_the_successor():
    objects = tree()
    objects[places(objects)[2]][1].clear()
    result = check(objects)
    assert (result.valid, result.defects) == (6, ())


def test_lost_signature_of_the_newest_is_a_defect():
    objects = tree()
    objects[places(objects)[5]][1].clear()
    result = check(objects)
    assert "is unknown" in messages(result)
    assert result.valid == 5


def test_lost_signature_is_taken_from_a_copy():
    newest = digests(tree())[5]
    copy = parse_digest(tree()[newest.key][0], signature="", name="copy")
    result = check_chain([*digests(tree()), copy], KEYS)
    assert (result.total, result.defects) == (6, ())


# --- places


def test_digest_at_the_place_of_another_is_reported():
    objects = tree()
    third, newest = places(objects)[2], places(objects)[5]
    objects[newest] = objects[third]
    result = check(objects)
    assert "did not stand at" in messages(result)
    assert result.findings == ()


def test_copied_tree_is_a_finding_and_no_defect():
    copies = [
        parse_digest(body, signature=meta["signature"], name=key, stored=("evidence", f"case-7/{key}"))
        for key, (body, meta) in tree().items()
        if "-Digest/" in key
    ]
    result = check_chain(copies, KEYS)
    assert result.defects == ()
    assert [finding.kind for finding in result.findings] == ["digest_moved"]


def test_unknown_place_is_not_a_move():
    bare = [
        parse_digest(body, signature=meta["signature"], name=key)
        for key, (body, meta) in tree().items()
        if "-Digest/" in key
    ]
    assert check_chain(bare, KEYS).findings == ()


@pytest.mark.parametrize(
    "foreign",
    [{"account": "444455556666"}, {"region": "us-east-1"}, {"home": "us-east-1"}],
    ids=["account", "region", "home"],
)
def test_foreign_digest_is_reported_and_claims_nothing(foreign):
    strangers = tree(window(6, 7), **foreign)
    result = check_chain([*digests(tree()), *digests(strangers)], KEYS)
    assert "belongs to" in messages(result)
    assert result.logs == check(tree()).logs


# --- links


def test_replaced_digest_contradicts_its_successor():
    objects = tree()
    resign(objects, places(objects)[2], logFiles=[])
    result = check(objects)
    assert result.valid == 6
    assert "altered or replaced" in messages(result)
    assert dict(result.defects[0].facts)["found"] == digests(objects)[2].sha256


def test_altered_digest_fails_signature_and_hash():
    objects = tree()
    alter(objects, places(objects)[2], logFiles=[])
    assert "does not verify" in messages(check(objects))
    assert "altered or replaced" in messages(check(objects))


def test_previous_signature_that_does_not_match_is_reported():
    objects = tree()
    second, newest = places(objects)[2], places(objects)[5]
    resign(objects, newest, previousDigestSignature=objects[second][1]["signature"])
    assert "the signature of" in messages(check(objects))


def test_altered_newest_digest_is_reported():
    objects = tree()
    alter(objects, places(objects)[5], logFiles=[])
    assert "does not verify" in messages(check(objects))


@pytest.mark.parametrize("gone", [[2], [2, 3], [1, 2, 3, 4]], ids=["one", "two", "four"])
def test_deleted_digests_in_the_middle_are_reported(gone):
    objects = tree()
    keys = places(objects)
    for index in gone:
        del objects[keys[index]]
    result = check(objects)
    assert [defect.subject for defect in result.defects] == [f"s3://{BUCKET}/{keys[gone[-1]]}"]
    assert dict(result.defects[0].facts) == {"start": rfc3339(at(gone[0])), "end": rfc3339(at(gone[-1] + 1))}


def test_digest_that_names_another_previous_leaves_an_hour_unproved():
    objects = tree()
    resign(objects, places(objects)[5], previousDigestS3Object="AWSLogs/elsewhere.json.gz")
    (defect,) = check(objects).defects
    assert defect.subject == f"s3://{BUCKET}/AWSLogs/elsewhere.json.gz"
    assert dict(defect.facts) == {"start": rfc3339(at(4)), "end": rfc3339(at(5))}


def test_deleted_digest_is_reported_although_its_neighbour_is_altered():
    objects = tree()
    keys = places(objects)
    del objects[keys[2]]
    alter(objects, keys[3], logFiles=[])
    assert keys[2] in messages(check(objects))


def test_deleted_start_of_a_chain_is_reported_when_the_window_covers_it():
    objects = tree()
    first = places(objects)[0]
    del objects[first]
    assert first in messages(check(objects, window(0, 6)))


def test_digest_before_the_range_is_not_missed():
    objects = tree()
    del objects[places(objects)[0]]
    assert check(objects).defects == ()
    assert check(objects, window(1.5, 6)).defects == ()


def test_links_are_checked_even_when_no_key_is_known():
    objects = tree()
    gone = places(objects)[3]
    del objects[gone]
    result = check_chain(digests(objects), {})
    assert result.valid == 0
    assert gone in messages(result)


def test_digest_that_does_not_start_where_the_last_ended_is_reported():
    objects = tree()
    resign(objects, places(objects)[5], digestStartTime=rfc3339(at(5.25)))
    assert f"starts at {rfc3339(at(5.25))}" in messages(check(objects))


def test_linked_digests_that_overlap_are_reported_once():
    objects = tree()
    resign(objects, places(objects)[5], digestStartTime=rfc3339(at(4.5)))
    assert len(check(objects).defects) == 1


def test_chains_that_overlap_are_reported():
    objects = tree(window(0, 3)) | tree(window(2.25, 2.75))
    assert "covers time that" in messages(check(objects))


def test_same_digest_with_different_bytes_is_reported():
    objects = tree()
    forged = tree()
    alter(forged, places(forged)[5], logFiles=[])
    result = check_chain([*digests(objects), digests(forged)[5]], KEYS)
    assert "different bytes" in messages(result)
    assert result.logs == check(objects).logs


def test_forged_copy_does_not_take_the_place_of_the_signed_digest():
    forged = tree()
    alter(forged, places(forged)[2], digestEndTime=rfc3339(at(2.5)))
    result = check_chain([*digests(tree()), digests(forged)[2]], KEYS)
    assert "altered or replaced" not in messages(result)
    assert result.valid == 6


def test_same_digest_with_different_signatures_is_reported():
    objects = tree()
    first, newest = places(objects)[0], places(objects)[5]
    other = parse(newest, objects[newest][0], objects[first][1])
    assert "different signatures" in messages(check_chain([*digests(objects), other], KEYS))


# --- time that no digest covers


def test_stopped_trail_is_a_finding_and_no_defect():
    result = check(tree(window(0, 2.5), window(5, 8)))
    assert result.defects == ()
    assert [(f.kind, f.window) for f in result.findings] == [("not_logged", window(2.5, 5))]


def test_restart_without_a_gap_is_no_finding():
    assert check(tree(window(0, 2), window(2, 4))).findings == ()


def test_start_of_logging_inside_the_window_is_a_finding():
    result = check(tree(window(2, 6)), window(0, 6))
    assert [(f.kind, f.window) for f in result.findings] == [("not_logged", window(0, 2))]


def test_window_before_all_logging_is_a_finding():
    result = check(tree(window(4, 6)), window(0, 2))
    assert result.findings[0].window == window(0, 2)


def test_missing_newest_digests_are_a_finding():
    result = check(tree(), window(0, 9))
    assert [(f.kind, f.window) for f in result.findings] == [("no_digest_after", window(6, 9))]


def test_digest_that_may_still_come_is_no_finding():
    assert check(tree(), window(0, 8)).findings == ()


# --- backfill


def backfill(objects: Tree) -> str:
    key = places(objects)[1]
    late = key.replace(".json.gz", "_backfill.json.gz")
    value = content(objects, key) | {"digestS3Object": late, "logFiles": content(objects, key)["logFiles"][:1]}
    objects[late] = signed(value, **{"backfill-generation-timestamp": rfc3339(at(30))})
    return late


def test_backfill_digest_adds_claims_and_leaves_the_chain_alone():
    objects = tree()
    late = backfill(objects)
    result = check(objects)
    assert parse(late, *objects[late]).backfill
    assert (result.valid, result.defects, result.findings) == (7, (), ())


def test_backfill_digest_is_checked_for_its_signature():
    objects = tree()
    alter(objects, backfill(objects), logFiles=[])
    assert "does not verify" in messages(check(objects))


def test_backfill_digests_alone_cover_nothing():
    objects = tree()
    late = backfill(objects)
    result = check_chain([parse(late, *objects[late])], KEYS, window=window(0, 1))
    assert [(f.kind, f.window) for f in result.findings] == [("no_digest_after", window(0, 1))]


def test_backfill_digest_does_not_stand_in_for_a_deleted_one():
    objects = tree()
    backfill(objects)
    gone = places(objects)[1]
    del objects[gone]
    assert gone in messages(check(objects))


# --- properties


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_any_flipped_byte_of_what_aws_signed_is_detected(data):
    objects = tree()
    key = data.draw(st.sampled_from(places(objects)))
    text = bytearray(gzip.decompress(objects[key][0]))
    text[data.draw(st.integers(0, len(text) - 1))] ^= data.draw(st.integers(1, 255))
    objects[key] = (gzip.compress(bytes(text)), objects[key][1])
    assert detected(objects)


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_any_flipped_byte_of_a_stored_digest_is_detected_or_leaves_its_content(data):
    objects = tree()
    key = data.draw(st.sampled_from(places(objects)))
    body = bytearray(objects[key][0])
    body[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))
    good, objects[key] = digests(objects), (bytes(body), objects[key][1])
    assert detected(objects) or digests(objects) == good


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_any_flipped_byte_of_a_signature_is_detected(data):
    objects = tree()
    key = data.draw(st.sampled_from(places(objects)))
    text = bytearray(objects[key][1]["signature"].encode())
    text[data.draw(st.integers(0, len(text) - 1))] ^= data.draw(st.integers(1, 127))
    objects[key][1]["signature"] = text.decode()
    assert detected(objects)


@settings(deadline=None)
@given(st.integers(1, 4), st.integers(1, 4))
def test_deleting_any_digests_between_the_edges_is_detected(first, count):
    objects = tree()
    for key in places(objects)[first : min(first + count, 5)]:
        del objects[key]
    assert detected(objects)


def detected(objects: Tree) -> bool:
    try:
        return bool(check(objects).defects)
    except ProviderProofError:
        return True


# --- AWS's own validator as oracle


class Store:
    """An S3 client, and what provides it, as far as AWS's validator asks."""

    def __init__(self, objects: Tree) -> None:
        self.objects = objects

    def get_client(self, _: str) -> "Store":
        return self

    def get_paginator(self, _: str) -> "Store":
        return self

    def paginate(self, **_: str) -> "Store":
        return self

    def search(self, _: str) -> Iterator[str]:
        return iter(sorted(self.objects))

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, object]:  # noqa: N803 - boto3's names
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        body, metadata = self.objects[Key]
        return {"Body": Body(body), "Metadata": metadata}


class Body:
    def __init__(self, data: bytes) -> None:
        self.data = data

    def read(self) -> bytes:
        return self.data


class Published:
    def get_public_keys(self, _: datetime, __: datetime) -> dict[str, dict[str, object]]:
        return {KEY.fingerprint: {"Fingerprint": KEY.fingerprint, "Value": base64.b64encode(KEY.public_der)}}


def ask_aws(objects: Tree, *, backfill: bool = False) -> tuple[int, int]:
    """Return how many digests AWS's validator finds valid, and how many invalid or missing."""
    bad: list[object] = []
    traverser = DigestTraverser(
        digest_provider=DigestProvider(Store(objects), ACCOUNT, TRAIL, REGION),
        starting_bucket=BUCKET,
        starting_prefix=None,
        public_key_provider=Published(),
        on_invalid=lambda **facts: bad.append(facts),
        on_missing=lambda **facts: bad.append(facts),
    )
    return len(list(traverser.traverse_digests(at(0), at(24), is_backfill=backfill))), len(bad)


def test_aws_accepts_what_we_accept():
    objects = tree(window(0.25, 2.5), window(5, 8))
    assert ask_aws(objects) == (6, 0)
    assert (check(objects).valid, check(objects).defects) == (6, ())


def test_aws_accepts_the_backfill_digest_that_we_accept():
    objects = tree()
    backfill(objects)
    valid, invalid = ask_aws(objects, backfill=True)  # AWS goes on to the digest that it names as previous
    assert (valid, invalid) == (2, 0)
    assert check(objects).defects == ()


def drop_two(objects: Tree) -> None:
    for key in places(objects)[2:4]:
        del objects[key]


DAMAGE: dict[str, Callable[[Tree], object]] = {
    "altered": lambda objects: alter(objects, places(objects)[2], logFiles=[]),
    "wrong signature": lambda objects: objects[places(objects)[2]][1].update(
        signature=objects[places(objects)[1]][1]["signature"]
    ),
    "not gzip": lambda objects: objects.__setitem__(places(objects)[2], (b"{}", {})),
    "two deleted": drop_two,
    "at the place of another": lambda objects: objects.__setitem__(places(objects)[5], objects[places(objects)[2]]),
    "other key": lambda objects: resign(objects, places(objects)[2], digestPublicKeyFingerprint="00" * 16),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_aws_refuses_what_we_refuse(damage):
    objects = tree()
    damage(objects)
    assert ask_aws(objects)[1] > 0
    assert detected(objects)


# --- reading one digest


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "cut short"),
        (b"{}", "damaged gzip"),
        (body_of()[:-1], "cut short"),
        (body_of() + b"\x00", "bytes follow"),
        (body_of() + body_of(), "bytes follow"),
        (gzip.compress(b"\xff", mtime=0), "not strict JSON"),
        (gzip.compress(b"[]", mtime=0), "expected a JSON object"),
        (gzip.compress(b'{"a": 1, "a": 2}', mtime=0), "duplicate key"),
        (gzip.compress(b'{"a": NaN}', mtime=0), "not a JSON number"),
        (gzip.compress(b"{}", mtime=0), "`digestS3Object` is missing"),
        (gzip.compress(b"[" * 100_000, mtime=0), "not strict JSON"),
        (body_of(digestS3Object="AWSLogs/x.json.gz"), "not where CloudTrail puts digests"),
        (body_of(awsAccountId="444455556666"), "filed under 111122223333"),
        (body_of(awsAccountId=111122223333), "is int, not str"),
        (body_of(digestS3Bucket=""), "is empty"),
        (body_of(digestS3Bucket="a\nb"), "unprintable"),
        (body_of(digestStartTime="yesterday"), "`yesterday` is not a time"),
        (body_of(digestStartTime="2026-11-18T00:00:00"), "has no time zone"),
        (body_of(digestStartTime="2026-11-18T00:00:00+00:00"), "not of the form"),
        (body_of(digestStartTime=rfc3339(at(2))), "ends before it starts"),
        (body_of(previousDigestSignature=None), "is NoneType"),
        (body_of(previousDigestSignature=...), "is missing"),
        (body_of(previousDigestSignature="XYZ"), "not lower-case hex"),
        (body_of(previousDigestHashValue="AB"), "not a SHA-256"),
        (body_of(previousDigestHashAlgorithm="MD5"), "not a SHA-256"),
        (body_of(logFiles=None), "is NoneType"),
        (body_of(logFiles=["x"]), "not an object"),
        (body_of(logFiles=[{}]), "`s3Bucket` is missing"),
        (
            body_of(
                logFiles=[{"s3Bucket": "b", "s3Object": "k", "hashValue": "00" * 32, "hashAlgorithm": "SHA-256"}]
            ),
            "`oldestEventTime` is missing",
        ),
    ],
)
def test_what_is_not_exactly_a_digest_is_refused(body, why):
    with pytest.raises(ProviderProofError, match=why) as caught:
        read(body)
    assert caught.value.message.startswith("`d1` is not a CloudTrail digest: ")


def test_log_without_event_times_is_read():
    entry = {"s3Bucket": "b", "s3Object": "k", "hashValue": "00" * 32, "hashAlgorithm": "SHA-256"}
    (claim,) = read(body_of(logFiles=[entry | {"oldestEventTime": None, "newestEventTime": None}])).logs
    assert (claim.oldest, claim.newest) == (None, None)


def test_unknown_fields_are_no_reason_to_refuse():
    assert read(body_of(digestVersion=2)).account == ACCOUNT


def test_bomb_is_refused_in_little_memory():
    bomb = gzip.compress(b" " * (MAX_DIGEST + 1))
    tracemalloc.start()
    try:
        with pytest.raises(ProviderProofError, match="larger than"):
            read(bomb)
        assert tracemalloc.get_traced_memory()[1] < 2 * MAX_DIGEST
    finally:
        tracemalloc.stop()


# --- hashing a log


@settings(deadline=None)
@given(st.binary(min_size=1), st.integers(1, 50))
def test_hash_is_of_the_inflated_log_however_it_is_cut(data, size):
    packed = gzip.compress(data)
    chunks = [packed[i : i + size] for i in range(0, len(packed), size)]
    assert inflated_sha256(chunks) == hashlib.sha256(data).hexdigest()


@settings(deadline=None)
@given(st.text(), st.integers(1, 50))
def test_log_that_a_client_inflated_has_the_same_hash(text, size):
    data = json.dumps({"Records": [text]}).encode()
    chunks = [data[i : i + size] for i in range(0, len(data), size)]
    assert inflated_sha256(chunks) == inflated_sha256([gzip.compress(data)])


@pytest.mark.parametrize(
    ("chunks", "why"),
    [
        ([], "empty"),
        ([b"", b""], "empty"),
        ([gzip.compress(b"x")[:-4]], "cut short"),
        ([gzip.compress(b"x")[:-4] + b"\x00\x00\x00\x00"], "damaged gzip"),
        ([gzip.compress(b"x"), b"y"], "bytes follow"),
        ([gzip.compress(b"x"), gzip.compress(b"y")], "bytes follow"),
    ],
)
def test_damaged_log_has_no_hash(chunks, why):
    with pytest.raises(ProviderProofError, match=why):
        inflated_sha256(chunks)


@pytest.mark.parametrize("body", [gzip.compress(b"x" * 1001), b"x" * 1001], ids=["gzip", "plain"])
def test_log_beyond_the_limit_is_refused(body):
    assert inflated_sha256([body], limit=1001)
    with pytest.raises(ProviderProofError, match="larger than"):
        inflated_sha256([body], limit=1000)


def test_hashing_a_large_log_keeps_memory_flat():
    squeeze = zlib.compressobj(wbits=31)
    packed = b"".join([*(squeeze.compress(bytes(1 << 20)) for _ in range(64)), squeeze.flush()])
    tracemalloc.start()
    try:
        inflated_sha256([packed])
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
