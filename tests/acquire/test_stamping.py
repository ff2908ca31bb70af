"""Stamping a case: what is asked, kept and said, and what a failing authority or a crash leaves."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pytest
from support.casemaker import Crash
from support.stamping import case_of_today, check_of, stamp, trusting, verify
from support.tsa import Tsa, needs_openssl

from evidence_kit.acquire.stamping import stamp_case
from evidence_kit.custody import log, statement, strict, timestamp
from evidence_kit.custody.log import Event
from evidence_kit.custody.verify.timestamps import MAX_TOKENS
from evidence_kit.errors import Exit, ProviderError
from evidence_kit.model.check import CheckStatus
from evidence_kit.model.ports import Stored
from evidence_kit.signers.tsa import label
from evidence_kit.vaults.local import LocalVault

pytestmark = needs_openssl


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    base = tmp_path_factory.mktemp("tsa")
    with Tsa(base / "a").serving() as a, Tsa(base / "b", name="B").serving() as b:
        yield a, b


@pytest.fixture
def tsa(servers):
    yield servers[0]
    servers[0].fault = ""


@pytest.fixture
def other(servers):
    yield servers[1]
    servers[1].fault = ""


@pytest.fixture
def case(tmp_path, monkeypatch):
    return case_of_today(tmp_path / "case", monkeypatch)


def events(case) -> list[Event]:
    """Every event about time-stamps."""
    found: list[Event] = []

    def stop(error, where):
        raise error

    with case.vault.open(log.LOG) as stream:
        log.scan(stream, report=stop, seen=found.append)
    return [event for event in found if event.type == log.TIMESTAMPED]


def said(case) -> Sequence[Mapping[str, object]]:
    """All entries of these events."""
    return [entry for event in events(case) for entry in strict.field(event.said.predicate, "timestamps", list)]


def test_the_seal_and_the_log_are_stamped_and_the_log_says_so(case, tsa) -> None:
    told = stamp(case, tsa, trust=trusting(case, tsa))

    seal = f"{case.bag}/seal/seal.sigstore.json"
    name = label(tsa.url)
    assert [(item.of, item.result) for item in told] == [(seal, "granted"), ("custody/checkpoints/3", "granted")]
    assert {item.path for item in told} == {
        f"{case.bag}/seal/timestamps/{name}.tsr",
        f"custody/timestamps/3/{name}.tsr",
    }
    (event,) = events(case)
    assert {s.name for s in event.said.subjects} == {"custody/checkpoints/3", *(item.path for item in told)}
    first = said(case)[0]
    assert (first["of"], first["authority"], first["result"]) == (seal, tsa.url, "granted")
    assert {"path", "genTime", "serial", "policy", "nonce"} <= set(first)
    report = verify(case, trusting(case, tsa))
    assert report.exit() is Exit.OK
    assert "by 1 authority" in check_of(report, "timestamp").summary


def test_openssl_accepts_the_stored_tokens_at_their_own_time(case, tsa, tmp_path) -> None:
    for item in stamp(case, tsa):
        data = case.root / item.of
        if item.of.endswith(".json"):
            bundle = strict.decode_line(data.read_bytes()[:-1])
            sig = bundle["dsseEnvelope"]["signatures"][0]["sig"]  # type: ignore[index]
            data = tmp_path / "sig"
            data.write_bytes(strict.from_base64(sig))
        assert item.reply is not None
        at = str(int(item.reply.gen_time.timestamp()))
        command = ["openssl", "ts", "-verify", "-attime", at, "-CAfile", tsa.root_file, "-data", data]
        told = subprocess.run(
            [*command, "-in", case.root / item.path],
            check=False,
            capture_output=True,
            text=True,
        )
        assert told.returncode == 0, told.stderr
        assert "Verification: OK" in told.stdout + told.stderr


def test_a_second_run_has_nothing_to_do(case, tsa) -> None:
    stamp(case, tsa)
    before = case.files, (case.root / log.LOG).read_bytes()

    assert stamp(case, tsa) == ()
    assert (case.files, (case.root / log.LOG).read_bytes()) == before


def test_a_new_event_has_the_log_stamped_again_but_not_the_seal(case, tsa) -> None:
    stamp(case, tsa)
    case.note()

    assert [item.of for item in stamp(case, tsa)] == ["custody/checkpoints/5"]


def test_another_authority_stamps_what_the_first_has(case, tsa, other) -> None:
    stamp(case, tsa)
    told = stamp(case, tsa, other)

    assert {item.authority for item in told} == {other.url}
    assert [item.agreed for item in told] == [2, 2]
    assert verify(case, trusting(case, tsa, other, quorum=2), require_timestamp=True).exit() is Exit.OK


@pytest.mark.parametrize("fault", ["error", "page", "redirect", "slow", "huge"])
def test_an_authority_that_is_down_blocks_nothing_and_is_recorded(case, tsa, other, fault) -> None:
    tsa.fault = fault
    told = stamp(case, tsa, other)

    assert [item.result for item in told] == ["unreachable", "granted"] * 2
    assert [entry["result"] for entry in said(case)] == ["unreachable", "granted"] * 2
    assert "path" not in said(case)[0]
    assert said(case)[0]["reason"]
    assert verify(case, trusting(case, tsa, other)).exit() is Exit.OK
    tsa.fault = ""
    assert [item.result for item in stamp(case, tsa, other)] == ["granted"] * 2


def test_if_all_are_down_the_event_names_what_was_asked_about(case, tsa) -> None:
    tsa.fault = "error"
    stamp(case, tsa)

    (event,) = events(case)
    assert {s.name for s in event.said.subjects} == {f"{case.bag}/seal/seal.sigstore.json", "custody/checkpoints/3"}
    assert verify(case, trusting(case, tsa)).exit() is Exit.OK


def test_an_authority_that_is_down_is_asked_once_a_run(tmp_path, monkeypatch, tsa) -> None:
    case = case_of_today(tmp_path / "many", monkeypatch, acquisitions=3)
    tsa.fault = "error"
    asked = []

    class Counted:
        url = tsa.url

        def ask(self, query):
            asked.append(query)
            raise ProviderError("down")

    vault = case.vault
    with vault.lock(), vault.working():
        told = stamp_case(vault, case.keeper_of(vault), [Counted()], None, lambda: datetime.now(UTC), os.urandom)
    assert (len(told), len(asked)) == (4, 1)


@pytest.mark.parametrize(
    ("fault", "result"),
    [("html", "unreadable"), ("unsorted", "unreadable"), ("refuse", "refused"), ("nonce", "unreadable")],
)
def test_a_reply_that_proves_nothing_is_kept_beside_and_never_counts(case, tsa, fault, result) -> None:
    tsa.fault = fault
    told = stamp(case, tsa)

    assert {item.result for item in told} == {result}
    assert all(item.path.endswith(".reply") for item in told)
    assert (case.root / told[0].path).exists()
    report = verify(case, trusting(case, tsa))
    assert report.exit() is Exit.OK
    assert check_of(report, "timestamp").status is not CheckStatus.FAIL
    assert "could not be verified when it came" in f"{report.unasked} {check_of(report, 'timestamp').summary}"
    assert verify(case, trusting(case, tsa), require_timestamp=True).exit() is Exit.UNTRUSTED


def test_an_old_reply_that_is_played_again_is_no_token(case, tsa) -> None:
    tsa.reply(timestamp.request(b"other data", nonce=9))
    tsa.replies[:] = tsa.replies[-1:]
    tsa.fault = "replay"

    assert {item.reason for item in stamp(case, tsa)} == {"the time-stamp is about other data"}


def test_a_second_reply_gets_a_number_of_its_own(case, tsa) -> None:
    tsa.fault = "html"
    stamp(case, tsa)
    told = stamp(case, tsa)

    assert told[0].path.endswith(".2.reply")
    assert verify(case, trusting(case, tsa)).exit() is Exit.OK


def test_a_token_of_a_stranger_is_kept_and_the_operator_is_told(case, tsa, other) -> None:
    told = stamp(case, tsa, trust=trusting(case, other))

    assert {item.result for item in told} == {"granted"}
    assert "no time authority that you trust" in told[0].reason


def test_many_bags_are_told_in_several_events(tmp_path, monkeypatch, tsa, other) -> None:
    case = case_of_today(tmp_path / "many", monkeypatch, acquisitions=9)
    told = stamp(case, tsa, other)

    assert len(told) == 20
    sizes = [len(event.said.subjects) for event in events(case)]
    assert len(sizes) == 2
    assert max(sizes) <= statement.MAX_SUBJECTS
    assert len(said(case)) == 20
    assert stamp(case, tsa, other) == ()
    assert verify(case, trusting(case, tsa, other, quorum=2), require_timestamp=True).exit() is Exit.OK


def test_an_unsealed_acquisition_is_left_alone(tmp_path, monkeypatch, tsa) -> None:
    case = case_of_today(tmp_path / "open", monkeypatch, sealed=False)

    assert [item.of for item in stamp(case, tsa)] == ["custody/checkpoints/2"]


class _Dying(LocalVault):
    """Loses power after the `nth` commit, or before the event is written."""

    commits = 0
    last = 0

    def commit(self, batch: Sequence[tuple[Stored, str]]) -> None:
        if self.commits == self.last:
            raise Crash
        super().commit(batch)
        self.commits += 1

    def append(self, path: str, data: bytes) -> None:
        raise Crash


@pytest.mark.parametrize("nth", range(4))
def test_a_crash_before_the_event_leaves_what_verifies_and_the_next_run_names_it(case, tsa, nth) -> None:
    dying = _Dying(case.root)
    dying.last = nth
    with pytest.raises(Crash):
        stamp(case, tsa, vault=dying)

    for leftover in (case.root / ".work").glob("*"):
        if leftover.is_file():
            leftover.unlink()  # as the next writer's own run does
    with case.vault.lock(), case.vault.working():
        pass
    assert events(case) == []
    report = verify(case, trusting(case, tsa))
    assert report.exit() is Exit.OK, report.defects

    stamp(case, tsa)
    assert verify(case, trusting(case, tsa), require_timestamp=True).exit() is Exit.OK
    stored = {path for path in case.files if path.endswith(".tsr")}
    assert len(stored) == 2
    assert stored <= {s.name for event in events(case) for s in event.said.subjects}
    assert stamp(case, tsa) == ()


def test_where_there_is_no_more_room_nobody_is_asked(case, tsa) -> None:
    folder = case.root / case.bag / "seal/timestamps"
    folder.mkdir()
    for number in range(MAX_TOKENS):
        (folder / f"x{number}.reply").write_bytes(b"")

    before = len(tsa.asked)
    told = stamp(case, tsa)
    assert len(tsa.asked) - before == 1
    assert {item.result for item in told if item.authority == tsa.url} == {"granted"}
    assert len(list(folder.iterdir())) == MAX_TOKENS
