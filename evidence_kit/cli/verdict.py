"""A verification report for people and for programs."""

from collections.abc import Iterator, Mapping

from evidence_kit.cli import output
from evidence_kit.errors import Exit
from evidence_kit.model.check import Check, CheckStatus, Defect, Report
from evidence_kit.model.ports import Vault

_SHOWN = 20  # defects a person reads; `--format json` has all of them
_NAMES = {
    "log": "events",
    "attestations": "signatures",
    "proofs": "provider",
    "timestamp": "time-stamp",
    "ledger": "exchanges",
}
_QUIET = frozenset({"tagmanifest", "manifest", "layout", "case"})


def as_json(report: Report, code: Exit) -> dict[str, object]:
    """Return the whole report."""
    return {
        "subject": report.subject,
        "verdict": {"code": int(code), "name": code.name, "meaning": code.meaning},
        "authentic": report.authentic,
        "unitsMissing": report.missing_units,
        "unsealed": report.unsealed,
        "pending": list(report.pending),
        "checks": [_check(check) for check in report.checks],
        "notChecked": [*report.unasked, *(f"{c.id}: {c.summary}" for c in _unchecked(report))],
    }


def _check(check: Check) -> dict[str, object]:
    return {
        "name": check.id,
        "status": check.status.value,
        "summary": check.summary,
        "defects": [_defect(defect) for defect in check.defects],
        "moreDefects": check.more_defects,
    }


def _defect(defect: Defect) -> Mapping[str, object]:
    return {
        "code": int(defect.verdict),
        "name": defect.verdict.name,
        "subject": defect.subject,
        "message": defect.message,
        **dict(defect.facts),
    }


def _unchecked(report: Report) -> Iterator[Check]:
    return (check for check in report.checks if check.status is CheckStatus.NOT_CHECKED)


def show(report: Report, code: Exit, vault: Vault) -> None:
    """Print the verdict first, then what it rests on, then what to do."""
    output.data(f"{_word(code)}  {_headline(report, code)}")
    for defect in report.defects[:_SHOWN]:
        _show_defect(defect, vault)
    hidden = len(report.defects) - _SHOWN + sum(check.more_defects for check in report.checks)
    if hidden > 0:
        output.data(f"  … and {hidden:,} more (`--format json` lists them)")
    for check in report.checks:
        if check.status is CheckStatus.PASS and check.id not in _QUIET:
            first, *more = (check.summary or "sound").split("; ")
            output.data(f"    {_NAMES.get(check.id, check.id):11} {first}")
            for line in more:
                output.data(f"    {'':11} {line}")
    for text in (*report.unasked, *(f"{_NAMES.get(c.id, c.id)}: {c.summary}" for c in _unchecked(report))):
        output.data(f"    not checked: {text}")
    if hint := _hint(report, code):
        output.note(f"hint: {hint}")


def headline(report: Report, code: Exit) -> str:
    """Return the verdict in one line."""
    return f"{_word(code)}: {_headline(report, code)}"


def _word(code: Exit) -> str:
    return {Exit.OK: "OK", Exit.INCOMPLETE: "INCOMPLETE", Exit.EMPTY: "EMPTY"}.get(code, "FAILED")


def _headline(report: Report, code: Exit) -> str:
    missing = output.plural(report.missing_units, "unit")
    if code is Exit.OK and report.missing_units:
        return f"{report.subject} is authentic; {missing} not obtained in full (see coverage)"
    if code is Exit.OK:
        partial = any(check.id == "disclosure" for check in report.checks)
        return f"{report.subject} is authentic{', a part of its case' if partial else ' and whole'}"
    if code is Exit.INCOMPLETE and report.unsealed:
        return f"{report.subject} is intact so far, but {output.plural(report.unsealed, 'acquisition')} not sealed"
    if code is Exit.INCOMPLETE and report.missing_units:
        return f"{report.subject} is authentic, but {missing} not obtained in full"
    if code is Exit.INCOMPLETE:
        return f"{report.subject} is authentic, but {report.pending[0]}"
    count = len(report.defects) + sum(check.more_defects for check in report.checks)
    return f"{output.plural(count, 'defect')}: {code.meaning} [{code.name} {int(code)}]"


def _show_defect(defect: Defect, vault: Vault) -> None:
    output.data(f"  {defect.subject}")
    output.data(f"      {defect.message}")
    known = dict(defect.facts)
    size = known.pop("bytes", "")
    entry = _entry_of(defect.subject, vault)
    if entry and "sealed" in known:
        artifact = _part(entry, "artifact")
        known["sealed"] = f"{known['sealed'][:16]}…  {int(str(artifact.get('bytes', 0))):,} bytes"
        known["found"] = f"{known['found'][:16]}…  {size} bytes"
    for name, value in known.items():
        output.data(f"      {name:8} {value}")
    if entry:
        _show_entry(entry)


def _show_entry(entry: Mapping[str, object]) -> None:
    artifact, request = _part(entry, "artifact"), _part(entry, "request")
    output.data(
        f"      received {entry.get('receivedAt')}, {request.get('operation')}"
        f" request {entry.get('requestId') or 'without id'}"
    )
    if artifact.get("firstEvent"):
        output.data(
            f"      page {artifact.get('page')}, {artifact.get('records')} records,"
            f" events {artifact['firstEvent']} – {artifact.get('lastEvent')}"
        )


def _part(entry: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = entry.get(name)
    return value if isinstance(value, Mapping) else {}


def _entry_of(subject: str, vault: Vault) -> Mapping[str, object] | None:
    """Return what the ledger knows of an artifact: when it was received, with which request."""
    from evidence_kit.analysis.bagfiles import find_artifact

    root, separator, inner = subject.partition("/data/")
    return find_artifact(vault, root, f"data/{inner}") if separator else None


def _hint(report: Report, code: Exit) -> str:
    if code is Exit.UNTRUSTED and all(not check.defects or check.id == "timestamp" for check in report.checks):
        return "`evidence-kit timestamp CASE` asks for the time-stamps that are missing"
    if code is Exit.UNTRUSTED:
        return "add the signer's key to your trust policy if you know whose it is, then verify again with `--trust`"
    if code is Exit.DIGEST and all(defect.verdict is Exit.DIGEST for defect in report.defects):
        return "everything else verifies; restore what differs from a copy and verify again"
    if code is Exit.INCOMPLETE and report.unsealed:
        return "`evidence-kit resume` continues and seals it"
    if code is Exit.INCOMPLETE and not report.missing_units:
        return "the receiver runs `evidence-kit custody accept`, or the custodian `custody withdraw`"
    if code is Exit.INCOMPLETE:
        return "`evidence-kit coverage` shows what is missing and why"
    return ""
