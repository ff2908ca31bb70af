"""`azure.activity_feed` does what every collector must."""

from dataclasses import replace

import pytest
from support.conformance_microsoft import MicrosoftConformance

pytestmark = pytest.mark.slow

KIND = "Audit.General"


class TestActivityFeed(MicrosoftConformance):
    source, path, listing = "m365.activity_feed", "/audit/", "/subscriptions/content"

    def spec(self):
        return replace(super().spec(), settings={"types": {"general": KIND}})

    def furnish(self, kiosk):
        return (f'"Id": "{row["Id"]}"'.encode() for _, _, rows in kiosk.feed.blobs[KIND] for row in rows)

    def clear(self, kiosk):
        kiosk.feed.blobs[KIND] = []
