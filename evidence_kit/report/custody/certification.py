"""What a certification under FRE 902(11), (13), (14) and 28 USC 1746 asks for, and how much of it a case fills in."""

from collections.abc import Iterator

from evidence_kit.custody import log
from evidence_kit.report.custody.spec import ACQUISITION, MANIFEST, SEAL, Spec, Way


def certification() -> Iterator[Spec]:
    """Yield what a certification asks for: what the case fills in, and what is left to a person's own word."""

    def certified(
        label: str, file: str = "", path: str = "", *, event: str = "", way: Way = "value", remains: str = ""
    ) -> Spec:
        return Spec(group="certification", label=label, file=file, path=path, event=event, way=way, remains=remains)

    yield certified(
        "who certifies", log.CASE, "examiner.name", remains="the person, who need not be the examiner (FRE 902(11))"
    )
    yield certified("for whom", log.CASE, "examiner.organisation")
    yield certified("as what", log.CASE, "examiner.role")
    yield certified(
        "what qualifies them",
        log.CASE,
        "examiner.qualifications",
        remains="how they come to know of what they certify (FRE 902(13), (14))",
    )
    yield certified(
        "process or system",
        ACQUISITION,
        "environment.tool",
        remains="in plain words how it works, and why its result is accurate (FRE 902(13))",
    )
    yield certified("what is certified", SEAL, "predicate.acquisition")
    yield certified("how much", SEAL, "predicate.payloadOxum")
    yield certified("digests at collection", MANIFEST, "every line", way="manifest")
    yield certified(
        "digests compared",
        log.LOG,
        "verification.{verdict,defects}",
        event=log.VERIFIED,
        remains="that they compared what is offered with what was recorded, and it is the same (FRE 902(14))",
    )
    yield certified(
        "regular practice", remains="that such records are made and kept in the course of the work (FRE 902(11))"
    )
    yield certified(
        "notice to the other side", remains="when it was given, with record and certificate to look at (FRE 902(11))"
    )
    yield certified("under penalty of perjury", remains="the declaration, in the words of the statute (28 USC 1746)")
    yield certified(
        "place of signing", remains="within or outside the United States: the wording differs (28 USC 1746)"
    )
    yield certified("date and signature", remains="both, by whoever certifies (28 USC 1746)")
