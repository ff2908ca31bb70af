"""Which model answers, which version, which share of traffic: asked for before anything else is."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from evidence_kit.acquire.context import World
from evidence_kit.acquire.observer import Silent
from evidence_kit.acquire.pacing import Pacer
from evidence_kit.acquire.plan import make_plan
from evidence_kit.acquire.scope import Order
from evidence_kit.errors import UsageError
from evidence_kit.model.time import Window
from evidence_kit.model.unit import Target, Unit
from evidence_kit.sources.catalogue import choose, load_catalogue

NOW = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
CATALOGUE = load_catalogue()
AI = ("aws.agentcore.", "aws.bedrock.", "aws.sagemaker.")
LIVE = 1  # what vanishes as soon as somebody tunes or stops a model
FIRST = {
    "aws.agentcore.sessions", "aws.bedrock.logging", "aws.sagemaker.endpoints",
}  # fmt: skip
THEN = {
    "aws.agentcore.runtimes", "aws.agentcore.tracing", "aws.bedrock.agents", "aws.bedrock.flows",
    "aws.bedrock.guardrails", "aws.bedrock.prompts", "aws.sagemaker.capture_state", "aws.bedrock.knowledge_bases",
    "aws.bedrock.models", "aws.sagemaker.endpoint_configs", "aws.sagemaker.model_artifacts", "aws.sagemaker.models",
}  # fmt: skip


class Places:
    """One unit a region, of any source: the order of a plan does not hang on what is found."""

    def __init__(self, spec):
        self.spec = replace(spec, retention=None, step=None)

    def units(self, scope, ctx):
        del ctx
        for region in scope.target.regions:
            yield Unit(source=self.spec.name, target=scope.target, region=region, window=scope.window)


def planned():
    """Return the sources of a plan over the whole catalogue, ordered as badly as can be."""
    names = sorted(CATALOGUE, key=lambda name: -CATALOGUE[name].volatile)
    targets = tuple(
        Target(provider=provider, id=number * 12, regions=("r1", "r2"))
        for provider in sorted({spec.provider for spec in CATALOGUE.values()})
        for number in "12"
    )
    order = Order(
        sources=tuple(names), targets=targets, window=Window(NOW.replace(hour=1), NOW.replace(hour=2)), params={}
    )
    world = World(now=lambda: NOW, secret=lambda name: name, pacer=Pacer(), observer=Silent())
    plan = make_plan(order, {name: Places(spec) for name, spec in CATALOGUE.items()}, world)
    return [unit.source for unit in plan.units]


def test_the_state_of_live_models_comes_before_all_else_of_its_provider():
    ours = [name for name in planned() if name.startswith("aws.")]
    assert set(ours[: len(FIRST) * 4]) == FIRST
    assert set(ours[: len(FIRST | THEN) * 4]) == FIRST | THEN


def test_nothing_that_is_no_model_is_as_volatile_as_a_live_one():
    live = {name for name, spec in CATALOGUE.items() if name.startswith("aws.") and spec.volatile <= LIVE}
    assert live == FIRST | THEN
    assert all(name.startswith(AI) for name in live)


def test_the_whole_set_goes_by_one_name_for_whichever_provider_is_at_hand():
    assert set(choose(["ai.freeze"], CATALOGUE, {"aws"})) == FIRST | THEN
    everywhere = choose(["ai.freeze"], CATALOGUE)
    assert {spec.provider for spec in everywhere.values()} == {"aws", "azure", "gcp"}
    assert all(spec.volatile <= LIVE for spec in everywhere.values())


def test_a_pattern_means_the_sources_that_fit_it():
    found = choose(["aws.sagemaker.*", "aws.iam.account"], CATALOGUE, {"aws"})
    assert "aws.sagemaker.endpoints" in found
    assert all(name.startswith("aws.sagemaker.") or name == "aws.iam.account" for name in found)


def test_a_group_of_which_nothing_is_at_hand_is_refused():
    with pytest.raises(UsageError, match="no target is of a provider"):
        choose(["gcp.vertex.*"], CATALOGUE, {"aws"})
    with pytest.raises(UsageError, match="unknown source") as refused:
        choose(["ai.freze"], CATALOGUE)
    assert "ai.freeze" in refused.value.hint
