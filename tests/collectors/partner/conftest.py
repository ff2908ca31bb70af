"""An empty case; what is behind it is the test's own."""

import pytest
from support.lab import END, Lab

from evidence_kit.model.time import Window


@pytest.fixture
def lab(tmp_path):
    start = END.replace(hour=0)
    return Lab(tmp_path / "case", Window(start, END)).open()
