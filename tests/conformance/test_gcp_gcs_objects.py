"""`gcp.gcs_objects` does what every collector must."""

import base64
import hashlib

import pytest
from support.conformance_google import GoogleConformance
from support.google import ACTIVITY, SINKS

pytestmark = pytest.mark.slow

BUCKET = "shop-audit"


def hour(number):
    """Return the file of one hour, as a listing describes it."""
    body = f'{{"insertId":"of-hour-{number:02d}"}}\n'.encode()
    md5 = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
    name = f"{ACTIVITY}/2026/11/21/{number:02d}:00:00_{number:02d}:59:59_S0.json"
    return {
        "kind": "storage#object", "name": name, "generation": "1", "size": str(len(body)), "md5Hash": md5,
        "body": body,
    }  # fmt: skip


class TestGcsObjects(GoogleConformance):
    source, evidence, path, listing = "gcp.logging.sink_objects", "/storage/", "_S0.json", "/o"

    def furnish(self, google):
        google.estate.lists[SINKS] = [
            {"sinks": [{"name": "a", "destination": f"storage.googleapis.com/{BUCKET}"}, {"name": "_Default"}]}
        ]
        google.estate.objects[BUCKET] = [hour(number) for number in range(4, 14)]
        return (f'"of-hour-{number:02d}"'.encode() for number in range(6, 12))

    def clear(self, google):
        google.estate.objects[BUCKET] = []
