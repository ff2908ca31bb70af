"""The rules by name: how bad each is, and what it is about. The documentation and SARIF are made of this table."""

from collections.abc import Mapping
from typing import NamedTuple

from evidence_kit.playbook.lint.finding import Level


class Rule(NamedTuple):
    """What a rule finds."""

    level: Level
    about: str


_E, _W, _N = Level.ERROR, Level.WARNING, Level.NOTE
RULES: Mapping[str, Rule] = {
    # the document
    "syntax": Rule(_E, "the file is no YAML, or no mapping"),
    "depth": Rule(_E, "it nests deeper than any playbook"),
    "no-alias": Rule(_E, "anchors and aliases: a document must mean what it shows"),
    "no-tag": Rule(_E, "tags, and kinds of values that only YAML knows"),
    "duplicate-key": Rule(_E, "a key stands twice; readers differ in which one they take"),
    "two-ways": Rule(_E, "`NO`, `012345`, `1:30` without quotes: not every program reads them alike"),
    # the language
    "unknown-key": Rule(_E, "a field that the language does not have"),
    "missing-key": Rule(_E, "a field that has to be there"),
    "type": Rule(_E, "a value of the wrong kind: a text where a list belongs, a window that is none"),
    "value": Rule(_E, "a value that the field cannot have"),
    "step-type": Rule(_E, "a type of step that the language does not have"),
    "reserved-name": Rule(_E, "a name that expressions or SQL need for something else"),
    # the graph
    "duplicate-id": Rule(_E, "two steps with one id"),
    "unknown-step": Rule(_E, "a step that nobody declares"),
    "cycle": Rule(_E, "steps that wait for each other"),
    "missing-need": Rule(_E, "a step uses another, and does not wait for it"),
    "maybe-skipped": Rule(_W, "a step needs one that may be skipped, and neither accepts that nor has a condition"),
    "report-early": Rule(_W, "a report that does not wait for every other step"),
    # expressions
    "expression": Rule(_E, "an expression that cannot be read"),
    "bare-expression": Rule(_E, "`${{ }}` where an expression stands by itself"),
    "template-here": Rule(_E, "`${{ }}` in a text that is used as it stands"),
    "unknown-name": Rule(_E, "a name that nothing has here"),
    "unknown-input": Rule(_E, "an input that nobody declares"),
    "unknown-output": Rule(_E, "an output that the step does not have"),
    "unknown-function": Rule(_E, "a function that the language does not have"),
    "unknown-option": Rule(_E, "a word that is none of a decision's options, or no outcome"),
    "not-bool": Rule(_E, "a condition that is neither true nor false"),
    "not-list": Rule(_E, "a loop over something that is no list"),
    "secret-use": Rule(_E, "a secret within an expression, a message, SQL or a report"),
    "evidence-in-message": Rule(_E, "a message that would carry evidence; numbers may go out, values may not"),
    # inputs
    "unused-input": Rule(_W, "an input that nothing uses"),
    "default-type": Rule(_E, "a default, pattern or choice that does not fit the type of an input"),
    # questions
    "no-template-in-sql": Rule(_E, "`${{ }}` within SQL; values are bound as `$name`"),
    "sql": Rule(_E, "SQL that the tables of a case cannot answer, or that is more than one SELECT"),
    "sql-param": Rule(_E, "a parameter of a question that is missing, or that it does not use"),
    "sql-unchecked": Rule(_N, "SQL that was not looked at, and why"),
    "unknown-column": Rule(_E, "an output of a column that the question does not return"),
    "unknown-saved": Rule(_E, "a saved question that does not come with the kit"),
    "unknown-sigma": Rule(_E, "a Sigma rule that is neither the kit's nor beside the playbook"),
    "no-evidence": Rule(_E, "a question to a step that collects nothing"),
    # collecting
    "unknown-source": Rule(_E, "a source, group or pattern that nothing matches"),
    "unknown-param": Rule(_E, "a parameter that none of the sources, or the action, takes"),
    "missing-param": Rule(_E, "a parameter without which nothing can be asked"),
    "no-window": Rule(_E, "a source that asks for a span of time, and none is given"),
    "unknown-targets": Rule(_E, "a set of targets that nobody declares"),
    "unknown-provider": Rule(_W, "a provider that no source and no target has"),
    "provider-mismatch": Rule(_E, "a set of targets without a provider of the sources"),
    "target-set": Rule(_E, "fewer targets in the inventory than the set needs"),
    "agreement": Rule(_E, "evidence that the agreement with a partner does not allow; the clause is named"),
    "policy": Rule(_E, "more than the policy of the playbook, or of the organisation, allows"),
    # people, and what changes a target
    "unknown-action": Rule(_E, "an action that does not come with the kit"),
    "unapproved-change": Rule(_E, "a step that changes a target without anybody's approval"),
    "approval-scope": Rule(_E, "an approval by a step that is none, or that does not cover what it should"),
    "denied-accepted": Rule(_E, "a step that would run although its approval was denied"),
    "late-approval": Rule(_E, "an approval that is asked for before it is known of what"),
    "interaction-in-loop": Rule(_E, "a question to people for every item of a list"),
    "unknown-channel": Rule(_E, "a channel that the organisation does not have"),
    # clocks
    "unknown-clock": Rule(_E, "a regulatory clock that is in no set"),
    "stale-clock": Rule(_W, "a clock that nobody has looked at for long, or whose source nobody has read"),
    "clock-by-person": Rule(_E, "a clock that is started by anything but a time that a person recorded"),
    # other playbooks
    "unknown-playbook": Rule(_E, "a playbook that cannot be found"),
    "playbook-digest": Rule(_E, "another playbook than the one whose digest is named"),
    "playbook-inputs": Rule(_E, "inputs of the other playbook that are missing, unknown or of another type"),
    "recursion": Rule(_E, "a playbook that calls itself, through others perhaps"),
}  # fmt: skip
