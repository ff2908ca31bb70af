"""What the suite needs to run on a mechanism of Google Cloud: a project as a provider of known answers."""

import json
from abc import abstractmethod
from contextlib import contextmanager
from dataclasses import replace
from typing import ClassVar

import pytest
from support.conformance_faults import WIRE
from support.google import serving, sources

from evidence_kit.sandbox.google import faults
from evidence_kit.testing import Answer, CollectorConformance, Provider

KINDS = WIRE | {
    "dropped": {"kind": "reset"},
    "expired": {"kind": "unauthenticated"},
    "denied": {"kind": "denied"},
    "loop": {"kind": "token_loop"},
}


class GoogleConformance(CollectorConformance):
    """Set `source`, the API of its `evidence`, and the end of the `path` that faults befall.

    `listing` is where the pages are, if that is another one.
    """

    source: ClassVar[str]
    evidence: ClassVar[str]
    path: ClassVar[str]
    listing: ClassVar[str] = ""

    @abstractmethod
    def furnish(self, google):
        """Put evidence into the project; return how it is written, once each."""

    @abstractmethod
    def clear(self, google):
        """Take it out again."""

    @contextmanager
    def provider(self, folder):
        with pytest.MonkeyPatch.context() as patch, serving(folder, patch) as google:
            truth = tuple(self.furnish(google))

            def strike(fault):
                if fault.kind == "empty":
                    self.clear(google)
                else:
                    google.server.faults.add(self._fault(fault))

            yield Provider(
                source=replace(sources()[self.source], step=None),
                target=google.target(),
                window=google.lab.window,
                truth=truth,
                answers=lambda: [self._answer(one) for one in list(google.server.sent)],
                strike=strike,
                canaries=lambda: [*google.server.tokens, *_private(google.key)],
            )
            assert google.server.faults.unspent == ()

    def _answer(self, one):
        return Answer(one.body, one.status == 200 and one.path.startswith(self.evidence))

    def _fault(self, fault):
        path = self.listing or self.path if fault.kind == "loop" else self.path
        after = str(fault.after) if fault.kind == "throttled" else ""
        return faults.Fault(**KINDS[fault.kind], path=path, skip=fault.skip, times=fault.times, retry_after=after)


def _private(key):
    """Return the lines of a private key, each of which would be too much."""
    return json.loads(key.read_text())["private_key"].split("\n")[1:-2]
