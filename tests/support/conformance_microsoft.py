"""What the suite needs to run on a mechanism of Microsoft's: the sandbox's tenant as a provider of known answers."""

from abc import abstractmethod
from collections.abc import Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import ClassVar

from support.conformance_faults import WIRE
from support.microsoft import WINDOW, quick, tenant

from evidence_kit.sandbox.microsoft import faults
from evidence_kit.testing import Answer, CollectorConformance, Provider

KINDS = WIRE | {
    "expired": {"kind": "expired_token"},
    "denied": {"kind": "status", "status": 403, "code": "Authorization_RequestDenied"},
    "loop": {"kind": "loop"},
}
NO_DROPPING = {"dropped": "the sandbox's Microsoft never hangs up"}


def fault_of(fault, path):
    """Return a fault of the suite in the sandbox's words."""
    return faults.Fault(**KINDS[fault.kind], path=path, skip=fault.skip, times=fault.times, after=str(fault.after))


class MicrosoftConformance(CollectorConformance):
    """Set `source` and the `path` that faults befall; `listing` where the pages are at another one."""

    source: ClassVar[str]
    path: ClassVar[str]
    listing: ClassVar[str] = ""
    evidence: ClassVar[str] = ""  # the only API whose answers are, where a plan asks others
    params: ClassVar[Mapping[str, str]] = MappingProxyType({})
    exempt = MappingProxyType(NO_DROPPING)

    @abstractmethod
    def furnish(self, kiosk):
        """Return what the tenant holds, as it is written, once each."""

    @abstractmethod
    def clear(self, kiosk):
        """Take it out."""

    def turn(self, kiosk, fault):
        """Let the pages turn in circles."""
        kiosk.server.faults.add(fault_of(fault, self.listing or self.path))

    def spec(self):
        return quick(self.source)[self.source]

    @contextmanager
    def provider(self, folder):
        with tenant(folder) as kiosk:
            truth = tuple(self.furnish(kiosk))

            def strike(fault):
                if fault.kind == "empty":
                    self.clear(kiosk)
                elif fault.kind == "loop":
                    self.turn(kiosk, fault)
                else:
                    kiosk.server.faults.add(fault_of(fault, self.path))

            yield Provider(
                source=self.spec(),
                target=kiosk.target(),
                window=WINDOW,
                params=self.params,
                truth=truth,
                answers=lambda: [self._answer(kiosk, one) for one in list(kiosk.server.sent)],
                strike=strike,
                canaries=lambda: [kiosk.entra.secret, *kiosk.entra.issued],
                environ=kiosk.environ,
            )

    def _answer(self, kiosk, one):
        good = one.api == self.evidence if self.evidence else bool(one.api) and not kiosk._is_question(one)
        return Answer(one.body, good and one.status in {200, 201})
