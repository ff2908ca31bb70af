"""A small incident run: what is collected, asked, decided by a rule and by people, held, and reported."""

from pathlib import Path

from support.deck import HEAD, TAKE, Deck, book, deck, event

from evidence_kit.playbook.run.questions import Reply
from evidence_kit.report.runs.writing import Writer

KEY = b"k" * 32
YES = Reply(approved=True, reason="go on")
EU = Reply(choices=("eu",), fields={"aware_at": "2026-11-20T00:00:00Z"}, reason="two customers")
EVENTS = {"111122223333": [event(1, key="AKIA1"), event(2, key="AKIA1", ip="203.0.113.9")]}
STEPS = (
    TAKE
    + """  - id: who
    type: query
    name: Who <script>alert(1)</script> called
    needs: [take]
    sql: SELECT DISTINCT src_ip FROM evidence ORDER BY 1
    outputs: {ips: {column: src_ip, type: list<ip>}}
  - id: far
    type: decide
    by: rule
    needs: [who]
    question: Did anybody call from elsewhere?
    options: [{value: far}, {value: near}]
    rule: 'size(steps.who.outputs.ips) > 1 ? "far" : "near"'
  - id: never
    type: query
    needs: [far]
    when: steps.far.outputs.choice == "near"
    sql: SELECT 1 AS n
  - id: persons
    type: decide
    needs: [far]
    question: Whose data?
    options: [{value: eu}, {value: none}]
    fields: {aware_at: {type: timestamp, required: true}}
  - id: agree
    type: approve
    needs: [far]
    prompt: Hold the case
    covers: [keep]
  - {id: keep, type: hold, action: case, needs: [agree], approval: agree, matter: M-1}
"""
)
REPORT = """  - id: tell
    type: report
    on_error: continue
    needs: [{step: keep, accept: [any]}, {step: persons, accept: [any]}, {step: never, accept: [any]}]
    formats: [html]
"""


def told(root: Path, steps: str = STEPS + REPORT, *, head: str = HEAD, **more: object) -> tuple[Deck, object]:
    """Return the table of a run, and how it ended."""
    given = {"answers": {"persons": EU}, "approvals": {"agree": YES}, **more}
    tools = {"render": Writer(key=lambda: KEY)}
    table = deck(root, EVENTS, more=tools, **given)
    return table, table.play(book(steps, head=head), {})


def kept(table: Deck, suffix: str) -> list[str]:
    """Return the texts of the reports that are kept in the case, by their ending."""
    found = sorted((table.lab.root / "derived" / "playbooks").rglob(f"tell*{suffix}"))
    return [path.read_text() for path in found]
