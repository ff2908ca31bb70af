"""The suite on one connector, which the environment names: rehearsed with a fixture, or at the partner's own sandbox.

`evidence-kit partners test` runs this file with pytest and tells how each claim ended.
"""
# ruff: noqa: D102 - what a test claims is its name

import json
import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from evidence_kit.acquire.run import Engine
from evidence_kit.collectors.partner.secrets import SecretStore
from evidence_kit.governance.inventory import choose_targets, parse_inventory
from evidence_kit.model.ports import Collector
from evidence_kit.model.time import Window
from evidence_kit.sandbox.partners.fixture import parse_fixture
from evidence_kit.sources.connector import parse_connector
from evidence_kit.testing.bench import Bench
from evidence_kit.testing.collector import CollectorConformance
from evidence_kit.testing.left import Left
from evidence_kit.testing.provider import Fault, Provider
from evidence_kit.testing.stage import exemptions, marks, rehearsal, without_secrets
from evidence_kit.testing.witness import Waits

SAID = "EVIDENCE_KIT_CLAIMS"
_ENDS = ("passed", "skipped", "failed")  # the worst last
_said: dict[str, Any] = json.loads(os.environ.get(SAID, "{}"))
_connector = Path(_said.get("connector", os.devnull))
_fixture = Path(_said.get("fixture", os.devnull))
_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)


if "fixture" in _said:
    SPEC = parse_connector(_connector.read_bytes(), name=_connector.name)
    FIXTURE = parse_fixture(_fixture.read_bytes(), name=_fixture.name)

    class TestRehearsed(CollectorConformance):
        """All claims, and all faults."""

        exempt: ClassVar = exemptions(SPEC, FIXTURE)
        marked: ClassVar = len(tuple(marks(SPEC, FIXTURE))) > 1

        def provider(self, folder: Path) -> AbstractContextManager[Provider]:
            return rehearsal(SPEC, FIXTURE, folder)

        def test_the_provider_has_something_to_lose(self, undisturbed: Left) -> None:
            self._require_marks()
            super().test_the_provider_has_something_to_lose(undisturbed)

        def test_everything_there_is_to_find_is_stored_once(self, undisturbed: Left) -> None:
            self._require_marks()
            super().test_everything_there_is_to_find_is_stored_once(undisturbed)

        def _require_marks(self) -> None:
            if not self.marked:
                pytest.skip("no two records of the fixture have an id that stands in one place only")


if "inventory" in _said:
    LIVE = parse_connector(_connector.read_bytes(), name=_connector.name)

    class TestSandbox(CollectorConformance):
        """The claims that need no fault, of one hour that lies a day back; nothing is written there."""

        exempt: ClassVar = without_secrets(LIVE)

        @contextmanager
        def provider(self, folder: Path) -> Iterator[Provider]:  # noqa: ARG002 - the suite's
            yield _live()

        @contextmanager
        def _serving(self, folder: Path) -> Iterator[Bench]:
            with self.provider(folder) as provider:
                yield _Patient(folder, provider, self.collector)


class _Patient(Bench):
    """Waits as long as a real provider asks."""

    def _engine(self, collector: Collector, waits: Waits) -> Engine:
        return replace(super()._engine(collector, waits), stop=threading.Event())


def _live() -> Provider:
    path = Path(_said["inventory"])
    (target,) = choose_targets(parse_inventory(path.read_bytes(), name=path.name).targets, [_said["target"]])
    store = SecretStore(os.environ)
    # The suite's clock begins when all has settled, a day after the window: at a real provider that must be now.
    end = datetime.now(UTC).replace(microsecond=0) - LIVE.settle - _DAY
    return Provider(
        source=LIVE,
        target=target,
        window=Window(end - min(LIVE.step or _HOUR, _DAY), end),
        truth=(),
        answers=tuple,
        strike=_strike,
        secrets={one: store(one) for name, one in target.access.items() if name.startswith("secret.")},
    )


def _strike(fault: Fault) -> None:
    raise AssertionError(f"nobody makes a real provider suffer `{fault.kind}`")


class Teller:
    """Writes how each claim ended: a line of JSON, without anything that a provider said beyond the first line.

    A claim has ended once all that it used is taken down: what comes up only there counts as well.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._worst: dict[str, pytest.TestReport] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        known = self._worst.get(report.nodeid)
        if known is None or _ENDS.index(report.outcome) > _ENDS.index(known.outcome):
            self._worst[report.nodeid] = report
        if report.when == "teardown":
            self._tell(self._worst.pop(report.nodeid))

    def _tell(self, report: pytest.TestReport) -> None:
        with self._path.open("a", encoding="utf-8") as stream:
            line = {"claim": report.nodeid.rpartition("::")[2], "end": report.outcome, "said": _first(report)}
            stream.write(json.dumps(line) + "\n")


def _first(report: pytest.TestReport) -> str:
    """Return why, in one line."""
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(crash.message).split("\n")[0] if crash else ""


def pytest_configure(config: pytest.Config) -> None:
    """Tell, where somebody listens; this file is a plug-in as well as a test."""
    if "ends" in _said:
        config.pluginmanager.register(Teller(Path(_said["ends"])))
