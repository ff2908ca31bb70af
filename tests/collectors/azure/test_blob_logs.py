"""Logs in blob containers: closed hours, each byte as it was sent, and what was replaced or deleted."""

import base64
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from support import blobs as store
from support.blobs import ARCHIVE, NSG, SALES, collect, digests, files, held, hours, log, sent
from support.lab import END, LATER
from support.microsoft import TornVault, quick, resume

from evidence_kit.acquire.context import UnitContext, World
from evidence_kit.acquire.observer import Silent
from evidence_kit.acquire.pacing import Pacer
from evidence_kit.collectors.azure.access import AzureAccess
from evidence_kit.collectors.azure.blob_listing import Blob
from evidence_kit.collectors.azure.blob_places import Scout, root_of
from evidence_kit.collectors.azure.blob_wire import Changed, VersionsRefused, blob_verdict, read
from evidence_kit.collectors.tap import BadBody
from evidence_kit.errors import Exit, OperatorStop, UsageError
from evidence_kit.model.exchange import Retryable, Stop
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window
from evidence_kit.model.unit import Target, Unit
from evidence_kit.sandbox.microsoft.apis import SUBSCRIPTION
from evidence_kit.sandbox.microsoft.entra import TENANT
from evidence_kit.sandbox.microsoft.faults import Fault

FLOW = "azure.blob.nsg_flow"
WINDOW = Window(END - timedelta(hours=4), END)
HOURS = hours(WINDOW)
CONTAINERS = {
    FLOW: (NSG,),
    "azure.blob.vnet_flow": ("insights-logs-flowlogflowevent",),
    "azure.blob.storage_access": (
        "insights-logs-storageread", "insights-logs-storagewrite", "insights-logs-storagedelete",
    ),
    "azure.blob.aks_audit": ("insights-logs-kube-audit", "insights-logs-kube-audit-admin", "insights-logs-guard"),
    "azure.blob.keyvault": ("insights-logs-auditevent",),
    "azure.blob.activity": ("insights-activity-logs",),
}  # fmt: skip


@pytest.fixture
def blobs(kiosk):
    """Flow logs of six hours in the archive, two of them outside the window."""
    made = store.stocked(kiosk)
    made.containers[ARCHIVE, NSG] = [log(END + timedelta(hours=n)) for n in range(-5, 1)]
    return made


def units(lab):
    return {line["unit"].split("|")[3]: line for line in lab.ledger() if line["type"] == "unit"}


def only(lab):
    (unit,) = units(lab).values()
    return UnitStatus(unit["status"]), str(unit["reason"])


def kinds(lab):
    return sorted(finding["kind"] for finding in lab.findings())


def flow(blobs):
    return blobs.containers[ARCHIVE, NSG]


# -- what is taken ---------------------------------------------------------------------------------------------


def test_the_hours_of_the_window_are_on_disk_as_they_went_over_the_wire(kiosk, lab, blobs):
    collect(lab, kiosk, FLOW, WINDOW)
    assert only(lab) == (UnitStatus.COMPLETE, "")
    assert files(lab) == digests(*(log(hour) for hour in HOURS))
    assert lab.digests() == sent(kiosk), "listings too"
    assert kinds(lab) == []
    assert lab.verify().exit(require_complete=True) is Exit.OK


@pytest.mark.parametrize("source", sorted(CONTAINERS))
def test_each_source_finds_its_containers_by_the_settings_of_the_subscription(source, kiosk, lab):
    made = store.stocked(kiosk)
    if source == "azure.blob.storage_access":
        held(kiosk, ARCHIVE, "insights-logs-other")
        path = f"{store.ACCOUNTS[SALES]}/fileServices/default/providers/Microsoft.Insights/diagnosticSettings"
        kiosk.arm.lists[path] = [{"properties": {"storageAccountId": store.ACCOUNTS[ARCHIVE]}}]
    for container in CONTAINERS[source]:
        made.containers[ARCHIVE, container] = [
            log(hour, mac="000D3A1" * (source[-9:] == "vnet_flow")) for hour in HOURS
        ]
    collect(lab, kiosk, source, WINDOW)
    assert set(units(lab)) == {f"{ARCHIVE}/{container}" for container in CONTAINERS[source]}
    assert set(lab.outcomes().values()) == {UnitStatus.COMPLETE}
    assert lab.digests() == sent(kiosk)
    assert sum(files(lab).values()) == 4 * len(CONTAINERS[source])


def test_classic_logs_are_looked_for_in_every_account(kiosk, lab):
    made = store.stocked(kiosk)
    names = [f"blob/2026/11/21/{hour:%H}00/000000.log" for hour in HOURS]
    made.containers[SALES, "$logs"] = [replace(log(END), name=name, body=name.encode()) for name in names]
    collect(lab, kiosk, "azure.blob.storage_classic", WINDOW)
    ends = {stream: unit["status"] for stream, unit in units(lab).items()}
    assert ends == {f"{SALES}/$logs": "complete", f"{ARCHIVE}/$logs": "not_configured"}
    assert sum(files(lab).values()) == 4


def test_a_container_that_no_setting_names_any_more_is_found_in_its_account(kiosk, lab, blobs):
    kiosk.arm.lists[f"{store.GROUP}/Microsoft.Network/networkWatchers/w/flowLogs"] = []
    held(kiosk, SALES, NSG)
    held(kiosk, SALES, "pictures")
    blobs.containers[SALES, NSG] = [log(HOURS[0])]
    collect(lab, kiosk, FLOW, WINDOW)
    assert set(units(lab)) == {f"{SALES}/{NSG}"}
    assert files(lab) == digests(log(HOURS[0]))


def test_a_container_that_was_deleted_is_said_to_be_and_is_no_success(kiosk, lab, blobs):
    held(kiosk, SALES, NSG, deleted=True, deletedTime="2026-11-21T11:30:00Z")
    collect(lab, kiosk, FLOW, WINDOW)
    unit = units(lab)[f"{SALES}/{NSG}"]
    assert unit["status"] == "partial_truncated"
    assert "2026-11-21T11:30:00Z" in unit["reason"]
    assert units(lab)[f"{ARCHIVE}/{NSG}"]["status"] == "complete"


def test_an_account_that_is_named_is_taken_without_asking_resource_manager_for_more(kiosk, lab, blobs):
    blobs.containers["elsewhere", "copies"] = [log(HOURS[1]), replace(log(HOURS[2]), name="other/x")]
    collect(lab, kiosk, FLOW, WINDOW, account="elsewhere", container="copies", prefix="resourceId=/")
    assert set(units(lab)) == {"elsewhere/copies"}
    assert files(lab) == digests(log(HOURS[1]))
    assert not any("storageAccounts" in one.target for one in kiosk.server.sent)


@pytest.mark.parametrize(
    ("name", "value"), [("account", "a.example.com/"), ("account", "UP"), ("container", "a/../b")]
)
def test_what_cannot_be_a_name_is_refused_before_anything_is_asked(name, value, kiosk, lab, blobs):
    with pytest.raises(UsageError, match="is not the name"):
        collect(lab, kiosk, FLOW, WINDOW, **{"account": "abc", name: value})


def test_without_any_container_nothing_is_set_up(kiosk, lab):
    store.stocked(kiosk)
    kiosk.arm.lists[f"{store.GROUP}/Microsoft.Network/networkWatchers/w/flowLogs"] = []
    collect(lab, kiosk, FLOW, WINDOW)
    assert only(lab)[0] is UnitStatus.NOT_CONFIGURED


@pytest.mark.parametrize(
    ("path", "name"),
    [("networkWatchers", "(flow logs)"), ("Storage/storageAccounts\\?", "(storage accounts)"),
     ("sales/blobServices", "(containers of sales)")],
)  # fmt: skip
def test_places_that_may_not_be_listed_are_denied_and_the_others_are_taken(path, name, kiosk, lab, blobs):
    held(kiosk, ARCHIVE, NSG)
    kiosk.server.faults.add(Fault(kind="status", path=path, status=403, code="AuthorizationFailed", times=None))
    collect(lab, kiosk, FLOW, WINDOW)
    assert units(lab)[name]["status"] == "denied"
    assert units(lab)[f"{ARCHIVE}/{NSG}"]["status"] == "complete"


def test_a_listing_of_several_pages_is_read_to_its_end(kiosk, lab, blobs):
    blobs.page = 2
    collect(lab, kiosk, FLOW, WINDOW)
    assert only(lab)[0] is UnitStatus.COMPLETE
    assert files(lab) == digests(*(log(hour) for hour in HOURS))
    markers = [line["request"]["params"].get("marker", "sha256:") for line in lab.exchanges()
               if line["request"]["operation"] == "ListBlobs"]  # fmt: skip
    assert len(markers) == 3
    assert all(marker.startswith("sha256:") for marker in markers)


def test_a_container_without_a_blob_of_the_window_says_so(kiosk, lab, blobs):
    blobs.containers[ARCHIVE, NSG] = []
    collect(lab, kiosk, FLOW, WINDOW)
    assert only(lab)[0] is UnitStatus.COMPLETE
    assert kinds(lab) == ["no_blobs"]


def test_names_without_an_hour_or_that_lead_elsewhere_are_findings(kiosk, lab, blobs):
    hostile = replace(log(HOURS[0]), name=f"../../{log(HOURS[0]).name}", body=b"x")
    blobs.containers[ARCHIVE, NSG] = [
        log(HOURS[0]), hostile, replace(log(HOURS[0]), name="notes.txt"),
        replace(log(HOURS[0]), name=log(HOURS[0]).name.replace("m=11", "m=13")),
        replace(log(HOURS[0]), name="resourceId=", body=b"", folder=True),
    ]  # fmt: skip
    collect(lab, kiosk, FLOW, WINDOW)
    assert kinds(lab) == ["unreadable_name"] * 3
    assert files(lab) == digests(log(HOURS[0]))


# -- hours that are not over -----------------------------------------------------------------------------------


def test_an_hour_that_is_still_written_to_is_left_and_said_to_be(kiosk, lab, blobs):
    now = LATER.replace(minute=0)
    ended, current = log(now - timedelta(hours=2)), log(now)
    blobs.containers[ARCHIVE, NSG] = [ended, log(now - timedelta(hours=1)), current]
    collect(lab, kiosk, FLOW, Window(now - timedelta(hours=2), now + timedelta(hours=1)))
    status, reason = only(lab)
    assert status is UnitStatus.COMPLETE_UNSETTLED
    assert "2 blobs are of hours that are still written to" in reason
    assert kinds(lab) == ["hour_open", "hour_open"], "an hour closes ten minutes after its end"
    assert files(lab) == digests(ended)


# -- the blob that was listed is the blob that is read ---------------------------------------------------------


def test_a_blob_that_changed_after_its_listing_is_taken_as_it_is_now_and_said_to_be(kiosk, lab, blobs):
    held_now, real = flow(blobs), blobs.answer
    old, new = log(HOURS[1]), log(HOURS[1], body=b'{"late":1}\n' * 50)

    def answer(asked):
        if asked.path.endswith("PT1H.json") and f"h={HOURS[1]:%H}" in asked.path and old in held_now:
            held_now[held_now.index(old)] = new
        return real(asked)

    blobs.answer = answer
    collect(lab, kiosk, FLOW, WINDOW)
    assert only(lab)[0] is UnitStatus.COMPLETE
    assert files(lab) == digests(new, *(log(hour) for hour in HOURS if hour != HOURS[1]))
    (finding,) = lab.findings()
    assert finding["kind"] == "object_changed"
    assert finding["facts"]["etag"] == new.etag
    assert [line["error"] for line in lab.exchanges() if line.get("error")] == ["HTTP 412"]
    assert sum(sent(kiosk, 412).values()) == 1


def test_every_blob_is_asked_for_by_the_etag_of_its_listing(kiosk, lab, blobs):
    seen, real = [], blobs.answer

    def answer(asked):
        if asked.path.endswith(".json"):
            seen.append(asked.headers.get("if-match"))
        return real(asked)

    blobs.answer = answer
    collect(lab, kiosk, FLOW, WINDOW)
    assert sorted(seen) == sorted(f'"{log(hour).etag}"' for hour in HOURS)


def test_a_blob_that_is_gone_when_it_is_read_is_no_success(kiosk, lab, blobs):
    held_now, real = flow(blobs), blobs.answer

    def answer(asked):
        if asked.path.endswith(f"h={HOURS[1]:%H}/m=00/PT1H.json"):
            held_now[:] = [blob for blob in held_now if blob != log(HOURS[1])]
        return real(asked)

    blobs.answer = answer
    collect(lab, kiosk, FLOW, WINDOW)
    assert only(lab)[0] is UnitStatus.PARTIAL_ERROR
    assert files(lab) == digests(*(log(hour) for hour in HOURS if hour != HOURS[1]))


@pytest.mark.parametrize("md5", ["1B2M2Y8AsgTpgAmY7PhCfg==", "no base64!"])
def test_other_bytes_than_the_md5_promises_are_no_success(md5, kiosk, lab, blobs):
    blobs.containers[ARCHIVE, NSG] = [log(HOURS[0], md5=md5), log(HOURS[1])]
    collect(lab, kiosk, FLOW, WINDOW)
    assert only(lab)[0] is UnitStatus.PARTIAL_ERROR
    assert files(lab) == digests(log(HOURS[1]))
    assert "MD5" in json.dumps(lab.findings())


def test_a_blob_without_md5_is_held_by_its_etag_alone(kiosk, lab, blobs):
    blobs.containers[ARCHIVE, NSG] = [log(HOURS[0], md5="")]
    collect(lab, kiosk, FLOW, WINDOW)
    assert only(lab)[0] is UnitStatus.COMPLETE
    assert files(lab) == digests(log(HOURS[0]))


def test_etag_and_md5_are_kept_as_the_providers_word(kiosk, lab, blobs):
    collect(lab, kiosk, FLOW, WINDOW)
    (bag,) = lab.bags
    said = (bag / "record" / "artifacts.intoto.jsonl").read_text()
    statements = [json.loads(base64.b64decode(json.loads(line)["payload"])) for line in said.splitlines()]
    things = [one["predicate"].get("object") or {} for one in statements]
    claims = {(thing["claimed.etag"], thing["claimed.md5"], thing["md5"]) for thing in things if thing}
    assert claims == {(f'"{log(hour).etag}"', log(hour).content_md5, log(hour).content_md5) for hour in HOURS}


# -- versions, snapshots, what was deleted -----------------------------------------------------------------------


def test_versions_and_snapshots_are_taken_too_and_what_was_deleted_is_named(kiosk, lab, blobs):
    now = log(HOURS[0], version="2026-11-21T10:00:00.0000000Z")
    older = log(HOURS[0], body=b"before\n", version="2026-11-21T09:00:00.0000000Z", current=False)
    snapped = log(HOURS[1], body=b"snapped\n", snapshot="2026-11-21T11:00:00.0000000Z")
    when = "Sat, 21 Nov 2026 11:00:00 GMT"
    hidden = [log(HOURS[1], snapshot=f"2026-11-21T11:00:0{n}.0000000Z", deleted=when) for n in (1, 2)]
    blobs.containers[ARCHIVE, NSG] = [now, older, snapped, log(HOURS[1]), *hidden]
    collect(lab, kiosk, FLOW, WINDOW)
    assert only(lab)[0] is UnitStatus.COMPLETE
    assert files(lab) == digests(now, older, snapped, log(HOURS[1]))
    assert kinds(lab) == ["older_version", "older_version", "older_versions_deleted"]
    assert lab.verify().exit(require_complete=True) is Exit.OK


def test_an_hour_whose_blob_was_deleted_is_named_and_no_success(kiosk, lab, blobs):
    gone = log(HOURS[2], deleted="Sat, 21 Nov 2026 11:00:00 GMT")
    blobs.containers[ARCHIVE, NSG] = [log(HOURS[1]), gone]
    collect(lab, kiosk, FLOW, WINDOW)
    status, reason = only(lab)
    assert status is UnitStatus.PARTIAL_TRUNCATED
    assert "1 blobs were deleted" in reason
    assert files(lab) == digests(log(HOURS[1]))
    (finding,) = lab.findings()
    assert finding["kind"] == "object_deleted"
    assert finding["facts"]["deletedTime"] == "Sat, 21 Nov 2026 11:00:00 GMT"


@pytest.mark.parametrize(
    ("flat", "faults", "why"),
    [
        (True, [], "InvalidQueryParameterValue (HTTP 400)"),
        (False, [Fault(kind="status", path="include=snapshots", status=403, times=None)], "(HTTP 403)"),
    ],
    ids=["by-the-account", "by-our-roles"],
)
def test_where_versions_are_refused_the_present_is_taken_and_the_unit_denied(flat, faults, why, kiosk, lab, blobs):
    blobs.flat = flat
    kiosk.server.faults.add(*faults)
    collect(lab, kiosk, FLOW, WINDOW)
    status, reason = only(lab)
    assert status is UnitStatus.DENIED
    assert "what was overwritten stays invisible" in reason
    assert why in reason
    assert kinds(lab) == ["versions_denied"]
    assert files(lab) == digests(*(log(hour) for hour in HOURS))


def test_hours_that_are_still_written_to_do_not_hide_that_versions_are_refused(kiosk, lab, blobs):
    blobs.flat = True
    open_hour = LATER.replace(minute=0, second=0, microsecond=0)
    blobs.containers[ARCHIVE, NSG] = [log(HOURS[0]), log(open_hour)]
    collect(lab, kiosk, FLOW, Window(HOURS[0], open_hour + timedelta(hours=1)))
    assert only(lab)[0] is UnitStatus.DENIED
    assert sorted(kinds(lab)) == ["hour_open", "versions_denied"]


# -- what goes wrong -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="throttle", times=2),
        Fault(kind="status", status=503, code="ServerBusy"),
        Fault(kind="status", status=500, code="InternalError", times=2),
        Fault(kind="short"),
        Fault(kind="expired_token"),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.code}",
)
@pytest.mark.parametrize("path", ["comp=list", "PT1H.json"])
def test_a_fault_loses_nothing_and_is_on_record(path, fault, kiosk, lab, blobs):
    kiosk.server.faults.add(replace(fault, path=path))
    collect(lab, kiosk, FLOW, WINDOW)
    assert only(lab)[0] is UnitStatus.COMPLETE
    assert files(lab) == digests(*(log(hour) for hour in HOURS))
    assert len([line for line in lab.exchanges() if line.get("error")]) == fault.times


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Fault(kind="html", path="comp=list", times=None), UnitStatus.PARTIAL_ERROR),
        (Fault(kind="throttle", path="PT1H.json", times=None), UnitStatus.PARTIAL_THROTTLED),
        (Fault(kind="short", path="PT1H.json", times=None), UnitStatus.PARTIAL_ERROR),
        (Fault(kind="html", path="PT1H.json", times=None), UnitStatus.PARTIAL_ERROR),
        (Fault(kind="status", path="comp=list", status=403, times=None), UnitStatus.DENIED),
        (Fault(kind="status", path="PT1H.json", status=403, times=None), UnitStatus.DENIED),
        (Fault(kind="status", path="marker", status=403, times=None), UnitStatus.DENIED),
    ],
    ids=lambda value: f"{value.kind}-{value.path}" if isinstance(value, Fault) else "",
)
def test_what_does_not_pass_ends_the_unit_as_what_it_is(fault, status, kiosk, lab, blobs):
    blobs.page = 3
    kiosk.server.faults.add(fault)
    collect(lab, kiosk, FLOW, WINDOW)
    assert only(lab)[0] is status


def test_a_refusal_names_what_is_needed(kiosk, lab, blobs):
    kiosk.server.faults.add(Fault(kind="status", path="comp=list", status=403, times=None))
    collect(lab, kiosk, FLOW, WINDOW)
    assert "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read" in only(lab)[1]


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_torn_run_is_continued_and_takes_no_blob_twice(after, kiosk, lab, blobs):
    with pytest.raises(OperatorStop):
        lab.collect(
            FLOW,
            targets=(kiosk.target(),),
            window=WINDOW,
            specs=quick(FLOW),
            vault=TornVault(lab.root, after),
            workers=1,
        )
    resume(lab, kiosk, FLOW, window=WINDOW)
    assert only(lab)[0] is UnitStatus.COMPLETE
    assert set(files(lab).values()) == {1}
    assert files(lab) == digests(*(log(hour) for hour in HOURS))
    assert lab.verify().exit() is Exit.OK


# -- the dialect -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "kind", "ends"),
    [
        (412, "ConditionNotMet", Changed, None),
        (503, "ServerBusy", Retryable, None),
        (400, "InvalidQueryParameterValue", VersionsRefused, UnitStatus.PARTIAL_ERROR),
        (409, "FeatureNotSupportedForHierarchicalAccount", VersionsRefused, UnitStatus.PARTIAL_ERROR),
        (403, "AuthorizationFailure", Stop, UnitStatus.DENIED_BY_POLICY),
        (403, "AuthorizationPermissionMismatch", Stop, UnitStatus.DENIED),
        (404, "ContainerNotFound", Stop, UnitStatus.NOT_CONFIGURED),
        (404, "BlobNotFound", Stop, UnitStatus.PARTIAL_ERROR),
        (409, "BlobArchived", Stop, UnitStatus.PARTIAL_ERROR),
    ],
)
def test_an_error_means_the_same_whether_header_or_body_names_it(status, code, kind, ends):
    for body, headers in ((f"<Error><Code>{code}</Code></Error>".encode(), {}), (b"", {"x-ms-error-code": code})):
        found = blob_verdict(status, body, headers)
        assert type(found) is kind
        assert getattr(found, "status", None) is ends


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"\xff\xfe", b"<html></html>", b"<EnumerationResults><Blobs>",
     b'<!DOCTYPE a [<!ENTITY b "c">]><EnumerationResults><Blobs>&b;</Blobs></EnumerationResults>'],
)  # fmt: skip
def test_what_is_no_listing_is_no_answer(body):
    with pytest.raises(BadBody):
        read(body)


def test_an_account_has_a_host_of_its_own_in_every_cloud():
    access = AzureAccess({})
    for cloud, host in (("public", "windows.net"), ("usgov", "usgovcloudapi.net"), ("china", "chinacloudapi.cn")):
        where = Target(provider="azure", id=TENANT, access={"cloud": cloud, "subscription": SUBSCRIPTION})
        assert root_of(access, where, "logs1") == f"https://logs1.blob.core.{host}"
        assert access.scope(where, "storage") == "https://storage.azure.com/.default"


def test_an_account_in_a_dns_zone_keeps_the_address_that_azure_gave_it(kiosk, lab):
    made = store.stocked(kiosk)
    path = f"{store.UNDER}/Microsoft.Storage/storageAccounts"
    for host, wanted in ((f"https://{SALES}.z12.blob.storage.azure.net/", f"https://{SALES}.z12.blob.storage.azure.net"),
                         ("https://sales.z12.blob.storage.azure.net.example.com/", "")):  # fmt: skip
        kiosk.arm.lists[path] = [{"id": store.ACCOUNTS[SALES], "properties": {"primaryEndpoints": {"blob": host}}}]
        found = planned(kiosk, lab)
        assert found.roots.get(SALES, "") == wanted
    assert made.containers == {}


def planned(kiosk, lab):
    access = AzureAccess()
    target, spec = kiosk.target(), quick(FLOW)[FLOW]
    world = World(now=lab.now, pacer=Pacer(), observer=Silent(), secret=str)
    ctx = UnitContext(world=world, limit=spec.limit, unit=Unit(source=FLOW, target=target), record=lambda _: None)
    try:
        return Scout(access, target, ctx).find((NSG,), {}, "")
    finally:
        access.session(target).close()
        access.credential(target).close()


def test_the_present_blob_and_an_older_version_of_it_are_not_the_same():
    said = {"etag": "0x1"}
    present = Blob(place="a/b", key="k", version="2", said=said)
    assert present.is_same(replace(present, version="3")), "a present blob stays itself when it is written anew"
    assert not present.is_same(replace(present, latest=False))
    assert present.params() == {}
    assert replace(present, latest=False).params() == {"versionid": "2"}
