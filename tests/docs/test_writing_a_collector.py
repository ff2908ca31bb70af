"""The test that the documentation shows is the one that is run, and it passes."""

from typing import get_args

import pytest
from support.plugin import PLUGIN, ROOT, ends_of_tests

DOC = (ROOT / "docs" / "writing-a-collector.md").read_text()
TEST = PLUGIN / "test_acme_audit.py"


@pytest.fixture(scope="module")
def ends(tmp_path_factory):
    return ends_of_tests(tmp_path_factory.mktemp("acme"), str(TEST))


def test_the_example_in_the_documentation_is_the_plugins_own_test():
    text = TEST.read_text()

    assert text[text.index("SOURCE = ") :] in DOC


def test_the_plugin_keeps_every_claim_of_the_suite(ends):
    assert len(ends) > 40
    assert {test for test, end in ends.items() if end != "passed"} == set()


def test_all_that_can_be_exempted_is_named_in_the_documentation():
    from evidence_kit.testing.collector import EXEMPTIONS
    from evidence_kit.testing.provider import Kind

    assert {name for name in EXEMPTIONS.difference(get_args(Kind)) if f"`{name}`" not in DOC} == set()
