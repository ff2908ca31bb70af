"""One good playbook, what exists around it, and the faults of a playbook that was made of it."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache

import pytest
from support.lint_cases import BACK, GOOD, HERE, INVENTORY, OTHER

from evidence_kit.analysis.pivots.loading import load_pivots
from evidence_kit.governance.inventory import parse_inventory
from evidence_kit.model.source import Param
from evidence_kit.playbook.lint.catalogue import Catalogue
from evidence_kit.playbook.lint.known import Known
from evidence_kit.playbook.lint.linter import lint
from evidence_kit.playbook.reading import parse_playbook
from evidence_kit.preservation.book import load_actions


@dataclass(frozen=True)
class Wrong:
    """A playbook with faults, and where the first of them is meant to be told."""

    text: str
    findings: tuple
    at: tuple[int, int]

    def of(self, rule):
        return [one for one in self.findings if one.rule == rule]

    @property
    def rules(self):
        return {one.rule for one in self.findings}


@cache
def world():
    sources = dict(Catalogue())
    acme = replace(
        sources[next(name for name, one in sources.items() if one.mechanism == "partner.rest")],
        name="acme.audit", provider="acme", evidence=("audit_logs",), groups=(),
        params=(Param(name="org", help="organisation"),), windowed=True,
    )  # fmt: skip
    sources["acme.audit"] = acme
    playbooks = [parse_playbook(text.encode(), name="other.yaml") for text in (OTHER, BACK)]
    return Known(
        sources=sources,
        groups={"all.of.it": ("aws.iam.account", "acme.audit")},
        providers=frozenset(spec.provider for spec in sources.values()),
        saved=load_pivots(),
        sigma=frozenset({"a-rule"}),
        actions={name: one.source for name, one in load_actions().items()},
        clocks={"eu.gdpr.art33": "", "old.clock": "nobody has reviewed it since 2020-01-01"},
        playbooks={one.major: one for one in playbooks},
        channels=("bridge",),
        at=datetime(2026, 11, 20, tzinfo=UTC),
    )


@pytest.fixture
def entries():
    return parse_inventory(INVENTORY.encode(), name="inventory.yaml").entries


@pytest.fixture
def known():
    return world()


@pytest.fixture
def wrong(known):
    """Return what makes a playbook wrong: `old` becomes `new`, in which a mark shows where the fault is told."""

    def make(*changes, **more):
        text = GOOD
        for old, new in changes:
            assert text.count(old) == 1, f"{text.count(old)} times: {old}"
            text = text.replace(old, new)
        before = text.partition(HERE)[0]
        at = (before.count("\n") + 1, len(before) - before.rfind("\n")) if HERE in text else (0, 0)
        text = text.replace(HERE, "")
        return Wrong(text, lint(text.encode(), name="a.yaml", known=replace(known, **more)), at)

    return make
