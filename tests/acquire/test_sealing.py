"""What the seal takes from the ledger that it has just read."""

import json

import pytest
from support.casemaker import make_case

from evidence_kit.acquire import sealing
from evidence_kit.custody import bag, ledger
from evidence_kit.errors import ChainError


@pytest.fixture
def case(tmp_path):
    return make_case(tmp_path / "case", regions=("us-east-1", "eu-west-1"), partial=("eu-west-1",))


def head_of(case) -> str:
    """Return where the chain of the ledger ends."""
    chain = ledger.Chain()
    with case.vault.open(f"{case.bag}/{bag.LEDGER}") as stream:
        list(ledger.read(stream, chain))
    return chain.head


def test_how_each_unit_ended_is_told_as_the_ledger_has_it(case) -> None:
    told = json.loads(b"".join(sealing._acquisition(case.vault, case.bag, {"a": 1}, head_of(case))))
    ends = [json.loads(line) for line in case.path(bag.LEDGER).read_text().splitlines() if '"type":"unit"' in line]
    assert len(ends) == 2
    assert told == {
        "a": 1,
        "units": [{k: v for k, v in end.items() if k not in {"seq", "prev", "type"}} for end in ends],
    }


def test_a_ledger_that_is_another_than_a_moment_ago_is_not_sealed(case) -> None:
    head = head_of(case)
    path = case.path(bag.LEDGER)
    lines = path.read_bytes().splitlines(keepends=True)
    path.chmod(0o644)
    for changed in (
        lines[:-1],
        [*lines, lines[-1]],
        [*lines[:3], lines[3].replace(b'"seq":3', b'"seq":9'), *lines[4:]],
        [*lines[:3], b"not json\n", *lines[4:]],
    ):
        path.write_bytes(b"".join(changed))
        with pytest.raises(ChainError, match="while it was being sealed"):
            list(sealing._acquisition(case.vault, case.bag, {}, head))
