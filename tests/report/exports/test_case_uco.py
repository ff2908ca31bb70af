"""The graph against CASE's own ontology, and what it leaves out against what it holds."""

import hashlib
import json
import warnings

import pytest
from case_utils.case_validate import validate
from support.casemaker import make_case

from evidence_kit.errors import EmptyError
from evidence_kit.report.exports import case_uco
from evidence_kit.report.exports.case_uco import Bound
from evidence_kit.report.exports.derivation import Origin, read_origin

VERSION = "case-1.5.0"
INVESTIGATION = "case-investigation:Investigation"
ACTION = "case-investigation:InvestigativeAction"
RECORD = "case-investigation:ProvenanceRecord"
FILE = "uco-observable:ObservableObject"


def of(document, kind):
    return [node for node in document.data["@graph"] if node["@type"] == kind]


def facets(node):
    return {facet["@type"].partition(":")[2]: facet for facet in node["uco-core:hasFacet"]}


def described(origin, **said):
    return Origin(description={**origin.description, **said}, events=origin.events, state=origin.state)


@pytest.fixture
def conforms(tmp_path):
    """Say what CASE's validator has against a graph; nothing if it conforms."""

    def check(data):
        path = tmp_path / "case.jsonld"
        path.write_text(json.dumps(data))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what it is built on, and of what its result says too
            result = validate(str(path), case_version=VERSION)
        return "" if result.conforms else f"{sorted(result.undefined_concepts)} {result.text}"

    return check


def test_the_ontology_finds_no_fault_in_a_case_with_everything_said(case, origin, conforms) -> None:
    full = described(
        origin,
        purpose="find out what happened",
        legalAuthority="consent of the owner",
        authority={"type": "consent", "identifier": "C-7", "validFrom": "2026-11-18T09:00:00+01:00",
                   "validUntil": "2026-12-18T09:00:00+01:00"},
        exhibit={"id": "EV-001"},
    )  # fmt: skip
    document = case_uco.document(case.vault, full, Bound(most=2))

    assert conforms(document.data) == ""
    (authority,) = of(document, "case-investigation:Authorization")
    assert authority["case-investigation:authorizationIdentifier"] == "C-7"
    assert [one["case-investigation:exhibitNumber"] for one in of(document, RECORD) if len(one) > 4] == ["EV-001"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "harm",
    [
        lambda nodes: nodes[FILE]["uco-core:hasFacet"][1]["uco-observable:hash"][0].pop("uco-types:hashValue"),
        lambda nodes: nodes[ACTION].update({"uco-action:madeUp": "x"}),
    ],
    ids=["a hash without a value", "a made-up property"],
)
def test_the_ontology_catches_what_is_wrong(case, origin, conforms, harm) -> None:
    document = case_uco.document(case.vault, origin, Bound(most=1))
    harm({node["@type"]: node for node in document.data["@graph"]})

    assert conforms(document.data)


def test_each_artifact_has_a_record_of_provenance_and_the_digest_of_its_bytes(case, origin) -> None:
    document = case_uco.document(case.vault, origin, Bound(most=1000))
    held = {}
    for node in of(document, FILE):
        found = facets(node)
        path = found["FileFacet"]["uco-observable:filePath"]
        (value,) = found["ContentDataFacet"]["uco-observable:hash"]
        held[path] = value["uco-types:hashValue"]["@value"]
        assert found["FileFacet"]["uco-observable:sizeInBytes"]["@value"] == str((case.root / path).stat().st_size)

    stored = {
        str(path.relative_to(case.root)) for path in (case.root / case.bag / "data").rglob("*") if path.is_file()
    }
    assert set(held) == {*stored, f"{case.bag}/manifest-sha256.txt"}
    for path, sha256 in held.items():
        assert hashlib.sha256((case.root / path).read_bytes()).hexdigest() == sha256
    pointed = {ref["@id"] for node in of(document, RECORD) for ref in node["uco-core:object"]}
    assert pointed == {node["@id"] for node in of(document, FILE)}
    assert document.left_out == {}


def test_beyond_the_bound_is_said_in_the_graph_and_bound_by_the_manifest(tmp_path) -> None:
    case = make_case(tmp_path / "case", acquisitions=2)
    origin = read_origin(case.vault)
    document = case_uco.document(case.vault, origin, Bound(most=4))
    whole = case_uco.document(case.vault, origin, Bound(most=1000))

    left = document.left_out["artifactsByAcquisition"]
    assert sum(left.values()) == whole.holds["artifacts"] - 4
    assert document.holds == {"acquisitions": 2, "artifacts": 4}
    assert len(of(document, FILE)) == 4 + 2
    for action in of(document, ACTION):
        name = action["uco-core:name"].removeprefix("acquisition ")
        assert f"{left[name]:,} artifacts of this acquisition are not in this graph" in action["uco-core:description"]
    (investigation,) = of(document, INVESTIGATION)
    assert any(text.startswith(f"{sum(left.values()):,} artifacts") for text in investigation["uco-core:description"])


def test_artifacts_can_be_chosen_by_name_or_by_digest(case, origin) -> None:
    whole = case_uco.document(case.vault, origin, Bound(most=1000))
    every = [facets(node)["FileFacet"]["uco-observable:filePath"] for node in of(whole, FILE)][1:]
    digest = hashlib.sha256((case.root / every[0]).read_bytes()).hexdigest()
    document = case_uco.document(case.vault, origin, Bound(chosen=(digest, "*two=20words*")))

    assert document.holds["artifacts"] == 2
    assert sum(document.left_out["artifactsByAcquisition"].values()) == whole.holds["artifacts"] - 2


def test_what_is_chosen_is_in_the_graph_however_many_acquisitions_there_are(tmp_path) -> None:
    case = make_case(tmp_path / "case", pages=1, names=(), acquisitions=3)
    origin = read_origin(case.vault)
    path = next(str(one.relative_to(case.root)) for one in (case.root / case.bags[2]).rglob("*/list/*.json"))
    chosen = case_uco.document(case.vault, origin, Bound(most=2, chosen=(path,)))
    assert chosen.holds["artifacts"] == 1
    assert path in [facets(node)["FileFacet"]["uco-observable:filePath"] for node in of(chosen, FILE)]
    both = case_uco.document(case.vault, origin, Bound(most=2, chosen=("*/list/*",)))
    assert both.holds["artifacts"] == 2
    assert sum(both.left_out["artifactsByAcquisition"].values()) == 1


def test_a_bound_smaller_than_the_acquisitions_is_still_filled(tmp_path) -> None:
    case = make_case(tmp_path / "case", pages=1, names=(), acquisitions=3)
    document = case_uco.document(case.vault, read_origin(case.vault), Bound(most=2))
    assert document.holds["artifacts"] == 2


@pytest.mark.parametrize("chosen", [("nothing",), ("*", "nothing")])
def test_a_choice_that_nothing_fits_is_no_document(case, origin, chosen) -> None:
    with pytest.raises(EmptyError, match="no artifact of this case is `nothing`"):
        case_uco.document(case.vault, origin, Bound(chosen=chosen))


def test_who_acquired_with_what_and_when_is_in_the_graph(case, origin) -> None:
    document = case_uco.document(case.vault, origin, Bound())
    (person,) = of(document, "uco-identity:Person")
    (tool,) = of(document, "uco-tool:Tool")
    (action,) = of(document, ACTION)

    assert person["uco-core:name"] == "Robin Examiner"
    assert action["uco-action:performer"] == {"@id": person["@id"]}
    assert action["uco-action:instrument"] == [{"@id": tool["@id"]}]
    assert {"uco-action:startTime", "uco-action:endTime"} <= set(action)
    seal = origin.acquisitions[0]["seal"]["sha256"]
    assert f"seal SHA-256 {seal}" in action["uco-core:description"]


def test_an_acquisition_without_a_seal_is_in_the_graph_and_says_so(tmp_path, conforms) -> None:
    case = make_case(tmp_path / "case", sealed=False)
    document = case_uco.document(case.vault, read_origin(case.vault), Bound(most=1))
    (action,) = of(document, ACTION)

    assert "not sealed" in action["uco-core:description"]
    assert "uco-action:endTime" not in action
    assert conforms(document.data) == ""


def test_every_reference_leads_to_a_node_and_each_node_has_a_name_of_its_own(case, origin) -> None:
    nodes = case_uco.document(case.vault, origin, Bound()).data["@graph"]
    ids, refs = [], set()

    def walk(value):
        if isinstance(value, dict):
            if set(value) == {"@id"}:
                refs.add(value["@id"])
            elif "@id" in value:
                ids.append(value["@id"])
            for one in value.values():
                walk(one)
        elif isinstance(value, list):
            for one in value:
                walk(one)

    walk(nodes)
    assert len(set(ids)) == len(ids)
    assert refs <= set(ids)
    assert case_uco.document(case.vault, origin, Bound()).data["@graph"] == nodes
