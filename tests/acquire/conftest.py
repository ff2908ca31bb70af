"""A case of its own for every test, in front of a cloud whose hours are fixed."""

import pytest
from support.lab import END, Lab


@pytest.fixture(scope="session")
def cloud_end():
    return END


@pytest.fixture
def lab(tmp_path, cloud):
    return Lab(tmp_path / "case", cloud.window).open()
