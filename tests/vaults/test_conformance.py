"""The vault that takes evidence keeps the contract of all that do."""

import pytest

from evidence_kit.testing import VaultConformance
from evidence_kit.vaults.local import LocalVault


class TestLocalVault(VaultConformance):
    @pytest.fixture
    def vault(self, tmp_path):
        made = LocalVault(tmp_path, reserve=0)
        with made.working():
            yield made

    @pytest.fixture
    def plant_link(self, vault):
        return lambda path, to: (vault.root / path).symlink_to(to)
