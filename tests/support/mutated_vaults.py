"""Vaults with one fault each, which the suite for vaults has to find; `tests/testing/test_vault_suite.py` runs it."""

import os
import shutil
from dataclasses import replace

import pytest

from evidence_kit.errors import MissingError
from evidence_kit.testing import VaultConformance
from evidence_kit.vaults.local import LocalVault


class Overwrites(LocalVault):
    def commit(self, batch):
        for stored, path in batch:
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.root / stored.handle, self.root / path)


class TellsAnotherDigest(LocalVault):
    def stage(self, chunks):
        return replace(super().stage(chunks), sha256="0" * 64)


class StagesInSight(LocalVault):
    def stage(self, chunks):
        stored = super().stage(chunks)
        (self.root / "bags").mkdir(exist_ok=True)
        (self.root / "bags" / "staged").write_bytes(b"x")
        return stored


class KeepsHalves(LocalVault):
    def stage(self, chunks):
        (self.root / "bags").mkdir(exist_ok=True)
        with (self.root / "bags" / "half").open("wb") as out:
            for chunk in chunks:
                out.write(chunk)
        return super().stage([(self.root / "bags" / "half").read_bytes()])


class ReplacesEvidence(LocalVault):
    def publish(self, path, data):
        (self.root / path).unlink(missing_ok=True)
        (self.root / path).write_bytes(b"".join(data))
        return "", 0


class WalksItsNeighbour(LocalVault):
    def walk(self, path):
        for entry in super().walk(""):
            if entry.path.startswith(path):
                yield entry


class WalksInOneGo(LocalVault):
    def walk(self, path):
        return list(super().walk(path))


class FollowsLinks(LocalVault):
    def open(self, path):
        return (self.root / path).open("rb")


class OpensNothing(LocalVault):
    def open(self, path):
        try:
            return super().open(path)
        except MissingError:
            return open(os.devnull, "rb")  # noqa: PTH123


class ForgetsWhatItCuts(LocalVault):
    def cut(self, path, size):
        super().cut(path, size)
        return b""


class SetsAsideOverOthers(LocalVault):
    def set_aside(self, path, destination):
        (self.root / destination).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).replace(self.root / destination)


class Mutant(VaultConformance):
    kind = LocalVault

    @pytest.fixture
    def vault(self, tmp_path):
        made = self.kind(tmp_path, reserve=0)
        with made.working():
            yield made

    @pytest.fixture
    def plant_link(self, vault):
        return lambda path, to: (vault.root / path).symlink_to(to)


class TestSound(Mutant):
    pass


class TestOverwrites(Mutant):
    kind = Overwrites


class TestTellsAnotherDigest(Mutant):
    kind = TellsAnotherDigest


class TestStagesInSight(Mutant):
    kind = StagesInSight


class TestKeepsHalves(Mutant):
    kind = KeepsHalves


class TestReplacesEvidence(Mutant):
    kind = ReplacesEvidence


class TestWalksItsNeighbour(Mutant):
    kind = WalksItsNeighbour


class TestWalksInOneGo(Mutant):
    kind = WalksInOneGo


class TestFollowsLinks(Mutant):
    kind = FollowsLinks


class TestOpensNothing(Mutant):
    kind = OpensNothing


class TestForgetsWhatItCuts(Mutant):
    kind = ForgetsWhatItCuts


class TestSetsAsideOverOthers(Mutant):
    kind = SetsAsideOverOthers
