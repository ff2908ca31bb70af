# ruff: noqa: INP001 - one module, not a package
"""The whole test of the plug-in: the suite brings the claims, this file brings a partner whose answers are known."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from acme_audit import AcmeAudit

from evidence_kit.model.source import SourceSpec
from evidence_kit.model.time import Window
from evidence_kit.model.unit import Target
from evidence_kit.sources.catalogue import parse_source
from evidence_kit.testing import Asked, CollectorConformance, Loopback, Provider, Reply

SOURCE = Path(__file__).with_name("acme.audit.yaml")
PAGES = {"": ("event-1", "t1"), "t1": ("event-2", "t2"), "t2": ("event-3", None)}
KEY = "correct-horse"


def acme(asked: Asked) -> Reply:
    """Answer as the partner does."""
    if asked.headers.get("authorization") != f"Bearer {KEY}":
        return Reply(status=403, body=b'{"error": "no"}')
    (token,) = parse_qs(urlsplit(asked.path).query, keep_blank_values=True)["after"]
    event, following = PAGES[token]
    return Reply(body=json.dumps({"events": [{"id": event}], "next": following}).encode())


class TestAcmeAudit(CollectorConformance):
    """Every claim of the suite, made of `AcmeAudit`."""

    @contextmanager
    def provider(self, folder: Path) -> Iterator[Provider]:  # noqa: ARG002 - it stores nothing
        """Start the partner."""
        with Loopback(acme, empty=b'{"events": [], "next": null}').serving() as partner:
            yield Provider(
                source=replace(parse_source(SOURCE.read_bytes(), name=SOURCE.name), settings={"url": partner.url}),
                target=Target(provider="acme", id="tenant-7"),
                window=Window(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)),
                truth=[b'"event-1"', b'"event-2"', b'"event-3"'],
                answers=partner.answers,
                strike=partner.strike,
                secrets={"acme": KEY},
            )

    def collector(self, source: SourceSpec) -> AcmeAudit:
        """Make ours; an installed plug-in is found by its name."""
        return AcmeAudit(source, None)
