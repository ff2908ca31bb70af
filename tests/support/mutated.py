"""The suite run on collectors with one fault each, and on fakes that are no test; collected by name only."""

from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from test_acme_audit import TestAcmeAudit as _Sound

from evidence_kit.testing import mutants


def _mutated(mutant):
    class Test(_Sound):
        def collector(self, source):
            return mutant(super().collector(source))

    return Test


TestReserialises = _mutated(mutants.Reserialises)
TestStopsEarly = _mutated(mutants.StopsEarly)
TestEager = _mutated(mutants.Eager)
TestIgnoresCursor = _mutated(mutants.IgnoresCursor)
TestLeaksSecret = _mutated(mutants.LeaksSecret)
TestSwallowsError = _mutated(mutants.SwallowsError)
TestNaiveTimes = _mutated(mutants.NaiveTimes)
TestReadsClock = _mutated(mutants.ReadsClock)
TestLoopsForever = _mutated(mutants.LoopsForever)
TestRepeatsOnResume = _mutated(mutants.RepeatsOnResume)


class TestHasty(_Sound):
    def collector(self, source):
        def ask():
            with pytest.raises(HTTPError):
                urlopen(source.settings["url"])  # noqa: S310 - loopback

        return mutants.Hasty(super().collector(source), ask)


class TestFakeWithoutAnything(_Sound):
    @contextmanager
    def provider(self, folder):
        with super().provider(folder) as provider:
            yield replace(provider, truth=())


class TestFakeOfOnePage(_Sound):
    @contextmanager
    def provider(self, folder):
        with super().provider(folder) as provider:
            yield replace(provider, answers=lambda: provider.answers()[:1])


class TestFakeWithoutSecrets(_Sound):
    @contextmanager
    def provider(self, folder):
        with super().provider(folder) as provider:
            yield replace(provider, secrets={})


class TestFakeForAllRuns(_Sound):
    """One record for all runs, emptied when one begins: what a cloud has that takes long to start."""

    _open, _heard = [], []

    @contextmanager
    def provider(self, folder):
        with super().provider(folder) as provider:
            self._heard[:] = [*self._open, provider.answers]
            self._open.append(provider.answers)
            yield replace(provider, answers=lambda: [one for told in self._heard for one in told()])
            self._open.pop()


class TestExemptionInVain(_Sound):
    exempt = MappingProxyType({"no_such_thing": "a slip of the pen"})


class TestExemption(_Sound):
    exempt = MappingProxyType({"loop": "the partner numbers its pages"})
