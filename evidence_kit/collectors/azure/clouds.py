"""Where Microsoft's APIs are, cloud by cloud: hosts and the audiences of their tokens, as data."""

from collections.abc import Mapping
from dataclasses import dataclass

from evidence_kit.errors import UsageError
from evidence_kit.model.document import did_you_mean
from evidence_kit.model.exchange import Stop
from evidence_kit.model.status import UnitStatus


@dataclass(frozen=True, slots=True)
class Cloud:
    """One of Microsoft's clouds: who hands out tokens, and each API's address and token audience."""

    login: str
    apis: Mapping[str, tuple[str, str]]

    def find(self, api: str) -> tuple[str, str]:
        """Return address and audience of `api`; Stop where this cloud has none."""
        if api not in self.apis:
            raise Stop(UnitStatus.NOT_CONFIGURED, f"Microsoft has no API `{api}` at {self.login}")
        return self.apis[api]


def _same(host: str) -> tuple[str, str]:
    return f"https://{host}", f"https://{host}"


# One audience opens the accounts of every cloud; an account's name stands before the host.
_STORAGE_AUDIENCE = "https://storage.azure.com"
_PUBLIC = {
    "graph": _same("graph.microsoft.com"),
    "arm": _same("management.azure.com"),
    "loganalytics": ("https://api.loganalytics.azure.com", "https://api.loganalytics.io"),
    "manage": _same("manage.office.com"),
    "storage": ("https://blob.core.windows.net", _STORAGE_AUDIENCE),
}
_GOVERNMENT = {
    "graph": _same("graph.microsoft.us"),
    "arm": _same("management.usgovcloudapi.net"),
    "loganalytics": _same("api.loganalytics.us"),
    "manage": _same("manage.office365.us"),
    "storage": ("https://blob.core.usgovcloudapi.net", _STORAGE_AUDIENCE),
}
_HIGH = Cloud("https://login.microsoftonline.us", _GOVERNMENT)
# Azure Government and GCC High are one place. GCC is the public cloud with an activity feed of its own.
CLOUDS: Mapping[str, Cloud] = {
    "public": Cloud("https://login.microsoftonline.com", _PUBLIC),
    "usgcc": Cloud("https://login.microsoftonline.com", {**_PUBLIC, "manage": _same("manage-gcc.office.com")}),
    "usgov": _HIGH,
    "usgovhigh": _HIGH,
    "usgovdod": Cloud(
        "https://login.microsoftonline.us",
        {
            **_GOVERNMENT,
            "graph": _same("dod-graph.microsoft.us"),
            "manage": _same("manage.protection.apps.mil"),
        },
    ),
    "china": Cloud(
        "https://login.chinacloudapi.cn",
        {
            "graph": _same("microsoftgraph.chinacloudapi.cn"),
            "arm": _same("management.chinacloudapi.cn"),
            "loganalytics": _same("api.loganalytics.azure.cn"),
            "storage": ("https://blob.core.chinacloudapi.cn", _STORAGE_AUDIENCE),
        },
    ),
}


def cloud_of(access: Mapping[str, str]) -> Cloud:
    """Return the cloud that an inventory names; the public one if it names none."""
    name = access.get("cloud", "public")
    if name not in CLOUDS:
        raise UsageError(f"unknown cloud `{name}`", hint=did_you_mean(name, CLOUDS))
    return CLOUDS[name]
