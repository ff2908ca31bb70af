"""A verification in plain words: what it means, what it rests on, what it does not show, and how to repeat it."""

import shlex
from collections.abc import Iterator, Sequence

from evidence_kit.errors import Exit
from evidence_kit.model.check import CheckStatus, Report
from evidence_kit.report.case.holding import Acquisition
from evidence_kit.report.case.model import Instruction, Verdict

_WHOLE, _PARTLY = "Authentic and complete", "Authentic, but not complete"
_WORDS = {
    Exit.EMPTY: "Nothing to verify",
    Exit.UNTRUSTED: "Not trusted",
}
_BROKEN = "Verification failed"


def verdict(report: Report, code: Exit) -> Verdict:
    """Return the verdict as people read it."""
    headline = _WORDS.get(code, _BROKEN)
    if code in {Exit.OK, Exit.INCOMPLETE}:
        headline = _PARTLY if report.missing_units or report.unsealed or report.pending else _WHOLE
    return Verdict(code=code, headline=headline, sentences=tuple(_sentences(report, code)), report=report)


def count(number: int, word: str) -> str:
    """Return `1 unit`, `2 units`."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _sentences(report: Report, code: Exit) -> Iterator[str]:
    yield _meaning(report, code)
    if report.unsealed:
        yield f"{count(report.unsealed, 'acquisition')} without a seal: interrupted, or still running."
    if report.missing_units:
        missing = count(report.missing_units, "unit")
        yield f"{missing} of work did not bring all there was; the section on coverage says which and why."
    elif report.authentic and not report.unsealed:
        yield "Every unit of work that was planned brought all that the provider had."
    yield from (f"Open: {said}." for said in report.pending)
    open_questions = len(report.unasked) + sum(c.status is CheckStatus.NOT_CHECKED for c in report.checks)
    if open_questions:
        yield f"{count(open_questions, 'question')} could not be asked; below they stand as not checked."


def _meaning(report: Report, code: Exit) -> str:
    defects = len(report.defects) + sum(check.more_defects for check in report.checks)
    if code in {Exit.OK, Exit.INCOMPLETE}:
        return "What lies here is what was sealed, unchanged, by people whom the trust policy in use names."
    if code is Exit.EMPTY:
        return "There is nothing here that was sealed; this is no finding about any evidence."
    if code is Exit.UNTRUSTED:
        said = "Nothing was found changed, but the trust policy in use does not trust who signed, as what, or when"
        return f"{said} ({count(defects, 'defect')})."
    said = f"This case is not what was sealed: {count(defects, 'defect')}; {code.meaning}."
    return f"{said} Do not rely on it as it is."


def instructions(acquisitions: Sequence[Acquisition]) -> tuple[Instruction, ...]:
    """Return how anybody checks this case: with this program, and with OpenSSL, jq and coreutils alone."""
    sealed = [one for one in acquisitions if one.sealed_at]
    steps = [
        Instruction(
            "With evidence-kit. `trust.yaml` is your own list of whose signatures you accept, not one from the case.",
            "evidence-kit verify CASE --trust trust.yaml --require-complete --each-signature",
        )
    ]
    if sealed:
        steps += _by_hand(sealed[-1])
    return tuple(steps)


def _by_hand(one: Acquisition) -> Iterator[Instruction]:
    yield Instruction(
        "Without evidence-kit: go into the bag of an acquisition. Take `trusted.pem`, the public key of whoever"
        " sealed it, from that person, not from the case.",
        # What is taken apart must not lie in the bag, where nothing vouches for it; nor may the key come from there.
        f"key=$(realpath trusted.pem) work=$(mktemp -d)\ncd CASE/{shlex.quote(one.bag)}",
    )
    yield Instruction(
        "Take the seal apart into what was signed and the signature.",
        'jq -r .dsseEnvelope.payload seal/seal.sigstore.json | base64 -d > "$work/payload"\n'
        """jq -r '.dsseEnvelope.signatures[0].sig' seal/seal.sigstore.json | base64 -d > "$work/sig"\n"""
        '{ printf \'DSSEv1 28 application/vnd.in-toto+json %d \' "$(stat -c %s "$work/payload")"; '
        'cat "$work/payload"; } > "$work/signed"',
    )
    yield Instruction(
        "Check the signature (a P-256 key; for an Ed25519 key: "
        '`openssl pkeyutl -verify -pubin -inkey "$key" -rawin -in "$work/signed" -sigfile "$work/sig"`).',
        'openssl dgst -sha256 -verify "$key" -signature "$work/sig" "$work/signed"',
    )
    yield Instruction(
        "Check what the seal covers, then every file of evidence.",
        """jq -r '.subject[] | "\\(.digest.sha256)  \\(.name)"' "$work/payload" | sha256sum -c\n"""
        "sha256sum -c tagmanifest-sha256.txt\n"
        "sha256sum -c --quiet manifest-sha256.txt",
    )
    yield Instruction(
        "This seal, so that nobody can put another in its place: the custody log names the same digest.",
        f"printf '%s  seal/seal.sigstore.json\\n' {shlex.quote(one.seal_sha256)} | sha256sum -c",
    )
