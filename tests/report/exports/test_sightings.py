"""Where indicators stand in the evidence, and what a document over them cannot hold."""

import pytest
from support.evidence import HOSTILE, clock, row

from evidence_kit.analysis.minimise import KEY_BYTES, Minimiser
from evidence_kit.errors import EmptyError, UsageError
from evidence_kit.report.exports.indicators import Indicator
from evidence_kit.report.exports.sightings import MAX_ARTIFACTS, MAX_LINES, left_out, look

ADDRESS = Indicator("address", "198.51.100.23")


def test_each_artifact_tells_its_lines_its_digest_and_when(records, usual) -> None:
    with records(*usual) as found:
        (one,) = look(found, [ADDRESS]).found

    first, second = one.seen
    assert (first.artifact, first.records, first.untimed) == ("bags/b/data/a.json", 2, 0)
    assert first.lines == (usual[0]["line"], usual[1]["line"])
    assert first.sha256 == "5e" * 32
    assert (second.records, second.untimed, second.target) == (2, 1, "shop-1")
    assert (one.artifacts, one.records, one.untimed) == (2, 4, 1)
    assert one.last_ns - one.first_ns == (10 * 60 * 1000 - 250) * 1_000_000


def test_times_are_those_of_the_common_clock(records, usual) -> None:
    with records(*usual) as plain:
        before = look(plain, [ADDRESS]).found[0].first_ns
    with records(*usual, clocks=(clock("aws", 40),)) as moved:
        after = look(moved, [ADDRESS]).found[0].first_ns

    assert before - after == 40_000_000_000


def test_what_is_not_there_is_said_and_nothing_at_all_is_no_success(records, usual) -> None:
    absent = Indicator("key", "AKIANOBODY")
    with records(*usual) as found:
        sightings = look(found, [ADDRESS, absent])
        with pytest.raises(EmptyError):
            look(found, [absent])
        with pytest.raises(UsageError, match="which indicators"):
            look(found, [])

    assert sightings.absent == (absent,)
    said = left_out(sightings)
    assert said["notFound"] == [{"kind": "key", "value": absent.said}]
    assert said["recordsWithoutATime"] == 1
    assert "AKIANOBODY" not in str(said)


def test_bounds_are_kept_and_what_lies_beyond_is_counted(records) -> None:
    many = [row(artifact=f"bags/b/data/{number:04}.json") for number in range(MAX_ARTIFACTS + 3)]
    many += [row(artifact="bags/b/data/0000.json") for _ in range(MAX_LINES + 5)]
    with records(*many) as found:
        sightings = look(found, [ADDRESS])
    (one,) = sightings.found

    assert (len(one.seen), one.artifacts) == (MAX_ARTIFACTS, MAX_ARTIFACTS + 3)
    assert len(one.seen[0].lines) == MAX_LINES
    assert one.seen[0].places.endswith("and 6 more")
    assert left_out(sightings)["artifactsBeyondTheBound"] == {"198.51.100.23": 3}


def test_an_ipv6_address_is_found_however_the_evidence_writes_it(records) -> None:
    rows = (row(src_ip="2001:DB8:0:0:0:0:0:1"), row(src_ip="2001:db8::1"), row(src_ip="2001:db8::2"))
    with records(*rows) as found:
        (one,) = look(found, [Indicator("address", "2001:db8::1")]).found

    assert one.records == 2


@pytest.mark.parametrize("value", ["' OR 1=1 --", "%", "*", HOSTILE["actor"]])
def test_a_value_is_never_sql_nor_a_pattern(records, usual, value) -> None:
    with records(*usual, row(**HOSTILE)) as found:
        sightings = look(found, [ADDRESS, Indicator("account", value)])

    assert len(sightings.found) == (2 if value == HOSTILE["actor"] else 1)


@pytest.mark.parametrize("minimiser", [
    Minimiser(("who",), (), b""),
    Minimiser((), ("who",), b"k" * KEY_BYTES),
])  # fmt: skip
def test_what_a_policy_keeps_out_of_working_copies_is_refused(records, minimiser) -> None:
    rows = (row(actor="maria", raw='{"who": "maria"}'), row(actor="maria", raw="{}"))
    with records(*rows) as found:
        with pytest.raises(UsageError, match="policy keeps this account out"):
            look(found, [Indicator("account", "maria")], minimiser.row)
        assert look(found, [ADDRESS], minimiser.row).found
