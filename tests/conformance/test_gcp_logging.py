"""`gcp.logging` does what every collector must."""

from support.conformance_google import GoogleConformance
from support.google import ACTIVITY


class TestCloudLogging(GoogleConformance):
    source, evidence, path = "gcp.logging.admin_activity", "/logging/v2/entries", "entries:list"

    def furnish(self, google):
        made = google.fill(ACTIVITY, 2100)  # three pages
        return (f'"insertId": "{entry["insertId"]}"'.encode() for entry in (*made[::100], made[-1]))

    def clear(self, google):
        google.estate.entries = ()
