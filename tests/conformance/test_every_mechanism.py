"""No mechanism is built in without a class of the suite that runs on it."""

from importlib import import_module
from pathlib import Path

import pytest
from support.lab import catalogue

from evidence_kit.collectors.registry import BUILTIN
from evidence_kit.testing import CollectorConformance

HERE = Path(__file__).parent


@pytest.mark.parametrize("mechanism", BUILTIN)
def test_the_suite_runs_on(mechanism):
    """`aws.call` is held to it in `test_aws_call.py`, and so on."""
    name = f"test_{mechanism.replace('.', '_')}"
    assert (HERE / f"{name}.py").is_file(), f"no class of the suite runs on `{mechanism}`: write {name}.py"
    classes = vars(import_module(f"conformance.{name}")).values()
    held = [one for one in classes if isinstance(one, type) and issubclass(one, CollectorConformance)]
    (suite,) = [one for one in held if one.__name__.startswith("Test")]
    assert catalogue()[suite.source].mechanism == mechanism
