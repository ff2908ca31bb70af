"""The export is CACAO 2.0 by OASIS's own schemas, the same each time, and nothing of the playbook is lost in it."""

import json
from datetime import UTC, datetime

import pytest
from support.cacao import ids, known_fields, validator
from support.deck import HEAD, TAKE, book
from support.lint_cases import GOOD

from evidence_kit.errors import UsageError
from evidence_kit.playbook.cacao import PLAYBOOK_EXTENSION, STEP_EXTENSION, export
from evidence_kit.playbook.graph import waves
from evidence_kit.playbook.library import shipped_folder
from evidence_kit.playbook.reading import parse_playbook

AT = datetime(2026, 11, 22, tzinfo=UTC)
FILES = sorted(shipped_folder().glob("*.yaml"))


def read(text):
    return parse_playbook(text if isinstance(text, bytes) else text.encode(), name="a.yaml")


@pytest.fixture(scope="module", params=[GOOD, *FILES], ids=["good", *(path.stem for path in FILES)])
def both(request):
    text = request.param if isinstance(request.param, str) else request.param.read_bytes()
    playbook = read(text)
    return playbook, export(playbook, at=AT)


def test_it_is_a_playbook_by_the_schemas_of_oasis(both):
    _, made = both
    assert [f"{'/'.join(map(str, one.path))}: {one.message}" for one in validator().iter_errors(made)] == []


def test_the_schemas_find_a_fault():
    made = export(read(GOOD), at=AT)
    for name, one in made["workflow"].items():
        if one["type"] == "action":
            del made["workflow"][name]["agent"]
            break
    assert list(validator().iter_errors(made))


def test_it_has_no_field_that_the_specification_does_not_know(both):
    _, made = both
    assert set(made) <= known_fields("playbook")
    for one in made["workflow"].values():
        assert set(one) <= known_fields(one["type"])
        for command in one.get("commands", ()):
            assert set(command) <= known_fields(command["type"])


def test_every_id_leads_somewhere(both):
    _, made = both
    told = {*made["workflow"], *made["agent_definitions"], *made.get("data_marking_definitions", {})}
    outside = ("identity--", "playbook--", "extension-definition--")
    assert [one for one in ids(made) if one not in told and not one.startswith(outside)] == []
    assert made["workflow_start"] in made["workflow"]
    used = {name for one in made["workflow"].values() for name in one.get("step_extensions", {})}
    assert {*used, *made["playbook_extensions"]} == set(made["extension_definitions"])


def reached(made):
    """Return every step that is reached from the start, in the order in which it is."""
    seen, waiting = [], [made["workflow_start"]]
    while waiting:
        one = waiting.pop(0)
        if one not in seen:
            seen.append(one)
            step = made["workflow"][one]
            waiting += [*step.get("next_steps", ()), *([step["on_completion"]] if "on_completion" in step else [])]
    return seen


def test_every_step_is_reached_after_all_of_the_waves_before(both):
    playbook, made = both
    found = reached(made)
    steps = [made["workflow"][one]["step_extensions"][STEP_EXTENSION]["id"] for one in found if is_ours(made, one)]

    assert set(found) == set(made["workflow"])
    assert sorted(steps) == sorted(step.id for step in playbook.steps)
    levels = {step.id: number for number, wave in enumerate(waves(playbook.steps)) for step in wave}
    assert [levels[one] for one in steps] == sorted(levels.values())


def is_ours(made, name):
    return "step_extensions" in made["workflow"][name]


def test_the_file_can_be_made_of_it_again(both):
    playbook, made = both
    whole = dict(made["playbook_extensions"][PLAYBOOK_EXTENSION])
    assert whole.pop("sha256") == playbook.digest
    by_id = {one["step_extensions"][STEP_EXTENSION]["id"]: one for one in made["workflow"].values() if ours(one)}
    steps = [by_id[step.id]["step_extensions"][STEP_EXTENSION] for step in playbook.steps]
    assert {**whole, "steps": steps} == playbook.doc.data


def ours(one):
    return "step_extensions" in one


def test_needs_conditions_and_texts_can_be_read_without_our_extension(both):
    playbook, made = both
    by_id = {one["step_extensions"][STEP_EXTENSION]["id"]: one for one in made["workflow"].values() if ours(one)}
    for step in playbook.steps:
        text = by_id[step.id]["description"]
        assert all(need.step in text for need in step.needs)
        assert step.when.strip() in text
        for name in ("question", "prompt", "instructions", "guidance", "message", "sql"):
            assert str(step.fields.get(name, "")).strip() in text
        for option in step.fields.get("options", ()):
            assert option["value"] in text
            assert option.get("label", "") in text
        for name, one in step.fields.get("fields", {}).items():
            assert name in text
            assert one.get("description", "") in text
        assert all(source in text for source in step.fields.get("sources", ()))


def test_what_people_do_is_asked_of_them_and_the_rest_of_the_program(both):
    playbook, made = both
    by_id = {one["step_extensions"][STEP_EXTENSION]["id"]: one for one in made["workflow"].values() if ours(one)}
    for step in playbook.steps:
        one = by_id[step.id]
        if step.type == "playbook":
            assert one["type"] == "playbook-action"
            continue
        agent = made["agent_definitions"][one["agent"]]["name"]
        assert [command["type"] for command in one["commands"]] == ["manual"]
        if step.type in {"approve", "manual"} or (step.type == "decide" and step.fields.get("by") != "rule"):
            assert agent == (step.fields.get("role") or ("an approver" if step.type == "approve" else "a person"))
        else:
            assert agent == "whoever runs evidence-kit"


def test_the_same_file_gives_the_same_bytes():
    assert json.dumps(export(read(GOOD), at=AT)) == json.dumps(export(read(GOOD), at=AT))


def test_another_playbook_has_other_ids():
    one, other = (export(read(HEAD.replace("test-book", name) + TAKE), at=AT) for name in ("one-book", "other-book"))
    assert one["id"] != other["id"]
    assert not set(one["workflow"]) & set(other["workflow"])


def test_a_file_that_does_not_say_when_it_was_written_needs_to_be_told():
    with pytest.raises(UsageError, match="does not say when"):
        export(read(book(TAKE)))
    reviewed = HEAD.replace("description: A test}", "description: A test, reviewed: 2026-11-01}")
    assert export(read(reviewed + TAKE))["modified"] == "2026-11-01T00:00:00.000Z"


def test_versions_of_a_playbook_share_id_and_creation_and_none_is_older_than_that():
    early, late = (export(read(GOOD), at=datetime(2026, month, 3, tzinfo=UTC)) for month in (11, 12))
    assert (early["id"], early["created"]) == (late["id"], late["created"])
    assert early["created"] <= early["modified"] < late["modified"]
    ancient = export(read(GOOD), at=datetime(2020, 1, 1, tzinfo=UTC))
    assert ancient["created"] == ancient["modified"]


def test_a_call_of_another_playbook_names_it_by_the_id_of_its_own_export():
    text = TAKE + "  - {id: call, type: playbook, needs: [take], playbook: other-book@1}\n"
    made = export(read(book(text)), at=AT)
    other = export(read(HEAD.replace("test-book", "other-book") + TAKE), at=AT)
    (call,) = (one for one in made["workflow"].values() if one["type"] == "playbook-action")
    assert call["playbook_id"] == other["id"]
    assert made["playbook_processing_summary"]["external_playbooks"] is True
