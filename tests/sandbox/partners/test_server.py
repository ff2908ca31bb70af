"""A partner whose clock is not ours says so in each answer."""

import ssl
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest
import trustme
import urllib3

from evidence_kit.sandbox.partners.fixture import Scripted
from evidence_kit.sandbox.partners.gate import Gate
from evidence_kit.sandbox.partners.server import Partner
from evidence_kit.sandbox.serving import running

DAY = timedelta(days=1)


@pytest.mark.parametrize("ahead", [-DAY, timedelta(0), DAY])
def test_the_date_of_an_answer_is_by_the_partner_s_own_clock(ahead):
    authority = trustme.CA()
    reply = Scripted(method="GET", path="/events", body=[])
    gate = Gate({"type": "none"}, {}, {})
    tls = authority.issue_cert("127.0.0.1").configure_cert
    before = datetime.now(UTC).replace(microsecond=0)
    with running(Partner({}, (reply,), gate, tls=tls, ahead=ahead)) as server:
        context = ssl.create_default_context()
        authority.configure_trust(context)
        with urllib3.PoolManager(ssl_context=context, retries=False) as pool:
            said = pool.request("GET", f"{server.url}/events").headers["Date"]
    assert before <= parsedate_to_datetime(said) - ahead <= datetime.now(UTC)
    assert server.failures == []
