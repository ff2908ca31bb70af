"""One cloud for all sandbox tests: at a fixed time, for they name its hours."""

from contextlib import ExitStack, closing
from datetime import UTC, datetime

import pytest
from support.clouds import unharmed

END = datetime(2026, 11, 21, 21, 30, tzinfo=UTC)


@pytest.fixture
def cloud(clouds):
    """The cloud, with its record empty, nothing broken and nothing wrong with it afterwards."""
    with unharmed(clouds.get(end=END, lookup_tps=None)) as lent:
        yield lent


@pytest.fixture
def connect(cloud):
    """Make clients, closed at the end of the test."""
    with ExitStack() as stack:

        def make(service, account="111122223333", region="us-east-1"):
            return stack.enter_context(closing(cloud.client(service, account, region)))

        yield make
