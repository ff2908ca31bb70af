"""What tokens prove about seals and events, and what becomes of those that prove nothing."""

import hashlib
import os
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from support import casemaker
from support.casemaker import make_case
from support.stamping import case_of_today, check_of, stamp, trusting, verify
from support.tampering import Snapshot, flip, overwrite
from support.tsa import POLICY, Tsa, needs_openssl

from evidence_kit.acquire.stamping import stamp_case
from evidence_kit.custody import bag, log, seal, statement, timestamp
from evidence_kit.custody.timestamp import Stamp
from evidence_kit.custody.trust import Revocation, SigningTime
from evidence_kit.custody.verify.case import Options, verify_bag
from evidence_kit.custody.verify.tally import Tallies
from evidence_kit.custody.verify.timestamps import MAX_TOKENS, CaseStamps, case_stamps, quorum
from evidence_kit.errors import Exit
from evidence_kit.model.check import CheckStatus
from evidence_kit.model.time import rfc3339
from evidence_kit.signers.tsa import Tsa as Client

pytestmark = needs_openssl


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    base = tmp_path_factory.mktemp("tsa")
    with Tsa(base / "a").serving() as a, Tsa(base / "b", name="B").serving() as b:
        yield a, b


@pytest.fixture(scope="module")
def made(tmp_path_factory, servers):
    """One case, its seal and its log stamped by two authorities."""
    with pytest.MonkeyPatch.context() as patch:
        case = case_of_today(tmp_path_factory.mktemp("stamped") / "case", patch)
        stamp(case, *servers)
        yield case


@pytest.fixture
def case(made):
    with Snapshot(made.root):
        yield made


@pytest.fixture
def both(case, servers):
    return trusting(case, *servers, quorum=2)


def tokens(case, folder):
    return sorted(path for path in (case.root / folder).iterdir() if path.suffix == ".tsr")


def seal_tokens(case):
    return tokens(case, f"{case.bag}/seal/timestamps")


def test_a_stamped_case_verifies_and_says_when_and_by_how_many(case, both) -> None:
    report = verify(case, both, require_timestamp=True)

    assert report.exit() is Exit.OK, report.defects
    summary = check_of(report, "timestamp").summary
    assert f"{case.bag.removeprefix('bags/')} time-stamped {datetime.now(UTC).year}-" in summary
    assert summary.count("by 2 authorities") == 2


def test_without_authorities_in_the_policy_tokens_are_not_checked(case) -> None:
    report = verify(case, case.trust)

    assert report.exit() is Exit.OK
    assert any("the policy names no time authority" in text for text in report.unasked)
    required = verify(case, case.trust, require_timestamp=True)
    assert required.exit() is Exit.UNTRUSTED
    assert {d.subject for d in check_of(required, "timestamp").defects} == {
        f"{case.bag}/seal/seal.sigstore.json",
        "custody/log.jsonl:3",
    }


def test_a_case_without_tokens_fails_only_if_they_are_required(tmp_path, servers) -> None:
    bare = make_case(tmp_path / "bare", pages=1, names=())
    trust = trusting(bare, *servers)

    assert verify(bare, trust).exit() is Exit.OK
    report = verify(bare, trust, require_timestamp=True)
    assert report.exit() is Exit.UNTRUSTED
    assert {d.verdict for d in report.defects} == {Exit.UNTRUSTED}
    assert verify(bare, replace(trust, timestamps_required=True)).exit() is Exit.UNTRUSTED


def test_fewer_authorities_than_the_quorum_prove_nothing(case, servers) -> None:
    trust = replace(trusting(case, servers[0]), quorum=2)

    report = verify(case, trust)
    assert report.exit() is Exit.OK
    assert any("stamped by 1 authorities, the policy wants 2" in text for text in report.unasked)
    assert verify(case, trust, require_timestamp=True).exit() is Exit.UNTRUSTED


def test_a_token_of_a_stranger_harms_nothing(case, servers) -> None:
    report = verify(case, trusting(case, servers[1]), require_timestamp=True)

    assert report.exit() is Exit.OK
    assert sum("no time authority that you trust" in text for text in report.unasked) == 2


def test_a_policy_oid_outside_the_list_counts_like_a_stranger(case, servers) -> None:
    trust = trusting(case, servers[0])
    (authority,) = trust.time_authorities
    allowed = replace(trust, time_authorities=(replace(authority, policies=frozenset({POLICY})),))
    refused = replace(trust, time_authorities=(replace(authority, policies=frozenset({"1.2.3"})),))

    assert verify(case, allowed, require_timestamp=True).exit() is Exit.OK
    assert verify(case, refused, require_timestamp=True).exit() is Exit.UNTRUSTED


def test_any_flipped_bit_of_a_token_is_a_defect(case, both) -> None:
    (first, _) = seal_tokens(case)
    first.chmod(0o644)
    size = first.stat().st_size
    for position in range(0, size, size // 12):
        flip(first, position)
        report = verify(case, both)
        assert report.exit() in {Exit.DIGEST, Exit.SIGNATURE}, position
        assert str(first.relative_to(case.root)) in {d.subject for d in report.defects}
        flip(first, position)
    assert verify(case, both).exit() is Exit.OK


def test_a_token_moved_to_another_place_is_about_other_data(case, both) -> None:
    shutil.copy(tokens(case, "custody/timestamps/3")[0], seal_tokens(case)[0].with_name("moved.tsr"))

    report = verify(case, both)
    assert report.exit() is Exit.SIGNATURE
    assert [d.message for d in report.defects] == ["the time-stamp is about other data"]
    assert verify(case, case.trust).exit() is Exit.SIGNATURE


def test_a_token_that_is_gone_is_missing(case, both) -> None:
    seal_tokens(case)[0].unlink()

    assert verify(case, both).exit() is Exit.MISSING


def test_all_tokens_gone_with_their_folders_are_missing(case, both) -> None:
    shutil.rmtree(case.root / "custody/timestamps")
    shutil.rmtree(case.root / case.bag / "seal/timestamps")

    assert len([d for d in verify(case, both).defects if d.verdict is Exit.MISSING]) == 4


def test_a_token_put_in_place_of_another_is_seen(case, both, servers) -> None:
    with case.vault.open(f"{case.bag}/seal/seal.sigstore.json") as stream:
        signature = seal.parse(stream.read()).signature
    overwrite(seal_tokens(case)[0], servers[0].reply(timestamp.request(signature, nonce=3)))

    report = verify(case, both)
    assert [(d.verdict, d.message) for d in report.defects] == [
        (Exit.DIGEST, "differs from what the custody log recorded")
    ]


@pytest.mark.parametrize(
    ("path", "exit_code"),
    [
        ("custody/timestamps/3/notes.txt", Exit.UNEXPECTED),
        ("custody/timestamps/3/sub/x.tsr", Exit.UNEXPECTED),
        ("custody/timestamps/x.tsr", Exit.UNEXPECTED),
        ("custody/timestamps/03/x.tsr", Exit.UNEXPECTED),
        ("custody/timestamps/2/x.tsr", Exit.MISSING),  # a token of a checkpoint that was not kept
        ("custody/timestamps/3/a b.tsr", Exit.UNEXPECTED),
        ("{bag}/seal/timestamps/notes.txt", Exit.UNEXPECTED),
        ("{bag}/seal/timestamps/deep/x.tsr", Exit.SIGNATURE),
        ("custody/timestamps/3/x.tsr", Exit.SIGNATURE),
        ("custody/renewals/notes.txt", Exit.UNEXPECTED),
        ("custody/renewals/1/x.tsr", Exit.UNEXPECTED),
        ("custody/renewals/2-manifest-sha512.txt", Exit.UNEXPECTED),
    ],
)
def test_what_is_no_token_has_no_place_among_them(case, both, path, exit_code) -> None:
    stray = case.root / path.format(bag=case.bag)
    stray.parent.mkdir(parents=True, exist_ok=True)
    stray.write_bytes(b"stray")

    report = verify(case, both)
    assert report.exit() is exit_code, report.defects
    assert verify(case, case.trust).exit() is exit_code


@pytest.mark.parametrize("folder", ["custody/timestamps/3", "{bag}/seal/timestamps"])
def test_links_and_devices_among_tokens_are_unexpected(case, both, folder) -> None:
    place = case.root / folder.format(bag=case.bag)
    (place / "x.tsr").symlink_to(case.root / "case.json")
    assert verify(case, both).exit() is Exit.UNEXPECTED
    (place / "x.tsr").unlink()
    os.mkfifo(place / "y.tsr")
    assert verify(case, both).exit() is Exit.UNEXPECTED
    (place / "y.tsr").unlink()


@pytest.mark.parametrize("folder", ["custody/timestamps/3", "{bag}/seal/timestamps"])
def test_more_tokens_than_anybody_asks_for_are_refused_unread(case, both, folder) -> None:
    place = case.root / folder.format(bag=case.bag)
    for number in range(MAX_TOKENS):
        (place / f"x{number}.reply").write_bytes(b"")

    report = verify(case, both)
    assert report.exit() is Exit.UNEXPECTED
    assert any(d.message == f"holds more than {MAX_TOKENS} time-stamps" for d in report.defects)


@pytest.mark.parametrize(("name", "code"), [("x.reply", Exit.UNEXPECTED), ("x.tsr", Exit.SIGNATURE)])
def test_a_reply_larger_than_any_is_refused(case, both, name, code) -> None:
    (case.root / case.bag / "seal/timestamps" / name).write_bytes(b"\x30" * ((64 << 10) + 1))

    assert verify(case, both).exit() is code


def test_a_bag_alone_brings_the_time_of_its_seal(case, both) -> None:
    report = verify_bag(case.vault, name=case.bag, trust=both, options=Options(require_timestamp=True))

    assert report.exit() is Exit.OK, report.defects
    assert "by 2 authorities" in check_of(report, "timestamp").summary
    shutil.rmtree(case.root / case.bag / "seal/timestamps")
    required = verify_bag(case.vault, name=case.bag, trust=both, options=Options(require_timestamp=True))
    assert required.exit() is Exit.UNTRUSTED


def _with_key(trust, **change):
    return replace(trust, keys={keyid: replace(key, **change) for keyid, key in trust.keys.items()})


def test_a_compromise_voids_what_no_time_stamp_proves_to_be_older(case, both) -> None:
    later = Revocation(datetime.now(UTC) + timedelta(minutes=1), "compromised")
    earlier = Revocation(datetime.now(UTC) - timedelta(minutes=30), "compromised")

    assert not verify(case, _with_key(both, revoked=later)).defects
    everything = {f"custody/log.jsonl:{line}" for line in range(1, 4)} | {f"{case.bag}/{bag.SEAL}"}
    assert {d.subject for d in verify(case, _with_key(both, revoked=earlier)).defects} == everything
    without = replace(both, time_authorities=())
    assert {d.subject for d in verify(case, _with_key(without, revoked=later)).defects} == everything


def test_a_signer_who_claims_a_time_after_the_stamps_is_not_believed(tmp_path, monkeypatch, servers) -> None:
    monkeypatch.setattr(casemaker, "NOW", datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2))
    ahead = make_case(tmp_path / "ahead", pages=1, names=())
    trust = trusting(ahead, *servers)
    vault = ahead.vault
    with vault.lock(), vault.working():
        stamp_case(vault, ahead.keeper_of(vault), [Client(servers[0].url)], trust, lambda: casemaker.NOW, os.urandom)

    report = verify(ahead, trust)
    assert report.exit() is Exit.UNTRUSTED
    early = {d.subject for d in report.defects if "yet time-stamps show it existed by" in d.message}
    assert early == {"custody/log.jsonl:1", "custody/log.jsonl:2", "custody/log.jsonl:3", f"{ahead.bag}/{bag.SEAL}"}
    assert verify(ahead, replace(trust, max_skew=timedelta(hours=3))).exit() is Exit.OK


def test_proven_is_the_earliest_quorum_over_later_checkpoints() -> None:
    first, second = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    stamps = CaseStamps(_sizes=[3, 7], _times=[first, second])

    assert [stamps.proven(seq) for seq in (0, 2, 3, 6, 7)] == [first, first, second, second, None]


def test_authorities_may_have_stamped_different_checkpoints(tmp_path, monkeypatch, servers) -> None:
    case = case_of_today(tmp_path / "case", monkeypatch)
    stamp(case, servers[0])
    case.note()
    stamp(case, servers[1])
    trust = trusting(case, *servers, quorum=2)

    found = case_stamps(case.vault, trust, Tallies())
    assert found.proven(2) is not None
    assert found.proven(3) is None
    assert case_stamps(case.vault, replace(trust, quorum=1), Tallies()).proven(4) is not None


def test_a_quorum_counts_authorities_and_not_tokens(case) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)

    def token(authority, hours, accuracy=0):
        return Stamp(
            authority=authority,
            gen_time=at + timedelta(hours=hours),
            serial=1,
            policy=POLICY,
            accuracy=timedelta(hours=accuracy),
        )

    trust = replace(case.trust, quorum=2)
    assert quorum([token("A", 1), token("A", 2)], trust) == ()
    agreed = quorum([token("A", 5), token("A", 1), token("B", 3), token("C", 2, accuracy=9)], trust)
    assert [(stamp.authority, stamp.latest) for stamp in agreed] == [
        ("A", at + timedelta(hours=1)),
        ("B", at + timedelta(hours=3)),
    ]


def test_a_hand_over_has_to_be_covered_too(case, servers) -> None:
    roles = frozenset({"collector", "custodian"})
    trust = trusting(case, *servers)
    trust = replace(trust, keys={keyid: replace(key, roles=roles) for keyid, key in trust.keys.items()})
    vault = case.vault
    subject = statement.Subject(log.CASE, hashlib.sha256((case.root / log.CASE).read_bytes()).hexdigest())
    case.keeper_of(vault).append(
        log.OFFERED,
        at=datetime.now(UTC),
        subjects=[subject],
        fields={"transfer": {"to": {"name": "Kim", "keyid": "0" * 64}}},
    )
    vault.close()

    report = verify(case, trust, require_timestamp=True)
    assert [(d.verdict, d.subject) for d in report.defects] == [(Exit.UNTRUSTED, "custody/log.jsonl:5")]
    assert "`transfer.offered` is not covered" in report.defects[0].message
    stamp(case, servers[0])
    assert not verify(case, trust, require_timestamp=True).defects


def test_a_reply_that_proves_nothing_is_told_and_never_counted(case, both) -> None:
    (case.root / case.bag / "seal/timestamps/x.reply").write_bytes(b"<html>")

    report = verify(case, both)
    assert report.exit() is Exit.OK
    assert any("x.reply is a reply that could not be verified" in text for text in report.unasked)


def test_an_event_cannot_call_anything_a_time_stamp(case, both) -> None:
    vault = case.vault
    subject = statement.Subject("../../etc/passwd", "0" * 64)
    case.keeper_of(vault).append(log.TIMESTAMPED, at=datetime.now(UTC), subjects=[subject], fields={})
    vault.close()

    report = verify(case, both)
    assert report.exit() is Exit.SIGNATURE
    assert "calls '../../etc/passwd' a time-stamp" in report.defects[0].message


def test_what_tokens_of_the_seal_prove_is_what_the_seal_is_judged_by(case, both) -> None:
    report = verify(case, both)
    said = next(text for text in check_of(report, "timestamp").summary.split("; ") if "time-stamped" in text)

    assert check_of(report, "timestamp").status is CheckStatus.PASS
    assert SigningTime(datetime.now(UTC)).proven is None
    assert said.split("time-stamped ")[1][:10] == rfc3339(datetime.now(UTC))[:10]
