"""The page in a real browser: at every width, in the dark, on paper, without scripts, by keyboard, and very long."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from support.case_reports import HOSTILE, Many, full, large, poisoned, write

from evidence_kit.report.case import page
from evidence_kit.report.verdict.text import visible

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
AXE = Path(__file__).parents[2] / "axe" / "node_modules" / "axe-core" / "axe.min.js"
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
needs_axe = pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: npm ci --prefix tests/axe")

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MANY = 100_000
MOST_ROWS = 60  # in the document at once, of any table that scrolls
BARRIERS = """() => axe.run(document, {resultTypes: ["violations"]}).then((found) => found.violations.map(
    (one) => [one.impact, one.id, one.nodes.map((node) => node.target.join(" "))]
))"""


@pytest.fixture(scope="module")
def browser():
    """A Chromium that is closed at the end."""
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def pages(real, tmp_path_factory):
    """The page of a report with everything in it, of a hostile one, and of one with very many artifacts."""
    base = tmp_path_factory.mktemp("pages")
    report = full(real.report)
    made = {"full": report, "hostile": poisoned(report), "large": large(report, MANY), "long": _lengthened(report)}
    return {name: write(page.pieces(one), base / f"{name}.html").as_uri() for name, one in made.items()}


def _lengthened(report):
    """Return a report whose records, findings and reasons have one long word each."""
    long = "2026/11/20/" + "a" * 80
    moments = tuple(
        replace(one, resource=long, action="google.iam.admin.v1.CreateServiceAccountKey")
        for one in report.incident.moments
    )
    return replace(
        report,
        incident=replace(report.incident, moments=moments),
        findings=tuple(replace(one, message=long) for one in report.findings),
        coverage=tuple(
            replace(one, cells=tuple(replace(cell, reason=long) for cell in one.cells)) for one in report.coverage
        ),
    )


@pytest.fixture
def look(browser, pages):
    """Open a page; it must not complain, reach for anything else, or open a dialog."""
    contexts, complaints = [], []

    def call(name, *, width=1440, **how):
        context = browser.new_context(viewport={"width": width, "height": 900}, **how)
        contexts.append(context)
        opened = context.new_page()
        opened.on("console", lambda message: complaints.append(message.text))
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        opened.on("dialog", lambda dialog: complaints.append(dialog.message))
        opened.on("request", lambda request: None if request.url == pages[name] else complaints.append(request.url))
        opened.goto(pages[name])
        return opened

    yield call
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.mark.slow
@needs_axe
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("name", "width"), [("full", 360), ("full", 900), ("full", 1440), ("hostile", 900)])
def test_there_is_no_serious_barrier(look, name, scheme, width) -> None:
    shown = look(name, width=width, color_scheme=scheme, bypass_csp=True)
    shown.add_script_tag(path=AXE)
    found = shown.evaluate(BARRIERS)
    assert [one for one in found if one[0] in {"serious", "critical"}] == []


@needs_axe
def test_the_search_for_barriers_finds_one(look) -> None:
    shown = look("full", bypass_csp=True)
    shown.add_script_tag(path=AXE)
    shown.evaluate("document.documentElement.removeAttribute('lang')")
    assert "html-has-lang" in {one[1] for one in shown.evaluate(BARRIERS)}


@pytest.mark.parametrize("width", [360, 900, 1440])
@pytest.mark.parametrize("name", ["full", "hostile"])
def test_nothing_is_wider_than_the_window(look, width, name) -> None:
    shown = look(name, width=width)
    assert shown.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [390, 820, 1440])
@pytest.mark.parametrize("name", ["full", "long"])
def test_no_table_of_words_has_to_be_moved_sideways(look, width, name) -> None:
    shown = look(name, width=width, java_script_enabled=False)
    assert shown.locator(".stack").count() >= 4
    assert (
        shown.evaluate(
            "[...document.querySelectorAll('.wide:has(> .stack)')].filter((one) => one.scrollWidth > one.clientWidth)"
            ".map((one) => one.getAttribute('aria-labelledby'))"
        )
        == []
    )


def test_a_time_is_never_broken_in_two(look) -> None:
    shown = look("full", width=820)
    assert shown.locator("#stretches ~ .wide .when").count() > 0
    assert shown.evaluate(
        "[...document.querySelectorAll('td .when')].every((one) => one.getClientRects().length <= 1)"
    )


@pytest.mark.parametrize("scripts", [True, False])
def test_hostile_evidence_is_shown_as_text(look, scripts) -> None:
    shown = look("hostile", java_script_enabled=scripts)
    assert visible(HOSTILE) in shown.inner_text("main")
    assert shown.locator("img").count() == 0
    assert shown.locator("[onmouseover]").count() == 0


def test_hostile_evidence_stays_text_where_scripts_draw_it(look) -> None:
    shown = look("hostile")
    shown.locator("#artifacts-live tbody button").first.click()
    assert visible(HOSTILE) in shown.locator("#artifacts-live .detail").inner_text()
    shown.locator("#incident-live tbody button").first.click()
    assert visible(HOSTILE) in shown.locator("#incident-live .detail").inner_text()
    assert shown.locator("img").count() == 0


def test_without_scripts_everything_is_readable(look, real) -> None:
    shown = look("full", java_script_enabled=False)
    for heading in ("Chain of custody", "Coverage", "The incident in time", "Artifacts", "How to verify"):
        assert shown.get_by_role("heading", name=heading, exact=True).is_visible()
    assert shown.locator("#incident-chart rect").count() > 0
    for artifact in real.report.artifacts:
        assert shown.get_by_text(artifact.sha256).first.is_visible()
    assert not shown.locator(".live").first.is_visible()


def test_without_scripts_a_long_table_says_what_is_not_in_it(look) -> None:
    shown = look("large", java_script_enabled=False)
    assert shown.locator("#artifacts ~ .static tbody tr").count() == 200
    assert (
        "The first 200 of 100,000 stand here."
        in shown.locator("section", has=shown.locator("#artifacts")).inner_text()
    )


def test_on_paper_long_tables_stand_in_full_and_tools_do_not(look) -> None:
    shown = look("full")
    shown.emulate_media(media="print")
    assert not shown.locator("nav").is_visible()
    assert not shown.locator(".scroller").first.is_visible()
    assert shown.get_by_role("table", name="Files of evidence").is_visible()
    assert shown.pdf().startswith(b"%PDF-")


def test_a_hundred_thousand_artifacts_scroll_with_few_rows_in_the_document(look) -> None:
    shown = look("large")
    rows = shown.locator("#artifacts-live tbody tr:not(.gap)")
    assert shown.locator("#artifacts-live [role=status]").inner_text() == "100,000 rows"
    for part in (0.5, 1):
        shown.locator("#artifacts-live .scroller").evaluate(
            f"(one) => {{ one.scrollTop = one.scrollHeight * {part}; }}"
        )
        wanted = MANY if part == 1 else MANY // 2
        rows.locator(f"button:text-is('{wanted}')").wait_for()
        assert rows.count() <= MOST_ROWS
    assert shown.locator("#artifacts-live table").get_attribute("aria-rowcount") == str(MANY + 1)


def test_the_focus_stays_in_a_table_that_scrolls_beneath_it(look) -> None:
    shown = look("large")
    shown.locator("#artifacts-live tbody button").first.focus()
    for _ in range(45):
        shown.keyboard.press("Tab")
    assert shown.evaluate("document.activeElement.textContent") == "46"
    assert shown.locator("#artifacts-live tbody tr:not(.gap)").count() <= MOST_ROWS


def test_a_row_at_an_edge_stays_beneath_the_pointer_that_presses_it(look) -> None:
    shown = look("large")
    scroller = shown.locator("#artifacts-live .scroller")
    scroller.scroll_into_view_if_needed()
    for offset in range(3_200, 3_232, 4):  # rows are 32 pixels high, so nearly always one is cut
        place = scroller.evaluate(
            """(one, offset) => {
              one.scrollTop = offset;
              one.dispatchEvent(new Event("scroll"));
              return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {
                const seen = one.getBoundingClientRect();
                const at = (button) => button.getBoundingClientRect();
                const buttons = [...one.querySelectorAll("tbody button")];
                const last = buttons.filter((button) => at(button).top < seen.bottom - 3).at(-1);
                done({x: at(last).x + at(last).width / 2, y: at(last).y + 2, row: last.textContent});
              })));
            }""",
            offset,
        )
        shown.mouse.click(place["x"], place["y"])
        assert shown.locator("#artifacts-live .detail h3").inner_text() == f"Row {place['row']}"


def test_a_search_finds_one_of_a_hundred_thousand_and_shows_all_of_it(look) -> None:
    shown = look("large")
    shown.get_by_role("searchbox", name="Search artifacts").fill("077777.json")
    shown.locator("#artifacts-live [role=status]:text-is('1 of 100,000 rows')").wait_for()
    shown.locator("#artifacts-live").get_by_role("button", name="Show all of row 1", exact=True).press("Enter")
    (wanted,) = [one for one in Many(77_778) if one.path.endswith("077777.json")]
    told = shown.locator("#artifacts-live .detail").inner_text()
    assert wanted.sha256 in told
    assert str(wanted.pointer) in told


def test_a_column_sorts_both_ways_by_keyboard(look) -> None:
    shown = look("large")
    head = shown.locator("#artifacts-live thead").get_by_role("button", name="Bytes")
    first = shown.locator("#artifacts-live tbody tr:not(.gap) td:nth-child(5)").first
    head.press("Enter")
    assert (first.inner_text(), head.locator("..").get_attribute("aria-sort")) == ("0", "ascending")
    head.press("Enter")
    assert (first.inner_text(), head.locator("..").get_attribute("aria-sort")) == (str(MANY - 1), "descending")


def test_the_time_line_zooms_and_filters(look, real) -> None:
    shown = look("full")
    status = shown.locator("#incident-live [role=status]")
    total = len(real.report.incident.moments)
    assert status.inner_text() == f"{total} rows"
    shown.get_by_role("button", name="Zoom in").click()
    assert int(status.inner_text().split()[0]) < total
    shown.get_by_role("button", name="Later").click()
    assert shown.locator("#incident-from").inner_text() > "2026-11-18T22:00:00"
    shown.get_by_role("button", name="Whole time").click()
    assert status.inner_text() == f"{total} rows"
    shown.get_by_role("searchbox", name="Search records in time").fill("203.0.113.7 shop-invoices")
    shown.locator("#incident-live [role=status]:text-is('1 of 30 rows')").wait_for()
    shown.get_by_role("combobox", name="Source").select_option("aws.cloudtrail.s3")
    assert status.inner_text() == "1 of 30 rows"


def test_a_stretch_is_chosen_by_drawing_over_the_bars(look) -> None:
    shown = look("full")
    chart = shown.locator("#incident-chart")
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    shown.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 20)
    shown.mouse.down()
    shown.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 20)
    shown.mouse.up()
    assert shown.locator("#incident-live [role=status]").inner_text() != "30 rows"


def test_the_keyboard_reaches_the_report_first(look) -> None:
    shown = look("full")
    shown.keyboard.press("Tab")
    assert shown.evaluate("document.activeElement.textContent") == "Skip to the report"
    shown.keyboard.press("Enter")
    assert shown.evaluate("document.activeElement.id") == "content"
    order = shown.evaluate("[...document.querySelectorAll('[tabindex]')].map((one) => one.tabIndex)")
    assert set(order) <= {0, -1}


def test_a_report_whose_records_are_cut_says_so_and_counts_all(browser, real, tmp_path) -> None:
    found = real.report.incident
    cut = replace(real.report, incident=replace(found, moments=found.moments[:5]))
    place = write(page.pieces(cut), tmp_path / "cut.html").as_uri()
    context = browser.new_context()
    shown = context.new_page()
    shown.goto(place)
    assert "The first 5 stand in the table, 25 later ones do not" in shown.inner_text("main")
    assert shown.locator("#incident-chart rect").count() == len(found.bars)
    context.close()
