"""Holds a delivery against what the partner says of it and against what was asked for, and says what differs."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from evidence_kit.collectors.intake import mail
from evidence_kit.collectors.intake.answering import answered
from evidence_kit.collectors.intake.dated import Dates
from evidence_kit.collectors.intake.delivery import Delivery, Item
from evidence_kit.collectors.intake.matching import Listed
from evidence_kit.collectors.intake.proofs import Proofs
from evidence_kit.collectors.intake.sums import Claim
from evidence_kit.collectors.intake.verdicts import Answer, Checked, Verdicts
from evidence_kit.collectors.intake.watching import Watch
from evidence_kit.model.exchange import Remark

_WEAK = frozenset({"md5", "sha1"})  # they show damage; whoever wants to can make another file of the same digest
_KINDS = {
    Answer.GOOD: "signature_verified",
    Answer.FALSE: "signature_differs",
    Answer.NOT_CHECKED: "signature_not_checked",
}


class Judge:
    """Judges one delivery, file by file and then as a whole."""

    def __init__(self, delivery: Delivery, given: Proofs, listed: Listed, verdicts: Verdicts) -> None:
        self._delivery, self._given, self._listed, self._verdicts = delivery, given, listed, verdicts
        self._claims: Mapping[str, list[Claim]] = listed.of()
        self._matching: dict[str, int] = defaultdict(int)  # proof → files that it says the truth about
        self._dates: dict[str, Dates] = {}
        self._carried: dict[str, mail.Attachment] = {}
        self._signed = False

    def algorithms(self, name: str) -> tuple[str, ...]:
        """Return which digests of a file are needed; a mail's attachments may be on any list."""
        listed = self._given.claims if name.lower().endswith(mail.SUFFIXES) else self._claims.get(name, ())
        return tuple(dict.fromkeys(("sha256", *(claim.algorithm for claim in listed if claim.algorithm))))

    def proofs_of(self, name: str) -> tuple[str, ...]:
        """Return which proofs speak of a file."""
        return tuple(dict.fromkeys(claim.proof for claim in self._claims.get(name, ())))

    def claimed(self, name: str) -> Mapping[str, str]:
        """Return the digests that the partner gives for a file; of two that differ, the first."""
        found: dict[str, str] = {}
        for claim in self._claims.get(name, ()):
            if claim.digest:
                found.setdefault(claim.algorithm, claim.digest)
        return found

    def no_file(self, name: str) -> Iterator[Remark]:
        """Judge a link or a device."""
        message = f"`{name}` is a link or a device and is not taken"
        yield from self._verdicts.remark("not_taken", message, name=name)

    def file(self, item: Item, watch: Watch, read: str | None) -> Iterator[Remark]:
        """Judge a file that was taken; `read` is the digest of what was read of it as a proof before."""
        if read is not None and read != watch.digests["sha256"]:
            yield from self._verdicts.remark("changed_meanwhile", f"`{item.name}` was changed while it was taken")
        for claim in self._claims.get(item.name, ()):
            yield from self._claim(item.name, claim, watch.digests, watch.size)
        if watch.is_mail:
            yield from self._mail(item.name, watch)
        if watch.window:
            self._dates.setdefault(self._delivery.class_of(item.name), Dates()).merge(watch.dates)

    def _claim(self, name: str, claim: Claim, digests: Mapping[str, str], size: int) -> Iterator[Remark]:
        say = self._verdicts.remark
        if claim.size is not None and claim.size != size:
            message = f"`{name}` has {size:,} bytes, {claim.size:,} in `{claim.proof}`"
            yield from say("size_differs", message, name=name, proof=claim.proof)
        elif claim.digest and digests[claim.algorithm] != claim.digest:
            message = f"`{name}`: its {claim.algorithm} is not the one in `{claim.proof}`"
            facts = {"name": name, "proof": claim.proof, "listed": claim.digest, "found": digests[claim.algorithm]}
            yield from say("digest_differs", message, **facts)
        else:
            self._matching[claim.proof] += bool(claim.digest)
            return
        first = next((one for one in self._claims.get(name, ()) if one.algorithm == claim.algorithm), claim)
        if first.digest != claim.digest:
            message = f"`{name}`: `{first.proof}` and `{claim.proof}` say different things"
            yield from say("proofs_disagree", message, name=name)

    def _mail(self, name: str, watch: Watch) -> Iterator[Remark]:
        say = self._verdicts.remark
        if watch.body is None:
            yield from say("attachments_not_listed", f"`{name}` is too large to look for attachments", name=name)
            return
        try:
            for found in mail.attachments(watch.body, watch.algorithms, mailbox=watch.is_mailbox):
                self._carried.setdefault(found.name.rpartition("/")[2], found)
                message = f"`{name}` carries `{found.name}`, {found.size:,} bytes"
                facts = {"name": found.name, "bytes": str(found.size), "sha256": found.digests["sha256"]}
                where = {"within": name, "mail": str(found.message), "type": found.kind}
                yield from say("attachment", message, **facts, **where)
        except mail.UnreadableMailError as error:
            yield from say("attachments_not_listed", f"`{name}`: {error}", name=name)

    def signature(self, name: str, signed: str, checked: Checked) -> Iterator[Remark]:
        """Judge a signature over another file."""
        how = {Answer.GOOD: "is good", Answer.FALSE: "is false", Answer.NOT_CHECKED: "was not checked"}
        message = f"the signature `{name}` over `{signed}` {how[checked.answer]}: {checked.said}"
        facts = {"name": name, "signed": signed, "by": checked.said}
        self._signed = self._signed or checked.answer is Answer.GOOD
        yield from self._verdicts.remark(_KINDS[checked.answer], message, **facts)

    def whole(self, delivered: Sequence[Item]) -> Iterator[Remark]:
        """Judge what only all files together show."""
        for name, checked in self._given.enveloped.items():
            yield from self.signature(name, "the files that it lists", checked)
        for name, reason in self._given.unreadable.items():
            message = f"`{name}` cannot be read as a list of checksums: {reason}"
            yield from self._verdicts.remark("proof_unreadable", message, name=name)
        yield from self._not_delivered()
        yield from self._not_listed(item.name for item in delivered)
        yield from self._sums()
        if self._delivery.request:
            named = [(item.name, self._delivery.class_of(item.name)) for item in self._evidence(delivered)]
            yield from answered(self._delivery.request, named, self._dates, self._verdicts)

    def _evidence(self, delivered: Sequence[Item]) -> Iterator[Item]:
        return (item for item in delivered if item.name not in self._given.names)

    def _not_delivered(self) -> Iterator[Remark]:
        for claim, found in self._listed.claims:
            if found is not None:
                continue
            carried = self._carried.get(claim.name.replace("\\", "/").rpartition("/")[2])
            if carried is not None and claim.algorithm in carried.digests:
                yield from self._claim(carried.name, claim, carried.digests, carried.size)
                continue
            message = f"`{claim.name}` is listed in `{claim.proof}` and was not delivered"
            yield from self._verdicts.remark("not_delivered", message, name=claim.name, proof=claim.proof)

    def _not_listed(self, names: Iterable[str]) -> Iterator[Remark]:
        if not self._given.claims:
            return
        for name in names:
            if name in self._claims or name in self._given.names or self._is_tag(name):
                continue
            message = f"`{name}` was delivered and is on no list of the partner's"
            yield from self._verdicts.remark("not_listed", message, name=name)

    def _is_tag(self, name: str) -> bool:
        """Say whether a file belongs to a bag beside what the bag holds: no manifest has to list it."""
        bags = [f"{folder}/" if folder else "" for folder in self._given.bags]
        return any(name.startswith(bag) and not name.startswith(f"{bag}data/") for bag in bags)

    def _sums(self) -> Iterator[Remark]:
        totals: dict[str, int] = defaultdict(int)
        kinds: dict[str, set[str]] = defaultdict(set)
        for claim, _ in self._listed.claims:
            totals[claim.proof] += 1
            kinds[claim.proof].add(claim.algorithm)
        for proof, total in totals.items():
            used = ", ".join(sorted(kinds[proof] - {""})) or "it gives none"
            weak = "; that shows damage, not forgery" if kinds[proof] <= _WEAK else ""
            message = f"`{proof}`: {self._matching[proof]:,} of {total:,} digests match ({used}){weak}"
            facts = {"name": proof, "matching": str(self._matching[proof]), "listed": str(total)}
            yield from self._verdicts.remark("proof_checked", message, **facts)
        if not any(claim.digest for claim, _ in self._listed.claims) and not self._signed:
            message = "the partner gave no checksums and no signature: nothing shows that this is what they sent"
            yield from self._verdicts.remark("no_proof", message)
