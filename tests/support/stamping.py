"""Cases of today, so that authorities that stamp now stamp after they were made; and stamping them."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support import casemaker
from support.casemaker import Case, make_case
from support.tsa import Tsa

from evidence_kit.acquire.stamping import Stamped, stamp_case
from evidence_kit.custody.trust import Trust
from evidence_kit.custody.verify.case import Options, verify_case
from evidence_kit.model.check import Check, CheckStatus, Report
from evidence_kit.signers.tsa import Tsa as Client
from evidence_kit.vaults.local import LocalVault


def case_of_today(root: Path, monkeypatch: pytest.MonkeyPatch, **wanted: object) -> Case:
    """Return a case that was made an hour ago."""
    now = datetime.now(UTC).replace(microsecond=0)
    monkeypatch.setattr(casemaker, "NOW", now - timedelta(hours=1))
    return make_case(root, pages=1, names=("two words",), **wanted)  # type: ignore[arg-type]


def trusting(case: Case, *tsas: Tsa, quorum: int = 1, required: bool = False) -> Trust:
    """Return the case's policy with time authorities."""
    authorities = tuple(tsa.authority for tsa in tsas)
    return replace(case.trust, time_authorities=authorities, quorum=quorum, timestamps_required=required)


def stamp(case: Case, *tsas: Tsa, trust: Trust | None = None, vault: LocalVault | None = None) -> tuple[Stamped, ...]:
    """Stamp a case as the command does."""
    vault = vault or case.vault
    clients = [Client(tsa.url, timeout=0.5 if tsa.fault == "slow" else 30) for tsa in tsas]
    with vault.lock(), vault.working():
        return stamp_case(vault, case.keeper_of(vault), clients, trust, lambda: datetime.now(UTC), os.urandom)


def verify(case: Case, trust: Trust, *, require_timestamp: bool = False) -> Report:
    """Verify a case."""
    options = Options(require_timestamp=require_timestamp)
    return verify_case(case.vault, name=case.root.name, trust=trust, options=options)


def check_of(report: Report, name: str) -> Check:
    """Return one check; a check that was not made is an empty one."""
    for check in report.checks:
        if check.id == name:
            return check
    return Check(id=name, status=CheckStatus.NOT_CHECKED, summary="")
