"""Makes disclosure packages of small real cases, and new ones that a dishonest discloser could sign."""

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from support.casemaker import NOW, Case, make_case, trust_text
from support.tampering import overwrite

from evidence_kit.analysis.rules import parse_rules
from evidence_kit.custody import disclosure, dsse, statement
from evidence_kit.custody.trust import Trust, parse_trust
from evidence_kit.custody.verify.disclosures import verify_disclosure
from evidence_kit.model.check import Report
from evidence_kit.report.disclosure.disclosing import Handover, Order, disclose
from evidence_kit.vaults.local import LocalVault

PAGES, OBJECT = "data/*/list/*", "data/*/two=20words*"
RULES = b"""apiVersion: evidence-kit/redaction.v1
kind: RedactionRules
rules:
  - {name: ids, reason: not the recipient's business, field: Events.*.id, artifacts: "*.json"}
"""


@dataclass(frozen=True)
class Disclosure:
    """A package, and the case that it is from."""

    case: Case
    root: Path
    trust: Trust

    @property
    def bag(self) -> str:
        return self.case.bags[0].removeprefix("bags/")

    def path(self, inside: str) -> Path:
        """Where a file lies; `BAG` stands for the first bag."""
        return self.root / inside.replace("BAG", self.bag)

    def one(self, glob: str) -> Path:
        """Return the first file, in order, that `glob` names."""
        return min(path for path in self.root.glob(glob.replace("BAG", self.bag)) if path.is_file())

    def verify(self, *, against: Case | None = None, trust: Trust | None = None) -> Report:
        vault = LocalVault(self.root.parent)
        original = against.vault if against else None
        return verify_disclosure(vault, name=self.root.name, trust=trust or self.trust, against=original)

    def sign(self, edit: Callable[[dict], object] = lambda _: None, *, signer: object = None) -> None:
        """List all files anew and sign the list, as whoever holds the discloser's key can."""
        by = signer or self.case.signer
        old = dsse.parse_line((self.root / disclosure.ENVELOPE).read_bytes()[:-1])
        said = dict(statement.parse(old.payload, expected=disclosure.PREDICATE).predicate)
        said["by"] = {"name": "Robin Examiner", "keyid": by.keyid}
        edit(said)
        skip = {disclosure.ENVELOPE, disclosure.MANIFEST}
        names = sorted(str(p.relative_to(self.root)) for p in self.root.rglob("*") if p.is_file())
        lines = [
            f"{hashlib.sha256((self.root / name).read_bytes()).hexdigest()}  {name}\n"
            for name in names
            if name not in skip
        ]
        overwrite(self.root / disclosure.MANIFEST, "".join(lines).encode())
        subject = statement.Subject(disclosure.MANIFEST, hashlib.sha256("".join(lines).encode()).hexdigest())
        line = dsse.sign_line(statement.build(disclosure.PREDICATE, [subject], said), by)
        overwrite(self.root / disclosure.ENVELOPE, line + b"\n")


def make_disclosure(
    folder: Path,
    *,
    artifacts: Sequence[str] = (PAGES, OBJECT),
    rules: bytes | None = RULES,
    acquisitions: int = 1,
    pages: int = 3,
) -> Disclosure:
    """Make a case in `folder`, and a package of some of it beside."""
    case = make_case(folder / "case", pages=pages, acquisitions=acquisitions)
    return disclosure_of(case, folder / "package", artifacts=artifacts, rules=rules)


def disclosure_of(
    case: Case, out: Path, *, artifacts: Sequence[str], rules: bytes | None = None, trust: Trust | None = None
) -> Disclosure:
    """Disclose some of a case."""
    policy = trust or parse_trust(trust_text(case.signer), name="trust.yaml")
    order = Order(
        artifacts=tuple(artifacts),
        to=Handover(recipient="The Court", purpose="case 7", authority="order 12"),
        rules=parse_rules(rules, name="rules.yaml") if rules else None,
    )
    disclose(case.vault, case.keeper, policy, out, order, at=NOW)
    return Disclosure(case, out, policy)


def copy_of(made: Disclosure, folder: Path) -> Disclosure:
    """Return the package in another place, to be tampered with."""
    shutil.copytree(made.root, folder / "package")
    return Disclosure(made.case, folder / "package", made.trust)


def edit_lines(path: Path, change: Callable[[list[dict]], list[dict]]) -> None:
    """Change the objects of a journal, written back compactly."""
    lines = change([json.loads(line) for line in path.read_bytes().splitlines()])
    overwrite(path, b"".join(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in lines))
