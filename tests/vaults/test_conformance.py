"""Every vault that takes evidence keeps one contract; in a bucket, all of it that needs no journal."""

import os
from contextlib import closing

import pytest

from evidence_kit.testing import DepositConformance, VaultConformance
from evidence_kit.vaults.deposit import Lock
from evidence_kit.vaults.local import LocalVault
from evidence_kit.vaults.registry import open_bucket


class TestLocalVault(VaultConformance):
    @pytest.fixture
    def vault(self, tmp_path):
        made = LocalVault(tmp_path, reserve=0)
        with made.working():
            yield made

    @pytest.fixture
    def plant_link(self, vault):
        return lambda path, to: (vault.root / path).symlink_to(to)


class InBucket(DepositConformance):
    many = 30

    @pytest.fixture
    def vault(self, bucket):
        made, _ = open_bucket(f"{bucket.url}/p", Lock(), os.environ)
        with closing(made):
            yield made


class TestAmazon(InBucket):
    @pytest.fixture
    def bucket(self, amazon):
        return amazon


class TestGoogle(InBucket):
    @pytest.fixture
    def bucket(self, google):
        return google


class TestMicrosoft(InBucket):
    @pytest.fixture
    def bucket(self, microsoft):
        return microsoft
