"""One good playbook, what exists around it, and for every rule a change that makes it wrong.

The mark `«` in what is put in its place is where the fault has to be told; it is taken out before anybody reads it.
"""

from pathlib import Path

GOOD = (Path(__file__).parents[1] / "playbook" / "lint" / "good.yaml").read_text()
HERE = "«"
OTHER = """\
apiVersion: evidence-kit/v1
kind: Playbook
metadata: {id: privacy, version: 1.4.0, title: Whose data, description: Asks.}
inputs:
  things: {type: list<string>, description: what was read, required: true}
  aware_at: {type: timestamp, description: since when, required: true}
  token: {type: secret, description: of the tickets}
policy: {purpose: privacy, allow: [read]}
steps: [{id: ask, type: manual, instructions: Ask.}]
outputs: {answer: steps.ask.outputs.done_by}
"""
BACK = OTHER.replace("id: privacy", "id: backwards").replace(
    "{id: ask, type: manual, instructions: Ask.}", "{id: ask, type: playbook, playbook: leaked-key@1}"
)
INVENTORY = """\
apiVersion: evidence-kit/inventory.v1
kind: Inventory
targets:
  - {name: prod, provider: aws, id: "111122223333", labels: {env: prod}}
  - {name: acme, provider: acme, id: acme, agreement: {reference: DPA-7, evidence: [orders], clause: "4.2"}}
"""


_LATE = ("needs: [pivot]\n    prompt: Keep", "needs: [events]\n    prompt: Keep")
CASES = (
    ("syntax", [("kind: Playbook", "kind: Play«: book")]),
    ("syntax", [("  id: leaked-key", "  id: leaked-key\n«\tx: 1")]),
    ("no-alias", [("  id: leaked-key", "  id: «&x leaked-key")]),
    ("no-tag", [("  id: leaked-key", "  id: «!!str leaked-key")]),
    ("duplicate-key", [("    max: 40", "    max: 40\n    «max: 41")]),
    ("two-ways", [("description: whom to tell", "description: «NO")]),
    ("two-ways", [("default: bridge", "default: «012345670123")]),
    ("unknown-key", [("    volatile: true", "    «volatil: true")]),
    ("unknown-key", [("kind: Playbook", "kind: Playbook\n«oops: 1")]),
    (
        "missing-key",
        [
            (
                (
                    "  - id: call\n    type: manual\n    needs: [persons]\n"
                    "    instructions: Call the partner and write down what they say"
                ),
                "  - «id: call\n    type: manual\n    needs: [persons]",
            )
        ],
    ),
    (
        "missing-key",
        [
            ("by: rule", "by: «rule"),
            (
                (
                    "    rule: >-\n      steps.pivot.outputs.ips.exists(ip,\n"
                    "        !inNetwork(ip, inputs.networks))\n"
                    '      ? "foreign" : "known"\n'
                ),
                "",
            ),
        ],
    ),
    ("missing-key", [("use: eu.gdpr.art33", "use: «contract")]),
    ("type", [("    max: 40", "    max: «many")]),
    ("type", [("window: ${{ inputs.window }}", "window: ${{ «inputs.key }}")]),
    ("type", [("window: {last: P7D}", "window: «{since: 2026-01-02, until: 2026-01-01}")]),
    ("type", [('bucket: "${{ thing }}"', 'bucket: «["${{ thing }}"]')]),
    ("value", [("formats: [html, json]", "formats: [html, «docx]")]),
    ("value", [("{value: known}", "{value: known}, {value: «known}")]),
    ("value", [("covers: [copies]", "covers: «[]")]),
    ("step-type", [("type: hold", "type: «holt")]),
    ("reserved-name", [("id: written", "id: «evidence")]),
    ("reserved-name", [("id: written", "id: «loop")]),
    ("reserved-name", [("as: thing\n      max", "as: «inputs\n      max")]),
    ("reserved-name", [("  token:\n", "  «package:\n")]),
    ("duplicate-id", [("id: call", "id: «saved")]),
    ("unknown-step", [("needs: [foreign, pivot]", "needs: [foreign, «pivto]")]),
    ("unknown-step", [("{step: state,", "{step: «sate,")]),
    ("unknown-step", [("covers: [copies]", "covers: [copies, «copis]")]),
    ("unknown-step", [("from: [events]", "from: [«evnts]")]),
    ("unknown-step", [("complete: [events]", "complete: [«evens]")]),
    ("unknown-step", [("approval: allowed_too", "approval: «allowed_two")]),
    ("unknown-step", [("steps.events.outputs.records > 0", "«steps.evnts.outputs.records > 0")]),
    ("cycle", [("  - id: events\n    type: collect\n", "  - id: events\n    type: collect\n    needs: [«pivot]\n")]),
    ("cycle", [("needs: [persons]\n    instructions", "needs: [«call]\n    instructions")]),
    (
        "missing-need",
        [
            ("needs: [persons, pivot]", "needs: [persons]"),
            ("things: ${{ steps.pivot", "things: ${{ «steps.pivot"),
            ("needs: [pivot]\n    question", "needs: [events]\n    question"),
        ],
    ),
    ("missing-need", [("from: [events]", "from: [«objects]"), ("FROM events", "FROM objects")]),
    ("missing-need", [("complete: [events]", "complete: [«objects]")]),
    (
        "missing-need",
        [("needs: [pivot, allowed]", "needs: [pivot]"), ("approval: allowed\n", "approval: «allowed\n")],
    ),
    ("maybe-skipped", [("{step: more, accept: [any]}", "{step: «more}")]),
    ("report-early", [("      - {step: objects, accept: [any]}\n", ""), ("id: written", "id: «written")]),
    ("expression", [("!inNetwork(ip, inputs.networks))", "!inNetwork(ip «] inputs.networks))")]),
    ("expression", [("size(steps.pivot.outputs.ips) }}", "size(steps.pivot.outputs.ips «! ) }}")]),
    (
        "expression",
        [
            (
                "default_on_timeout: eu",
                "when: steps.pivot.outputs.ips.«reduce(a, b, 0, a + b) > 0\n    default_on_timeout: eu",
            )
        ],
    ),
    (
        "bare-expression",
        [
            (
                'when: steps.foreign.outputs.choice == "foreign"',
                'when: «${{ steps.foreign.outputs.choice == "foreign" }}',
            )
        ],
    ),
    ("template-here", [("question: Whose data were read?", "question: Whose «${{ run.id }} were read?")]),
    ("template-here", [("message: nothing at all", "message: «${{ run.id }} nothing at all")]),
    ("unknown-name", [("matter: ${{ run.case_id }}", "matter: ${{ «run.caseid }}")]),
    ("unknown-name", [("matter: ${{ run.case_id }}", "matter: ${{ «thing }}")]),
    ("unknown-name", [('target.labels["env"]', '«target.label["env"]')]),
    ("unknown-input", [("things: ${{ steps.pivot.outputs.things }}", "things: ${{ [«inputs.kay] }}")]),
    ("unknown-input", [("      key: ${{ event.detail.key }}", "      «kay: ${{ event.detail.key }}")]),
    ("unknown-output", [("{{ size(steps.pivot.outputs.ips) }}", "{{ size(«steps.pivot.outputs.ip) }}")]),
    ("unknown-output", [("ended ${{ steps.whole.outcome }}", "ended ${{ «steps.whole.outcom }}")]),
    ("unknown-function", [("!inNetwork(ip,", "!«inNetworks(ip,")]),
    ("unknown-function", [("match: event.type.contains(", "match: event.type.«includes(")]),
    ("unknown-option", [('? "foreign" : "known"', '? "foreign" : «"unknown"')]),
    ("unknown-option", [('outputs.choice == "foreign"', 'outputs.choice == «"foreing"')]),
    ("unknown-option", [('when: \'"eu" in', 'when: \'«"uk" in')]),
    ("unknown-option", [("default_on_timeout: eu", "default_on_timeout: «uk")]),
    ("unknown-option", [('inputs.urgency != "low"', 'inputs.urgency != «"lo"')]),
    ("not-bool", [('when: steps.foreign.outputs.choice == "foreign"', "when: «size(steps.foreign.outputs.choice)")]),
    (
        "not-bool",
        [
            (
                'assert: steps.events.outputs.records > 0 && inputs.urgency != "low"',
                "assert: «steps.events.outputs.records",
            )
        ],
    ),
    ("not-list", [("items: ${{ steps.pivot.outputs.things }}\n", "items: ${{ «inputs.key }}\n")]),
    ("secret-use", [("token: ${{ inputs.token }}", "token: x${{ «inputs.token }}")]),
    ("secret-use", [("key: ${{ inputs.key }}", "key: ${{ «inputs.token }}")]),
    ("evidence-in-message", [("{{ size(steps.pivot.outputs.ips) }}", "{{ «steps.pivot.outputs.ips[0] }}")]),
    ("evidence-in-message", [("{{ size(steps.pivot.outputs.ips) }}", '{{ «steps.pivot.outputs.ips.join(", ") }}')]),
    ("unused-input", [("  token:\n", "  «nobody: {type: int, description: nothing}\n  token:\n")]),
    ("default-type", [("default: {last: P14D}", "default: «{lust: P14D}")]),
    ("default-type", [("default: high", "default: «higher")]),
    ("default-type", [("pattern: (AKIA|ASIA)[A-Z2-7]{16}", "pattern: «(AKIA")]),
    ("default-type", [("pattern: (AKIA|ASIA)[A-Z2-7]{16}", "pattern: A+\n    default: «B")]),
    ("default-type", [("default: [198.51.100.0/24]", "default: «[198.51.100.0/33]")]),
    ("no-template-in-sql", [("credential = $key", "credential = '«${{ inputs.key }}'")]),
    ("sql", [("SELECT src_ip, resource", "SELECT src_ip, «resorce AS resource")]),
    ("sql", [("AND outcome = 'success'", "«ANDD outcome = 'success'")]),
    ("sql", [("FROM events", "FROM «event")]),
    (
        "sql",
        [("SELECT src_ip, resource", "DROP TABLE evidence; SELECT src_ip, resource"), ("    sql: |", "    sql: «|")],
    ),
    ("sql", [("SELECT step FROM step_gaps", "SELECT «stepp FROM step_gaps")]),
    ("sql-param", [("credential = $key", "credential = «$kay")]),
    ("sql-param", [("      key: ${{ inputs.key }}", "      key: ${{ inputs.key }}\n      «more: 1")]),
    ("sql-param", [("WHERE kind = 'denied'", "WHERE kind = «$kind")]),
    (
        "sql-param",
        [("saved: same_address", "saved: «same_address"), ("      who: 203.0.113.66", "      whom: 203.0.113.66")],
    ),
    ("unknown-column", [("column: src_ip", "column: «source_ip")]),
    ("unknown-column", [("column: actor", "column: «acter")]),
    ("unknown-saved", [("saved: same_address", "saved: «same_adress")]),
    ("unknown-sigma", [("saved: same_address\n    params:\n      who: 203.0.113.66", "sigma: [a-rule, «a-role]")]),
    ("no-evidence", [("from: [events]", "from: [events, «call]")]),
    ("unknown-source", [("[aws.iam.account]", "[«aws.iam.acount]")]),
    ("unknown-source", [("[aws.iam.account]", "[all.of.it, «aws.nothing.*]")]),
    (
        "unknown-param",
        [("      bucket: ${{ inputs.bucket }}", "      bucket: ${{ inputs.bucket }}\n      «prefx: a")],
    ),
    ("unknown-param", [('with: {volume_id: "${{ thing }}"}', 'with: {volume_id: "${{ thing }}", «volum: x}')]),
    (
        "missing-param",
        [
            ("  - id: objects\n    type: collect\n    sources:", "  - id: objects\n    type: collect\n    «sources:"),
            ("bucket: ${{ inputs.bucket }}", "prefix: ${{ inputs.bucket }}"),
        ],
    ),
    (
        "missing-param",
        [
            ("action: aws.ebs.snapshot_volume", "action: «aws.ebs.snapshot_volume"),
            ('with: {volume_id: "${{ thing }}"}', "with: {}"),
        ],
    ),
    (
        "no-window",
        [
            (
                (
                    "  window:\n    type: window\n"
                    "    description: when it may have been used\n    default: {last: P14D}\n"
                ),
                "",
            ),
            ("    window: ${{ inputs.window }}\n", ""),
            ("id: events", "id: «events"),
        ],
    ),
    ("unknown-targets", [("targets: accounts\n    volatile", "targets: «acounts\n    volatile")]),
    ("provider-mismatch", [("sources: [acme.audit]", "sources: [«aws.iam.account, acme.audit]")]),
    (
        "provider-mismatch",
        [
            ("action: aws.ebs.snapshot_volume", "action: «aws.ebs.snapshot_volume"),
            ("targets: accounts\n    for_each: {items", "targets: shop\n    for_each: {items"),
        ],
    ),
    (
        "policy",
        [
            ("allow: [read, preserve, hold, notify]", "allow: [read, preserve, hold]"),
            ("type: notify", "type: «notify"),
        ],
    ),
    ("policy", [("window: {last: P7D}", "window: «{last: P91D}")]),
    ("policy", [("default: {last: P14D}", "default: «{last: P100D}")]),
    ("unknown-action", [("action: aws.ebs.snapshot_volume", "action: «aws.ebs.snapshot_volum")]),
    ("unapproved-change", [("    approval: allowed\n", ""), ("id: copies", "id: «copies")]),
    ("approval-scope", [("covers: [copies]", "covers: [«keep]")]),
    ("approval-scope", [("covers: [copies]", "covers: [«saved]")]),
    ("approval-scope", [("approval: allowed\n", "approval: «persons\n")]),
    ("approval-scope", [("approval: allowed\n", "approval: «allowed_too\n")]),
    ("denied-accepted", [("needs: [allowed_too]", "needs: [«{step: allowed_too, accept: [any]}]")]),
    ("late-approval", [_LATE, ("- id: allowed\n", "- id: «allowed\n")]),
    (
        "interaction-in-loop",
        [("    default_on_timeout: eu", "    «for_each: {items: x, as: y}\n    default_on_timeout: eu")],
    ),
    ("unknown-channel", [("channel: ${{ inputs.channel }}", "channel: «brigde")]),
    ("unknown-clock", [("use: eu.gdpr.art33", "use: «eu.gdpr.art34")]),
    ("stale-clock", [("use: eu.gdpr.art33", "use: «old.clock")]),
    ("clock-by-person", [("start: steps.persons.outputs.aware_at", "start: «run.started_at")]),
    ("clock-by-person", [("start: steps.persons.outputs.aware_at", "start: «steps.persons.outputs.decided_at")]),
    (
        "clock-by-person",
        [
            ("fields:\n      said: {type: string}", "fields:\n      said: {type: string}"),
            ("start: steps.persons.outputs.aware_at", "start: «steps.call.outputs.said"),
        ],
    ),
    ("unknown-playbook", [("playbook: privacy@1", "playbook: «privacy@2")]),
    ("playbook-digest", [("playbook: privacy@1", "playbook: privacy@1\n    sha256: «" + "0" * 64)]),
    (
        "playbook-inputs",
        [
            ("playbook: privacy@1", "playbook: «privacy@1"),
            ("      aware_at: ${{ steps.persons.outputs.aware_at }}\n", ""),
        ],
    ),
    ("playbook-inputs", [("      token: ${{ inputs.token }}", "      token: ${{ inputs.token }}\n      «more: 1")]),
    (
        "playbook-inputs",
        [
            ("things: ${{ steps.pivot", "things: ${{ «size(steps.pivot"),
            ("outputs.things }}\n      aware", "outputs.things) }}\n      aware"),
        ],
    ),
    ("playbook-inputs", [("aware_at: ${{ steps.persons.outputs.aware_at }}", "aware_at: «yesterday")]),
    ("recursion", [("playbook: privacy@1", "playbook: «leaked-key@1")]),
    ("recursion", [("playbook: privacy@1", "playbook: «backwards@1")]),
)
