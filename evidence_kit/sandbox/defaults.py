"""A region's defaults for machines and for what they are copied to: EC2 operations that moto has not."""

from collections.abc import Mapping
from types import MappingProxyType

from evidence_kit.sandbox.wire import Answer, Call, Params

_DEFAULTS: Mapping[str, Mapping[str, object]] = MappingProxyType(
    {
        "GetInstanceMetadataDefaults": {"AccountLevel": {"HttpTokens": "optional", "ManagedBy": "account"}},
        "GetSnapshotBlockPublicAccessState": {"State": "unblocked", "ManagedBy": "account"},
        "GetImageBlockPublicAccessState": {
            "ImageBlockPublicAccessState": "block-new-sharing",
            "ManagedBy": "account",
        },
        "GetSerialConsoleAccessStatus": {"SerialConsoleAccessEnabled": False, "ManagedBy": "account"},
    }
)


def defaults() -> Mapping[tuple[str, str], Answer]:
    """Return what this serves, for `Wire`: the same in every region."""
    return {("ec2", operation): _say for operation in _DEFAULTS}


def _say(call: Call, params: Params) -> Mapping[str, object]:
    del params
    return _DEFAULTS[call.operation]
