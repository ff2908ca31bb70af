"""Reports of every shape, with text that a hostile case could have chosen."""

from hypothesis import strategies as st

from evidence_kit.errors import Exit
from evidence_kit.model.check import Check, CheckStatus, Defect, Report
from evidence_kit.report.verdict.outcome import Outcome

# What breaks lines, commands, markup, encodings and reading order, beside whatever hypothesis thinks of.
NASTY = (
    "\n", "\r\n", "\u2028", "\x00", "\x0b", "\x1b[2J", "\ufffe", "\uffff", "\ud800", "\udcff", "\u202e", "\u200b",
    "::error::", "::add-mask::", "%0A", "##[error]", "]]>", "<!--", "&", "<x>", "'", '"', "|", "`",
    "[a](b)", "{0}", ",", "=",
)  # fmt: skip
VERDICTS = st.sampled_from([code for code in Exit if code is not Exit.OK])
TEXTS = st.lists(
    st.one_of(st.sampled_from(NASTY), st.text(st.characters(exclude_categories=()), max_size=6)), max_size=4
).map("".join)
SUBJECTS = st.one_of(
    TEXTS, TEXTS.map(ascii), TEXTS.map(lambda text: f"bags/a/{text}:7"), st.just("--last-checkpoint")
)
DEFECTS = st.builds(
    Defect,
    verdict=VERDICTS,
    subject=SUBJECTS,
    message=TEXTS,
    facts=st.lists(st.tuples(TEXTS, TEXTS), max_size=2).map(tuple),
)


def _check(name, summary, defects, more, status):
    if defects or status is CheckStatus.FAIL:
        return Check(id=name, status=CheckStatus.FAIL, summary=summary, defects=tuple(defects), more_defects=more)
    return Check(id=name, status=status, summary=summary)


CHECKS = st.builds(
    _check,
    st.one_of(st.sampled_from(["log", "files"]), TEXTS),
    TEXTS,
    st.lists(DEFECTS, max_size=3),
    st.integers(0, 2),
    st.sampled_from(CheckStatus),
)
REPORTS = st.builds(
    Report,
    subject=TEXTS,
    checks=st.lists(CHECKS, max_size=4).map(tuple),
    missing_units=st.integers(0, 2),
    unsealed=st.integers(0, 2),
    unasked=st.lists(TEXTS, max_size=2).map(tuple),
    pending=st.lists(TEXTS, max_size=2).map(tuple),
)


def _outcome(report, base, headline, require):
    code = report.exit(require_complete=require)
    return Outcome(report=report, code=code, headline=headline, base=base, require_complete=require)


OUTCOMES = st.builds(
    _outcome,
    REPORTS,
    st.one_of(
        st.sampled_from([".", "cases/IR-1", "/srv/cases/two words"]),
        TEXTS.filter(lambda text: ".." not in text).map(lambda text: f"c/{text}"),
    ),
    TEXTS,
    st.booleans(),
)


def passed(name="files", summary="3 of 3 files match"):
    return Check(id=name, status=CheckStatus.PASS, summary=summary)


def outcome(*defects, checks=(), base="cases/IR-1", require=False, more=0, **report):
    """Return what a verification of `case` found: one sound check, `defects` in another, and what else is said."""
    failed = (Check(id="log", status=CheckStatus.FAIL, summary="", defects=defects, more_defects=more),)
    found = Report(subject="case", checks=(passed(), *(failed if defects else ()), *checks), **report)
    code = found.exit(require_complete=require)
    return Outcome(report=found, code=code, headline="the headline", base=base, require_complete=require)


def defect(subject, message="is wrong", verdict=Exit.DIGEST, **facts):
    return Defect(verdict=verdict, subject=subject, message=message, facts=tuple(facts.items()))
