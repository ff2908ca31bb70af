"""Steps that verify: the same verification that an auditor runs, and what the author of the playbook claims."""

from collections.abc import Mapping
from typing import Any

from evidence_kit.errors import UsageError
from evidence_kit.model.check import CheckStatus, Report
from evidence_kit.playbook.model import Outcome, Step
from evidence_kit.playbook.run.asking import found_by
from evidence_kit.playbook.run.play import Play
from evidence_kit.playbook.run.results import Gap, Result
from evidence_kit.playbook.run.taken import latest

PROOFS = "proofs"  # the check of `verify` about what providers sign themselves


def run_verify(play: Play, step: Step) -> Result:
    """Return success if everything holds, partial if only warnings do not, failed otherwise."""
    failed: list[Gap] = []
    warned: list[Gap] = []
    reports: dict[str, Report] = {}
    for check in step.fields["checks"]:
        trouble = _trouble(play, check, reports)
        if trouble:
            level = check.get("level", "error")
            gap = Gap(kind=f"check_{level}", reason=f"{check['message']}: {trouble}")
            (warned if level == "warn" else failed).append(gap)
    outcome = Outcome.FAILED if failed else Outcome.PARTIAL if warned else Outcome.SUCCESS
    found = (*failed, *warned)
    return Result(
        outcome=outcome,
        reason=found[0].reason if found else "",
        outputs={
            "passed": len(step.fields["checks"]) - len(found),
            "failed": [gap.reason[:500] for gap in found],
        },
        gaps=found,
    )


def _trouble(play: Play, check: Mapping[str, Any], reports: dict[str, Report]) -> str:
    """Return what speaks against a claim; nothing where it holds. What cannot be told does not hold."""
    if "verify" in check:
        return _report_trouble(_report(play, reports))
    if "proofs" in check:
        return _proof_trouble(_report(play, reports))
    if "complete" in check:
        return _incomplete(play, check["complete"])
    if "sql" in check:
        return found_by(play, check["sql"])
    return "" if play.holds(check["assert"]) else f"`{check['assert'].strip()[:200]}` is not true"


def _report(play: Play, reports: dict[str, Report]) -> Report:
    if "case" not in reports:
        if play.tools.verify is None:
            raise UsageError("nothing says whose signatures to trust", hint="give a trust policy with `--trust`")
        reports["case"] = play.tools.verify()
    return reports["case"]


def _report_trouble(report: Report) -> str:
    if report.defects:
        first = report.defects[0]
        return f"{len(report.defects):,} defects; the first: {first.subject}: {first.message}"[:400]
    return "" if report.authentic else "nothing was verified"


def _proof_trouble(report: Report) -> str:
    """Return what contradicts a provider's own proof; that there was none to check is no proof either."""
    for check in report.checks:
        if check.id == PROOFS:
            if check.status is CheckStatus.PASS:
                return ""
            said = check.defects[0].message if check.defects else check.summary
            return said or "not checked"
    return "nothing here carries a proof of its provider's"


def _incomplete(play: Play, steps: list[str]) -> str:
    for name in steps:
        ends = latest(play.engine.vault, play.id, name).values()
        result = play.results.get(name)
        if result is None or not result.outcome.is_done:
            return f"step `{name}` {'did not run' if result is None else f'ended {result.outcome.value}'}"
        for one in ends:
            if one.outcome is None or not one.outcome.status.is_whole:
                said = f"{one.outcome.status.value}: {one.outcome.reason}" if one.outcome else "never finished"
                return f"{one.unit.id} {said}"[:400]
        if result.missing:
            return f"step `{name}` left something out: {result.gaps[0].reason}"[:400]
    return ""
