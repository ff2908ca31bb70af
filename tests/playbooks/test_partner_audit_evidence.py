"""`partner-audit-evidence` on the provider of a customer database, who shows some of what it should."""

import hashlib
from datetime import timedelta

import pytest
from playbooks.seeds.partners_estate import PARTNER_AWARE, Moving, clocks, gaps, hand_over, lines, warnings
from playbooks.seeds.privacy_crm import DEEDS, SINCE, running_crm
from support.playing import Table, outcomes, outputs

from evidence_kit.playbook.run.questions import Reply

BOOK = "partner-audit-evidence"
SEED = "2026-q4"
REVIEWED = Reply(fields={"reviewed_at": "2026-11-21T10:00:00Z", "accesses": 7, "removed": 2})
BRING = Reply(choices=("bring",), fields={"until": "2026-12-31T00:00:00Z", "reason": "asked for"})
REGISTER = lines({"partner": "crm", "score": 71})
PDF = "%PDF-1.7 a report\n"
EVERYTHING = lines(
    *(
        {"kind": kind, "issued": "2026-09-01"}
        for kind in ("soc2", "iso27001", "incidents", "readiness", "dpa", "subprocessors", "pentest")
    )
)
SOME = lines(
    {"kind": "soc2", "issued": "2026-03-01"},
    {"kind": "pentest", "issued": "2024-05-01"},
    {"kind": "dpa", "issued": "2025-01-01", "expires": "2026-06-30"},
    {"kind": "subprocessors"},
    {"kind": "incidents", "issued": "2026-10-01"},
)


def drawn(seed, wanted):
    """Return the sample that anybody draws from the same seed."""
    names = [f"crm-{number}" for number in range(len(DEEDS))]
    return sorted(names, key=lambda name: hashlib.md5(f"{seed} {name}".encode()).hexdigest())[:wanted]  # noqa: S324


@pytest.fixture(scope="module")
def crm(tmp_path_factory):
    with running_crm(tmp_path_factory.mktemp("crm"), looked=False) as found:
        yield found


def seated(crm, root, answers):
    return Table(
        root=root, entries=crm.entries, answers=answers, specs=crm.specs, now=Moving(), secret=crm.secret
    ).open()


def audited(crm, root, attestations, seed=SEED, **answers):
    """Play an audit to which the partner hands in a list of attestations."""
    at = seated(crm, root, answers)
    shown = hand_over(at, "crm", {"attestations.jsonl": attestations, "soc2.pdf": PDF})
    answers["attestations"] = Reply(acquisition=shown)
    answers["register"] = Reply(acquisition=hand_over(at, "crm", {"register.jsonl": REGISTER}))
    answers["access_review"] = REVIEWED
    return at, at.play(BOOK, {"partner": "crm", "seed": seed, "sample": 3, "window": SINCE})


@pytest.fixture(scope="module")
def lacking(crm, tmp_path_factory):
    """A partner that shows some of it, and did not tell of an incident."""
    return audited(
        crm,
        tmp_path_factory.mktemp("lacking"),
        SOME,
        looked_at=Reply(choices=("exceptions",), fields={"exceptions": 1, "note": "an export by a contractor"}),
        incidents=Reply(choices=("untold",), fields={"partner_aware_at": PARTNER_AWARE}),
        exceptions=BRING,
    )


def test_sets_each_control_beside_what_there_is_for_it(lacking):
    _, ended = lacking
    found = outputs(ended, "matrix")
    assert found["shown"] == [
        *("CSF GV.SC-05: access_review", "CSF GV.SC-07: register", "GDPR 30: log_sample"),
        *("SOC 2 CC7.3: incidents", "SOC 2 CC9.2: soc2"),
    ]
    assert found["stale"] == ["GDPR 28(2): subprocessors", "GDPR 28(3)(h): dpa", "GDPR 32: pentest"]
    assert found["missing"] == ["SOC 2 CC7.4: readiness", "SOC 2 CC9.2: iso27001"]


def test_draws_the_sample_that_anybody_draws_from_the_seed(lacking):
    _, ended = lacking
    assert outputs(ended, "drawn") == {"rows": 3, "ids": drawn(SEED, 3), "population": len(DEEDS)}


def test_names_who_has_to_bring_what_and_starts_the_clock_of_the_contract(lacking):
    at, ended = lacking
    assert outcomes(ended) == {
        **dict.fromkeys(
            ("partner_log", "attestations", "register", "access_review", "drawn", "looked_at"), "success"
        ),
        **dict.fromkeys(("matrix", "incidents", "exceptions"), "success"),
        **dict.fromkeys(("tell", "report"), "skipped"),
        "complete": "partial",
    }
    assert outputs(ended, "exceptions")["choice"] == "bring"
    assert warnings(ended) == [
        "For some controls there is no evidence at all",
        "Some evidence is too old, or has no date",
        "The sample has exceptions, or nobody has looked at it",
    ]
    assert clocks(at) == [("contract.crm", PARTNER_AWARE)]
    assert at.verify().exit() == 0


def test_a_partner_that_shows_everything_needs_nobody_to_accept_anything(crm, tmp_path):
    at, ended = audited(
        crm,
        tmp_path,
        EVERYTHING,
        seed="2026-q3",
        looked_at=Reply(choices=("clean",), fields={"exceptions": 0}),
        incidents=Reply(choices=("none",)),
    )
    assert (outputs(ended, "matrix")["stale"], outputs(ended, "matrix")["missing"]) == ([], [])
    assert outputs(ended, "drawn")["ids"] == drawn("2026-q3", 3) != drawn(SEED, 3)
    assert outcomes(ended)["exceptions"] == "skipped"
    assert outcomes(ended)["complete"] == "success"
    assert clocks(at) == []
    assert at.verify().exit() == 0


def test_a_partner_that_hands_in_nothing_leaves_only_gaps(crm, tmp_path):
    at = seated(crm, tmp_path, {})
    hand_over(at, "crm", {"mail.txt": "We are looking into it.\n"})
    window = {"since": "2026-11-19T00:00:00Z", "until": "2026-11-19T12:00:00Z"}  # nothing had happened yet
    asked = at.play(BOOK, {"partner": "tenant-3", "seed": SEED, "window": window})
    for days in (16, 31, 46):  # one question comes after the other
        at.lab.now.ahead = timedelta(days=days)
        ended = at.resume(asked.run)
    assert {name: outcome for name, outcome in outcomes(ended).items() if outcome not in {"success", "skipped"}} == {
        **dict.fromkeys(("attestations", "register", "access_review", "incidents", "exceptions"), "timed_out"),
        "complete": "partial",
    }
    assert outputs(ended, "drawn")["population"] == 0
    assert gaps(ended, "partner_log") == set()  # the partner said that there is nothing
    assert warnings(ended) == [
        "The partner has handed in nothing",
        "For some controls there is no evidence at all",
        "There is no log to draw a sample from",
        "The sample has exceptions, or nobody has looked at it",
        "Nobody has accepted what is missing",
    ]
    assert clocks(at) == []
