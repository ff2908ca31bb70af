"""The served pages and the portfolio in a real browser: nothing else is loaded, and axe finds no barrier."""

import os
import shutil
import threading
from pathlib import Path

import pytest
from support.case_reports import LATER, reported

from evidence_kit.report.browse.server import Server
from evidence_kit.report.browse.shelf import Shelf
from evidence_kit.report.portfolio import page
from evidence_kit.report.portfolio.reading import read_portfolio
from evidence_kit.vaults.local import LocalVault

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
AXE = Path(__file__).parents[2] / "axe" / "node_modules" / "axe-core" / "axe.min.js"
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
    pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: npm ci --prefix tests/axe"),
]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
BARRIERS = "() => axe.run(document).then((found) => found.violations.map((one) => [one.impact, one.id]))"
PATHS = ("", "case/0/", "case/0/artifacts", "case/0/findings", "case/0/timeline", "case/0/custody")


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The portfolio, and every page of a served case."""
    base = tmp_path_factory.mktemp("looked-at")
    real = reported(base / "cases" / "one")
    portfolio = base / "portfolio.html"
    portfolio.write_text(page.html(read_portfolio(base / "cases", LocalVault, {}, now=LATER)), encoding="utf-8")
    shelf = Shelf(name="IR-1", vault=real.case.vault, read_incident=lambda: real.report.incident)
    with Server(("127.0.0.1", 0), [shelf], "k") as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield (portfolio.as_uri(), *(server.url + path for path in PATHS))
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_barrier_and_nothing_else_is_loaded(pages, scheme) -> None:
    barriers, complaints = {}, []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        # axe is put into the page by the browser; the page's own policy would let no script run.
        context = browser.new_context(viewport={"width": 360, "height": 800}, color_scheme=scheme, bypass_csp=True)
        for url in pages:
            opened = context.new_page()
            opened.on("console", lambda message: complaints.append((message.location["url"], message.text)))
            opened.on("request", lambda request, url=url: request.url == url or complaints.append((request.url, "")))
            opened.goto(url)
            opened.add_script_tag(content=AXE.read_text(encoding="utf-8"))
            barriers[url] = opened.evaluate(BARRIERS)
            opened.close()
        browser.close()
    assert {url: found for url, found in barriers.items() if found} == {}
    # A browser whose policy is lifted asks for an icon by itself.
    assert [one for one in complaints if not one[0].endswith("/favicon.ico")] == []
