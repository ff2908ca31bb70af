"""Names of mechanisms lead to exactly one implementation, or to an error that says why not."""

import sys
from dataclasses import replace

import pytest

from evidence_kit.collectors import registry
from evidence_kit.errors import PluginError, UsageError
from evidence_kit.sources.catalogue import load_catalogue

SPEC = load_catalogue()["aws.cloudtrail.lookup"]


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a distribution with entry points, as pip would, for the length of a test."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def write(name, points, module=""):
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        lines = "".join(f"{key} = {value}\n" for key, value in points.items())
        (info / "entry_points.txt").write_text(f"[{registry.GROUP}]\n{lines}")
        (tmp_path / f"{name}.py").write_text(module)

    yield write
    for module in set(sys.modules) - before:
        del sys.modules[module]


PLUGIN = """
class Made:
    def __init__(self, spec, access):
        self.spec, self.access = spec, access
"""


@pytest.mark.parametrize("mechanism", sorted(registry.BUILTIN))
def test_every_built_in_mechanism_loads(mechanism):
    assert callable(registry.factory(mechanism))


def test_a_plug_in_is_found_by_its_entry_point(install):
    install("ek_partner", {"acme.rest": "ek_partner:Made"}, PLUGIN)
    spec = replace(SPEC, name="acme.x", provider="acme", mechanism="acme.rest")
    made = registry.build({"acme.x": spec})["acme.x"]
    assert (type(made).__name__, made.spec, made.access) == ("Made", spec, None)


def test_a_plug_in_that_claims_a_built_in_name_is_an_error(install):
    install("ek_evil", {"aws.call": "ek_evil:Made"}, PLUGIN)
    with pytest.raises(PluginError, match=r"`aws\.call` is claimed more than once") as refused:
        registry.factory("aws.call")
    assert "ek_evil:Made" in refused.value.hint


def test_two_plug_ins_of_one_name_are_an_error(install):
    install("ek_one", {"acme.rest": "ek_one:Made"}, PLUGIN)
    install("ek_two", {"acme.rest": "ek_two:Made"}, PLUGIN)
    with pytest.raises(PluginError, match="more than once") as refused:
        registry.factory("acme.rest")
    assert "ek_one:Made" in refused.value.hint
    assert "ek_two:Made" in refused.value.hint


def test_an_unknown_mechanism_is_refused_with_the_nearest_name():
    with pytest.raises(PluginError, match=r"no mechanism is called `aws\.cal`") as refused:
        registry.factory("aws.cal")
    assert refused.value.hint == "did you mean `aws.call`?"


@pytest.mark.parametrize(
    ("value", "module"),
    [("ek_broken:Made", "import nowhere_to_be_found"), ("ek_broken:Missing", ""), ("ek_absent:Made", "")],
)
def test_a_plug_in_that_cannot_be_loaded_is_an_error_of_its_own(install, value, module):
    install("ek_broken", {"acme.rest": value}, module)
    with pytest.raises(PluginError, match=r"`acme\.rest` cannot be loaded"):
        registry.factory("acme.rest")


def test_a_plug_in_that_fails_as_it_is_imported_is_an_error_of_its_own(install):
    install("ek_broken", {"acme.rest": "ek_broken:Made"}, "1 / 0")
    with pytest.raises(PluginError, match=r"`acme\.rest` cannot be loaded"):
        registry.factory("acme.rest")


def test_an_aws_mechanism_without_aws_access_is_refused():
    with pytest.raises(UsageError, match="needs AWS access"):
        registry.factory("aws.cloudtrail_lookup")(SPEC, None)


def test_an_unknown_field_of_a_call_is_refused():
    spec = replace(SPEC, settings={"service": "iam", "calls": [{"operation": "ListUsers", "resulting": "Users"}]})
    with pytest.raises(UsageError, match="unknown field `resulting`"):
        registry.factory("aws.call")(spec, registry.access("aws"))
