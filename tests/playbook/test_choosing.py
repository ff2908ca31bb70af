"""Whom a run is about: sets of targets that name no provider, and patterns of sources that fit only some."""

import pytest
from support.deck import book, listed

from evidence_kit.errors import UsageError
from evidence_kit.playbook.choosing import choose_sources, choose_targets
from evidence_kit.playbook.reading import parse_playbook
from evidence_kit.sources.catalogue import load_catalogue

HEAD = """apiVersion: evidence-kit/v1
kind: Playbook
metadata: {id: test-book, version: 1.0.0, title: A test, description: A test}
inputs:
  who: {type: string, description: A target, default: shop}
targets:
  any: {providers: ["*"]}
  one: {providers: ["*"], where: target.name == inputs.who}
policy: {purpose: testing}
steps:
"""
STEP = "  - {id: take, type: collect, sources: [aws.iam.account], targets: any}\n"
BOOK = parse_playbook(book(STEP, head=HEAD), name="playbook.yaml")


def chosen(inputs=None):
    return {
        name: [entry.target.name for entry in found] for name, found in choose_targets(BOOK, listed(), inputs).items()
    }


def test_any_provider_is_any_of_the_inventory():
    assert chosen({"who": "data"})["any"] == ["shop", "data"]


def test_a_set_may_depend_on_inputs():
    assert chosen({"who": "data"})["one"] == ["data"]


def test_a_set_that_depends_on_inputs_nobody_gave_is_all_that_it_could_be():
    assert chosen()["one"] == ["shop", "data"]


def test_an_input_that_fits_nobody_stops_the_plan():
    with pytest.raises(UsageError, match="`one` needs at least 1 of"):
        chosen({"who": "nobody"})


def test_of_several_patterns_those_that_fit_nobody_are_left_out():
    found = choose_sources(["github.*", "okta.*"], load_catalogue(), {"github"})
    assert set(found) == {"github.org_audit", "github.enterprise_audit"}


def test_patterns_that_all_fit_nobody_are_an_error():
    with pytest.raises(UsageError, match=r"no target is of a provider of `okta\.\*`"):
        choose_sources(["okta.*"], load_catalogue(), {"github"})


def test_a_pattern_of_no_source_is_an_error_beside_one_that_fits():
    with pytest.raises(UsageError, match=r"unknown source `nothing\.\*`"):
        choose_sources(["github.*", "nothing.*"], load_catalogue(), {"github"})
